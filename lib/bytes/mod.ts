/**
 * Bounded big-endian integers, concatenation and comparison of byte strings. Pure.
 *
 * @example Write and read back
 * ```ts
 * import { ByteReader, concat, u32 } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new ByteReader(concat(u32(7), new Uint8Array([1, 2])));
 * assertEquals(reader.u32(), 7);
 * assertEquals(reader.rest(), new Uint8Array([1, 2]));
 * ```
 * @module
 */
import {
  decodeBase64,
  decodeBase64Url,
  decodeHex,
  encodeBase32,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
} from "@std/encoding";
import { WireError } from "../errors.ts";

/** Bytes that WebCrypto accepts: never on a shared buffer. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Joins byte strings into one new byte string. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(byteLength(parts));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Number of bytes in several byte strings. */
export function byteLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** Lower-case hexadecimal digits, two a byte. Not every runtime has its own function for them. */
export const toHex: (bytes: Uint8Array) => string = "toHex" in Uint8Array.prototype
  ? (bytes) => bytes.toHex()
  : encodeHex;

/**
 * Bytes from hexadecimal digits.
 *
 * @throws {Error} If the text is not an even number of hexadecimal digits.
 */
export const fromHex: (text: string) => Bytes = decodeHex;

/** base64 with padding (RFC 4648 §4). */
export const toBase64: (bytes: Uint8Array) => string = encodeBase64;

/** Bytes from base64. @throws {Error} If the text is not base64. */
export const fromBase64: (text: string) => Bytes = decodeBase64;

/** base64url without padding (RFC 4648 §5); as for {@linkcode toHex}. */
export const toBase64Url: (bytes: Uint8Array) => string = "toBase64" in Uint8Array.prototype
  ? (bytes) => bytes.toBase64({ alphabet: "base64url", omitPadding: true })
  : encodeBase64Url;

/**
 * Bytes from base64url; several texts may stand for the same bytes.
 *
 * @throws {Error} If the text is not base64url.
 */
export const fromBase64Url: (text: string) => Bytes = decodeBase64Url;

/** base32 in lower case without padding (RFC 4648 §6). */
export function toBase32(bytes: Uint8Array): string {
  return encodeBase32(bytes).replaceAll("=", "").toLowerCase();
}

/** Whether two byte strings are equal; for public values only, because it stops at the first difference. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compare(a, b) === 0;
}

/** Orders byte strings as unsigned big-endian numbers of their common length. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** One byte. @param value 0 to 255. @throws {RangeError} If it is none of these. */
export function u8(value: number): Bytes {
  return new Uint8Array([bounded(value, 0xff)]);
}

/** Two bytes, big-endian. @param value 0 to 65,535. @throws {RangeError} If it is none of these. */
export function u16(value: number): Bytes {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, bounded(value, 0xffff));
  return bytes;
}

/** Four bytes, big-endian. @param value 0 to 2^32 - 1. @throws {RangeError} If it is none of these. */
export function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, bounded(value, 0xffff_ffff));
  return bytes;
}

/** Eight bytes, big-endian. @param value 0 to 2^53 - 1. @throws {RangeError} If it is none of these. */
export function u64(value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bounded(value, Number.MAX_SAFE_INTEGER)));
  return bytes;
}

/** A value that was cut to fit would repeat a counter or hide a length. */
function bounded(value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`Cannot encode integer: ${value} is not in 0 to ${max}`);
}

/** Reads a byte string from front to back; every read past its end throws. */
export class ByteReader {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  #offset = 0;

  /** Reads from the first byte. @param bytes The bytes to read, not copied. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number of bytes left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /**
   * The next bytes, copied.
   *
   * @param length Number of bytes.
   * @throws {WireError} If fewer are left.
   */
  take(length: number): Bytes {
    const start = this.#advance(length);
    return this.#bytes.slice(start, start + length);
  }

  /** All that is left, copied. */
  rest(): Bytes {
    return this.take(this.remaining);
  }

  /** The next byte. @throws {WireError} If none is left. */
  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** Two bytes, big-endian. @throws {WireError} If fewer are left. */
  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  /** Four bytes, big-endian. @throws {WireError} If fewer are left. */
  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** Eight bytes, big-endian. @throws {WireError} If fewer are left, or the value is over 2^53 - 1. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#advance(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new WireError("Cannot decode integer: it is over 2^53 - 1");
    }
    return Number(value);
  }

  /** Asserts that all was read. @throws {WireError} If bytes are left. */
  end(): void {
    if (this.remaining > 0) {
      throw new WireError(`Cannot decode: ${this.remaining} surplus bytes`);
    }
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length > this.remaining) {
      throw new WireError(
        `Cannot decode: ${length} bytes needed, ${this.remaining} left`,
      );
    }
    this.#offset += length;
    return start;
  }
}
