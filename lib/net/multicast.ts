/**
 * Multicast DNS (RFC 6762) over all links of this machine.
 *
 * @module
 */
import { isInNetwork, isLinkLocal } from "../address.ts";
import { decode, encode } from "dns-packet";
import { Buffer } from "node:buffer";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { type Clock, systemClock } from "../clock.ts";
import { withoutErrno } from "../errors.ts";
import { isGranted } from "../permission.ts";
import type { MachineOptions } from "./interfaces.ts";
import { ownInterfaces } from "./default_interface.ts";

/** A version of the Internet Protocol. */
export type Family = "IPv4" | "IPv6";

/** The port and the groups of Multicast DNS (RFC 6762 §3). */
const PORT = 5353;
const GROUPS: Readonly<Record<Family, string>> = { IPv4: "224.0.0.251", IPv6: "ff02::fb" };

/**
 * What is decoded, at most: what is more is dropped before. A packet as large as RFC 6762 §17 lets it be
 * takes 10 ms, and who floods the network with such ones would stop the chat; one within these bounds
 * takes half a millisecond.
 */
const MAX_PACKET_BYTES = 1500;
const MAX_QUESTIONS = 16;
const MAX_RECORDS = 32;
const MAX_PACKETS_A_SECOND = 200;

/** Bytes of a packet's header, which ends with four counts (RFC 1035 §4.1.1). */
const HEADER_BYTES = 12;

/** Most interfaces that are used; a machine with many containers has one for each. */
export const MAX_LINKS = 64;

const INTERFACES: Deno.PermissionDescriptor = { name: "sys", kind: "networkInterfaces" };
const NET: Deno.PermissionDescriptor = { name: "net" };

/** A record of the DNS, as far as DNS-SD needs them (RFC 1035 §3.2, RFC 2782). */
export type DnsRecord =
  & { readonly name: string; readonly ttl: number; readonly flush?: boolean }
  & (
    | { readonly type: "PTR" | "A" | "AAAA"; readonly data: string }
    | { readonly type: "SRV"; readonly data: { readonly target: string; readonly port: number } }
    | { readonly type: "TXT"; readonly data: readonly Uint8Array[] | readonly string[] }
  );

/** A packet of the DNS. Of a decoded one, records of other types are in it as well. */
export interface DnsPacket {
  /** Whether it asks or tells. */
  readonly type: "query" | "response";
  /** What is asked for. */
  readonly questions?: readonly { readonly name: string; readonly type: string }[];
  /** What is told; in a query, what its sender knows already. */
  readonly answers?: readonly DnsRecord[];
  /** What is told beside that. */
  readonly additionals?: readonly DnsRecord[];
}

/** The bytes of a packet (RFC 1035 §4). */
export function encodeDns(packet: DnsPacket): Uint8Array {
  return encode(packet);
}

/** The packet that bytes stand for; `undefined` where they stand for none. */
export function decodeDns(bytes: Uint8Array): DnsPacket | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_PACKET_BYTES) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [questions, ...records] = [4, 6, 8, 10].map((at) => header.getUint16(at));
  if (questions! > MAX_QUESTIONS || records.reduce((a, b) => a + b) > MAX_RECORDS) return undefined;
  try {
    return decode(Buffer.from(bytes)) as DnsPacket;
  } catch {
    return undefined; // Anybody may send anything.
  }
}

/** A network interface that leads to other machines. */
export interface MulticastLink {
  /** Its name; empty for the default one, where no others are known. */
  readonly name: string;
  /** Its addresses. */
  readonly addresses: readonly Deno.NetworkInterfaceInfo[];
}

/** The network that is used. */
export interface NetworkOptions extends MachineOptions {
  /** Called once where nobody can be reached. @param reason As the end of a sentence. */
  readonly onUnavailable: (reason: string) => void;
  /** Called where that is over. */
  readonly onAvailable?: () => void;
  /** Called once where there are more interfaces than are used. @param names Of those that are not. */
  readonly onLeftOut?: (names: readonly string[]) => void;
  /** The time. */
  readonly clock?: Clock;
}

/** The network, and what to do with what comes from there. */
export interface MulticastOptions extends NetworkOptions {
  /** Called with each packet of another program, or of this one, that came over a link. */
  readonly onPacket: (packet: DnsPacket, link: MulticastLink) => void;
}

/** A link in use. */
interface OpenedLink {
  readonly link: MulticastLink;
  readonly sockets: readonly MulticastSocket[];
}

/** How multicast does over one link, in one family. */
export interface MulticastRoute {
  /** The name of the link. */
  readonly link: string;
  /** The family. */
  readonly family: Family;
  /** Whether it is listened there. */
  readonly listens: boolean;
  /** Whether something has been sent. */
  readonly sent: boolean;
  /** Whether something that this machine sent has come back. */
  readonly heard: boolean;
  /** What the system said where it could not be listened, or sent. */
  readonly problem?: string;
}

/**
 * Multicast DNS on all links of this machine, each with a socket for IPv4 and one for IPv6 as far as it
 * has them: what one link is told holds on that link alone. Nothing is thrown: {@linkcode Multicast.check}
 * tells of what failed. See RFC 6762 §§11, 14 and 15.
 */
export class Multicast {
  readonly #options: MulticastOptions;
  readonly #clock: Clock;
  /** By what would have to be opened anew if it changed. */
  readonly #opened = new Map<string, OpenedLink>();
  #second = 0;
  #packets = 0;
  #hasTold = false;
  #hasLeftOut = false;
  #heard = false;
  #closed = false;

  /** Prepares; {@linkcode Multicast.refresh} opens the sockets. */
  constructor(options: MulticastOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The links that are in use. */
  get links(): readonly MulticastLink[] {
    return Array.from(this.#opened.values(), ({ link }) => link);
  }

  /** How each of them does. */
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

  /** Sends a packet over one link, as far as that is possible. */
  async send(link: MulticastLink, packet: DnsPacket): Promise<void> {
    const bytes = encodeDns(packet);
    const sockets = this.#opened.get(keyOf(link))?.sockets ?? [];
    await Promise.allSettled(sockets.map((socket) => socket.send(bytes)));
  }

  /** Tells once of what is in the way, if anything is: what was sent a while ago has not come back. */
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

  #leaveOut(links: readonly MulticastLink[]): void {
    if (links.length === 0 || this.#hasLeftOut) return;
    this.#hasLeftOut = true;
    this.#options.onLeftOut?.(links.map(({ name }) => name));
  }

  #obstacle(): string {
    if (!isGranted(NET)) return "--allow-net is missing, or given for some addresses alone";
    const { routes } = this;
    if (routes.some(({ sent }) => sent)) {
      return "something blocks UDP port 5353 here, a firewall most likely";
    }
    if (routes.length === 0) {
      return isGranted(INTERFACES)
        ? "this machine is on no network"
        : "no network was found; --allow-sys finds more";
    }
    return "the network is down, or a firewall or another program blocks UDP port 5353";
  }

  #take(bytes: Uint8Array, link: MulticastLink): void {
    if (this.#closed) return;
    if (!this.#heard && this.routes.some(({ heard }) => heard)) {
      this.#heard = true;
      if (this.#hasTold) this.#options.onAvailable?.();
    }
    const second = Math.floor(this.#clock.elapsed() / 1000);
    if (second !== this.#second) this.#packets = 0;
    this.#second = second;
    if (++this.#packets > MAX_PACKETS_A_SECOND) return;
    const packet = decodeDns(bytes);
    if (packet !== undefined) this.#options.onPacket(packet, link);
  }
}

/** One link's socket of one family. */
class MulticastSocket {
  /** Resolves once it can be used; fails if it never can. */
  readonly opened: Promise<void>;
  /** What it is for. */
  readonly family: Family;
  /** Whether it can be used. */
  listens = false;
  /** Whether anything could be sent. */
  sent = false;
  /** Whether anything that this machine sent has come. */
  heard = false;
  /** What failed last. */
  problem: string | undefined;
  readonly #socket: Socket;
  readonly #group: string;
  #closed = false;

  constructor(link: MulticastLink, family: Family, onMessage: (bytes: Uint8Array) => void) {
    this.family = family;
    this.#group = GROUPS[family];
    this.#socket = createSocket({
      type: family === "IPv4" ? "udp4" : "udp6",
      reuseAddr: true,
      ipv6Only: family === "IPv6",
    });
    const { promise, reject, resolve } = Promise.withResolvers<void>();
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

/** The interfaces that lead to other machines; none where they may not be known or used. */
async function machineLinks(options: MachineOptions = {}): Promise<MulticastLink[]> {
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

function keyOf({ addresses, name }: MulticastLink): string {
  return [name, ...addresses.map(({ address }) => address).sort()].join();
}

/** Linux hands a socket what comes for its group over any link, unless its address names one. */
function bindAddress(link: MulticastLink, family: Family): string {
  // Where the network of a link is not known, nothing may come from outside it.
  if (link.name === "" && Deno.build.os !== "windows") return GROUPS.IPv4;
  if (family === "IPv4") return "0.0.0.0";
  return Deno.build.os === "linux" ? `${GROUPS.IPv6}%${link.name}` : "::";
}

/** How an option of a socket names a link. */
function interfaceOf({ addresses, name }: MulticastLink, family: Family): string {
  if (family === "IPv6") return `::%${name}`;
  return addresses.find((address) => address.family === family)!.address;
}

/** Whether an address is that of a machine on a link, see RFC 6762 §11. */
function isOnLink(address: string, { addresses }: MulticastLink): boolean {
  if (address.includes(":")) return isLinkLocal(address);
  return addresses.some((own) => own.family === "IPv4" && isInNetwork(address, own));
}
