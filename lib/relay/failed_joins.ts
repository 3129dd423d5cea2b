/**
 * Counts joins that fail, because many of them may be an attack.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** Failed joins that make a report: fewer prove nothing, because programs and people come and go. */
const MANY = 30;

/** Least time between two reports, and the time in which that many must fail, in milliseconds. */
const REPORT_MS = 60_000;

/** Maximum addresses counted one by one; joins from further ones only add to the total. */
const MAX_ADDRESSES = 1024;

/** Maximum addresses that a report names. */
const MAX_NAMED = 8;

/** Joins in which the caller got a join code and did not stay in the room. */
export interface FailedJoins {
  /** Their number. */
  readonly count: number;
  /** The callers' IP addresses, the one with the most joins first; at most 8. */
  readonly addresses: readonly string[];
}

/** Counts failed joins, and reports them if there are many. */
export class FailedJoinCounter {
  readonly #report: (joins: FailedJoins) => void;
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, number>();
  #count = 0;
  #since = -Infinity;
  #reportedAt = -Infinity;

  /** Starts with no failed joins. */
  constructor(report: (joins: FailedJoins) => void, clock: Clock) {
    this.#report = report;
    this.#clock = clock;
  }

  /** Counts a failed join. @param address The caller's IP address. */
  note(address: string): void {
    const now = this.#clock.elapsed();
    // A report of an attack that ended long ago would look like one that goes on.
    if (now - this.#since >= (this.#count < MANY ? REPORT_MS : 2 * REPORT_MS)) this.#restart(now);
    this.#count++;
    if (this.#byAddress.has(address) || this.#byAddress.size < MAX_ADDRESSES) {
      this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    }
    if (this.#count < MANY || now - this.#reportedAt < REPORT_MS) return;
    const addresses = [...this.#byAddress].sort(([, a], [, b]) => b - a).map(([one]) => one);
    this.#report({ count: this.#count, addresses: addresses.slice(0, MAX_NAMED) });
    this.#reportedAt = now;
    this.#restart(now);
  }

  #restart(now: number): void {
    this.#since = now;
    this.#count = 0;
    this.#byAddress.clear();
  }
}
