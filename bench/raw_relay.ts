/**
 * A relay without anything of lanchat: it writes each frame that one connection sends to all others. It prints
 * its port. With `--coalesce`, what waits while a write is under way goes with the next; otherwise each
 * delivery is a write of its own.
 *
 * @module
 */
import { encodeFrame, FrameDecoder } from "../lib/wire/mod.ts";

/** Bytes that wait for one reader, above which the relay stops reading. */
const HIGH_WATER_BYTES: number = 1 << 18;

const coalesces = Deno.args.includes("--coalesce");

/** A connection, and what waits for it. */
class Reader {
  readonly conn: Deno.TcpConn;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
    conn.setNoDelay();
  }

  /** Resolves when more may be given. */
  get drained(): Promise<void> | undefined {
    if (this.#waitingBytes < HIGH_WATER_BYTES) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  give(frame: Uint8Array): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      this.#waiting = [];
      const writes = coalesces ? [joined(taken)] : taken;
      for (const bytes of writes) {
        for (let offset = 0; offset < bytes.length;) {
          offset += await this.conn.write(bytes.subarray(offset));
        }
        this.#waitingBytes -= bytes.length;
        if (this.#waitingBytes >= HIGH_WATER_BYTES) continue;
        this.#drained?.resolve();
        this.#drained = undefined;
      }
    }
    this.#isWriting = false;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

const readers = new Set<Reader>();

async function serve(reader: Reader): Promise<void> {
  readers.add(reader);
  const decoder = new FrameDecoder();
  const buffer = new Uint8Array(65_536);
  for (let length; (length = await reader.conn.read(buffer)) !== null;) {
    for (const { body } of decoder.push(buffer.subarray(0, length))) {
      const frame = encodeFrame(body);
      for (const other of readers) if (other !== reader) other.give(frame);
    }
    await Promise.all([...readers].map((other) => other.drained));
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const conn of listener) {
  const reader = new Reader(conn);
  void serve(reader).catch(() => {}).finally(() => readers.delete(reader));
}
