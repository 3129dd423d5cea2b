/**
 * A token bucket: the one way in which lanchat bounds a rate.
 *
 * @module
 */
import { type Clock, delay } from "./clock.ts";

/** How many tokens a {@linkcode RateLimiter} grants. */
export interface Rate {
  /** At once, after a pause. {@linkcode RateLimiter.take} never grants a request for more. */
  readonly burst: number;
  /** In each second after that. */
  readonly perSecond: number;
}

/** One request that waits. */
interface Request {
  readonly tokens: number;
  readonly grant: () => void;
}

/**
 * A token bucket that grants requests in the order in which they came: callers that each have one request
 * at a time are served in turn.
 *
 * @example Two at once, then one each second
 * ```ts
 * import { RateLimiter } from "./rate_limiter.ts";
 * import { systemClock } from "./clock.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const limiter = new RateLimiter({ burst: 2, perSecond: 1 }, systemClock);
 * const taken = [limiter.tryTake(1), limiter.tryTake(1), limiter.tryTake(1)];
 * assertEquals(taken, [true, true, false]);
 * ```
 */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #waiting: Request[] = [];
  #tokens: number;
  #countedAt: number;
  #cancelTimer: () => void = () => {};

  /** Makes a full bucket. */
  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#countedAt = clock.elapsed();
  }

  /** Takes tokens if there are enough and no request waits. @returns Whether it did. */
  tryTake(tokens: number): boolean {
    if (this.#waiting.length > 0 || this.msUntil(tokens) > 0) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Puts back tokens that were taken and not used. */
  putBack(tokens: number): void {
    this.#tokens += tokens;
  }

  /** Milliseconds until there are so many tokens. */
  msUntil(tokens: number): number {
    const now = this.#clock.elapsed();
    const { burst, perSecond } = this.#rate;
    const gained = (now - this.#countedAt) * perSecond / 1000;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#countedAt = now;
    return Math.ceil(Math.max(0, tokens - this.#tokens) * 1000 / perSecond);
  }

  /**
   * Takes tokens, and waits for them if necessary.
   *
   * @param signal Ends the wait.
   * @returns Whether they were taken.
   */
  async take(tokens: number, signal: AbortSignal): Promise<boolean> {
    if (this.tryTake(tokens)) return true;
    if (signal.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const request = { tokens, grant: () => resolve(true) };
    const withdraw = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(request), 1);
      resolve(false);
      this.#serve();
    };
    this.#waiting.push(request);
    signal.addEventListener("abort", withdraw, { once: true });
    this.#serve();
    const taken = await promise;
    signal.removeEventListener("abort", withdraw);
    return taken;
  }

  /**
   * Takes tokens at once, on credit if there are too few, and waits until the debt is paid: for something
   * that has happened already, whatever its size. Calls must not overlap.
   *
   * @param signal Ends the wait.
   */
  async spend(tokens: number, signal: AbortSignal): Promise<void> {
    this.msUntil(0); // A pause before this request counts up to the burst only.
    this.#tokens -= tokens;
    const ms = this.msUntil(0);
    if (ms > 0) await delay(this.#clock, ms, signal);
  }

  #serve(): void {
    this.#cancelTimer();
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const ms = this.msUntil(next.tokens);
      if (ms > 0) {
        this.#cancelTimer = this.#clock.after(ms, () => this.#serve());
        return;
      }
      this.#tokens -= next.tokens;
      this.#waiting.shift();
      next.grant();
    }
  }
}
