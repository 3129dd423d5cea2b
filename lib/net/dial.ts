/**
 * Dials a host at all addresses of its name.
 *
 * @module
 */
import { formatHostPort, isAddress } from "../address.ts";
import { systemClock } from "../clock.ts";
import { NetError } from "../errors.ts";
import { requireNetPermission } from "./interfaces.ts";
import { type Connection, openConnection } from "./connection.ts";

/** Maximum wait of {@linkcode dial} for an answer, in milliseconds; then it fails. */
export const DIAL_TIMEOUT_MS = 10_000;

/** Options of {@linkcode dial}. */
export interface DialOptions {
  /** Cancels the attempt with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Maximum wait for an answer, in milliseconds; {@linkcode DIAL_TIMEOUT_MS} by default. */
  readonly timeoutMs?: number;
  /** Opens the connection; `Deno.connect` by default. */
  readonly connect?: (options: {
    readonly hostname: string;
    readonly port: number;
    readonly signal: AbortSignal;
  }) => Promise<Deno.TcpConn>;
}

/**
 * Connects to a host.
 *
 * @param host An IP address without brackets, or a host name.
 * @param port The TCP port.
 * @throws {NetError} With code `connection-refused`, `name-not-found`, `permission-denied`, or
 * `unreachable` for every other failure, also if no answer comes in time.
 */
export async function dial(
  host: string,
  port: number,
  options: DialOptions = {},
): Promise<Connection> {
  const action = `Cannot connect to ${formatHostPort(host, port)}`;
  return openConnection(await dialSocket(host, port, { ...options, action }));
}

/** Options of {@linkcode dialSocket}. */
export interface DialSocketOptions extends DialOptions {
  /** What fails, for messages. */
  readonly action: string;
}

/** Connects as {@linkcode dial} does, and leaves the socket as it is. @throws {NetError} */
export async function dialSocket(
  host: string,
  port: number,
  options: DialSocketOptions,
): Promise<Deno.TcpConn> {
  const { action, connect = Deno.connect, signal, timeoutMs = DIAL_TIMEOUT_MS } = options;
  const timeout = new AbortController();
  const cancel = systemClock.after(timeoutMs, () => {
    timeout.abort(new NetError("unreachable", `${action}: no answer in ${timeoutMs / 1000} s`));
  });
  try {
    requireNetPermission(host, port);
    const signals = signal === undefined ? [timeout.signal] : [timeout.signal, signal];
    return await connect({ hostname: host, port, signal: AbortSignal.any(signals) });
  } catch (error) {
    signal?.throwIfAborted();
    throw dialError(action, isAddress(host), error as Error);
  } finally {
    cancel();
  }
}

/**
 * Maximum TLS handshakes that were given up and still have no answer. Their sockets stay open, since the runtime
 * closes none before its handshake ends: a silent server would cost one for each try.
 */
export const MAX_UNANSWERED = 64;

let unanswered = 0;

/** Options of {@linkcode encryptSocket}. */
export interface EncryptOptions {
  /** What fails, for messages. */
  readonly action: string;
  /** Certificates of authorities that count beside the public ones, as PEM. */
  readonly authorities: readonly string[];
  /** Gives the handshake up with the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * Encrypts a connection with TLS; it is closed if that fails.
 *
 * @param conn No one may have begun to read or write it meanwhile.
 * @param host The IP address or name that the peer's certificate must have.
 * @throws {NetError} With code `unreachable` if {@linkcode MAX_UNANSWERED} handshakes have no answer.
 */
export async function encryptSocket(
  conn: Deno.TcpConn,
  host: string,
  { action, authorities, signal }: EncryptOptions,
): Promise<Deno.TlsConn> {
  if (unanswered >= MAX_UNANSWERED) {
    conn.close();
    throw new NetError("unreachable", `${action}: too many TLS handshakes have no answer`);
  }
  const encrypted = await Deno.startTls(conn, { hostname: host, caCerts: [...authorities] });
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const handshake = encrypted.handshake();
  try {
    await Promise.race([handshake, stopped.promise]);
    return encrypted;
  } catch (error) {
    unanswered++;
    void handshake.catch(() => {}).finally(() => {
      unanswered--;
      encrypted.close();
    });
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function dialError(action: string, isAddress: boolean, cause: Error): NetError {
  if (cause instanceof NetError) return cause;
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return new NetError("connection-refused", `${action}: nothing listens there`, { cause });
  }
  if (cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.PermissionDenied) {
    return new NetError("permission-denied", `${action}: ${cause.message}`, { cause });
  }
  const { code } = cause as { code?: string };
  // A failed lookup has no code and no class of its own. For an address, the system looks up only the interface.
  if (code === undefined && cause.constructor === Error) {
    if (!isAddress) {
      return new NetError("name-not-found", `${action}: no such host name`, { cause });
    }
    const hint = "Put an interface of this machine after the '%'; 'lanchat doctor' lists them.";
    return new NetError("unreachable", `${action}: this machine has no such interface`, {
      cause,
      hint,
    });
  }
  if (code === "EHOSTUNREACH") {
    const hint =
      "Compare the address with the host's screen. Both machines must be on the same network.";
    return new NetError("unreachable", `${action}: no machine answers at this address`, {
      cause,
      hint,
    });
  }
  if (code === "ENETUNREACH") {
    const hint = "Connect this machine to the host's network.";
    return new NetError("unreachable", `${action}: no network of this machine leads there`, {
      cause,
      hint,
    });
  }
  return new NetError("unreachable", `${action}: ${cause.message}`, { cause });
}
