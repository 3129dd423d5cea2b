/**
 * Several calls under way at once, with their results in order.
 *
 * @module
 */

/**
 * Calls a function with each value, and yields the results in the order of the values.
 *
 * @param atOnce Maximum calls that are under way or whose results wait.
 * @param values Read no further ahead than that.
 * @throws What a call throws, when its result is due. Calls under way then go on, and their errors are dropped.
 *
 * @example Three values, two at once
 * ```ts
 * import { inOrder } from "./in_order.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const squares = inOrder(2, [1, 2, 3], (value) => Promise.resolve(value * value));
 * assertEquals(await Array.fromAsync(squares), [1, 4, 9]);
 * ```
 */
export async function* inOrder<Value, Result>(
  atOnce: number,
  values: Iterable<Value>,
  call: (value: Value) => Promise<Result>,
): AsyncGenerator<Result> {
  const calls: Promise<Result>[] = [];
  for (const value of values) {
    const result = call(value);
    result.catch(() => {}); // The consumer may be gone when it fails.
    calls.push(result);
    if (calls.length === atOnce) yield await calls.shift()!;
  }
  for (const result of calls) yield await result;
}
