import type { Clock } from "../clock.ts";

/** Calls a function once some time has passed since it was started last. */
export class RestartableTimer {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #cancel: (() => void) | undefined;

  /** Waits to be started. */
  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** Whether the function is still to be called. */
  get running(): boolean {
    return this.#cancel !== undefined;
  }

  /** Begins again. @param ms How long, in milliseconds. */
  start(ms: number): void {
    this.stop();
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#callback();
    });
  }

  /** Does not call the function. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
