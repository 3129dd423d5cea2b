/**
 * Frames: a header and a body. See PROTOCOL.md §3.
 *
 * @module
 */
import { type Bytes, concat, u16, u32 } from "../bytes/mod.ts";
import { ChannelError, WireError } from "../errors.ts";
import { MAX_RECORD_BYTES, MIN_RECORD_BYTES } from "./record.ts";

/** Bytes of the header that precedes every frame's body. */
export const FRAME_HEADER_BYTES = 4;

/** Bytes of the token that begins the body of a shared frame. */
export const TOKEN_BYTES = 8;

/** Bytes of the length of a bulk frame's head. */
const HEAD_LENGTH_BYTES = 2;

/** Bytes of the header of a bulk frame and the length of its head. */
const BULK_HEADER_BYTES: number = FRAME_HEADER_BYTES + HEAD_LENGTH_BYTES;

/** Longest head of a bulk frame: a sealed record, in bytes. */
export const MAX_HEAD_BYTES = 1024;

/** Maximum bytes after the head of a bulk frame. */
export const MAX_BULK_BYTES = 262_144;

/** The first byte of a frame: which key seals its record. */
export const FrameKind = {
  /** The key of one direction of one connection. In the handshake, the message says. */
  OWN: 0,
  /** The key of all members in the room. */
  SHARED: 1,
  /** As OWN, for the head; the bytes after it are sealed end to end. */
  BULK: 2,
} as const;

/** A frame without its header. */
export interface Frame {
  /** One of {@linkcode FrameKind}. */
  readonly kind: number;
  /** The body; of a bulk frame only its head. */
  readonly body: Bytes;
  /** The bytes after the head of a bulk frame, in one part or several. */
  readonly bulk?: readonly Bytes[];
}

/** Minimum bytes of a chunk that a decoder keeps a view of. It copies smaller ones: their buffers could be much larger. */
const MIN_VIEW_BYTES = 32_768;

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
 * Encodes what precedes the head of a bulk frame. See PROTOCOL.md §5.6.
 *
 * @param headLength Of the head, in bytes.
 * @param bulkLength Of all after the head, in bytes.
 * @returns `kind (1) || length (3, big-endian) || length of the head (2, big-endian)`.
 */
export function bulkHeader(headLength: number, bulkLength: number): Bytes {
  const length = HEAD_LENGTH_BYTES + headLength + bulkLength;
  return concat(frameHeader(length, FrameKind.BULK), u16(headLength));
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
  readonly #header = new Uint8Array(BULK_HEADER_BYTES);
  #headerFilled = 0;
  #body: Filling | undefined;
  #bulk: Bytes[] = [];
  /** Bytes after the head of a bulk frame that are not in {@linkcode FrameDecoder.#bulk}. */
  #bulkLeft = 0;
  /** The next of them, if they come in small chunks. */
  #small: Filling | undefined;

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
   * @param chunk Must not change later: much of what follows the head of a bulk frame is not copied.
   * @throws {WireError} If a kind or length is not allowed now.
   */
  *push(chunk: Bytes): Generator<Frame, void, void> {
    for (let offset = 0; offset < chunk.length;) {
      offset += this.#take(chunk.subarray(offset));
      if (!this.#body?.isFull || this.#bulkLeft > 0) continue;
      const frame = { kind: this.#header[0]!, body: this.#body.bytes };
      const bulk = this.#bulk;
      this.#headerFilled = 0;
      this.#body = undefined;
      this.#bulk = [];
      this.#frames++;
      yield bulk.length === 0 ? frame : { ...frame, bulk };
    }
  }

  /** Takes the first of some bytes. @returns Their number. */
  #take(bytes: Bytes): number {
    if (this.#body === undefined) return this.#takeHeader(bytes);
    return this.#body.isFull ? this.#takeBulk(bytes) : this.#body.take(bytes);
  }

  #takeHeader(bytes: Bytes): number {
    const isBulk = this.#headerFilled >= FRAME_HEADER_BYTES;
    const size = isBulk ? BULK_HEADER_BYTES : FRAME_HEADER_BYTES;
    const part = bytes.subarray(0, size - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    if (this.#headerFilled === size) this.#begin(isBulk);
    return part.length;
  }

  /** Begins a body; of a bulk frame, only once the length of its head is there. */
  #begin(hasHeadLength: boolean): void {
    const length = this.#checkHeader();
    if (this.#header[0] !== FrameKind.BULK) this.#body = new Filling(length);
    else if (hasHeadLength) {
      const headLength = new DataView(this.#header.buffer).getUint16(FRAME_HEADER_BYTES);
      this.#bulkLeft = length - HEAD_LENGTH_BYTES - headLength;
      checkBulk(headLength, this.#bulkLeft);
      this.#body = new Filling(headLength);
    }
  }

  #takeBulk(bytes: Bytes): number {
    if (this.#small === undefined) {
      const view = bytes.subarray(0, this.#bulkLeft);
      // It keeps its whole chunk in memory.
      if (view.length >= MIN_VIEW_BYTES && 2 * view.length >= view.buffer.byteLength) {
        return this.#addBulk(view);
      }
      this.#small = new Filling(Math.min(this.#bulkLeft, MIN_VIEW_BYTES));
    }
    const taken = this.#small.take(bytes);
    if (this.#small.isFull) {
      this.#addBulk(this.#small.bytes);
      this.#small = undefined;
    }
    return taken;
  }

  #addBulk(part: Bytes): number {
    this.#bulk.push(part);
    this.#bulkLeft -= part.length;
    return part.length;
  }

  /** Checks the header. @returns The length of the body. */
  #checkHeader(): number {
    const header = new DataView(this.#header.buffer).getUint32(0);
    const length = header % 2 ** 24;
    const kind = this.#header[0]!;
    const exact = this.#handshakeSizes[this.#frames];
    const allowed = exact === undefined
      ? kind === FrameKind.SHARED ? this.#takesShared : kind <= FrameKind.BULK
      : kind === FrameKind.OWN;
    if (!allowed) throw new WireError(`Cannot decode frame: unexpected kind: ${kind}`);
    const [min, max] = exact === undefined ? recordSizes(kind) : [exact, exact];
    if (length < min || length > max) {
      throw new WireError(
        `Cannot decode frame: its body must have ${min} to ${max} bytes, the header says ${length}`,
      );
    }
    return length;
  }
}

/** Bytes that are collected from chunks. */
class Filling {
  readonly bytes: Bytes;
  #filled = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  get isFull(): boolean {
    return this.#filled === this.bytes.length;
  }

  /** Copies the first of some bytes, as many as it lacks. @returns Their number. */
  take(bytes: Bytes): number {
    const part = bytes.subarray(0, this.bytes.length - this.#filled);
    this.bytes.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }
}

/** The fewest and the most bytes that the body of a frame after the handshake may have. */
function recordSizes(kind: number): [min: number, max: number] {
  switch (kind) {
    case FrameKind.SHARED:
      return [TOKEN_BYTES + MIN_RECORD_BYTES, TOKEN_BYTES + MAX_RECORD_BYTES];
    case FrameKind.BULK: {
      const [min, max] = [MIN_RECORD_BYTES + 1, MAX_HEAD_BYTES + MAX_BULK_BYTES];
      return [HEAD_LENGTH_BYTES + min, HEAD_LENGTH_BYTES + max];
    }
    default:
      return [MIN_RECORD_BYTES, MAX_RECORD_BYTES];
  }
}

/** Checks the lengths of a bulk frame: of its head, and of all after it. */
function checkBulk(headLength: number, bulkLength: number): void {
  if (headLength < MIN_RECORD_BYTES || headLength > MAX_HEAD_BYTES) {
    throw new WireError(
      `Cannot decode frame: its head must have ${MIN_RECORD_BYTES} to ${MAX_HEAD_BYTES} bytes, not ${headLength}`,
    );
  }
  if (bulkLength < 1 || bulkLength > MAX_BULK_BYTES) {
    throw new WireError(
      `Cannot decode frame: 1 to ${MAX_BULK_BYTES} bytes must follow its head, not ${bulkLength}`,
    );
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
export class FrameDecoderStream extends TransformStream<Bytes, Frame> {
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
    writableStrategy: QueuingStrategy<Bytes> = new ByteLengthQueuingStrategy({
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
