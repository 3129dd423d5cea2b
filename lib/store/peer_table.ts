/**
 * Known peers by key and by address, and the lines of a file that hold them.
 *
 * @module
 */
import {
  type Bytes,
  concat,
  equal,
  fromBase64Url,
  toBase64Url,
  toHex,
  utf8,
} from "../bytes/mod.ts";
import { isPublicKey } from "../crypto/mod.ts";
import { nameProblem } from "../wire/mod.ts";

const VERSION = 1;

/** Maximum names, and maximum addresses, of one peer; past it, the oldest go. */
const MAX_LISTED = 8;

/** Maximum unverified peers; past it, those that lanchat met longest ago go, hosts last. */
export const MAX_UNVERIFIED = 4096;

/** Maximum line, in bytes; a longer one is damaged, because lanchat writes none. */
const MAX_LINE_BYTES = 4096;

/** Largest time that a `Date` holds, in milliseconds since 1970 (ECMA-262 §21.4.1.1). */
const MAX_TIME = 8.64e15;

/** An address in the file: a host and a port, without characters that act on a terminal. */
const ADDRESS = /^[\x21-\x7e]{1,270}$/;

const LF = 0x0a;

/** A person or a host whose key lanchat has met before. */
export interface KnownPeer {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** Names of the peer, newest first; at most 8. */
  readonly names: readonly string[];
  /** Addresses at which the peer hosted, as `formatHostPort` writes them, with port; newest first, at most 8. */
  readonly addresses: readonly string[];
  /** Time of the first meeting, in milliseconds since 1970. */
  readonly firstSeen: number;
  /** Time of the last meeting, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** Whether the person here has compared the peer's fingerprint. */
  readonly verified: boolean;
}

/** A peer with its encodings, which take time to make. */
interface Entry {
  readonly peer: KnownPeer;
  /** The key in hexadecimal digits. */
  readonly id: string;
  /** The peer's line in the file, without the line feed. */
  readonly line: string;
}

/** News of a peer: the name and the address that now come first, and the values that replace old ones. */
interface News {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly lastSeen?: number;
  readonly verified?: boolean;
}

/** Content of a file of peers. */
export interface PeerLines {
  /** The peers of the readable lines. */
  readonly table: PeerTable;
  /** The unreadable lines, unchanged. */
  readonly damaged: readonly Bytes[];
  /** Their numbers, counted from 1. */
  readonly damagedLines: readonly number[];
}

/** Peers by key, and hosts also by address: each address belongs to one key. */
export class PeerTable {
  readonly #entries = new Map<string, Entry>();
  /** By address: the key of its host, in hexadecimal digits. */
  readonly #owners = new Map<string, string>();

  /** All peers, in the order in which lanchat met them. */
  all(): KnownPeer[] {
    return Array.from(this.#entries.values(), ({ peer }) => peer);
  }

  /** The peer with a key. */
  find(key: Bytes): KnownPeer | undefined {
    return this.#entries.get(toHex(key))?.peer;
  }

  /** The host at an address, in any spelling. */
  hostAt(address: string): KnownPeer | undefined {
    const owner = this.#owners.get(normal(address));
    return owner === undefined ? undefined : this.#entries.get(owner)?.peer;
  }

  /** Notes news of a peer. @param now Time of the first meeting, if the peer is new. */
  note(key: Bytes, { address, name, ...more }: News, now: number): void {
    const known = this.find(key) ??
      { key, names: [], addresses: [], firstSeen: now, lastSeen: now, verified: false };
    this.#put(entryOf({
      ...known,
      ...more,
      names: newestFirst([...name === undefined ? [] : [name], ...known.names]),
      addresses: newestFirst([
        ...address === undefined ? [] : [normal(address)],
        ...known.addresses,
      ]),
    }));
    this.#bound();
  }

  /** Removes names from every unverified peer but one. @param isLost Whether to remove a name. */
  release(key: Bytes, isLost: (name: string) => boolean): void {
    for (const { peer } of [...this.#entries.values()]) {
      if (peer.verified || equal(peer.key, key) || !peer.names.some(isLost)) continue;
      this.#put(entryOf({ ...peer, names: peer.names.filter((name) => !isLost(name)) }));
    }
  }

  /** Adds peers of another table; a known address stays with its key. */
  merge(others: readonly KnownPeer[]): void {
    const taken = new Set(this.#owners.keys());
    for (const other of others) {
      const addresses = other.addresses.filter((address) => !taken.has(address));
      this.#add(entryOf({ ...other, addresses }));
    }
    this.#bound();
  }

  /** Forgets a peer, if the table has one with this key. */
  delete(key: Bytes): void {
    const id = toHex(key);
    this.#freeAddresses(id);
    this.#entries.delete(id);
  }

  /** Formats the lines of all peers, followed by other lines. */
  format(others: readonly Bytes[]): Bytes {
    const lines = Array.from(this.#entries.values(), ({ line }) => `${line}\n`);
    const end = new Uint8Array([LF]);
    return concat(utf8(lines.join("")), ...others.flatMap((line) => [line, end]));
  }

  /**
   * Reads peers as {@linkcode PeerTable.format} writes them.
   *
   * @param before The table of the last read, which saves parsing unchanged lines again.
   */
  static parse(bytes: Bytes, before: PeerTable = new PeerTable()): PeerLines {
    const known = new Map(before.#entries.values().map((entry) => [entry.line, entry]));
    const table = new PeerTable();
    const damaged: Bytes[] = [];
    const damagedLines: number[] = [];
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    for (const [i, line] of splitLines(bytes).entries()) {
      const text = decode(line, decoder);
      const entry = text === undefined ? undefined : known.get(text) ?? parseLine(text);
      if (entry !== undefined) table.#add(entry);
      else if (line.length > 0) {
        damaged.push(line);
        damagedLines.push(i + 1);
      }
    }
    return { table, damaged, damagedLines };
  }

  #add(entry: Entry): void {
    const known = this.#entries.get(entry.id)?.peer;
    this.#put(known === undefined ? entry : entryOf(union(known, entry.peer)));
  }

  /** Replaces the entry of a peer, and takes its addresses from all other peers. */
  #put(entry: Entry): void {
    const { id, peer: { addresses } } = entry;
    this.#freeAddresses(id);
    for (const address of addresses) {
      const owner = this.#owners.get(address);
      if (owner !== undefined) this.#takeFrom(owner, address);
      this.#owners.set(address, id);
    }
    this.#entries.set(id, entry);
  }

  #takeFrom(owner: string, address: string): void {
    const { peer } = this.#entries.get(owner)!;
    const addresses = peer.addresses.filter((each) => each !== address);
    this.#entries.set(owner, entryOf({ ...peer, addresses }));
  }

  #freeAddresses(id: string): void {
    for (const address of this.#entries.get(id)?.peer.addresses ?? []) this.#owners.delete(address);
  }

  /**
   * Forgets the unverified peers that lanchat met longest ago; hosts last, because only they can make people
   * enter a room.
   */
  #bound(): void {
    if (this.#entries.size <= MAX_UNVERIFIED) return;
    const unverified = this.all().filter(({ verified }) => !verified);
    const isHost = ({ addresses }: KnownPeer): number => addresses.length > 0 ? 1 : 0;
    unverified.sort((a, b) => isHost(b) - isHost(a) || b.lastSeen - a.lastSeen);
    for (const { key } of unverified.slice(MAX_UNVERIFIED)) this.delete(key);
  }
}

function entryOf(peer: KnownPeer): Entry {
  const { key, ...others } = peer;
  const line = JSON.stringify({ v: VERSION, key: toBase64Url(key), ...others });
  return { peer, id: toHex(key), line };
}

function splitLines(bytes: Bytes): Bytes[] {
  const lines: Bytes[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(LF, start);
    lines.push(bytes.slice(start, end < 0 ? bytes.length : end));
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}

function decode(line: Bytes, decoder: TextDecoder): string | undefined {
  try {
    return line.length > MAX_LINE_BYTES ? undefined : decoder.decode(line);
  } catch {
    return undefined;
  }
}

/** @returns `undefined` if the line is damaged, or of a later version. */
function parseLine(line: string): Entry | undefined {
  try {
    const { v, key: encoded, names, addresses, firstSeen, lastSeen, verified } = JSON.parse(line);
    const key = fromBase64Url(encoded);
    const fits = v === VERSION && isPublicKey(key) && typeof verified === "boolean" &&
      isList(names, (name) => nameProblem(name) === undefined) &&
      isList(addresses, (address) => ADDRESS.test(address)) &&
      isTime(firstSeen) && isTime(lastSeen);
    if (!fits) return undefined;
    const written = newestFirst(addresses.map(normal));
    return entryOf({ key, names, addresses: written, firstSeen, lastSeen, verified });
  } catch {
    return undefined;
  }
}

function isList(value: unknown, isElement: (text: string) => boolean): boolean {
  return Array.isArray(value) && value.length <= MAX_LISTED &&
    value.every((element) => typeof element === "string" && isElement(element));
}

function isTime(value: unknown): boolean {
  return Number.isInteger(value) && value as number >= 0 && value as number <= MAX_TIME;
}

/** Merges two lines about one key. */
function union(known: KnownPeer, other: KnownPeer): KnownPeer {
  const [newer, older] = known.lastSeen >= other.lastSeen ? [known, other] : [other, known];
  return {
    key: known.key,
    names: newestFirst([...newer.names, ...older.names]),
    addresses: newestFirst([...newer.addresses, ...older.addresses]),
    firstSeen: Math.min(known.firstSeen, other.firstSeen),
    lastSeen: newer.lastSeen,
    verified: known.verified || other.verified,
  };
}

function newestFirst(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].slice(0, MAX_LISTED);
}

/** Converts an address to the one spelling in the table. */
function normal(address: string): string {
  const [, ip, scope = "", port] = /^\[([^%\]]+)(%[^\]]+)?\](:\d+)$/.exec(address) ?? [];
  if (ip === undefined || !URL.canParse(`http://[${ip}]`)) {
    return address.toLowerCase().replace(/\.(?=:\d+$)/, "");
  }
  return `${new URL(`http://[${ip}]`).hostname.slice(0, -1)}${scope}]${port}`;
}
