import { assertEquals } from "@std/assert";
import { KeyUse } from "../../lib/channel/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

const LIMITS = { records: 4, bytes: 100, ms: 1000 };

test("KeyUse leaves room for a REKEY after the last record", () => {
  const use = new KeyUse({ ...LIMITS, bytes: Infinity }, new FakeClock());
  for (let i = 0; i < 3; i++) {
    assertEquals(use.isUp(1), false);
    use.count(1);
  }
  assertEquals(use.isUp(1), true);
  use.restart();
  assertEquals(use.isUp(1), false);
});

test("KeyUse takes bytes up to the limit", () => {
  const use = new KeyUse({ ...LIMITS, records: Infinity }, new FakeClock());
  assertEquals([use.isUp(100), use.isUp(101)], [false, true]);
  use.count(60);
  assertEquals([use.isUp(40), use.isUp(41)], [false, true]);
  use.restart();
  assertEquals(use.isUp(100), false);
});

test("KeyUse ends at an age, counted from the last restart", () => {
  const clock = new FakeClock();
  const use = new KeyUse(LIMITS, clock);
  clock.advance(999);
  assertEquals(use.isUp(1), false);
  clock.advance(1);
  assertEquals(use.isUp(1), true);
  use.restart();
  clock.advance(999);
  assertEquals(use.isUp(1), false);
  clock.advance(1);
  assertEquals(use.isUp(1), true);
});
