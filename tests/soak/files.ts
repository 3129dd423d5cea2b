/**
 * Files through storms: `deno task soak:files --seeds 50` prints a line for each, and ends with status 1 at the
 * first file that does not arrive whole.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fileStorm } from "../support/file_storm.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "50" },
    first: { type: "string", default: "1" },
  },
});
const [seeds, first] = [Number(values.seeds), Number(values.first)];
if (!(seeds > 0) || !Number.isInteger(first)) {
  console.error("Usage: deno task soak:files [--seeds NUMBER] [--first INTEGER]");
  Deno.exit(2);
}

for (let seed = first; seed < first + seeds; seed++) {
  try {
    const storm = { seed, bytes: 24 << 20, receivers: 2, faults: 20, restarts: 3 };
    const { ms, overhead, struck } = await fileStorm(storm);
    const times = `${(ms / 1000).toFixed(1)} s, ${overhead.toFixed(2)} times the bytes`;
    console.log(`storm ${seed}: whole after ${times}, ${JSON.stringify(struck)}`);
  } catch (error) {
    console.error(`Broken with seed ${seed}:`, error);
    Deno.exit(1);
  }
}
