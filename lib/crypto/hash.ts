/**
 * Random bytes, hashes, message authentication and key derivation.
 *
 * @module
 */
import { type Bytes, concat, utf8 } from "../bytes/mod.ts";

/** Bytes of a SHA-256 digest, of an HMAC-SHA-256 and of every symmetric key of the protocol. */
export const KEY_BYTES = 32;

/** `count` bytes of the system's secure randomness. */
export function randomBytes(count: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** A domain separation label: the ASCII text and one zero byte. See PROTOCOL.md §1. */
export function label(text: string): Bytes {
  return utf8(`${text}\0`);
}

/** SHA-256 (FIPS 180-4) of the parts, one after the other: 32 bytes. */
export async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  return await digest(concat(...parts));
}

/** SHA-256 (FIPS 180-4) of bytes in one piece, which are not copied first: 32 bytes. */
export async function digest(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** HMAC-SHA-256 (RFC 2104) of the parts: 32 bytes. */
export async function hmac(key: Bytes, ...parts: readonly Uint8Array[]): Promise<Bytes> {
  const imported = await importHmacKey(key, "sign");
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, concat(...parts)));
}

/** Whether `mac` is the HMAC-SHA-256 of the parts; in constant time. */
export async function hmacVerify(
  key: Bytes,
  mac: Bytes,
  ...parts: readonly Uint8Array[]
): Promise<boolean> {
  const imported = await importHmacKey(key, "verify");
  return await crypto.subtle.verify("HMAC", imported, mac, concat(...parts));
}

function importHmacKey(key: Bytes, usage: "sign" | "verify"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, [usage]);
}

/** Input keying material of HKDF-SHA-256 (RFC 5869), imported once for all keys that are derived from it. */
export class KeyMaterial {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Imports the input keying material, which is of any length. */
  static async import(raw: Bytes): Promise<KeyMaterial> {
    return new KeyMaterial(
      await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveBits"]),
    );
  }

  /**
   * Extracts and expands in one call.
   *
   * @param salt The salt; 32 zero bytes where PROTOCOL.md writes `Z`.
   * @param info An ASCII label without a zero byte, or bytes that begin with a label.
   * @param length Number of bytes to derive.
   */
  async derive(salt: Bytes, info: string | Bytes, length: number): Promise<Bytes> {
    const algorithm = {
      name: "HKDF",
      hash: "SHA-256",
      salt,
      info: typeof info === "string" ? utf8(info) : info,
    };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, this.#key, length * 8));
  }
}

/** Derives one key as {@linkcode KeyMaterial.derive} does. @param raw The input keying material. */
export async function kdf(
  salt: Bytes,
  raw: Bytes,
  info: string | Bytes,
  length: number,
): Promise<Bytes> {
  const material = await KeyMaterial.import(raw);
  return await material.derive(salt, info, length);
}

/** 32 zero bytes: the salt of derivations without one, and the pre-shared key of an open room. */
export function zeroKey(): Bytes {
  return new Uint8Array(KEY_BYTES);
}
