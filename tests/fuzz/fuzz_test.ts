import { assert } from "@std/assert";
import fc from "fast-check";
import { test } from "../support/test.ts";
import { FOUND, readCorpus } from "./corpus.ts";
import { Dice, mutate } from "./mutate.ts";
import { TARGETS } from "./targets.ts";

for (const target of TARGETS) {
  const corpus = await readCorpus(target);

  test(`${target.name} accepts the recorded inputs, and keeps its promises on the found ones`, async () => {
    for (const [name, input] of Object.entries(corpus)) {
      const outcome = await target.run(input);
      assert(name.startsWith(FOUND) || outcome.startsWith("ok"), `${name}: ${outcome}`);
    }
  });

  test(`${target.name} keeps its promises on random and mutated inputs`, async () => {
    const pool = Object.values(corpus);
    const inputs = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => new Uint8Array(bytes)),
      fc.integer().map((seed) => mutate(new Dice(seed), pool)),
    );
    const property = fc.asyncProperty(inputs, async (input) => void await target.run(input));
    await fc.assert(property, { numRuns: target.runs });
  });
}
