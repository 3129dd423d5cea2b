/**
 * Trying again with growing waits, and the errors after which that makes sense.
 *
 * @module
 */
import { type Clock, delay, systemClock } from "../clock.ts";
import { ChannelError, type Code, LanchatError, NetError } from "../errors.ts";

/** Waits before the first tries, in milliseconds; all later tries wait as the last. */
export const RETRY_MS: readonly number[] = [1000, 2000, 4000, 8000, 16_000, 30_000];

/** Errors that may pass by themselves: of the network, of a host that restarts, of altered bytes. */
const TRANSIENT: ReadonlySet<Code> = new Set<Code>([
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

/** Whether another try after this error makes sense. */
export function isTransient(code: Code): boolean {
  return TRANSIENT.has(code);
}

/** Whether an error says that this user may not do something. */
export function isRefusal(error: unknown): error is LanchatError {
  return error instanceof LanchatError && error.code === "permission-denied";
}

/** Makes a refusal an error after which another try makes sense: the permissions of a broker may change. */
export function passing(refusal: LanchatError): NetError {
  const { hint, message } = refusal;
  return new NetError("unreachable", message, { cause: refusal, hint });
}

/** Dependencies of {@linkcode Backoff}. */
export interface BackoffOptions {
  /** How long to try, in milliseconds; `Infinity` for no limit. */
  readonly giveUpMs: number;
  /** Ends the tries. */
  readonly signal: AbortSignal;
  /** Resolves when the next try need not wait longer; its work ends at the signal. */
  readonly changed?: (signal: AbortSignal) => Promise<void>;
  /** Returns 0 to 1: spreads the tries of many clients over time. */
  readonly random?: () => number;
  /** The time. */
  readonly clock?: Clock;
}

/** Tries an action until it succeeds, with growing waits. */
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
   * Tries until a try succeeds, each time after a wait.
   *
   * @param attempt Called with a signal that aborts when the time is over, or with the signal of the options.
   * @throws {LanchatError} The error of a try, if it is not transient; `connection-lost` or `busy` when the time
   * is over; the signal's reason.
   */
  async retry<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
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
        throw new ChannelError(code, `Gave up after ${giveUpMs / 1000} s${why}`, {
          cause: last,
          ...last !== undefined && { hint: last.hint },
        });
      }
      const late = new AbortController();
      try {
        return await this.#inTime(attempt, this.#deadline - this.#clock.elapsed(), late);
      } catch (error) {
        if (signal.aborted || !(error instanceof LanchatError) || !isTransient(error.code)) {
          throw error;
        }
        // An interrupted try does not outweigh the host's earlier answer, or the broker's.
        const isAnswer = last?.code === "busy" || isRefusal(last?.cause);
        if (!late.signal.aborted || !isAnswer) last = error;
      }
    }
  }

  /** Resets the waits and the time limit after a success. */
  succeeded(): void {
    this.#tries = 0;
    this.#deadline = undefined;
  }

  /** Tries once, for at most `ms` milliseconds. @param late Aborted when they are over. */
  async #inTime<T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    ms: number,
    late: AbortController,
  ): Promise<T> {
    const { signal } = this.#options;
    if (ms === Infinity) return await attempt(signal);
    const cancel = this.#clock.after(ms, () => {
      late.abort(new ChannelError("connection-lost", "The host doesn't answer"));
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
