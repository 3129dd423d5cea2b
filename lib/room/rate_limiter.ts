import type { Clock } from "../clock.ts";

/** How many tokens a {@linkcode RateLimiter} hands out. */
export interface Rate {
  /** At once, after a pause; no request may be for more. */
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
 * A token bucket that serves requests in the order in which they came: callers that each have one request
 * at a time are served in turn.
 */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #waiting: Request[] = [];
  #tokens: number;
  #countedAt: number;
  #cancelTimer: () => void = () => {};

  /** Begins with a full bucket. */
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
   * Takes tokens, and waits for them if need be.
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
