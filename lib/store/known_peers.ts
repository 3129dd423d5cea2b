/**
 * The file of known peers, which several runs of lanchat may change at once.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { quote, StoreError } from "../errors.ts";
import { takeAlone } from "./lock.ts";
import { type KnownPeer, MAX_UNVERIFIED, type PeerLines, PeerTable } from "./peer_table.ts";
import {
  reasonOf,
  remove,
  replaceFile,
  requirePermission,
  requireReplacing,
  writeNew,
} from "./private_file.ts";
import {
  causedBy,
  type FileTrust,
  isReadByOthers,
  readRegular,
  readTrusted,
} from "./trusted_file.ts";

/** Longest file, in bytes, so that reading it ends. */
const MAX_FILE_BYTES: number = 16 << 20;

/** How long others may hold the file, in milliseconds: a change takes a few. */
const LOCK_MS = 5000;

const ACTION = "use known peers in";

/** A file that others can read is only a warning: reading it lets no one impersonate a peer. */
const TRUST: FileTrust = {
  holds: "whom you know and have verified",
  isSecret: false,
  advice: "Then look through 'lanchat peers': whoever is verified there may not be.",
};

/** Peers that were kept elsewhere. */
export interface StoredPeers {
  /** Those that could be read. */
  readonly peers: readonly KnownPeer[];
  /** Which lines could not be read, counted from 1. */
  readonly damagedLines: readonly number[];
}

type Change = (table: PeerTable) => void;

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
  /** Whether others could read the file; nobody can once it was written again. */
  readonly isExposed: boolean;
  readonly #clock: Pick<Clock, "now">;
  #table: PeerTable;
  /** Changes that are not on the disk yet. */
  #unwritten: Change[] = [];
  /** The write that will take along whatever changes until it begins. */
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor(
    file: string | undefined,
    { damagedLines, table }: Pick<PeerLines, "damagedLines" | "table">,
    isExposed: boolean,
    clock: Pick<Clock, "now">,
  ) {
    this.file = file;
    this.isExposed = isExposed;
    this.damagedLines = damagedLines;
    this.#table = table;
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
    const { bytes, isExposed } = file === undefined ? NOTHING : await read(file);
    return new KnownPeers(file, PeerTable.parse(bytes), isExposed, clock);
  }

  /** How many lines of the file could not be read. */
  get damaged(): number {
    return this.damagedLines.length;
  }

  /** All of them, in the order in which they were met. */
  all(): readonly KnownPeer[] {
    return this.#table.all();
  }

  /** The peer with a key. */
  find(key: Bytes): KnownPeer | undefined {
    return this.#table.find(key);
  }

  /** The host that was met at an address, which is as in {@linkcode KnownPeer.addresses}. */
  hostAt(address: string): KnownPeer | undefined {
    return this.#table.hostAt(address);
  }

  /**
   * Notes that a key was met, perhaps under a name, perhaps as the host at an address; the address
   * belongs to no other key from now on.
   *
   * @throws {StoreError} With code `peers-unwritable`; this run knows it all the same.
   */
  async seen(
    key: Bytes,
    { address, name }: { readonly name?: string; readonly address?: string },
  ): Promise<void> {
    const now = this.#clock.now();
    await this.#change((table) => table.note(key, { address, name, lastSeen: now }, now));
  }

  /**
   * Notes whether the person here has compared a peer's fingerprint.
   *
   * @param name The name that it has, where it may not be known yet.
   * @param isTaken Whether a name is now this peer's alone: others that are not verified are known by it no
   * more.
   * @throws {StoreError} With code `peers-unwritable`; this run knows it all the same.
   */
  async setVerified(
    key: Bytes,
    verified: boolean,
    name?: string,
    isTaken: (name: string) => boolean = () => false,
  ): Promise<void> {
    const now = this.#clock.now();
    await this.#change((table) => {
      table.note(key, { name, verified }, now);
      table.release(key, isTaken);
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
    await this.#change((table) => table.delete(key));
    return known;
  }

  /**
   * Adds what others have kept. An address that is known here stays with its key, and whoever is
   * verified stays so.
   *
   * @throws {StoreError} With code `peers-unwritable`; this run knows them all the same.
   */
  async merge(others: readonly KnownPeer[]): Promise<void> {
    await this.#change((table) => table.merge(others));
  }

  /** The peers as they are kept, one a line. */
  export(): Bytes {
    return this.#table.format([]);
  }

  async #change(change: Change): Promise<void> {
    change(this.#table);
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
      const { damaged, table } = PeerTable.parse((await read(file)).bytes, this.#table);
      for (const change of changes) change(table);
      const bytes = table.format(damaged);
      if (bytes.length > MAX_FILE_BYTES) throw new Error(`it must be <= ${MAX_FILE_BYTES} bytes`);
      const draft = `${file}.draft`;
      await remove(draft); // A run that was killed has left it.
      await replaceFile(file, bytes, draft);
      for (const change of this.#unwritten) change(table);
      this.#table = table;
    } catch (cause) {
      // Where nothing can be written for long, what is kept for later must not grow without end.
      this.#unwritten = [...changes, ...this.#unwritten].slice(-MAX_UNVERIFIED);
      const reason = reasonOf(cause);
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
 * @throws {StoreError} With code `permission-denied`, or `peers-unreadable` where no line of it is one.
 */
export async function readPeers(file: string): Promise<StoredPeers> {
  requirePermission("read", file, ACTION);
  const hint = "Give a file that 'lanchat peers export' has made.";
  const { bytes } = await readRegular(file, MAX_FILE_BYTES).catch(unreadable(file, { hint }));
  const { damagedLines, table } = PeerTable.parse(bytes);
  const peers = table.all();
  if (peers.length > 0 || damagedLines.length === 0) return { peers, damagedLines };
  const message = `Cannot use known peers in ${quote(file)} as no line of it can be read`;
  throw new StoreError("peers-unreadable", message, { hint });
}

/**
 * Writes what {@linkcode KnownPeers.export} gives to a file that is not there yet, and that nobody else
 * may open.
 *
 * @throws {StoreError} With code `permission-denied` or `peers-unwritable`.
 */
export async function writePeers(file: string, lines: Bytes): Promise<void> {
  requirePermission("write", file, "write known peers to");
  try {
    await writeNew(file, lines);
  } catch (cause) {
    const message = `Cannot write known peers to ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("peers-unwritable", message, { cause, hint: "Name another file." });
  }
}

const NOTHING: { bytes: Bytes; isExposed: boolean } = { bytes: new Uint8Array(), isExposed: false };

/** @throws {StoreError} With code `permission-denied` or `peers-unreadable`. */
async function read(file: string): Promise<{ bytes: Bytes; isExposed: boolean }> {
  requirePermission("read", file, ACTION, dirname(file));
  try {
    const { bytes, info } = await readTrusted(file, MAX_FILE_BYTES, TRUST);
    return { bytes, isExposed: isReadByOthers(info) };
  } catch (cause) {
    return cause instanceof Deno.errors.NotFound ? NOTHING : unreadable(file)(cause);
  }
}

function unreadable(file: string, options: { hint?: string } = {}): (cause: unknown) => never {
  return (cause) => {
    const message = `Cannot use known peers in ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("peers-unreadable", message, { ...options, ...causedBy(cause) });
  };
}
