/** The messages that a person has not seen yet, as far as the keys that they press can tell. */
import { type Clock, systemClock } from "../clock.ts";

/**
 * Time after a return in which messages still count as from the absence, in milliseconds: what the
 * system kept for a stopped program comes only after it continues.
 */
const ARRIVAL_MS = 1000;

/** Why a person may miss messages: lanchat is paused, or its connection is lost. */
export type AbsenceCause = "paused" | "disconnected";

/**
 * Counts the messages since the last key, and finds the first one of an absence.
 *
 * @example A pause in which a message comes
 * ```ts
 * import { Unread } from "./unread.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const unread = new Unread();
 * unread.leave("paused");
 * assertEquals(typeof unread.add(), "number"); // The start of the absence.
 * assertEquals(unread.add(), undefined);
 * unread.comeBack("paused");
 * assertEquals(unread.count, 2);
 * unread.see();
 * assertEquals(unread.count, 0);
 * ```
 */
export class Unread {
  readonly #clock: Clock;
  readonly #causes = new Set<AbsenceCause>();
  /** When the absence began, in milliseconds since 1970. */
  #since = 0;
  /** When the last absence ended, by the clock's elapsed time. */
  #endedAt = -Infinity;
  /** Whether a rule stands above a message that the person may not have seen. */
  #hasRule = false;
  #count = 0;
  /** The time of the last key or message, in milliseconds since 1970. */
  #lastAt: number;

  /** Starts without messages. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#lastAt = clock.now();
  }

  /** The number of messages since the last key. */
  get count(): number {
    return this.#count;
  }

  /** Notes a key: the person has seen everything. */
  see(): void {
    this.#count = 0;
    this.#lastAt = this.#clock.now();
    if (this.#causes.size > 0) return;
    this.#hasRule = false;
    this.#endedAt = -Infinity;
  }

  /** Notes that an absence begins. */
  leave(cause: AbsenceCause): void {
    if (this.#causes.size === 0) this.#since = this.#clock.now();
    this.#causes.add(cause);
  }

  /** Notes that an absence ends. */
  comeBack(cause: AbsenceCause): void {
    if (this.#causes.delete(cause)) this.#endedAt = this.#clock.elapsed();
  }

  /** Notes that the system stopped the program and continues it: maybe without a pause before. */
  goOn(): void {
    if (this.#causes.size === 0) this.#since = this.#lastAt;
    this.#causes.add("paused");
    this.comeBack("paused");
  }

  /**
   * Counts a message.
   *
   * @returns If a rule belongs above it: when the absence began, in milliseconds since 1970.
   */
  add(): number | undefined {
    this.#count++;
    this.#lastAt = this.#clock.now();
    const isAbsent = this.#causes.size > 0 ||
      this.#clock.elapsed() - this.#endedAt < ARRIVAL_MS;
    if (!isAbsent || this.#hasRule) return undefined;
    this.#hasRule = true;
    return this.#since;
  }
}
