import type { Bytes } from "../bytes/mod.ts";
import { respond, type SecureChannel, type Transport } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Identity } from "../crypto/mod.ts";
import { busyGreeting, type HopSession, HostKeyRing, Responder } from "../handshake/mod.ts";
import { encodeFrame } from "../wire/mod.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { Relay } from "./relay.ts";
import { Turnstile } from "./turnstile.ts";

/** Time from the first byte to a seat in the room, in milliseconds. */
export const HANDSHAKE_MS = 10_000;

/** How long a handshake keeps its place that was given up after M2, in milliseconds. */
const ABANDONED_MS = 1000;

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
  /** Told of each member that got a seat, before the room is. */
  readonly onAdmitted?: (hop: HopSession) => void;
  /** Bounds the handshake. */
  readonly clock?: Clock;
}

/** Greets callers, shakes hands with them, and gives them to the relay. See PROTOCOL.md §4.6. */
export class Host {
  readonly #options: HostOptions;
  readonly #keys: HostKeyRing;
  readonly #clock: Clock;
  readonly #turnstile: Turnstile;
  readonly #strangers = new Set<Caller>();
  readonly #maxGuests: number;
  #guests = 0;
  #closed = false;

  /** Prepares to greet; begins to make RSA keys unless it is given some. */
  constructor(options: HostOptions) {
    const { clock = systemClock, keys, limits = DEFAULT_LIMITS, relay } = options;
    this.#options = options;
    this.#clock = clock;
    this.#keys = keys ?? new HostKeyRing({ clock });
    this.#turnstile = new Turnstile(limits, clock);
    // Connections that are being closed keep no seat: without a bound of their own they had none.
    this.#maxGuests = relay.maxMembers + limits.maxHandshakes;
  }

  /** Serves a caller until its connection ends, however that happens; never rejects. */
  async greet(caller: Caller): Promise<void> {
    if (this.#closed) return caller.close();
    this.#strangers.add(caller);
    try {
      const leave = this.#guests < this.#maxGuests
        ? await this.#turnstile.enter(caller.remoteAddress)
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
  }

  async #admit(caller: Caller, leave: () => void): Promise<void> {
    const cancelDeadline = this.#clock.after(HANDSHAKE_MS, () => caller.close());
    const done = (abandoned: boolean): void => {
      cancelDeadline();
      // Whoever tries until a join code suits gets few tries: PROTOCOL.md §4.5.
      if (abandoned && !this.#closed) this.#clock.after(ABANDONED_MS, leave);
      else leave();
    };
    let responder: Responder | undefined;
    let channel: SecureChannel;
    try {
      const { identity, psk, roomId } = this.#options;
      const hostKey = await this.#keys.current();
      responder = new Responder({ identity, roomId, hostKey, psk });
      channel = await respond(caller, responder);
    } catch (error) {
      done(responder?.answered ?? false);
      throw error;
    }
    this.#strangers.delete(caller);
    await this.#serve(channel, done);
  }

  async #serve(channel: SecureChannel, done: (abandoned: boolean) => void): Promise<void> {
    const { relay, onAdmitted } = this.#options;
    const { peerKey: key, session } = channel.hop;
    let admitted = false;
    await relay.serve(channel, { key, session }, () => {
      admitted = true;
      this.#guests++;
      done(false);
      onAdmitted?.(channel.hop);
    });
    if (admitted) this.#guests--;
    else done(true);
  }
}

/** Says that the host is busy. An honest caller has sent nothing yet that a close could answer with a reset. */
async function sendAway(caller: Caller): Promise<void> {
  const writer = caller.writable.getWriter();
  await writer.write(encodeFrame(busyGreeting()));
  await writer.close();
}
