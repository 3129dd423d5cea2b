/**
 * A socket that carries frames, at little cost: the load generator shares the machine with the relay.
 *
 * @module
 */
import type { Bytes } from "../lib/bytes/mod.ts";
import type { Connection } from "../lib/net/mod.ts";
import { type Frame, FrameDecoder } from "../lib/wire/mod.ts";

const READ_BYTES = 16_384;

/** The part of a TCP socket that frames need. */
export type ByteSocket = Pick<Deno.TcpConn, "close" | "read" | "setNoDelay" | "write">;

/** Makes a socket of a connection's streams. */
export function socketOf({ close, readable, writable }: Connection): ByteSocket {
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  let rest: Uint8Array = new Uint8Array();
  return {
    close,
    setNoDelay() {},
    async read(buffer) {
      if (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return null;
        rest = value;
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    async write(bytes) {
      await writer.write(bytes);
      return bytes.length;
    },
  };
}

/** A socket that carries frames. What waits while a write is under way goes with the next. */
export class FrameSocket {
  /** Called with each frame. */
  onFrame: (frame: Frame) => void = () => {};
  /** Resolves when the socket has ended. */
  readonly ended: Promise<void>;
  readonly #conn: ByteSocket;
  readonly #decoder: FrameDecoder;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isWriting = false;

  /** Takes a socket over. @param handshakeSizes As for `FrameDecoder`. */
  constructor(conn: ByteSocket, handshakeSizes: readonly number[] = []) {
    this.#conn = conn;
    this.#decoder = new FrameDecoder(handshakeSizes, true);
    conn.setNoDelay();
    this.ended = this.#read();
  }

  /** Waits for the body of one frame. */
  body(): Promise<Bytes> {
    return new Promise((resolve) => this.onFrame = ({ body }) => resolve(body));
  }

  /** Writes whole frames. */
  write(frames: Uint8Array): void {
    this.#waiting.push(frames);
    this.#waitingBytes += frames.length;
    if (!this.#isWriting) void this.#write();
  }

  /** Closes it. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // The other side has closed it.
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    while (true) {
      const length = await this.#conn.read(buffer).catch(() => null);
      if (length === null) return;
      for (const frame of this.#decoder.push(buffer.subarray(0, length))) this.onFrame(frame);
    }
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const bytes = this.#take();
      for (let offset = 0; offset < bytes.length;) {
        const written = await this.#conn.write(bytes.subarray(offset)).catch(() => undefined);
        if (written === undefined) return; // `ended` tells it.
        offset += written;
      }
    }
    this.#isWriting = false;
  }

  #take(): Uint8Array {
    const bytes = new Uint8Array(this.#waitingBytes);
    let offset = 0;
    for (const part of this.#waiting) {
      bytes.set(part, offset);
      offset += part.length;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    return bytes;
  }
}
