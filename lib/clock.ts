/**
 * The program's source of time, which a test can replace.
 *
 * @module
 */

/** Tells the time and calls back later. */
export interface Clock {
  /** Milliseconds since 1970, as the machine is set: for times that are shown, not for durations. */
  now(): number;
  /** Milliseconds since some moment: unlike `now` it never jumps, and it may stand still in a sleep. */
  elapsed(): number;
  /**
   * Calls back once after `ms` milliseconds.
   *
   * @returns Cancels the timer; has no effect after it fired.
   */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (ms, callback) => {
    let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(callback, ms);
    return () => {
      clearTimeout(timer);
      timer = undefined; // Some callers keep this function for as long as a connection.
    };
  },
};

/** Time that a computation may take before others have their turn, in milliseconds. */
const TURN_MS = 8;

/** Collects values that take long to make, and lets other work have its turn in between. */
export async function inTurns<T>(values: Iterable<T>): Promise<T[]> {
  const all: T[] = [];
  let begun = performance.now();
  for (const value of values) {
    all.push(value);
    if (performance.now() - begun < TURN_MS) continue;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    begun = performance.now();
  }
  return all;
}

/** A day as `2026-03-01`, where this machine is. @param ms Milliseconds since 1970. */
export function day(ms: number): string {
  const time = new Date(ms);
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()]
    .map((number) => String(number).padStart(2, "0"))
    .join("-");
}

/**
 * Waits for a promise, but no longer than `ms` milliseconds.
 *
 * @returns Its value; `undefined` if the time is over first.
 *
 * @example A promise that never settles
 * ```ts
 * import { deadline, systemClock } from "./clock.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await deadline(systemClock, 1, new Promise(() => {})), undefined);
 * ```
 */
export async function deadline<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.after(ms, () => late.resolve(undefined));
  return await Promise.race([promise, late.promise]).finally(cancel);
}

/** Waits `ms` milliseconds, or until `signal` aborts. */
export async function delay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop);
  await promise;
  cancel();
  signal.removeEventListener("abort", stop);
}
