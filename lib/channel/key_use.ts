/**
 * How much a key may seal before the next takes its place. See PROTOCOL.md §5.1.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** Limits of one key: a sender rekeys at the first that it reaches. */
export interface RekeyLimits {
  /** Records under one key. */
  readonly records: number;
  /** Bytes of plaintext under one key. */
  readonly bytes: number;
  /** Age of a key, in milliseconds. */
  readonly ms: number;
}

/** Far below the limits of AES-GCM (NIST SP 800-38D §8.3), and short enough to heal. */
export const REKEY_LIMITS: RekeyLimits = { records: 2 ** 20, bytes: 2 ** 30, ms: 900_000 };

/** Counts what a key seals. */
export class KeyUse {
  readonly #limits: RekeyLimits;
  readonly #clock: Clock;
  #records = 0;
  #bytes = 0;
  #since: number;

  /** Starts with a key that has sealed nothing. */
  constructor(limits: RekeyLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#since = clock.elapsed();
  }

  /** Whether the key must not seal a record and a REKEY after it. @param bytes Of the record's plaintext. */
  isUp(bytes: number): boolean {
    const { bytes: maxBytes, ms, records } = this.#limits;
    return this.#records + 1 >= records || this.#bytes + bytes > maxBytes ||
      this.#clock.elapsed() - this.#since >= ms;
  }

  /** Counts a record. @param bytes Of its plaintext. */
  count(bytes: number): void {
    this.#records++;
    this.#bytes += bytes;
  }

  /** Starts over with the next key. */
  restart(): void {
    this.#records = 0;
    this.#bytes = 0;
    this.#since = this.#clock.elapsed();
  }
}
