import type { Clock } from "../clock.ts";

/** How much may come at once after a pause, in milliseconds of the rate. */
const BURST_MS = 1000;

/** Slows what comes faster than a rate, by waiting: nothing is refused. */
export class Pace {
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  #credit: number;
  #since: number;
  #stopped = false;
  #goOn: () => void = () => {};

  /** Starts with a second's worth to spend. @param rate Bytes a second. */
  constructor(rate: number, clock: Clock) {
    this.#bytesPerMs = rate / 1000;
    this.#clock = clock;
    this.#credit = BURST_MS * this.#bytesPerMs;
    this.#since = clock.elapsed();
  }

  /** Has nobody wait any more. */
  stop(): void {
    this.#stopped = true;
    this.#goOn();
  }

  /** Spends bytes; resolves when more may come. Calls must not overlap. */
  async spend(bytes: number): Promise<void> {
    const now = this.#clock.elapsed();
    const gained = (now - this.#since) * this.#bytesPerMs;
    this.#credit = Math.min(BURST_MS * this.#bytesPerMs, this.#credit + gained) - bytes;
    this.#since = now;
    if (this.#credit >= 0 || this.#stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(Math.ceil(-this.#credit / this.#bytesPerMs), resolve);
    this.#goOn = resolve;
    await promise;
    cancel();
  }
}
