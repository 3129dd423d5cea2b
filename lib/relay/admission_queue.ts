/**
 * The admission queue: which connections may shake hands now.
 *
 * @module
 */
import { isLoopback, networkOf } from "../address.ts";
import { BROKER_CALLER } from "../broker_address.ts";
import { type Clock, systemClock } from "../clock.ts";
import { RateLimiter } from "../rate_limiter.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

/** Maximum wait of a connection for its handshake, in milliseconds. */
export const MAX_WAIT_MS = 10_000;

/** The origin of a connection. */
interface Origin {
  readonly address: string;
  /** The network of the address, from `networkOf`. */
  readonly network: string;
}

/**
 * Releases a place; further calls do nothing.
 *
 * @param unused Whether the connection got no M2, and so does not count against the rate.
 */
export type ReleasePlace = (unused?: boolean) => void;

/** A connection in the queue. */
interface Waiting extends Origin {
  readonly answer: (leave: ReleasePlace | undefined) => void;
}

/**
 * Admits connections a few at a time and at a bounded rate, no address before another. See PROTOCOL.md §4.6.
 */
export class AdmissionQueue {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #inside = new Set<Origin>();
  #waiting: Waiting[] = [];
  /** Admits as many connections in a second as may have a place at once. */
  readonly #rate: RateLimiter;
  #cancelRefill: (() => void) | undefined;

  /** Starts with an empty queue. */
  constructor(limits: Limits = DEFAULT_LIMITS, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
    const { maxHandshakes } = limits;
    this.#rate = new RateLimiter({ burst: maxHandshakes, perSecond: maxHandshakes }, clock);
  }

  /**
   * Waits for a place.
   *
   * @param address The connection's IP address.
   * @returns Releases the place; `undefined` if the host must send the connection away.
   */
  async enter(address: string): Promise<ReleasePlace | undefined> {
    const { promise, resolve: answer } = Promise.withResolvers<ReleasePlace | undefined>();
    const waiting = { ...originOf(address), answer };
    this.#waiting.push(waiting);
    this.#admitWaiting();
    if (this.#waiting.length > this.#limits.maxWaiting) this.#sendOneAway();
    const cancel = this.#clock.after(MAX_WAIT_MS, () => this.#sendAway(waiting));
    const place = await promise;
    cancel();
    return place;
  }

  /** Whether a connection waits for a place. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes a place for an address, even beyond the limits. @returns Releases it. */
  hold(address: string): () => void {
    return this.#place(originOf(address));
  }

  #admits({ address, network }: Origin): boolean {
    const { maxHandshakes, maxPerAddress } = this.#limits;
    const perAddress = maxPerAddress ?? Math.ceil(maxHandshakes / 4);
    // One network cannot take all places.
    const perNetwork = Math.max(perAddress, maxHandshakes - perAddress);
    const counts = address !== BROKER_CALLER &&
      (maxPerAddress !== undefined || !isLoopback(address));
    const inside = [...this.#inside];
    return inside.length < maxHandshakes &&
      inside.filter((other) => other.network === network).length < perNetwork &&
      (!counts || inside.filter((other) => other.address === address).length < perAddress);
  }

  #place(origin: Origin): () => void {
    this.#inside.add(origin);
    return () => {
      if (this.#inside.delete(origin)) this.#admitWaiting();
    };
  }

  /** Admits connections: first from the address with the fewest places; of several, the oldest. */
  #admitWaiting(): void {
    while (this.#rate.msUntil(1) === 0) {
      const inside = countByAddress(this.#inside);
      const insideFrom = ({ address }: Origin): number => inside.get(address) ?? 0;
      const [next] = this.#waiting.filter((waiting) => this.#admits(waiting))
        .sort((a, b) => insideFrom(a) - insideFrom(b));
      if (next === undefined) return;
      this.#admit(next);
    }
    if (this.#waiting.length === 0 || this.#cancelRefill !== undefined) return;
    this.#cancelRefill = this.#clock.after(this.#rate.msUntil(1), () => {
      this.#cancelRefill = undefined;
      this.#admitWaiting();
    });
  }

  #admit(waiting: Waiting): void {
    this.#rate.tryTake(1);
    this.#forget(waiting);
    const release = this.#place(waiting);
    waiting.answer((unused = false) => {
      if (unused) this.#rate.putBack(1);
      release();
    });
  }

  /** Sends a connection away: from the address with the most waiting; of several, the oldest. */
  #sendOneAway(): void {
    const waiting = countByAddress(this.#waiting);
    const most = Math.max(...waiting.values());
    this.#sendAway(this.#waiting.find(({ address }) => waiting.get(address) === most)!);
  }

  #sendAway(waiting: Waiting): void {
    this.#forget(waiting);
    waiting.answer(undefined);
  }

  #forget(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    if (this.#waiting.length > 0) return;
    this.#cancelRefill?.();
    this.#cancelRefill = undefined;
  }
}

function originOf(address: string): Origin {
  return { address, network: networkOf(address) };
}

function countByAddress(origins: Iterable<Origin>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { address } of origins) counts.set(address, (counts.get(address) ?? 0) + 1);
  return counts;
}
