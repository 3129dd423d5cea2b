import { type Bytes, equal, isZero } from "../bytes/mod.ts";
import { initiate, type SecureChannel } from "../channel/mod.ts";
import {
  generateWrapKeyPair,
  HOP_KEY_BITS,
  type Identity,
  randomBytes,
  type WrapKeyPair,
} from "../crypto/mod.ts";
import { HandshakeError } from "../errors.ts";
import { type HopSession, Initiator } from "../handshake/mod.ts";
import {
  type Connection,
  dialFirst,
  formatHostPort,
  type HostPort,
  networkChange,
} from "../net/mod.ts";
import { SessionKeys } from "../room/mod.ts";
import { SESSION_BYTES } from "../wire/mod.ts";
import { Redialer } from "./redial.ts";

/** How long a host may take to shake hands, in milliseconds. */
const HANDSHAKE_MS = 15_000;

/** After so many tries in a row the invite is taken to hold no more. */
const MAX_REFUSALS = 3;

/** Where a line leads, and how it is kept up. */
export interface LineOptions {
  /** IP addresses or names of the host; the later ones where those before do not answer. */
  readonly hosts: readonly string[];
  /** Its TCP port. */
  readonly port: number;
  /** Whether the host of the first connection is the expected one; later ones must have its key. */
  readonly trusts: (hostKey: Bytes, where: HostPort) => Promise<boolean>;
  /** The room's pre-shared key; zeros for an open room. */
  readonly psk: Bytes;
  /** Who the member is. */
  readonly identity: Identity;
  /** How long it is tried to connect again, in milliseconds. */
  readonly giveUpMs: number;
}

/** A member's way to its host: one connection, and after it the next. */
export class Line {
  readonly #options: LineOptions;
  readonly #stopped = new AbortController();
  readonly #redialer: Redialer;
  #spare: Promise<WrapKeyPair> | undefined;
  #session: Bytes = randomBytes(SESSION_BYTES);
  #keys: SessionKeys = new SessionKeys();
  #connection: Connection | undefined;
  #refusals = 0;
  /** That which answered last stands first. */
  #hosts: readonly string[];
  #hop: HopSession | undefined;

  /** Prepares to dial; begins to make the keys for it. */
  constructor(options: LineOptions) {
    this.#options = options;
    this.#hosts = options.hosts;
    this.#redialer = new Redialer({
      giveUpMs: options.giveUpMs,
      signal: this.#stopped.signal,
      changed: networkChange,
    });
    this.#makeSpare();
  }

  /** The session that this member has in the room, 16 bytes. */
  get session(): Bytes {
    return this.#session;
  }

  /** The keys of that session. */
  get keys(): SessionKeys {
    return this.#keys;
  }

  /** What the last handshake found; there was one. */
  get hop(): HopSession {
    return this.#hop!;
  }

  /** Where the host was dialled last. */
  get address(): HostPort {
    return { host: this.#hosts[0]!, port: this.#options.port };
  }

  /** Whether {@linkcode Line.stop} was called. */
  get stopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /**
   * Connects once.
   *
   * @param signal Gives up with its reason; {@linkcode Line.stop} by default.
   * @throws {LanchatError} If the host cannot be reached, or is not the expected one.
   */
  async connect(signal: AbortSignal = this.#stopped.signal): Promise<SecureChannel> {
    const { identity, port, psk } = this.#options;
    this.#connection?.close();
    const keyPair = await this.#makeSpare();
    this.#spare = undefined;
    const { connection, host } = await dialFirst(this.#hosts, port, { signal });
    this.#hosts = [host, ...this.#hosts.filter((other) => other !== host)];
    this.#connection = connection;
    const initiator = new Initiator({
      identity,
      session: this.#session,
      keyPair,
      psk,
      trusts: (key) => this.#trusts(key),
    });
    const channel = await this.#shakeHands(connection, initiator, signal);
    if (this.#hop !== undefined && !equal(channel.hop.roomId, this.#hop.roomId)) {
      connection.close();
      throw anotherRoom("hosts another room than before");
    }
    this.#hop = channel.hop;
    this.#refusals = 0;
    return channel;
  }

  /** Connects as soon as that is possible, however often it has to be tried. */
  async reconnect(): Promise<SecureChannel> {
    void this.#makeSpare();
    return await this.#redialer.dial((signal) => this.connect(signal));
  }

  /** Notes that this member is in the room. */
  entered(): void {
    this.#redialer.succeeded();
  }

  /** Begins another session: the one before has come to its end. */
  renew(): void {
    this.#session = randomBytes(SESSION_BYTES);
    this.#keys = new SessionKeys();
  }

  /** Ends all tries to connect. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Ends all tries, and the connection. */
  close(): void {
    this.stop();
    this.#connection?.close();
    this.#keys.close();
  }

  #makeSpare(): Promise<WrapKeyPair> {
    if (this.#spare === undefined) {
      this.#spare = generateWrapKeyPair(HOP_KEY_BITS);
      this.#spare.catch(() => {}); // Whoever waits for it sees the failure.
    }
    return this.#spare;
  }

  async #trusts(key: Bytes): Promise<boolean> {
    if (this.#hop === undefined) return await this.#options.trusts(key, this.address);
    if (equal(key, this.#hop.peerKey)) return true;
    throw anotherRoom("has another key than before");
  }

  /** Shakes hands in bounded time. */
  async #shakeHands(
    connection: Connection,
    initiator: Initiator,
    signal: AbortSignal,
  ): Promise<SecureChannel> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection.close();
    }, HANDSHAKE_MS);
    const stop = (): void => connection.close();
    signal.addEventListener("abort", stop);
    try {
      return await initiate(connection, initiator);
    } catch (error) {
      connection.close();
      signal.throwIfAborted();
      if (!late) throw this.#refused(initiator, error) ?? error;
      const { host, port } = this.address;
      throw new HandshakeError(
        "not-lanchat",
        `Cannot join ${formatHostPort(host, port)} as it does not answer as lanchat does`,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** What it means that a host hangs up once it has seen the invite; `undefined` where it says nothing. */
  #refused({ waitsForM2 }: Initiator, cause: unknown): HandshakeError | undefined {
    const lost = cause instanceof HandshakeError && cause.code === "connection-lost";
    if (!lost || !waitsForM2 || isZero(this.#options.psk)) return undefined;
    if (this.#hop === undefined) {
      const message = "Cannot join as the host hung up once it had seen the invite";
      return new HandshakeError("wrong-invite", message, { cause });
    }
    // It may be chance once; a host that begins another room does it each time.
    if (++this.#refusals < MAX_REFUSALS) return undefined;
    return anotherRoom("does not accept the invite any more", { cause });
  }
}

function anotherRoom(what: string, options: ErrorOptions = {}): HandshakeError {
  return new HandshakeError("another-room", `Cannot go on as the host ${what}`, options);
}
