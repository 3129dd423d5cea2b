import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import {
  MAX_SHARED_BYTES,
  OpenStream,
  RecordCipher,
  type RekeyLimits,
  type SharedFrame,
  SharedSealer,
} from "../../lib/channel/mod.ts";
import type { LanchatError } from "../../lib/errors.ts";
import {
  decodeMemberRecord,
  encodeHostRecord,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameDecoderStream,
  frameHeader,
  FrameKind,
  type PlainRecord,
  RecordType,
  type SharedPosition,
  TOKEN_BYTES,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { sealFrames } from "../support/channel.ts";
import { FakeClock } from "../support/clock.ts";
import { bytewise } from "../support/duplex.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";

const random = seededRandom(12);
const NEVER = { records: Infinity, bytes: Infinity, ms: Infinity };
const CLOSE = { type: RecordType.CLOSE, payload: new Uint8Array(1) };
const PING = { type: RecordType.PING, payload: new Uint8Array(8) };
const REKEY = { type: RecordType.REKEY, payload: new Uint8Array() };

/** A record for all members. */
function batch(byte: number): PlainRecord {
  return { type: RecordType.BATCH, payload: new Uint8Array(9).fill(byte) };
}

function key(position: SharedPosition): PlainRecord {
  return encodeHostRecord({ type: "key", ...position });
}

/** What its members read of a shared frame. */
function read(record: PlainRecord, { transcript }: SharedFrame): PlainRecord {
  return { ...record, transcript };
}

/** The frames that a host writes to one member, each as a chunk of its own, but for a REKEY for all members. */
async function write(
  items: readonly (PlainRecord | SharedFrame)[],
  secret: Bytes,
): Promise<Bytes[]> {
  return await sealFrames(items, secret);
}

/** The token of the first frame of a chunk, and its bytes without that. */
function split(chunk: Bytes): { token: Bytes; rest: Bytes } {
  const start = FRAME_HEADER_BYTES + TOKEN_BYTES;
  return {
    token: chunk.slice(FRAME_HEADER_BYTES, start),
    rest: concat(chunk.subarray(0, FRAME_HEADER_BYTES), chunk.subarray(start)),
  };
}

/** The records that a member reads before its stream fails, and the error's code. */
async function receive(
  chunks: Iterable<Bytes>,
  secret: Bytes,
  takesShared = true,
): Promise<{ records: PlainRecord[]; error?: string }> {
  const records: PlainRecord[] = [];
  try {
    const opened = ReadableStream.from(chunks)
      .pipeThrough(new FrameDecoderStream([], true))
      .pipeThrough(new OpenStream(secret.slice(), { takesShared }));
    for await (const record of opened) records.push(record);
    return { records };
  } catch (error) {
    return { records, error: (error as LanchatError).code };
  }
}

/** Asserts that a stream breaks after some records. */
async function assertBroken(
  chunks: Iterable<Bytes>,
  secret: Bytes,
  before: readonly PlainRecord[] = [],
): Promise<void> {
  assertEquals(await receive(chunks, secret), { records: [...before], error: "protocol-error" });
}

/** A whole frame that a member who has the key puts in the place of one, whose token it shows. */
async function forge(
  { counter, secret, transcript }: SharedPosition,
  record: PlainRecord,
  instead: Bytes,
): Promise<Bytes> {
  const cipher = await RecordCipher.from(secret.slice(), counter);
  const frame = await cipher.seal(record, transcript, FrameKind.SHARED);
  const { token } = split(instead);
  return concat(frame.subarray(0, FRAME_HEADER_BYTES), token, frame.subarray(FRAME_HEADER_BYTES));
}

/** Three shared frames; a REKEY follows the second. */
async function sealThree(): Promise<[SharedFrame, SharedFrame, SharedFrame]> {
  const sealer = new SharedSealer();
  return [
    await sealer.seal(batch(1), false),
    await sealer.seal(batch(2), true),
    await sealer.seal(batch(3), false),
  ];
}

test("SharedSealer seals once what every member with KEY opens, between records of its own", async () => {
  const [one, two, three] = await sealThree();
  const expected = [
    PING,
    read(batch(1), one),
    PING,
    read(batch(2), two),
    PING,
    read(batch(3), three),
    CLOSE,
  ];
  const written: Bytes[][] = [];
  for (const secret of [random(32), random(32)]) {
    const items = [PING, key(one.before), one, PING, two, PING, three, CLOSE];
    const chunks = await write(items, secret);
    written.push(chunks);
    for (const cut of [chunks, chunks.flatMap(bytewise), [concat(...chunks)]]) {
      assertEquals(await receive(cut, secret), { records: expected });
    }
  }
  for (const [i, frame] of [[2, one], [4, two], [6, three]] as const) {
    const sent = written.map((chunks) => split(chunks[i]!));
    const { length } = frame.frames[0]!;
    for (const { rest } of sent) assertEquals(rest.subarray(0, length), frame.frames[0]);
    assertNotEquals(sent[0]!.token, sent[1]!.token);
    assertEquals(written.map((chunks) => chunks[i]!.length), [frame.size, frame.size]);
  }
});

test("SharedSealer gives each frame the place after the one before", async () => {
  const [one, two, three] = await sealThree();
  assertEquals([one, two, three].map(({ before }) => before.counter), [0, 1, 0]);
  assertEquals(two.before.transcript, one.end);
  assertEquals(three.before.transcript, two.end);
  assertEquals(one.end, one.transcript);
  assertNotEquals(two.end, two.transcript, "the REKEY is part of the transcript too");
  assertEquals([one, two, three].map(({ frames }) => frames.length), [1, 2, 1]);
  assertEquals(two.frames.map((frame) => frame[0]), [FrameKind.SHARED, FrameKind.SHARED]);
});

test("OpenStream takes KEY at any place, also again", async () => {
  const [one, two, three] = await sealThree();
  const secret = random(32);
  const late = await write([key(three.before), three, CLOSE], secret);
  assertEquals(await receive(late, secret), { records: [read(batch(3), three), CLOSE] });
  const again = [key(one.before), one, key(two.before), two, key(three.before), three, CLOSE];
  assertEquals(await receive(await write(again, secret), secret), {
    records: [read(batch(1), one), read(batch(2), two), read(batch(3), three), CLOSE],
  });
});

test("OpenStream refuses a shared frame without KEY", async () => {
  const [one] = await sealThree();
  const secret = random(32);
  await assertBroken(await write([PING, one, CLOSE], secret), secret, [PING]);
});

test("OpenStream refuses a shared frame at another place than that of KEY", async () => {
  const [one, two] = await sealThree();
  const { before } = two;
  const wrong = [
    one.before,
    { ...before, counter: before.counter + 1 },
    { ...before, counter: before.counter - 1 },
    { ...before, secret: flip(before.secret, 0) },
    { ...before, transcript: flip(before.transcript, 255) },
    { ...before, transcript: new Uint8Array(32) },
  ];
  const secret = random(32);
  for (const position of wrong) {
    await assertBroken(await write([key(position), two, CLOSE], secret), secret);
  }
});

test("OpenStream refuses a replayed, missing, swapped or altered shared frame", async () => {
  const [one, two, three] = await sealThree();
  const secret = random(32);
  const frames = await write([key(one.before), one, two, three, CLOSE], secret);
  const [k, a, b, c, close] = frames as [Bytes, Bytes, Bytes, Bytes, Bytes];
  const records = [read(batch(1), one), read(batch(2), two), read(batch(3), three)];
  const [record, rekey] = [b.slice(0, a.length), b.slice(a.length)];
  const cases: [readonly Bytes[], number][] = [
    [[k, a, a, b, c, close], 1],
    [[k, a, b, a, c, close], 2],
    [[k, a, b, b, c, close], 2],
    [[k, b, a, c, close], 0],
    [[k, a, c, b, close], 1],
    [[k, b, c, close], 0],
    [[k, a, c, close], 1],
    // Only the record of its own after it tells.
    [[k, a, b, close], 2],
    [[k, close], 0],
    [[k, a, b, c, c, close], 3],
    [[k, a, record, c, close], 2],
    [[k, a, record, close], 2],
    [[k, a, rekey, c, close], 1],
    [[k, a, b, rekey, c, close], 2],
    [[a, k, b, c, close], 0],
    [[k, k, a, b, c, close], 0],
  ];
  for (const [chunks, good] of cases) await assertBroken(chunks, secret, records.slice(0, good));
});

/** Records of a member's own, and shared ones between them: a REKEY of each key among them. */
async function sealMixed(secret: Bytes): Promise<{ frames: Bytes[]; records: PlainRecord[] }> {
  const [one, two, three] = await sealThree();
  const ack = encodeHostRecord({ type: "ack", accepted: 2, delivered: 1, seq: 1, reached: 1 });
  const direct = batch(9);
  const items = [PING, key(one.before), one, ack, two, direct, PING, three, PING, CLOSE];
  const chunks = await sealFrames(items, secret, { ...NEVER, records: 4 });
  const frames = [...new FrameDecoder([], true).push(concat(...chunks))]
    .map(({ body, kind }) => concat(frameHeader(body.length, kind), body));
  const shared = [read(batch(1), one), read(batch(2), two), read(batch(3), three)] as const;
  const records = [PING, shared[0], ack, shared[1], direct, PING, shared[2], PING, CLOSE];
  return { frames, records };
}

test("OpenStream breaks off at the first frame that shows that one is missing, added or swapped, of its own or shared", async () => {
  const secret = random(32);
  const { frames, records } = await sealMixed(secret);
  assertEquals(await receive(frames, secret), { records });
  const kinds = frames.map((frame) => frame[0]!);
  assertEquals(kinds, [0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0]);
  const foreign = await (await RecordCipher.from(random(32))).seal(PING);
  for (let i = 0; i < frames.length - 1; i++) {
    const before = (await receive(frames.slice(0, i), secret)).records;
    await assertBroken(frames.toSpliced(i, 1), secret, before);
    await assertBroken(frames.toSpliced(i, 0, foreign), secret, before);
    const swapped = frames.toSpliced(i, 2, frames[i + 1]!, frames[i]!);
    await assertBroken(swapped, secret, before);
    const { records: until } = await receive(frames.slice(0, i + 1), secret);
    await assertBroken(frames.toSpliced(i, 0, frames[i]!), secret, until);
  }
});

test("SealStream and OpenStream go on over 128 frames, also between a shared record and its REKEY", async () => {
  const sealer = new SharedSealer();
  const [one, two] = [await sealer.seal(batch(1), true), await sealer.seal(batch(2), false)];
  const secret = random(32);
  for (const count of [125, 126, 127]) {
    const items = [key(one.before), ...Array<PlainRecord>(count).fill(PING), one, two, CLOSE];
    const { error, records } = await receive(await write(items, secret), secret);
    assertEquals(error, undefined);
    assertEquals(records.slice(count), [read(batch(1), one), read(batch(2), two), CLOSE]);
  }
});

test("OpenStream gives out no shared record after a missing one of its own", async () => {
  const [one, two] = await sealThree();
  const secret = random(32);
  for (const own of [PING, batch(8), key(one.before)]) {
    const items = [key(one.before), own, one, two, CLOSE];
    const [k, _own, a, b, close] = await write(items, secret) as [
      Bytes,
      Bytes,
      Bytes,
      Bytes,
      Bytes,
    ];
    const opened = ReadableStream.from([k, a, b, close])
      .pipeThrough(new FrameDecoderStream([], true))
      .pipeThrough(new OpenStream(secret.slice(), { takesShared: true }));
    await assertFails(Array.fromAsync(opened), "protocol-error", "one before it is missing");
    await assertBroken([k, a, b, close], secret);
  }
});

test("OpenStream notices every flipped bit of a shared frame, its kind and length too", async () => {
  const [one] = await sealThree();
  const secret = random(32);
  const [k, a, close] = await write([key(one.before), one, CLOSE], secret) as [Bytes, Bytes, Bytes];
  for (let bit = 0; bit < a.length * 8; bit++) {
    const { error, records } = await receive([k, flip(a, bit), close], secret);
    assertEquals(records, []);
    // A larger length swallows the later bytes, up to the end.
    assert(error === "protocol-error" || bit < 32 && error === "connection-lost", `bit ${bit}`);
  }
});

test("OpenStream refuses a record of its own sealed as a shared one, and the other way round", async () => {
  const [one] = await sealThree();
  const secret = random(32);
  const [k, a, ping] = await write([key(one.before), one, PING], secret) as [Bytes, Bytes, Bytes];
  await assertBroken([k, a, ping.with(0, FrameKind.SHARED)], secret, [read(batch(1), one)]);
  await assertBroken([k, a.with(0, FrameKind.OWN)], secret);
});

test("OpenStream opens nothing after a frame that a member with the key put in the place of another", async () => {
  const [one, two] = await sealThree();
  const secret = random(32);
  const [k, a, ping] = await write([key(one.before), one, PING], secret) as [Bytes, Bytes, Bytes];
  const [, , b] = await write([key(one.before), one, two], secret) as [Bytes, Bytes, Bytes];
  const forged = await forge(one.before, batch(7), a);
  assertEquals(forged.length, a.length);
  for (const next of [ping, b]) {
    const { error, records } = await receive([k, forged, next], secret);
    // Whoever has the key can do that, but the member's connection goes no further.
    assertEquals(records.map(({ payload }) => payload), [batch(7).payload]);
    assertNotEquals(records[0]!.transcript, one.transcript, "an ACK would tell");
    assertEquals(error, "protocol-error");
  }
  // A frame more than the host sent has no token.
  for (const extra of [batch(7), REKEY]) {
    for (const shown of [a, new Uint8Array(a.length)]) {
      const chunks = [k, a, await forge(two.before, extra, shown), ping];
      await assertBroken(chunks, secret, [read(batch(1), one)]);
    }
  }
});

test("OpenStream refuses a shared REKEY with a payload", async () => {
  const [one] = await sealThree();
  const secret = random(32);
  const [k, a] = await write([key(one.before), one], secret) as [Bytes, Bytes];
  const loaded = await forge(one.before, { ...REKEY, payload: new Uint8Array(1) }, a);
  await assertBroken([k, loaded], secret);
});

test("OpenStream refuses a KEY of another length", async () => {
  const [one] = await sealThree();
  const secret = random(32);
  const { payload, type } = key(one.before);
  for (const wrong of [payload.slice(1), concat(payload, new Uint8Array(1)), new Uint8Array()]) {
    const sealed = await (await RecordCipher.from(secret.slice())).seal({ type, payload: wrong });
    await assertBroken([sealed], secret);
  }
});

test("OpenStream takes 256 KiB of shared frames in a row, and no more before a record of its own", async () => {
  assertEquals(MAX_SHARED_BYTES, 1 << 18);
  const sealer = new SharedSealer();
  const large = { type: RecordType.BATCH, payload: new Uint8Array(MAX_SHARED_BYTES / 4 - 25) };
  const frames: SharedFrame[] = [];
  for (let i = 0; i < 8; i++) frames.push(await sealer.seal(large, false));
  const least = await sealer.seal({ ...large, payload: new Uint8Array() }, false);
  const secret = random(32);
  const first = [key(frames[0]!.before), ...frames.slice(0, 4)];
  const whole = await receive(await write([...first, CLOSE], secret), secret);
  assertEquals(whole.records.map(({ type }) => type), [...Array(4).fill(large.type), CLOSE.type]);
  assertEquals(whole.error, undefined);
  const between = [...first, PING, ...frames.slice(4), PING, least, CLOSE];
  assertEquals((await receive(await write(between, secret), secret)).error, undefined);
  const over = await receive(await write([...first, frames[4]!, CLOSE], secret), secret);
  assertEquals([over.records.length, over.error], [4, "protocol-error"]);
  const late = [...first, PING, ...frames.slice(4), least, CLOSE];
  const cut = await receive(await write(late, secret), secret);
  assertEquals([cut.records.length, cut.error], [9, "protocol-error"]);
});

test("OpenStream takes KEY from the host only, and not from a shared frame", async () => {
  const [one, two] = await sealThree();
  const secret = random(32);
  const [k, a] = await write([key(one.before), one], secret) as [Bytes, Bytes];
  const sealer = await forge(one.before, key(two.before), a);
  const { records } = await receive([k, sealer], secret);
  // It is a record like any other, which the layer above refuses.
  assertEquals(records.map(({ type }) => type), [RecordType.KEY]);
});

test("OpenStream of a host refuses a shared frame, and hands KEY on to be refused", async () => {
  const [one] = await sealThree();
  const secret = random(32);
  const [k, a] = await write([key(one.before), one], secret) as [Bytes, Bytes];
  assertEquals(await receive([a], secret, false), { records: [], error: "protocol-error" });
  const { error, records } = await receive([k, a], secret, false);
  assertEquals(records, [key(one.before)]);
  assertEquals(error, "protocol-error");
  await assertFails(() => decodeMemberRecord(records[0]!), "protocol-error");
});

/** Whether any of the next keys of a place opens a frame, at the place of that frame in every other way. */
async function canOpen({ counter, secret }: SharedPosition, frame: SharedFrame): Promise<boolean> {
  const body = frame.frames[0]!.subarray(FRAME_HEADER_BYTES);
  for (let rekeys = 0; rekeys < 3; rekeys++) {
    for (let at = 0; at <= counter + 4; at++) {
      const cipher = await RecordCipher.from(secret.slice(), at);
      for (let i = 0; i < rekeys; i++) await cipher.rekey();
      const opened = await cipher.open(body, frame.before.transcript, FrameKind.SHARED)
        .catch(() => undefined);
      if (opened !== undefined) return true;
    }
  }
  return false;
}

test("SharedSealer.seal with a REKEY keeps from a newcomer what was before, and from no earlier member what follows", async () => {
  const [one, two, three] = await sealThree();
  assertEquals(await canOpen(one.before, two), true);
  assertEquals(await canOpen(two.before, one), true, "under one key, only the place is another");
  for (const former of [one, two]) assertEquals(await canOpen(three.before, former), false);
  assertNotEquals(three.before.secret, two.before.secret);
  const next = await RecordCipher.from(two.before.secret.slice());
  await next.rekey();
  assertEquals(next.secret, three.before.secret);
});

test("SharedSealer.renew has the next frame sealed under a key that no member has", async () => {
  const sealer = new SharedSealer();
  const one = await sealer.seal(batch(1), false);
  sealer.renew();
  const two = await sealer.seal(batch(2), false);
  assertEquals([await canOpen(one.before, two), await canOpen(two.before, one)], [false, false]);
  assertNotEquals(two.before.transcript, one.end, "every place has another transcript");
  assertEquals(two.before.counter, 0);
  const secret = random(32);
  await assertBroken(await write([key(one.before), one, two], secret), secret, [
    read(batch(1), one),
  ]);
  const chunks = await write([key(one.before), one, key(two.before), two, CLOSE], secret);
  assertEquals(await receive(chunks, secret), {
    records: [read(batch(1), one), read(batch(2), two), CLOSE],
  });
});

test("SharedSealer.renew holds also while a record is being sealed", async () => {
  const sealer = new SharedSealer();
  for (let i = 0; i < 2; i++) {
    // The first record waits for the first key, too.
    const sealing = sealer.seal(batch(1), false);
    sealer.renew();
    const [one, two] = [await sealing, await sealer.seal(batch(2), false)];
    assertNotEquals(two.before.secret, one.before.secret);
    assertNotEquals(two.before.transcript, one.end);
  }
});

test("SharedSealer leaves the places that it gave as they are", async () => {
  const sealer = new SharedSealer();
  const one = await sealer.seal(batch(1), true);
  const { secret, transcript } = one.before;
  const kept = [secret.slice(), transcript.slice()];
  await sealer.seal(batch(2), true);
  sealer.renew();
  await sealer.seal(batch(3), false);
  assertEquals([secret, transcript], kept);
});

/** The number of the key that sealed each of some frames. */
function keysOf(frames: readonly SharedFrame[]): number[] {
  const secrets: string[] = [];
  return frames.map(({ before: { secret } }) => {
    if (!secrets.includes(secret.join())) secrets.push(secret.join());
    return secrets.indexOf(secret.join());
  });
}

async function sealAll(limits: RekeyLimits, rekeys: readonly boolean[]): Promise<SharedFrame[]> {
  const sealer = new SharedSealer({ limits });
  const frames: SharedFrame[] = [];
  for (const [i, after] of rekeys.entries()) frames.push(await sealer.seal(batch(i), after));
  return frames;
}

test("SharedSealer takes a fresh key before one has sealed too many records or bytes", async () => {
  const six = Array(6).fill(false);
  assertEquals(keysOf(await sealAll(NEVER, six)), [0, 0, 0, 0, 0, 0]);
  // There is room for a REKEY.
  const byRecords = await sealAll({ ...NEVER, records: 3 }, six);
  assertEquals(keysOf(byRecords), [0, 0, 1, 1, 2, 2]);
  assertEquals(await canOpen(byRecords[0]!.before, byRecords[2]!), false, "a fresh key");
  for (
    const [bytes, keys] of [
      [10, [0, 1, 2, 3, 4, 5]],
      [19, [0, 1, 2, 3, 4, 5]],
      [20, [0, 0, 1, 1, 2, 2]],
      [60, [0, 0, 0, 0, 0, 0]],
    ] as const
  ) {
    assertEquals(keysOf(await sealAll({ ...NEVER, bytes }, six)), [...keys], `${bytes} bytes`);
  }
});

test("SharedSealer counts from the start with the key after a REKEY", async () => {
  const frames = await sealAll({ ...NEVER, records: 3 }, [false, true, false, false, false]);
  assertEquals(keysOf(frames), [0, 0, 1, 1, 2]);
  assertEquals(frames.map(({ before }) => before.counter), [0, 1, 0, 1, 0]);
  assertEquals(frames[2]!.before.transcript, frames[1]!.end);
  assertNotEquals(frames[4]!.before.transcript, frames[3]!.end);
});

test("SharedSealer takes a fresh key when one is 15 minutes old, as it seals", async () => {
  const clock = new FakeClock();
  const sealer = new SharedSealer({ clock });
  clock.advance(5000);
  const frames = [await sealer.seal(batch(1), false)];
  clock.advance(899_999);
  frames.push(await sealer.seal(batch(2), false));
  clock.advance(1);
  frames.push(await sealer.seal(batch(3), false));
  clock.advance(899_999);
  frames.push(await sealer.seal(batch(4), true));
  clock.advance(899_999);
  frames.push(await sealer.seal(batch(5), false));
  clock.advance(1);
  frames.push(await sealer.seal(batch(6), false));
  assertEquals(keysOf(frames), [0, 0, 1, 1, 2, 3]);
});
