/**
 * Listens for connections over IPv4 and IPv6 on one port.
 *
 * @module
 */
import { formatHostPort } from "../address.ts";
import { delay, systemClock } from "../clock.ts";
import { NetError } from "../errors.ts";
import { requireNetPermission } from "./interfaces.ts";
import { type Connection, openConnection } from "./connection.ts";

/** Pause after a failed accept, in milliseconds: an immediate retry would fail too. */
const ACCEPT_PAUSE_MS = 100;

/** Options of {@linkcode listen}. */
export interface ListenOptions {
  /** An IP address of this machine; all its addresses, IPv6 and IPv4, by default. */
  readonly host?: string;
  /** The TCP port, or 0 for a free one. */
  readonly port: number;
  /** Opens a socket; `Deno.listen` by default. */
  readonly bind?: (options: { hostname: string; port: number }) => Deno.TcpListener;
}

/** Sockets that wait for connections. */
export interface Listener {
  /** The port of all {@linkcode hosts}. */
  readonly port: number;
  /** The addresses that it listens on; `::` takes IPv4 connections too if `0.0.0.0` is not among them. */
  readonly hosts: readonly string[];
  /**
   * The connections; the listener accepts each once its reader has taken the one before. No failure ends the
   * stream, only closing the listener or leaving the loop over it.
   */
  readonly connections: ReadableStream<Connection>;
  /** Stops listening; connections that the reader has taken stay open. May be repeated. */
  close(): void;
}

/**
 * Listens for connections.
 *
 * @throws {NetError} With code `port-in-use`, `address-unavailable` or `permission-denied`.
 */
export function listen(options: ListenOptions): Listener {
  const { host, port, bind = Deno.listen } = options;
  const open = (hostname: string, port: number): Deno.TcpListener => {
    try {
      requireNetPermission(hostname, port);
      return bind({ hostname, port });
    } catch (error) {
      throw listenError(formatHostPort(hostname, port), error as Error);
    }
  };
  const listeners = host === undefined ? openBoth(open, port) : [open(host, port)];
  const closing = new AbortController();

  const { readable, writable } = new TransformStream<Connection, Connection>({
    transform(connection, controller) {
      if (closing.signal.aborted) connection.close();
      else controller.enqueue(connection);
    },
  });
  const writer = writable.getWriter();

  async function acceptAll(listener: Deno.TcpListener): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const connection = openConnection(await listener.accept());
        await writer.write(connection).catch(connection.close);
      } catch (error) {
        // A caller that hangs up early must not keep the next one waiting; Linux does not even report it.
        if (error instanceof Deno.errors.ConnectionAborted) continue;
        // The listener is closed, or the machine has run out of a resource, most likely file descriptors.
        await delay(systemClock, ACCEPT_PAUSE_MS, closing.signal);
      }
    }
  }

  function close(): void {
    if (closing.signal.aborted) return;
    closing.abort();
    for (const listener of listeners) listener.close();
  }

  Promise.all(listeners.map(acceptAll)).then(() => writer.close()).catch(() => {});
  writer.closed.catch(close);
  return {
    port: listeners[0]!.addr.port,
    hosts: listeners.map((listener) => listener.addr.hostname),
    connections: readable,
    close,
  };
}

/** Opens IPv6 and IPv4 on one port, as far as the machine has them. */
function openBoth(
  open: (hostname: string, port: number) => Deno.TcpListener,
  port: number,
): Deno.TcpListener[] {
  let first: Deno.TcpListener;
  try {
    first = open("::", port);
  } catch (error) {
    // A machine without IPv6 reports it in many ways.
    if ((error as NetError).code !== "address-unavailable") throw error;
    return [open("0.0.0.0", port)];
  }
  try {
    return [first, open("0.0.0.0", first.addr.port)];
  } catch (error) {
    // `::` has taken the port for IPv4 too, except on Windows.
    if (Deno.build.os !== "windows") return [first];
    first.close();
    throw error;
  }
}

function listenError(where: string, cause: Error): NetError {
  if (cause instanceof NetError) return cause;
  const message = `Cannot listen on ${where}: ${cause.message}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    return new NetError("port-in-use", message, { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    const hint = "The system reserves this port: choose a --port of 1024 or more.";
    return new NetError("permission-denied", message, { cause, hint });
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return new NetError("permission-denied", message, { cause });
  }
  return new NetError("address-unavailable", message, { cause });
}
