import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { byteLength, type Bytes, toHex } from "../../lib/bytes/mod.ts";
import {
  BULK_SHARE_BYTES,
  BULK_STALL_MS,
  BULK_TURN_BYTES,
  BulkQueue,
  QueuedPiece,
} from "../../lib/relay/bulk_queue.ts";
import { CreditTracker } from "../../lib/relay/credit_tracker.ts";
import { QueueMemory } from "../../lib/relay/queued_envelope.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** The longest bytes of a record here. */
const FRAME_BYTES = 1 << 18;

/** The memory of a relay, and a count of its bytes. */
class CountedMemory extends QueueMemory {
  taken = 0;

  override add(bytes: number): void {
    this.taken += bytes;
    super.add(bytes);
  }
}

/** The sender of a record, its offset and its length. */
type Next = [from: number, offset: number, length: number];

interface Sender {
  readonly credit: CreditTracker;
  readonly id: string;
  readonly session: Bytes;
  offset: number;
}

/** Senders with a flow each, and the queues of receivers. */
class Scene {
  readonly clock: FakeClock = new FakeClock();
  readonly memory: CountedMemory = new CountedMemory(Infinity);
  readonly queues: readonly BulkQueue[];
  readonly senders: readonly Sender[];

  constructor(senders: number, receivers = 1) {
    this.queues = Array.from({ length: receivers }, () => new BulkQueue(this.clock));
    this.senders = Array.from({ length: senders }, (_, i) => {
      const session = new Uint8Array(16).fill(i);
      return { credit: new CreditTracker(() => {}), id: toHex(session), session, offset: 0 };
    });
  }

  /** Queues the next bytes of a sender. @param to The receivers; all of them by default. */
  send(
    number: number,
    length: number,
    to: readonly BulkQueue[] = this.queues,
    transfer: Bytes = new Uint8Array(16),
  ): void {
    const sender = this.senders[number]!;
    const { offset } = sender;
    sender.offset += length;
    const bytes = new Uint8Array(length);
    const options = { from: sender.session, sender: sender.id, flow: 7, transfer, offset, bytes };
    const piece = new QueuedPiece(options, sender.credit, this.memory);
    for (const queue of to) queue.push(piece);
    piece.removeReceiver();
  }

  /** Queues bytes of a sender that do not follow on those before. */
  sendApart(number: number, length: number): void {
    this.senders[number]!.offset++;
    this.send(number, length);
  }

  /** What is next for a receiver: sender, offset and number of bytes. */
  next(queue: BulkQueue = this.queues[0]!, maxBytes: number = FRAME_BYTES): Next | undefined {
    const record = queue.next(maxBytes);
    if (record === undefined) return undefined;
    assert(record.type === "bulk");
    const length = byteLength(record.bytes);
    assert(length > 0 && length <= maxBytes);
    return [record.from[0]!, record.offset, length];
  }

  /** Takes all that is next for a receiver. */
  rest(queue: BulkQueue = this.queues[0]!, maxBytes: number = FRAME_BYTES): Next[] {
    const all = [];
    for (let next = this.next(queue, maxBytes); next !== undefined;) {
      all.push(next);
      next = this.next(queue, maxBytes);
    }
    return all;
  }

  /** How many bytes of a sender's flow were passed on. */
  passed(number: number): number {
    const record = this.senders[number]!.credit.next();
    return record.type === "credit" ? record.flows[0]?.passed ?? 0 : 0;
  }
}

test("BulkQueue cuts and joins pieces of one transfer into records as long as allowed", () => {
  const scene = new Scene(1);
  const [queue] = scene.queues as [BulkQueue];
  for (const length of [10_000, 100, 7000]) scene.send(0, length);
  scene.senders[0]!.offset += 5;
  scene.send(0, 100);
  assertEquals(scene.next(queue, 6000), [0, 0, 6000]);
  assertEquals(scene.rest(queue, 6000), [[0, 6000, 6000], [0, 12_000, 5100], [0, 17_105, 100]]);
  assertEquals(scene.memory.taken, 0);
});

test("BulkQueue joins no pieces of different transfers", () => {
  const scene = new Scene(1);
  scene.send(0, 1000);
  scene.send(0, 1000, scene.queues, new Uint8Array(16).fill(1));
  assertEquals(scene.rest(), [[0, 0, 1000], [0, 1000, 1000]]);
});

test("BulkQueue serves senders alike by bytes, whatever the sizes of their pieces", () => {
  const sizes = [1000, 65_552, FRAME_BYTES];
  const scene = new Scene(sizes.length);
  sizes.forEach((size, sender) => {
    for (let sent = 0; sent + size <= 2 << 20; sent += size) scene.sendApart(sender, size);
  });
  const bytes = sizes.map(() => 0);
  // Each record counts for 1 KiB more.
  while (Math.max(...bytes) < 1.9 * 2 ** 20) {
    const [from, , length] = scene.next()!;
    bytes[from]! += length + 1024;
    const ahead = Math.max(...bytes) - Math.min(...bytes);
    assert(ahead <= FRAME_BYTES + BULK_TURN_BYTES, `${bytes} bytes`);
  }
});

test("BulkQueue counts 1 KiB for each record, so that short ones do not hold another sender up", () => {
  const scene = new Scene(2);
  for (let i = 0; i < 200; i++) scene.sendApart(0, 1);
  for (let i = 0; i < 3; i++) scene.send(1, BULK_TURN_BYTES);
  const turns: number[] = [];
  for (const [from] of scene.rest(scene.queues[0], BULK_TURN_BYTES)) {
    if (from === 0) turns.push((turns.pop() ?? 0) + 1);
    else turns.push(0);
  }
  assert(turns.slice(0, -1).every((records) => records <= 64), `${turns}`);
});

test("BulkQueue counts what a sender took beyond its turn also when nothing more of it waited", () => {
  const scene = new Scene(2);
  for (let i = 0; i < 30; i++) scene.sendApart(0, 65_536);
  const bytes = [0, 0];
  for (let next = scene.next(); bytes[0]! < 20 * 65_536; next = scene.next()) {
    const [from, , length] = next!;
    bytes[from]! += length;
    // It sends one long piece after each of the other's.
    if (from === 0) scene.send(1, FRAME_BYTES);
  }
  assert(bytes[1]! <= bytes[0]! + 2 * FRAME_BYTES, `${bytes} bytes`);
});

test("BulkQueue drops new pieces of a sender of which 8 MiB wait, and of no other", () => {
  const scene = new Scene(2, 2);
  const [slow, fast] = scene.queues as [BulkQueue, BulkQueue];
  const count = BULK_SHARE_BYTES / FRAME_BYTES;
  for (let i = 0; i < count + 3; i++) {
    scene.send(0, FRAME_BYTES);
    assertEquals(scene.rest(fast), [[0, i * FRAME_BYTES, FRAME_BYTES]]);
  }
  scene.send(1, 10);
  const offsets = scene.rest(slow).filter(([from]) => from === 0).map(([, offset]) => offset);
  assertEquals(offsets, Array.from({ length: count }, (_, i) => i * FRAME_BYTES));
  assertEquals(scene.rest(fast), [[1, 0, 10]]);
});

test("QueuedPiece is passed as far as the fastest receiver has it, or when all have dropped it", () => {
  const scene = new Scene(1, 2);
  const [one, other] = scene.queues as [BulkQueue, BulkQueue];
  const next = (queue: BulkQueue) => scene.next(queue, 4000);
  scene.send(0, 10_000);
  next(one);
  assertEquals(scene.passed(0), 4000);
  next(other);
  assertEquals(scene.passed(0), 0, "nothing new");
  next(other);
  assertEquals(scene.passed(0), 8000);
  other.clear();
  assertEquals(scene.passed(0), 0, "one still has it");
  one.clear();
  assertEquals(scene.passed(0), 10_000);
  scene.send(0, 500, []);
  assertEquals(scene.passed(0), 10_500);
  assertEquals(scene.memory.taken, 0);
});

test("BulkQueue.halve drops the newer half of the longest share, and at last all", () => {
  const scene = new Scene(2);
  const [queue] = scene.queues as [BulkQueue];
  for (let i = 0; i < 3; i++) scene.send(0, 1000);
  scene.send(1, 2500);
  queue.halve();
  queue.halve();
  assertEquals(scene.rest(), [[0, 0, 1000]]);
  scene.send(0, 1000);
  queue.halve();
  assertEquals([queue.longest, scene.rest()], [0, []]);
});

test("BulkQueue drops what waits for a member that got nothing for 10 s, and only then", () => {
  const scene = new Scene(1);
  const { clock } = scene;
  const [queue] = scene.queues as [BulkQueue];
  for (let i = 0; i < 3; i++) scene.send(0, 1000);
  clock.advance(BULK_STALL_MS - 1);
  assertEquals(scene.next(queue, 1000), [0, 0, 1000]);
  clock.advance(BULK_STALL_MS);
  assert(queue.longest > 0);
  clock.advance(1);
  assertEquals([queue.longest, scene.passed(0), clock.timers], [0, 3000, 0]);
  scene.send(0, 1000);
  assertEquals(scene.rest(), [[0, 3000, 1000]]);
  clock.advance(BULK_STALL_MS);
  assertEquals(clock.timers, 0);
});

test("BulkQueue gives each byte of a sender once and in order, counts all as passed, and keeps no memory", () => {
  const operation = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        send: fc.nat(2),
        length: fc.integer({ min: 1, max: 200_000 }),
        to: fc.nat(3),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ take: fc.nat(1), max: fc.integer({ min: 1, max: FRAME_BYTES }) }),
    },
    { weight: 1, arbitrary: fc.record({ drop: fc.nat(2), at: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ halve: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ clear: fc.nat(1) }) },
  );
  fc.assert(fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
    const scene = new Scene(3, 2);
    const { queues } = scene;
    const ends = queues.map(() => [0, 0, 0]);
    let dropped = false;
    const take = (number: number, maxBytes: number): boolean => {
      const next = scene.next(queues[number], maxBytes);
      if (next === undefined) return false;
      const [from, offset, length] = next;
      assert(offset >= ends[number]![from]!, "in order, and once");
      ends[number]![from] = offset + length;
      return true;
    };
    const waiting = [0, 0, 0];
    for (const step of operations) {
      if ("send" in step) {
        if (scene.senders[step.send]!.offset + step.length > 3 << 20) continue;
        scene.send(step.send, step.length, queues.filter((_, i) => step.to & (1 << i)));
        dropped ||= step.to !== 3;
      } else if ("take" in step) {
        take(step.take, step.max);
      } else {
        dropped = true;
        if ("drop" in step) queues[step.at]!.drop(scene.senders[step.drop]!.id);
        else if ("halve" in step) queues[step.halve]!.halve();
        else queues[step.clear]!.clear();
      }
    }
    for (const number of queues.keys()) while (take(number, FRAME_BYTES));
    for (const [number, { credit, offset }] of scene.senders.entries()) {
      const record = credit.next();
      assert(record.type === "credit");
      waiting[number] = offset - (record.flows[0]?.passed ?? 0);
      if (!dropped) assertEquals(ends.map((of) => of[number]), [offset, offset]);
    }
    assertEquals(waiting, [0, 0, 0]);
    assertEquals(scene.memory.taken, 0);
  }));
});
