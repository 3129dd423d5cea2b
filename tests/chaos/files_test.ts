import { assert } from "@std/assert";
import { fileStorm } from "../support/file_storm.ts";
import { test } from "../support/test.ts";

for (const seed of [1, 2]) {
  test(`a file reaches two members whole through 20 faults and 3 kills of the host, storm ${seed}`, async () => {
    const report = await fileStorm({
      seed,
      bytes: 12 << 20,
      receivers: 2,
      faults: 20,
      restarts: 3,
    });
    assert((report.struck.cut ?? 0) > 0, Deno.inspect(report));
  });
}
