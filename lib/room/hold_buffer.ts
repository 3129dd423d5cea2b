import type { Bytes } from "../bytes/mod.ts";

/** Bytes of one member that may wait for its answer: more than a seat holds for one that is away (4 MiB). */
const MAX_HELD_BYTES: number = 1 << 23;

/** As much of it may wait even where others fill {@linkcode MAX_LARGE_IN_ALL}: what an honest one seals. */
const MAX_SMALL_BYTES: number = 1 << 20;

/** Bytes of all members that may wait for answers. */
const MAX_HELD_IN_ALL: number = 1 << 26;

/** Over that, nothing is held for a member that has {@linkcode MAX_SMALL_BYTES}. */
const MAX_LARGE_IN_ALL: number = MAX_HELD_IN_ALL / 2;

/** What an object takes beside its bytes. */
const PIECE_BYTES = 64;

/** What is held for all questions together, in bytes. */
export interface Held {
  /** How much it is. */
  bytes: number;
}

/**
 * A question to a member that was asked to send again what it still keeps. Until it has answered, what it
 * sends otherwise waits, as that is newer. See PROTOCOL.md §6.7.
 */
export class HoldBuffer {
  readonly #inAll: Held;
  readonly #held: Bytes[] = [];
  #bytes = 0;

  /** Asks. @param inAll Counts what is held for all questions. */
  constructor(inAll: Held) {
    this.#inAll = inAll;
  }

  /** Has an object wait. @returns Whether there was room for it. */
  hold(object: Bytes): boolean {
    const size = object.length + PIECE_BYTES;
    const [bytes, inAll] = [this.#bytes + size, this.#inAll.bytes + size];
    if (bytes > MAX_HELD_BYTES || inAll > MAX_HELD_IN_ALL) return false;
    if (bytes > MAX_SMALL_BYTES && inAll > MAX_LARGE_IN_ALL) return false;
    this.#held.push(object);
    this.#bytes += size;
    this.#inAll.bytes += size;
    return true;
  }

  /** Nothing waits any more. @returns What has waited, in its order. */
  release(): readonly Bytes[] {
    this.#inAll.bytes -= this.#bytes;
    this.#bytes = 0;
    return this.#held.splice(0);
  }
}
