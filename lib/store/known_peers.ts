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

/** Maximum file, in bytes, so that a read ends; lanchat reads and writes none that is longer. */
const MAX_FILE_BYTES: number = 16 << 20;

/** Maximum wait for other runs that change the file, in milliseconds; a change takes a few. */
const LOCK_MS = 5000;

const ACTION = "read known peers from";

/** A file that others can read causes only a warning: it lets no one impersonate a peer. */
const TRUST: FileTrust = {
  holds: "your known peers",
  isSecret: false,
  advice: "Then check 'lanchat peers': others may have added or verified some.",
};

/** Peers from another file. */
export interface StoredPeers {
  /** The peers of the readable lines. */
  readonly peers: readonly KnownPeer[];
  /** Numbers of the unreadable lines, counted from 1. */
  readonly damagedLines: readonly number[];
}

type Change = (table: PeerTable) => void;

/** Path of the known peers of an identity file, beside it. */
export function peersPlace(identityFile: string): string {
  return `${identityFile.replace(/\.json$/, "")}.peers.jsonl`;
}

/**
 * The people and hosts whose keys lanchat has met before. A lookup reads memory. A change locks the file
 * against other runs, reads it again, and writes it. See IDENTITY.md.
 */
export class KnownPeers {
  /** Path of the file; `undefined` if this run forgets the peers at its end. */
  readonly file: string | undefined;
  /** Numbers of the unreadable lines, counted from 1; the lines stay in the file unchanged. */
  readonly damagedLines: readonly number[];
  /** Whether others could read the file; the next write makes it private. */
  readonly isExposed: boolean;
  readonly #clock: Pick<Clock, "now">;
  #table: PeerTable;
  /** Changes that are not on the disk yet. */
  #unwritten: Change[] = [];
  /** The next write, which includes all changes until it begins. */
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
   * @throws {StoreError} With code `permission-denied`, or `peers-unreadable` if the file exists
   * but is unreadable: without it every key would pass for a new one.
   */
  static async open(
    file: string | undefined,
    clock: Pick<Clock, "now"> = systemClock,
  ): Promise<KnownPeers> {
    const { bytes, isExposed } = file === undefined ? NOTHING : await read(file);
    return new KnownPeers(file, PeerTable.parse(bytes), isExposed, clock);
  }

  /** Number of unreadable lines in the file. */
  get damaged(): number {
    return this.damagedLines.length;
  }

  /** All peers, in the order in which lanchat met them. */
  all(): readonly KnownPeer[] {
    return this.#table.all();
  }

  /** The peer with a key. */
  find(key: Bytes): KnownPeer | undefined {
    return this.#table.find(key);
  }

  /** The host that lanchat met at an address, written as in {@linkcode KnownPeer.addresses}. */
  hostAt(address: string): KnownPeer | undefined {
    return this.#table.hostAt(address);
  }

  /**
   * Notes that lanchat has met a key, perhaps under a name, perhaps as the host at an address; from now on
   * the address belongs to no other key.
   *
   * @throws {StoreError} With code `peers-unwritable`; the change still holds in this run.
   */
  async seen(
    key: Bytes,
    { address, name }: { readonly name?: string; readonly address?: string },
  ): Promise<void> {
    const now = this.#clock.now();
    await this.#change((table) => table.note(key, { address, name, lastSeen: now }, now));
  }

  /**
   * Notes whether the person here has compared the fingerprint of a peer.
   *
   * @param name The peer's name, in case lanchat does not know it yet.
   * @param isTaken Whether a name now belongs only to this peer: unverified others lose it.
   * @throws {StoreError} With code `peers-unwritable`; the change still holds in this run.
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
   * @returns Whether lanchat knew the peer.
   * @throws {StoreError} With code `peers-unwritable`; the change still holds in this run.
   */
  async forget(key: Bytes): Promise<boolean> {
    const known = this.find(key) !== undefined;
    await this.#change((table) => table.delete(key));
    return known;
  }

  /**
   * Adds peers from another file. A known address stays with its key, and a verified peer stays verified.
   *
   * @throws {StoreError} With code `peers-unwritable`; the change still holds in this run.
   */
  async merge(others: readonly KnownPeer[]): Promise<void> {
    await this.#change((table) => table.merge(others));
  }

  /** The peers as in the file, one a line. */
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

  /** Writes all changes until now, on top of those that other runs have written meanwhile. */
  async #write(file: string): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#last = written.promise;
    this.#next = undefined;
    const changes = this.#unwritten;
    this.#unwritten = [];
    try {
      requireReplacing(file, "save known peers in");
      using _ = await takeAlone(`${file}.lock`, LOCK_MS);
      const { damaged, table } = PeerTable.parse((await read(file)).bytes, this.#table);
      for (const change of changes) change(table);
      const bytes = table.format(damaged);
      if (bytes.length > MAX_FILE_BYTES) {
        throw new Error(`at most ${MAX_FILE_BYTES} bytes are allowed`);
      }
      const draft = `${file}.draft`;
      await remove(draft); // A killed run may have left it.
      await replaceFile(file, bytes, draft);
      for (const change of this.#unwritten) change(table);
      this.#table = table;
    } catch (cause) {
      // If writes fail for long, the unwritten changes must not grow without end.
      this.#unwritten = [...changes, ...this.#unwritten].slice(-MAX_UNVERIFIED);
      const reason = reasonOf(cause);
      const message = cause instanceof StoreError
        ? reason
        : `Cannot save known peers in ${quote(file)}: ${reason}`;
      throw new StoreError("peers-unwritable", message, { cause });
    } finally {
      written.resolve();
    }
  }
}

/**
 * Reads peers from another file.
 *
 * @throws {StoreError} With code `permission-denied`, or `peers-unreadable` if no line of it is a peer.
 */
export async function readPeers(file: string): Promise<StoredPeers> {
  requirePermission("read", file, ACTION);
  const hint = "Use a file that 'lanchat peers export' made.";
  const { bytes } = await readRegular(file, MAX_FILE_BYTES).catch(unreadable(file, { hint }));
  const { damagedLines, table } = PeerTable.parse(bytes);
  const peers = table.all();
  if (peers.length > 0 || damagedLines.length === 0) return { peers, damagedLines };
  const message = `Cannot read known peers from ${quote(file)}: no line is valid`;
  throw new StoreError("peers-unreadable", message, { hint });
}

/**
 * Writes the lines of {@linkcode KnownPeers.export} to a new file that only its owner may open.
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
    const message = `Cannot read known peers from ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("peers-unreadable", message, { ...options, ...causedBy(cause) });
  };
}
