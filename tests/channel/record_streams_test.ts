import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import {
  OpenStream,
  RecordCipher,
  REKEY_LIMITS,
  type RekeyLimits,
  SealStream,
} from "../../lib/channel/mod.ts";
import { LanchatError } from "../../lib/errors.ts";
import {
  type Frame,
  FrameDecoderStream,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { sealFrames } from "../support/channel.ts";
import { FakeClock } from "../support/clock.ts";
import { CryptoWork } from "../support/crypto_work.ts";
import { bytewise } from "../support/duplex.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";

const random = seededRandom(10);
const secret = random(32);
const NEVER = { records: Infinity, bytes: Infinity, ms: Infinity };
const CLOSE = { type: RecordType.CLOSE, payload: new Uint8Array(1) };

function numbered(count: number): PlainRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    type: RecordType.BATCH,
    payload: new Uint8Array(9).fill(i),
  }));
}

function seal(records: readonly PlainRecord[], limits: RekeyLimits = NEVER): Promise<Bytes[]> {
  return sealFrames(records, secret, limits);
}

function opened(chunks: Iterable<Bytes>): ReadableStream<PlainRecord> {
  return ReadableStream.from(chunks)
    .pipeThrough(new FrameDecoderStream())
    .pipeThrough(new OpenStream(secret.slice()));
}

/** The records before the stream fails, and the error. */
async function receive(
  chunks: Iterable<Bytes>,
): Promise<{ records: PlainRecord[]; error: unknown }> {
  const records: PlainRecord[] = [];
  try {
    for await (const record of opened(chunks)) records.push(record);
    return { records, error: undefined };
  } catch (error) {
    return { records, error };
  }
}

async function assertCut(chunks: Iterable<Bytes>, records: readonly PlainRecord[]): Promise<void> {
  const outcome = await receive(chunks);
  assertEquals(outcome.records, records);
  await assertFails(
    () => {
      throw outcome.error;
    },
    "connection-lost",
    "Connection lost",
  );
}

/** Asserts that an altered stream fails: its output is a prefix of the sent records. */
async function assertBroken(
  chunks: Iterable<Bytes>,
  before: readonly PlainRecord[],
): Promise<void> {
  const outcome = await receive(chunks);
  assertEquals(outcome.records, before);
  await assertFails(() => {
    throw outcome.error;
  }, "protocol-error");
}

const records = [...numbered(5), CLOSE];
const frames = await seal(records);

test("SealStream writes each record as one chunk that begins with its length", () => {
  assertEquals(frames.length, records.length);
  for (const frame of frames) {
    assertEquals(new DataView(frame.buffer).getUint32(0), frame.length - 4);
  }
});

test("OpenStream opens the records of SealStream, whole, byte by byte and all in one chunk", async () => {
  for (const chunks of [frames, frames.flatMap(bytewise), [concat(...frames)]]) {
    assertEquals(await receive(chunks), { records, error: undefined });
  }
});

test("OpenStream refuses a replayed, swapped, missing or foreign record", async () => {
  const [a, b, c] = frames as [Bytes, Bytes, Bytes];
  const foreign = await (await RecordCipher.from(random(32))).seal(records[1]!);
  const cases = [
    [a, b, b],
    [a, b, a],
    [a, c, b],
    [a, c],
    [b, a],
    [a, foreign],
    [a, new Uint8Array(frames[0]!.length).fill(0, 4)],
  ];
  for (const chunks of cases) {
    let good = 0;
    while (chunks[good] === frames[good]) good++;
    await assertBroken([...chunks, ...frames], records.slice(0, good));
  }
});

test("OpenStream notices every flipped bit, the length's too", async () => {
  const [first, ...rest] = frames as [Bytes, ...Bytes[]];
  for (let bit = 0; bit < first.length * 8; bit++) {
    const { records: seen, error } = await receive([flip(first, bit), ...rest]);
    assertEquals(seen, []);
    // A larger length swallows the later bytes, up to the end.
    const codes = bit < 32 ? ["protocol-error", "connection-lost"] : ["protocol-error"];
    assert(error instanceof LanchatError && codes.includes(error.code));
  }
});

test("OpenStream refuses a record that this side sealed itself", async () => {
  await assertBroken(await sealFrames(records, random(32)), []);
});

test("OpenStream tells a cut from a farewell", async () => {
  await assertCut([], []);
  for (let count = 1; count < frames.length; count++) {
    await assertCut(frames.slice(0, count), records.slice(0, count));
  }
  for (const length of [1, 4, 5, frames[1]!.length - 1]) {
    const { records: seen, error } = await receive([frames[0]!, frames[1]!.slice(0, length)]);
    assertEquals(seen, records.slice(0, 1));
    await assertFails(
      () => {
        throw error;
      },
      "connection-lost",
      "inside a frame",
    );
  }
});

test("OpenStream ignores records after a farewell", async () => {
  const after = [
    frames[0]!,
    frames.at(-1)!,
    ...(await seal(numbered(9))).slice(6),
    concat(new Uint8Array([0, 0, 0, 17]), random(17)),
  ];
  assertEquals(await receive([...frames, ...after]), { records, error: undefined });
  assertEquals(await receive([concat(...frames, ...after)]), { records, error: undefined });
});

test("SealStream and OpenStream go on to the next key by number of records", async () => {
  const sealed = await seal(records, { ...NEVER, records: 3 });
  // Two records and a REKEY under each key.
  assertEquals(sealed.length, 6 + 2);
  assertEquals(await receive(sealed), { records, error: undefined });
});

test("SealStream goes on to the next key before its bytes are over the limit", async () => {
  for (const [bytes, rekeys] of [[10, 5], [19, 4], [20, 2], [51, 1], [52, 0]] as const) {
    const sealed = await seal(records, { ...NEVER, bytes });
    assertEquals(sealed.length, 6 + rekeys, `${bytes} bytes`);
    assertEquals(await receive(sealed), { records, error: undefined });
  }
});

test("SealStream goes on to the next key by its age, when it seals", async () => {
  const clock = new FakeClock();
  const written: Bytes[] = [];
  const wire = new WritableStream<Bytes>({ write: (frame) => void written.push(frame) });
  const writer = new SealStream(secret.slice(), wire, { clock }).getWriter();
  const send = async (record: PlainRecord, count: number): Promise<void> => {
    const before = written.length;
    await writer.write(record);
    assertEquals(written.length - before, count);
  };
  await send(records[0]!, 1);
  clock.advance(REKEY_LIMITS.ms - 1);
  await send(records[1]!, 1);
  clock.advance(1);
  await send(records[2]!, 2);
  clock.advance(REKEY_LIMITS.ms - 1);
  await send(records[3]!, 1);
  await send(CLOSE, 1);
  await writer.close();
  const expected = [...records.slice(0, 4), CLOSE];
  assertEquals(await receive(written), { records: expected, error: undefined });
});

test("SealStream has the limits of the specification", () => {
  assertEquals(REKEY_LIMITS, { records: 2 ** 20, bytes: 2 ** 30, ms: 900_000 });
});

test("OpenStream refuses an old key's record after REKEY, a REKEY with a payload, and none", async () => {
  const sealer = await RecordCipher.from(secret.slice());
  const old = await RecordCipher.from(secret.slice());
  const rekey = { type: RecordType.REKEY, payload: new Uint8Array() };
  const [first, sealedRekey] = [await sealer.seal(records[0]!), await sealer.seal(rekey)];
  await sealer.rekey();
  const fresh = await sealer.seal(records[1]!);
  for (let i = 0; i < 2; i++) await old.seal(records[0]!);
  const stale = await old.seal(records[1]!);
  await assertCut([first, sealedRekey, fresh], records.slice(0, 2));
  await assertBroken([first, sealedRekey, stale], records.slice(0, 1));
  await assertBroken([first, fresh], records.slice(0, 1));
  await assertBroken([first, sealedRekey, sealedRekey], records.slice(0, 1));

  const loaded = await RecordCipher.from(secret.slice());
  const bad = await loaded.seal({ type: RecordType.REKEY, payload: new Uint8Array(1) });
  await assertBroken([bad, fresh], []);
});

test("OpenStream gives for any damage a prefix of the sent records, and an error unless all came", async () => {
  const stream = concat(...frames);
  const damage = fc.array(fc.tuple(fc.nat(stream.length - 1), fc.nat(255)), { maxLength: 2 });
  const cut = fc.option(fc.nat(stream.length), { nil: stream.length });
  await fc.assert(
    fc.asyncProperty(damage, cut, async (changes, length) => {
      const damaged = stream.slice(0, length);
      for (const [at, value] of changes) if (at < length) damaged[at] = value;
      const { records: seen, error } = await receive([damaged]);
      assertEquals(seen, records.slice(0, seen.length));
      if (seen.length < records.length) assert(error instanceof LanchatError);
    }),
    { numRuns: 100 },
  );
});

test("OpenStream passes cancel on to its source, and abort on to its reader", async () => {
  const canceled = Promise.withResolvers<unknown>();
  const source = new ReadableStream<Frame>({ cancel: canceled.resolve });
  const reason = new Error("enough");
  await source.pipeThrough(new OpenStream(secret.slice())).cancel(reason);
  assertEquals(await canceled.promise, reason);

  const stream = new OpenStream(secret.slice());
  const read = assertRejects(() => stream.readable.getReader().read(), Error, "enough");
  await stream.writable.abort(reason);
  await read;
});

test("SealStream fails when its destination does, and the destination when the stream is aborted", async () => {
  const reason = new Error("enough");
  const broken = new TransformStream<Bytes, Bytes>();
  const writer = new SealStream(secret.slice(), broken.writable).getWriter();
  await broken.readable.cancel(reason);
  await assertRejects(() => writer.closed, Error, "enough");
  await assertRejects(() => writer.write(CLOSE), Error, "enough");

  const aborted = new TransformStream<Bytes, Bytes>();
  const read = assertRejects(() => aborted.readable.getReader().read(), Error, "enough");
  await new SealStream(secret.slice(), aborted.writable).abort(reason);
  await read;
});

test("SealStream has ended when its destination has taken everything", async () => {
  const taken: Bytes[] = [];
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  const slow = new WritableStream<Bytes>({
    async write(frame): Promise<void> {
      await allowed;
      taken.push(frame);
    },
  });
  const writer = new SealStream(secret.slice(), slow).getWriter();
  void writer.write(records[0]!);
  const closed = writer.close();
  allow();
  await closed;
  assertEquals(taken.length, 1);
});

/** A BULK with bytes after its head. */
function bulkRecord(bulk: readonly Bytes[]): PlainRecord {
  return { type: RecordType.BULK, payload: random(40), bulk };
}

test("SealStream and OpenStream carry bulk frames between others", async () => {
  const parts = [random(65_552), random(65_552), random(9)];
  const sent = [...numbered(1), bulkRecord(parts), bulkRecord([random(1)]), CLOSE];
  const written = await seal(sent);
  // The header is never written by itself, and what follows the first part is not copied.
  assertEquals(written.slice(1, -1).map(({ length }) => length > 60), [true, true, false, true]);
  assertEquals(
    written.slice(2, 4).map(({ buffer }) => buffer),
    parts.slice(1).map((p) => p.buffer),
  );
  const joined = (record: PlainRecord): PlainRecord =>
    record.bulk === undefined ? record : { ...record, bulk: [concat(...record.bulk)] };
  for (const chunks of [written, [concat(...written)]]) {
    const { records, error } = await receive(chunks);
    assertEquals([records.map(joined), error], [sent.map(joined), undefined]);
  }
});

test("SealStream writes many small parts of a bulk frame together, in order", async () => {
  const parts = [1, 1000, 40_000, ...Array(100).fill(500), 65_552, 3, 4].map(random);
  const sent = [bulkRecord(parts), CLOSE];
  const written = await seal(sent);
  assertEquals(written.length, 5);
  for (const { length } of written.slice(0, -2)) assert(length >= 32_768);
  const { records } = await receive(written);
  assertEquals(concat(...records[0]!.bulk!), concat(...parts));
});

test("OpenStream breaks when a bulk frame's header or head is altered, and not when its bytes are", async () => {
  const bulk = random(20);
  const record = bulkRecord([bulk]);
  const [frame, close] = await seal([record, CLOSE]) as [Bytes, Bytes];
  for (let bit = 0; bit < 8 * (frame.length - bulk.length); bit++) {
    const { records, error } = await receive([flip(frame, bit), close]);
    assertEquals(records, []);
    assert(error instanceof LanchatError);
  }
  const altered = flip(bulk, 77);
  const whole = concat(frame.slice(0, -bulk.length), altered);
  const expected = [{ ...record, bulk: [altered] }, CLOSE];
  assertEquals(await receive([whole, close]), { records: expected, error: undefined });
  await assertBroken([frame, frame], [record]);
  await assertBroken([close], []);
});

test("OpenStream refuses every type but BULK in a bulk frame", async () => {
  const { CLOSE: close, KEY, PING, REKEY } = RecordType;
  for (const [type, length] of [[REKEY, 0], [close, 1], [KEY, 72], [PING, 8], [0x80, 0]] as const) {
    const record = { type, payload: new Uint8Array(length), bulk: [random(9)] };
    const frames = await seal([record, CLOSE]);
    await assertBroken(frames, []);
  }
});

test("A bulk frame takes one seal and one open, whatever its size", async () => {
  await using work = new CryptoWork();
  for (const count of [1, 9]) {
    const sent = [...Array(count).fill(bulkRecord([random(262_144)])), CLOSE];
    const { error } = await receive(await seal(sent));
    assertEquals(error, undefined);
    const operations = await work.take();
    const seals = operations.filter((name) => name === "encrypt").length;
    const opens = operations.filter((name) => name === "decrypt").length;
    assertEquals([seals, opens], [count + 1, count + 1]);
    assertEquals(operations.filter((name) => name === "digest"), []);
  }
});
