/**
 * A timer whose callback runs some time after its last start.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** Calls a function some time after the last start. */
export class RestartableTimer {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #cancel: (() => void) | undefined;

  /** Creates a stopped timer. */
  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** Whether the call is pending. */
  get running(): boolean {
    return this.#cancel !== undefined;
  }

  /** Starts, or restarts, the timer. @param ms Delay, in milliseconds. */
  start(ms: number): void {
    this.stop();
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#callback();
    });
  }

  /** Cancels the call. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
