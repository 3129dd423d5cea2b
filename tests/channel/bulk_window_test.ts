import { assert, assertEquals } from "@std/assert";
import { BulkWindow } from "../../lib/channel/mod.ts";
import {
  BASE_MS,
  MAX_WINDOW_BYTES,
  MIN_WINDOW_BYTES,
  TARGET_MS,
} from "../../lib/channel/bulk_window.ts";
import { MAX_BULK_BYTES } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { seededNumbers } from "../support/faults.ts";
import { test } from "../support/test.ts";

/** A sender that always has bulk, and a way to the other end that passes so many bytes in a millisecond. */
class Way {
  readonly clock = new FakeClock();
  readonly window = new BulkWindow(this.clock);
  /** Time that every frame takes on an empty way beside its transmission, in milliseconds. */
  delayMs: number;
  /** Bytes that pass in a millisecond. */
  rate: number;
  /** Longest time for which a frame is held now and then, as a radio does, and others shorter; none overtakes. */
  jitterMs = 0;
  /** The longest time that a frame waited for others since this was last set to 0, in milliseconds. */
  longestWait = 0;
  /** Bytes that the other end has taken. */
  taken = 0;
  #freeAt = 0;
  #arrivesAt = 0;
  readonly #random = seededNumbers(1);

  constructor(rate: number, delayMs: number) {
    this.rate = rate;
    this.delayMs = delayMs;
    this.#send();
  }

  /** Sends for so long. @returns Bytes taken in a millisecond, on average. */
  run(ms: number): number {
    const before = this.taken;
    this.longestWait = 0;
    this.clock.advance(ms);
    return (this.taken - before) / ms;
  }

  #send(): void {
    const { clock, window } = this;
    for (let bytes = window.frameBytes; bytes > 0; bytes = window.frameBytes) {
      const now = clock.elapsed();
      const size = bytes;
      window.send(size);
      const start = Math.max(now, this.#freeAt);
      this.longestWait = Math.max(this.longestWait, start - now);
      this.#freeAt = start + size / this.rate;
      const isHeld = this.#random() < 1 / 50;
      const jitter = this.jitterMs * this.#random() * (isHeld ? 1 : 1 / 8);
      this.#arrivesAt = Math.max(this.#arrivesAt, this.#freeAt + this.delayMs + jitter);
      clock.after(this.#arrivesAt - now, () => {
        this.taken += size;
        window.take(this.taken);
        this.#send();
      });
    }
  }
}

/** Sends all that a window allows. @returns Bytes sent. */
function fill(window: BulkWindow): number {
  let sent = 0;
  for (let bytes = window.frameBytes; bytes > 0; bytes = window.frameBytes) {
    window.send(bytes);
    sent += bytes;
  }
  return sent;
}

/** Bytes in a millisecond. @param mbit Megabits in a second. */
function megabits(mbit: number): number {
  return mbit * 125;
}

test("BulkWindow starts with four frames of 4 KiB, and waits until one is taken", () => {
  const clock = new FakeClock();
  const window = new BulkWindow(clock);
  assertEquals(window.size, MIN_WINDOW_BYTES);
  for (let i = 0; i < 4; i++) {
    assertEquals(window.frameBytes, 4096);
    window.send(4096);
  }
  assertEquals(window.frameBytes, 0);
  clock.advance(10);
  window.take(4096);
  assertEquals(window.size, MIN_WINDOW_BYTES + 4096);
});

test("BulkWindow is full with many short frames, too", () => {
  const window = new BulkWindow(new FakeClock());
  let frames = 0;
  for (; window.frameBytes > 0; frames++) window.send(1);
  assertEquals(frames, MIN_WINDOW_BYTES / 1024);
  window.take(1);
  assertEquals(window.frameBytes, 4096);
});

test("BulkWindow doubles with each round trip without delay, up to 4 MiB and frames of 256 KiB", () => {
  const way = new Way(1e9, 1);
  way.run(12);
  assertEquals(way.window.size, MAX_WINDOW_BYTES);
  const window = new BulkWindow(new FakeClock());
  let sent = 0;
  while (window.size < MAX_WINDOW_BYTES) {
    const bytes = fill(window);
    assert(bytes <= window.size);
    window.take(sent += bytes);
  }
  assertEquals(window.frameBytes, MAX_BULK_BYTES);
});

test("BulkWindow.frameBytes is an eighth of the window, and not under 4 KiB", () => {
  const clock = new FakeClock();
  const window = new BulkWindow(clock);
  let sent = 0;
  for (let size = MIN_WINDOW_BYTES; size <= MAX_BULK_BYTES; size *= 2) {
    assertEquals([window.size, window.frameBytes], [size, Math.max(size / 8, 4096)]);
    sent += fill(window);
    clock.advance(10);
    window.take(sent);
  }
});

for (const mbit of [10, 100, 1000]) {
  test(`BulkWindow fills ${mbit} Mbit/s and lets others wait 12 ms, for a minute and any least delay`, () => {
    for (const [delayMs, least] of [[0.1, 0.98], [5, 0.95], [40, 0.7]] as const) {
      const way = new Way(megabits(mbit), delayMs);
      way.run(2000);
      const share = way.run(60_000) / megabits(mbit);
      assert(share > least, `${share} of ${mbit} Mbit/s with ${delayMs} ms`);
      assert(way.longestWait <= 2 * TARGET_MS, `${way.longestWait} ms with ${delayMs} ms`);
    }
  });
}

test("BulkWindow follows when the way becomes ten times slower, and faster", () => {
  const way = new Way(megabits(100), 2);
  way.run(5000);
  way.rate = megabits(10);
  way.run(2000);
  assert(way.run(1000) > 0.8 * megabits(10));
  assert(way.longestWait <= 2 * TARGET_MS, `${way.longestWait} ms`);
  way.rate = megabits(100);
  way.run(2000);
  assert(way.run(1000) > 0.8 * megabits(100));
});

test("BulkWindow measures the least delay again after a second at its minimum: a longer way is no queue", () => {
  const way = new Way(megabits(100), 2);
  way.run(500);
  way.delayMs = 120;
  way.run(3000);
  const share = way.run(1000) / megabits(100);
  assert(share > 0.2, `${share}`);
});

test("BulkWindow keeps its size on a way that now and then holds frames for 60 ms", () => {
  const way = new Way(megabits(100), 5);
  way.jitterMs = 60;
  way.run(2000);
  const share = way.run(20_000) / megabits(100);
  assert(share > 0.7, `${share}`);
});

test("BulkWindow takes one late sample for noise", () => {
  const clock = new FakeClock();
  const window = new BulkWindow(clock);
  let sent = 0;
  const trip = (ms: number): void => {
    sent += fill(window);
    clock.advance(ms);
    window.take(sent);
  };
  for (let i = 0; i < 2; i++) trip(1);
  const { size } = window;
  trip(100);
  assert(window.size > size);
  let after = window.size;
  for (let i = 0; i < 12; i++) {
    after = Math.max(after, window.size);
    trip(100);
  }
  assert(window.size < after, `${window.size} of ${after}`);
});

test("BulkWindow keeps what passed in 6 ms lately, when a busy machine delays everything for a while", () => {
  const way = new Way(megabits(1000), 1);
  way.run(2000);
  way.delayMs = 30;
  way.run(400);
  assert(way.window.size > 0.5 * TARGET_MS * megabits(1000), `${way.window.size}`);
});

test("BulkWindow does not grow while its sender does not fill it", () => {
  const clock = new FakeClock();
  const window = new BulkWindow(clock);
  for (let i = 1; i <= 100; i++) {
    window.send(1000);
    clock.advance(1);
    window.take(1000 * i);
  }
  assertEquals(window.size, MIN_WINDOW_BYTES);
});

test("BulkWindow starts over after it was idle", () => {
  const clock = new FakeClock();
  const window = new BulkWindow(clock);
  let sent = 0;
  while (window.size < MAX_BULK_BYTES) {
    sent += fill(window);
    clock.advance(1);
    window.take(sent);
  }
  clock.advance(3 * BASE_MS);
  assertEquals(window.frameBytes, 4096);
  window.send(10);
  assertEquals(window.size, MIN_WINDOW_BYTES);
});

test("BulkWindow.take refuses less than before, and more than was sent", async () => {
  const window = new BulkWindow(new FakeClock());
  window.send(100);
  await assertFails(() => window.take(101), "protocol-error", "never sent");
  window.take(60);
  await assertFails(() => window.take(59), "protocol-error", "never sent");
  window.take(60);
  window.take(100);
});
