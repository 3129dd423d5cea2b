import { type Clock, systemClock } from "../clock.ts";
import { isLoopback, networkOf } from "../ip.ts";
import { RateLimiter } from "../rate_limiter.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

/** How long a caller may wait for its handshake, in milliseconds. */
export const MAX_WAIT_MS = 10_000;

interface Caller {
  readonly address: string;
  readonly network: string;
}

/**
 * Gives a place back; more than one call does no more.
 *
 * @param unused Whether the caller got no M2, and so does not count for the pace.
 */
export type Leave = (unused?: boolean) => void;

interface Waiting extends Caller {
  readonly answer: (leave: Leave | undefined) => void;
}

/**
 * Lets callers through a few at a time and at a bounded pace, no address before another. See PROTOCOL.md
 * §4.6.
 */
export class AdmissionQueue {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #inside = new Set<Caller>();
  #waiting: Waiting[] = [];
  /** In each second as many callers are let through as may be inside at once. */
  readonly #rate: RateLimiter;
  #cancelRefill: (() => void) | undefined;

  /** Starts with nobody inside. @param limits How many there may be. */
  constructor(limits: Limits = DEFAULT_LIMITS, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
    const { maxHandshakes } = limits;
    this.#rate = new RateLimiter({ burst: maxHandshakes, perSecond: maxHandshakes }, clock);
  }

  /**
   * Waits for a place.
   *
   * @param address The caller's IP address.
   * @returns Gives the place back; `undefined` where the caller must be sent away.
   */
  async enter(address: string): Promise<Leave | undefined> {
    const { promise, resolve: answer } = Promise.withResolvers<Leave | undefined>();
    const waiting = { ...callerFrom(address), answer };
    this.#waiting.push(waiting);
    this.#admitWaiting();
    if (this.#waiting.length > this.#limits.maxWaiting) this.#sendOneAway();
    const cancel = this.#clock.after(MAX_WAIT_MS, () => this.#sendAway(waiting));
    const place = await promise;
    cancel();
    return place;
  }

  /** Takes a place for an address, even beyond the limits. @returns Gives it back. */
  hold(address: string): () => void {
    return this.#place(callerFrom(address));
  }

  #admits({ address, network }: Caller): boolean {
    const { maxHandshakes, maxPerAddress } = this.#limits;
    const perAddress = maxPerAddress ?? Math.ceil(maxHandshakes / 4);
    // Whatever one network does, callers of another find places.
    const perNetwork = Math.max(perAddress, maxHandshakes - perAddress);
    const counts = maxPerAddress !== undefined || !isLoopback(address);
    const inside = [...this.#inside];
    return inside.length < maxHandshakes &&
      inside.filter((other) => other.network === network).length < perNetwork &&
      (!counts || inside.filter((other) => other.address === address).length < perAddress);
  }

  #place(caller: Caller): () => void {
    this.#inside.add(caller);
    return () => {
      if (this.#inside.delete(caller)) this.#admitWaiting();
    };
  }

  /** Lets callers in: first from the address with the fewest inside; of several, the oldest. */
  #admitWaiting(): void {
    while (this.#rate.msUntil(1) === 0) {
      const inside = countByAddress(this.#inside);
      const insideFrom = ({ address }: Caller): number => inside.get(address) ?? 0;
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
    const leave = this.#place(waiting);
    waiting.answer((unused = false) => {
      if (unused) this.#rate.putBack(1);
      leave();
    });
  }

  /** Sends one away from the address with the most waiting; of several, who has waited longest. */
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

function callerFrom(address: string): Caller {
  return { address, network: networkOf(address) };
}

function countByAddress(callers: Iterable<Caller>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { address } of callers) counts.set(address, (counts.get(address) ?? 0) + 1);
  return counts;
}
