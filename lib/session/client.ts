import { toBase64Url } from "../bytes/mod.ts";
import { type Channel, FAREWELL_MS } from "../channel/mod.ts";
import { deadline, systemClock } from "../clock.ts";
import { roomCode } from "../crypto/mod.ts";
import { type Code, CODES, EXIT, LanchatError, RoomError } from "../errors.ts";
import { DEFAULT_PORT, formatHostPort } from "../net/mod.ts";
import { Bans, type Member, Room, type RoomEvent, type RoomOptions } from "../room/mod.ts";
import type { FrontEnd } from "./front_end.ts";
import {
  type EndReason,
  type HostView,
  problem,
  type ProblemEvent,
  type SayWish,
  type SessionEvent,
  type VerifyWish,
  type Wish,
} from "../session_events.ts";
import { CloseReason as Farewell } from "../wire/mod.ts";
import type { Interrupts } from "./interrupts.ts";
import type { Candidate, Moderator } from "./moderator.ts";
import type { Connector, Place } from "./connector.ts";
import { Views } from "./views.ts";
import { passes } from "./backoff.ts";
import type { TrustStore } from "./trust_store.ts";

/** How long a signal leaves for what is not sent yet, in milliseconds. */
const DRAIN_MS = 5000;

/** How long the end waits for what was learned of others to be kept, in milliseconds. */
const KEEP_MS = 2000;

/** The errors after which a chat ends for a reason of their own. */
const END_REASONS: Readonly<Partial<Record<Code, EndReason>>> = {
  "connection-lost": "connection-lost",
  "too-slow": "connection-lost",
  "kicked": "kicked",
  "room-full": "refused",
  "banned": "refused",
  "locked": "refused",
  "not-allowed": "refused",
};

/** What a chat needs of a {@linkcode Connector}. */
export type Way = Pick<
  Connector,
  "address" | "entered" | "hop" | "reconnect" | "renew" | "seat" | "stop" | "stopped"
>;

/** What a chat needs beside its room. */
export interface ChatOptions {
  /** Who is in front of it. */
  readonly frontEnd: FrontEnd;
  /** The connection to the relay. */
  readonly channel: Channel;
  /** Makes the next connection where one is lost; without it that is the end. */
  readonly connector?: Way;
  /** The room, but for the seat in it and what the chat adds itself. */
  readonly room: Omit<RoomOptions, "bans" | "emit" | "ignores" | "shown" | "trust" | keyof Place>;
  /** The session and its keys. */
  readonly seat: Place;
  /** Who the members are, as far as that is known from earlier. */
  readonly trustStore: TrustStore;
  /** The fingerprint of the own identity key, 30 digits. */
  readonly fingerprint: string;
  /** The host. */
  readonly host: HostView;
  /** Where it was dialled, as `formatHostPort` gives it; missing at the host. */
  readonly hostAddress?: string;
  /** Warnings printed after the first `ready`. */
  readonly warnings?: readonly ProblemEvent[];
  /** This connection's join code; `null` at the host. */
  readonly joinCode: string | null;
  /** At the host: the join codes of the members' connections, by session in hexadecimal digits. */
  readonly joinCodes?: ReadonlyMap<string, string>;
  /** At the host: does what the host alone may do. */
  readonly moderator?: Moderator;
  /** Whether anything is read from the person or script. */
  readonly listensOnly: boolean;
  /** Whether the end of input is the end of the chat. */
  readonly endsWithInput: boolean;
  /** Whether the end waits until every message is delivered. */
  readonly untilDelivered: boolean;
  /** How long what is not delivered may take at the end, in milliseconds; only time with a connection counts. */
  readonly timeoutMs: number;
  /** The signals that end a chat. */
  readonly interrupts: Interrupts;
}

/** How a chat ended. */
export interface ChatEnd {
  /** For the `closed` event. */
  readonly reason: EndReason;
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
  #name: string;
  #status = "";
  #room: Room;
  #ready = Promise.withResolvers<void>();
  #connected = false;
  readonly #patience = new Patience();
  #lines = 0;
  #undelivered = 0;
  #badInput = false;
  #over = false;
  /** Who was here in the session before, as long as it is not known who is in this one. */
  #former: readonly Member[] = [];
  #closed = false;
  readonly #bans = new Bans();
  readonly #views: Views;
  /** Where the host was reached last. */
  #hostAddress: string | undefined;
  readonly #pending = new Set<Promise<void>>();
  /** Warnings that are not printed yet. */
  readonly #warnings: ProblemEvent[];

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#warnings = [...options.warnings ?? []];
    this.#name = options.room.name;
    this.#hostAddress = options.hostAddress;
    options.trustStore.onUnkept = (error) => this.#show({ ...problem(error), event: "warning" });
    this.#views = new Views({ ...options, joinCode: () => this.#joinCode });
    this.#room = this.#enter(options.seat);
  }

  async run(): Promise<ChatEnd> {
    const { frontEnd, interrupts, connector } = this.#options;
    const ended = this.#stay();
    const wish = await Promise.race([
      ended,
      this.#readInput(),
      interrupts.first.then((): Ending => ({ reason: "signal", status: EXIT.OK })),
      frontEnd.broken.then((): Ending => ({ reason: "failed", status: EXIT.FAILURE })),
    ]);
    this.#over = true;
    const end = await this.#finish(wish, ended);
    if (end.error !== undefined) this.#show(end.error);
    await Promise.race([this.#room.leave(), ended]);
    connector?.stop();
    // Cutting a connection on which the host still sends would take our farewell with it.
    await deadline(systemClock, FAREWELL_MS, ended);
    this.#room.end("not-delivered");
    this.#ready.resolve(); // What waited for another session fails as well.
    await Promise.all(this.#pending);
    await deadline(systemClock, KEEP_MS, this.#options.trustStore.kept());
    const status = this.#statusOf(end);
    this.#closed = true;
    return { reason: end.reason, status };
  }

  #enter(seat: Place): Room {
    const { trustStore, frontEnd, room } = this.#options;
    return new Room({
      ...room,
      name: this.#name,
      ...seat,
      bans: this.#bans,
      emit: (event) => this.#onRoomEvent(event),
      ignores: (key) => this.#views.ignores(key),
      trust: trustStore.judge,
      shown: () => frontEnd.writable(),
    });
  }

  /** Is in the room, over one connection after the other, until there is a reason not to be. */
  async #stay(): Promise<Ending> {
    const { connector } = this.#options;
    let { channel } = this.#options;
    let entered = false;
    while (true) {
      const end = await this.#room.run(channel).then(closedByHost, failed);
      entered ||= this.#room.entered;
      const again = entered && passes(end.error?.code ?? "internal");
      if (!entered && end.reason === "host-closed") return { ...end, status: EXIT.FAILURE };
      if (connector === undefined || connector.stopped || !again) return end;
      this.#disconnected(end.error!);
      if (end.error!.code === "seat-lost") await this.#renew(connector, end.error!);
      try {
        channel = await connector.reconnect();
      } catch (error) {
        return connector.stopped ? { reason: "signal", status: EXIT.OK } : failed(error);
      }
    }
  }

  #disconnected({ code, message }: ProblemEvent): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#patience.pause();
    if (code === "seat-lost") return; // That is said where the next session begins.
    this.#show({ event: "disconnected", reason: code, message });
  }

  #isConnected(): void {
    this.#connected = true;
    this.#patience.goOn();
    this.#options.connector?.entered();
  }

  /** Goes on as another session, with what was not sealed yet: nobody knows the one before any more. */
  async #renew(connector: Way, { code, hint, message }: ProblemEvent): Promise<void> {
    this.#show({ event: "warning", code, message, hint });
    await connector.renew();
    const before = this.#room;
    this.#ready = Promise.withResolvers();
    this.#former = before.members;
    this.#room = this.#enter(connector.seat);
    if (before.insiders !== undefined) this.#room.lock(before.insiders);
    before.end("seat-lost");
  }

  /** Waits for what is not delivered. @returns The end that came of it: the wish, unless the room ended first. */
  async #finish(wish: Ending, ended: Promise<Ending>): Promise<Ending> {
    const { timeoutMs } = this.#options;
    const pending = Promise.all(this.#pending);
    if (wish.reason === "left" || wish.reason === "end-of-input") {
      const done = Promise.race([pending, this.#patience.over(timeoutMs)]);
      const end = await Promise.race([done.then(() => wish), ended]);
      this.#patience.pause();
      if (this.#options.untilDelivered && end === wish) await this.#showKept();
      return end;
    }
    if (wish.reason === "signal" && this.#connected) {
      await Promise.race([deadline(systemClock, Math.min(timeoutMs, DRAIN_MS), pending), ended]);
    }
    return wish;
  }

  /** Shows which members are away and have yet to get what was sent. */
  async #showKept(): Promise<void> {
    const members = await this.#room.who();
    const away = members.filter(({ behind, lost }) => behind && lost).map(({ name }) => name);
    if (away.length > 0) this.#show({ event: "kept", away });
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
    if (this.#options.listensOnly || this.#over) return await never;
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

  async #take(input: Exclude<Wish, { do: "quit" }>): Promise<void> {
    switch (input.do) {
      case "who":
      case "whois":
      case "nick":
      case "rekey":
      case "ignore":
      case "unignore":
      case "verify":
      case "accept":
      case "kick":
      case "ban":
      case "unban":
      case "bans":
      case "invite":
      case "lock":
      case "unlock":
        // What cannot be done is told, and ends nothing.
        return await this.#answer(input).catch((error) => this.#show(problem(error)));
      case "refused":
        if (input.code === "bad-input" || input.code === "duplicate-id") {
          this.#badInput = true;
        } else {
          this.#lines++;
          this.#undelivered++;
        }
        return;
      case "say":
        this.#lines++;
        return await this.#follow(this.#say(input));
      case "status":
        return await this.#follow(this.#setStatus(input.text));
    }
  }

  /** Has the end wait for something, and what is read next until more can be sent. */
  async #follow(sending: Promise<void>): Promise<void> {
    const followed = sending.finally(() => this.#pending.delete(followed));
    this.#pending.add(followed);
    await this.#ready.promise;
    await this.#room.writable();
  }

  async #answer(
    input: Exclude<Wish, { do: "quit" | "refused" | "say" | "status" }>,
  ): Promise<void> {
    switch (input.do) {
      case "who": {
        const members = await this.#room.who();
        return this.#show({
          event: "members",
          members: members.map((member) => this.#views.present(member)),
        });
      }
      case "whois":
        return this.#show({
          event: "member",
          member: await this.#views.full(this.#room.find(input.name)),
        });
      case "nick":
        await this.#ready.promise;
        await this.#room.rename(input.name);
        this.#name = input.name;
        return;
      case "rekey":
        await this.#room.rekey();
        return this.#show({ event: "rekeyed" });
      case "ignore":
      case "unignore": {
        const member = this.#room.find(input.name);
        const ignored = input.do === "ignore";
        this.#views.ignore(member, ignored);
        return this.#show({ event: "ignoring", member: this.#views.member(member), ignored });
      }
      case "verify":
        return await this.#verify(input);
      case "accept":
        return await this.#accept(input.digits);
      case "kick":
        return await this.#moderator.kick(input.name, this.#here);
      case "ban": {
        const ban = await this.#moderator.ban(input.name, this.#here);
        return this.#show({ event: "banned", ...ban, banned: true });
      }
      case "unban":
        return this.#show({
          event: "banned",
          ...await this.#moderator.unban(input.name),
          banned: false,
        });
      case "bans":
        return this.#show({ event: "bans", bans: await this.#moderator.bans() });
      case "invite":
        return this.#show(this.#moderator.invite);
      case "lock":
      case "unlock":
        return this.#lock(input.do === "lock");
    }
  }

  async #verify({ digits, name, show }: VerifyWish): Promise<void> {
    const { trustStore, room: { hostKey, identity, roomId } } = this.#options;
    if (name === undefined) {
      const { members } = this.#room;
      const keys = [hostKey, identity.publicKey, ...members.map(({ key }) => key)];
      return this.#show({
        event: "room-code",
        digits: await roomCode(roomId, keys),
        members: members.map((member) => this.#views.member(member)),
      });
    }
    const member = this.#room.find(name);
    if (digits === undefined) {
      return this.#show({
        event: "safety-number",
        member: this.#views.member(member),
        ...await (show ? trustStore.safetyNumber(member.key) : trustStore.ask(member.key)),
      });
    }
    await trustStore.verify(member, digits);
    this.#room.judgeAnew();
    this.#show({ event: "verified", member: this.#views.member(member) });
  }

  /** @throws {LanchatError} With code `wrong-digits`. */
  async #accept(digits: string): Promise<void> {
    const { trustStore } = this.#options;
    const withheld = this.#room.members.filter((member) => member.withheld);
    const { key } = await trustStore.accept(withheld, digits);
    this.#room.admit(key);
    this.#room.judgeAnew();
    const member = this.#views.member(this.#room.find(toBase64Url(key)));
    this.#show({ event: "accepted", member });
  }

  /** Everybody whom the host can remove. */
  get #here(): readonly Candidate[] {
    return [...this.#room.members, ...this.#room.strangers.map(({ key, tag }) => ({ key, tag }))];
  }

  /** @throws {RoomError} With code `not-host`. */
  get #moderator(): Moderator {
    const { moderator } = this.#options;
    if (moderator !== undefined) return moderator;
    throw new RoomError("not-host", "Cannot do this as another machine hosts the room");
  }

  #lock(locked: boolean): void {
    const { moderator } = this.#options;
    if (moderator !== undefined) {
      if (locked) moderator.lock(this.#room.members);
      else moderator.unlock();
    } else if (locked) this.#room.lock();
    else this.#room.unlock();
    this.#show({ event: "locked", locked, host: moderator !== undefined });
  }

  get #joinCode(): string | null {
    const { joinCode, connector } = this.#options;
    return connector === undefined ? joinCode : connector.hop.joinCode;
  }

  /** Tells how one is; should the session end before the host has that, in the next one. */
  async #setStatus(text: string): Promise<void> {
    await this.#ready.promise;
    const room = this.#room;
    try {
      await room.setStatus(text);
      this.#status = text;
    } catch (error) {
      // Told twice, it is the same.
      if (room !== this.#room) await this.#setStatus(text);
      else this.#show(problem(error));
    }
  }

  async #say(input: SayWish): Promise<void> {
    const { id } = input;
    try {
      const { delivered } = await this.#send(input);
      this.#show({ event: "sent", id });
      const known = delivered.then((away) => {
        if (away === undefined) {
          if (this.#options.untilDelivered) this.#undelivered++;
          return;
        }
        const names = away.map(({ name }) => name);
        this.#show({ event: "delivered", id, ...names.length > 0 && { away: names } });
      });
      if (this.#options.untilDelivered) await known;
    } catch (error) {
      this.#undelivered++;
      this.#show({ event: "failed", id, code: problem(error).code });
    }
  }

  /** Sends a message; should its session end before it is sealed, with the next one. */
  async #send({ kind, text, to }: SayWish): ReturnType<Room["say"]> {
    // In another session a name may be somebody else's: there only the key counts.
    const former = this.#former.find(({ name }) => name === to)?.key;
    let addressee = former === undefined ? to : toBase64Url(former);
    while (true) {
      await this.#ready.promise;
      const key = this.#room.members.find(({ name }) => name === addressee)?.key;
      try {
        return await this.#room.say(text, { kind, to: addressee });
      } catch (error) {
        if (!(error instanceof LanchatError) || error.code !== "seat-lost") throw error;
        if (key !== undefined) addressee = toBase64Url(key);
      }
    }
  }

  // From the room to the person or script.

  #onRoomEvent(event: RoomEvent): void {
    const { moderator, trustStore } = this.#options;
    let address: string | undefined;
    switch (event.event) {
      case "ready":
        this.#isConnected();
        this.#former = [];
        event.members.forEach((member) => this.#meet(member));
        if (this.#noteMove() === undefined) this.#noteHostAddress();
        break;
      case "joined":
        this.#meet(event.member);
        break;
      case "renamed":
        if (!event.own) moderator?.met(event.member);
        break;
      case "reconnected":
        this.#isConnected();
        address = this.#noteMove();
        break;
      case "message":
        trustStore.spoke(event.from);
    }
    const shown = this.#views.complete(event, address);
    if (shown !== undefined) this.#show(shown);
    if (event.event !== "ready") return;
    for (const warning of this.#warnings.splice(0)) this.#show(warning);
    // This session's members do not know it.
    if (this.#status !== "") this.#room.setStatus(this.#status).catch(() => {});
    this.#ready.resolve();
  }

  #meet(member: Member): void {
    this.#options.moderator?.met(member);
    this.#noteHost(member);
  }

  /** Notes the name of the host's own member before it speaks: the host is known as it was entered. */
  #noteHost(member: Member): void {
    const { trustStore, host } = this.#options;
    if (toBase64Url(member.key) === host.key) trustStore.spoke(member);
  }

  /** Notes where the host is. @returns That, if it is another place than before. */
  #noteMove(): string | undefined {
    const { connector } = this.#options;
    if (connector === undefined || this.#hostAddress === undefined) return undefined;
    const { host, port } = connector.address;
    const address = formatHostPort(host, port);
    if (address === this.#hostAddress) return undefined;
    this.#hostAddress = address;
    this.#noteHostAddress();
    return formatHostPort(host, port, DEFAULT_PORT);
  }

  #noteHostAddress(): void {
    const { trustStore, host, room } = this.#options;
    if (this.#hostAddress === undefined) return;
    trustStore.entered({ key: room.hostKey, tag: host.tag }, this.#hostAddress);
  }

  #show(event: SessionEvent): void {
    if (this.#closed) return; // A wish may still be under way.
    this.#options.frontEnd.show(event);
  }
}

/** A wait that counts only the time that it is not paused. */
class Patience {
  readonly #over = Promise.withResolvers<void>();
  #ms: number | undefined;
  #paused = false;
  #cancel: () => void = () => {};

  /** Resolves after so long in one piece, in milliseconds. */
  over(ms: number): Promise<void> {
    this.#ms = ms;
    this.#start();
    return this.#over.promise;
  }

  pause(): void {
    this.#paused = true;
    this.#cancel();
  }

  goOn(): void {
    this.#paused = false;
    this.#start();
  }

  #start(): void {
    this.#cancel();
    if (this.#ms === undefined || this.#paused) return;
    this.#cancel = systemClock.after(this.#ms, this.#over.resolve);
  }
}

/** The end of a chat that the host closed; one that it had no reason to close is a lost connection. */
function closedByHost(reason: number): Ending {
  switch (reason) {
    case Farewell.HOST_ENDS:
      return { reason: "host-closed", status: EXIT.OK };
    case Farewell.KICKED:
      return failed(new LanchatError("kicked", "The host removed you from the room"));
    case Farewell.BANNED: {
      const ending = failed(new LanchatError("banned", "The host banned you from the room"));
      return { ...ending, reason: "kicked" };
    }
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
