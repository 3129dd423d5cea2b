/**
 * The key of a file transfer, and the units that it seals. See PROTOCOL.md §6.10.
 *
 * @module
 */
import { type Bytes, concat } from "../bytes/mod.ts";
import { CipherKey, NONCE_BYTES } from "./aead.ts";
import { kdf, KEY_BYTES, label, sha256, zeroKey } from "./hash.ts";

/** Units of a transfer are sealed without additional data: the nonce holds all that a unit is bound to. */
const NO_DATA: Bytes = new Uint8Array();

/** The sender of an offer, and the room in which it was made. */
export interface OfferOrigin {
  /** The room's id, 32 bytes. */
  readonly roomId: Bytes;
  /** The sender's identity key, 32 bytes. */
  readonly key: Bytes;
  /** The sender's session, 16 bytes. */
  readonly session: Bytes;
}

/**
 * The hash that binds a transfer's key to its offer: to each field of it, the room, and the sender's session.
 *
 * @param body The offer's body as it was sent.
 * @returns `SHA-256(L("lanchat/1 offer") || room_id || from_ik || from_sess || body)`: 32 bytes.
 */
export function hashOffer({ key, roomId, session }: OfferOrigin, body: Bytes): Promise<Bytes> {
  return sha256(label("lanchat/1 offer"), roomId, key, session, body);
}

/**
 * Derives the key of a transfer: `KDF(Z, secret, L("lanchat/1 file key") || offerHash, 32)`, with
 * HKDF-SHA-256 (RFC 5869).
 *
 * @param secret The transfer's random secret, 32 bytes.
 * @param offerHash The result of {@linkcode hashOffer}, 32 bytes.
 */
export async function fileKey(secret: Bytes, offerHash: Bytes): Promise<FileKey> {
  const info = concat(label("lanchat/1 file key"), offerHash);
  return new FileKey(await CipherKey.import(await kdf(zeroKey(), secret, info, KEY_BYTES)));
}

/**
 * Seals and opens the units of one transfer with AES-256-GCM as STREAM (Hoang, Reyhanitabar, Rogaway and
 * Vizár, 2015) does: the nonce holds the unit's number and whether it is the last. So no unit opens in the
 * place of another, and none but the last one ends the content. Several units can be under way at once.
 */
export class FileKey {
  readonly #key: CipherKey;

  /** Use {@linkcode fileKey}. @param key A key that only units of one transfer are sealed with. */
  constructor(key: CipherKey) {
    this.#key = key;
  }

  /**
   * Seals a unit. The same unit must never be sealed with other bytes: two plaintexts under one nonce
   * reveal both, and let others forge units.
   *
   * @param unit The unit's number, 0 to 2^53 - 1.
   * @param isLast Whether it is the last unit of the content.
   * @returns `ciphertext || tag (16 bytes)`.
   * @throws {RangeError} If the number is none of these.
   */
  async seal(unit: number, isLast: boolean, plaintext: Bytes): Promise<Bytes> {
    return await this.#key.seal(unitNonce(unit, isLast), plaintext, NO_DATA);
  }

  /**
   * Opens a result of {@linkcode FileKey.seal}.
   *
   * @returns The plaintext; `undefined` if the key, the number, `isLast` or a single bit differs.
   * @throws {RangeError} If the number is not in 0 to 2^53 - 1.
   */
  async open(unit: number, isLast: boolean, sealed: Bytes): Promise<Bytes | undefined> {
    return await this.#key.open(unitNonce(unit, isLast), sealed, NO_DATA);
  }
}

/** The nonce of a unit: `0 (3 bytes) || unit (8 bytes, big-endian) || last (1 byte)`. */
function unitNonce(unit: number, isLast: boolean): Bytes {
  if (!Number.isSafeInteger(unit) || unit < 0) {
    throw new RangeError(`Cannot number a unit: ${unit} is not in 0 to 2^53 - 1`);
  }
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setBigUint64(3, BigInt(unit));
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}
