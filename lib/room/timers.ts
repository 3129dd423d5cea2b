import type { Clock } from "../clock.ts";

/** Timers that go by a name; there is one of each at most. */
export class Timers {
  readonly #clock: Clock;
  /** What calls each of them off. */
  readonly #cancels = new Map<string, () => void>();

  /** Begins without any. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets a timer, in place of the one of that name. */
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

  /** Calls a timer off, if there is one of that name. */
  cancel(name: string): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  /** Calls all of them off. */
  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
