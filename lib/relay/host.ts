import type { Bytes } from "../bytes/mod.ts";
import { respond, type SecureChannel, type Transport } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Identity } from "../crypto/mod.ts";
import { busyGreeting, type HopSession, HostKeyRing, Responder } from "../handshake/mod.ts";
import { encodeFrame } from "../wire/mod.ts";
import { FailedJoinCounter, type FailedJoins } from "./failed_joins.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { Relay } from "./relay.ts";
import { AdmissionQueue, type Leave } from "./admission_queue.ts";

/** Time from the first byte to the last of the handshake, in milliseconds. */
export const HANDSHAKE_MS = 10_000;

/** How long a caller that got M2 keeps its place, unless it enters the room, in milliseconds. */
const KEPT_MS = 1000;

/** Time in the room before which a caller that goes has its place taken once more, in milliseconds. */
const FLEETING_MS = 10_000;

/** A connection that came in. */
export interface Caller extends Transport {
  /** Its IP address. */
  readonly remoteAddress: string;
  /** Cuts it. */
  close(): void;
}

/** What a host is made of. */
export interface HostOptions {
  /** Who the host is. */
  readonly identity: Identity;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The room's pre-shared key; 32 zero bytes for an open room. */
  readonly psk: Bytes;
  /** Where guests go. */
  readonly relay: Relay;
  /** Those on handshakes are kept here, those on members by the relay. */
  readonly limits?: Limits;
  /** The host's RSA keys. */
  readonly keys?: HostKeyRing;
  /** Told of each member that is in the room, before the others are. */
  readonly onAdmitted?: (hop: HopSession) => void;
  /** Called with the failed joins where there are many, at most once a minute. */
  readonly onFailedJoins?: (joins: FailedJoins) => void;
  /** Bounds the handshake. */
  readonly clock?: Clock;
}

/** Greets callers, shakes hands with them, and gives them to the relay. See PROTOCOL.md §4.6. */
export class Host {
  readonly #options: HostOptions;
  readonly #keys: HostKeyRing;
  readonly #clock: Clock;
  readonly #queue: AdmissionQueue;
  readonly #failedJoins: FailedJoinCounter;
  readonly #strangers = new Set<Caller>();
  /** Each gives a place back that is kept after its caller has gone. */
  readonly #kept = new Set<() => void>();
  readonly #maxGuests: number;
  #guests = 0;
  #closed = false;

  /** Prepares to greet; begins to make RSA keys unless it is given some. */
  constructor(options: HostOptions) {
    const { clock = systemClock, keys, limits = DEFAULT_LIMITS, relay } = options;
    this.#options = options;
    this.#clock = clock;
    this.#keys = keys ?? new HostKeyRing({ clock });
    this.#queue = new AdmissionQueue(limits, clock);
    this.#failedJoins = new FailedJoinCounter(options.onFailedJoins ?? (() => {}), clock);
    // Connections that are being closed keep no seat: without a bound of their own they had none.
    this.#maxGuests = relay.maxMembers + limits.maxHandshakes;
  }

  /** Serves a caller until its connection ends, however that happens; never rejects. */
  async greet(caller: Caller): Promise<void> {
    if (this.#closed) return caller.close();
    this.#strangers.add(caller);
    try {
      const leave = this.#guests < this.#maxGuests
        ? await this.#queue.enter(caller.remoteAddress)
        : undefined;
      if (leave === undefined) await sendAway(caller);
      else await this.#admit(caller, leave);
    } catch {
      // Nothing that a caller does may reach further than its own connection.
    } finally {
      this.#strangers.delete(caller);
      caller.close();
    }
  }

  /** Cuts everybody whom the relay does not serve yet and greets nobody any more. */
  close(): void {
    this.#closed = true;
    for (const caller of this.#strangers) caller.close();
    for (const release of this.#kept) release();
  }

  async #admit(caller: Caller, leave: Leave): Promise<void> {
    const cancelDeadline = this.#clock.after(HANDSHAKE_MS, () => caller.close());
    let responder: Responder | undefined;
    let channel: SecureChannel;
    try {
      const { identity, psk, roomId } = this.#options;
      const hostKey = await this.#keys.current();
      responder = new Responder({ identity, roomId, hostKey, psk });
      channel = await respond(caller, responder);
    } catch (error) {
      if (responder?.answered ?? false) this.#keep(caller, leave);
      else leave(true);
      throw error;
    } finally {
      cancelDeadline();
    }
    this.#strangers.delete(caller);
    await this.#serve(caller, channel, leave);
  }

  async #serve(caller: Caller, channel: SecureChannel, leave: Leave): Promise<void> {
    const { relay, onAdmitted } = this.#options;
    const { nonce, peerKey: key, session } = channel.hop;
    let placed = true;
    let enteredAt: number | undefined;
    const giveUpPlace = (): void => {
      cancelKeep();
      if (placed) this.#guests++;
      placed = false;
      leave();
    };
    const cancelKeep = this.#clock.after(KEPT_MS, giveUpPlace);
    const address = caller.remoteAddress;
    await relay.serve(channel, { key, nonce, session, address }, () => {
      enteredAt = this.#clock.elapsed();
      giveUpPlace();
      onAdmitted?.(channel.hop);
    });
    cancelKeep();
    if (!placed) this.#guests--;
    if (enteredAt !== undefined && this.#clock.elapsed() - enteredAt >= FLEETING_MS) return;
    this.#keep(caller, placed ? leave : this.#queue.hold(caller.remoteAddress));
  }

  /** Keeps the place of a caller that got M2 and did not stay in the room. See PROTOCOL.md §4.6. */
  #keep({ remoteAddress }: Caller, leave: () => void): void {
    this.#failedJoins.note(remoteAddress);
    const release = (): void => {
      this.#kept.delete(release);
      cancel();
      leave();
    };
    const cancel = this.#clock.after(KEPT_MS, release);
    this.#kept.add(release);
    if (this.#closed) release();
  }
}

/** Says that the host is busy. An honest caller has sent nothing yet that a close could answer with a reset. */
async function sendAway(caller: Caller): Promise<void> {
  const writer = caller.writable.getWriter();
  await writer.write(encodeFrame(busyGreeting()));
  await writer.close();
}
