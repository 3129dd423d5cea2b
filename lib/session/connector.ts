import { type Bytes, equal, isZero } from "../bytes/mod.ts";
import { initiate, type SecureChannel } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  generateWrapKeyPair,
  HOP_KEY_BITS,
  type Identity,
  keyTag,
  randomBytes,
  sessionId,
  type WrapKeyPair,
} from "../crypto/mod.ts";
import { HandshakeError, LanchatError } from "../errors.ts";
import { type HopSession, Initiator } from "../handshake/mod.ts";
import {
  type Connection,
  dial,
  DIAL_TIMEOUT_MS,
  formatHostPort,
  type HostPort,
  networkChange,
} from "../net/mod.ts";
import { type RoomOptions, SessionKeys } from "../room/mod.ts";
import { SESSION_NONCE_BYTES } from "../wire/mod.ts";
import { type HostSearch, searchForHost } from "./host_search.ts";
import { Backoff } from "./backoff.ts";
import { stalled, STALLED_MS } from "./stall.ts";

/** How long each of several places may take to answer, in milliseconds. */
const NEXT_TIMEOUT_MS = 3000;

/**
 * How long all announced places may take together in one try, in milliseconds: with more, false
 * announcements would keep a member from the place that it knows.
 */
const ANNOUNCED_MS = 15_000;

/** Most places that are remembered of a host that goes from one to the next. */
const MAX_PLACES = 8;

/** How long a host may take to shake hands, in milliseconds. */
const HANDSHAKE_MS = 15_000;

/** How soon after M1 a host hangs up that does not accept the invite, in milliseconds. */
const REFUSED_MS = 3000;

/** After so many tries in a row the invite is taken to hold no more. */
const MAX_REFUSALS = 3;

/** Where a line leads, and how it is kept up. */
export interface ConnectorOptions {
  /** IP addresses or names of the host; the later ones where those before do not lead to it. */
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
  /** Looks for the host while it is tried to connect again; {@linkcode searchForHost} by default. */
  readonly search?: (tag: string, reachedAt: string) => HostSearch | undefined;
  /** Paces the tries, bounds a handshake, and tells how soon a host hangs up. */
  readonly clock?: Clock;
}

/** Bounds of a call, in milliseconds. */
interface CallLimits {
  readonly dialMs: number;
  readonly handshakeMs: number;
}

/** Why a place did not lead to the host. */
interface Failure {
  readonly error: unknown;
  /** Whether another key was shown there. */
  readonly isOther: boolean;
  /** Whether that is how a host answers an invite that it does not accept; missing where it was shown none. */
  readonly isRefusal?: boolean;
}

/** A session of a member: its id, the nonce it follows from, and its keys. */
export type MemberSession = Pick<RoomOptions, "keys" | "nonce" | "session">;

/** A member's way to its host: one connection, and after it the next. */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  readonly #redialer: Backoff;
  #spare: Promise<WrapKeyPair> | undefined;
  #nonce: Bytes = randomBytes(SESSION_NONCE_BYTES);
  #session: Bytes | undefined;
  #keys: SessionKeys = new SessionKeys();
  #connection: Connection | undefined;
  #refusals = 0;
  /** That which led to the host last stands first; those that have shown another key are left out. */
  #places: readonly HostPort[];
  #hop: HopSession | undefined;
  /** The host's IP address at the last connection. */
  #reachedAt = "";
  #search: HostSearch | undefined;

  /** Prepares to dial; begins to make the keys for it. */
  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#places = options.hosts.map((host) => ({ host, port: options.port }));
    this.#redialer = new Backoff({
      giveUpMs: options.giveUpMs,
      signal: this.#stopped.signal,
      changed: (signal) =>
        Promise.race([networkChange(signal), ...this.#search ? [this.#search.news] : []]),
      clock: this.#clock,
    });
    this.#makeSpare();
  }

  /** The session that this member has in the room, once it was connected, and its keys. */
  get session(): MemberSession {
    return { keys: this.#keys, nonce: this.#nonce, session: this.#session! };
  }

  /** What the last handshake found; there was one. */
  get hop(): HopSession {
    return this.#hop!;
  }

  /** Where the host answered last. */
  get address(): HostPort {
    return this.#places[0]!;
  }

  /** Whether {@linkcode Connector.stop} was called. */
  get stopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /**
   * Connects once, by the first place that leads to the host.
   *
   * @param signal Gives up with its reason; {@linkcode Connector.stop} by default.
   * @throws {LanchatError} If the host cannot be reached, or is not the expected one: what went wrong at the
   * first place, but for those where another key was shown as long as there are others. With code
   * `host-key-changed` at once: where somebody known was, nobody else is entered by another way.
   */
  async connect(signal: AbortSignal = this.#stopped.signal): Promise<SecureChannel> {
    this.#connection?.close();
    const known = this.#places;
    const announced = (this.#search?.places() ?? []).filter((place) => !has(known, place));
    const dialMs = known.length + announced.length > 1 ? NEXT_TIMEOUT_MS : DIAL_TIMEOUT_MS;
    const failures: Failure[] = [];
    for (const place of known) {
      const answer = await this.#call(place, signal, { dialMs, handshakeMs: HANDSHAKE_MS });
      if ("hop" in answer) return this.#connected(place, answer);
      failures.push(answer);
      // Anybody may have told this address; whoever is there decides nothing about the others.
      if (answer.isOther) this.#drop(place);
    }
    const end = this.#clock.elapsed() + ANNOUNCED_MS;
    for (const place of announced) {
      const handshakeMs = end - this.#clock.elapsed();
      if (handshakeMs <= 0) break;
      const limits = { dialMs: Math.min(dialMs, handshakeMs), handshakeMs };
      const answer = await this.#call(place, signal, limits);
      if ("hop" in answer) return this.#connected(place, answer);
    }
    throw this.#conclude(failures);
  }

  /**
   * Connects as soon as that is possible, however often it has to be tried; where the host is announced at
   * other places, there too.
   */
  async reconnect(): Promise<SecureChannel> {
    void this.#makeSpare();
    const { search = searchForHost } = this.#options;
    if (this.#hop !== undefined) {
      this.#search = search(await keyTag(this.#hop.peerKey), this.#reachedAt);
    }
    try {
      return await this.#redialer.dial((signal) => this.connect(signal));
    } finally {
      this.#search?.close();
      this.#search = undefined;
    }
  }

  /** Notes that this member is in the room. */
  entered(): void {
    this.#redialer.succeeded();
  }

  /** Begins another session: the one before has come to its end. */
  async renew(): Promise<void> {
    const { identity } = this.#options;
    this.#nonce = randomBytes(SESSION_NONCE_BYTES);
    this.#session = await sessionId(this.hop.roomId, identity.publicKey, this.#nonce);
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

  /** Takes a connection to the host as the one there is. @throws {HandshakeError} With code `another-room`. */
  #connected(place: HostPort, channel: SecureChannel): SecureChannel {
    if (this.#hop !== undefined && !equal(channel.hop.roomId, this.#hop.roomId)) {
      this.#connection!.close();
      throw anotherRoom("hosts another room than before");
    }
    const others = this.#places.filter((other) => !isSame(other, place));
    this.#places = [place, ...others].slice(0, MAX_PLACES);
    this.#hop = channel.hop;
    this.#session = channel.hop.session;
    this.#reachedAt = this.#connection!.remoteAddress;
    this.#refusals = 0;
    return channel;
  }

  /** Dials one place, and shakes hands there. @throws The signal's reason. */
  async #call(
    place: HostPort,
    signal: AbortSignal,
    { dialMs, handshakeMs }: CallLimits,
  ): Promise<SecureChannel | Failure> {
    const { identity, psk } = this.#options;
    const { host, port } = place;
    let isOther = false;
    let initiator: Initiator | undefined;
    let shownAt: number | undefined;
    try {
      const keyPair = await this.#makeSpare();
      const connection = await dial(host, port, { signal, timeoutMs: dialMs });
      this.#connection = connection;
      this.#spare = undefined;
      initiator = new Initiator({
        identity,
        nonce: this.#nonce,
        keyPair,
        psk,
        trusts: async (key) => {
          isOther = true; // Also where that is thrown.
          isOther = !await this.#trusts(key, place);
          return !isOther;
        },
        onM1: () => shownAt = this.#clock.elapsed(),
      });
      return await this.#shakeHands(connection, initiator, { place, signal, handshakeMs });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HandshakeError && error.code === "host-key-changed") throw error;
      if (shownAt === undefined) return { error, isOther };
      const isLost = initiator!.waitsForM2 && error instanceof LanchatError &&
        error.code === "connection-lost";
      const silentMs = this.#clock.elapsed() - shownAt;
      if (isLost && silentMs >= STALLED_MS) {
        return { error: stalled(`Cannot join ${formatHostPort(host, port)}`, error), isOther };
      }
      if (isZero(psk)) return { error, isOther };
      // An invite that was accepted before is not given up for what a bad network does.
      const isRefusal = isLost &&
        (this.#hop === undefined || error instanceof HandshakeError && silentMs < REFUSED_MS);
      return { error, isOther, isRefusal };
    }
  }

  async #trusts(key: Bytes, where: HostPort): Promise<boolean> {
    if (this.#hop === undefined) return await this.#options.trusts(key, where);
    if (equal(key, this.#hop.peerKey)) return true;
    throw anotherRoom("has another key than before");
  }

  /** Goes without a place, unless it is the last one. */
  #drop(place: HostPort): void {
    if (this.#places.length > 1) this.#places = this.#places.filter((other) => other !== place);
  }

  /** The error of a try in which no place has led to the host. @param failures Those at the known places. */
  #conclude(failures: readonly Failure[]): unknown {
    const { error } = failures.find(({ isOther }) => !isOther) ?? failures[0]!;
    const shown = failures.filter(({ isRefusal }) => isRefusal !== undefined);
    const isRefused = shown.length > 0 && shown.every(({ isRefusal }) => isRefusal);
    this.#refusals = isRefused ? this.#refusals + 1 : 0;
    if (!isRefused) return error;
    if (this.#hop === undefined) {
      const message = "Cannot join as the host hung up once it had seen the invite";
      return new HandshakeError("wrong-invite", message, { cause: error });
    }
    // It may be chance once; a host that begins another room does it each time.
    if (this.#refusals < MAX_REFUSALS) return error;
    return anotherRoom("does not accept the invite any more", { cause: error });
  }

  /** Shakes hands in bounded time. */
  async #shakeHands(
    connection: Connection,
    initiator: Initiator,
    { handshakeMs, place, signal }: {
      readonly place: HostPort;
      readonly signal: AbortSignal;
      readonly handshakeMs: number;
    },
  ): Promise<SecureChannel> {
    let late = false;
    const cancel = this.#clock.after(handshakeMs, () => {
      late = true;
      connection.close();
    });
    const stop = (): void => connection.close();
    signal.addEventListener("abort", stop);
    try {
      return await initiate(connection, initiator);
    } catch (error) {
      connection.close();
      if (!late) throw error;
      const action = `Cannot join ${formatHostPort(place.host, place.port)}`;
      if (initiator.waitsForM2) throw stalled(action, error);
      const message = `${action} as it does not answer as lanchat does`;
      throw new HandshakeError("not-lanchat", message, { cause: error });
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
    }
  }
}

function isSame(one: HostPort, other: HostPort): boolean {
  return one.host === other.host && one.port === other.port;
}

function has(places: readonly HostPort[], place: HostPort): boolean {
  return places.some((other) => isSame(other, place));
}

function anotherRoom(what: string, options: ErrorOptions = {}): HandshakeError {
  return new HandshakeError("another-room", `Cannot go on as the host ${what}`, options);
}
