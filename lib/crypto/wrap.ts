/**
 * RSA-OAEP (RFC 8017): wraps secrets for a peer's key and unwraps them.
 *
 * @module
 */
import { type Bytes, fromBase64Url, toBase64Url, utf8 } from "../bytes/mod.ts";

/** Bits of the RSA keys of one connection. */
export const HOP_KEY_BITS = 2048;

/** Bits of the RSA keys that sender keys are wrapped for. */
export const SESSION_KEY_BITS = 2048;

/** An RSA-OAEP key pair (RFC 8017 §7.1, SHA-256, MGF1-SHA-256, e = 65537). */
export interface WrapKeyPair {
  /** The modulus, big-endian, as many bytes as the key has. */
  readonly modulus: Bytes;
  /** The private half, which never leaves WebCrypto. */
  readonly privateKey: CryptoKey;
}

const ALGORITHM = { name: "RSA-OAEP", hash: "SHA-256" };

/**
 * Makes an RSA key pair. It takes 0.1 to several seconds of a core, off the main thread.
 *
 * @param bits {@linkcode HOP_KEY_BITS} or {@linkcode SESSION_KEY_BITS}.
 */
export async function generateWrapKeyPair(bits: number): Promise<WrapKeyPair> {
  const pair = await crypto.subtle.generateKey(
    { ...ALGORITHM, modulusLength: bits, publicExponent: new Uint8Array([1, 0, 1]) },
    false,
    ["encrypt", "decrypt"],
  );
  const { n } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { modulus: fromBase64Url(n!), privateKey: pair.privateKey };
}

/**
 * Takes an RSA key pair from PKCS#8 (RFC 5208).
 *
 * @throws {Error} If the bytes are not an RSA private key.
 */
export async function importWrapKeyPair(pkcs8: Bytes): Promise<WrapKeyPair> {
  const exportable = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["decrypt"]);
  const { n } = await crypto.subtle.exportKey("jwk", exportable);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["decrypt"]);
  return { modulus: fromBase64Url(n!), privateKey };
}

/** Whether bytes may be the modulus of a peer's RSA key: exactly that long, top bit set, odd. */
export function isModulus(bytes: Uint8Array, bits: number): boolean {
  return bytes.length === bits / 8 && (bytes[0]! & 0x80) !== 0 && (bytes.at(-1)! & 1) === 1;
}

/** A peer's public RSA key, imported once. */
export class WrapKey {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Imports a modulus that {@linkcode isModulus} accepted; the exponent is always 65537. */
  static async import(modulus: Bytes): Promise<WrapKey> {
    const jwk = { kty: "RSA", n: toBase64Url(modulus), e: "AQAB" };
    return new WrapKey(await crypto.subtle.importKey("jwk", jwk, ALGORITHM, false, ["encrypt"]));
  }

  /**
   * Wraps key material.
   *
   * @param label ASCII; bound to the ciphertext (RFC 8017 §7.1.1).
   * @param secret At most the key's bytes less 66.
   * @returns As many bytes as the modulus has.
   * @throws {Error} If WebCrypto cannot use the peer's key.
   */
  async wrap(label: string, secret: Bytes): Promise<Bytes> {
    const algorithm = { name: "RSA-OAEP", label: utf8(label) };
    return new Uint8Array(await crypto.subtle.encrypt(algorithm, this.#key, secret));
  }
}

/**
 * Unwraps key material. One private operation, 2 to 7 ms off the main thread.
 *
 * @returns The secret, or `undefined` if the ciphertext was not made for this key and label.
 */
export async function unwrap(
  pair: WrapKeyPair,
  label: string,
  wrapped: Bytes,
): Promise<Bytes | undefined> {
  const algorithm = { name: "RSA-OAEP", label: utf8(label) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, pair.privateKey, wrapped));
  } catch {
    return undefined;
  }
}
