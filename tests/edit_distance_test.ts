import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { editDistance } from "../lib/edit_distance.ts";
import { test } from "./support/test.ts";

test("editDistance counts the characters to insert, remove and replace", () => {
  const pairs = [
    ["", "", 0],
    ["", "join", 4],
    ["join", "", 4],
    ["serve", "serve", 0],
    ["sevre", "serve", 2],
    ["kitten", "sitting", 3],
    ["sunday", "saturday", 3],
    ["ab", "ba", 2],
    ["🦊x", "🦊y", 1],
  ] as const;
  for (const [a, b, distance] of pairs) assertEquals(editDistance(a, b), distance, `${a} ${b}`);
});

test("editDistance is a metric", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(fc.property(text, text, text, (a, b, c) => {
    assertEquals(editDistance(a, b), editDistance(b, a));
    assertEquals(editDistance(a, b) === 0, a === b);
    assert(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
  }));
});
