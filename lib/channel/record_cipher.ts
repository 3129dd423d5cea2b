/**
 * Seals and opens the records of one direction, each under the next counter. See PROTOCOL.md §5.1.
 *
 * @module
 */
import { type Bytes, concat, u64, u8 } from "../bytes/mod.ts";
import {
  CipherKey,
  kdf,
  KEY_BYTES,
  KeyMaterial,
  NONCE_BYTES,
  TAG_BYTES,
  zeroKey,
} from "../crypto/mod.ts";
import { ChannelError } from "../errors.ts";
import {
  frameHeader,
  FrameKind,
  NO_TRANSCRIPT,
  type PlainRecord,
  TOKEN_BYTES,
} from "../wire/mod.ts";

/** Records under one key after which an opener gives up: its peer should have rekeyed long before. */
export const MAX_RECORDS_PER_KEY: number = 2 ** 24;

/**
 * Seals or opens the records of one direction, each under the next counter. See PROTOCOL.md §5.1.
 *
 * Calls must not overlap: the streams that use it wait for each.
 */
export class RecordCipher {
  #secret: Bytes;
  #key: CipherKey;
  #iv: Bytes;
  #counter: number;

  private constructor(secret: Bytes, counter: number, key: CipherKey, iv: Bytes) {
    this.#secret = secret;
    this.#counter = counter;
    this.#key = key;
    this.#iv = iv;
  }

  /**
   * Derives key and IV from a direction's secret.
   *
   * @param counter Number of records sealed or opened under it before.
   */
  static async from(secret: Bytes, counter = 0): Promise<RecordCipher> {
    return new RecordCipher(secret, counter, ...await keyAndIv(secret));
  }

  /** A copy of the secret from which the key in use is derived. */
  get secret(): Bytes {
    return this.#secret.slice();
  }

  /** Number of records sealed or opened under the key in use. */
  get counter(): number {
    return this.#counter;
  }

  /**
   * Seals a record.
   *
   * @param transcript The hash of the shared records before it.
   * @param kind One of `FrameKind`.
   * @returns The whole frame, without its token if it is shared: `header (4) || AES-256-GCM(type (1) || payload)`.
   */
  async seal(
    record: PlainRecord,
    transcript: Bytes = NO_TRANSCRIPT,
    kind: number = FrameKind.OWN,
  ): Promise<Bytes> {
    const plaintext = concat(u8(record.type), record.payload);
    const header = headerFor(plaintext.length + TAG_BYTES, kind);
    const additionalData = concat(header, transcript);
    return concat(header, await this.#key.seal(this.#nextNonce(), plaintext, additionalData));
  }

  /**
   * Opens the body of a frame, without its token if it is shared.
   *
   * @param transcript As for {@linkcode RecordCipher.seal}.
   * @param kind As for {@linkcode RecordCipher.seal}.
   * @throws {ChannelError} If it is not the next record that the peer sealed.
   */
  async open(
    body: Bytes,
    transcript: Bytes = NO_TRANSCRIPT,
    kind: number = FrameKind.OWN,
  ): Promise<PlainRecord> {
    if (this.#counter >= MAX_RECORDS_PER_KEY) {
      throw new ChannelError("protocol-error", "Cannot open record: its key is used up");
    }
    const additionalData = concat(headerFor(body.length, kind), transcript);
    const opened = await this.#key.open(this.#nextNonce(), body, additionalData);
    if (opened === undefined) {
      throw new ChannelError(
        "protocol-error",
        "Cannot open record: it was altered, repeated or reordered",
      );
    }
    return { type: opened[0]!, payload: opened.slice(1) };
  }

  /** Forgets the secret: the cipher is no longer used. */
  forget(): void {
    this.#secret.fill(0);
  }

  /** Derives the next key and forgets the old one. */
  async rekey(): Promise<void> {
    const next = await kdf(zeroKey(), this.#secret, "lanchat/1 rec next", KEY_BYTES);
    this.forget();
    this.#secret = next;
    [this.#key, this.#iv] = await keyAndIv(next);
    this.#counter = 0;
  }

  #nextNonce(): Bytes {
    const counter = concat(new Uint8Array(NONCE_BYTES - 8), u64(this.#counter++));
    return this.#iv.map((byte, i) => byte ^ counter[i]!);
  }
}

/** The header of a frame. @param length Of the sealed record. */
function headerFor(length: number, kind: number): Bytes {
  return frameHeader(kind === FrameKind.SHARED ? TOKEN_BYTES + length : length, kind);
}

async function keyAndIv(secret: Bytes): Promise<[CipherKey, Bytes]> {
  const material = await KeyMaterial.import(secret);
  const [key, iv] = await Promise.all([
    material.derive(zeroKey(), "lanchat/1 rec key", KEY_BYTES),
    material.derive(zeroKey(), "lanchat/1 rec iv", NONCE_BYTES),
  ]);
  return [await CipherKey.import(key), iv];
}
