import { assertEquals } from "@std/assert";
import { SharedFrame } from "../../lib/channel/mod.ts";
import { BulkQueue } from "../../lib/relay/bulk_queue.ts";
import { CreditTracker } from "../../lib/relay/credit_tracker.ts";
import { QueuedEnvelope, QueueMemory } from "../../lib/relay/queued_envelope.ts";
import { FairScheduler, SenderQueue } from "../../lib/relay/scheduler.ts";
import { Seat, type SeatEndpoint } from "../../lib/relay/seat.ts";
import { type HostRecord, MAX_RECORD_BYTES } from "../../lib/wire/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** A seat whose connection carries shared frames. */
function seatOf(): Seat {
  const scheduler = new FairScheduler();
  const clock = new FakeClock();
  const bytes = (length: number) => new Uint8Array(length);
  const seat = new Seat({ key: bytes(32), nonce: bytes(16), session: bytes(16) }, {
    scheduler,
    clock,
    onStalled: () => {},
  });
  const endpoint = { close: () => Promise.resolve(), wake: () => {} } as unknown as SeatEndpoint;
  const queue = new SenderQueue(scheduler, () => undefined);
  const bulk = new BulkQueue(clock);
  const credit = new CreditTracker(() => {});
  seat.claim({ endpoint, carriesShared: true, queue, bulk, credit }, "127.0.0.1");
  seat.connect();
  return seat;
}

/** What is sent for entries of one byte, each in a shared frame of a size: `PING`, `KEY`, or the size. */
function sent(sizes: readonly number[]): (string | number)[] {
  const seat = seatOf();
  const memory = new QueueMemory(Infinity);
  const before = { secret: new Uint8Array(32), counter: 0, transcript: new Uint8Array(32) };
  const { transcript } = before;
  for (const size of sizes) {
    const item = new QueuedEnvelope(
      { class: 1, to: undefined, cmid: 0, object: new Uint8Array(1) },
      { id: "00", session: new Uint8Array(16) },
      memory,
    );
    const frame = new SharedFrame(before, [new Uint8Array(size - 8)], transcript, transcript);
    item.sharing = { items: [item], frame };
    seat.deliver(item);
  }
  const items: (string | number)[] = [];
  for (let next = seat.next(); next !== undefined && items.length < 20; next = seat.next()) {
    items.push(next instanceof SharedFrame ? next.size : (next as HostRecord).type);
  }
  return items;
}

test("Seat sends PING before more than 64 KiB of shared frames, but one frame may be longer", () => {
  const longest = 4 + 8 + MAX_RECORD_BYTES;
  assertEquals(sent([40_000, 25_536]), ["key", 40_000, 25_536]);
  assertEquals(sent([40_000, 25_537, 100]), ["key", 40_000, "ping", 25_537, 100]);
  assertEquals(sent([longest, longest]), ["key", longest, "ping", longest]);
});
