import { assert, assertEquals } from "@std/assert";
import { Nonces } from "../support/nonces.ts";
import { storm } from "../support/storm.ts";
import { test } from "../support/test.ts";

for (let seed = 1; seed <= 10; seed++) {
  test(`5,000 messages of 8 members reach all once and in order through storm ${seed}`, async () => {
    using nonces = new Nonces();
    const report = await storm({ seed, members: 8, messages: 5000, faults: 40, restarts: 3 });
    assertEquals(nonces.repeated, []);
    assert(nonces.count > 5000, `${nonces.count}`);
    assert((report.struck.cut ?? 0) > 0 && report.connections > 8 * 4, Deno.inspect(report));
  });
}
