import { assert, assertEquals, assertRejects } from "@std/assert";
import { Backoff, isTransient, passing, RETRY_MS } from "../../lib/session/backoff.ts";
import { type Code, CODES, LanchatError, NetError } from "../../lib/errors.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** What is tried, as often as it is told to fail. */
class Attempts {
  /** When each was made, in milliseconds. */
  readonly at: number[] = [];
  /** What the next ones fail with; with none left they work out. */
  readonly failures: (Error | undefined)[];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, failures: (Code | Error)[] = []) {
    this.#clock = clock;
    this.failures = failures.map((failure) =>
      failure instanceof Error ? failure : new LanchatError(failure, `This is ${failure}`)
    );
  }

  /** The attempt itself. */
  readonly make = (): Promise<string> => {
    this.at.push(this.#clock.elapsed());
    const failure = this.failures.shift();
    return failure === undefined ? Promise.resolve("done") : Promise.reject(failure);
  };
}

/** Lets whatever waits for no time happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Goes on from one timer to the next, as long as there is one. @param until Milliseconds. */
async function run(clock: FakeClock, until = Infinity): Promise<void> {
  await settle();
  while (clock.timers > 0 && clock.elapsed() < until) {
    clock.advance(1);
    await settle();
  }
}

/** The code that stands for failures that pass. */
const REFUSED = "connection-refused";

test("Backoff.retry doubles its waits up to 30 s, and tries after each", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, Array(7).fill(REFUSED));
  const backoff = new Backoff({
    giveUpMs: Infinity,
    signal: new AbortController().signal,
    random: () => 1,
    clock,
  });
  const result = backoff.retry(attempts.make);
  await run(clock);
  assertEquals(await result, "done");
  assertEquals(RETRY_MS, [1000, 2000, 4000, 8000, 16_000, 30_000]);
  const expected: number[] = [];
  for (const ms of [...RETRY_MS, 30_000, 30_000]) expected.push((expected.at(-1) ?? 0) + ms);
  assertEquals(attempts.at, expected);
});

test("Backoff.retry scales each wait by a new number from 0.5 to 1", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, [REFUSED, REFUSED, REFUSED]);
  const numbers = [0, 0.5, 1, 0.25];
  const backoff = new Backoff({
    giveUpMs: Infinity,
    signal: new AbortController().signal,
    random: () => numbers.shift()!,
    clock,
  });
  const result = backoff.retry(attempts.make);
  await run(clock);
  await result;
  assertEquals(attempts.at, [500, 500 + 1500, 2000 + 4000, 6000 + 5000]);
});

test("Backoff.retry scales waits at random by default", async () => {
  const firstWaits = await Promise.all(Array.from({ length: 20 }, async () => {
    const clock = new FakeClock();
    const attempts = new Attempts(clock);
    const { signal } = new AbortController();
    const result = new Backoff({ giveUpMs: Infinity, signal, clock }).retry(attempts.make);
    await run(clock);
    await result;
    return attempts.at[0]!;
  }));
  for (const ms of firstWaits) assert(ms >= 500 && ms <= 1000, `${ms}`);
  assert(new Set(firstWaits).size > 1, `${firstWaits}`);
});

test("Backoff.retry tries as soon as the network has changed", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, [REFUSED]);
  const changes: { change: () => void; signal: AbortSignal }[] = [];
  const backoff = new Backoff({
    giveUpMs: Infinity,
    signal: new AbortController().signal,
    changed: (signal) => new Promise((change) => changes.push({ change, signal })),
    random: () => 1,
    clock,
  });
  const result = backoff.retry(attempts.make);
  clock.advance(10);
  await settle();
  assertEquals(attempts.at, []);
  changes[0]!.change();
  await settle();
  assertEquals(attempts.at, [10]);
  assert(changes[0]!.signal.aborted);

  clock.advance(1999); // The change does not shorten the waits that follow.
  await settle();
  assertEquals(attempts.at, [10]);
  clock.advance(1);
  assertEquals(await result, "done");
  assertEquals(attempts.at, [10, 2010]);
  assert(changes[1]!.signal.aborted, "the watch goes on behind the wait");
  assertEquals(clock.timers, 0);
});

test("Backoff.retry gives up when its time is over, and not before", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, Array(10).fill(REFUSED));
  const { signal } = new AbortController();
  const result = new Backoff({ giveUpMs: 10_000, signal, random: () => 1, clock })
    .retry(attempts.make);
  let end: number | undefined;
  const failed = assertFails(result, "connection-lost").finally(() => end = clock.elapsed());
  await run(clock);
  const { cause, message } = await failed;
  assertEquals(message, "Gave up after 10 s: This is connection-refused");
  assert(cause instanceof LanchatError && cause.code === REFUSED);
  assertEquals([attempts.at, end], [[1000, 3000, 7000], 10_000]);
});

/** An attempt that nothing ends but its signal. */
function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

test("Backoff.retry aborts a try when its time is over", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, [REFUSED]);
  const { signal } = new AbortController();
  const result = new Backoff({ giveUpMs: 10_000, signal, random: () => 1, clock })
    .retry((signal) => attempts.failures.length > 0 ? attempts.make() : hang(signal));
  const failed = assertFails(result, "connection-lost");
  await run(clock, 9999);
  assertEquals(clock.timers, 1);
  await run(clock);
  assertEquals((await failed).message, "Gave up after 10 s: The host doesn't answer");
  assertEquals([attempts.at, clock.elapsed(), clock.timers], [[1000], 10_000, 0]);
});

test("Backoff.retry aborts a try at its signal, with or without a time limit", async () => {
  for (const giveUpMs of [60_000, Infinity]) {
    const clock = new FakeClock();
    const abort = new AbortController();
    const result = new Backoff({ giveUpMs, signal: abort.signal, random: () => 1, clock })
      .retry(hang);
    const failed = assertRejects(() => result, Error, "No more");
    await run(clock, 1000);
    assertEquals(clock.timers, giveUpMs === Infinity ? 0 : 1);
    abort.abort(new Error("No more"));
    await failed;
    assertEquals(clock.timers, 0);
  }
});

test("Backoff.retry gives up without a try if no time is left", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock);
  const { signal } = new AbortController();
  const result = new Backoff({ giveUpMs: 200, signal, random: () => 1, clock })
    .retry(attempts.make);
  const failed = assertFails(result, "connection-lost");
  await run(clock);
  assertEquals((await failed).message, "Gave up after 0.2 s");
  assertEquals(attempts.at, []);
});

test("Backoff.retry fails with busy if the host was busy to the end", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, [REFUSED, "busy", "busy", "busy"]);
  const { signal } = new AbortController();
  const result = new Backoff({ giveUpMs: 5000, signal, random: () => 1, clock })
    .retry(attempts.make);
  const failed = assertFails(result, "busy", "Gave up after 5 s: This is busy");
  await run(clock);
  await failed;
});

test("Backoff.retry keeps the last answer of the host or the broker when it aborts a try", async () => {
  const refusal = passing(new NetError("permission-denied", "This is refused", { hint: "Ask" }));
  for (
    const [answer, code, why] of [
      ["busy", "busy", "This is busy"],
      [refusal, "connection-lost", "This is refused"],
    ] as const
  ) {
    const clock = new FakeClock();
    const attempts = new Attempts(clock, [answer]);
    const { signal } = new AbortController();
    const result = new Backoff({ giveUpMs: 3001, signal, random: () => 1, clock })
      .retry((signal) => attempts.failures.length > 0 ? attempts.make() : hang(signal));
    const failed = assertFails(result, code, `Gave up after 3.001 s: ${why}`);
    await run(clock);
    const { hint } = await failed;
    assertEquals(hint === "Ask", answer === refusal);
    assertEquals(clock.elapsed(), 3001);
  }
});

test("Backoff.retry has one time limit for all calls without a success between", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock);
  const { signal } = new AbortController();
  const backoff = new Backoff({ giveUpMs: 5000, signal, random: () => 1, clock });
  for (const at of [1000, 3000]) {
    const result = backoff.retry(attempts.make);
    await run(clock);
    await result;
    assertEquals(attempts.at.at(-1), at);
  }
  const failed = assertFails(backoff.retry(attempts.make), "connection-lost");
  await run(clock);
  await failed;
  assertEquals(clock.elapsed(), 5000);
});

test("Backoff.succeeded resets the waits and the time limit", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock, [REFUSED, REFUSED]);
  const { signal } = new AbortController();
  const backoff = new Backoff({ giveUpMs: 10_000, signal, random: () => 1, clock });
  const first = backoff.retry(attempts.make);
  await run(clock);
  await first;
  assertEquals(attempts.at, [1000, 3000, 7000]);
  backoff.succeeded();
  clock.advance(60_000);
  attempts.failures.push(...Array(10).fill(new LanchatError(REFUSED, "This is refused")));
  const failed = assertFails(backoff.retry(attempts.make), "connection-lost", "10 s");
  await run(clock);
  await failed;
  assertEquals(attempts.at.slice(3), [68_000, 70_000, 74_000]);
  assertEquals(clock.elapsed(), 77_000);
});

test("Backoff.retry fails at once with an error that is not transient", async () => {
  for (
    const error of [
      new LanchatError("another-room", "It is another one"),
      new LanchatError("internal", "It is a fault"),
      new TypeError("It is one too"),
    ]
  ) {
    const clock = new FakeClock();
    const attempts = new Attempts(clock, [REFUSED, error]);
    const { signal } = new AbortController();
    const result = new Backoff({ giveUpMs: 60_000, signal, random: () => 1, clock })
      .retry(attempts.make);
    const failed = assertRejects(() => result);
    await run(clock);
    assertEquals(await failed, error);
    assertEquals(attempts.at, [1000, 3000]);
    assertEquals(clock.timers, 0);
  }
});

test("Backoff.retry ends a wait with its signal's reason, and leaves no timer", async () => {
  for (const before of [0, 1]) {
    const clock = new FakeClock();
    const attempts = new Attempts(clock, Array(9).fill(REFUSED));
    const abort = new AbortController();
    const watches: AbortSignal[] = [];
    const result = new Backoff({
      giveUpMs: 60_000,
      signal: abort.signal,
      changed: (signal) => {
        watches.push(signal);
        return new Promise(() => {});
      },
      random: () => 1,
      clock,
    }).retry(attempts.make);
    const failed = assertRejects(() => result, Error);
    await run(clock, 1000 * before);
    abort.abort(new Error("No more"));
    assertEquals((await failed).message, "No more");
    assertEquals(attempts.at.length, before);
    assertEquals(clock.timers, 0);
    assert(watches.every(({ aborted }) => aborted));
  }
});

test("Backoff.retry does not wait if its signal is aborted already", async () => {
  const clock = new FakeClock();
  const attempts = new Attempts(clock);
  const signal = AbortSignal.abort(new Error("No more"));
  const result = new Backoff({ giveUpMs: 60_000, signal, clock }).retry(attempts.make);
  await assertRejects(() => result, Error, "No more");
  assertEquals([attempts.at, clock.timers], [[], 0]);
});

test("Backoff.retry fails with the error of a try that its signal ended", async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const result = new Backoff({ giveUpMs: 60_000, signal: abort.signal, random: () => 1, clock })
    .retry(() => {
      abort.abort();
      return Promise.reject(new LanchatError(REFUSED, "It was cut"));
    });
  const failed = assertFails(result, REFUSED, "It was cut");
  await run(clock);
  await failed;
});

test("isTransient is true of errors that may pass by themselves", () => {
  const passing = (Object.keys(CODES) as Code[]).filter(isTransient).sort();
  assertEquals(passing, [
    "busy",
    "connection-lost",
    "connection-refused",
    "handshake-failed",
    "handshake-stalled",
    "name-not-found",
    "not-lanchat",
    "protocol-error",
    "seat-lost",
    "too-slow",
    "unreachable",
  ]);
});
