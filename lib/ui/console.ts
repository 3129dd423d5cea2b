/** The input of the process's terminal: UTF-8 on every system, and raw mode. */
import process from "node:process";
import { Readable } from "node:stream";

/**
 * On Windows `Deno.stdin` returns input in the code page of the console, which loses most characters
 * (denoland/deno#18240). The stream of `node:process` returns UTF-8.
 */
const READS_AS_NODE = Deno.build.os === "windows";

let input: ReadableStream<Uint8Array> | undefined;

/** The input of the process's terminal in UTF-8; the same stream on each call. */
export function typedInput(): ReadableStream<Uint8Array> {
  if (!READS_AS_NODE) return Deno.stdin.readable;
  return input ??= Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>;
}

/** Sets or leaves raw mode: no echo, no line editing, no signals from keys. */
export function setRaw(raw: boolean): void {
  if (READS_AS_NODE) process.stdin.setRawMode(raw);
  else Deno.stdin.setRaw(raw);
}
