/**
 * DNS-based service discovery (RFC 6763): the records of a room, and a directory of announced rooms.
 *
 * @module
 */
import { isAddress, isLinkLocal } from "../address.ts";
import { nameProblem } from "../wire/mod.ts";
import type { DnsPacket, DnsRecord } from "./dns_packet.ts";
import { type NetworkLink, zoneOf } from "./interfaces.ts";

/** Service name of all instances of lanchat (RFC 6763 §4.1). */
export const SERVICE = "_lanchat._tcp.local";

/** Name that lists all services of a network (RFC 6763 §9). */
const ALL_SERVICES = "_services._dns-sd._udp.local";

/** Version of the protocol, in the text record. */
const VERSION = "1";

/**
 * Time to live of a record, in seconds (RFC 6762 §10): of one that names or locates the host, and of any
 * other. The directory remembers a room no longer than the first, whatever its records say.
 */
const ADDRESS_TTL = 120;
const OTHER_TTL = 4500;

/** Maximum rooms in a directory; past it, {@linkcode RoomDirectory} forgets some. */
export const MAX_ROOMS = 256;

/** Maximum wait for the missing records of a room, in milliseconds; then the directory forgets it. */
const INCOMPLETE_MS = 5000;

/** Maximum addresses of each type of a room on one link; lanchat drops further ones. */
const MAX_ADDRESSES = 8;

/** Maximum strings of a text record; the directory ignores further ones. */
const MAX_STRINGS = 16;

/** Maximum questions for missing records in one packet; with one more for rooms, as many as hosts read. */
const MAX_QUESTIONS = 15;

/** Maximum name, in characters: an instance with the longest label. */
const MAX_NAME_LENGTH = 63 + 1 + SERVICE.length;

/** A name of the form that lanchat makes; the text of any other would not show every byte. */
const NAME = /^[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}$/;

const TAG = /^[a-z2-7]{8}$/;

/** Addresses of no other single machine: of this machine, this network or many machines. */
const NOT_A_MACHINE = /^(?:0\.|127\.|2(?:2[4-9]|[345]\d)\.|::|ff)/i;

/** The facts about its room that a host announces to everybody on the network. */
export interface RoomAnnouncement {
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** The TCP port. */
  readonly port: number;
  /** The room's name, with the rules of a member's; missing if the host gave none. */
  readonly name?: string;
  /** Whether joining needs an invite. */
  readonly invite: boolean;
}

/** A room from an announcement: only a hint, because anybody can announce anything. */
export interface FoundRoom extends RoomAnnouncement {
  /** The room's unique name among all services. */
  readonly instance: string;
  /** IP addresses, with `%interface` if they need it; IPv4 first, link-local ones last. */
  readonly addresses: readonly string[];
}

/**
 * The records that announce a room on a link. See PROTOCOL.md §10 and RFC 6763.
 *
 * @param label Name of the room among all services: at most 63 letters, digits and hyphens.
 * @param addresses The host's IP addresses on this link.
 */
export function roomRecords(
  label: string,
  room: RoomAnnouncement,
  addresses: readonly string[],
): DnsRecord[] {
  const instance = `${label}.${SERVICE}`;
  const target = `${label}.local`;
  const { invite, name, port, tag } = room;
  const facts = { v: VERSION, tag, invite: invite ? "1" : "0", ...name !== undefined && { name } };
  const own = { ttl: ADDRESS_TTL, flush: true };
  return [
    { name: SERVICE, type: "PTR", ttl: OTHER_TTL, data: instance },
    { name: ALL_SERVICES, type: "PTR", ttl: OTHER_TTL, data: SERVICE },
    { name: instance, type: "SRV", ...own, data: { target, port } },
    {
      name: instance,
      type: "TXT",
      ttl: OTHER_TTL,
      flush: true,
      data: Object.entries(facts).map(([key, value]) => `${key}=${value}`),
    },
    ...(["A", "AAAA"] as const).flatMap((type) =>
      addresses.filter((address) => address.includes(":") === (type === "AAAA"))
        .slice(0, MAX_ADDRESSES)
        .map((data) => ({ name: target, type, ...own, data }))
    ),
  ];
}

/** Makes the records that withdraw others (RFC 6762 §10.1). */
export function goodbye(records: readonly DnsRecord[]): DnsRecord[] {
  // The service itself may have other instances.
  return records.filter(({ name }) => name !== ALL_SERVICES).map((one) => ({ ...one, ttl: 0 }));
}

/** Whether a query asks for any of these records that its sender does not know yet. */
export function asksFor(query: DnsPacket, records: readonly DnsRecord[]): boolean {
  const { answers = [], questions = [] } = query;
  return questions.some(({ name, type }) =>
    records.some((record) =>
      same(record.name, name) && (type === record.type || type === "ANY") &&
      !answers.some((known) =>
        known.type === "PTR" && record.type === "PTR" && same(known.name, record.name) &&
        same(known.data, record.data) && known.ttl >= record.ttl / 2
      )
    )
  );
}

/** The known facts of an instance. */
interface Instance {
  /** Time of its discovery, in milliseconds. */
  readonly since: number;
  target?: string;
  port?: number;
  facts?: Omit<RoomAnnouncement, "port"> | undefined;
  /** Time at which the service record expires, in milliseconds. */
  until: number;
}

/** Addresses of one type that one link has announced for one target. */
interface Told {
  readonly addresses: readonly string[];
  readonly until: number;
}

/** Instances that make place for others: first incomplete ones, then rooms of unknown hosts. */
interface Least {
  readonly incomplete: string[];
  readonly unknown: string[];
}

/**
 * The announced rooms, from all packets that arrive. The directory trusts none of them: it bounds texts and
 * lists, and leaves out records that lanchat would not announce. When it is full, incomplete rooms make
 * place first, then the rooms of unknown hosts, the oldest before the others.
 */
export class RoomDirectory {
  readonly #isKnown: (tag: string) => boolean;
  /** By name, in the order of discovery. */
  readonly #instances = new Map<string, Instance>();
  /** By target, then by link and type. */
  readonly #addresses = new Map<string, Map<string, Told>>();

  /** @param isKnown Whether a tag belongs to a known peer. */
  constructor(isKnown: (tag: string) => boolean = () => false) {
    this.#isKnown = isKnown;
  }

  /** Reads a packet. @param now The time, in milliseconds. */
  take(
    { additionals = [], answers = [], type }: DnsPacket,
    link: NetworkLink,
    now: number,
  ): void {
    if (type !== "response") return;
    this.#forgetIncomplete(now);
    const records = [...answers, ...additionals];
    this.#point(records.filter(({ name, type }) => type === "PTR" && same(name, SERVICE)), now);
    for (const record of records) this.#describe(record, now);
    const targets = new Set(Array.from(this.#instances.values(), ({ target }) => target));
    const told = records.filter((record) =>
      (record.type === "A" || record.type === "AAAA") && targets.has(record.name.toLowerCase())
    );
    for (
      const [key, group] of Map.groupBy(told, ({ name, type }) => `${name.toLowerCase()} ${type}`)
    ) {
      const [target, type] = key.split(" ");
      this.#locate(target!, `${link.name} ${type}`, group, link, now);
    }
  }

  /** The complete rooms, in the order of discovery. */
  rooms(now: number): FoundRoom[] {
    return Array.from(this.#instances, ([name, instance]) => this.#roomOf(name, instance, now))
      .filter((room) => room !== undefined);
  }

  /** The questions to ask: for rooms, and for the missing records of found ones. */
  questions(now: number): { name: string; type: string }[] {
    this.#forgetIncomplete(now);
    const missing = [...this.#instances].flatMap(([name, { facts, port, target, until }]) => [
      ...facts === undefined || port === undefined || until <= now ? [{ name, type: "ANY" }] : [],
      ...target !== undefined && this.#addressesOf(target, now).length === 0
        ? [{ name: target, type: "A" }, { name: target, type: "AAAA" }]
        : [],
    ]);
    return [{ name: SERVICE, type: "PTR" }, ...missing.slice(0, MAX_QUESTIONS)];
  }

  #roomOf(name: string, instance: Instance, now: number): FoundRoom | undefined {
    const { facts, port, target, until } = instance;
    const addresses = this.#addressesOf(target, now);
    if (facts === undefined || port === undefined || until <= now || addresses.length === 0) {
      return undefined;
    }
    return { instance: name, ...facts, port, addresses };
  }

  #point(pointers: readonly DnsRecord[], now: number): void {
    let least: Least | undefined;
    for (const { data, ttl } of pointers) {
      const name = (data as string).toLowerCase();
      if (ttl === 0) this.#instances.delete(name);
      if (ttl === 0 || !isInstance(name) || this.#instances.has(name)) continue;
      while (this.#instances.size >= MAX_ROOMS) {
        least ??= this.#least(now);
        const leaves = least.incomplete.shift() ?? least.unknown.shift();
        if (leaves === undefined) return;
        this.#instances.delete(leaves);
      }
      this.#instances.set(name, { since: now, until: 0 });
      least?.incomplete.push(name);
    }
  }

  #least(now: number): Least {
    const rooms = Array.from(
      this.#instances,
      ([name, instance]) => ({ name, room: this.#roomOf(name, instance, now) }),
    );
    const incomplete = rooms.filter(({ room }) => room === undefined);
    const unknown = rooms.filter(({ room }) => room !== undefined && !this.#isKnown(room.tag));
    return {
      incomplete: incomplete.map(({ name }) => name),
      unknown: unknown.map(({ name }) => name),
    };
  }

  /** Forgets rooms that have expired or stayed incomplete for too long, and the addresses of forgotten rooms. */
  #forgetIncomplete(now: number): void {
    for (const [name, instance] of this.#instances) {
      if (now - instance.since < INCOMPLETE_MS) continue;
      if (this.#roomOf(name, instance, now) === undefined) this.#instances.delete(name);
    }
    const targets = new Set(Array.from(this.#instances.values(), ({ target }) => target));
    for (const target of this.#addresses.keys()) {
      if (!targets.has(target)) this.#addresses.delete(target);
    }
  }

  #describe(record: DnsRecord, now: number): void {
    const name = record.name.toLowerCase();
    const instance = this.#instances.get(name);
    if (instance === undefined) return;
    if (record.type === "SRV") {
      const { port, target } = record.data;
      if (record.ttl === 0) return void this.#instances.delete(name);
      if (port < 1 || !isName(target)) return;
      instance.target = target.toLowerCase();
      instance.port = port;
      instance.until = now + ttlMs(record.ttl);
    } else if (record.type === "TXT" && record.ttl > 0) {
      instance.facts = readFacts(record.data);
    }
  }

  #locate(
    target: string,
    source: string,
    records: DnsRecord[],
    link: NetworkLink,
    now: number,
  ): void {
    const addresses = records.filter(({ ttl }) => ttl > 0)
      .map(({ data }) => data as string)
      .filter((address) => isAddress(address) && !NOT_A_MACHINE.test(address))
      .filter((address) => !isLinkLocal(address) || link.name !== "")
      .map((address) => isLinkLocal(address) ? `${address}%${zoneOf(link)}` : address)
      .slice(0, MAX_ADDRESSES);
    const until = now + ttlMs(Math.max(...records.map(({ ttl }) => ttl)));
    const told = this.#addresses.get(target) ?? new Map<string, Told>();
    this.#addresses.set(target, told);
    told.set(source, { addresses, until });
  }

  #addressesOf(target: string | undefined, now: number): string[] {
    const told = this.#addresses.get(target ?? "")?.values() ?? [];
    const addresses = [...told].flatMap(({ addresses, until }) => until > now ? addresses : []);
    return [...new Set(addresses)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  }
}

/** Reads the facts of a text record (RFC 6763 §6); `undefined` if it is not one of this version. */
function readFacts(
  strings: readonly (Uint8Array | string)[],
): Omit<RoomAnnouncement, "port"> | undefined {
  const facts = new Map<string, string>();
  for (const string of [strings].flat().slice(0, MAX_STRINGS)) {
    const text = typeof string === "string" ? string : new TextDecoder().decode(string);
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (key !== undefined && !facts.has(key.toLowerCase())) facts.set(key.toLowerCase(), value!);
  }
  const [tag, name] = [facts.get("tag") ?? "", facts.get("name")];
  if (facts.get("v") !== VERSION || !TAG.test(tag)) return undefined;
  const named = name !== undefined && nameProblem(name) === undefined;
  return { tag, invite: facts.get("invite") === "1", ...named && { name } };
}

function isInstance(name: string): boolean {
  return isName(name) && name.endsWith(`.${SERVICE}`);
}

function isName(name: string): boolean {
  return NAME.test(name) && name.length <= MAX_NAME_LENGTH;
}

/** Whether two names of the DNS are equal, in any case of letters. */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function ttlMs(ttl: number): number {
  return Math.min(ttl, ADDRESS_TTL) * 1000;
}

function rank(address: string): number {
  return address.includes(":") ? isLinkLocal(address) ? 2 : 1 : 0;
}
