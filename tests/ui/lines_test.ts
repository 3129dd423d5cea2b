import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { LanchatError } from "../../lib/errors.ts";
import { type InputLine, readLines } from "../../lib/ui/lines.ts";
import { test } from "../support/test.ts";
import { source } from "./streams.ts";

const MAX = 8;

async function cut(...chunks: (string | Uint8Array)[]): Promise<(string | undefined)[]> {
  const lines = await linesOf(chunks);
  assertEquals(lines.map(({ number }) => number), lines.map((_, index) => index + 1));
  return lines.map(({ bytes }) => bytes && new TextDecoder().decode(bytes));
}

function linesOf(chunks: (string | Uint8Array)[]): Promise<InputLine[]> {
  return Array.fromAsync(readLines(source(...chunks), MAX));
}

function bytewise(text: string): Uint8Array[] {
  return Array.from(new TextEncoder().encode(text), (byte) => new Uint8Array([byte]));
}

test("readLines splits at LF and CR LF, whole and byte by byte", async () => {
  const cases: [string, (string | undefined)[]][] = [
    ["", []],
    ["\n", [""]],
    ["\r\n", [""]],
    ["one", ["one"]],
    ["one\n", ["one"]],
    ["one\ntwo", ["one", "two"]],
    ["one\r\ntwo\r", ["one", "two"]],
    ["one\r\r\n", ["one\r"]],
    ["\none\n\n", ["", "one", ""]],
    ["a\rb\n\0\n", ["a\rb", "\0"]],
    ["grün\n", ["grün"]],
  ];
  for (const [text, lines] of cases) {
    assertEquals(await cut(text), lines, JSON.stringify(text));
    assertEquals(await cut(...bytewise(text)), lines, JSON.stringify(text));
  }
});

test("readLines removes one byte order mark at the start, whole and byte by byte", async () => {
  const [mark, longest] = ["\ufeff", "x".repeat(MAX)];
  const cases: [string, (string | undefined)[]][] = [
    [mark, [""]],
    [`${mark}one\n${mark}two\n`, ["one", `${mark}two`]],
    [`${mark}${mark}\r\n`, [mark]],
    [`${mark}${longest}\r\n${longest}\n`, [longest, longest]],
    [`${mark}${longest}x\nnext`, [undefined, "next"]],
    [`x${mark}\n`, [`x${mark}`]],
  ];
  const read = async (...chunks: (string | Uint8Array)[]): Promise<(string | undefined)[]> => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return (await linesOf(chunks)).map(({ bytes }) => bytes && decoder.decode(bytes));
  };
  for (const [text, lines] of cases) {
    assertEquals(await read(text), lines, JSON.stringify(text));
    assertEquals(await read(...bytewise(text)), lines, JSON.stringify(text));
  }
});

test("readLines joins a character of two chunks", async () => {
  const bytes = new TextEncoder().encode("日本\nx");
  for (let at = 1; at < bytes.length; at++) {
    assertEquals(await cut(bytes.slice(0, at), bytes.slice(at)), ["日本", "x"]);
  }
});

test("readLines accepts the longest line, marks a longer one, and continues", async () => {
  const longest = "x".repeat(MAX);
  const cases: [string, (string | undefined)[]][] = [
    [`${longest}\n`, [longest]],
    [`${longest}\r\n`, [longest]],
    [longest, [longest]],
    [`${longest}\r`, [longest]],
    [`${longest}x\nnext`, [undefined, "next"]],
    [`${longest}x\r\nnext`, [undefined, "next"]],
    [`${longest}\r\r\nnext`, [undefined, "next"]],
    [`${longest}x`, [undefined]],
    [`a\n${longest}${longest}${longest}\nb\n`, ["a", undefined, "b"]],
  ];
  for (const [text, lines] of cases) {
    assertEquals(await cut(text), lines, JSON.stringify(text));
    assertEquals(await cut(...bytewise(text)), lines, JSON.stringify(text));
  }
});

test("readLines splits any bytes alike in any chunks", async () => {
  const byte = fc.constantFrom(0x0a, 0x0d, 0x61, 0x80);
  await fc.assert(fc.asyncProperty(
    fc.array(fc.array(byte, { maxLength: 12 })),
    async (parts) => {
      const chunks = parts.map((part) => new Uint8Array(part));
      const whole = await linesOf([new Uint8Array(parts.flat())]);
      assertEquals(await linesOf(chunks), whole);
    },
  ));
});

test("readLines buffers at most one line of the maximum length", async () => {
  const chunk = new Uint8Array(1 << 20).fill(0x78);
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const lines = Array.fromAsync(readLines(input.readable, 16_384));
  const writer = input.writable.getWriter();
  const before = Deno.memoryUsage().external;
  for (let i = 0; i < 64; i++) await writer.write(chunk);
  const kept = Deno.memoryUsage().external - before;
  await writer.write(new TextEncoder().encode("\nnext"));
  await writer.close();
  assert(kept < 4 << 20, `${kept} bytes are kept`);
  assertEquals((await lines).map(({ number, bytes }) => [number, bytes?.length]), [
    [1, undefined],
    [2, 4],
  ]);
});

test("readLines emits copies of its chunks", async () => {
  const chunk = new TextEncoder().encode("one\n");
  const lines = readLines(source(chunk), MAX);
  const { value } = await lines.next();
  chunk.fill(0);
  assertEquals(value, { number: 1, bytes: new TextEncoder().encode("one") });
  await lines.return();
});

test("readLines reads nothing before the first line is requested", async () => {
  let pulls = 0;
  const input = new ReadableStream<Uint8Array>({
    pull(controller): void {
      pulls++;
      controller.enqueue(new TextEncoder().encode("one\n"));
    },
  }, { highWaterMark: 0 });
  const lines = readLines(input, MAX);
  await Promise.resolve();
  assertEquals(pulls, 0);
  assertEquals((await lines.next()).value?.number, 1);
  assert(pulls > 0);
  await lines.return();
});

test("readLines cancels the input when it is ended", async () => {
  const canceled = Promise.withResolvers<void>();
  const input = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("one\n")),
    cancel: () => canceled.resolve(),
  });
  for await (const _line of readLines(input, MAX)) break;
  await canceled.promise;
});

test("readLines reports an input that cannot be read", async () => {
  const cause = new Error("it is a directory");
  const input = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(cause) });
  const error = await assertRejects(() => Array.fromAsync(readLines(input, MAX)), LanchatError);
  assertEquals([error.code, error.cause], ["bad-input", cause]);
});
