/**
 * Timers by name, so that one can be replaced or canceled without keeping its handle.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** Named timers, at most one of each name. */
export class Timers {
  readonly #clock: Clock;
  /** Cancels each timer. */
  readonly #cancels = new Map<string, () => void>();

  /** Creates an empty set of timers. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets a timer, and cancels an earlier one of the same name. */
  after(name: string, ms: number, callback: () => void): void {
    this.cancel(name);
    const due = (): void => {
      this.#cancels.delete(name);
      callback();
    };
    this.#cancels.set(name, this.#clock.after(ms, due));
  }

  /** Whether a timer is running. */
  has(name: string): boolean {
    return this.#cancels.has(name);
  }

  /** Cancels a timer if it is running. */
  cancel(name: string): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  /** Cancels all timers. */
  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
