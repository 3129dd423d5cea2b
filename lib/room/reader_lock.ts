/**
 * The lock on reading: identities that come after it was set are given no key.
 *
 * @module
 */

/** The identities that may read this member's messages; all of them while it is not locked. See PROTOCOL.md §6.6. */
export class ReaderLock {
  #insiders: Set<string> | undefined;

  /** The identity keys that may read, in hexadecimal digits; `undefined` if not locked. */
  get insiders(): ReadonlySet<string> | undefined {
    return this.#insiders;
  }

  /** Locks all identities out but these. An earlier lock stays as it is. */
  lock(insiders: Iterable<string>): void {
    this.#insiders ??= new Set(insiders);
  }

  /** Lets every identity read. */
  unlock(): void {
    this.#insiders = undefined;
  }

  /** Adds an identity key to those that may read. */
  admit(keyHex: string): void {
    this.#insiders?.add(keyHex);
  }

  /** Whether an identity key may not read. */
  excludes(keyHex: string): boolean {
    return this.#insiders !== undefined && !this.#insiders.has(keyHex);
  }
}
