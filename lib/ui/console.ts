import process from "node:process";
import { Readable } from "node:stream";

/**
 * On Windows `Deno.stdin` gives what is typed in the code page of the console, in which most characters are
 * lost (denoland/deno#18240): there it is read as node does, in UTF-8.
 */
const READS_AS_NODE = Deno.build.os === "windows";

let input: ReadableStream<Uint8Array> | undefined;

/** What is typed at the terminal of this process, in UTF-8; always the same stream. */
export function typedInput(): ReadableStream<Uint8Array> {
  if (!READS_AS_NODE) return Deno.stdin.readable;
  return input ??= Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>;
}

/** Has each key be read as it is pressed, not shown and without a meaning of its own, or no longer. */
export function setRaw(raw: boolean): void {
  if (READS_AS_NODE) process.stdin.setRawMode(raw);
  else Deno.stdin.setRaw(raw);
}
