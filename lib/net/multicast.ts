/**
 * Multicast DNS (RFC 6762) over all links of this machine.
 *
 * @module
 */
import { isInNetwork, isLinkLocal } from "../address.ts";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { type Clock, systemClock } from "../clock.ts";
import { withoutErrno } from "../errors.ts";
import { isGranted } from "../permission.ts";
import { ownInterfaces } from "./default_interface.ts";
import type { DnsPacket } from "./dns_packet.ts";
import { type MachineOptions, type NetworkLink, zoneOf } from "./interfaces.ts";

/** A version of the Internet Protocol. */
export type Family = "IPv4" | "IPv6";

/** The port and the groups of Multicast DNS (RFC 6762 §3). */
const PORT = 5353;
const GROUPS: Readonly<Record<Family, string>> = { IPv4: "224.0.0.251", IPv6: "ff02::fb" };

/** Maximum packets a second; lanchat drops others before it decodes them. */
const MAX_PACKETS_A_SECOND = 200;

/** Maximum interfaces in use; lanchat leaves out others. A machine with many containers has one for each. */
export const MAX_LINKS = 64;

const INTERFACES: Deno.PermissionDescriptor = { name: "sys", kind: "networkInterfaces" };
const NET: Deno.PermissionDescriptor = { name: "net" };

/** Options for the use of the network. */
export interface NetworkOptions extends MachineOptions {
  /** Called once if multicast does not work. @param reason The end of a sentence. */
  readonly onUnavailable: (reason: string) => void;
  /** Called once multicast works after all. */
  readonly onAvailable?: () => void;
  /** Called once if lanchat leaves out interfaces, past {@linkcode MAX_LINKS}. @param names Names of those. */
  readonly onLeftOut?: (names: readonly string[]) => void;
  /** The clock; the system's by default. */
  readonly clock?: Clock;
}

/** Options of {@linkcode Multicast}. */
export interface MulticastOptions extends NetworkOptions {
  /** Called with each packet from a link, of another program or of this one. */
  readonly onPacket: (packet: DnsPacket, link: NetworkLink) => void;
}

/** A link in use. */
interface OpenedLink {
  readonly link: NetworkLink;
  readonly sockets: readonly MulticastSocket[];
}

/** State of multicast over one link, in one family. */
export interface MulticastRoute {
  /** The name of the link. */
  readonly link: string;
  /** The family. */
  readonly family: Family;
  /** Whether the socket listens. */
  readonly listens: boolean;
  /** Whether the socket has sent a packet. */
  readonly sent: boolean;
  /** Whether a packet of this machine has come back. */
  readonly heard: boolean;
  /** The system's message, if listening or sending failed. */
  readonly problem?: string;
}

/**
 * Multicast DNS on all links of this machine, each with a socket for IPv4 and one for IPv6 as far as it
 * has them: a record from one link holds only on that link. No method throws: {@linkcode Multicast.check}
 * reports failures. See RFC 6762 §§11, 14 and 15.
 */
export class Multicast {
  readonly #options: MulticastOptions;
  readonly #clock: Clock;
  /** By name and addresses: a change of either needs new sockets. */
  readonly #opened = new Map<string, OpenedLink>();
  /** Loaded with the first sockets, which a member opens only to search for its host. */
  #codec: typeof import("./dns_packet.ts") | undefined;
  #second = 0;
  #packets = 0;
  #hasTold = false;
  #hasLeftOut = false;
  #heard = false;
  #closed = false;

  /** Prepares only; {@linkcode Multicast.refresh} opens the sockets. */
  constructor(options: MulticastOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The links in use. */
  get links(): readonly NetworkLink[] {
    return Array.from(this.#opened.values(), ({ link }) => link);
  }

  /** State of each link and family in use. */
  get routes(): readonly MulticastRoute[] {
    return [...this.#opened.values()].flatMap(({ link, sockets }) =>
      sockets.map(({ family, heard, listens, problem, sent }) => ({
        link: link.name,
        family,
        listens,
        sent,
        heard,
        ...problem !== undefined && { problem },
      }))
    );
  }

  /** Opens sockets for links that are new or have other addresses, closes those of links that are gone. */
  async refresh(): Promise<void> {
    this.#codec ??= await import("./dns_packet.ts");
    const all = await machineLinks(this.#options);
    if (this.#closed) return;
    this.#leaveOut(all.slice(MAX_LINKS));
    const links = new Map(all.slice(0, MAX_LINKS).map((link) => [keyOf(link), link]));
    for (const [key, { sockets }] of this.#opened) {
      if (links.has(key)) continue;
      this.#opened.delete(key);
      for (const socket of sockets) socket.close();
    }
    const opening = [...links].filter(([key]) => !this.#opened.has(key)).map(([key, link]) => {
      const families = new Set(link.addresses.map(({ family }) => family));
      const sockets = Array.from(
        families,
        (family) => new MulticastSocket(link, family, (bytes) => this.#take(bytes, link)),
      );
      this.#opened.set(key, { link, sockets });
      return sockets.map(({ opened }) => opened);
    });
    await Promise.allSettled(opening.flat());
  }

  /** Sends a packet over one link, as far as possible. */
  async send(link: NetworkLink, packet: DnsPacket): Promise<void> {
    const sockets = this.#opened.get(keyOf(link))?.sockets ?? [];
    if (sockets.length === 0) return;
    const bytes = this.#codec!.encodeDns(packet);
    await Promise.allSettled(sockets.map((socket) => socket.send(bytes)));
  }

  /** Reports the obstacle once, if packets sent a while ago have not come back. */
  check(): void {
    if (this.#heard || this.#hasTold) return;
    this.#hasTold = true;
    this.#options.onUnavailable(this.#obstacle());
  }

  /** Closes all sockets. May be repeated. */
  close(): void {
    this.#closed = true;
    for (const { sockets } of this.#opened.values()) {
      for (const socket of sockets) socket.close();
    }
    this.#opened.clear();
  }

  #leaveOut(links: readonly NetworkLink[]): void {
    if (links.length === 0 || this.#hasLeftOut) return;
    this.#hasLeftOut = true;
    this.#options.onLeftOut?.(links.map(({ name }) => name));
  }

  #obstacle(): string {
    if (!isGranted(NET)) return "--allow-net is missing, or limited to some addresses";
    const { routes } = this;
    if (routes.some(({ sent }) => sent)) {
      return "something blocks UDP port 5353, probably a firewall";
    }
    if (routes.length === 0) {
      return isGranted(INTERFACES)
        ? "this machine is on no network"
        : "no network found; --allow-sys finds more";
    }
    return "the network is down, or a firewall or another program blocks UDP port 5353";
  }

  #take(bytes: Uint8Array, link: NetworkLink): void {
    if (this.#closed) return;
    if (!this.#heard && this.routes.some(({ heard }) => heard)) {
      this.#heard = true;
      if (this.#hasTold) this.#options.onAvailable?.();
    }
    const second = Math.floor(this.#clock.elapsed() / 1000);
    if (second !== this.#second) this.#packets = 0;
    this.#second = second;
    if (++this.#packets > MAX_PACKETS_A_SECOND) return;
    const packet = this.#codec!.decodeDns(bytes);
    if (packet !== undefined) this.#options.onPacket(packet, link);
  }
}

/** One link's socket of one family. */
class MulticastSocket {
  /** Resolves once the socket is usable; fails if it never will be. */
  readonly opened: Promise<void>;
  /** Family of the socket. */
  readonly family: Family;
  /** Whether the socket listens. */
  listens = false;
  /** Whether the socket has sent a packet. */
  sent = false;
  /** Whether a packet of this machine has come back. */
  heard = false;
  /** Message of the last failure. */
  problem: string | undefined;
  readonly #socket: Socket;
  readonly #group: string;
  readonly #opening = Promise.withResolvers<void>();
  #closed = false;

  constructor(link: NetworkLink, family: Family, onMessage: (bytes: Uint8Array) => void) {
    this.family = family;
    this.#group = GROUPS[family];
    this.#socket = createSocket({
      type: family === "IPv4" ? "udp4" : "udp6",
      reuseAddr: true,
      ipv6Only: family === "IPv6",
    });
    const { promise, reject, resolve } = this.#opening;
    this.opened = promise;
    this.opened.catch((error) => {
      this.problem = withoutErrno(error.message);
      this.close();
    });
    this.#socket.on("error", reject);
    this.#socket.on("message", (bytes: Uint8Array, { address }: RemoteInfo) => {
      if (!isOnLink(address, link)) return;
      this.heard ||= link.addresses.some((own) => own.address === address);
      onMessage(bytes);
    });
    try {
      this.#socket.bind(PORT, bindAddress(link, family), () => {
        try {
          this.#join(interfaceOf(link, family));
          this.listens = true;
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    } catch (error) {
      reject(error);
    }
  }

  async send(bytes: Uint8Array): Promise<void> {
    await this.opened;
    await new Promise<void>((resolve) => {
      this.#socket.send(bytes, PORT, this.#group, (error) => {
        if (error) this.problem = withoutErrno(error.message);
        else this.sent = true;
        resolve();
      });
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#opening.reject(new Error("the link is gone"));
    try {
      this.#socket.close();
    } catch {
      // It never opened.
    }
  }

  #join(where: string): void {
    this.#socket.addMembership(this.#group, where);
    this.#socket.setMulticastInterface(where);
    this.#socket.setMulticastTTL(255);
    this.#socket.setMulticastLoopback(true);
  }
}

/** The interfaces that lead to other machines; none without the permission to know or use them. */
async function machineLinks(options: MachineOptions = {}): Promise<NetworkLink[]> {
  if (!isGranted(NET)) return [];
  let interfaces: readonly Deno.NetworkInterfaceInfo[];
  try {
    interfaces = await ownInterfaces(options) ?? [];
  } catch {
    return []; // Between two networks there may be nothing to list.
  }
  return Array.from(
    Map.groupBy(interfaces, ({ name }) => name),
    ([name, addresses]) => ({ name, addresses }),
  );
}

function keyOf({ addresses, name }: NetworkLink): string {
  return [name, ...addresses.map(({ address }) => address).sort()].join();
}

/** The address to bind. Linux gives a socket the group's packets from any link, unless its address names one. */
function bindAddress(link: NetworkLink, family: Family): string {
  // If the network of a link is unknown, no packet from outside it may arrive.
  if (link.name === "" && Deno.build.os !== "windows") return GROUPS.IPv4;
  if (family === "IPv4") return "0.0.0.0";
  return Deno.build.os === "linux" ? `${GROUPS.IPv6}%${zoneOf(link)}` : "::";
}

/** The name of a link in the options of a socket. */
function interfaceOf(link: NetworkLink, family: Family): string {
  if (family === "IPv6") return `::%${zoneOf(link)}`;
  return link.addresses.find((address) => address.family === family)!.address;
}

/** Whether an address belongs to a machine on a link. See RFC 6762 §11. */
function isOnLink(address: string, { addresses }: NetworkLink): boolean {
  if (address.includes(":")) return isLinkLocal(address);
  return addresses.some((own) => own.family === "IPv4" && isInNetwork(address, own));
}
