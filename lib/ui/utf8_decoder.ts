/** Decodes UTF-8 in chunks, with a mark for each invalid byte. */
import { type Bytes, concat } from "../bytes/mod.ts";

/** Replaces a byte that is not UTF-8. No bytes decode to it, because it is a lone surrogate. */
export const NOT_UTF8 = "\udcff";

/** Length of the longest character in UTF-8, in bytes. */
const MAX_CHARACTER_BYTES = 4;

/**
 * Decodes UTF-8 chunk by chunk. Invalid bytes become {@linkcode NOT_UTF8}, so that they differ from a
 * U+FFFD in the input.
 *
 * @example A character in two parts, and a byte of ISO 8859-1
 * ```ts
 * import { NOT_UTF8, Utf8Decoder } from "./utf8_decoder.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new Utf8Decoder();
 * assertEquals(decoder.push(new Uint8Array([0xc3])), "");
 * assertEquals(decoder.push(new Uint8Array([0xa9, 0xe9, 0x20])), `é${NOT_UTF8} `);
 * ```
 */
export class Utf8Decoder {
  #rest: Bytes = new Uint8Array();

  /** Decodes every complete character. */
  push(bytes: Uint8Array): string {
    const all = concat(this.#rest, bytes);
    const end = all.length - begunBytes(all);
    this.#rest = all.slice(end);
    return decode(all.subarray(0, end));
  }

  /** Decodes the bytes of an incomplete last character. */
  end(): string {
    const text = decode(this.#rest);
    this.#rest = new Uint8Array();
    return text;
  }
}

function decode(bytes: Uint8Array): string {
  return decodeWhole(bytes) ?? decodeEach(bytes);
}

function decodeWhole(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function decodeEach(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = lengthOf(bytes[at]!);
    const character = length === 0 ? undefined : decodeWhole(bytes.subarray(at, at + length));
    text += character ?? NOT_UTF8;
    at += character === undefined ? 1 : length;
  }
  return text;
}

/** The number of trailing bytes that are an incomplete character. */
function begunBytes(bytes: Uint8Array): number {
  for (let length = 1; length < MAX_CHARACTER_BYTES && length <= bytes.length; length++) {
    const needed = lengthOf(bytes.at(-length)!);
    if (needed > 0) return needed > length ? length : 0;
  }
  return 0;
}

/** Length of the character that starts with a byte, in bytes; 0 if no character does. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
