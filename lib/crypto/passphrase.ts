/**
 * Keys from passphrases.
 *
 * @module
 */
import { type Bytes, utf8 } from "../bytes/mod.ts";
import { KEY_BYTES } from "./hash.ts";

/** Rounds of PBKDF2-HMAC-SHA-512: the cost of each guess of a passphrase. */
const ROUNDS = 600_000;

/** Bytes of the salt, which gives the same passphrase another key in each file. */
export const SALT_BYTES = 32;

/**
 * The key of a passphrase: PBKDF2-HMAC-SHA-512 (RFC 8018) of its UTF-8 in normal form C, 600,000 rounds.
 *
 * @param salt {@linkcode SALT_BYTES} random bytes.
 * @returns 32 bytes.
 */
export async function passphraseKey(passphrase: string, salt: Bytes): Promise<Bytes> {
  const secret = utf8(passphrase.normalize("NFC"));
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-512", salt, iterations: ROUNDS };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, KEY_BYTES * 8));
}
