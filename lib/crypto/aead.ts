/**
 * Authenticated encryption with AES-256-GCM.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { KEY_BYTES } from "./hash.ts";

/** Bytes of an AES-GCM nonce. */
export const NONCE_BYTES = 12;

/** Bytes that sealing adds. */
export const TAG_BYTES = 16;

/** An AES-256-GCM key (NIST SP 800-38D) that seals and opens. */
export class CipherKey {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /**
   * Makes a key from its raw bytes.
   *
   * @param raw Exactly 32 bytes.
   * @throws {TypeError} If there are fewer or more: WebCrypto would take 16 for AES-128.
   */
  static async import(raw: Bytes): Promise<CipherKey> {
    if (raw.length !== KEY_BYTES) throw new TypeError(`A cipher key has ${KEY_BYTES} bytes`);
    const usages: KeyUsage[] = ["encrypt", "decrypt"];
    return new CipherKey(await crypto.subtle.importKey("raw", raw, "AES-GCM", false, usages));
  }

  /**
   * Seals a plaintext. A nonce must never be used twice with one key.
   *
   * @returns `ciphertext || tag (16 bytes)`.
   */
  async seal(nonce: Bytes, plaintext: Bytes, additionalData: Bytes): Promise<Bytes> {
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData };
    return new Uint8Array(await crypto.subtle.encrypt(algorithm, this.#key, plaintext));
  }

  /**
   * Opens a result of {@linkcode CipherKey.seal}.
   *
   * @returns The plaintext, or `undefined` if the key, the nonce, the additional data or a single bit differs.
   */
  async open(nonce: Bytes, sealed: Bytes, additionalData: Bytes): Promise<Bytes | undefined> {
    if (sealed.length < TAG_BYTES) return undefined;
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, this.#key, sealed));
    } catch {
      return undefined;
    }
  }
}
