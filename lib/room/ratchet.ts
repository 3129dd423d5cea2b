/**
 * Ratchets: the chain key of a sender key, and the keys that follow from it.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { CipherKey, kdf, KEY_BYTES, zeroKey } from "../crypto/mod.ts";

/** The keys that follow from a chain key. */
export interface RatchetStep {
  /** The next chain key. */
  readonly chainKey: Bytes;
  /** Seals the next message, and no other. */
  readonly messageKey: CipherKey;
  /** Commits to that key, 32 bytes. */
  readonly commitment: Bytes;
}

/** The hash ratchet of one sender key. See PROTOCOL.md §6.4. */
export class Ratchet {
  #chainKey: Bytes;
  #next: Promise<RatchetStep> | undefined;

  /** Begins at a chain key. @param chainKey 32 bytes; erased by {@linkcode Ratchet.advance}. */
  constructor(chainKey: Bytes) {
    this.#chainKey = chainKey;
  }

  /** The chain key for the next message. */
  get chainKey(): Bytes {
    return this.#chainKey;
  }

  /**
   * The keys of the next message, derived at the first call. Early derivation reveals nothing: an attacker
   * who reads the memory has the chain key, from which they follow.
   */
  next(): Promise<RatchetStep> {
    return this.#next ??= step(this.#chainKey);
  }

  /** Derives these keys before they are needed. A failure shows when they are. */
  prepare(): void {
    this.next().catch(() => {});
  }

  /** Goes on after the next message, and erases its chain key. */
  advance({ chainKey }: RatchetStep): void {
    this.#chainKey.fill(0);
    this.#chainKey = chainKey;
    this.#next = undefined;
  }

  /** Goes past messages that are missing. Erases nothing: the chain key at the beginning may still be needed. */
  async skip(messages: number): Promise<void> {
    for (let i = 0; i < messages; i++) this.#chainKey = (await derive(this.#chainKey)).chainKey;
    this.#next = undefined;
  }
}

async function step(chainKey: Bytes): Promise<RatchetStep> {
  const { messageKey, ...others } = await derive(chainKey);
  return { ...others, messageKey: await CipherKey.import(messageKey) };
}

/** HKDF of a chain key. */
async function derive(
  chainKey: Bytes,
): Promise<Record<"chainKey" | "messageKey" | "commitment", Bytes>> {
  const bytes = await kdf(zeroKey(), chainKey, "lanchat/1 ratchet", 3 * KEY_BYTES);
  return {
    chainKey: bytes.slice(0, KEY_BYTES),
    messageKey: bytes.slice(KEY_BYTES, 2 * KEY_BYTES),
    commitment: bytes.slice(2 * KEY_BYTES),
  };
}
