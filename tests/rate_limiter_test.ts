import { assertEquals } from "@std/assert";
import { RateLimiter } from "../lib/rate_limiter.ts";
import { FakeClock, nextTurn } from "./support/clock.ts";
import { test } from "./support/test.ts";

const never = new AbortController().signal;

/** A limiter of 10 tokens at once and 5 a second, and the names of the requests that it granted. */
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

test("RateLimiter grants a burst, then its rate, and saves up no more than the burst", () => {
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

test("RateLimiter.take grants requests in their order, small ones too", async () => {
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

test("RateLimiter.take gives up a request whose signal aborts", async () => {
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

test("RateLimiter.putBack lets the next request have what was not used", () => {
  const { limiter } = open();
  assertEquals([limiter.tryTake(10), limiter.tryTake(1)], [true, false]);
  limiter.putBack(1);
  assertEquals([limiter.tryTake(1), limiter.tryTake(1)], [true, false]);
});

const RATE = 10_000;

/** A limiter of {@linkcode RATE} tokens at once and a second, whose tokens are spent. */
function openSpending(): {
  clock: FakeClock;
  stop: () => void;
  /** Spends tokens. @returns Whether that has ended, as seen later. */
  spend: (tokens: number) => { done: boolean };
} {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ burst: RATE, perSecond: RATE }, clock);
  const stopping = new AbortController();
  return {
    clock,
    stop: () => stopping.abort(),
    spend: (tokens) => {
      const spent = { done: false };
      void limiter.spend(tokens, stopping.signal).then(() => spent.done = true);
      return spent;
    },
  };
}

test("RateLimiter.spend waits only for what is over the burst", async () => {
  const { clock, spend } = openSpending();
  const first = spend(RATE);
  await nextTurn();
  assertEquals([first.done, clock.timers], [true, 0]);
  const more = spend(RATE / 2);
  clock.advance(499);
  await nextTurn();
  assertEquals(more.done, false);
  clock.advance(1);
  await nextTurn();
  assertEquals([more.done, clock.timers], [true, 0]);
});

test("RateLimiter.spend saves up no more than the burst", async () => {
  const { clock, spend } = openSpending();
  clock.advance(60_000);
  const burst = spend(RATE);
  const more = spend(1);
  await nextTurn();
  assertEquals([burst.done, more.done], [true, false]);
  clock.advance(1);
  await nextTurn();
  assertEquals(more.done, true);
});

test("RateLimiter.spend takes more than the burst on credit, and counts every token", async () => {
  const { clock, spend } = openSpending();
  let tokens = 0;
  for (let i = 0; i < 50; i++) {
    const spent = spend(3333);
    for (tokens += 3333; clock.timers > 0;) clock.advance(1);
    await nextTurn();
    assertEquals(spent.done, true);
  }
  const over = spend(5 * RATE);
  for (tokens += 5 * RATE; clock.timers > 0;) clock.advance(1);
  await nextTurn();
  assertEquals(over.done, true);
  // All but the first burst has taken its time, rounded up to a millisecond each time.
  const expected = (tokens - RATE) / RATE * 1000;
  assertEquals(clock.elapsed() - expected >= 0 && clock.elapsed() - expected < 51, true);
});

test("RateLimiter.spend does not wait once its signal has aborted", async () => {
  const { clock, spend, stop } = openSpending();
  const waiting = spend(5 * RATE);
  await nextTurn();
  assertEquals(waiting.done, false);
  stop();
  const late = spend(5 * RATE);
  await nextTurn();
  assertEquals([waiting.done, late.done, clock.timers], [true, true, 0]);
});
