/**
 * The network interfaces of this machine, and the permission to use the network.
 *
 * @module
 */
import { formatHostPort, isLinkLocal, isLoopback } from "../address.ts";
import { missingPermission, NetError } from "../errors.ts";
import { isGranted } from "../permission.ts";

/** Interfaces that lead only to containers and virtual machines on this machine. */
const INTERNAL =
  /^(?:docker|podman|cni|lxcbr|lxdbr|incusbr|virbr|vmnet|vboxnet)\d+$|^(?:br-[\da-f]{12}|veth.*|vEthernet \(.*\))$/;

/** Options of {@linkcode machineInterfaces}. */
export interface MachineOptions {
  /** Lists the network interfaces; not called without `--allow-sys`. */
  readonly interfaces?: () => Deno.NetworkInterfaceInfo[];
}

/** A network interface. */
export interface NetworkLink {
  /** Name of the interface; empty for the default one, if others are unknown. */
  readonly name: string;
  /** Addresses of the interface. */
  readonly addresses: readonly Deno.NetworkInterfaceInfo[];
}

/**
 * The zone of a link, as link-local addresses end: `fe80::1%zone`. Windows takes only the number of the interface.
 * See RFC 4007 §11.2.
 */
export function zoneOf({ addresses, name }: NetworkLink, os: string = Deno.build.os): string {
  const number = addresses.find(({ address }) => isLinkLocal(address))?.scopeid;
  return os === "windows" && number ? `${number}` : name;
}

/**
 * The network interfaces of this machine, one entry for each address, without loopback.
 *
 * @returns `undefined` without `--allow-sys`.
 */
export function machineInterfaces(
  options: MachineOptions = {},
): Deno.NetworkInterfaceInfo[] | undefined {
  if (!isGranted({ name: "sys", kind: "networkInterfaces" })) return undefined;
  const { interfaces = Deno.networkInterfaces } = options;
  return interfaces().filter(({ address }) => !isLoopback(address));
}

/**
 * The addresses at which other machines may reach this one: IPv4 first, then IPv6, link-local IPv6 (with
 * its zone) last. Leaves out those for containers and virtual machines, unless there are no others.
 */
export function outerAddresses(interfaces: readonly Deno.NetworkInterfaceInfo[]): string[] {
  const outer = interfaces.filter(({ name }) => !INTERNAL.test(name));
  return addressesOf(outer.length > 0 ? outer : interfaces);
}

/** The addresses of network interfaces, in the order and the form of {@linkcode outerAddresses}. */
export function addressesOf(interfaces: readonly Deno.NetworkInterfaceInfo[]): string[] {
  const ranks: string[][] = [[], [], []];
  for (const own of interfaces) {
    const { address, family, name } = own;
    if (family === "IPv4") ranks[0]!.push(address);
    else if (!isLinkLocal(address)) ranks[1]!.push(address);
    else ranks[2]!.push(`${address}%${zoneOf({ name, addresses: [own] })}`);
  }
  return ranks.flat();
}

/**
 * Asserts that `--allow-net` covers an address, so that Deno never stops to ask.
 *
 * @throws {NetError} With code `permission-denied` if it does not.
 */
export function requireNetPermission(host: string, port: number): void {
  const where = formatHostPort(host.replace(/%.*$/, ""), port);
  if (!isGranted({ name: "net", host: where })) {
    const { reason } = missingPermission("--allow-net");
    throw new NetError("permission-denied", `Cannot use ${where}: ${reason}`);
  }
}
