/**
 * ML-KEM-768 (FIPS 203), by the runtime or by @noble/post-quantum.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES } from "../sizes.ts";

/** Bytes of the seed that derives a key pair: `d (32) || z (32)` (FIPS 203 §7.1). */
export const KEM_SEED_BYTES = 64;

/** The prime q of FIPS 203: each coefficient of a key is below it. */
const MODULUS = 3329;

/** Bytes of a key before the seed of its matrix: 768 coefficients of twelve bits. */
const COEFFICIENTS_BYTES = 1152;

/** An ML-KEM-768 key pair (FIPS 203); the private half cannot be read. */
export interface KemKeyPair {
  /** The encapsulation key, {@linkcode KEM_KEY_BYTES}. */
  readonly publicKey: Bytes;
  /**
   * Gives the secret that was encapsulated for this key. A ciphertext made for another key gives a secret
   * that no other party knows (implicit rejection).
   *
   * @param ciphertext {@linkcode KEM_CIPHERTEXT_BYTES}.
   * @returns 32 bytes, or `undefined` if the ciphertext has another length.
   */
  decapsulate(ciphertext: Bytes): Promise<Bytes | undefined>;
}

/** A secret and its ciphertext. */
export interface Encapsulation {
  /** {@linkcode KEM_CIPHERTEXT_BYTES}, for the owner of the key. */
  readonly ciphertext: Bytes;
  /** 32 bytes. */
  readonly secret: Bytes;
}

/** An implementation of ML-KEM-768. */
export interface Kem {
  /** Makes a key pair, from {@linkcode KEM_SEED_BYTES} or at random. */
  keyPair(seed?: Bytes): Promise<KemKeyPair>;
  /** Makes a secret for a key that {@linkcode isKemKey} accepted. */
  encapsulate(publicKey: Bytes): Promise<Encapsulation>;
}

/** The part of WebCrypto that TypeScript's types lack (WICG, Modern Algorithms in the Web Cryptography API). */
interface KemSubtle {
  generateKey(algorithm: string, extractable: boolean, usages: string[]): Promise<CryptoKeyPair>;
  importKey(
    format: "raw-public" | "raw-seed",
    bytes: Bytes,
    algorithm: string,
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKey>;
  exportKey(format: "raw-public", key: CryptoKey): Promise<ArrayBuffer>;
  getPublicKey(key: CryptoKey, usages: string[]): Promise<CryptoKey>;
  encapsulateBits(
    algorithm: string,
    key: CryptoKey,
  ): Promise<{ ciphertext: ArrayBuffer; sharedKey: ArrayBuffer }>;
  decapsulateBits(algorithm: string, key: CryptoKey, ciphertext: Bytes): Promise<ArrayBuffer>;
}

const ALGORITHM = "ML-KEM-768";

const subtle = crypto.subtle as unknown as KemSubtle;

/** ML-KEM of the runtime. */
export const webCryptoKem: Kem = {
  async keyPair(seed) {
    const { publicKey, privateKey } = seed === undefined
      ? await subtle.generateKey(ALGORITHM, false, ["encapsulateBits", "decapsulateBits"])
      : await importPair(seed);
    return {
      publicKey: new Uint8Array(await subtle.exportKey("raw-public", publicKey)),
      decapsulate: async (ciphertext) => {
        if (ciphertext.length !== KEM_CIPHERTEXT_BYTES) return undefined;
        return new Uint8Array(await subtle.decapsulateBits(ALGORITHM, privateKey, ciphertext));
      },
    };
  },
  async encapsulate(publicKey) {
    const usages = ["encapsulateBits"];
    const key = await subtle.importKey("raw-public", publicKey, ALGORITHM, false, usages);
    const { ciphertext, sharedKey } = await subtle.encapsulateBits(ALGORITHM, key);
    return { ciphertext: new Uint8Array(ciphertext), secret: new Uint8Array(sharedKey) };
  },
};

async function importPair(seed: Bytes): Promise<CryptoKeyPair> {
  const usages = ["decapsulateBits"];
  const privateKey = await subtle.importKey("raw-seed", seed, ALGORITHM, false, usages);
  return { privateKey, publicKey: await subtle.getPublicKey(privateKey, ["encapsulateBits"]) };
}

/** ML-KEM for runtimes without it; loaded only there. */
export const nobleKem: Kem = {
  async keyPair(seed) {
    const { ml_kem768 } = await import("@noble/post-quantum/ml-kem.js");
    const { publicKey, secretKey } = ml_kem768.keygen(seed);
    return {
      publicKey: publicKey.slice(),
      decapsulate: (ciphertext) => {
        const fits = ciphertext.length === KEM_CIPHERTEXT_BYTES;
        const secret = fits ? ml_kem768.decapsulate(ciphertext, secretKey).slice() : undefined;
        return Promise.resolve(secret);
      },
    };
  },
  async encapsulate(publicKey) {
    const { ml_kem768 } = await import("@noble/post-quantum/ml-kem.js");
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey);
    return { ciphertext: cipherText.slice(), secret: sharedSecret.slice() };
  },
};

/** Whether the runtime has ML-KEM in WebCrypto; Deno 2.4 does not. */
export const hasWebCryptoKem: boolean = "encapsulateBits" in crypto.subtle;

const kem = hasWebCryptoKem ? webCryptoKem : nobleKem;

/** Makes an ML-KEM-768 key pair. Takes under a millisecond. */
export function generateKemKeyPair(): Promise<KemKeyPair> {
  return kem.keyPair();
}

/** Derives the ML-KEM-768 key pair of a seed of {@linkcode KEM_SEED_BYTES}. */
export function importKemKeyPair(seed: Bytes): Promise<KemKeyPair> {
  return kem.keyPair(seed);
}

/**
 * Makes a secret that only the owner of a key can recover from the ciphertext.
 *
 * @param publicKey A key that {@linkcode isKemKey} accepted.
 * @throws {Error} If it is not one.
 */
export function encapsulate(publicKey: Bytes): Promise<Encapsulation> {
  return kem.encapsulate(publicKey);
}

/**
 * Whether bytes may be used as an ML-KEM-768 encapsulation key: 1,184 of them, each of the 768
 * coefficients reduced modulo 3329 (FIPS 203 §7.2). See PROTOCOL.md §2.3.
 */
export function isKemKey(bytes: Uint8Array): boolean {
  if (bytes.length !== KEM_KEY_BYTES) return false;
  for (let i = 0; i < COEFFICIENTS_BYTES; i += 3) {
    const [low, middle, high] = [bytes[i]!, bytes[i + 1]!, bytes[i + 2]!];
    if ((low | (middle & 0x0f) << 8) >= MODULUS || (middle >> 4 | high << 4) >= MODULUS) {
      return false;
    }
  }
  return true;
}
