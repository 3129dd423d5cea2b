/**
 * Dials the host, shakes hands, and does both again after the connection is lost.
 *
 * @module
 */
import { formatHostPort, type HostPort } from "../address.ts";
import { isBrokerAddress } from "../broker_address.ts";
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
  type DialOptions,
  networkChange,
} from "../net/mod.ts";
import { type RoomOptions, SessionKeys } from "../room/mod.ts";
import { SESSION_NONCE_BYTES } from "../wire/mod.ts";
import { type HostSearch, searchForHost } from "./host_search.ts";
import { Backoff } from "./backoff.ts";
import { stalled, STALLED_MS } from "./stall.ts";

/** How long each of several addresses may take to answer, in milliseconds. */
const NEXT_TIMEOUT_MS = 3000;

/**
 * How long all announced addresses may take together in one try, in milliseconds: with more, false
 * announcements would keep a member from the address that it knows.
 */
const ANNOUNCED_MS = 15_000;

/** Maximum addresses remembered of a host that moves. */
const MAX_ADDRESSES = 8;

/** How long a handshake may take, in milliseconds. */
const HANDSHAKE_MS = 15_000;

/** Time from M1 within which a host hangs up if it does not accept the invite, in milliseconds. */
const REFUSED_MS = 3000;

/** Refusals in a row after which the invite counts as invalid. */
const MAX_REFUSALS = 3;

/** Dependencies of {@linkcode Connector}. */
export interface ConnectorOptions {
  /** IP addresses or names of the host; the later ones are for where the ones before do not lead to it. */
  readonly hosts: readonly string[];
  /** Its TCP port. */
  readonly port: number;
  /** Returns whether the host of the first connection is the expected one; later ones must have its key. */
  readonly trusts: (hostKey: Bytes, where: HostPort) => Promise<boolean>;
  /** The room's pre-shared key; zeros for an open room. */
  readonly psk: Bytes;
  /** The member. */
  readonly identity: Identity;
  /** How long to try to connect again, in milliseconds. */
  readonly giveUpMs: number;
  /** Connects to an address; {@linkcode dial} by default. */
  readonly dial?: (host: string, port: number, options: DialOptions) => Promise<Connection>;
  /** Searches for the host between tries; {@linkcode searchForHost} by default. */
  readonly search?: (tag: string, reachedAt: string) => HostSearch | undefined;
  /** The time. */
  readonly clock?: Clock;
}

/** Time limits of one try at one address, in milliseconds. */
interface AttemptLimits {
  readonly dialMs: number;
  readonly handshakeMs: number;
}

/** Why an address did not lead to the host. */
interface Failure {
  readonly error: unknown;
  /** Whether the machine there has another key. */
  readonly isOther: boolean;
  /** Whether a host answers so to an invite that it does not accept; missing where none was sent. */
  readonly isRefusal?: boolean;
}

/** A session of a member: its id, the nonce it follows from, and its keys. */
export type MemberSession = Pick<RoomOptions, "keys" | "nonce" | "session">;

/** Connects a member to its host, again and again. */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  readonly #backoff: Backoff;
  #spare: Promise<WrapKeyPair> | undefined;
  #nonce: Bytes = randomBytes(SESSION_NONCE_BYTES);
  #session: Bytes | undefined;
  #keys: SessionKeys = new SessionKeys();
  #connection: Connection | undefined;
  #refusals = 0;
  /** The address that led to the host last comes first; addresses with another key are left out. */
  #addresses: readonly HostPort[];
  #hop: HopSession | undefined;
  /** The host's IP address in the last connection. */
  #reachedAt = "";
  #search: HostSearch | undefined;

  /** Prepares to dial; starts to generate the keys of the first handshake. */
  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#addresses = options.hosts.map((host) => ({ host, port: options.port }));
    this.#backoff = new Backoff({
      giveUpMs: options.giveUpMs,
      signal: this.#stopped.signal,
      changed: (signal) =>
        Promise.race([networkChange(signal), ...this.#search ? [this.#search.found] : []]),
      clock: this.#clock,
    });
    this.#makeSpare();
  }

  /** The member's session in the room; known once it was connected. */
  get session(): MemberSession {
    return { keys: this.#keys, nonce: this.#nonce, session: this.#session! };
  }

  /** The result of the last handshake; throws before the first. */
  get hop(): HopSession {
    return this.#hop!;
  }

  /** The address at which the host last answered. */
  get address(): HostPort {
    return this.#addresses[0]!;
  }

  /** Whether {@linkcode Connector.stop} was called. */
  get stopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /**
   * Connects once, through the first address that leads to the host.
   *
   * @param signal Gives up with its reason; {@linkcode Connector.stop} by default.
   * @throws {LanchatError} If the host cannot be reached, or is not the expected one: the failure at the first
   * address, preferably one without another key. With code `host-key-changed` at once: no other address may
   * stand in for a known host.
   */
  async connect(signal: AbortSignal = this.#stopped.signal): Promise<SecureChannel> {
    this.#connection?.close();
    const known = this.#addresses;
    const announced = (this.#search?.addresses() ?? []).filter((address) => !has(known, address));
    const dialMs = known.length + announced.length > 1 ? NEXT_TIMEOUT_MS : DIAL_TIMEOUT_MS;
    const failures: Failure[] = [];
    for (const address of known) {
      const answer = await this.#attempt(address, signal, { dialMs, handshakeMs: HANDSHAKE_MS });
      if ("hop" in answer) return this.#connected(address, answer);
      failures.push(answer);
      // This address may come from an attacker, so it decides nothing about the others.
      if (answer.isOther) this.#drop(address);
    }
    const end = this.#clock.elapsed() + ANNOUNCED_MS;
    for (const address of announced) {
      const handshakeMs = end - this.#clock.elapsed();
      if (handshakeMs <= 0) break;
      const limits = { dialMs: Math.min(dialMs, handshakeMs), handshakeMs };
      const answer = await this.#attempt(address, signal, limits);
      if ("hop" in answer) return this.#connected(address, answer);
    }
    throw this.#conclude(failures);
  }

  /** Tries to connect, at announced addresses of the host as well, until that succeeds or the time is over. */
  async reconnect(): Promise<SecureChannel> {
    void this.#makeSpare();
    const { search = searchForHost } = this.#options;
    if (this.#hop !== undefined) {
      this.#search = search(await keyTag(this.#hop.peerKey), this.#reachedAt);
    }
    try {
      return await this.#backoff.retry((signal) => this.connect(signal));
    } finally {
      this.#search?.close();
      this.#search = undefined;
    }
  }

  /** Notes that this member is in the room: the next reconnect begins with short waits. */
  entered(): void {
    this.#backoff.succeeded();
  }

  /** Begins another session after one has ended. */
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
      this.#spare.catch(() => {}); // The caller that awaits it gets the failure.
    }
    return this.#spare;
  }

  /** Adopts a connection to the host. @throws {HandshakeError} With code `another-room`. */
  #connected(address: HostPort, channel: SecureChannel): SecureChannel {
    if (this.#hop !== undefined && !equal(channel.hop.roomId, this.#hop.roomId)) {
      this.#connection!.close();
      throw anotherRoom("has a different room now");
    }
    const others = this.#addresses.filter((other) => !isSame(other, address));
    this.#addresses = [address, ...others].slice(0, MAX_ADDRESSES);
    this.#hop = channel.hop;
    this.#session = channel.hop.session;
    this.#reachedAt = this.#connection!.remoteAddress;
    this.#refusals = 0;
    return channel;
  }

  /** Dials one address and shakes hands. @throws The signal's reason. */
  async #attempt(
    address: HostPort,
    signal: AbortSignal,
    { dialMs, handshakeMs }: AttemptLimits,
  ): Promise<SecureChannel | Failure> {
    const { dial: connect = dial, identity, psk } = this.#options;
    const { host, port } = address;
    let isOther = false;
    let initiator: Initiator | undefined;
    let shownAt: number | undefined;
    try {
      const keyPair = await this.#makeSpare();
      const connection = await connect(host, port, { signal, timeoutMs: dialMs });
      this.#connection = connection;
      this.#spare = undefined;
      initiator = new Initiator({
        identity,
        nonce: this.#nonce,
        keyPair,
        psk,
        trusts: async (key) => {
          isOther = true; // It stays so if `#trusts` throws.
          isOther = !await this.#trusts(key, address);
          return !isOther;
        },
        onM1: () => shownAt = this.#clock.elapsed(),
      });
      return await this.#shakeHands(connection, initiator, { address, signal, handshakeMs });
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
      // At a broker another room has another name, and other clients can end a handshake in good order.
      const isAccepted = this.#hop !== undefined && isBrokerAddress(host);
      if (isZero(psk) || isAccepted) return { error, isOther };
      // A bad network does not make an invite invalid that the host has accepted before.
      const isRefusal = isLost &&
        (this.#hop === undefined || error instanceof HandshakeError && silentMs < REFUSED_MS);
      return { error, isOther, isRefusal };
    }
  }

  async #trusts(key: Bytes, where: HostPort): Promise<boolean> {
    if (this.#hop === undefined) return await this.#options.trusts(key, where);
    if (equal(key, this.#hop.peerKey)) return true;
    throw anotherRoom("has a different key now");
  }

  /** Drops an address, unless it is the last one. */
  #drop(address: HostPort): void {
    if (this.#addresses.length > 1) {
      this.#addresses = this.#addresses.filter((other) => other !== address);
    }
  }

  /** The error of a try in which no address led to the host. @param failures Those at the known addresses. */
  #conclude(failures: readonly Failure[]): unknown {
    const { error } = failures.find(({ isOther }) => !isOther) ?? failures[0]!;
    const shown = failures.filter(({ isRefusal }) => isRefusal !== undefined);
    const isRefused = shown.length > 0 && shown.every(({ isRefusal }) => isRefusal);
    this.#refusals = isRefused ? this.#refusals + 1 : 0;
    if (!isRefused) return error;
    if (this.#hop === undefined) {
      const message = "Cannot join: the host does not accept this invite";
      return new HandshakeError("wrong-invite", message, { cause: error });
    }
    // One refusal may be chance; a host with another room refuses each time.
    if (this.#refusals < MAX_REFUSALS) return error;
    return anotherRoom("no longer accepts the invite", { cause: error });
  }

  /** Shakes hands within a time limit. */
  async #shakeHands(
    connection: Connection,
    initiator: Initiator,
    { handshakeMs, address, signal }: {
      readonly address: HostPort;
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
      const action = `Cannot join ${formatHostPort(address.host, address.port)}`;
      if (initiator.waitsForM2) throw stalled(action, error);
      const message = `${action}: no lanchat answers there`;
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

function has(addresses: readonly HostPort[], address: HostPort): boolean {
  return addresses.some((other) => isSame(other, address));
}

function anotherRoom(what: string, options: ErrorOptions = {}): HandshakeError {
  return new HandshakeError("another-room", `The host ${what}`, options);
}
