/**
 * A TCP connection as two streams of bytes.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { NetError } from "../errors.ts";

/** Bytes of the read buffer of an idle connection: a host has one for each member. */
const MIN_READ_BYTES = 4096;

/** Maximum bytes of one read from the socket. */
const MAX_READ_BYTES = 65_536;

/** A TCP connection as two streams of bytes, each of which may end before the other. */
export interface Connection {
  /** Bytes from the peer; read on demand, so that a slow reader slows the peer. */
  readonly readable: ReadableStream<Bytes>;
  /** Bytes to the peer; closing it signals to the peer that nothing follows. */
  readonly writable: WritableStream<Uint8Array>;
  /** The peer's IP address. */
  readonly remoteAddress: string;
  /** Closes both directions at once; a pending read ends, a pending write fails. May be repeated. */
  close(): void;
}

/**
 * Wraps a socket in two streams.
 *
 * They call `read` and `write`, because Deno's own streams close the whole socket when the peer ends its
 * half. A reset by the peer fails both streams with {@linkcode NetError} of code `connection-lost`.
 *
 * @param conn The socket; from now on, only the connection may read, write or close it.
 */
export function openConnection(conn: Deno.TcpConn | Deno.TlsConn): Connection {
  const remoteAddress = (conn.remoteAddr as Deno.NetAddr).hostname.replace(/^::ffff:(?=\d+\.)/, "");
  let buffer = new Uint8Array(MIN_READ_BYTES);
  let open = true;
  let failWrite: ((reason: NetError) => void) | undefined;

  function close(): void {
    open = false;
    // Not every Deno ends a write when its socket closes: one to a peer that has stopped reading hangs.
    failWrite?.(lost());
    attempt(() => conn.close());
  }

  function lost(cause?: unknown): NetError {
    const message = open ? "Connection lost" : "Connection closed";
    return new NetError("connection-lost", message, { cause });
  }

  /** Takes the bytes of a read out of the buffer. A full read doubles the next buffer, a small read halves it. */
  function take(length: number): Bytes {
    const read = buffer;
    const size = read.length;
    if (length === size) buffer = new Uint8Array(Math.min(2 * size, MAX_READ_BYTES));
    else if (length < size / 2 && size > MIN_READ_BYTES) buffer = new Uint8Array(size / 2);
    return length === size ? read : read.slice(0, length);
  }

  async function writeAll(chunk: Uint8Array): Promise<void> {
    let written = await conn.write(chunk);
    while (written < chunk.length) written += await conn.write(chunk.subarray(written));
  }

  const readable = new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        const length = await conn.read(buffer);
        if (length === null) controller.close();
        else controller.enqueue(take(length));
      } catch (error) {
        if (!open) return controller.close();
        const reason = lost(error);
        close();
        throw reason;
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });

  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      // The sink's `abort()` would wait for the write under way.
      controller.signal.addEventListener("abort", close);
    },
    write: (chunk) =>
      new Promise((resolve, reject) => {
        failWrite = reject;
        writeAll(chunk).then(resolve, (error) => {
          reject(lost(error));
          close();
        });
      }),
    async close() {
      await conn.closeWrite().catch(() => {});
    },
  });

  if ("setNoDelay" in conn) attempt(() => conn.setNoDelay());
  return { readable, writable, remoteAddress, close };
}

/** Runs an action that fails if this side or the peer has closed the socket already. */
function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // The socket is closed already.
  }
}
