import type { Clock } from "../clock.ts";

/** Callers that are many: fewer prove nothing, as programs and people come and go. */
const MANY = 30;

/** Least time between two reports, and the time in which that many have to come, in milliseconds. */
const REPORT_MS = 60_000;

/** Addresses that are told apart; callers from more of them are only counted. */
const MAX_ADDRESSES = 1024;

/** Most addresses that a report names. */
const MAX_NAMED = 8;

/** Callers that got a join code and did not stay in the room. */
export interface Fleeting {
  /** How many. */
  readonly count: number;
  /** IP addresses that they came from, the one with the most first; at most 8. */
  readonly addresses: readonly string[];
}

/** Counts callers that got a join code and did not stay, and reports them where they are many. */
export class FleetingCallers {
  readonly #report: (callers: Fleeting) => void;
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, number>();
  #count = 0;
  #since = -Infinity;
  #reportedAt = -Infinity;

  /** Begins to count. */
  constructor(report: (callers: Fleeting) => void, clock: Clock) {
    this.#report = report;
    this.#clock = clock;
  }

  /** Counts a caller. @param address Its IP address. */
  note(address: string): void {
    const now = this.#clock.elapsed();
    // What was long over by the next caller would seem to be happening still.
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
