import { type Bytes, toBase64Url, toHex } from "../bytes/mod.ts";
import { type Channel, FAREWELL_MS } from "../channel/mod.ts";
import { type Code, CODES, EXIT, LanchatError } from "../errors.ts";
import { type Member, Room, type RoomEvent, type RoomOptions } from "../room/mod.ts";
import type {
  CloseReason,
  FrontEnd,
  HostView,
  Input,
  MemberView,
  ProblemEvent,
  SayInput,
  UiEvent,
} from "../ui/mod.ts";
import { CloseReason as Farewell } from "../wire/mod.ts";
import type { Interrupts } from "./interrupts.ts";
import { problem } from "./problem.ts";

/** Hexadecimal digits of a session that a person or script sees. */
const SESSION_DIGITS = 8;

/** The errors after which a chat ends for a reason of their own. */
const END_REASONS: Readonly<Partial<Record<Code, CloseReason>>> = {
  "connection-lost": "connection-lost",
  "too-slow": "connection-lost",
  "kicked": "kicked",
  "room-full": "refused",
  "banned": "refused",
  "locked": "refused",
  "session-in-use": "refused",
};

/** What a chat needs beside its room. */
export interface ChatOptions {
  /** Who is in front of it. */
  readonly frontEnd: FrontEnd;
  /** The way to the relay. */
  readonly channel: Channel;
  /** The room, but for what the chat adds itself. */
  readonly room: Omit<RoomOptions, "emit" | "shown">;
  /** The fingerprint of the own identity key, 30 digits. */
  readonly fingerprint: string;
  /** The host. */
  readonly host: HostView;
  /** This connection's join code; `null` at the host. */
  readonly joinCode: string | null;
  /** At the host: the join code of a member's connection. */
  readonly joinCodeOf?: (session: Bytes) => string | undefined;
  /** Whether anything is read from the person or script. */
  readonly listensOnly: boolean;
  /** Whether the end of input is the end of the chat. */
  readonly endsWithInput: boolean;
  /** How long what is not delivered may take at the end, in milliseconds. */
  readonly timeoutMs: number;
  /** The signals that end a chat. */
  readonly interrupts: Interrupts;
}

/** How a chat ended. */
export interface ChatEnd {
  /** For the `closed` event. */
  readonly reason: CloseReason;
  /** The exit status. */
  readonly status: number;
}

/** What ends a chat, and the error to show where it is one. */
interface Ending extends ChatEnd {
  readonly error?: ProblemEvent;
}

/** Talks in a room until that ends, and says how it ended. */
export async function chat(options: ChatOptions): Promise<ChatEnd> {
  return await new Chat(options).run();
}

class Chat {
  readonly #options: ChatOptions;
  readonly #room: Room;
  readonly #ready = Promise.withResolvers<void>();
  #lines = 0;
  #undelivered = 0;
  #badInput = false;
  #over = false;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#room = new Room({
      ...options.room,
      emit: (event) => this.#emit(event),
      shown: () => options.frontEnd.writable(),
    });
  }

  async run(): Promise<ChatEnd> {
    const { channel, frontEnd, interrupts } = this.#options;
    const ended = this.#room.run(channel).then(closedByHost, failed);
    const end = await Promise.race([
      ended,
      this.#readInput(),
      interrupts.first.then((): Ending => ({ reason: "signal", status: EXIT.OK })),
      frontEnd.broken.then((): Ending => ({ reason: "failed", status: EXIT.FAILURE })),
    ]);
    this.#over = true;
    if (end.error !== undefined) this.#show(end.error);
    await Promise.race([this.#leave(end), ended]);
    // Cutting a connection on which the host still sends would take our farewell with it.
    await atMost(FAREWELL_MS, ended);
    this.#room.end("not-delivered");
    await Promise.all(this.#pending);
    return { reason: end.reason, status: this.#statusOf(end) };
  }

  async #leave({ reason }: Ending): Promise<void> {
    if (reason === "left" || reason === "end-of-input") {
      await atMost(this.#options.timeoutMs, Promise.all(this.#pending));
    }
    await this.#room.leave();
  }

  #statusOf({ status }: Ending): number {
    if (this.#undelivered > 0) {
      const message = `${this.#undelivered} of ${this.#lines} ${
        this.#lines === 1 ? "line was" : "lines were"
      } not delivered`;
      this.#show({ event: "error", code: "undelivered", message, hint: "" });
    }
    return status || (this.#undelivered > 0 || this.#badInput ? EXIT.FAILURE : EXIT.OK);
  }

  // From the person or script to the room.

  async #readInput(): Promise<Ending> {
    await this.#ready.promise;
    const never = new Promise<Ending>(() => {});
    if (this.#options.listensOnly) return await never;
    try {
      for await (const input of this.#options.frontEnd.input) {
        if (this.#over) break;
        if (input.do === "quit") return { reason: "left", status: EXIT.OK };
        await this.#take(input);
      }
    } catch (error) {
      return failed(error);
    }
    return this.#options.endsWithInput ? { reason: "end-of-input", status: EXIT.OK } : await never;
  }

  async #take(input: Exclude<Input, { do: "quit" }>): Promise<void> {
    switch (input.do) {
      case "who": {
        const members = this.#room.members.map(view);
        return this.#show({ event: "members", members });
      }
      case "refused":
        if (input.code === "bad-input" || input.code === "duplicate-id") {
          this.#badInput = true;
        } else {
          this.#lines++;
          this.#undelivered++;
        }
        return;
      case "say": {
        this.#lines++;
        const said = this.#say(input).finally(() => this.#pending.delete(said));
        this.#pending.add(said);
        await this.#room.writable();
      }
    }
  }

  async #say({ id, kind, text, to }: SayInput): Promise<void> {
    const { frontEnd } = this.#options;
    try {
      await this.#room.say(text, { kind, to });
      frontEnd.show({ event: "sent", id });
    } catch (error) {
      this.#undelivered++;
      frontEnd.show({ event: "failed", id, code: problem(error).code });
    }
  }

  // From the room to the person or script.

  #emit(event: RoomEvent): void {
    const { joinCodeOf } = this.#options;
    switch (event.type) {
      case "ready":
        this.#showReady(event.me, event.members.map(view));
        return this.#ready.resolve();
      case "joined": {
        const joinCode = joinCodeOf?.(event.member.session);
        const member = view(event.member);
        return this.#show({ event: "joined", member, ...joinCode !== undefined && { joinCode } });
      }
      case "left":
        return this.#show({ event: "left", member: view(event.member), reason: event.reason });
      case "message":
        return this.#show({
          event: "message",
          from: view(event.from),
          text: event.text,
          kind: event.kind,
          private: event.private,
          at: event.at,
        });
      case "warning": {
        const { hint } = CODES[event.code];
        return this.#show({ event: "warning", code: event.code, message: event.message, hint });
      }
    }
  }

  #showReady(me: Member, members: readonly MemberView[]): void {
    const { fingerprint, host, joinCode } = this.#options;
    this.#show({ event: "ready", ...view(me), fingerprint, host, joinCode, members });
    if (host.verified) return;
    this.#show({
      event: "warning",
      code: "host-unverified",
      message: "It is not known yet whether this host is the one you mean",
      hint: CODES["host-unverified"].hint,
    });
  }

  #show(event: UiEvent): void {
    this.#options.frontEnd.show(event);
  }
}

/** A member as a person or script sees it. */
function view({ key, name, session, tag }: Member): MemberView {
  return {
    name,
    tag,
    key: toBase64Url(key),
    session: toHex(session).slice(0, SESSION_DIGITS),
  };
}

/** Waits for something, but not for ever. */
async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([promise, late.promise]);
  clearTimeout(timer);
}

/** The end of a chat that the host closed; one that it had no reason to close is a lost connection. */
function closedByHost(reason: number): Ending {
  switch (reason) {
    case Farewell.HOST_ENDS:
      return { reason: "host-closed", status: EXIT.OK };
    case Farewell.KICKED:
    case Farewell.BANNED:
      return failed(new LanchatError("kicked", "The host removed you from the room"));
    case Farewell.TOO_SLOW:
      return failed(new LanchatError("too-slow", "The host did not wait any longer for this end"));
    case Farewell.PROTOCOL:
      return failed(new LanchatError("protocol-error", "The host did not understand this program"));
    default:
      return failed(new LanchatError("connection-lost", "The host closed the connection"));
  }
}

function failed(error: unknown): Ending {
  const event = problem(error);
  const status = CODES[event.code].status || EXIT.FAILURE;
  return { reason: END_REASONS[event.code] ?? "failed", status, error: event };
}
