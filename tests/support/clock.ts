import type { Clock } from "../../lib/clock.ts";

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test advances it. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #epoch: number;
  #timers: Timer[] = [];

  /** Starts at a time. @param now Milliseconds since 1970. */
  constructor(now = 1_700_000_000_000) {
    this.#epoch = now;
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  /** Sets the time of day; timers go on as before. @param now Milliseconds since 1970. */
  set(now: number): void {
    this.#epoch = now - this.#elapsed;
  }

  /** Advances while the process is stopped: timers due meanwhile run late. @param ms Time, in milliseconds. */
  oversleep(ms: number): void {
    this.#elapsed += ms;
    this.advance(0);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.#elapsed + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Advances, and runs due timers in order, each at its time. @param ms Time, in milliseconds. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    while (true) {
      const due = this.#timers.filter((timer) => timer.due <= end);
      if (due.length === 0) break;
      const next = due.reduce((first, timer) => timer.due < first.due ? timer : first);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.callback();
    }
    this.#elapsed = end;
  }
}

/** Resolves once all work that is due now is done. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
