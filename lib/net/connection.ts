/**
 * A TCP connection as two streams of bytes.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { NetError } from "../errors.ts";

/** Maximum bytes of one read from the socket. */
const READ_BYTES = 65_536;

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
export function openConnection(conn: Deno.TcpConn): Connection {
  const remoteAddress = conn.remoteAddr.hostname.replace(/^::ffff:(?=\d+\.)/, "");
  const buffer = new Uint8Array(READ_BYTES);
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

  async function writeAll(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      offset += await conn.write(chunk.subarray(offset));
    }
  }

  const readable = new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        const length = await conn.read(buffer);
        if (length === null) controller.close();
        else controller.enqueue(buffer.slice(0, length));
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
    async write(chunk) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      failWrite = reject;
      writeAll(chunk).then(resolve, (error) => reject(lost(error)));
      try {
        await promise;
      } catch (reason) {
        close();
        throw reason;
      }
    },
    async close() {
      await conn.closeWrite().catch(() => {});
    },
  });

  attempt(() => conn.setNoDelay());
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
