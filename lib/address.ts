/**
 * Addresses as text: IP addresses, host names and ports.
 *
 * @module
 */
import { quote, UsageError } from "./errors.ts";

/** The port of a host unless another is given. */
export const DEFAULT_PORT = 12_345;

/** Stands in an invite link for the address of a host that may not list its own. */
export const ADDRESS_PLACEHOLDER = "ADDRESS";

/** Longest host name, in characters (RFC 1035 §2.3.4). */
const MAX_NAME_LENGTH = 253;

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const LINK_LOCAL = /^fe[89ab][\da-f]:/i;
const SCOPE = /%[\w.~-]+$/;

/** A label of RFC 1123 §2.1, plus the underscore that many machines use. */
const LABEL = "\\w(?:[\\w-]{0,61}\\w)?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);

/** Names that system resolvers read as IPv4 addresses: `1.2.3` would be 1.2.0.3. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i;

/** Text around host and port in an address that was copied from a browser or a shell. */
const AROUND = /^\s*(?:[a-z][a-z\d+.-]*:\/\/)?(?:[^@/]*@)?([^/?#\s]*)(?:[/?#].*)?\s*$/is;

/** A host and its port. */
export interface HostPort {
  /** An IP address without brackets, a host name, or the whole address of a room at a broker. */
  readonly host: string;
  /** The TCP port, 1 to 65,535; 0 at a broker. */
  readonly port: number;
}

/** Whether a text is an IPv4 address, or an IPv6 address without brackets and with or without `%scope`. */
export function isAddress(text: string): boolean {
  return IPV4.test(text) || isIPv6(text);
}

/** Whether only this machine reaches itself under an address. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** Whether an address is a link-local IPv6 address, which leads nowhere without an interface. */
export function isLinkLocal(address: string): boolean {
  return LINK_LOCAL.test(address);
}

/** The first 64 bits of an IPv6 address, because one machine may have all addresses of such a network; an IPv4 address as it is. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [left, right = []] = address.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = new Array(8 - left!.length - right.length).fill("0");
  return [...left!, ...zeros, ...right].slice(0, 4).join(":");
}

/** Whether an IPv4 address is in the network of an interface. */
export function isInNetwork(address: string, own: { address: string; netmask: string }): boolean {
  const network = (address: string): number => toInteger(address) & toInteger(own.netmask);
  return network(address) === network(own.address);
}

/**
 * Parses a port.
 *
 * @param text Decimal digits.
 * @param minimum 0 if the system may choose the port, otherwise 1.
 * @throws {UsageError} With code `bad-port` if it is not a whole number up to 65,535.
 */
export function parsePort(text: string, minimum: 0 | 1): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= minimum && port <= 65_535) return port;
  throw new UsageError("bad-port", `Cannot use port ${quote(text)}`, {
    hint: `Use a whole number from ${minimum} to 65535, as in ${DEFAULT_PORT}.`,
  });
}

/**
 * Parses an address as people type it: `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address.
 *
 * @param text The address.
 * @param defaultPort The port if the text has none.
 * @throws {UsageError} With code `bad-address` or `bad-port` if it is none of these, or a link-local IPv6
 * address without an interface.
 *
 * @example All forms
 * ```ts
 * import { parseHostPort } from "./address.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHostPort("192.168.1.5", 12345), { host: "192.168.1.5", port: 12345 });
 * assertEquals(parseHostPort("[fe80::1%eth0]:80", 12345), { host: "fe80::1%eth0", port: 80 });
 * assertEquals(parseHostPort("fd00::2", 12345), { host: "fd00::2", port: 12345 });
 * ```
 */
export function parseHostPort(text: string, defaultPort: number): HostPort {
  const [, brackets, rest, portText] = /^(?:\[(.*)\]|(.*?))(?::([^:]*))?$/s.exec(text)!;
  if (isIPv6(text)) {
    requireScope(text);
    return { host: text, port: defaultPort };
  }
  const host = brackets ?? rest!;
  const isHost = brackets === undefined ? IPV4.test(host) || isName(host) : isIPv6(host);
  if (!isHost || /[/?#@]/.test(text)) throw badAddress(text, host, portText, defaultPort);
  requireScope(host);
  return { host, port: portText === undefined ? defaultPort : parsePort(portText, 1) };
}

/**
 * Asserts that a link-local IPv6 address names an interface.
 *
 * @throws {UsageError} With code `bad-address` if it does not.
 */
export function requireScope(address: string): void {
  if (!isLinkLocal(address) || SCOPE.test(address)) return;
  throw new UsageError(
    "bad-address",
    `Cannot use address ${quote(address)}: it names no interface`,
    { hint: `Add the interface that leads to the others, as in ${address}%eth0.` },
  );
}

/** Formats a host and a port for {@linkcode parseHostPort}, as short as possible; a room at a broker as it is. */
export function formatHostPort(host: string, port: number, defaultPort?: number): string {
  return port === defaultPort || host.includes("/") ? host : `${bracketed(host)}:${port}`;
}

/** The addresses to announce of a machine's: link-local ones only if there are no others. */
export function dialable(addresses: readonly string[]): readonly string[] {
  const wider = addresses.filter((address) => !isLinkLocal(address));
  return wider.length > 0 ? wider : addresses;
}

function isIPv6(text: string): boolean {
  const address = text.replace(SCOPE, "");
  return /^[\da-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]/`);
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text) && !NUMERIC.test(text);
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function badAddress(
  text: string,
  host: string,
  port: string | undefined,
  defaultPort: number,
): UsageError {
  const message = `Cannot use address ${quote(text)}`;
  if (port !== undefined && isIPv6(host)) {
    return new UsageError(
      "bad-address",
      `${message}: an IPv6 address with a port needs brackets`,
      { hint: `Did you mean [${host}]:${port}?` },
    );
  }
  const [, bare] = AROUND.exec(text) ?? [];
  if (bare !== undefined && bare !== text && isHostPort(bare, defaultPort)) {
    return new UsageError(
      "bad-address",
      `${message}: it has more than a host and a port`,
      {
        hint: `Did you mean ${bare}?`,
      },
    );
  }
  return new UsageError("bad-address", `${message}: it is neither an IP address nor a host name`);
}

function isHostPort(text: string, defaultPort: number): boolean {
  try {
    parseHostPort(text, defaultPort);
    return true;
  } catch {
    return false;
  }
}

function toInteger(address: string): number {
  return address.split(".").reduce((value, octet) => value << 8 | Number(octet), 0);
}
