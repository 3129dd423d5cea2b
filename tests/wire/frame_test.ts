import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, u32 } from "../../lib/bytes/mod.ts";
import { WireError } from "../../lib/errors.ts";
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameDecoderStream,
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

function decode(chunks: Iterable<Bytes>, sizes: readonly number[] = []): Promise<Bytes[]> {
  return Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new FrameDecoderStream(sizes)));
}

/** A body's length with its first bytes, so that a header that is let through starts a body. */
function headerOf(length: number): Bytes {
  return concat(u32(length), new Uint8Array(8));
}

test("encodeFrame writes length and body in one piece", () => {
  assertEquals(encodeFrame(new Uint8Array([7, 8])), new Uint8Array([0, 0, 0, 2, 7, 8]));
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
  for (const length of [0, 1, 16, 65_553, 2 ** 31, 2 ** 32 - 1]) {
    await assertFails(decode([headerOf(length)]), "protocol-error", `header says ${length}`);
    await assertFails(decode(bytewise(headerOf(length))), "protocol-error");
  }
});

test("FrameDecoderStream takes only handshake messages of their exact size, then records", async () => {
  const messages = [42, 329, 20].map(random);
  assertEquals(await decode(messages.map(encodeFrame), [42, 329]), messages);
  for (const length of [0, 41, 43, 329, 2 ** 32 - 1]) {
    await assertFails(decode([headerOf(length)], [42, 329]), "protocol-error", "42 to 42");
  }
  const second = [encodeFrame(messages[0]!), headerOf(42)];
  await assertFails(decode(second, [42, 329]), "protocol-error", "329 to 329");
});

test("FrameDecoder makes no room for a body before its length was checked", async () => {
  const kept = Deno.memoryUsage().external;
  for (let i = 0; i < 100; i++) {
    const decoder = new FrameDecoder();
    await assertFails(() => [...decoder.push(u32(2 ** 31))], "protocol-error");
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
  assertEquals((await first).value, bodies[0]);
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
  const { value } = await read;
  await Promise.all([writer.write(encodeFrame(bodies[2]!)), reader.read()]);
  assertEquals(value, bodies[0]);
  assertEquals(value!.buffer.byteLength, value!.length);
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
  assertEquals((await reader.read()).value, body);
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assert(pulled <= 3 * 65_536, `${pulled} bytes were pulled`);
  await reader.cancel();
});

test("FrameDecoder gives for any bytes frames that encode to them, or a WireError", () => {
  const near = fc.constantFrom(0, 16, 17, 18, 40, 65_552, 65_553, 2 ** 32 - 1);
  const frame = fc.tuple(near, fc.uint8Array({ maxLength: 60 }))
    .map(([length, body]) => concat(u32(length), body.slice(0, length)));
  const input = fc.oneof(fc.uint8Array(), fc.array(frame).map((frames) => concat(...frames)));
  fc.assert(fc.property(input, (any) => {
    const decoder = new FrameDecoder();
    const decoded: Bytes[] = [];
    try {
      for (const body of decoder.push(any)) decoded.push(body);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    const encoded = concat(...decoded.map(encodeFrame));
    assertEquals(encoded, concat(any.slice(0, encoded.length)));
    if (decoder.complete) assertEquals(encoded.length, any.length);
  }));
});
