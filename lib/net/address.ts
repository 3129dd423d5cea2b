import { missingPermission, NetError, quote, UsageError } from "../errors.ts";
import { isLoopback } from "../ip.ts";
import { isGranted } from "../permission.ts";

/** The port of a host that names none. */
export const DEFAULT_PORT = 12_345;

/** Longest host name, in characters (RFC 1035 §2.3.4). */
const MAX_NAME_LENGTH = 253;

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const LINK_LOCAL = /^fe[89ab][\da-f]:/i;
const SCOPE = /%[\w.~-]+$/;

/** A label of RFC 1123 §2.1, and the underscore that many machines use all the same. */
const LABEL = "\\w(?:[\\w-]{0,61}\\w)?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);

/** What system resolvers take for an IPv4 address: `1.2.3` would be 1.2.0.3. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i;

/** What an address copied from a browser or a shell may have around the host and the port. */
const AROUND = /^\s*(?:[a-z][a-z\d+.-]*:\/\/)?(?:[^@/]*@)?([^/?#\s]*)(?:[/?#].*)?\s*$/is;

/** Interfaces that lead only to the containers and virtual machines of this machine. */
const INTERNAL =
  /^(?:docker|podman|cni|lxcbr|lxdbr|incusbr|virbr|vmnet|vboxnet)\d+$|^(?:br-[\da-f]{12}|veth.*|vEthernet \(.*\))$/;

/** Where a host listens. */
export interface HostPort {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** The TCP port, 1 to 65,535. */
  readonly port: number;
}

/** Whether a text is an IPv4 address, or an IPv6 address without brackets and perhaps with `%scope`. */
export function isAddress(text: string): boolean {
  return IPV4.test(text) || isIPv6(text);
}

/**
 * Reads a port.
 *
 * @param text Decimal digits.
 * @param minimum 0 where a free port may be asked for, else 1.
 * @throws {UsageError} With code `bad-port` if it is not a whole number up to 65,535.
 */
export function parsePort(text: string, minimum: 0 | 1): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= minimum && port <= 65_535) return port;
  throw new UsageError("bad-port", `Cannot use port ${quote(text)}`, {
    hint: `Give a whole number from ${minimum} to 65535, as in ${DEFAULT_PORT}.`,
  });
}

/**
 * Reads an address as people type it: `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address.
 *
 * @param text The address.
 * @param defaultPort The port if the text has none.
 * @throws {UsageError} With code `bad-address` or `bad-port` if it is none of these, or a link-local IPv6
 * address without an interface.
 *
 * @example All forms
 * ```ts
 * import { parseHostPort } from "./mod.ts";
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
 * Asserts that a link-local IPv6 address names an interface, without which it leads nowhere.
 *
 * @throws {UsageError} With code `bad-address` if it does not.
 */
export function requireScope(address: string): void {
  if (!LINK_LOCAL.test(address) || SCOPE.test(address)) return;
  throw new UsageError(
    "bad-address",
    `Cannot use address ${quote(address)} as it does not name an interface of this machine`,
    { hint: `Add the interface that leads to the others, as in ${address}%eth0.` },
  );
}

/** The shortest text that {@linkcode parseHostPort} reads back. */
export function formatHostPort(host: string, port: number, defaultPort?: number): string {
  return port === defaultPort ? host : `${bracketed(host)}:${port}`;
}

/** What {@linkcode machineInterfaces} may be given instead of the machine's own. */
export interface MachineOptions {
  /** Lists the network interfaces; it is not called without the permission to. */
  readonly interfaces?: () => Deno.NetworkInterfaceInfo[];
}

/**
 * The network interfaces of this machine, one entry for each address, without loopback.
 *
 * @returns `undefined` where `--allow-sys` does not let them be known.
 */
export function machineInterfaces(
  options: MachineOptions = {},
): Deno.NetworkInterfaceInfo[] | undefined {
  if (!isGranted({ name: "sys", kind: "networkInterfaces" })) return undefined;
  const { interfaces = Deno.networkInterfaces } = options;
  return interfaces().filter(({ address }) => !isLoopback(address));
}

/**
 * The addresses under which other machines may reach this one: IPv4 first, then IPv6, link-local IPv6
 * (with `%interface`) last. Those for containers and virtual machines are left out unless there are no
 * others.
 */
export function outerAddresses(interfaces: readonly Deno.NetworkInterfaceInfo[]): string[] {
  const outer = interfaces.filter(({ name }) => !INTERNAL.test(name));
  return addressesOf(outer.length > 0 ? outer : interfaces);
}

/** The addresses of network interfaces, in the order and the form of {@linkcode outerAddresses}. */
export function addressesOf(interfaces: readonly Deno.NetworkInterfaceInfo[]): string[] {
  const ranks: string[][] = [[], [], []];
  for (const { family, address, name } of interfaces) {
    if (family === "IPv4") ranks[0]!.push(address);
    else if (!LINK_LOCAL.test(address)) ranks[1]!.push(address);
    else ranks[2]!.push(`${address}%${name}`);
  }
  return ranks.flat();
}

/** Those of a machine's addresses that others are told: link-local ones only where there are no others. */
export function dialable(addresses: readonly string[]): readonly string[] {
  const wider = addresses.filter((address) => !LINK_LOCAL.test(address));
  return wider.length > 0 ? wider : addresses;
}

/**
 * Asserts that Deno lets lanchat use an address, so that Deno never stops to ask.
 *
 * @throws {NetError} With code `permission-denied` if it does not.
 */
export function requireNetPermission(host: string, port: number): void {
  const where = formatHostPort(host.replace(SCOPE, ""), port);
  if (!isGranted({ name: "net", host: where })) {
    const { reason } = missingPermission("--allow-net");
    throw new NetError("permission-denied", `Cannot use ${where} as ${reason}`);
  }
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
      `${message} as an IPv6 address with a port needs brackets`,
      { hint: `Did you mean [${host}]:${port}?` },
    );
  }
  const [, bare] = AROUND.exec(text) ?? [];
  if (bare !== undefined && bare !== text && isHostPort(bare, defaultPort)) {
    return new UsageError(
      "bad-address",
      `${message} as there is more in it than a host and a port`,
      {
        hint: `Did you mean ${bare}?`,
      },
    );
  }
  return new UsageError("bad-address", `${message} as it is neither an IP address nor a host name`);
}

function isHostPort(text: string, defaultPort: number): boolean {
  try {
    parseHostPort(text, defaultPort);
    return true;
  } catch {
    return false;
  }
}
