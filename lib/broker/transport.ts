/**
 * The sockets of the client library of NATS. Its own leave errors uncaught, which ends the process, and cannot use
 * TLS before Deno 2.8.
 *
 * @module
 */
import { formatHostPort } from "../address.ts";
import { type Bytes, concat, utf8 } from "../bytes/mod.ts";
import { NetError } from "../errors.ts";
import { type Connection, dialSocket, encryptSocket, openConnection } from "../net/mod.ts";
import type { ConnectionOptions, Server, Transport } from "@nats-io/transport-node";

/** Maximum length of a server's first line, in bytes: it names the others of its cluster. */
const MAX_INFO_BYTES = 65_536;

/** What to do if there is no server. */
export const NO_SERVER_HINT = "Check that a NATS server runs there.";

/** Begins each error about a connection. */
export function connectAction(host: string, port: number): string {
  return `Cannot connect to the broker at ${formatHostPort(host, port)}`;
}

/** One connection to a server, as the client library expects it. */
export class SocketTransport implements Transport {
  readonly lang = "lanchat";
  readonly version = "1";
  /** Why the connection ended, if an error ended it. */
  closeError?: Error;
  readonly #closing = new AbortController();
  readonly #closed = Promise.withResolvers<void | Error>();
  #connection: Connection | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** What the server said before the library began to read. */
  #first: Bytes = new Uint8Array();
  #isEncrypted = false;

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * Connects, waits for the server's first line, and encrypts the connection if that or the options ask for it.
   *
   * @throws {NetError} If there is no NATS server, or it does not encrypt although it should.
   */
  async connect(server: Server, { timeout, tls }: ConnectionOptions): Promise<void> {
    const { hostname, port } = server;
    const { signal } = this.#closing;
    const action = connectAction(hostname, port);
    const tcp = await dialSocket(hostname, port, {
      action,
      signal,
      ...timeout !== undefined && { timeoutMs: timeout },
    }).catch((cause) => {
      const isGone = ["connection-refused", "unreachable"].includes(cause.code);
      throw isGone
        ? new NetError(cause.code, cause.message, { cause, hint: NO_SERVER_HINT })
        : cause;
    });
    let socket: Deno.TcpConn | Deno.TlsConn = tcp;
    const close = (): void => {
      try {
        socket.close();
      } catch {
        // It is closed already.
      }
    };
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      tcp.setNoDelay();
      this.#first = await readLine(tcp);
      const info = infoOf(this.#first);
      const isRequired = info.tls_required === true;
      if (tls && !isRequired && info.tls_available !== true) {
        const hint = "Ask its operator to set up TLS, which tls:// and NATS_CA require.";
        throw new NetError("unreachable", `${action}: it has no TLS`, { hint });
      }
      if (tls || isRequired) {
        // What came in clear text may not be from the server that has the certificate: other servers that it names
        // would be shown the user. The rest of the line can do no more than end the connection.
        this.#first = utf8(`INFO ${JSON.stringify({ ...info, connect_urls: undefined })}\r\n`);
        const authorities = tls?.ca === undefined ? [] : [tls.ca];
        socket = await encryptSocket(tcp, hostname, { action, authorities, signal });
        this.#isEncrypted = true;
      }
      signal.throwIfAborted();
      this.#connection = openConnection(socket);
      this.#writer = this.#connection.writable.getWriter();
      this.#writer.closed.catch(() => {});
    } catch (cause) {
      close();
      if (!(cause instanceof NoServer)) throw cause;
      const message = `${action}: no NATS server answers there`;
      throw new NetError("unreachable", message, { cause, hint: NO_SERVER_HINT });
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      yield this.#first;
      yield* this.#connection!.readable;
    } catch (error) {
      this.closeError = error as Error;
    } finally {
      this.#end();
    }
  }

  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  /** Sends bytes; a failure ends the reading side. */
  send(frame: Uint8Array): void {
    void this.#writer?.write(frame).catch(() => {});
  }

  close(error?: Error): Promise<void> {
    if (error !== undefined && !this.isClosed) this.closeError = error;
    this.#end();
    return Promise.resolve();
  }

  disconnect(): void {
    this.#end();
  }

  closed(): Promise<void | Error> {
    return this.#closed.promise;
  }

  discard(): void {
    this.#end();
  }

  /** Ends the connection; the library must not hear of the end of one that was never made. */
  #end(): void {
    this.#closing.abort();
    this.#connection?.close();
    if (this.#connection !== undefined) this.#closed.resolve(this.closeError);
  }
}

/** Nothing has answered, or something other than a NATS server. */
class NoServer extends Error {}

/** Reads at least the first line. @throws {NoServer} If there is none. */
async function readLine(conn: Deno.TcpConn): Promise<Bytes> {
  let read: Bytes = new Uint8Array();
  const buffer = new Uint8Array(4096);
  while (lengthOfLine(read) === 0) {
    const length = await conn.read(buffer).catch(() => null);
    if (length === null || read.length > MAX_INFO_BYTES) throw new NoServer();
    read = concat(read, buffer.subarray(0, length));
  }
  return read;
}

/** The bytes of the first line, with its end; 0 if it has none. */
function lengthOfLine(bytes: Bytes): number {
  return bytes.indexOf(0x0a) + 1;
}

/** What a server's first line says. @throws {NoServer} If it is not that of a NATS server. */
function infoOf(first: Bytes): Readonly<Record<string, unknown>> {
  const line = new TextDecoder().decode(first.subarray(0, lengthOfLine(first)));
  const [, json = ""] = /^INFO\s+(\{.*\})\s*$/i.exec(line) ?? [];
  try {
    return JSON.parse(json);
  } catch {
    throw new NoServer();
  }
}
