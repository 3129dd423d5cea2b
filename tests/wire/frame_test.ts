import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, u32 } from "../../lib/bytes/mod.ts";
import { WireError } from "../../lib/errors.ts";
import {
  bulkHeader,
  encodeFrame,
  type Frame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameDecoderStream,
  frameHeader,
  FrameKind,
  MAX_BULK_BYTES,
  MAX_HEAD_BYTES,
  MAX_RECORD_BYTES,
  MIN_RECORD_BYTES,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { bytewise } from "../support/duplex.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";

const random = seededRandom(2);
const bodies = [MIN_RECORD_BYTES, 18, 300, MIN_RECORD_BYTES].map(random);
const bytes = concat(...bodies.map(encodeFrame));

/** The bodies, all of kind OWN. */
async function decode(
  chunks: Iterable<Bytes>,
  sizes: readonly number[] = [],
  takesShared = false,
): Promise<Bytes[]> {
  const frames = ReadableStream.from(chunks)
    .pipeThrough(new FrameDecoderStream(sizes, takesShared));
  return (await Array.fromAsync(frames)).map(({ body, kind }) => {
    assertEquals(kind, FrameKind.OWN);
    return body;
  });
}

/** A header with the first bytes of a body, so that a header that is let through starts a body. */
function headerOf(length: number): Bytes {
  return concat(u32(length), new Uint8Array(8));
}

test("encodeFrame writes kind, length and body in one piece", () => {
  assertEquals(encodeFrame(new Uint8Array([7, 8])), new Uint8Array([0, 0, 0, 2, 7, 8]));
});

test("frameHeader writes a kind and a length of three bytes", () => {
  assertEquals(frameHeader(0x010203), new Uint8Array([0, 1, 2, 3]));
  assertEquals(frameHeader(0x010203, FrameKind.SHARED), new Uint8Array([1, 1, 2, 3]));
});

test("FrameDecoderStream gives the kind of each frame, however the bytes are cut", async () => {
  const [own, shared] = [random(17), random(300)];
  const kinds = concat(
    encodeFrame(own),
    frameHeader(300, FrameKind.SHARED),
    shared,
    encodeFrame(own),
  );
  for (const chunks of [[kinds], bytewise(kinds)]) {
    const frames = ReadableStream.from(chunks).pipeThrough(new FrameDecoderStream([], true));
    assertEquals(await Array.fromAsync(frames), [
      { kind: FrameKind.OWN, body: own },
      { kind: FrameKind.SHARED, body: shared },
      { kind: FrameKind.OWN, body: own },
    ]);
  }
});

/** A bulk frame. */
function bulkFrame(head: Uint8Array, bulk: Uint8Array): Bytes {
  return concat(bulkHeader(head.length, bulk.length), head, bulk);
}

test("bulkHeader writes the kind, the length of the body, and that of the head", () => {
  assertEquals(bulkHeader(0x0102, 0x020304), new Uint8Array([2, 2, 4, 8, 1, 2]));
});

test("FrameDecoderStream separates head and bytes of a bulk frame, however it is cut", async () => {
  const [own, head, bulk] = [random(17), random(57), random(300)];
  const bytes = concat(encodeFrame(own), bulkFrame(head, bulk), encodeFrame(own));
  for (const takesShared of [false, true]) {
    for (const chunks of [[bytes], bytewise(bytes)]) {
      const stream = new FrameDecoderStream([17], takesShared);
      assertEquals(await Array.fromAsync(ReadableStream.from(chunks).pipeThrough(stream)), [
        { kind: FrameKind.OWN, body: own },
        { kind: FrameKind.BULK, body: head, bulk: [bulk] },
        { kind: FrameKind.OWN, body: own },
      ]);
    }
  }
});

/** The only frame in some bytes, which come in chunks of a size. */
function onlyFrame(bytes: Bytes, chunkBytes: number): Frame {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    frames.push(...decoder.push(bytes.slice(at, at + chunkBytes)));
  }
  assertEquals([frames.length, decoder.complete], [1, true]);
  return frames[0]!;
}

test("FrameDecoder copies of a bulk frame only what is a small part of its chunk", () => {
  const bulk = random(MAX_BULK_BYTES);
  const frame = bulkFrame(random(57), bulk);
  const { bulk: views } = onlyFrame(frame, frame.length);
  assertEquals(views!.map(({ length }) => length), [MAX_BULK_BYTES]);
  assertEquals(views![0]!.buffer.byteLength, frame.length);
  for (const chunkBytes of [65_536, 40_000, 32_767, 1000, 100]) {
    const { bulk: parts } = onlyFrame(frame, chunkBytes);
    assertEquals(concat(...parts!), bulk);
    const kept = new Set(parts!.map(({ buffer }) => buffer));
    assert(kept.size < 12, `${kept.size} parts`);
    assert([...kept].reduce((sum, { byteLength }) => sum + byteLength, 0) < 2 * bulk.length);
  }
});

test("FrameDecoder keeps no large chunk for a small bulk frame", () => {
  const chunk = concat(bulkFrame(random(57), random(40_000)), new Uint8Array(60_000));
  const { value } = new FrameDecoder().push(chunk).next();
  assert(value!.bulk!.every(({ buffer }) => buffer.byteLength <= 40_000));
});

test("FrameDecoder takes the shortest and the longest bulk frame, and no other", async () => {
  assertEquals([MAX_HEAD_BYTES, MAX_BULK_BYTES], [1024, 262_144]);
  const take = (head: number, bulk: number) =>
    new FrameDecoder().push(bulkFrame(new Uint8Array(head), new Uint8Array(bulk))).next();
  for (const [head, bulk] of [[17, 1], [1024, 1], [17, 262_144], [1024, 262_144]] as const) {
    const { value } = take(head, bulk);
    assertEquals([value?.body.length, value?.bulk?.[0]?.length], [head, bulk]);
  }
  for (const [head, bulk] of [[0, 300], [16, 300], [1025, 1], [0xffff, 1]] as const) {
    await assertFails(() => take(head, bulk), "protocol-error", `bytes, not ${head}`);
  }
  for (const [head, bulk] of [[18, 0], [17, 262_145]] as const) {
    await assertFails(() => take(head, bulk), "protocol-error", `head, not ${bulk}`);
  }
  for (const length of [0, 19, 263_171, 2 ** 24 - 1]) {
    const header = [frameHeader(length, FrameKind.BULK)];
    await assertFails(decode(header), "protocol-error", `header says ${length}`);
  }
});

test("FrameDecoderStream takes no bulk frame in the handshake", async () => {
  const chunks = [frameHeader(300, FrameKind.BULK)];
  await assertFails(decode(chunks, [300]), "protocol-error", "unexpected kind: 2");
});

test("FrameDecoderStream takes no unknown kind, and no shared handshake message", async () => {
  for (const takesShared of [false, true]) {
    for (const kind of [3, 0x7f, 0x80, 255]) {
      const chunks = [frameHeader(MIN_RECORD_BYTES, kind)];
      const error = `unexpected kind: ${kind}`;
      await assertFails(decode(chunks, [], takesShared), "protocol-error", error);
      await assertFails(decode(chunks, [MIN_RECORD_BYTES], takesShared), "protocol-error", error);
    }
    const shared = [frameHeader(42, FrameKind.SHARED)];
    await assertFails(decode(shared, [42], takesShared), "protocol-error", "unexpected kind: 1");
    const second = [encodeFrame(random(42)), frameHeader(329, FrameKind.SHARED)];
    await assertFails(
      decode(second, [42, 329], takesShared),
      "protocol-error",
      "unexpected kind: 1",
    );
  }
});

test("FrameDecoderStream takes no shared record where none may come", async () => {
  const shared = [encodeFrame(random(42)), frameHeader(MIN_RECORD_BYTES, FrameKind.SHARED)];
  await assertFails(decode(shared, [42]), "protocol-error", "unexpected kind: 1");
});

test("FrameDecoderStream decodes one frame a chunk", async () => {
  assertEquals(await decode(bodies.map(encodeFrame)), bodies);
});

test("FrameDecoderStream decodes byte by byte", async () => {
  assertEquals(await decode(bytewise(bytes)), bodies);
});

test("FrameDecoderStream decodes all in one chunk", async () => {
  assertEquals(await decode([bytes]), bodies);
});

test("FrameDecoderStream decodes with empty chunks between", async () => {
  const nothing = new Uint8Array();
  assertEquals(
    await decode([nothing, bytes.slice(0, 2), nothing, bytes.slice(2), nothing]),
    bodies,
  );
});

test("FrameDecoderStream decodes two chunks however they are cut", async () => {
  for (let cut = 0; cut <= 60; cut++) {
    assertEquals(await decode([bytes.slice(0, cut), bytes.slice(cut)]), bodies);
  }
});

test("FrameDecoderStream gives the same bodies however the bytes are cut", async () => {
  const cuts = fc.array(fc.nat(bytes.length), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, async (unsorted) => {
      const at = [0, ...unsorted.sort((a, b) => a - b), bytes.length];
      assertEquals(await decode(at.slice(1).map((end, i) => bytes.slice(at[i], end))), bodies);
    }),
    { numRuns: 50 },
  );
});

test("FrameDecoderStream takes the shortest and the longest record, and no other", async () => {
  for (const length of [MIN_RECORD_BYTES, MAX_RECORD_BYTES]) {
    assertEquals(await decode([encodeFrame(new Uint8Array(length))]), [new Uint8Array(length)]);
  }
  assertEquals([MIN_RECORD_BYTES, MAX_RECORD_BYTES], [17, 65_552]);
  for (const length of [0, 1, 16, 65_553, 2 ** 24 - 1]) {
    await assertFails(decode([headerOf(length)]), "protocol-error", `header says ${length}`);
    await assertFails(decode(bytewise(headerOf(length))), "protocol-error");
  }
});

test("FrameDecoderStream takes the shortest and the longest shared record with its token, and no other", async () => {
  const shared = (length: number) =>
    Array.fromAsync(
      ReadableStream.from([frameHeader(length, FrameKind.SHARED), new Uint8Array(length)])
        .pipeThrough(new FrameDecoderStream([], true)),
    );
  for (const length of [25, 65_560]) {
    assertEquals(await shared(length), [{ kind: FrameKind.SHARED, body: new Uint8Array(length) }]);
  }
  for (const length of [0, 17, 24, 65_561, 2 ** 24 - 1]) {
    await assertFails(shared(length), "protocol-error", `header says ${length}`);
  }
});

test("FrameDecoderStream takes only handshake messages of their exact size, then records", async () => {
  const messages = [42, 329, 20].map(random);
  assertEquals(await decode(messages.map(encodeFrame), [42, 329]), messages);
  for (const length of [0, 41, 43, 329, 2 ** 24 - 1]) {
    await assertFails(decode([headerOf(length)], [42, 329]), "protocol-error", "42 to 42");
  }
  const second = [encodeFrame(messages[0]!), headerOf(42)];
  await assertFails(decode(second, [42, 329]), "protocol-error", "329 to 329");
});

test("FrameDecoder makes no room for a body before its length was checked", async () => {
  const kept = Deno.memoryUsage().external;
  for (let i = 0; i < 100; i++) {
    const decoder = new FrameDecoder();
    await assertFails(() => [...decoder.push(u32(2 ** 24 - 1))], "protocol-error");
  }
  assert(Deno.memoryUsage().external - kept < 1 << 20);
});

test("FrameDecoderStream fails where it ends inside a header or a body", async () => {
  const frame = encodeFrame(new Uint8Array(MIN_RECORD_BYTES));
  for (let length = 1; length < frame.length; length++) {
    for (const chunks of [[frame.slice(0, length)], bytewise(frame.slice(0, length))]) {
      await assertFails(decode(chunks), "connection-lost", "inside a frame");
    }
  }
  assertEquals(await decode([frame.slice(0, FRAME_HEADER_BYTES), frame.slice(4)]), [
    frame.slice(4),
  ]);
  assertEquals(await decode([]), []);
});

test("FrameDecoderStream gives the frames before a bad one when they are read as they come", async () => {
  const stream = new FrameDecoderStream();
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const first = reader.read();
  const written = writer.write(encodeFrame(bodies[0]!));
  assertEquals((await first).value?.body, bodies[0]);
  await written;
  const second = assertRejects(() => reader.read(), WireError);
  await assertRejects(() => writer.write(headerOf(0)), WireError);
  await second;
  await assertRejects(() => writer.closed, WireError);
});

test("FrameDecoderStream gives bodies that later chunks do not change", async () => {
  const chunk = encodeFrame(bodies[0]!);
  const stream = new FrameDecoderStream();
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const read = reader.read();
  await writer.write(chunk);
  chunk.fill(0);
  const { body } = (await read).value!;
  await Promise.all([writer.write(encodeFrame(bodies[2]!)), reader.read()]);
  assertEquals(body, bodies[0]);
  assertEquals(body.buffer.byteLength, body.length);
  await Promise.all([writer.close(), reader.closed]);
});

test("FrameDecoderStream passes cancel on to its source, also inside a frame", async () => {
  for (const head of [[], [bytes.slice(0, 2)], [bytes.slice(0, 9)], [bytes]]) {
    const canceled = Promise.withResolvers<unknown>();
    const source = new ReadableStream<Bytes>({
      start(controller): void {
        for (const chunk of head) controller.enqueue(chunk);
      },
      cancel: canceled.resolve,
    });
    const reason = new Error("enough");
    await source.pipeThrough(new FrameDecoderStream()).cancel(reason);
    assertEquals(await canceled.promise, reason);
  }
});

test("FrameDecoderStream passes abort on to its reader, also inside a frame", async () => {
  for (const head of [new Uint8Array(), bytes.slice(0, 2), bytes.slice(0, 9)]) {
    const stream = new FrameDecoderStream();
    const read = assertRejects(() => stream.readable.getReader().read(), Error, "enough");
    const writer = stream.writable.getWriter();
    await writer.write(head);
    await writer.abort(new Error("enough"));
    await read;
  }
});

test("FrameDecoderStream reads no further ahead than its strategies allow", async () => {
  let pulled = 0;
  const source = new ReadableStream<Bytes>({
    pull(controller): void {
      pulled += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
  }, { highWaterMark: 0 });
  const body = new Uint8Array(MIN_RECORD_BYTES);
  const frames = ReadableStream.from((async function* () {
    yield encodeFrame(body);
    yield* source;
  })()).pipeThrough(new FrameDecoderStream());
  const reader = frames.getReader();
  assertEquals((await reader.read()).value?.body, body);
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assert(pulled <= 3 * 65_536, `${pulled} bytes were pulled`);
  await reader.cancel();
});

test("FrameDecoder gives for any bytes frames that encode to them, or a WireError", () => {
  const near = fc.constantFrom(0, 16, 17, 18, 40, 65_552, 65_553, 2 ** 24 - 1);
  const kinds = fc.constantFrom(0, 0, 1, 1, 2, 3, 255);
  const any = fc.tuple(kinds, near, fc.uint8Array({ maxLength: 60 }))
    .map(([kind, length, body]) => concat(frameHeader(length, kind), body.slice(0, length)));
  const bulk = fc.tuple(fc.constantFrom(16, 17, 30), fc.uint8Array({ maxLength: 60 }))
    .map(([head, body]) => concat(bulkHeader(head, Math.max(body.length - head, 0)), body));
  const frame = fc.oneof(any, bulk);
  const input = fc.oneof(fc.uint8Array(), fc.array(frame).map((frames) => concat(...frames)));
  fc.assert(fc.property(input, (any) => {
    const decoder = new FrameDecoder([], true);
    const decoded: Bytes[] = [];
    try {
      for (const { body, bulk, kind } of decoder.push(any)) {
        if (bulk !== undefined) decoded.push(bulkFrame(body, concat(...bulk)));
        else decoded.push(frameHeader(body.length, kind), body);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    const encoded = concat(...decoded);
    assertEquals(encoded, concat(any.slice(0, encoded.length)));
    if (decoder.complete) assertEquals(encoded.length, any.length);
  }));
});
