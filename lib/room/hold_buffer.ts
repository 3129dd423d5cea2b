/**
 * The hold buffer: newer objects of a peer wait in it until the peer has sent the lost ones again.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";

/** Maximum bytes held for one peer: more than a seat holds for an away member (4 MiB). */
const MAX_HELD_BYTES: number = 1 << 23;

/** Bytes held for a peer even past {@linkcode MAX_LARGE_TOTAL_BYTES}: the most that an honest member seals. */
const MAX_SMALL_BYTES: number = 1 << 20;

/** Maximum bytes held for all peers. */
const MAX_HELD_TOTAL_BYTES: number = 1 << 26;

/** Total past which a peer that has {@linkcode MAX_SMALL_BYTES} gets no more. */
const MAX_LARGE_TOTAL_BYTES: number = MAX_HELD_TOTAL_BYTES / 2;

/** Bytes counted for an object beside its own. */
const OBJECT_OVERHEAD_BYTES = 64;

/** Counts the bytes in all hold buffers together. */
export interface HoldTotal {
  /** The bytes held. */
  bytes: number;
}

/** Holds back the objects of one peer, in order and within bounds. See PROTOCOL.md §6.7. */
export class HoldBuffer {
  readonly #total: HoldTotal;
  readonly #objects: Bytes[] = [];
  #bytes = 0;

  /** Creates an empty buffer. @param total Counts the bytes of all buffers. */
  constructor(total: HoldTotal) {
    this.#total = total;
  }

  /** Adds an object. @returns Whether there was room for it. */
  hold(object: Bytes): boolean {
    const size = object.length + OBJECT_OVERHEAD_BYTES;
    const [bytes, total] = [this.#bytes + size, this.#total.bytes + size];
    if (bytes > MAX_HELD_BYTES || total > MAX_HELD_TOTAL_BYTES) return false;
    if (bytes > MAX_SMALL_BYTES && total > MAX_LARGE_TOTAL_BYTES) return false;
    this.#objects.push(object);
    this.#bytes += size;
    this.#total.bytes += size;
    return true;
  }

  /** Empties the buffer. @returns Its objects, in order. */
  release(): readonly Bytes[] {
    this.#total.bytes -= this.#bytes;
    this.#bytes = 0;
    return this.#objects.splice(0);
  }
}
