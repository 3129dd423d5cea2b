import type { Bytes } from "../bytes/mod.ts";

/** Bytes that may wait for an answer. */
const MAX_HELD_BYTES: number = 1 << 18;

/** What an object takes beside its bytes. */
const PIECE_BYTES = 512;

/**
 * A question to a member that was asked to send again what it still keeps. Until it has answered, what it
 * sends otherwise waits, as that is newer. See PROTOCOL.md §6.7.
 */
export class Question {
  readonly #held: Bytes[] = [];
  #bytes = 0;

  /** Asks. @param held What waits already, as the question is asked anew. */
  constructor(held: readonly Bytes[] = []) {
    for (const object of held) this.hold(object);
  }

  /** What waits, in its order. */
  get held(): readonly Bytes[] {
    return this.#held;
  }

  /** Has an object wait. @returns Whether there was room for it. */
  hold(object: Bytes): boolean {
    const bytes = this.#bytes + object.length + PIECE_BYTES;
    if (bytes > MAX_HELD_BYTES) return false;
    this.#held.push(object);
    this.#bytes = bytes;
    return true;
  }
}
