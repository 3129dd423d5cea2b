/**
 * A member in its room until that ends: connects again, begins new sessions, and finishes sending when
 * it leaves.
 *
 * A message of this member comes from the front end's `input` to {@linkcode Wishes}, which calls `Room.say`; an event
 * comes from the room to `Client.#onRoomEvent`, {@linkcode Views} completes it, and the front end shows it.
 *
 * @module
 */
import { DEFAULT_PORT, formatHostPort } from "../address.ts";
import { type Bytes, equal, toBase64Url } from "../bytes/mod.ts";
import { type Channel, FAREWELL_MS } from "../channel/mod.ts";
import { deadline, systemClock } from "../clock.ts";
import { EXIT, quote, RoomError } from "../errors.ts";
import { Bans, type Member, Room, type RoomEvent, type RoomOptions } from "../room/mod.ts";
import {
  failure,
  type HostView,
  problem,
  type ProblemEvent,
  type SessionEvent,
  warning,
} from "../session_events.ts";
import { absolutePath, downloadDirectory } from "../store/mod.ts";
import { isTransient } from "./backoff.ts";
import type { Connector, MemberSession } from "./connector.ts";
import { type ClientEnd, closedByHost, type Ending, failed } from "./ending.ts";
import type { FrontEnd } from "./front_end.ts";
import type { Interrupts } from "./interrupts.ts";
import type { Moderator } from "./moderator.ts";
import { PausableTimer } from "./pausable_timer.ts";
import { type DownloadOptions, type Sending, SharedFiles } from "./shared_files.ts";
import type { TrustStore } from "./trust_store.ts";
import { Views } from "./views.ts";
import { type SessionState, type WishContext, Wishes } from "./wishes.ts";

/** Time that a signal leaves to messages that are not sent yet, in milliseconds. */
const DRAIN_MS = 5000;

/** Time that the end leaves to the known peers to be written, in milliseconds. */
const KEEP_MS = 2000;

/** The part of a {@linkcode Connector} that a client uses. */
export type Reconnector = Pick<
  Connector,
  "address" | "entered" | "hop" | "reconnect" | "renew" | "session" | "stop" | "stopped"
>;

/** Dependencies of {@linkcode Client}. */
export interface ClientOptions extends DownloadOptions {
  /** Gives wishes and shows events. */
  readonly frontEnd: FrontEnd;
  /** The connection to the relay. */
  readonly channel: Channel;
  /** Makes the next connection after one is lost; without it a lost connection ends the run. */
  readonly connector?: Reconnector;
  /** The options of the room, without the session and the options that the client sets. */
  readonly room: Omit<
    RoomOptions,
    | "bans"
    | "emit"
    | "ignores"
    | "onBulk"
    | "onFileMessage"
    | "shown"
    | "trust"
    | keyof MemberSession
  >;
  /** The first session. */
  readonly session: MemberSession;
  /** Knows the members that earlier runs met. */
  readonly trustStore: TrustStore;
  /** The fingerprint of this member's identity key, 30 digits. */
  readonly fingerprint: string;
  /** The host. */
  readonly host: HostView;
  /** The host's address, as `formatHostPort` gives it; missing at the host. */
  readonly hostAddress?: string;
  /** Warnings to show after the first `ready`. */
  readonly warnings?: readonly ProblemEvent[];
  /** The join code of `channel`; `null` at the host. */
  readonly joinCode: string | null;
  /** At the host: the join codes of the members' connections, by session in hexadecimal digits. */
  readonly joinCodes?: ReadonlyMap<string, string>;
  /** At the host: kicks, bans and locks. */
  readonly moderator?: Moderator;
  /** Whether the front end's input is ignored. */
  readonly listen: boolean;
  /** The name, name#tag or key of the only reader of all messages; all members without. */
  readonly to?: string | undefined;
  /** Whether the end of input ends the run. */
  readonly endsWithInput: boolean;
  /** Whether the run ends only when each message is delivered. */
  readonly untilDelivered: boolean;
  /** Time that the end leaves to messages, in milliseconds; only time with a connection counts. */
  readonly timeoutMs: number;
  /** Files to send, after which the run ends. */
  readonly send?: FilesToSend | undefined;
  /** The signals that end the run. */
  readonly interrupts: Interrupts;
}

/** What `lanchat send` sends. */
export interface FilesToSend {
  /** The files. */
  readonly files: Sending;
  /** Time to accept the offer, in milliseconds. */
  readonly answerMs: number;
}

/** Enters a room, and stays in it until one side ends that. */
export async function runClient(options: ClientOptions): Promise<ClientEnd> {
  const downloadDir = absolutePath(options.downloadDir ?? await downloadDirectory());
  return await new Client({ ...options, downloadDir }).run();
}

/** A member in its room, over all connections and sessions of a run. */
class Client implements WishContext {
  readonly options: ClientOptions;
  readonly views: Views;
  readonly files: SharedFiles;
  readonly #wishes: Wishes;
  readonly #bans = new Bans();
  readonly #timer = new PausableTimer();
  session: SessionState;
  /** Resolves once the only reader of the messages is in the room; without one, the first other member. */
  readonly #readerCame = Promise.withResolvers<void>();
  #connected = false;
  #ending = false;
  #closed = false;
  /** Whether everyone who accepted the files of `send` has them. */
  #isDelivered = false;
  /** Where the host was reached last. */
  #hostAddress: string | undefined;
  /** Warnings that are not shown yet. */
  readonly #warnings: ProblemEvent[];

  constructor(options: ClientOptions & { readonly downloadDir: string }) {
    this.options = options;
    this.#warnings = [...options.warnings ?? []];
    this.#hostAddress = options.hostAddress;
    options.trustStore.onUnkept = (error) => this.show({ ...problem(error), event: "warning" });
    this.views = new Views({ ...options, joinCode: () => this.#joinCode });
    this.#wishes = new Wishes(this);
    this.session = this.#begin(options.session);
    this.files = new SharedFiles({
      ...options,
      roomId: options.room.roomId,
      views: this.views,
      room: () => this.session.room,
      show: (event) => this.show(event),
    });
  }

  /** Shows an event, unless the run has ended: a wish may still be under way. */
  show(event: SessionEvent): void {
    if (!this.#closed) this.options.frontEnd.show(event);
  }

  async run(): Promise<ClientEnd> {
    const { frontEnd, interrupts, connector } = this.options;
    const ended = this.#stay();
    const wanted = await Promise.race([
      ended,
      this.#readInput(),
      interrupts.first.then((): Ending => ({ reason: "signal", status: EXIT.OK })),
      frontEnd.broken.then((): Ending => ({ reason: "failed", status: EXIT.FAILURE })),
    ]);
    this.#ending = true;
    const end = await this.#finish(wanted, ended);
    await this.files.close();
    if (end.error !== undefined) this.show(end.error);
    await Promise.race([this.session.room.leave(), ended]);
    connector?.stop();
    // Cutting a connection on which the host still sends would take our farewell with it.
    await deadline(systemClock, FAREWELL_MS, ended);
    const { ready, room } = this.session; // Another one may have begun meanwhile.
    room.end("not-delivered");
    ready.resolve(); // Wishes that wait for another session fail as well.
    await this.#wishes.settled();
    await deadline(systemClock, KEEP_MS, this.options.trustStore.kept());
    const status = this.#statusOf(end);
    this.#closed = true;
    return { reason: end.reason, status };
  }

  #begin(session: MemberSession, former?: readonly Member[]): SessionState {
    const { trustStore, frontEnd, room: options } = this.options;
    const room = new Room({
      ...options,
      name: this.#wishes.name,
      ...session,
      bans: this.#bans,
      emit: this.#onRoomEvent,
      onFileMessage: (message, from, isPrivate) => this.files.receive(message, from, isPrivate),
      onBulk: (chunk) => this.files.bulk(chunk),
      ignores: this.views.ignores,
      trust: trustStore.judge,
      shown: () => frontEnd.writable(),
    });
    return { room, ready: Promise.withResolvers(), isReady: false, former };
  }

  /** Stays in the room, over one connection after the other, until that has a reason to end. */
  async #stay(): Promise<Ending> {
    const { connector } = this.options;
    let { channel } = this.options;
    let entered = false;
    while (true) {
      const { room } = this.session;
      const end = await room.run(channel).then(closedByHost, failed);
      entered ||= room.entered;
      const again = entered && isTransient(end.error?.code ?? "internal");
      if (!entered && end.reason === "host-closed") return { ...end, status: EXIT.FAILURE };
      if (connector === undefined || connector.stopped || !again) return end;
      this.#onDisconnected(end.error!);
      if (end.error!.code === "seat-lost") await this.#renew(connector, end.error!);
      try {
        channel = await connector.reconnect();
      } catch (error) {
        return connector.stopped ? { reason: "signal", status: EXIT.OK } : failed(error);
      }
    }
  }

  #onConnected(): void {
    this.#connected = true;
    this.#timer.resume();
    this.options.connector?.entered();
  }

  #onDisconnected({ code, message }: ProblemEvent): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#timer.pause();
    // A lost seat is shown as the warning with which the next session begins.
    if (code !== "seat-lost") this.show({ event: "disconnected", reason: code, message });
  }

  /** Begins another session after the seat was lost; messages that are not sealed yet go over to it. */
  async #renew(connector: Reconnector, { code, hint, message }: ProblemEvent): Promise<void> {
    this.show(warning(code, message, hint));
    await connector.renew();
    const { former, isReady, ready, room } = this.session;
    this.session = this.#begin(connector.session, isReady ? room.members : former);
    ready.resolve();
    this.files.renew();
    if (room.insiders !== undefined) this.session.room.lock(room.insiders);
    room.end("seat-lost");
  }

  /** Carries out wishes until the input ends or wishes an end. */
  async #readInput(): Promise<Ending> {
    const { endsWithInput, frontEnd, listen, send, to } = this.options;
    await this.session.ready.promise;
    if (send !== undefined) return await this.#send(send).catch(failed);
    const never = new Promise<Ending>(() => {});
    if (listen || this.#ending) return await never;
    try {
      const reader = to === undefined ? undefined : await this.#findReader(to);
      for await (const wish of frontEnd.input) {
        if (this.#ending) break;
        if (wish.do === "quit") return { reason: "left", status: EXIT.OK };
        const isPrivate = reader !== undefined && wish.do === "say";
        await this.#wishes.handle(isPrivate ? { ...wish, to: reader } : wish);
      }
    } catch (error) {
      return failed(error);
    }
    return endsWithInput ? { reason: "end-of-input", status: EXIT.OK } : await never;
  }

  /** Sends files, and waits until everyone who accepts them has them. */
  async #send({ answerMs, files }: FilesToSend): Promise<Ending> {
    const { to } = this.options;
    if (to === undefined) await this.#awaitReader();
    const member = to === undefined
      ? undefined
      : this.session.room.find(await this.#findReader(to));
    this.#isDelivered = await this.files.deliver(files, member, answerMs);
    return { reason: "done", status: EXIT.OK };
  }

  /** Waits until the only reader of the messages is in the room, or without one the first member. */
  async #awaitReader(): Promise<void> {
    await deadline(systemClock, this.options.room.waitMs ?? 0, this.#readerCame.promise);
  }

  /**
   * Waits until the only reader of the messages is in the room.
   *
   * @returns Its key, because another member may have the name later.
   * @throws {RoomError} `no-such-member`, also if several sessions that are not away have the key.
   */
  async #findReader(to: string): Promise<string> {
    await this.#awaitReader();
    const { room } = this.session;
    const key = this.#keyOf(to);
    const sessions = room.members.filter((member) => key !== undefined && equal(member.key, key));
    const isOne = sessions.length === 1 || sessions.filter(({ lost }) => !lost).length === 1;
    if (isOne) return toBase64Url(sessions[0]!.key);
    const message = `Cannot send to ${quote(to)}: no single member here has that name`;
    const hint = "Check the name; --wait SECONDS waits for them.";
    throw new RoomError("no-such-member", message, { hint });
  }

  /** Notes whether the only reader of the messages is in the room, or without one any other member. */
  #noteReader(): void {
    const { to } = this.options;
    const isHere = to === undefined
      ? this.session.room.members.length > 0
      : this.#keyOf(to) !== undefined;
    if (isHere) this.#readerCame.resolve();
  }

  /** The key of the member that a name, name#tag or key means; `undefined` unless there is exactly one. */
  #keyOf(name: string): Bytes | undefined {
    try {
      return this.session.room.find(name).key;
    } catch {
      return undefined;
    }
  }

  /** Waits for messages on their way. @returns The wanted ending, unless the room ended first. */
  async #finish(wanted: Ending, ended: Promise<Ending>): Promise<Ending> {
    const { interrupts, timeoutMs, untilDelivered } = this.options;
    const settled = this.#wishes.settled();
    if (wanted.reason === "left" || wanted.reason === "end-of-input") {
      const done = Promise.race([settled, this.#timer.start(timeoutMs)]);
      const end = await Promise.race([done.then(() => wanted), ended]);
      this.#timer.pause();
      if (untilDelivered && end === wanted) await this.#showKept();
      if (wanted.reason === "left") return end; // A person was asked before.
      return await Promise.race([
        this.files.settled(timeoutMs).then((isAnswered): Ending =>
          isAnswered ? end : { ...end, status: EXIT.FAILURE }
        ),
        interrupts.first.then((): Ending => ({ reason: "signal", status: EXIT.OK })),
        ended,
      ]);
    }
    if (wanted.reason === "signal" && this.#connected) {
      await Promise.race([deadline(systemClock, Math.min(timeoutMs, DRAIN_MS), settled), ended]);
    }
    return wanted;
  }

  /** Shows which members are away and still lack messages. */
  async #showKept(): Promise<void> {
    const members = await this.session.room.who();
    const away = members.filter(({ behind, lost }) => behind && lost).map(({ name }) => name);
    if (away.length > 0) this.show({ event: "kept", away });
  }

  #statusOf({ status }: Ending): number {
    const message = this.#wishes.undelivered;
    if (message !== undefined) {
      this.show(failure("undelivered", message));
    }
    const isLacking = this.#wishes.failed || this.options.send !== undefined && !this.#isDelivered;
    return status || (isLacking ? EXIT.FAILURE : EXIT.OK);
  }

  readonly #onRoomEvent = (event: RoomEvent): void => {
    const { moderator, trustStore } = this.options;
    let address: string | undefined;
    switch (event.event) {
      case "ready":
        this.#onConnected();
        this.session.isReady = true;
        event.members.forEach((member) => this.#noteMember(member));
        this.#noteReader();
        if (this.#noteMove() === undefined) this.#noteHostAddress();
        break;
      case "joined":
        this.#noteMember(event.member);
        this.#noteReader();
        break;
      case "renamed":
        if (!event.own) moderator?.met(event.member);
        this.#noteReader();
        break;
      case "reconnected":
        this.#onConnected();
        address = this.#noteMove();
        break;
      case "message":
        trustStore.spoke(event.from);
    }
    const shown = this.views.complete(event, address);
    if (shown !== undefined) this.show(shown);
    this.files.hear(event);
    if (event.event === "ready") this.#onReady();
  };

  #onReady(): void {
    for (const warning of this.#warnings.splice(0)) this.show(warning);
    const { status } = this.#wishes;
    // The members do not know it of this session.
    if (status !== "") this.session.room.setStatus(status).catch(() => {});
    this.session.ready.resolve();
  }

  #noteMember(member: Member): void {
    const { host, moderator, trustStore } = this.options;
    moderator?.met(member);
    // The host's own member is noted before it speaks, and so is its address.
    if (toBase64Url(member.key) === host.key) trustStore.spoke(member);
  }

  /** Notes the host's address if it has changed. @returns It then, as `lanchat join` takes it. */
  #noteMove(): string | undefined {
    const { connector } = this.options;
    if (connector === undefined || this.#hostAddress === undefined) return undefined;
    const { host, port } = connector.address;
    const address = formatHostPort(host, port);
    if (address === this.#hostAddress) return undefined;
    this.#hostAddress = address;
    this.#noteHostAddress();
    return formatHostPort(host, port, DEFAULT_PORT);
  }

  #noteHostAddress(): void {
    const { trustStore, host, room } = this.options;
    if (this.#hostAddress === undefined) return;
    trustStore.entered({ key: room.hostKey, tag: host.tag }, this.#hostAddress);
  }

  get #joinCode(): string | null {
    const { joinCode, connector } = this.options;
    return connector === undefined ? joinCode : connector.hop.joinCode;
  }
}
