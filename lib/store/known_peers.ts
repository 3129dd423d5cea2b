import { dirname } from "node:path";
import { type Bytes, concat, fromBase64Url, toBase64Url, toHex, utf8 } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { isPublicKey } from "../crypto/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { nameProblem } from "../wire/mod.ts";
import { takeAlone } from "./lock.ts";
import {
  remove,
  replaceFile,
  requirePermission,
  requireReplacing,
  writeNew,
} from "./private_file.ts";

const VERSION = 1;

/** Most names, and most addresses, of one peer: the oldest go. */
const MAX_LISTED = 8;

/** Most peers that nobody has verified; each takes at most {@linkcode MAX_LINE_BYTES}. */
const MAX_UNVERIFIED = 4096;

/** Longest line, in bytes: what is longer is none of lanchat's. */
const MAX_LINE_BYTES = 4096;

/** Longest file, in bytes, so that reading it ends. */
const MAX_FILE_BYTES: number = 16 << 20;

/** How long others may hold the file, in milliseconds: a change takes a few. */
const LOCK_MS = 5000;

/** Largest time that a `Date` holds, in milliseconds since 1970 (ECMA-262 §21.4.1.1). */
const MAX_TIME = 8.64e15;

/** An address as it is kept: a host and a port, nothing that acts on a terminal. */
const ADDRESS = /^[\x21-\x7e]{1,270}$/;

const LF = 0x0a;

/** Somebody whose key was met before. */
export interface KnownPeer {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** The names that it had, the newest first; at most 8. */
  readonly names: readonly string[];
  /** Where it hosted, as `formatHostPort` writes it with its port, the newest first; at most 8. */
  readonly addresses: readonly string[];
  /** When it was met first, in milliseconds since 1970. */
  readonly firstSeen: number;
  /** When it was met last, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** Whether the person here has compared its fingerprint. */
  readonly verified: boolean;
}

/** What a file of peers has. */
export interface StoredPeers {
  /** Those that could be read. */
  readonly peers: readonly KnownPeer[];
  /** Which lines could not be read, counted from 1. */
  readonly damagedLines: readonly number[];
}

interface Content {
  readonly peers: Peers;
  /** Lines that could not be read, as they are. */
  readonly damaged: readonly Bytes[];
  /** Where they stand, counted from 1. */
  readonly damagedLines: readonly number[];
}

type Peers = Map<string, KnownPeer>;
type Change = (peers: Peers) => void;

/** Where the known peers of an identity file are kept: beside it. */
export function peersPlace(identityFile: string): string {
  return `${identityFile.replace(/\.json$/, "")}.peers.jsonl`;
}

/**
 * The people and hosts whose keys were met before. What is looked up is in memory; what is changed is
 * read anew, changed and written while no other run does so. See IDENTITY.md.
 */
export class KnownPeers {
  /** The file; `undefined` where they are forgotten with this run. */
  readonly file: string | undefined;
  /** Which lines of the file could not be read, counted from 1; they stay in it as they are. */
  readonly damagedLines: readonly number[];
  readonly #clock: Pick<Clock, "now">;
  #peers: Peers;
  /** Changes that are not on the disk yet. */
  #unwritten: Change[] = [];
  /** The write that will take along whatever changes until it begins. */
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: string | undefined, content: Content, clock: Pick<Clock, "now">) {
    this.file = file;
    this.damagedLines = content.damagedLines;
    this.#peers = content.peers;
    this.#clock = clock;
  }

  /**
   * Reads the known peers.
   *
   * @param file As {@linkcode peersPlace} gives it; `undefined` keeps them in memory for this run only.
   * @throws {StoreError} With code `permission-denied`, or `peers-unreadable` where the file is there
   * and cannot be read: without it every key would pass for a new one.
   */
  static async open(
    file: string | undefined,
    clock: Pick<Clock, "now"> = systemClock,
  ): Promise<KnownPeers> {
    return new KnownPeers(file, file === undefined ? nobody() : await read(file), clock);
  }

  /** How many lines of the file could not be read. */
  get damaged(): number {
    return this.damagedLines.length;
  }

  /** All of them, in the order in which they were met. */
  all(): readonly KnownPeer[] {
    return [...this.#peers.values()];
  }

  /** The peer with a key. */
  find(key: Bytes): KnownPeer | undefined {
    return this.#peers.get(toHex(key));
  }

  /** The host that was met at an address, which is as in {@linkcode KnownPeer.addresses}. */
  hostAt(address: string): KnownPeer | undefined {
    const written = normal(address);
    return this.all().find(({ addresses }) => addresses.includes(written));
  }

  /**
   * Notes that a key was met, perhaps under a name, perhaps as the host at an address; the address
   * belongs to no other key from now on.
   *
   * @throws {StoreError} With code `peers-unwritable`; this run knows it all the same.
   */
  async seen(
    key: Bytes,
    { name, address }: { readonly name?: string; readonly address?: string },
  ): Promise<void> {
    const now = this.#clock.now();
    await this.#change((peers) => {
      const { names = [], addresses = [], firstSeen = now, verified = false } =
        peers.get(toHex(key)) ?? {};
      put(peers, {
        key,
        names: name === undefined ? names : newestFirst([name, ...names]),
        addresses: address === undefined ? addresses : newestFirst([normal(address), ...addresses]),
        firstSeen,
        lastSeen: now,
        verified,
      });
    });
  }

  /**
   * Notes whether the person here has compared a peer's fingerprint.
   *
   * @param name The name that it has, where it may not be known yet.
   * @throws {StoreError} With code `peers-unwritable`; this run knows it all the same.
   */
  async setVerified(key: Bytes, verified: boolean, name?: string): Promise<void> {
    const now = this.#clock.now();
    await this.#change((peers) => {
      const known = peers.get(toHex(key)) ??
        { key, names: [], addresses: [], firstSeen: now, lastSeen: now };
      const { names } = known;
      put(peers, {
        ...known,
        names: name === undefined ? names : newestFirst([name, ...names]),
        verified,
      });
    });
  }

  /**
   * Forgets a peer.
   *
   * @returns Whether it was known.
   * @throws {StoreError} With code `peers-unwritable`; this run has forgotten it all the same.
   */
  async forget(key: Bytes): Promise<boolean> {
    const known = this.find(key) !== undefined;
    await this.#change((peers) => peers.delete(toHex(key)));
    return known;
  }

  /**
   * Adds what others have kept. An address that is known here stays with its key, and whoever is
   * verified stays so.
   *
   * @throws {StoreError} With code `peers-unwritable`; this run knows them all the same.
   */
  async merge(others: readonly KnownPeer[]): Promise<void> {
    await this.#change((peers) => {
      const taken = new Set([...peers.values()].flatMap(({ addresses }) => addresses));
      for (const other of others) {
        const addresses = other.addresses.filter((address) => !taken.has(address));
        put(peers, union(peers.get(toHex(other.key)), { ...other, addresses }));
      }
    });
  }

  async #change(change: Change): Promise<void> {
    change(this.#peers);
    bound(this.#peers);
    if (this.file === undefined) return;
    this.#unwritten.push(change);
    this.#next ??= this.#last.then(() => this.#write(this.file!));
    await this.#next;
  }

  /** Writes all that has changed until now, on top of what other runs have written meanwhile. */
  async #write(file: string): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#last = written.promise;
    this.#next = undefined;
    const changes = this.#unwritten;
    this.#unwritten = [];
    try {
      requireReplacing(file, "keep known peers in");
      using _ = await takeAlone(`${file}.lock`, LOCK_MS);
      const { damaged, peers } = await read(file);
      for (const change of changes) change(peers);
      bound(peers);
      const bytes = format(peers, damaged);
      if (bytes.length > MAX_FILE_BYTES) throw new Error(`it must be <= ${MAX_FILE_BYTES} bytes`);
      const draft = `${file}.draft`;
      await remove(draft); // A run that was killed has left it.
      await replaceFile(file, bytes, draft);
      for (const change of this.#unwritten) change(peers);
      this.#peers = peers;
    } catch (cause) {
      // Where nothing can be written for long, what is kept for later must not grow without end.
      this.#unwritten = [...changes, ...this.#unwritten].slice(-MAX_UNVERIFIED);
      const { message: reason } = cause as Error;
      const message = cause instanceof StoreError
        ? reason
        : `Cannot keep known peers in ${quote(file)}: ${reason}`;
      throw new StoreError("peers-unwritable", message, { cause });
    } finally {
      written.resolve();
    }
  }
}

/**
 * Reads peers that were kept elsewhere.
 *
 * @throws {StoreError} With code `permission-denied` or `peers-unreadable`.
 */
export async function readPeers(file: string): Promise<StoredPeers> {
  requirePermission("read", file, ACTION);
  const { damagedLines, peers } = parse(await readBytes(file).catch(unreadable(file)));
  return { peers: [...peers.values()], damagedLines };
}

/**
 * Writes peers to a file that is not there yet, and that nobody else may open.
 *
 * @throws {StoreError} With code `permission-denied` or `peers-unwritable`.
 */
export async function writePeers(file: string, peers: readonly KnownPeer[]): Promise<void> {
  requirePermission("write", file, "write known peers to");
  try {
    await writeNew(file, utf8(formatPeers(peers)));
  } catch (cause) {
    const message = `Cannot write known peers to ${quote(file)}: ${(cause as Error).message}`;
    throw new StoreError("peers-unwritable", message, { cause, hint: "Name another file." });
  }
}

/** Peers as they are kept, one a line. */
export function formatPeers(peers: readonly KnownPeer[]): string {
  return peers.map(({ key, ...others }) =>
    `${JSON.stringify({ v: VERSION, key: toBase64Url(key), ...others })}\n`
  ).join("");
}

const ACTION = "use known peers in";

function nobody(): Content {
  return { peers: new Map(), damaged: [], damagedLines: [] };
}

/** @throws {StoreError} With code `permission-denied` or `peers-unreadable`. */
async function read(file: string): Promise<Content> {
  requirePermission("read", file, ACTION, dirname(file));
  try {
    return parse(await readBytes(file));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return nobody();
    return unreadable(file)(cause);
  }
}

function unreadable(file: string): (cause: unknown) => never {
  return (cause) => {
    const message = `Cannot use known peers in ${quote(file)}: ${(cause as Error).message}`;
    throw new StoreError("peers-unreadable", message, { cause });
  };
}

async function readBytes(file: string): Promise<Bytes> {
  const { isFile, size } = await Deno.stat(file);
  if (!isFile) throw new Error("it is not a regular file");
  if (size > MAX_FILE_BYTES) throw new Error(`it must be <= ${MAX_FILE_BYTES} bytes`);
  return await Deno.readFile(file);
}

function parse(bytes: Bytes): Content {
  const peers: Peers = new Map();
  const damaged: Bytes[] = [];
  const damagedLines: number[] = [];
  for (const [i, line] of splitLines(bytes).entries()) {
    const peer = parseLine(line);
    if (peer !== undefined) put(peers, union(peers.get(toHex(peer.key)), peer));
    else if (line.length > 0) {
      damaged.push(line);
      damagedLines.push(i + 1);
    }
  }
  return { peers, damaged, damagedLines };
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

/** @returns `undefined` if the line is damaged, or of a later version. */
function parseLine(line: Bytes): KnownPeer | undefined {
  if (line.length > MAX_LINE_BYTES) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
    const { v, key: encoded, names, addresses, firstSeen, lastSeen, verified } = JSON.parse(text);
    const key = fromBase64Url(encoded);
    const fits = v === VERSION && isPublicKey(key) && typeof verified === "boolean" &&
      isList(names, (name) => nameProblem(name) === undefined) &&
      isList(addresses, (address) => ADDRESS.test(address)) &&
      isTime(firstSeen) && isTime(lastSeen);
    return fits ? { key, names, addresses, firstSeen, lastSeen, verified } : undefined;
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

function format(peers: Peers, damaged: readonly Bytes[]): Bytes {
  const end = new Uint8Array([LF]);
  return concat(utf8(formatPeers([...peers.values()])), ...damaged.flatMap((line) => [line, end]));
}

/** Puts a peer in the place of what was known of it; its addresses are nobody else's any more. */
function put(peers: Peers, peer: KnownPeer): void {
  const own = toHex(peer.key);
  for (const address of peer.addresses) {
    for (const [hex, other] of peers) {
      if (hex === own || !other.addresses.includes(address)) continue;
      const addresses = other.addresses.filter((each) => each !== address);
      peers.set(hex, { ...other, addresses });
    }
  }
  peers.set(own, peer);
}

/** What two lines about one key say together. */
function union(known: KnownPeer | undefined, other: KnownPeer): KnownPeer {
  if (known === undefined) return other;
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

/**
 * Lets go of those that nobody has verified and that were met longest ago; of hosts last, as nobody
 * else can make somebody enter a room.
 */
function bound(peers: Peers): void {
  if (peers.size <= MAX_UNVERIFIED) return;
  const unverified = [...peers.values()].filter(({ verified }) => !verified);
  const isHost = ({ addresses }: KnownPeer): number => addresses.length > 0 ? 1 : 0;
  unverified.sort((a, b) => isHost(b) - isHost(a) || b.lastSeen - a.lastSeen);
  for (const { key } of unverified.slice(MAX_UNVERIFIED)) peers.delete(toHex(key));
}

/** One spelling for all spellings of an address. */
function normal(address: string): string {
  const [, ip, scope = "", port] = /^\[([^%\]]+)(%[^\]]+)?\](:\d+)$/.exec(address) ?? [];
  if (ip === undefined || !URL.canParse(`http://[${ip}]`)) {
    return address.toLowerCase().replace(/\.(?=:\d+$)/, "");
  }
  return `${new URL(`http://[${ip}]`).hostname.slice(0, -1)}${scope}]${port}`;
}
