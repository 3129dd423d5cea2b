/**
 * All cryptography, through WebCrypto: no other folder touches `crypto.subtle`. Where the runtime's lacks
 * ML-KEM, @noble/post-quantum replaces it.
 *
 * @example Seal and open
 * ```ts
 * import { CipherKey, randomBytes } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const key = await CipherKey.import(randomBytes(32));
 * const nonce = randomBytes(12);
 * const sealed = await key.seal(nonce, new Uint8Array([1, 2, 3]), new Uint8Array());
 * assertEquals(await key.open(nonce, sealed, new Uint8Array()), new Uint8Array([1, 2, 3]));
 * ```
 * @module
 */
export { CipherKey, NONCE_BYTES, TAG_BYTES } from "./aead.ts";
export { FileKey, fileKey, hashOffer, type OfferOrigin } from "./file_key.ts";
export {
  fingerprint,
  groups,
  joinCode,
  keyTag,
  readFingerprint,
  roomCode,
  safetyNumber,
  TAG_LENGTH,
} from "./fingerprint.ts";
export {
  digest,
  hmac,
  hmacVerify,
  kdf,
  KEY_BYTES,
  KeyMaterial,
  label,
  randomBytes,
  sha256,
  zeroKey,
} from "./hash.ts";
export {
  encapsulate,
  type Encapsulation,
  generateKemKeyPair,
  importKemKeyPair,
  isKemKey,
  type KemKeyPair,
} from "./kem.ts";
export { passphraseKey, SALT_BYTES } from "./passphrase.ts";
export { openRoomSecrets, type RoomSecrets, roomSecrets, ROOT_BYTES } from "./room_secret.ts";
export { sessionId } from "./session.ts";
export {
  generateIdentity,
  generateSigningKey,
  type Identity,
  importIdentity,
  isKeyText,
  isPublicKey,
  PUBLIC_KEY_BYTES,
  seedToPkcs8,
  type SigningKey,
  Verifier,
  verify,
} from "./signing.ts";
export {
  generateWrapKeyPair,
  HOP_KEY_BITS,
  importWrapKeyPair,
  isModulus,
  SESSION_KEY_BITS,
  unwrap,
  WrapKey,
  type WrapKeyPair,
} from "./wrap.ts";
