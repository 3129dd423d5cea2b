/**
 * From the bytes of frames to sealed units: sender and relay may cut a transfer's image anywhere.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { imagePosition, SEALED_UNIT_BYTES } from "./geometry.ts";

/** Maximum units of which a part is kept: one for each flow that can send to one receiver, and some to spare. */
const MAX_PARTS = 8;

/** A sealed unit. */
export interface SealedUnit {
  /** Its number. */
  readonly unit: number;
  /** Its sealed bytes. */
  readonly sealed: Bytes;
}

/** The first bytes of a sealed unit. */
interface Part {
  readonly bytes: Bytes;
  filled: number;
}

/**
 * Joins the bytes of a transfer's image into sealed units. What does not continue a part is dropped: the receiver
 * asks for that unit again.
 */
export class UnitAssembler {
  readonly #sizeOf: (unit: number) => number | undefined;
  /** Incomplete units, the last used one last. */
  readonly #parts = new Map<number, Part>();

  /** @param sizeOf Bytes of a sealed unit; `undefined` for a unit that is not wanted. */
  constructor(sizeOf: (unit: number) => number | undefined) {
    this.#sizeOf = sizeOf;
  }

  /**
   * Adds bytes of the image.
   *
   * @param offset Where they begin.
   * @returns The units that are complete now.
   */
  push(offset: number, bytes: Bytes): SealedUnit[] {
    const units: SealedUnit[] = [];
    for (let done = 0; done < bytes.length;) {
      const { offset: start, unit } = imagePosition(offset + done);
      const piece = bytes.subarray(done, done + SEALED_UNIT_BYTES - start);
      const sealed = this.#add(unit, start, piece);
      if (sealed !== undefined) units.push({ unit, sealed });
      done += piece.length;
    }
    return units;
  }

  /** Takes out a unit whose size has become known after all its bytes had come; `undefined` if there is none. */
  take(unit: number): Bytes | undefined {
    const part = this.#parts.get(unit);
    if (part === undefined || part.filled !== this.#sizeOf(unit)) return undefined;
    this.#parts.delete(unit);
    return part.bytes.subarray(0, part.filled);
  }

  /** Drops all parts: their units were sealed with another key, or are not wanted now. */
  clear(): void {
    this.#parts.clear();
  }

  #add(unit: number, start: number, piece: Bytes): Bytes | undefined {
    const size = this.#sizeOf(unit);
    const end = start + piece.length;
    if (size === undefined || end > size) return undefined;
    if (start === 0 && end === size) {
      this.#parts.delete(unit);
      return piece;
    }
    const part = this.#parts.get(unit) ?? { bytes: new Uint8Array(size), filled: 0 };
    this.#parts.delete(unit);
    if (start > part.filled) return undefined; // Bytes between were lost: the unit cannot become whole.
    // Two flows may bring the same unit.
    if (end > part.filled) part.bytes.set(piece, start);
    part.filled = Math.max(part.filled, end);
    if (part.filled === size) return part.bytes.subarray(0, size);
    this.#parts.set(unit, part);
    if (this.#parts.size > MAX_PARTS) this.#parts.delete(this.#parts.keys().next().value!);
    return undefined;
  }
}
