import { assert, assertEquals, assertRejects } from "@std/assert";
import { byteLength, type Bytes, concat, toHex } from "../../lib/bytes/mod.ts";
import {
  DEAD_AFTER_MS,
  Endpoint,
  FAREWELL_MS,
  localChannel,
  OpenStream,
  PING_AFTER_MS,
  RecordCipher,
  SharedFrame,
} from "../../lib/channel/mod.ts";
import {
  CloseReason,
  decodeMemberRecord,
  encodeHostRecord,
  encodeMemberRecord,
  FrameDecoder,
  FrameDecoderStream,
  type HostRecord,
  MEMBER_CODEC,
  MemberChange,
  type MemberRecord,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { channelOver, channelPair, type TestChannel, WARM_UP } from "../support/channel.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { duplex, type DuplexOptions } from "../support/duplex.ts";
import { ack, resume } from "../support/records.ts";
import { test } from "../support/test.ts";

type MemberEndpoint = Endpoint<HostRecord, MemberRecord>;

interface Setup {
  readonly endpoint: MemberEndpoint;
  readonly clock: FakeClock;
  readonly own: TestChannel;
  /** The other side's channel, spoken on by the test itself. */
  readonly other: TestChannel;
}

async function setUp(
  options: DuplexOptions & {
    next?: () => MemberRecord | undefined;
    nextBulk?: (maxBytes: number) => MemberRecord | undefined;
  } = {},
): Promise<Setup> {
  const [own, other] = await channelPair(options);
  const clock = new FakeClock();
  const next = options.next ?? (() => undefined);
  const { nextBulk } = options;
  const endpoint: MemberEndpoint = new Endpoint(own, {
    codec: MEMBER_CODEC,
    next,
    ...nextBulk !== undefined && { nextBulk },
    clock,
  });
  return { endpoint, clock, own, other };
}

/** Acknowledgements numbered from 1, so many. */
function acks(count: number): () => MemberRecord | undefined {
  let seq = 0;
  return () => seq < count ? ack(++seq) : undefined;
}

/** Says farewell from the other side, and sees the endpoint's end. */
async function part({ endpoint, other }: Setup, received: AsyncGenerator): Promise<void> {
  const writer = other.writable.getWriter();
  await writer.write({ type: RecordType.CLOSE, payload: new Uint8Array(1) });
  await writer.close();
  while (!(await received.next()).done);
  const closed = endpoint.close(CloseReason.LEAVING);
  await Array.fromAsync(other.readable);
  await closed;
}

/** The records on the wire, opened under the counters 0, 1, 2 … in the order of its bytes. */
async function written({ end, sendSecret }: TestChannel): Promise<MemberRecord[]> {
  const cipher = await RecordCipher.from(sendSecret.slice());
  const records: PlainRecord[] = [];
  for (const { body } of new FrameDecoder().push(end.written)) {
    records.push(await cipher.open(body));
  }
  assertEquals(records.shift(), WARM_UP);
  return records.map(decodeMemberRecord);
}

async function readAll(channel: TestChannel): Promise<MemberRecord[]> {
  return (await Array.fromAsync(channel.readable)).map(decodeMemberRecord);
}

test("Endpoint sends urgent records in their order, then the records of next", async () => {
  const { endpoint, other } = await setUp({ next: acks(3) });
  for (let i = 0; i < 3; i++) {
    endpoint.send(resume(i));
  }
  const reader = other.readable.getReader();
  const seen: MemberRecord[] = [];
  while (seen.length < 6) seen.push(decodeMemberRecord((await reader.read()).value!));
  assertEquals(seen.map(({ type }) => type), ["resume", "resume", "resume", "ack", "ack", "ack"]);
  assertEquals(seen.flatMap((record) => record.type === "resume" ? [record.lastSeq] : []), [
    0,
    1,
    2,
  ]);
  reader.releaseLock();
  const closed = endpoint.close(CloseReason.LEAVING);
  assertEquals(await readAll(other), [{ type: "close", reason: CloseReason.LEAVING }]);
  await closed;
  other.end.close();
});

test("Endpoint lets an urgent record overtake waiting ones if the other side reads slowly", async () => {
  const next = acks(10_000);
  let given = 0;
  const { endpoint, other } = await setUp({
    next: () => {
      given++;
      return next();
    },
    capacity: 1,
  });
  const reader = other.readable.getReader();
  endpoint.wake();
  assertEquals(decodeMemberRecord((await reader.read()).value!), ack(1));
  endpoint.send(resume(7));
  const before = given;
  // More could wait only in the other side's 64 KiB.
  assert(before < 2000, `${before} records were sent before`);
  for (let i = 2; i <= before; i++) {
    assertEquals(decodeMemberRecord((await reader.read()).value!), ack(i));
  }
  assertEquals(decodeMemberRecord((await reader.read()).value!), resume(7));
  endpoint.abort(new Error("enough"));
  await reader.cancel();
});

test("Endpoint keeps the order of 50 sends at once, under counters without a gap", async () => {
  const { endpoint, own, other } = await setUp();
  await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    await Promise.resolve();
    endpoint.send(ack(i));
  }));
  const closed = endpoint.close(CloseReason.LEAVING);
  const seen = await readAll(other);
  await closed;
  const expected = [...Array(50).keys()].map(ack);
  assertEquals(seen, [...expected, { type: "close", reason: CloseReason.LEAVING }]);
  assertEquals(await written(own), seen);
  other.end.close();
});

test("Endpoint.wake asks next until it has no record, and again after that", async () => {
  let waiting = [ack(1), ack(2)];
  const setup = await setUp({ next: () => waiting.shift() });
  const { endpoint, other } = setup;
  const received = endpoint.receive();
  endpoint.wake();
  endpoint.wake();
  const reader = other.readable.getReader();
  const seqs: MemberRecord[] = [];
  for (let i = 0; i < 2; i++) seqs.push(decodeMemberRecord((await reader.read()).value!));
  waiting = [ack(3)];
  endpoint.wake();
  seqs.push(decodeMemberRecord((await reader.read()).value!));
  assertEquals(seqs, [ack(1), ack(2), ack(3)]);
  reader.releaseLock();
  await part(setup, received);
});

test("Endpoint answers PING with its token, and shows neither PING nor PONG", async () => {
  const setup = await setUp();
  const { endpoint, other } = setup;
  const received = endpoint.receive();
  const writer = other.writable.getWriter();
  const token = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  const shown = received.next();
  await writer.write({ type: RecordType.PONG, payload: token });
  await writer.write({ type: RecordType.PING, payload: token });
  const reader = other.readable.getReader();
  assertEquals((await reader.read()).value, { type: RecordType.PONG, payload: token });
  await writer.write(encodeHostRecord({ type: "resume", nextSeq: 4, queued: 0 }));
  assertEquals((await shown).value, { type: "resume", nextSeq: 4, queued: 0 });
  writer.releaseLock();
  reader.releaseLock();
  await part(setup, received);
});

test("Endpoint keeps one answer for many PINGs of a side that does not read", async () => {
  const [a, b] = duplex({ capacity: 1 });
  const [toB, toA] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const endpoint: MemberEndpoint = new Endpoint(channelOver(a, toB, toA), {
    codec: MEMBER_CODEC,
    next: () => undefined,
    clock: new FakeClock(),
  });
  const received = Array.fromAsync(endpoint.receive());
  const sealer = await RecordCipher.from(toA.slice());
  const flood: Bytes[] = [];
  for (let i = 0; i < 200; i++) {
    flood.push(await sealer.seal({ type: RecordType.PING, payload: new Uint8Array(8).fill(i) }));
  }
  flood.push(await sealer.seal({ type: RecordType.CLOSE, payload: new Uint8Array(1) }));
  await b.writable.getWriter().write(concat(...flood));
  assertEquals(await received, [{ type: "close", reason: 0 }]);
  const closed = endpoint.close(CloseReason.LEAVING);
  const seen = await Array.fromAsync(
    b.readable.pipeThrough(new FrameDecoderStream()).pipeThrough(new OpenStream(toB.slice())),
  );
  await closed;
  assertEquals(seen.at(-1)!.type, RecordType.CLOSE);
  // Some leave before the way is blocked.
  assert(seen.length < 10, `${seen.length} records were kept`);
});

test("Endpoint refuses a PING and a PONG that are laid out otherwise", async () => {
  for (const type of [RecordType.PING, RecordType.PONG]) {
    const { endpoint, other } = await setUp();
    const failed = assertFails(endpoint.receive().next(), "protocol-error");
    const writer = other.writable.getWriter();
    await writer.write({ type, payload: new Uint8Array(7) });
    await failed;
    endpoint.abort(undefined);
    await writer.abort();
  }
});

test("Endpoint sends PING after 15 s of silence, not before", async () => {
  const setup = await setUp();
  const { endpoint, clock, other } = setup;
  const received = endpoint.receive();
  const shown = received.next();
  const reader = other.readable.getReader();
  clock.advance(PING_AFTER_MS - 1);
  endpoint.send(ack(1));
  assertEquals(decodeMemberRecord((await reader.read()).value!), ack(1));
  clock.advance(1);
  assertEquals(decodeMemberRecord((await reader.read()).value!).type, "ping");
  const writer = other.writable.getWriter();
  await writer.write(encodeHostRecord({ type: "resume", nextSeq: 4, queued: 0 }));
  await shown;
  writer.releaseLock();
  reader.releaseLock();
  await part(setup, received);
});

test("Endpoint keeps a connection where the machine's time is set a day ahead or back", async () => {
  for (const days of [1, -1]) {
    const setup = await setUp();
    const { clock, endpoint, own } = setup;
    const received = endpoint.receive();
    const first = received.next();
    clock.set(clock.now() + days * 86_400_000);
    clock.advance(PING_AFTER_MS - 1);
    assertEquals(await written(own), []);
    const writer = setup.other.writable.getWriter();
    await writer.write(
      encodeHostRecord({ type: "ack", accepted: 1, delivered: 0, reached: 0, seq: 0 }),
    );
    writer.releaseLock();
    assertEquals((await first).value, {
      type: "ack",
      accepted: 1,
      delivered: 0,
      reached: 0,
      seq: 0,
    });
    await part(setup, received);
  }
});

test("Endpoint gives the other side up after 40 s of silence, whatever waits to be sent", async () => {
  const { endpoint, clock, other } = await setUp({ next: acks(Infinity), capacity: 1 });
  endpoint.wake();
  const silent = assertFails(endpoint.receive().next(), "connection-lost", "silent for 40 s");
  clock.advance(DEAD_AFTER_MS - 1);
  assertEquals(clock.timers, 1);
  clock.advance(1);
  await silent;
  assertEquals(clock.timers, 0);
  await assertRejects(async () => {
    const writer = other.writable.getWriter();
    while (true) await writer.write({ type: RecordType.PONG, payload: new Uint8Array(8) });
  });
  await assertFails(Array.fromAsync(other.readable), "connection-lost");
  await endpoint.close(CloseReason.LEAVING);
});

test("Endpoint notices within 45 s that the other side is dead, whenever its last record came", async () => {
  for (const since of [0, 1, 2500, 4999]) {
    const { endpoint, clock, other } = await setUp();
    const received = endpoint.receive();
    const first = received.next();
    clock.advance(since);
    const writer = other.writable.getWriter();
    await writer.write(
      encodeHostRecord({ type: "ack", accepted: 1, delivered: 1, reached: 1, seq: 0 }),
    );
    await first;
    const silent = assertFails(received.next(), "connection-lost", "silent for 40 s");
    clock.advance(45_000);
    await silent;
    writer.releaseLock();
    await assertFails(Array.fromAsync(other.readable), "connection-lost");
    await endpoint.close(CloseReason.LEAVING);
  }
});

test("Endpoint asks before it gives the other side up, where its own process was stopped", async () => {
  const setup = await setUp();
  const { endpoint, clock, other } = setup;
  const received = endpoint.receive();
  const first = received.next();
  clock.oversleep(120_000);
  const reader = other.readable.getReader();
  const ping = await reader.read();
  assertEquals(ping.value?.type, RecordType.PING);
  reader.releaseLock();
  clock.advance(DEAD_AFTER_MS - PING_AFTER_MS - 1);
  const writer = other.writable.getWriter();
  await writer.write(
    encodeHostRecord({ type: "ack", accepted: 1, delivered: 1, reached: 1, seq: 0 }),
  );
  writer.releaseLock();
  assertEquals((await first).value, { type: "ack", accepted: 1, delivered: 1, reached: 1, seq: 0 });
  await part(setup, received);
});

test("Endpoint gives up a peer that does not answer after its own process was stopped", async () => {
  const { endpoint, clock, other } = await setUp();
  const silent = assertFails(endpoint.receive().next(), "connection-lost", "silent for 40 s");
  clock.oversleep(120_000);
  clock.advance(DEAD_AFTER_MS - PING_AFTER_MS);
  await silent;
  await assertFails(Array.fromAsync(other.readable), "connection-lost");
  await endpoint.close(CloseReason.LEAVING);
});

test("Endpoint takes any record for a sign of life", async () => {
  const setup = await setUp();
  const { endpoint, clock, other } = setup;
  const received = endpoint.receive();
  const writer = other.writable.getWriter();
  for (let i = 0; i < 5; i++) {
    const shown = received.next();
    clock.advance(DEAD_AFTER_MS - 1);
    await writer.write(encodeHostRecord({ type: "resume", nextSeq: i, queued: 0 }));
    assertEquals((await shown).value, { type: "resume", nextSeq: i, queued: 0 });
  }
  writer.releaseLock();
  await part(setup, received);
});

/** An endpoint of a member, and the host's end of its channel without a connection, so that a test gives any record. */
function unsealed(next: () => MemberRecord | SharedFrame | undefined = () => undefined) {
  const [own, { readable, writable }] = localChannel();
  const clock = new FakeClock();
  const endpoint = new Endpoint<HostRecord, MemberRecord>(own, {
    codec: MEMBER_CODEC,
    next,
    clock,
  });
  return { endpoint, clock, reader: readable.getReader(), writer: writable.getWriter() };
}

/** A change as it comes in a shared frame. */
const SHARED_CHANGE: PlainRecord = {
  ...encodeHostRecord({
    type: "member",
    changes: [{
      change: MemberChange.JOINED,
      reason: 0,
      key: new Uint8Array(32),
      nonce: new Uint8Array(16),
    }],
  }),
  transcript: new Uint8Array(32).fill(7),
};

test("Endpoint takes a shared record for no sign of life: another member could have sealed it", async () => {
  const { clock, endpoint, reader, writer } = unsealed();
  const received = endpoint.receive();
  const read = reader.read();
  for (let passed = 5000; passed < DEAD_AFTER_MS; passed += 5000) {
    const shown = received.next();
    clock.advance(5000);
    await writer.write(SHARED_CHANGE);
    assertEquals((await shown).value?.type, "member");
  }
  assertEquals((await read).value?.type, RecordType.PING);
  const silent = assertFails(received.next(), "connection-lost", "silent for 40 s");
  clock.advance(5000);
  await silent;
  writer.abort().catch(() => {});
  await endpoint.close(CloseReason.LEAVING);
  assertEquals(clock.timers, 0);
});

test("Endpoint keeps a connection on which shared records come, and a record of its own now and then", async () => {
  const { clock, endpoint, reader, writer } = unsealed();
  const received = endpoint.receive();
  void reader.read();
  for (let passed = 0; passed < 3 * DEAD_AFTER_MS; passed += 5000) {
    const shown = received.next();
    clock.advance(5000);
    if (passed % 35_000 === 0) {
      await writer.write({ type: RecordType.PONG, payload: new Uint8Array(8) });
    }
    await writer.write(SHARED_CHANGE);
    assertEquals((await shown).value?.type, "member");
  }
  const closed = received.next();
  await writer.write({ type: RecordType.CLOSE, payload: new Uint8Array(1) });
  await closed;
  await received.next();
  void endpoint.abort(undefined);
  assertEquals(clock.timers, 0);
});

test("Endpoint.receive skips records of an unknown type from 0x80 on, whatever they hold", async () => {
  const { clock, endpoint, writer } = unsealed();
  const received = endpoint.receive();
  const shown = received.next();
  const skipped: PlainRecord[] = [];
  for (const type of [0x80, 0xff]) {
    for (const payload of [new Uint8Array(), new Uint8Array(1000)]) {
      skipped.push({ type, payload }, { type, payload, transcript: new Uint8Array(32) });
    }
  }
  for (const record of [...skipped, SHARED_CHANGE]) writer.write(record).catch(() => {});
  assertEquals((await shown).value?.type, "member");
  const failed = assertFails(received.next(), "protocol-error");
  writer.write({ type: 0x7f, payload: new Uint8Array() }).catch(() => {});
  await failed;
  endpoint.abort(undefined);
  assertEquals(clock.timers, 0);
});

test("Endpoint writes a shared frame of next as it is, after urgent records", async () => {
  const position = { secret: new Uint8Array(32), counter: 0, transcript: new Uint8Array(32) };
  const frame = new SharedFrame(
    position,
    [new Uint8Array(99)],
    position.transcript,
    position.transcript,
  );
  const waiting = [frame, ack(2)];
  const { endpoint, reader } = unsealed(() => waiting.shift());
  endpoint.send(ack(1));
  assertEquals((await reader.read()).value, encodeMemberRecord(ack(1)));
  assert((await reader.read()).value as unknown === frame);
  assertEquals((await reader.read()).value, encodeMemberRecord(ack(2)));
  endpoint.abort(undefined);
});

test("Endpoint shows that it is there while its own side does not read", async () => {
  const setup = await setUp();
  const { endpoint, clock, other } = setup;
  const received = endpoint.receive();
  const shown = received.next();
  const writer = other.writable.getWriter();
  await writer.write(encodeHostRecord({ type: "resume", nextSeq: 1, queued: 0 }));
  await shown;
  clock.advance(PING_AFTER_MS);
  const reader = other.readable.getReader();
  assertEquals((await reader.read()).value?.type, RecordType.PING);
  reader.releaseLock();
  writer.releaseLock();
  await part(setup, received);
});

test("Endpoint counts no silence while its own side does not read", async () => {
  const setup = await setUp();
  const { endpoint, clock, other } = setup;
  const received = endpoint.receive();
  const writer = other.writable.getWriter();
  const shown = received.next();
  await writer.write(encodeHostRecord({ type: "resume", nextSeq: 1, queued: 0 }));
  await shown;
  clock.advance(DEAD_AFTER_MS * 10);
  const next = received.next();
  clock.advance(DEAD_AFTER_MS - PING_AFTER_MS - 1);
  await writer.write(encodeHostRecord({ type: "resume", nextSeq: 2, queued: 0 }));
  assertEquals((await next).value, { type: "resume", nextSeq: 2, queued: 0 });
  writer.releaseLock();
  await part(setup, received);
});

test("Endpoint.close lets all urgent records leave before its farewell, and none after", async () => {
  const { endpoint, own, other } = await setUp({ capacity: 1 });
  for (let i = 0; i < 100; i++) endpoint.send(ack(i));
  const closed = endpoint.close(CloseReason.COME_BACK);
  endpoint.send(ack(100));
  endpoint.wake();
  const again = endpoint.close(CloseReason.LEAVING);
  const seen = await readAll(other);
  await Promise.all([closed, again]);
  const expected = [...Array(100).keys()].map(ack);
  assertEquals(seen, [...expected, { type: "close", reason: CloseReason.COME_BACK }]);
  assertEquals(await written(own), seen);
  other.end.close();
});

test("Endpoint.close does not wait for all that next would give", async () => {
  const { endpoint, own, other } = await setUp({ next: acks(1000) });
  endpoint.wake();
  const closed = endpoint.close(CloseReason.LEAVING);
  const seen = await readAll(other);
  await closed;
  assert(seen.length < 10);
  assertEquals(seen.at(-1), { type: "close", reason: CloseReason.LEAVING });
  assertEquals(await written(own), seen);
  other.end.close();
});

test("Endpoint.close cuts a side that takes no farewell in time", async () => {
  const { endpoint, clock, other } = await setUp({ next: acks(Infinity), capacity: 1 });
  endpoint.wake();
  const received = assertFails(endpoint.receive().next(), "connection-lost", "stopped reading");
  const closed = endpoint.close(CloseReason.LEAVING);
  clock.advance(FAREWELL_MS);
  await Promise.all([closed, received]);
  assertEquals(clock.timers, 0);
  await other.readable.cancel();
});

test("Endpoint.close cuts a side that says no farewell of its own in time", async () => {
  const { endpoint, clock, other } = await setUp();
  const received = assertFails(endpoint.receive().next(), "connection-lost", "stopped reading");
  const closed = endpoint.close(CloseReason.LEAVING);
  assertEquals(await readAll(other), [{ type: "close", reason: CloseReason.LEAVING }]);
  await closed;
  clock.advance(FAREWELL_MS);
  await received;
  assertEquals(clock.timers, 0);
});

test("Endpoint leaves no timer running, whichever side closes first", async () => {
  const first = await setUp();
  await part(first, first.endpoint.receive());
  assertEquals(first.clock.timers, 0);

  const { endpoint, clock, other } = await setUp();
  const received = Array.fromAsync(endpoint.receive());
  const closed = endpoint.close(CloseReason.LEAVING);
  const writer = other.writable.getWriter();
  await Promise.all([
    readAll(other),
    writer.write({ type: RecordType.CLOSE, payload: new Uint8Array(1) }),
    writer.close(),
  ]);
  assertEquals(await received, [{ type: "close", reason: 0 }]);
  await closed;
  assertEquals(clock.timers, 0);

  const third = await setUp();
  const given = third.endpoint.receive();
  void given.next().catch(() => {});
  third.endpoint.abort(new Error("enough"));
  await given.next();
  assertEquals(third.clock.timers, 0);
  await third.other.readable.cancel();
});

test("Endpoint.receive ends with the farewell, and ignores later records", async () => {
  const { endpoint, clock, other } = await setUp();
  const writer = other.writable.getWriter();
  const received = Array.fromAsync(endpoint.receive());
  await writer.write({ type: RecordType.CLOSE, payload: new Uint8Array([CloseReason.KICKED]) });
  assertEquals(await received, [{ type: "close", reason: CloseReason.KICKED }]);
  await writer.write(encodeHostRecord({ type: "resume", nextSeq: 1, queued: 0 }));
  assertEquals(clock.timers, 0);
  endpoint.abort(undefined);
  await other.readable.cancel();
});

test("Endpoint.receive says that the connection is lost where it ends without a farewell", async () => {
  for (const how of ["close", "reset"] as const) {
    const { endpoint, clock, other } = await setUp();
    const received = endpoint.receive().next();
    const failed = how === "close"
      ? assertFails(received, "connection-lost", "Connection lost")
      : assertRejects(() => received, Error, "reset");
    other.end[how]();
    await failed;
    assertEquals(clock.timers, 0);
    await endpoint.close(CloseReason.LEAVING);
    await other.readable.cancel().catch(() => {});
  }
});

test("Endpoint.receive refuses a record of the wrong side or of none", async () => {
  const bad = [encodeMemberRecord(resume()), { type: 0x7f, payload: new Uint8Array() }];
  for (const record of bad) {
    const { endpoint, other } = await setUp();
    const failed = assertFails(endpoint.receive().next(), "protocol-error");
    await other.writable.getWriter().write(record);
    await failed;
    endpoint.abort(undefined);
    await other.readable.cancel();
  }
});

test("Endpoint.receive ends with the error of abort, and the other side sees a cut", async () => {
  const { endpoint, other } = await setUp();
  const error = new Error("enough");
  const received = assertRejects(() => endpoint.receive().next(), Error, "enough");
  const cut = assertFails(Array.fromAsync(other.readable), "connection-lost");
  endpoint.abort(error);
  endpoint.abort(error);
  await Promise.all([received, cut, endpoint.close(CloseReason.LEAVING)]);
});

test("Endpoint.abort ends at once if the other side does not read", async () => {
  const { endpoint, other } = await setUp({ next: acks(Infinity), capacity: 1 });
  endpoint.wake();
  const received = assertRejects(() => endpoint.receive().next(), Error, "enough");
  const closed = endpoint.close(CloseReason.LEAVING);
  endpoint.abort(new Error("enough"));
  await Promise.all([received, closed]);
  await other.readable.cancel();
});

test("Endpoint ends the channel where a record cannot be made", async () => {
  const faults: (() => MemberRecord)[] = [
    () => {
      throw new Error("no record");
    },
    () => ack(-1),
  ];
  for (const next of faults) {
    const { endpoint, clock, other } = await setUp({ next });
    const received = assertRejects(() => endpoint.receive().next(), Error);
    const cut = assertFails(Array.fromAsync(other.readable), "connection-lost");
    endpoint.wake();
    await Promise.all([received, cut]);
    assertEquals(clock.timers, 0);
  }
});

test("Endpoint pings with another token each time", async () => {
  const { endpoint, clock, other } = await setUp();
  const received = assertRejects(() => endpoint.receive().next(), Error, "enough");
  const reader = other.readable.getReader();
  const tokens = new Set<string>();
  for (let i = 0; i < 3; i++) {
    clock.advance(i === 0 ? PING_AFTER_MS : PING_AFTER_MS / 3);
    const { value } = await reader.read();
    assertEquals(value!.type, RecordType.PING);
    tokens.add(toHex(value!.payload));
  }
  assertEquals(tokens.size, 3);
  endpoint.abort(new Error("enough"));
  await received;
  await reader.cancel();
});

test("Endpoint gives up a dead link in time after the machine slept while a record was handled", async () => {
  const { endpoint, clock, other } = await setUp();
  const received = endpoint.receive();
  const shown = received.next();
  await other.writable.getWriter()
    .write(encodeHostRecord({ type: "resume", nextSeq: 1, queued: 0 }));
  await shown; // It is handled, and nothing is read.
  clock.oversleep(3_600_000);
  const lost = assertFails(received.next(), "connection-lost");
  for (let seconds = 0; seconds < 45; seconds += 5) {
    clock.advance(5000);
    await nextTurn();
  }
  await lost;
});

/** Bulk without end, as much as may be sent at once. */
function endlessBulk(): (maxBytes: number) => MemberRecord {
  let offset = 0;
  return (maxBytes) => {
    const bytes = [new Uint8Array(maxBytes)];
    const record = { type: "bulk" as const, flow: 1, transfer: ID, offset, to: [ID], bytes };
    offset += maxBytes;
    return record;
  };
}

const ID = new Uint8Array(16);

/** Bytes of bulk in records. */
function bulkBytes(records: readonly MemberRecord[]): number {
  return records.reduce(
    (sum, record) => record.type === "bulk" ? sum + byteLength(record.bytes) : sum,
    0,
  );
}

/** Reads so many bytes of bulk, and what comes between. */
async function readBulk(
  reader: ReadableStreamDefaultReader<PlainRecord>,
  bytes: number,
): Promise<MemberRecord[]> {
  const records: MemberRecord[] = [];
  while (bulkBytes(records) < bytes) {
    records.push(decodeMemberRecord((await reader.read()).value!));
  }
  return records;
}

test("Endpoint sends bulk after all that next has, up to its window, and more after CREDIT", async () => {
  const setup = await setUp({ next: acks(50), nextBulk: endlessBulk(), capacity: 1 });
  const { endpoint, other } = setup;
  const received = endpoint.receive();
  const shown = received.next();
  endpoint.wake();
  const reader = other.readable.getReader();
  const first = await readBulk(reader, 16_384);
  assertEquals(first.slice(0, 50), Array.from({ length: 50 }, (_, i) => ack(i + 1)));
  assertEquals(bulkBytes(first.slice(50)), 16_384);
  // The window is full: only other records follow.
  endpoint.send(resume(7));
  assertEquals(decodeMemberRecord((await reader.read()).value!), resume(7));
  const writer = other.writable.getWriter();
  await writer.write(encodeHostRecord({ type: "credit", taken: 4096, flows: [] }));
  assertEquals((await shown).value, { type: "credit", taken: 4096, flows: [] });
  assertEquals(bulkBytes(await readBulk(reader, 8192)), 8192);
  endpoint.abort(new Error("enough"));
  await received.next().catch(() => {});
  await reader.cancel();
  await writer.abort();
});

test("Endpoint lets every other record overtake bulk that waits, however large the window is", async () => {
  let talk: MemberRecord[] = [];
  const setup = await setUp({
    next: () => talk.shift(),
    nextBulk: endlessBulk(),
    capacity: 1,
  });
  const { endpoint, other } = setup;
  const received = Array.fromAsync(endpoint.receive()).catch(() => {});
  endpoint.wake();
  const reader = other.readable.getReader();
  const writer = other.writable.getWriter();
  let taken = 0;
  while (taken < 8 << 20) {
    taken += bulkBytes(await readBulk(reader, 1));
    await writer.write(encodeHostRecord({ type: "credit", taken, flows: [] }));
  }
  for (const say of [() => endpoint.send(resume(1)), () => talk = [ack(1)]]) {
    await readBulk(reader, 1);
    say();
    let frames = 0;
    while (decodeMemberRecord((await reader.read()).value!).type === "bulk") frames++;
    assert(frames <= 4, `${frames} frames came before`);
  }
  endpoint.abort(new Error("enough"));
  await received;
  await reader.cancel();
  await writer.abort();
});

test("Endpoint sends no bulk once it is closing", async () => {
  let asked = 0;
  const nextBulk = (): undefined => void asked++;
  const { endpoint, other } = await setUp({ nextBulk });
  endpoint.wake();
  await nextTurn();
  assertEquals(asked, 1);
  const closed = endpoint.close(CloseReason.LEAVING);
  await readAll(other);
  await closed;
  assertEquals(asked, 1);
  other.end.close();
});

test("Endpoint refuses a CREDIT for what it never sent", async () => {
  const { endpoint, other } = await setUp();
  const failed = assertFails(endpoint.receive().next(), "protocol-error", "never sent");
  const writer = other.writable.getWriter();
  await writer.write(encodeHostRecord({ type: "credit", taken: 1, flows: [] }));
  await failed;
  endpoint.abort(undefined);
  await writer.abort();
});
