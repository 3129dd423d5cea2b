/**
 * One session key: the RSA and ML-KEM pairs for which others wrap their chain keys.
 *
 * @module
 */
import { type Bytes, concat } from "../bytes/mod.ts";
import {
  CipherKey,
  encapsulate,
  generateKemKeyPair,
  generateWrapKeyPair,
  isKemKey,
  isModulus,
  kdf,
  type KemKeyPair,
  KEY_BYTES,
  label,
  NONCE_BYTES,
  randomBytes,
  SESSION_KEY_BITS,
  sha256,
  unwrap,
  WrapKey,
  type WrapKeyPair,
  zeroKey,
} from "../crypto/mod.ts";

/** The OAEP label of an SKDM. */
const WRAP_LABEL = "lanchat/1 skdm";

/** Safe because each key seals once: the secrets that it is derived from are fresh. */
const ZERO_NONCE: Bytes = new Uint8Array(NONCE_BYTES);

const NO_DATA: Bytes = new Uint8Array();

/** A session key: two key pairs, so that a chain key wrapped for it stays secret unless both are broken. */
export interface SessionKeyPair {
  /** RSA-2048. */
  readonly rsa: WrapKeyPair;
  /** ML-KEM-768. */
  readonly kem: KemKeyPair;
}

/** The public halves of a session key, as an ANNOUNCE carries them. */
export interface PublicSessionKey {
  /** The RSA modulus, 256 bytes. */
  readonly modulus: Bytes;
  /** The ML-KEM encapsulation key, 1,184 bytes. */
  readonly kemKey: Bytes;
}

/** The context to which a wrapped key is bound. */
export interface WrapContext {
  /** The header of the SKDM, 174 bytes. */
  readonly header: Bytes;
  /** The secret of all members, unknown to the relay of a room with an invite, 32 bytes. */
  readonly memberKey: Bytes;
}

/** A wrapped chain key, as an SKDM carries it. */
export interface WrappedKey {
  /** A secret under RSA-OAEP, 256 bytes. */
  readonly wrapped: Bytes;
  /** A secret under ML-KEM, 1,088 bytes. */
  readonly encapsulated: Bytes;
  /** The chain key, sealed with a key derived from both secrets and the member key, 48 bytes. */
  readonly sealed: Bytes;
}

/** Generates a session key. Takes 0.1 to several seconds of a core, off the main thread. */
export async function generateSessionKeyPair(): Promise<SessionKeyPair> {
  const [rsa, kem] = await Promise.all([
    generateWrapKeyPair(SESSION_KEY_BITS),
    generateKemKeyPair(),
  ]);
  return { rsa, kem };
}

/** Returns the public halves of a session key. */
export function publicHalves({ rsa, kem }: SessionKeyPair): PublicSessionKey {
  return { modulus: rsa.modulus, kemKey: kem.publicKey };
}

/** Another member's session key, imported once. */
export class PeerSessionKey {
  readonly #publicKey: PublicSessionKey;
  readonly #rsa: WrapKey;

  private constructor(publicKey: PublicSessionKey, rsa: WrapKey) {
    this.#publicKey = publicKey;
    this.#rsa = rsa;
  }

  /** Whether both halves pass the checks of PROTOCOL.md §2.3. */
  static accepts({ kemKey, modulus }: PublicSessionKey): boolean {
    return isModulus(modulus, SESSION_KEY_BITS) && isKemKey(kemKey);
  }

  /** Imports a key that passed {@linkcode PeerSessionKey.accepts}. */
  static async import(publicKey: PublicSessionKey): Promise<PeerSessionKey> {
    return new PeerSessionKey(publicKey, await WrapKey.import(publicKey.modulus));
  }

  /**
   * Wraps a chain key. See PROTOCOL.md §6.3.
   *
   * @param chainKey 32 bytes.
   * @throws {Error} If the RSA key cannot be used.
   */
  async wrap(chainKey: Bytes, context: WrapContext): Promise<WrappedKey> {
    const rsaSecret = randomBytes(KEY_BYTES);
    const [wrapped, { ciphertext: encapsulated, secret: kemSecret }] = await Promise.all([
      this.#rsa.wrap(WRAP_LABEL, rsaSecret),
      encapsulate(this.#publicKey.kemKey),
    ]);
    const ciphertexts = { wrapped, encapsulated };
    const key = await wrappingKey(this.#publicKey, context, ciphertexts, rsaSecret, kemSecret);
    return { ...ciphertexts, sealed: await key.seal(ZERO_NONCE, chainKey, NO_DATA) };
  }
}

/**
 * Unwraps a chain key: one RSA operation, 2 ms off the main thread, and one of ML-KEM.
 *
 * @returns The chain key, or `undefined` if it was not wrapped for this key and in this context. Neither the
 * result nor the work done shows which part was wrong: a decryption that fails gives a random secret.
 */
export async function unwrapChainKey(
  pair: SessionKeyPair,
  context: WrapContext,
  { encapsulated, sealed, wrapped }: WrappedKey,
): Promise<Bytes | undefined> {
  const [rsaSecret, kemSecret] = await Promise.all([
    unwrap(pair.rsa, WRAP_LABEL, wrapped),
    pair.kem.decapsulate(encapsulated),
  ]);
  const key = await wrappingKey(
    publicHalves(pair),
    context,
    { wrapped, encapsulated },
    rsaSecret?.length === KEY_BYTES ? rsaSecret : randomBytes(KEY_BYTES),
    kemSecret ?? randomBytes(KEY_BYTES),
  );
  return await key.open(ZERO_NONCE, sealed, NO_DATA);
}

/** Derives the key that seals a chain key. */
async function wrappingKey(
  { kemKey, modulus }: PublicSessionKey,
  { header, memberKey }: WrapContext,
  { encapsulated, wrapped }: Omit<WrappedKey, "sealed">,
  rsaSecret: Bytes,
  kemSecret: Bytes,
): Promise<CipherKey> {
  const bound = await sha256(
    label("lanchat/1 skdm hdr"),
    header,
    modulus,
    kemKey,
    wrapped,
    encapsulated,
  );
  const info = concat(label("lanchat/1 skdm key"), bound);
  const secrets = concat(rsaSecret, kemSecret, memberKey);
  return await CipherKey.import(await kdf(zeroKey(), secrets, info, KEY_BYTES));
}
