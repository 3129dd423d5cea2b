import { assertEquals } from "@std/assert";
import type { FailedJoins } from "../../lib/relay/mod.ts";
import { FailedJoinCounter } from "../../lib/relay/failed_joins.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** Callers, and the reports about them. */
class Watch {
  readonly clock: FakeClock = new FakeClock();
  readonly reports: FailedJoins[] = [];
  readonly #callers = new FailedJoinCounter((report) => this.reports.push(report), this.clock);

  /** So many come and go, evenly over a time. */
  pass(count: number, ms: number, address: (i: number) => string = () => "192.0.2.1"): void {
    for (let i = 0; i < count; i++) {
      this.clock.advance(ms / count);
      this.#callers.note(address(i));
    }
  }
}

test("FailedJoinCounter makes no report while failed joins are few, however long they go on", () => {
  const watch = new Watch();
  watch.pass(28 * 100, 60_000 * 100);
  assertEquals(watch.reports, []);
});

test("FailedJoinCounter reports thirty in a minute at once, and then once a minute how many more", () => {
  const watch = new Watch();
  watch.pass(29, 1000);
  assertEquals(watch.reports, []);
  watch.pass(1, 0);
  assertEquals(watch.reports, [{ count: 30, addresses: ["192.0.2.1"] }]);
  watch.pass(32 * 59, 59_000);
  assertEquals(watch.reports.length, 1);
  watch.pass(32, 1000);
  assertEquals(watch.reports.slice(1), [{ count: 32 * 60, addresses: ["192.0.2.1"] }]);
});

test("FailedJoinCounter makes no report of an attack that ended long ago", () => {
  const watch = new Watch();
  watch.pass(100, 1000);
  watch.clock.advance(3_600_000);
  watch.pass(1, 0);
  assertEquals(watch.reports.map(({ count }) => count), [30]);
});

test("FailedJoinCounter names eight addresses at most, that with the most callers first", () => {
  const watch = new Watch();
  watch.pass(29, 0, (i) => i < 20 ? `192.0.2.${i}` : "192.0.2.99");
  watch.pass(1, 0);
  const [report] = watch.reports;
  assertEquals(report!.count, 30);
  assertEquals(report!.addresses[0], "192.0.2.99");
  assertEquals(report!.addresses.length, 8);
});
