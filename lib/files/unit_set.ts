/**
 * Sets of units as ranges: a transfer has millions of units, and what a receiver has or lacks of them is a few
 * ranges.
 *
 * @module
 */
import type { WantRange } from "../wire/mod.ts";

/** A set of units. Takes memory for each gap in it, and not for each unit. */
export class UnitSet {
  /** Where ranges begin and end, ascending: begin, end, begin, end. No two ranges touch. */
  readonly #bounds: number[] = [];
  #size = 0;

  /** Makes the set of the units in some ranges. */
  constructor(ranges: Iterable<WantRange> = []) {
    for (const { count, first } of ranges) this.add(first, count);
  }

  /** Number of units. */
  get size(): number {
    return this.#size;
  }

  /** The least unit; `undefined` if there is none. */
  get first(): number | undefined {
    return this.#bounds[0];
  }

  /** The greatest unit; `undefined` if there is none. */
  get last(): number | undefined {
    const end = this.#bounds.at(-1);
    return end === undefined ? undefined : end - 1;
  }

  /** The least unit that is not in the set. */
  get gap(): number {
    return this.first === 0 ? this.#bounds[1]! : 0;
  }

  /** Whether a unit is in the set. */
  has(unit: number): boolean {
    return this.#boundsUpTo(unit) % 2 === 1;
  }

  /** The least unit of the set that is at or above one. */
  next(unit: number): number | undefined {
    return this.has(unit) ? unit : this.#bounds[this.#boundsUpTo(unit)];
  }

  /** Adds consecutive units. */
  add(first: number, count = 1): void {
    this.#splice(first, first + count, 1);
  }

  /** Removes consecutive units. */
  delete(first: number, count = 1): void {
    this.#splice(first, first + count, 0);
  }

  /** Removes all units from one on. */
  deleteFrom(first: number): void {
    this.delete(first, Infinity);
  }

  /** Removes all units. */
  clear(): void {
    this.#bounds.length = 0;
    this.#size = 0;
  }

  /**
   * The ranges of the set, ascending.
   *
   * @param max At most so many; the last ones are left out.
   */
  ranges(max: number = Infinity): WantRange[] {
    const count = Math.min(this.#bounds.length / 2, max);
    return Array.from({ length: count }, (_, i) => {
      const first = this.#bounds[2 * i]!;
      return { first, count: this.#bounds[2 * i + 1]! - first };
    });
  }

  /** The units from one to another, which is not included, that are not in the set. */
  missing(first: number, end: number): UnitSet {
    const missing = new UnitSet([{ first, count: end - first }]);
    for (const range of this.ranges()) missing.delete(range.first, range.count);
    return missing;
  }

  /** Puts all units of a range in, or takes them out. @param parity 1 to put them in, 0 to take them out. */
  #splice(first: number, end: number, parity: 0 | 1): void {
    if (end <= first) return;
    // The bounds in the range go. A new one stands where the set changes at its edges.
    const from = this.#boundsBelow(first);
    const to = this.#boundsUpTo(end);
    const added: number[] = [];
    if (from % 2 !== parity) added.push(first);
    if (to % 2 !== parity) added.push(end);
    const before = this.#measure(from, to, first, end);
    this.#bounds.splice(from, to - from, ...added);
    this.#size += (parity === 1 ? end - first : 0) - before;
  }

  /** Number of units of the set in a range. @param from The first bound in it. @param to The first after it. */
  #measure(from: number, to: number, first: number, end: number): number {
    let units = 0;
    let inside = from % 2 === 1;
    let start = first;
    for (let i = from; i < to; i++) {
      const bound = this.#bounds[i]!;
      if (inside) units += bound - start;
      inside = !inside;
      start = bound;
    }
    return inside ? units + end - start : units;
  }

  /** Number of bounds below a unit. */
  #boundsBelow(unit: number): number {
    let [low, high] = [0, this.#bounds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bounds[middle]! < unit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Number of bounds at or below a unit. */
  #boundsUpTo(unit: number): number {
    return this.#boundsBelow(unit + 1);
  }
}
