import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { deadline, delay, inTurns, systemClock } from "../lib/clock.ts";
import { FakeClock } from "./support/clock.ts";
import { test } from "./support/test.ts";

test("deadline returns what comes in time, and stops its timer", async () => {
  const clock = new FakeClock();
  assertEquals(await deadline(clock, 10, Promise.resolve("here")), "here");
  assertEquals(clock.timers, 0);
  await assertRejects(() => deadline(clock, 10, Promise.reject(new Error("No"))), Error, "No");
  assertEquals(clock.timers, 0);
});

test("deadline returns undefined when the time is over, and ignores what comes later", async () => {
  const clock = new FakeClock();
  const { promise, reject } = Promise.withResolvers<string>();
  const waited = deadline(clock, 10, promise);
  clock.advance(9);
  assertEquals(clock.timers, 1);
  clock.advance(1);
  assertEquals(await waited, undefined);
  reject(new Error("Late"));
});

test("delay ends with its time or its signal, and stops its timer", async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const waited = delay(clock, 10, abort.signal);
  clock.advance(10);
  await waited;
  const cut = delay(clock, 10, abort.signal);
  abort.abort();
  await cut;
  assertEquals(clock.timers, 0);
  await delay(clock, 10, abort.signal);
});

test("inTurns lets other work have its turn while values are made", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  function* slowly(): Generator<number> {
    for (let i = 0; i < 50; i++) {
      const end = performance.now() + 2;
      while (performance.now() < end) { /* computes */ }
      yield i;
    }
  }
  assertEquals(await inTurns(slowly()), Array.from({ length: 50 }, (_, i) => i));
  clearInterval(timer);
  assert(turns >= 5, `${turns} turns`);
});

test("systemClock keeps nothing of a canceled timer but the function that canceled it", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const used = (): number => {
    collect();
    return Deno.memoryUsage().heapUsed;
  };
  const make = (count: number): (() => void)[] =>
    Array.from({ length: count }, () => {
      const cancel = systemClock.after(60_000, () => {});
      cancel();
      return cancel;
    });
  make(10);
  const before = used();
  const cancels = make(5000);
  const bytes = (used() - before) / cancels.length;
  assert(bytes < 250, `${bytes} bytes`);
});
