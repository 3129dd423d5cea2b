/**
 * Seals and opens the records of one direction, each under the next counter. See PROTOCOL.md §5.1.
 *
 * @module
 */
import { byteLength, type Bytes, concat, u64, u8 } from "../bytes/mod.ts";
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
  bulkHeader,
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
   * @param kind One of `FrameKind`, as the record has bytes outside the seal or not.
   * @returns The frame up to such bytes, and without its token if it is shared:
   * `header (4) || AES-256-GCM(type (1) || payload)`, or `header (4) || length (2) || AES-256-GCM(type (1) || payload)`.
   */
  async seal(
    record: PlainRecord,
    transcript: Bytes = NO_TRANSCRIPT,
    kind: number = record.bulk === undefined ? FrameKind.OWN : FrameKind.BULK,
  ): Promise<Bytes> {
    const plaintext = concat(u8(record.type), record.payload);
    const { bulk = [] } = record;
    const header = headerFor(kind, plaintext.length + TAG_BYTES, byteLength(bulk));
    const additionalData = concat(header, transcript);
    const sealed = await this.#key.seal(this.#nextNonce(), plaintext, additionalData);
    return concat(header, sealed);
  }

  /**
   * Opens the body of a frame, without its token if it is shared; of a bulk frame, the head.
   *
   * @param transcript As for {@linkcode RecordCipher.seal}.
   * @param kind One of `FrameKind`.
   * @param bulk What follows the head of a bulk frame.
   * @throws {ChannelError} If it is not the next record that the peer sealed.
   */
  async open(
    body: Bytes,
    transcript: Bytes = NO_TRANSCRIPT,
    kind: number = FrameKind.OWN,
    bulk?: readonly Bytes[],
  ): Promise<PlainRecord> {
    if (this.#counter >= MAX_RECORDS_PER_KEY) {
      throw new ChannelError("protocol-error", "Cannot open record: its key is used up");
    }
    const additionalData = concat(
      headerFor(kind, body.length, byteLength(bulk ?? [])),
      transcript,
    );
    const opened = await this.#key.open(this.#nextNonce(), body, additionalData);
    if (opened === undefined) {
      throw new ChannelError(
        "protocol-error",
        "Cannot open record: it was altered, repeated or reordered",
      );
    }
    const record = { type: opened[0]!, payload: opened.slice(1) };
    return bulk === undefined ? record : { ...record, bulk };
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

/** What precedes a sealed record, but for its token. @param length Of the sealed record. */
function headerFor(kind: number, length: number, bulkLength = 0): Bytes {
  if (kind === FrameKind.BULK) return bulkHeader(length, bulkLength);
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
