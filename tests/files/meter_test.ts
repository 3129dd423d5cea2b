import { assert, assertEquals } from "@std/assert";
import { Meter, secondsLeft } from "../../lib/files/meter.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

test("Meter reports at most once a second, and only after a change", () => {
  const clock = new FakeClock();
  const reports: number[] = [];
  const meter = new Meter(clock, 0, (rate) => reports.push(rate));
  clock.advance(5000);
  meter.note(0);
  for (let i = 1; i <= 30; i++) {
    clock.advance(100);
    meter.note(i * 100);
  }
  assertEquals(reports.length, 4);
  clock.advance(10_000);
  assertEquals(reports.length, 5);
  meter.note(9000);
  meter.stop();
  clock.advance(10_000);
  assertEquals([reports.length, clock.timers], [5, 0]);
});

test("Meter follows the rate smoothly, and starts over after a pause", () => {
  const clock = new FakeClock();
  let rate = 0;
  const meter = new Meter(clock, 1_000_000, (now) => rate = now);
  let bytes = 1_000_000;
  const second = (more: number): void => {
    bytes += more;
    meter.note(bytes);
    clock.advance(1000);
  };
  second(1000);
  assertEquals(rate, 1000);
  second(11_000);
  assert(rate > 2000 && rate < 4000, `${rate}`);
  for (let i = 0; i < 30; i++) second(11_000);
  assert(rate > 10_900 && rate <= 11_000, `${rate}`);
  clock.advance(60_000);
  meter.restart(bytes);
  second(500);
  assertEquals(rate, 500);
});

test("secondsLeft is known where size and rate are", () => {
  assertEquals(secondsLeft(10, 100, 30), 3);
  assertEquals(secondsLeft(100, 100, 30), 0);
  assertEquals([secondsLeft(1, undefined, 9), secondsLeft(1, 5, 0)], [undefined, undefined]);
});
