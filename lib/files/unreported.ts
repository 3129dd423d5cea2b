/**
 * Files that are here whole, and whose senders may not know it.
 *
 * @module
 */
import { type Bytes, toHex } from "../bytes/mod.ts";
import { BoundedMap } from "../bounded_map.ts";
import type { Clock } from "../clock.ts";
import type { Offer } from "../wire/mod.ts";

/** Maximum transfers that are remembered. */
const MAX_REMEMBERED = 64;

/** Time for which one is remembered, in milliseconds: later, the same files are meant to be received again. */
const REMEMBERED_MS = 600_000;

/** Complete transfers whose reports the host has not accepted: a sender that offers the files again gets one more. */
export class Unreported {
  readonly #clock: Clock;
  /** The time at which each is forgotten, by sender and root. */
  readonly #until = new BoundedMap<string, number>(MAX_REMEMBERED);

  /** Starts empty. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Remembers a transfer until its report is accepted.
   *
   * @param key The sender's identity key. @param report Resolves when it is.
   */
  add(key: Bytes, offer: Offer, report: Promise<unknown>): void {
    const name = nameOf(key, offer);
    // A stream is never offered again.
    if (!offer.stream) this.#until.set(name, this.#clock.elapsed() + REMEMBERED_MS);
    report.then(() => this.#until.delete(name), () => {});
  }

  /** Whether it has the files of an offer. @param key The sender's identity key. */
  has(key: Bytes, offer: Offer): boolean {
    return !offer.stream && this.#clock.elapsed() < (this.#until.get(nameOf(key, offer)) ?? 0);
  }
}

/** The root covers the files' names and sizes, too. */
function nameOf(key: Bytes, { root }: Offer): string {
  return `${toHex(key)} ${toHex(root)}`;
}
