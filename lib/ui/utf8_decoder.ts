import { type Bytes, concat } from "../bytes/mod.ts";

/** Stands for a byte that is no UTF-8. As a lone surrogate it can come of no other bytes. */
export const NOT_UTF8 = "\udcff";

/** Bytes of the longest character. */
const MAX_CHARACTER_BYTES = 4;

/**
 * Decodes UTF-8 that comes in parts, and keeps the bytes that are none apart from a U+FFFD that was sent.
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

  /** Decodes all characters that are complete. */
  push(bytes: Uint8Array): string {
    const all = concat(this.#rest, bytes);
    const end = all.length - begunBytes(all);
    this.#rest = all.slice(end);
    return decode(all.subarray(0, end));
  }

  /** Decodes what is left of a character whose rest does not come. */
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

/** How many bytes at the end may begin a character. */
function begunBytes(bytes: Uint8Array): number {
  for (let length = 1; length < MAX_CHARACTER_BYTES && length <= bytes.length; length++) {
    const needed = lengthOf(bytes.at(-length)!);
    if (needed > 0) return needed > length ? length : 0;
  }
  return 0;
}

/** How many bytes the character has that a byte begins; 0 if it can begin none. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
