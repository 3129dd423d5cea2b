/**
 * Names for files that arrive while another file has theirs.
 *
 * @module
 */
import { utf8 } from "../bytes/mod.ts";

/** Maximum name of a file, in bytes of UTF-8: most file systems take no longer one. */
export const MAX_FILE_NAME_BYTES = 255;

/** Bytes that {@linkcode numberedName} keeps free for a number: so all numbers of a name share its start. */
const NUMBER_BYTES = 10;

/** Maximum extension that a shortened name keeps, in bytes: a longer one is no extension. */
const MAX_EXTENSION_BYTES = 32;

/** Made when it is needed: that takes 10 ms. */
let segmenter: Intl.Segmenter | undefined;

/**
 * A name with a number before its extension.
 *
 * @param number 2 or more.
 *
 * @example The second file of a name
 * ```ts
 * import { numberedName } from "./free_name.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(numberedName("report.pdf", 2), "report (2).pdf");
 * ```
 */
export function numberedName(name: string, number: number): string {
  const short = shortName(name, MAX_FILE_NAME_BYTES - NUMBER_BYTES);
  const extension = extensionOf(short);
  return `${short.slice(0, short.length - extension.length)} (${number})${extension}`;
}

/**
 * Shortens a name, and keeps its extension.
 *
 * @param maxBytes Maximum result, in bytes of UTF-8; at least 64.
 */
export function shortName(name: string, maxBytes: number): string {
  if (utf8(name).length <= maxBytes) return name;
  const extension = extensionOf(name);
  const stem = name.slice(0, name.length - extension.length);
  return start(stem, maxBytes - utf8(extension).length) + extension;
}

/** The extension of a name, with its dot; empty if it has none. */
function extensionOf(name: string): string {
  const at = name.lastIndexOf(".");
  const extension = name.slice(at);
  return at < 1 || utf8(extension).length > MAX_EXTENSION_BYTES ? "" : extension;
}

/** The longest start of a text that fits, in whole characters and without a blank or a dot at its end. */
function start(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  // The character that the end would be in; one of many marks can be longer than any name.
  segmenter ??= new Intl.Segmenter("en");
  const end = segmenter.segment(text).containing(read)?.index || read;
  return withoutTail(text.slice(0, end));
}

/** A name without blanks and dots at its end. A regular expression would take quadratic time for many of them. */
export function withoutTail(name: string): string {
  let end = name.length;
  while (end > 0 && " .".includes(name[end - 1]!)) end--;
  return name.slice(0, end);
}
