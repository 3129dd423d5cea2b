/**
 * The host: takes connections through admission and handshake, and gives them to the relay.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { BROKER_CALLER } from "../broker_address.ts";
import { respond, type SecureChannel, type Transport } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Identity } from "../crypto/mod.ts";
import { busyGreeting, type HopSession, HostKeyRing, Responder } from "../handshake/mod.ts";
import { encodeFrame } from "../wire/mod.ts";
import { AdmissionQueue, type ReleasePlace } from "./admission_queue.ts";
import { FailedJoinCounter, type FailedJoins } from "./failed_joins.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { Relay } from "./relay.ts";

/** Maximum time of a handshake, in milliseconds. */
export const HANDSHAKE_MS = 10_000;

/**
 * Time that a caller through a broker has for its handshake while others wait, in milliseconds: no address tells
 * the silent ones from others, and they would keep every place.
 */
const CONTESTED_MS = 3000;

/** Time that a connection which got M2 keeps its place, unless it enters the room, in milliseconds. */
const KEPT_MS = 1000;

/** Time in the room below which a connection that ends takes its place once more, in milliseconds. */
const FLEETING_MS = 10_000;

/** A connection that was accepted from the network. */
export interface IncomingConnection extends Transport {
  /** The other side's IP address. */
  readonly remoteAddress: string;
  /** Closes both directions at once. */
  close(): void;
}

/** Dependencies of {@linkcode Host}. */
export interface HostOptions {
  /** The host's identity. */
  readonly identity: Identity;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The room's pre-shared key; 32 zero bytes for an open room. */
  readonly psk: Bytes;
  /** Serves the connections that have finished their handshake. */
  readonly relay: Relay;
  /** Limits: the host enforces those on handshakes, the relay those on members. */
  readonly limits?: Limits;
  /** The host's RSA keys. */
  readonly keys?: HostKeyRing;
  /** Called with each member that has entered the room, before the relay tells the others. */
  readonly onAdmitted?: (hop: HopSession) => void;
  /** Called with the failed joins if there are many, at most once a minute. */
  readonly onFailedJoins?: (joins: FailedJoins) => void;
  /** Times the handshake and the places in the queue. */
  readonly clock?: Clock;
}

/** Admits connections, shakes hands with them, and gives them to the relay. See PROTOCOL.md §4.6. */
export class Host {
  readonly #options: HostOptions;
  readonly #keys: HostKeyRing;
  readonly #clock: Clock;
  readonly #queue: AdmissionQueue;
  readonly #failedJoins: FailedJoinCounter;
  /** Connections that have not finished their handshake. */
  readonly #pending = new Set<IncomingConnection>();
  /** Handshakes with callers through a broker, and when each began. */
  readonly #contested = new Map<IncomingConnection, { since: number; responder: Responder }>();
  /** Release the places that are kept after their connections have ended. */
  readonly #kept = new Set<() => void>();
  readonly #maxAdmitted: number;
  /** Connections that the relay serves and that have released their place in the queue. */
  #admitted = 0;
  #closed = false;

  /** Makes a host; starts to generate RSA keys unless it is given some. */
  constructor(options: HostOptions) {
    const { clock = systemClock, keys, limits = DEFAULT_LIMITS, relay } = options;
    this.#options = options;
    this.#clock = clock;
    this.#keys = keys ?? new HostKeyRing({ clock });
    this.#queue = new AdmissionQueue(limits, clock);
    this.#failedJoins = new FailedJoinCounter(options.onFailedJoins ?? (() => {}), clock);
    // Connections that are being closed have no seat: nothing else bounds their number.
    this.#maxAdmitted = relay.maxMembers + limits.maxHandshakes;
  }

  /** Serves a connection until it ends, however that happens; never rejects. */
  async greet(connection: IncomingConnection): Promise<void> {
    if (this.#closed) return connection.close();
    this.#pending.add(connection);
    try {
      const entering = this.#admitted < this.#maxAdmitted
        ? this.#queue.enter(connection.remoteAddress)
        : undefined;
      this.#endContested();
      const release = await entering;
      if (release === undefined) return await sendAway(connection);
      const channel = await this.#shakeHands(connection, release);
      this.#pending.delete(connection);
      await this.#serve(connection, channel, release);
    } catch {
      // Nothing that one caller sends may affect another connection.
    } finally {
      this.#pending.delete(connection);
      connection.close();
    }
  }

  /** Closes all connections that the relay does not serve yet, and every later one. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#pending) connection.close();
    for (const release of this.#kept) release();
  }

  /** Shakes hands within {@linkcode HANDSHAKE_MS}; of what that takes, only the channel stays in memory. */
  async #shakeHands(
    connection: IncomingConnection,
    release: ReleasePlace,
  ): Promise<SecureChannel> {
    const cancelDeadline = this.#clock.after(HANDSHAKE_MS, () => connection.close());
    let cancelContest = (): void => {};
    let responder: Responder | undefined;
    try {
      const { identity, psk, roomId } = this.#options;
      const hostKey = await this.#keys.current();
      responder = new Responder({ identity, roomId, hostKey, psk });
      if (connection.remoteAddress === BROKER_CALLER) {
        this.#contested.set(connection, { since: this.#clock.elapsed(), responder });
        cancelContest = this.#clock.after(CONTESTED_MS, this.#endContested);
      }
      return await respond(connection, responder);
    } catch (error) {
      if (responder?.answered ?? false) this.#keep(connection, release);
      else release(true);
      throw error;
    } finally {
      cancelDeadline();
      cancelContest();
      this.#contested.delete(connection);
    }
  }

  /** Ends the handshakes whose callers have had {@linkcode CONTESTED_MS}, if others wait. */
  readonly #endContested = (): void => {
    if (!this.#queue.hasWaiting) return;
    const latest = this.#clock.elapsed() - CONTESTED_MS;
    for (const [connection, { responder, since }] of this.#contested) {
      if (since <= latest && responder.waitsForMember) connection.close();
    }
  };

  async #serve(
    connection: IncomingConnection,
    channel: SecureChannel,
    release: ReleasePlace,
  ): Promise<void> {
    const { relay, onAdmitted } = this.#options;
    const { nonce, peerKey: key, session } = channel.hop;
    let hasPlace = true;
    let enteredAt: number | undefined;
    const giveUpPlace = (): void => {
      cancelKeep();
      if (hasPlace) this.#admitted++;
      hasPlace = false;
      release();
    };
    const cancelKeep = this.#clock.after(KEPT_MS, giveUpPlace);
    const address = connection.remoteAddress;
    await relay.serve(channel, { key, nonce, session, address }, () => {
      enteredAt = this.#clock.elapsed();
      giveUpPlace();
      onAdmitted?.(channel.hop);
    });
    cancelKeep();
    if (!hasPlace) this.#admitted--;
    if (enteredAt !== undefined && this.#clock.elapsed() - enteredAt >= FLEETING_MS) return;
    this.#keep(connection, hasPlace ? release : this.#queue.hold(connection.remoteAddress));
  }

  /** Keeps the place of a connection that got M2 and did not stay in the room. See PROTOCOL.md §4.6. */
  #keep({ remoteAddress }: IncomingConnection, release: () => void): void {
    this.#failedJoins.note(remoteAddress);
    const releaseKept = (): void => {
      this.#kept.delete(releaseKept);
      cancel();
      release();
    };
    const cancel = this.#clock.after(KEPT_MS, releaseKept);
    this.#kept.add(releaseKept);
    if (this.#closed) releaseKept();
  }
}

/** Sends the busy greeting. An honest caller has not sent a byte yet, so the close causes no reset. */
async function sendAway(connection: IncomingConnection): Promise<void> {
  const writer = connection.writable.getWriter();
  await writer.write(encodeFrame(busyGreeting()));
  await writer.close();
}
