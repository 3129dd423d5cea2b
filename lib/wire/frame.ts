/**
 * Frames: a length and a body. See PROTOCOL.md §3.
 *
 * @module
 */
import { type Bytes, concat, u32 } from "../bytes/mod.ts";
import { ChannelError, WireError } from "../errors.ts";
import { MAX_RECORD_BYTES, MIN_RECORD_BYTES } from "./record.ts";

/** Bytes of the length that precedes every frame's body. */
export const FRAME_HEADER_BYTES = 4;

/** Bytes that a decoder buffers before it asks its source to wait. */
const HIGH_WATER_BYTES = 65_536;

/**
 * Encodes the length that precedes a body. See PROTOCOL.md §3.
 *
 * @param length Of the body, in bytes.
 * @returns `length (4 bytes, big-endian)`.
 */
export function frameHeader(length: number): Bytes {
  return u32(length);
}

/**
 * Encodes a frame in one piece, so that one write sends it.
 *
 * @returns `length (4 bytes, big-endian) || body`.
 */
export function encodeFrame(body: Uint8Array): Bytes {
  return concat(frameHeader(body.length), body);
}

/** Cuts chunks of any size into the bodies of frames. */
export class FrameDecoder {
  readonly #handshakeSizes: readonly number[];
  #frames = 0;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #body: Bytes | undefined;
  #bodyFilled = 0;

  /**
   * Expects the frames of one direction of a connection.
   *
   * @param handshakeSizes The exact size of each body that precedes the first record, in bytes.
   */
  constructor(handshakeSizes: readonly number[] = []) {
    this.#handshakeSizes = handshakeSizes;
  }

  /** Whether the bytes so far end between two frames. */
  get complete(): boolean {
    return this.#headerFilled === 0;
  }

  /**
   * Takes bytes in and gives every body that they complete. Buffers at most one body, and no byte of it
   * before its length is checked.
   *
   * @throws {WireError} If a length is not allowed now.
   */
  *push(chunk: Uint8Array): Generator<Bytes, void, void> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#body === undefined) {
        offset += this.#fillHeader(chunk.subarray(offset));
        if (this.#headerFilled < FRAME_HEADER_BYTES) return;
        this.#body = new Uint8Array(this.#checkedLength());
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
        yield body;
      }
    }
  }

  #fillHeader(bytes: Uint8Array): number {
    const part = bytes.subarray(0, FRAME_HEADER_BYTES - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    return part.length;
  }

  #checkedLength(): number {
    const length = new DataView(this.#header.buffer).getUint32(0);
    const exact = this.#handshakeSizes[this.#frames];
    const min = exact ?? MIN_RECORD_BYTES;
    const max = exact ?? MAX_RECORD_BYTES;
    if (length < min || length > max) {
      throw new WireError(
        `Cannot decode frame: its body must have ${min} to ${max} bytes, the header says ${length}`,
      );
    }
    return length;
  }
}

/**
 * Turns the bytes of a connection into the bodies of its frames. See PROTOCOL.md §3.
 *
 * The stream fails with a {@linkcode WireError} on a length that is not allowed now, and with a
 * {@linkcode ChannelError} of code `connection-lost` if it ends inside a frame.
 *
 * @example Two frames in one chunk
 * ```ts
 * import { encodeFrame, FrameDecoderStream } from "./mod.ts";
 * import { concat } from "../bytes/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = concat(encodeFrame(new Uint8Array(2)), encodeFrame(new Uint8Array(3)));
 * const bodies = ReadableStream.from([bytes]).pipeThrough(new FrameDecoderStream([2, 3]));
 * assertEquals((await Array.fromAsync(bodies)).map((body) => body.length), [2, 3]);
 * ```
 */
export class FrameDecoderStream extends TransformStream<Uint8Array, Bytes> {
  /**
   * Expects the frames of one direction of a connection.
   *
   * @param handshakeSizes As for {@linkcode FrameDecoder}.
   * @param writableStrategy By default up to 64 KiB wait.
   * @param readableStrategy By default no frame is decoded ahead.
   */
  constructor(
    handshakeSizes: readonly number[] = [],
    writableStrategy: QueuingStrategy<Uint8Array> = new ByteLengthQueuingStrategy({
      highWaterMark: HIGH_WATER_BYTES,
    }),
    readableStrategy?: QueuingStrategy<Bytes>,
  ) {
    const decoder = new FrameDecoder(handshakeSizes);
    super(
      {
        transform(chunk, controller): void {
          for (const body of decoder.push(chunk)) controller.enqueue(body);
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
