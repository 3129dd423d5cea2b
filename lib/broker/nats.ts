/**
 * Connects to a server of a NATS cluster. Only this file imports the client library, when it is used.
 *
 * @module
 */
import { formatHostPort, type HostPort } from "../address.ts";
import type { BrokerAddress, BrokerUser } from "../broker_address.ts";
import type { Bytes } from "../bytes/mod.ts";
import { deadline, systemClock } from "../clock.ts";
import { LanchatError, NetError, quote } from "../errors.ts";
import { type Bus, NO_TAKER, type Receive } from "./bus.ts";
import { call } from "./call.ts";
import type { BrokerConnection } from "./connection.ts";
import { connectAction, NO_SERVER_HINT, SocketTransport } from "./transport.ts";

/** Bytes under way to the server past which writers wait for it. */
const MAX_UNDER_WAY: number = 1 << 20;

/** Interval of the pings that show whether the server is there, in milliseconds; it may miss one. */
const PING_MS = 5000;

/** Maximum time for the last messages, in milliseconds: a server that is gone takes none. */
const CLOSING_MS = 1000;

/** Least time for each of several servers, in milliseconds. */
const MIN_SERVER_MS = 2000;

/** Maximum servers that are remembered of those of which a cluster tells: each may cost that time. */
const MAX_TOLD = 4;

/** Least maximum message of a server, in bytes: with less, more is sent around the content than of it. */
const MIN_MESSAGE_BYTES = 512;

/** The code of a message that a server sends if no one takes another one. */
const NO_RESPONDERS = 503;

/** What to do if a server does not accept the user. */
const USER_HINT = "Check --via-creds or NATS_CREDS, or NATS_USER and NATS_PASSWORD.";

/** What to do if a server says nothing: one of NATS speaks first, unless it is set to expect TLS at once. */
const SILENT_HINT =
  "Check that a NATS server runs there, and that its TLS is not set to handshake_first.";

/** A credentials file of NATS. */
export interface CredentialsFile {
  /** Its path, for messages. */
  readonly file: string;
  /** What is in it. */
  readonly text: string;
}

/** How to get into a broker. */
export interface BrokerAccess {
  /** A user and a password. */
  readonly user?: BrokerUser | undefined;
  /** A credentials file of NATS. */
  readonly creds?: CredentialsFile | undefined;
  /** Certificates of authorities that count beside the public ones, as PEM. Requires TLS. */
  readonly ca?: string | undefined;
  /** What to do if a server does not accept the user; to check the user by default. */
  readonly hint?: string;
}

/** Options of {@linkcode Broker.connect}. */
export interface ConnectOptions {
  /** Cancels the attempt with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum wait for all servers together, in milliseconds, but at least some seconds for each. */
  readonly timeoutMs: number;
}

type Client = typeof import("@nats-io/transport-node");

/** A broker: the servers that are known of it, and how to get in. */
export class Broker {
  /** Its address, as the person gave it. */
  readonly address: BrokerAddress;
  readonly #access: BrokerAccess;
  /** Servers of which the others have told. */
  #told: readonly HostPort[] = [];

  /** Makes no connection yet. */
  constructor(address: BrokerAddress, access: BrokerAccess = {}) {
    this.address = address;
    this.#access = access;
  }

  /**
   * Connects to one of the servers, each in its turn, in random order.
   *
   * @throws {NetError} With code `permission-denied` if a server of the address does not accept the user;
   * otherwise for the first that was tried, with code `connection-refused`, `name-not-found` or `unreachable`.
   */
  async connect(options: ConnectOptions): Promise<Bus> {
    const client = await load();
    const inRandomOrder = (servers: readonly HostPort[]): HostPort[] =>
      servers.map((server) => ({ server, order: Math.random() }))
        .sort((a, b) => a.order - b.order).map(({ server }) => server);
    let first: unknown;
    const servers = [this.address.servers, this.#told].flatMap(inRandomOrder);
    const timeoutMs = Math.max(MIN_SERVER_MS, options.timeoutMs / servers.length);
    for (const server of servers) {
      options.signal?.throwIfAborted();
      try {
        return await this.#dial(client, server, { ...options, timeoutMs });
      } catch (error) {
        options.signal?.throwIfAborted();
        const isRefused = error instanceof NetError && error.code === "permission-denied";
        // What another server has told may be wrong for this machine.
        if (isRefused && this.address.servers.includes(server)) throw error;
        first ??= error;
      }
    }
    throw first;
  }

  /**
   * Connects to the host of a room.
   *
   * @throws {NetError} As {@linkcode Broker.connect} and {@linkcode call} do.
   */
  async call(room: string, options: ConnectOptions): Promise<BrokerConnection> {
    return await call(await this.connect(options), room, options);
  }

  async #dial(client: Client, server: HostPort, options: ConnectOptions): Promise<Bus> {
    const { ca, creds, user } = this.#access;
    const { host, port } = server;
    client.setTransportFactory({ factory: () => new SocketTransport() });
    const connecting = client.NatsConnectionImpl.connect({
      servers: formatHostPort(host, port),
      timeout: options.timeoutMs,
      reconnect: false,
      ignoreClusterUpdates: true,
      pingInterval: PING_MS,
      ...(this.address.tls || ca !== undefined) && { tls: ca === undefined ? {} : { ca } },
      ...user !== undefined && { user: user.user, pass: user.password },
      ...creds !== undefined && { authenticator: authenticatorOf(client, creds) },
    });
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(options.signal!.reason);
    options.signal?.addEventListener("abort", stop);
    try {
      const connection = await Promise.race([connecting, stopped.promise]);
      requireMessages(connection, server);
      this.#learn(connection.info?.connect_urls ?? []);
      return new NatsBus(client, connection, server);
    } catch (error) {
      connecting.then((connection) => connection.close(), () => {});
      const withTls = this.address.tls || ca !== undefined;
      throw connectError(client, server, error as Error, {
        hint: this.#access.hint,
        timeoutMs: options.timeoutMs,
        tls: withTls,
      });
    } finally {
      options.signal?.removeEventListener("abort", stop);
    }
  }

  /** Remembers servers of which one has told. */
  #learn(urls: readonly string[]): void {
    const known = this.address.servers.map(({ host, port }) => formatHostPort(host, port));
    const others = urls.flatMap((url) => {
      const [, brackets, name, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(url) ??
        [];
      return port === undefined ? [] : [{ host: (brackets ?? name)!, port: Number(port) }];
    });
    this.#told = others.filter(({ host, port }) => !known.includes(formatHostPort(host, port)))
      .slice(0, MAX_TOLD);
  }
}

let loaded: Promise<Client> | undefined;

/** Loads the client library, once. */
function load(): Promise<Client> {
  return loaded ??= import("@nats-io/transport-node").then((module) => {
    // A bundle has the library's names only in its default export.
    const { default: client } = module as unknown as { readonly default: Client };
    contain();
    return client;
  });
}

/** Keeps off the screen what the client library logs: an error with text that a server has sent. */
function contain(): void {
  const { log } = console;
  console.log = (...values) => {
    if (values[0] !== "reader closed") log(...values);
  };
}

type Authenticator = ReturnType<Client["credsAuthenticator"]>;

/** @throws {NetError} If the file is no credentials file, or is damaged. */
function authenticatorOf(client: Client, { file, text }: CredentialsFile): Authenticator {
  // The library wants the line ends of Unix.
  const authenticator = client.credsAuthenticator(
    new TextEncoder().encode(`${text.replaceAll("\r", "")}\n`),
  );
  try {
    authenticator("trial");
    return authenticator;
  } catch {
    const message = `Cannot use ${quote(file)}: it is not a valid NATS credentials file`;
    const hint = "Ask the broker's operator for a new one.";
    throw new NetError("permission-denied", message, { hint }); // The cause may name a part of the key.
  }
}

type Msg = import("@nats-io/transport-node").Msg;

type Connection = Awaited<ReturnType<Client["connect"]>>;

/** A connection to a NATS server. */
class NatsBus implements Bus {
  readonly maxMessage: number;
  readonly closed: Promise<NetError>;
  readonly #connection: Connection;
  #underWay = 0;
  #draining: Promise<void> | undefined;

  constructor(client: Client, connection: Connection, server: HostPort) {
    this.#connection = connection;
    this.maxMessage = connection.info!.max_payload;
    const { promise, resolve } = Promise.withResolvers<NetError>();
    this.closed = promise;
    const where = formatHostPort(server.host, server.port);
    void connection.closed().then((cause) => {
      resolve(
        new NetError("connection-lost", `Connection to the broker at ${where} lost`, { cause }),
      );
    });
    void this.#watch(client, resolve, where);
  }

  publish(subject: string, message: Bytes, reply?: string): void {
    this.#underWay += message.length;
    this.#connection.publish(subject, message, reply === undefined ? {} : { reply });
  }

  subscribe(subject: string, receive: Receive): () => void {
    if (this.#connection.isClosed()) return () => {}; // `closed` says why.
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return; // The connection ends with it.
        // The library's buffer may hold more, and its `slice` copies nothing.
        receive(hasNoTaker(message) ? NO_TAKER : new Uint8Array(message.data), message.subject);
      },
    });
    return () => subscription.unsubscribe();
  }

  drained(): Promise<void> | undefined {
    if (this.#underWay < MAX_UNDER_WAY) return undefined;
    const covered = this.#underWay;
    return this.#draining ??= this.flush().then(() => {
      this.#underWay -= covered;
      this.#draining = undefined;
    });
  }

  async close(): Promise<void> {
    await deadline(systemClock, CLOSING_MS, this.flush());
    await this.#connection.close();
  }

  async flush(): Promise<void> {
    // The library's flush of a connection that ends may never resolve.
    await Promise.race([this.#connection.flush().catch(() => {}), this.closed]);
  }

  /**
   * Ends the connection if the server does not let this user publish or subscribe, since nothing works then; and
   * if it does not answer, which the library does only once the server has taken what was sent before.
   */
  async #watch(
    { PermissionViolationError }: Client,
    resolve: (reason: NetError) => void,
    where: string,
  ): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "staleConnection") void this.#connection.close();
      if (status.type !== "error" || !(status.error instanceof PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      const deed = operation === "publish" ? "publish" : "subscribe";
      // The random part would make each refusal a new one to a person.
      const subjects = shown(subject.replace(/\.[^.]*$/, ".*"));
      const message = `The broker at ${where} does not let this user ${deed} to ${subjects}`;
      const hint = "Ask its operator to set the permissions in docs/BEYOND.md.";
      resolve(new NetError("permission-denied", message, { hint }));
      void this.#connection.close();
    }
  }
}

/** A server may say anything about itself. @throws {NetError} If it takes no messages that are long enough. */
function requireMessages({ info }: Connection, { host, port }: HostPort): void {
  const longest = info?.max_payload;
  if (Number.isSafeInteger(longest) && longest! >= MIN_MESSAGE_BYTES) return;
  const message = `${
    connectAction(host, port)
  }: it takes no messages of ${MIN_MESSAGE_BYTES} bytes`;
  throw new NetError("unreachable", message, {
    hint: "Ask its operator to set a larger max_payload.",
  });
}

/** Whether a message says that another one has no taker. The library cannot read all headers that clients send. */
function hasNoTaker(message: Msg): boolean {
  try {
    return message.headers?.code === NO_RESPONDERS;
  } catch {
    return false;
  }
}

/** A text that a server may have chosen, for a message. */
function shown(text: string): string {
  return /^[\x20-\x7e]{1,200}$/.test(text) ? text : quote(text.slice(0, 200));
}

function connectError(
  { AuthorizationError, ProtocolError, TimeoutError }: Client,
  { host, port }: HostPort,
  cause: Error | undefined,
  { hint = USER_HINT, timeoutMs, tls }: {
    readonly hint: string | undefined;
    readonly timeoutMs: number;
    readonly tls: boolean;
  },
): unknown {
  const action = connectAction(host, port);
  if (cause instanceof LanchatError) return cause;
  if (cause instanceof AuthorizationError) {
    return new NetError("permission-denied", `${action}: it does not accept this user`, {
      cause,
      hint,
    });
  }
  if (cause instanceof TimeoutError) {
    const seconds = Math.round(timeoutMs / 100) / 10;
    return new NetError("unreachable", `${action}: no answer in ${seconds} s`, {
      cause,
      hint: SILENT_HINT,
    });
  }
  const reason = shown(cause?.message ?? "the connection ended");
  if (cause instanceof ProtocolError) {
    const hint = "That is what the server said: ask its operator.";
    return new NetError("unreachable", `${action}: ${reason}`, { cause, hint });
  }
  return new NetError("unreachable", `${action}: ${reason}`, {
    cause,
    hint: tls ? "Check the server's certificate, and NATS_CA." : NO_SERVER_HINT,
  });
}
