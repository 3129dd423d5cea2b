import { assertEquals } from "@std/assert";
import { Pace } from "../../lib/relay/pace.ts";
import { FakeClock } from "../support/clock.ts";
import { nextTurn } from "../support/stage.ts";
import { test } from "../support/test.ts";

const RATE = 10_000;

interface Scene {
  readonly clock: FakeClock;
  readonly pace: Pace;
  /** Spends bytes. @returns Whether more may come, as seen later. */
  spend(bytes: number): { done: boolean };
}

function create(): Scene {
  const clock = new FakeClock();
  const pace = new Pace(RATE, clock);
  return {
    clock,
    pace,
    spend: (bytes) => {
      const spent = { done: false };
      void pace.spend(bytes).then(() => spent.done = true);
      return spent;
    },
  };
}

test("Pace lets a second's worth pass at once, and has more wait for as long as it takes", async () => {
  const { clock, spend } = create();
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

test("Pace saves up no more than a second's worth", async () => {
  const { clock, spend } = create();
  clock.advance(60_000);
  const burst = spend(RATE);
  const more = spend(1);
  await nextTurn();
  assertEquals([burst.done, more.done], [true, false]);
  clock.advance(1);
  await nextTurn();
  assertEquals(more.done, true);
});

test("Pace takes what is over the rate as a debt, and counts every byte", async () => {
  const { clock, pace } = create();
  let bytes = 0;
  for (let i = 0; i < 50; i++) {
    const spent = pace.spend(3333);
    for (bytes += 3333; clock.timers > 0;) clock.advance(1);
    await spent;
  }
  // All but the first second's worth has taken its time, rounded up to a millisecond each time.
  const expected = (bytes - RATE) / RATE * 1000;
  assertEquals(clock.elapsed() - expected >= 0 && clock.elapsed() - expected < 50, true);
});

test("Pace.stop ends the wait, and has nobody wait any more", async () => {
  const { clock, pace, spend } = create();
  const waiting = spend(5 * RATE);
  await nextTurn();
  assertEquals(waiting.done, false);
  pace.stop();
  const late = spend(5 * RATE);
  await nextTurn();
  assertEquals([waiting.done, late.done, clock.timers], [true, true, 0]);
});
