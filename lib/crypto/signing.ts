/**
 * Ed25519 (RFC 8032): identities, signatures and the check of public keys.
 *
 * @module
 */
import { type Bytes, concat, fromBase64Url, fromHex, toHex } from "../bytes/mod.ts";

/** Bytes of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32;

/** The bytes that precede a seed in its PKCS#8 private key (RFC 8410 §7). */
const PKCS8_PREFIX = fromHex("302e020100300506032b657004220420");

/**
 * The y coordinates, sign bit cleared, of points whose order divides 8 and of their non-canonical forms.
 * Signatures that verify under such a key can be made without any private key.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/** An Ed25519 key pair (RFC 8032); the private half stays inside WebCrypto. */
export interface SigningKey {
  /** The public half, 32 bytes. */
  readonly publicKey: Bytes;
  /** Signs a message; the signature has 64 bytes. */
  sign(message: Bytes): Promise<Bytes>;
}

/** The long-term key pair that identifies a person. */
export type Identity = SigningKey;

/** Makes a new key pair; `pkcs8` is for the identity file only. */
export async function generateIdentity(): Promise<{ identity: Identity; pkcs8: Bytes }> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { privateKey } = pair as CryptoKeyPair;
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  return { identity: await importIdentity(pkcs8), pkcs8 };
}

/**
 * Takes a key pair from its file.
 *
 * @param pkcs8 The private key (RFC 8410 §7).
 * @throws {Error} If the bytes are not an Ed25519 private key.
 */
export async function importIdentity(pkcs8: Bytes): Promise<Identity> {
  const exportable = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", exportable);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
  return signingKey(fromBase64Url(x!), privateKey);
}

/** The PKCS#8 form of a 32-byte Ed25519 seed (RFC 8410 §7). */
export function seedToPkcs8(seed: Bytes): Bytes {
  return concat(PKCS8_PREFIX, seed);
}

/** Makes a key pair for one run; its private half can never be exported. */
export async function generateSigningKey(): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const { publicKey, privateKey } = pair as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  return signingKey(raw, privateKey);
}

function signingKey(publicKey: Bytes, privateKey: CryptoKey): SigningKey {
  return {
    publicKey,
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, message)),
  };
}

/**
 * Whether bytes may be used as an Ed25519 public key: 32 of them, a canonical y coordinate, no point of
 * small order. See PROTOCOL.md §2.3.
 */
export function isPublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== PUBLIC_KEY_BYTES) return false;
  const y = bytes.slice();
  y[31] = y[31]! & 0x7f;
  // Canonical: y < 2^255 - 19, little-endian.
  const canonical = y[0]! < 0xed || y[31] !== 0x7f ||
    y.subarray(1, 31).some((byte) => byte !== 0xff);
  return canonical && !SMALL_ORDER.has(toHex(y));
}

/**
 * Whether a text has the form of a public key in base64url. A member's name of this form never stands for
 * the member, so that the member gets no message meant for the key.
 */
export function isKeyText(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

/** Whether a signature is right; `false` as well for a key that {@linkcode isPublicKey} refuses. */
export async function verify(
  publicKey: Bytes,
  message: Bytes,
  signature: Bytes,
): Promise<boolean> {
  const verifier = await Verifier.import(publicKey);
  return await verifier?.verify(message, signature) ?? false;
}

/** A public key that was checked and imported once, for many signatures. */
export class Verifier {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Imports a public key; `undefined` if {@linkcode isPublicKey} or WebCrypto refuses it. */
  static async import(publicKey: Bytes): Promise<Verifier | undefined> {
    if (!isPublicKey(publicKey)) return undefined;
    try {
      const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
      return new Verifier(key);
    } catch {
      return undefined;
    }
  }

  /** Whether a signature is right. */
  async verify(message: Bytes, signature: Bytes): Promise<boolean> {
    try {
      return await crypto.subtle.verify("Ed25519", this.#key, signature, message);
    } catch {
      return false;
    }
  }
}
