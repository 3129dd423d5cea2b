import { type Clock, delay, systemClock } from "../clock.ts";
import { ChannelError, type Code, LanchatError } from "../errors.ts";

/** How long the first tries wait, in milliseconds; all later ones wait like the last. */
export const RETRY_MS: readonly number[] = [1000, 2000, 4000, 8000, 16_000, 30_000];

/** What passes by itself, or may: the network, a host that begins anew, bytes that were altered. */
const PASSING: ReadonlySet<Code> = new Set<Code>([
  "connection-lost",
  "connection-refused",
  "unreachable",
  "name-not-found",
  "busy",
  "not-lanchat",
  "handshake-failed",
  "handshake-stalled",
  "protocol-error",
  "too-slow",
  "seat-lost",
]);

/** Whether it makes sense to try once more after an error. */
export function passes(code: Code): boolean {
  return PASSING.has(code);
}

/** How to try. */
export interface BackoffOptions {
  /** How long to try, in milliseconds; `Infinity` for ever. */
  readonly giveUpMs: number;
  /** Ends the tries. */
  readonly signal: AbortSignal;
  /** Resolves when the next try need not wait any longer; ends at the signal. */
  readonly changed?: (signal: AbortSignal) => Promise<void>;
  /** From 0 to 1: spreads the tries of many over time. */
  readonly random?: () => number;
  /** The time. */
  readonly clock?: Clock;
}

/** Tries the same again and again, ever more slowly, until it works out. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #clock: Clock;
  #tries = 0;
  #deadline: number | undefined;

  /** Prepares to try. */
  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Tries, each time after a wait.
   *
   * @param attempt Given a signal that ends it when the time is up, or at the signal of the options.
   * @throws {LanchatError} What the last try failed with, if that does not pass; `connection-lost`
   * or `busy` where it was tried for long enough; the signal's reason.
   */
  async dial<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { giveUpMs, signal } = this.#options;
    this.#deadline ??= this.#clock.elapsed() + giveUpMs;
    let last: LanchatError | undefined;
    while (true) {
      signal.throwIfAborted();
      const left = this.#deadline - this.#clock.elapsed();
      if (left > 0) await this.#wait(Math.min(left, this.#nextWait()));
      signal.throwIfAborted();
      if (this.#clock.elapsed() >= this.#deadline) {
        const why = last === undefined ? "" : `: ${last.message}`;
        const code = last?.code === "busy" ? last.code : "connection-lost";
        throw new ChannelError(code, `Gave up after ${giveUpMs / 1000} s${why}`, { cause: last });
      }
      const late = new AbortController();
      try {
        return await this.#inTime(attempt, this.#deadline - this.#clock.elapsed(), late);
      } catch (error) {
        if (signal.aborted || !(error instanceof LanchatError) || !passes(error.code)) throw error;
        // A try that was cut off takes back nothing of what the host had said.
        if (!late.signal.aborted || last?.code !== "busy") last = error;
      }
    }
  }

  /** It has worked out: the next time begins with short waits, and has all the time again. */
  succeeded(): void {
    this.#tries = 0;
    this.#deadline = undefined;
  }

  /** Tries once, for so many milliseconds at most. @param late Aborted where they are over. */
  async #inTime<T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    ms: number,
    late: AbortController,
  ): Promise<T> {
    const { signal } = this.#options;
    if (ms === Infinity) return await attempt(signal);
    const cancel = this.#clock.after(ms, () => {
      late.abort(new ChannelError("connection-lost", "The host does not answer"));
    });
    try {
      return await attempt(AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  }

  #nextWait(): number {
    const { random = Math.random } = this.#options;
    const ms = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]!;
    return ms * (0.5 + random() / 2);
  }

  async #wait(ms: number): Promise<void> {
    const { changed, signal } = this.#options;
    const over = new AbortController();
    const waited = delay(this.#clock, ms, AbortSignal.any([signal, over.signal]));
    await (changed === undefined ? waited : Promise.race([waited, changed(over.signal)]));
    over.abort();
  }
}
