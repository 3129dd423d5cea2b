import { assert, assertEquals, assertRejects } from "@std/assert";
import { byteLength, type Bytes, concat } from "../../lib/bytes/mod.ts";
import type { BulkChunk } from "../../lib/room/mod.ts";
import {
  CloseReason,
  type HostRecord,
  MAX_BULK_RECEIVERS,
  MAX_FLOWS,
  MAX_MEMBER_BULK_BYTES,
  type MemberRecord,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { nextTurn } from "../support/clock.ts";
import { seededRandom } from "../support/keys.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone, type ScriptedRelay } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

type BulkRecord = Extract<MemberRecord, { type: "bulk" }>;

const random = seededRandom(14);
const transfer = random(16);
const to = [random(16), random(16)];

function chunk(offset: number, bytes: Bytes, other: Partial<BulkChunk> = {}): BulkChunk {
  return { transfer, offset, to, bytes, ...other };
}

/** The BULK records that a relay has read. */
function bulkOf({ records }: ScriptedRelay): BulkRecord[] {
  return records.all.filter((record): record is BulkRecord => record.type === "bulk");
}

/** Bytes of bulk that a relay has read. */
function sizeOf(relay: ScriptedRelay, flow?: number): number {
  return bulkOf(relay).filter((record) => flow === undefined || record.flow === flow)
    .reduce((sum, { bytes }) => sum + byteLength(bytes), 0);
}

/** A relay's CREDIT: it takes all, and has passed on so much of some flows. */
function credit(relay: ScriptedRelay, ...passed: (readonly [number, number])[]): HostRecord {
  const flows = passed.map(([flow, passed]) => ({ flow, passed }));
  return { type: "credit", taken: sizeOf(relay), flows };
}

/** Has the relay take everything until nothing more comes. */
async function takeAll(relay: ScriptedRelay): Promise<number> {
  let before = -1;
  while (sizeOf(relay) > before) {
    before = sizeOf(relay);
    await relay.send(credit(relay));
    await nextTurn();
  }
  return before;
}

/** Opens flows that have so many bytes to send each, by default 10 MiB. */
function openFull(
  alone: RoomAlone,
  count: number,
  bytes = 10 << 20,
): WritableStreamDefaultWriter<BulkChunk>[] {
  return Array.from({ length: count }, () => {
    const writer = alone.room.openFlow().getWriter();
    writer.write(chunk(0, new Uint8Array(bytes))).catch(() => {});
    return writer;
  });
}

/** Asserts that so many bytes were sent, or fewer by less than what no frame is sent for. */
function assertNearly(bytes: number, max: number): void {
  assert(bytes <= max && bytes > max - 65_536, `${bytes} bytes`);
}

test("Room.openFlow waits for the room, and merges adjacent chunks as far as a frame may be long", async () => {
  const alone = await RoomAlone.create();
  const writer = alone.room.openFlow().getWriter();
  const bytes = random(9000);
  for (let at = 0; at < bytes.length; at += 1000) {
    await writer.write(chunk(at, bytes.slice(at, at + 1000)));
  }
  await alone.relay.accept({ resumed: false, lastCmid: 0 });
  await nextTurn();
  assertEquals(bulkOf(alone.relay), []);
  await alone.relay.resume([]);
  await alone.clock.timer(0);
  alone.clock.advance(0);
  await alone.event("ready");
  await writer.close();
  await nextTurn();
  const sent = bulkOf(alone.relay);
  assertEquals(sent.map(({ bytes }) => byteLength(bytes)), [4096, 4096, 808]);
  assertEquals(sent.map(({ offset }) => offset), [0, 4096, 8192]);
  for (const record of sent) {
    assertEquals([record.flow, record.transfer, record.to], [1, transfer, to]);
  }
  assertEquals(concat(...sent.flatMap(({ bytes }) => bytes)), bytes);
  await alone.close();
});

test("Room.openFlow merges only what continues the same transfer for the same sessions", async () => {
  const alone = await RoomAlone.open();
  await alone.cut();
  const writer = alone.room.openFlow().getWriter();
  const chunks = [
    chunk(0, random(5)),
    chunk(5, random(5), { to: [...to] }),
    chunk(11, random(5)),
    chunk(16, random(5), { to: [to[0]!] }),
    chunk(21, random(5), { to: [to[1]!] }),
    chunk(26, random(5), { to: [to[1]!], transfer: random(16) }),
  ];
  for (const chunk of chunks) await writer.write(chunk);
  alone.dial(false);
  await alone.relay.accept({ resumed: true, lastCmid: 0 });
  await alone.relay.resume([]);
  await writer.close();
  await nextTurn();
  const sent = bulkOf(alone.relay);
  assertEquals(sent.map(({ offset }) => offset), [0, 11, 16, 21, 26]);
  assertEquals(sent[0]!.bytes, [chunks[0]!.bytes, chunks[1]!.bytes]);
  assertEquals(sent.slice(2).map(({ to }) => to), chunks.slice(3).map(({ to }) => to));
  await alone.close();
});

test("Room.openFlow sends as much as the relay's CREDIT allows, and holds its writer", async () => {
  const alone = await RoomAlone.open();
  const writer = alone.room.openFlow().getWriter();
  let written = 0;
  const wrote = (async (): Promise<void> => {
    for (let at = 0; at < 1 << 20; at += 1 << 16) {
      await writer.write(chunk(at, new Uint8Array(1 << 16)));
      written = at + (1 << 16);
    }
  })();
  await nextTurn();
  assertEquals(sizeOf(alone.relay), 16_384);
  assert(written <= (1 << 19) + 16_384, `${written} bytes were written`);
  alone.clock.advance(10);
  await alone.relay.send(credit(alone.relay));
  await nextTurn();
  assertEquals(sizeOf(alone.relay), 3 * 16_384, "the window has doubled");
  await takeAll(alone.relay);
  await wrote;
  await writer.close();
  assertEquals(sizeOf(alone.relay), 1 << 20);
  await alone.close();
});

test("Room.openFlow has at most 3 MiB of a flow that the relay has not passed on, and goes on as it does", async () => {
  const alone = await RoomAlone.open();
  const [writer] = openFull(alone, 1);
  const most = (3 << 20) + (1 << 15);
  assertNearly(await takeAll(alone.relay), most);
  await alone.relay.send(credit(alone.relay, [1, 1 << 20]));
  assertNearly(await takeAll(alone.relay), most + (1 << 20));
  await writer!.abort();
  await alone.close();
});

test("Room.openFlow leaves to another flow as much as each of those has that the relay does not pass on", async () => {
  const alone = await RoomAlone.open();
  const count = 7;
  const writers = openFull(alone, count);
  const stuck = await takeAll(alone.relay);
  assert(stuck < MAX_MEMBER_BULK_BYTES - (1 << 19), `${stuck} bytes`);
  const [writer] = openFull(alone, 1, 1 << 20);
  for (let sent = 0; sent < 1 << 20;) {
    await takeAll(alone.relay);
    const size = bulkOf(alone.relay).filter(({ flow }) => flow > count)
      .reduce((sum, { bytes }) => sum + byteLength(bytes), 0);
    assert(size > sent, "it waits for the others");
    sent = size;
    const last = bulkOf(alone.relay).at(-1)!.flow;
    await alone.relay.send(credit(alone.relay, [last, sizeOf(alone.relay, last)]));
  }
  for (const each of [...writers, writer!]) await each.abort();
  await alone.close();
});

test("Room.openFlow has room for another flow, however many were held up one after the other", async () => {
  const alone = await RoomAlone.open();
  const writers: WritableStreamDefaultWriter<BulkChunk>[] = [];
  for (let flow = 1; flow < MAX_FLOWS; flow++) {
    writers.push(...openFull(alone, 1, 5 << 20));
    await takeAll(alone.relay);
  }
  const stuck = sizeOf(alone.relay);
  assert(stuck <= MAX_MEMBER_BULK_BYTES, `${stuck} bytes`);
  writers.push(...openFull(alone, 1, 5 << 20));
  const more = await takeAll(alone.relay) - stuck;
  assert(more >= 1 << 15, `${more} bytes`);
  for (const writer of writers) await writer.abort();
  await alone.close();
});

test("Room.openFlow holds the writer of a flow that is sent little at a time with little that waits", async () => {
  const alone = await RoomAlone.open();
  openFull(alone, 20);
  await takeAll(alone.relay);
  const writer = alone.room.openFlow().getWriter();
  let written = 0;
  const writing = (async () => {
    for (;; written += 65_536) await writer.write(chunk(written, new Uint8Array(65_536)));
  })();
  await takeAll(alone.relay);
  const waiting = written + 65_536 - sizeOf(alone.relay, 21);
  assert(waiting <= 3 * 65_536, `${waiting} bytes wait`);
  await alone.close();
  await assertRejects(() => writing);
});

test("Room.openFlow serves flows in turn, and never more than 64 at once", async () => {
  const alone = await RoomAlone.open();
  const writers = openFull(alone, MAX_FLOWS + 6, 20_000);
  await takeAll(alone.relay);
  const sent = bulkOf(alone.relay).map(({ flow }) => flow);
  assertEquals(sent.slice(0, 70), sent.slice(0, 70).map((_, i) => i % MAX_FLOWS + 1));
  assertEquals(Math.max(...sent), MAX_FLOWS);
  await alone.relay.send(credit(alone.relay, [7, sizeOf(alone.relay, 7)]));
  await takeAll(alone.relay);
  assertEquals(Math.max(...bulkOf(alone.relay).map(({ flow }) => flow)), MAX_FLOWS + 1);
  for (const writer of writers) await writer.abort();
  await alone.close();
});

test("Room.openFlow drops what waits when it is aborted, also during a write", async () => {
  const alone = await RoomAlone.open();
  const [writer] = openFull(alone, 1);
  await nextTurn();
  await writer!.abort();
  await takeAll(alone.relay);
  assertEquals(sizeOf(alone.relay), 16_384);
  await alone.close();
});

test("Room.openFlow goes on after a cut with what had not left, and closes once that is sent", async () => {
  const alone = await RoomAlone.open();
  const bytes = random(30_000);
  const writer = alone.room.openFlow().getWriter();
  await writer.write(chunk(0, bytes));
  await nextTurn();
  assertEquals(sizeOf(alone.relay), 16_384);
  let isClosed = false;
  const closed = writer.close().then(() => isClosed = true);
  await alone.cut();
  await nextTurn();
  assertEquals(isClosed, false);
  await alone.resume([]);
  await nextTurn();
  const [first] = bulkOf(alone.relay);
  assertEquals([first!.flow, first!.offset], [2, 16_384]);
  await takeAll(alone.relay);
  await closed;
  const received = concat(...bulkOf(alone.relay).flatMap(({ bytes }) => bytes));
  assertEquals(received, bytes.slice(16_384));
  await alone.close();
});

test("Room.openFlow refuses an empty chunk, and one for no session or too many", async () => {
  const alone = await RoomAlone.open();
  const bad = [
    chunk(0, new Uint8Array()),
    chunk(0, random(1), { to: [] }),
    chunk(0, random(1), { to: Array(MAX_BULK_RECEIVERS + 1).fill(to[0]!) }),
  ];
  for (const chunk of bad) {
    await assertRejects(() => alone.room.openFlow().getWriter().write(chunk), RangeError);
  }
  await nextTurn();
  assertEquals(bulkOf(alone.relay), []);
  await alone.close();
});

test("Room.openFlow fails at the end of the session", async () => {
  const alone = await RoomAlone.open();
  const [writer] = openFull(alone, 1);
  await nextTurn();
  alone.room.end("not-delivered");
  await assertFails(writer!.closed, "not-delivered", "session has ended");
  const late = alone.room.openFlow().getWriter();
  await assertFails(late.write(chunk(0, random(1))), "not-delivered");
  await alone.close();
});

test("Room breaks off on a CREDIT for what was never sent, or for less than before", async () => {
  const passes = (relay: ScriptedRelay, passed: number): Promise<void> =>
    relay.send({ type: "credit", taken: 0, flows: [{ flow: 1, passed }] });
  const lies: ((relay: ScriptedRelay) => Promise<void>)[] = [
    (relay) => relay.send({ type: "credit", taken: sizeOf(relay) + 1, flows: [] }),
    (relay) => passes(relay, sizeOf(relay) + 1),
    async (relay) => {
      await passes(relay, 5);
      await passes(relay, 4);
    },
  ];
  for (const lie of lies) {
    const alone = await RoomAlone.open();
    const [writer] = openFull(alone, 1);
    await nextTurn();
    await lie(alone.relay);
    await assertFails(alone.ran, "protocol-error", "Cannot accept CREDIT");
    await alone.relay.ended;
    assertEquals(alone.relay.records.all.at(-1), { type: "close", reason: CloseReason.PROTOCOL });
    await writer!.abort();
    alone.room.end("not-delivered");
  }
});

test("Room.openFlow takes another number once all is passed on, so that the relay may forget the first", async () => {
  const alone = await RoomAlone.open();
  const writer = alone.room.openFlow().getWriter();
  for (const offset of [0, 5, 10]) {
    await writer.write(chunk(offset, random(5)));
    await nextTurn();
    if (offset > 0) await alone.relay.send(credit(alone.relay, [1, offset + 5]));
  }
  assertEquals(bulkOf(alone.relay).map(({ flow }) => flow), [1, 1, 2]);
  await writer.close();
  await alone.close();
});

test("Room ignores a CREDIT for a flow that has ended", async () => {
  const alone = await RoomAlone.open();
  const writer = alone.room.openFlow().getWriter();
  await writer.write(chunk(0, random(5)));
  await writer.close();
  await nextTurn();
  await alone.relay.send(credit(alone.relay, [1, 5]));
  await alone.relay.send(credit(alone.relay, [1, 5], [9, 77]));
  await alone.close();
});

test("Room sends what its member says before bulk that waits", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const [writer] = openFull(alone, 1);
  await nextTurn();
  const before = sizeOf(alone.relay);
  await alone.room.say("hello");
  assertEquals(sizeOf(alone.relay), before, "it does not wait for CREDIT");
  await writer!.abort();
  await alone.close();
});
