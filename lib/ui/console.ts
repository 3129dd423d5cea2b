/** The input of the process's terminal: UTF-8 on every system, and raw mode. */
import process from "node:process";

/**
 * On Windows `Deno.stdin` returns input in the code page of the console, which loses most characters
 * (denoland/deno#18240). The stream of `node:process` returns UTF-8.
 */
const READS_AS_NODE = Deno.build.os === "windows";

let input: ReadableStream<Uint8Array> | undefined;

/** The input of the process's terminal in UTF-8, a byte stream; the same one on each call. */
export function typedInput(): ReadableStream<Uint8Array> {
  return READS_AS_NODE ? input ??= nodeInput() : Deno.stdin.readable;
}

/** Reads one byte of {@linkcode typedInput}, and leaves the rest to later readers. @returns `undefined` at the end. */
export async function readTypedByte(): Promise<number | undefined> {
  const reader = typedInput().getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(1)).finally(() => reader.releaseLock());
  return value?.[0];
}

function nodeInput(): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array<ArrayBuffer>> = process.stdin[Symbol.asyncIterator]();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (!done) return controller.enqueue(value);
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

/** Sets or leaves raw mode: no echo, no line editing, no signals from keys. */
export function setRaw(raw: boolean): void {
  if (READS_AS_NODE) process.stdin.setRawMode(raw);
  else Deno.stdin.setRaw(raw);
}
