import { NetError } from "../errors.ts";
import { formatHostPort, isAddress, requirePermission } from "./address.ts";
import { type Connection, openConnection } from "./connection.ts";

/** How long {@linkcode dial} waits for an answer, in milliseconds. */
export const DIAL_TIMEOUT_MS = 10_000;

/** How to dial. */
export interface DialOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait for an answer; {@linkcode DIAL_TIMEOUT_MS} by default. */
  readonly timeoutMs?: number;
}

/**
 * Connects to a host.
 *
 * @param host An IP address without brackets, or a host name.
 * @param port The TCP port.
 * @throws {NetError} With code `connection-refused`, `name-not-found`, `permission-denied`, or
 * `unreachable` for all else, no answer in time among it.
 */
export async function dial(
  host: string,
  port: number,
  options: DialOptions = {},
): Promise<Connection> {
  const { signal, timeoutMs = DIAL_TIMEOUT_MS } = options;
  const action = `Cannot connect to ${formatHostPort(host, port)}`;
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new NetError("unreachable", `${action}: no answer in ${timeoutMs / 1000} s`));
  }, timeoutMs);
  try {
    requirePermission(host, port);
    const signals = signal === undefined ? [timeout.signal] : [timeout.signal, signal];
    const conn = await Deno.connect({ hostname: host, port, signal: AbortSignal.any(signals) });
    return openConnection(conn);
  } catch (error) {
    signal?.throwIfAborted();
    throw dialError(action, isAddress(host), error as Error);
  } finally {
    clearTimeout(timer);
  }
}

function dialError(action: string, isAddress: boolean, cause: Error): NetError {
  if (cause instanceof NetError) return cause;
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return new NetError("connection-refused", `${action} as nothing listens there`, { cause });
  }
  if (cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.PermissionDenied) {
    return new NetError("permission-denied", `${action}: ${cause.message}`, { cause });
  }
  // A failed lookup has no class of its own; only a name is looked up.
  if (cause.constructor === Error && !isAddress) {
    return new NetError("name-not-found", `${action} as no such name is known`, { cause });
  }
  return new NetError("unreachable", `${action}: ${cause.message}`, { cause });
}
