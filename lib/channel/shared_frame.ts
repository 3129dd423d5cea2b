/**
 * Frames that are sealed once and written to all members of a room. See PROTOCOL.md §5.5.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { KEY_BYTES, label, randomBytes, sha256 } from "../crypto/mod.ts";
import {
  FRAME_HEADER_BYTES,
  FrameKind,
  NO_TRANSCRIPT,
  type PlainRecord,
  RecordType,
  type SharedPosition,
  TOKEN_BYTES,
} from "../wire/mod.ts";
import type { FrameTokens } from "./frame_tokens.ts";
import { KeyUse, REKEY_LIMITS, type RekeyLimits } from "./key_use.ts";
import { RecordCipher } from "./record_cipher.ts";

/** The transcript after a shared frame. @param body The frame without its header and token. */
export function extendTranscript(transcript: Bytes, body: Bytes): Promise<Bytes> {
  return sha256(label("lanchat/1 shared"), transcript, body);
}

/** A record, sealed for all members, and the REKEY after it if there is one. */
export class SharedFrame {
  /** Where a member has to stand to open it. */
  readonly before: SharedPosition;
  /** The frame without its token, and that of the REKEY. */
  readonly frames: readonly Bytes[];
  /** The transcript after the record. */
  readonly transcript: Bytes;
  /** The transcript after all of it. */
  readonly end: Bytes;

  /** Holds its parts. */
  constructor(
    before: SharedPosition,
    frames: readonly Bytes[],
    transcript: Bytes,
    end: Bytes,
  ) {
    this.before = before;
    this.frames = frames;
    this.transcript = transcript;
    this.end = end;
  }

  /** Its bytes for one connection. @param tokens Of that connection, derived for its frames. */
  bytesWith(tokens: FrameTokens): Bytes {
    const bytes = new Uint8Array(this.size);
    let offset = 0;
    for (const frame of this.frames) {
      bytes.set(frame, offset + TOKEN_BYTES);
      bytes.set(frame.subarray(0, FRAME_HEADER_BYTES), offset);
      bytes.set(tokens.next(), offset + FRAME_HEADER_BYTES);
      offset += TOKEN_BYTES + frame.length;
    }
    return bytes;
  }

  /** Number of bytes on one connection. */
  get size(): number {
    return this.frames.reduce((sum, frame) => sum + frame.length + TOKEN_BYTES, 0);
  }
}

/** Seals records for all members of a room. Calls must not overlap. See PROTOCOL.md §5.5. */
export class SharedSealer {
  readonly #use: KeyUse;
  #cipher: Promise<RecordCipher> | undefined;
  #transcript: Bytes = NO_TRANSCRIPT;

  /** Makes a sealer without a key. @param options `limits` and `clock` for the rekeying. */
  constructor(options: { limits?: RekeyLimits; clock?: Clock } = {}) {
    this.#use = new KeyUse(options.limits ?? REKEY_LIMITS, options.clock ?? systemClock);
  }

  /** Makes a fresh key, which no member has, for the next record. */
  renew(): void {
    this.#cipher = undefined;
  }

  /**
   * Seals a record.
   *
   * @param rekeys Whether a REKEY follows: members go on, newcomers cannot open this record.
   */
  async seal(record: PlainRecord, rekeys: boolean): Promise<SharedFrame> {
    const bytes = 1 + record.payload.length;
    if (this.#use.isUp(bytes)) this.renew();
    const cipher = await (this.#cipher ??= this.#start());
    const before = {
      secret: cipher.secret,
      counter: cipher.counter,
      transcript: this.#transcript,
    };
    this.#use.count(bytes);
    const frame = await this.#seal(cipher, record);
    const transcript = this.#transcript;
    if (!rekeys) return new SharedFrame(before, [frame], transcript, transcript);
    const rekey = await this.#seal(cipher, { type: RecordType.REKEY, payload: new Uint8Array() });
    await cipher.rekey();
    this.#use.restart();
    return new SharedFrame(before, [frame, rekey], transcript, this.#transcript);
  }

  /** Starts with a fresh key. A random transcript makes its place differ from every other. */
  async #start(): Promise<RecordCipher> {
    this.#transcript = randomBytes(KEY_BYTES);
    this.#use.restart();
    return await RecordCipher.from(randomBytes(KEY_BYTES));
  }

  async #seal(cipher: RecordCipher, record: PlainRecord): Promise<Bytes> {
    const frame = await cipher.seal(record, this.#transcript, FrameKind.SHARED);
    this.#transcript = await extendTranscript(this.#transcript, frame.subarray(FRAME_HEADER_BYTES));
    return frame;
  }
}
