/**
 * A timer that counts only the time in which it is not paused.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";

/** Fires after some time in one piece: each pause begins the time again. */
export class PausableTimer {
  readonly #clock: Clock;
  readonly #fired = Promise.withResolvers<void>();
  #ms: number | undefined;
  #paused = false;
  #cancel: () => void = () => {};

  /** Makes a timer that is not started. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Starts the timer. @param ms Milliseconds without a pause. @returns Resolves when it fires. */
  start(ms: number): Promise<void> {
    this.#ms = ms;
    this.#restart();
    return this.#fired.promise;
  }

  /** Pauses the timer. */
  pause(): void {
    this.#paused = true;
    this.#cancel();
  }

  /** Ends the pause. */
  resume(): void {
    this.#paused = false;
    this.#restart();
  }

  #restart(): void {
    this.#cancel();
    if (this.#ms === undefined || this.#paused) return;
    this.#cancel = this.#clock.after(this.#ms, this.#fired.resolve);
  }
}
