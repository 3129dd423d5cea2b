/**
 * A map of bounded size, for data about people that come and go.
 *
 * @module
 */

/**
 * A map that forgets the entry that was set longest ago when it would hold more than it may.
 *
 * @example The third of two
 * ```ts
 * import { BoundedMap } from "./bounded_map.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const map = new BoundedMap<string, number>(2);
 * for (const key of ["a", "b", "a", "c"]) map.set(key, 1);
 * assertEquals([...map.keys()], ["a", "c"]);
 * ```
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #max: number;

  /** Begins empty. @param max Maximum entries. */
  constructor(max: number) {
    super();
    this.#max = max;
  }

  /** Sets an entry, which is the newest then. */
  override set(key: Key, value: Value): this {
    this.delete(key);
    if (this.size >= this.#max) {
      const [oldest] = this.keys();
      this.delete(oldest!);
    }
    return super.set(key, value);
  }
}
