import { assertEquals } from "@std/assert";
import { BoundedMap } from "../lib/bounded_map.ts";
import { test } from "./support/test.ts";

test("BoundedMap forgets what was set longest ago, and nothing where a key is set again", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1).set("b", 2).set("a", 3);
  assertEquals([...map], [["b", 2], ["a", 3]]);
  map.set("c", 4);
  assertEquals([...map], [["a", 3], ["c", 4]]);
});
