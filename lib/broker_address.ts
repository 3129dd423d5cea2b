/**
 * Addresses of brokers and of rooms at them, as text.
 *
 * @module
 */
import { formatHostPort, type HostPort, parseHostPort } from "./address.ts";
import { quote, UsageError } from "./errors.ts";

/** The port of a NATS server unless another is given. */
export const BROKER_PORT = 4222;

/** The address of every caller that comes through a broker: the broker does not say where they are. */
export const BROKER_CALLER = "broker";

const ADDRESS = /^(nats|tls):\/\/(?:([^@/?#]*)@)?([^/?#@]+)(?:\/([^/?#]*))?$/i;

/** What follows a name like this is no port, but a password whose server was forgotten. IPv6 addresses have no such. */
const PASSWORD = /^(?![\da-f]{0,4}:[\da-f]{0,4}:)[^:[]+:(?!\d{0,5}$)/i;

/** A room in an address: 16 characters of base32, from PROTOCOL.md §11. */
const ROOM = /^[a-z2-7]{16}$/;

/** Maximum address without its user, in characters: the file of known peers takes no longer one. */
const MAX_LENGTH = 255;

/** Characters of a room, and of the slash before it. */
const ROOM_LENGTH = 17;

const EXAMPLE = "nats://192.168.1.5:4222";

/** The servers of one broker. */
export interface BrokerAddress {
  /** Whether only encrypted connections to it are acceptable. */
  readonly tls: boolean;
  /** Its servers, each of which leads to all rooms. */
  readonly servers: readonly HostPort[];
}

/** A user of a broker, as an address names it. */
export interface BrokerUser {
  /** The name. */
  readonly user: string;
  /** The password; may be empty. */
  readonly password: string;
}

/** What a person gives as the address of a broker, or of a room at it. */
export interface TypedBrokerAddress extends BrokerAddress {
  /** The room; missing if the address names none. */
  readonly room?: string;
  /** The user; missing if the address names none. */
  readonly user?: BrokerUser;
}

/** Whether a text is meant as the address of a broker. */
export function isBrokerAddress(text: string): boolean {
  return /^(?:nats|tls):\/\//i.test(text);
}

/**
 * Parses the address of a broker: `nats://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/ROOM]`, or the same with
 * `tls://`.
 *
 * @throws {UsageError} With code `bad-address` or `bad-port`.
 *
 * @example Two servers and a room
 * ```ts
 * import { parseBrokerAddress } from "./broker_address.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseBrokerAddress("nats://192.0.2.7,[fd00::2]:4333/abcdefghijklmnop"), {
 *   tls: false,
 *   servers: [{ host: "192.0.2.7", port: 4222 }, { host: "fd00::2", port: 4333 }],
 *   room: "abcdefghijklmnop",
 * });
 * ```
 */
export function parseBrokerAddress(text: string): TypedBrokerAddress {
  const [, scheme, login, servers, room] = ADDRESS.exec(text) ?? [];
  if (scheme === undefined) {
    throw badAddress(text, "it names no server", `Write it as in ${EXAMPLE}.`);
  }
  if (room && !ROOM.test(room)) {
    throw badAddress(text, "it names no room", "Copy the whole address from the host's screen.");
  }
  const address = {
    tls: scheme.toLowerCase() === "tls",
    servers: servers!.split(",").map((server) => {
      if (login === undefined && PASSWORD.test(server)) {
        throw badAddress(text, "it names no server, or a bad port", `Write it as in ${EXAMPLE}.`);
      }
      const parsed = parseHostPort(server, BROKER_PORT);
      if (parsed.host.includes("%")) {
        const hint = "Use another address of the broker's machine, or its name.";
        throw badAddress(text, "no broker can be reached at a link-local address", hint);
      }
      return parsed;
    }),
  };
  if (formatBrokerAddress(address).length + ROOM_LENGTH > MAX_LENGTH) {
    throw badAddress(text, "it is too long", "Name fewer servers.");
  }
  return {
    ...address,
    ...room && { room },
    ...login !== undefined && { user: userOf(login) },
  };
}

/** Formats an address for {@linkcode parseBrokerAddress}, without a user. */
export function formatBrokerAddress({ servers, tls }: BrokerAddress, room?: string): string {
  const hosts = servers.map(({ host, port }) => formatHostPort(host, port)).join();
  return `${tls ? "tls" : "nats"}://${hosts}${room === undefined ? "" : `/${room}`}`;
}

function userOf(login: string): BrokerUser {
  const [, user, password = ""] = /^([^:]*)(?::(.*))?$/s.exec(login)!;
  return { user: decoded(user!), password: decoded(password) };
}

/** Characters that would end a name or a password are written with `%`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A password must not get to the screen, not even where the server after it was forgotten. */
function badAddress(text: string, reason: string, hint: string): UsageError {
  const shown = text.includes("@")
    ? text.replace(/\/\/.*@/s, "//…@")
    : text.replace(/(\/\/[^:[]+:)(?!\d{0,5}(?:[,/]|$)).*/s, "$1…");
  return new UsageError("bad-address", `Cannot use address ${quote(shown)}: ${reason}`, { hint });
}
