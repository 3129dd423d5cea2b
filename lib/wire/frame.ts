/**
 * Frames: a header and a body. See PROTOCOL.md §3.
 *
 * @module
 */
import { type Bytes, concat, u32 } from "../bytes/mod.ts";
import { ChannelError, WireError } from "../errors.ts";
import { MAX_RECORD_BYTES, MIN_RECORD_BYTES } from "./record.ts";

/** Bytes of the header that precedes every frame's body. */
export const FRAME_HEADER_BYTES = 4;

/** Bytes of the token that begins the body of a shared frame. */
export const TOKEN_BYTES = 8;

/** The first byte of a frame: which key seals its body. */
export const FrameKind = {
  /** The key of one direction of one connection. In the handshake, the message says. */
  OWN: 0,
  /** The key of all members in the room. */
  SHARED: 1,
} as const;

/** A frame without its header. */
export interface Frame {
  /** One of {@linkcode FrameKind}. */
  readonly kind: number;
  /** What the header gives the length of. */
  readonly body: Bytes;
}

/** Bytes that a decoder buffers before it asks its source to wait. */
const HIGH_WATER_BYTES = 65_536;

/**
 * Encodes the header that precedes a body. See PROTOCOL.md §3.
 *
 * @param length Of the body, in bytes.
 * @param kind One of {@linkcode FrameKind}.
 * @returns `kind (1) || length (3, big-endian)`.
 */
export function frameHeader(length: number, kind: number = FrameKind.OWN): Bytes {
  return u32(kind * 2 ** 24 + length);
}

/**
 * Encodes a frame of kind OWN in one piece, so that one write sends it.
 *
 * @returns `kind (1) || length (3, big-endian) || body`.
 */
export function encodeFrame(body: Uint8Array): Bytes {
  return concat(frameHeader(body.length), body);
}

/** Cuts chunks of any size into frames. */
export class FrameDecoder {
  readonly #handshakeSizes: readonly number[];
  readonly #takesShared: boolean;
  #frames = 0;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #kind: number = FrameKind.OWN;
  #body: Bytes | undefined;
  #bodyFilled = 0;

  /**
   * Expects the frames of one direction of a connection.
   *
   * @param handshakeSizes The exact size of each body that precedes the first record, in bytes.
   * @param takesShared Whether records may be of kind SHARED, too.
   */
  constructor(handshakeSizes: readonly number[] = [], takesShared = false) {
    this.#handshakeSizes = handshakeSizes;
    this.#takesShared = takesShared;
  }

  /** Whether the bytes so far end between two frames. */
  get complete(): boolean {
    return this.#headerFilled === 0;
  }

  /**
   * Takes bytes in and gives every frame that they complete. Buffers at most one body, and no byte of it
   * before its header is checked.
   *
   * @throws {WireError} If a kind or length is not allowed now.
   */
  *push(chunk: Uint8Array): Generator<Frame, void, void> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#body === undefined) {
        offset += this.#fillHeader(chunk.subarray(offset));
        if (this.#headerFilled < FRAME_HEADER_BYTES) return;
        this.#body = new Uint8Array(this.#checkHeader());
        this.#bodyFilled = 0;
      }
      const part = chunk.subarray(offset, offset + this.#body.length - this.#bodyFilled);
      this.#body.set(part, this.#bodyFilled);
      this.#bodyFilled += part.length;
      offset += part.length;
      if (this.#bodyFilled === this.#body.length) {
        const body = this.#body;
        this.#body = undefined;
        this.#headerFilled = 0;
        this.#frames++;
        yield { kind: this.#kind, body };
      }
    }
  }

  #fillHeader(bytes: Uint8Array): number {
    const part = bytes.subarray(0, FRAME_HEADER_BYTES - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    return part.length;
  }

  /** Checks the header. @returns The length of the body. */
  #checkHeader(): number {
    const header = new DataView(this.#header.buffer).getUint32(0);
    const length = header % 2 ** 24;
    const exact = this.#handshakeSizes[this.#frames];
    const tokenBytes = this.#header[0] === FrameKind.SHARED ? TOKEN_BYTES : 0;
    const min = exact ?? MIN_RECORD_BYTES + tokenBytes;
    const max = exact ?? MAX_RECORD_BYTES + tokenBytes;
    this.#kind = this.#header[0]!;
    const takesShared = exact === undefined && this.#takesShared;
    if (this.#kind > (takesShared ? FrameKind.SHARED : FrameKind.OWN)) {
      throw new WireError(`Cannot decode frame: unexpected kind: ${this.#kind}`);
    }
    if (length < min || length > max) {
      throw new WireError(
        `Cannot decode frame: its body must have ${min} to ${max} bytes, the header says ${length}`,
      );
    }
    return length;
  }
}

/**
 * Turns the bytes of a connection into its frames. See PROTOCOL.md §3.
 *
 * The stream fails with a {@linkcode WireError} on a kind or length that is not allowed now, and with a
 * {@linkcode ChannelError} of code `connection-lost` if it ends inside a frame.
 *
 * @example Two frames in one chunk
 * ```ts
 * import { encodeFrame, FrameDecoderStream } from "./mod.ts";
 * import { concat } from "../bytes/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = concat(encodeFrame(new Uint8Array(2)), encodeFrame(new Uint8Array(3)));
 * const frames = ReadableStream.from([bytes]).pipeThrough(new FrameDecoderStream([2, 3]));
 * assertEquals((await Array.fromAsync(frames)).map(({ body }) => body.length), [2, 3]);
 * ```
 */
export class FrameDecoderStream extends TransformStream<Uint8Array, Frame> {
  /**
   * Expects the frames of one direction of a connection.
   *
   * @param handshakeSizes As for {@linkcode FrameDecoder}.
   * @param takesShared As for {@linkcode FrameDecoder}.
   * @param writableStrategy By default up to 64 KiB wait.
   * @param readableStrategy By default no frame is decoded ahead.
   */
  constructor(
    handshakeSizes: readonly number[] = [],
    takesShared = false,
    writableStrategy: QueuingStrategy<Uint8Array> = new ByteLengthQueuingStrategy({
      highWaterMark: HIGH_WATER_BYTES,
    }),
    readableStrategy?: QueuingStrategy<Frame>,
  ) {
    const decoder = new FrameDecoder(handshakeSizes, takesShared);
    super(
      {
        transform(chunk, controller): void {
          for (const frame of decoder.push(chunk)) controller.enqueue(frame);
        },
        flush(): void {
          if (!decoder.complete) {
            throw new ChannelError("connection-lost", "The connection ended inside a frame");
          }
        },
      },
      writableStrategy,
      readableStrategy,
    );
  }
}
