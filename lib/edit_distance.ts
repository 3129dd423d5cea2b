/**
 * How alike two texts are, to suggest what a mistyped word was meant to be.
 *
 * @module
 */

/** The fewest characters to insert, remove or replace that make one text of the other (Levenshtein). */
export function editDistance(a: string, b: string): number {
  const others = [...b];
  // From what is read of `a` to each beginning of `b`.
  let distances = [0, ...others.map((_, i) => i + 1)];
  for (const character of a) {
    const next = [distances[0]! + 1];
    for (const [i, other] of others.entries()) {
      const replaced = distances[i]! + (character === other ? 0 : 1);
      next.push(Math.min(replaced, distances[i + 1]! + 1, next[i]! + 1));
    }
    distances = next;
  }
  return distances.at(-1)!;
}
