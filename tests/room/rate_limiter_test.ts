import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../lib/room/rate_limiter.ts";
import { FakeClock } from "../support/clock.ts";
import { nextTurn } from "../support/stage.ts";
import { test } from "../support/test.ts";

const never = new AbortController().signal;

/** A limiter of 10 tokens at once and 5 a second, and the names of those who got theirs. */
function open(): {
  clock: FakeClock;
  limiter: RateLimiter;
  served: string[];
  ask: (name: string, tokens: number, signal?: AbortSignal) => void;
} {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ burst: 10, perSecond: 5 }, clock);
  const served: string[] = [];
  const ask = (name: string, tokens: number, signal = never): void => {
    void limiter.take(tokens, signal).then((taken) => served.push(taken ? name : `no ${name}`));
  };
  return { clock, limiter, served, ask };
}

test("RateLimiter hands out a burst, and then so much a second, up to the burst again", () => {
  const { clock, limiter } = open();
  assertEquals([limiter.tryTake(7), limiter.tryTake(4), limiter.tryTake(3)], [true, false, true]);
  assertEquals([limiter.msUntil(0), limiter.msUntil(1), limiter.msUntil(10)], [0, 200, 2000]);
  clock.advance(199);
  assertEquals(limiter.tryTake(1), false);
  clock.advance(1);
  assertEquals([limiter.tryTake(1), limiter.tryTake(1)], [true, false]);
  clock.advance(60_000);
  assertEquals([limiter.tryTake(10), limiter.tryTake(1)], [true, false]);
  assertEquals(clock.timers, 0);
});

test("RateLimiter.take serves in the order in which it was asked, small requests too", async () => {
  const { ask, clock, limiter, served } = open();
  ask("first", 8);
  ask("second", 7);
  ask("third", 1);
  await nextTurn();
  assertEquals([served, limiter.tryTake(1)], [["first"], false]);
  clock.advance(999);
  await nextTurn();
  assertEquals(served, ["first"]);
  clock.advance(1);
  await nextTurn();
  assertEquals([served, limiter.tryTake(1)], [["first", "second"], false]);
  clock.advance(200);
  await nextTurn();
  assertEquals([served, clock.timers], [["first", "second", "third"], 0]);
});

test("RateLimiter.take waits for nobody whose signal ends the wait", async () => {
  const { ask, clock, served } = open();
  const [gone, last] = [new AbortController(), new AbortController()];
  ask("first", 10, gone.signal);
  ask("gone", 10, gone.signal);
  ask("second", 1);
  ask("last", 1, last.signal);
  clock.advance(200);
  gone.abort();
  await nextTurn();
  assertEquals(served.toSorted(), ["first", "no gone", "second"]);
  last.abort();
  ask("too late", 1, last.signal);
  await nextTurn();
  assertEquals(served.slice(3).toSorted(), ["no last", "no too late"]);
  assertEquals(clock.timers, 0);
  clock.advance(1000);
  ask("in time", 1, last.signal); // It would not have waited.
  await nextTurn();
  assertEquals(served.at(-1), "in time");
});
