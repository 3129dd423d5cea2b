/**
 * The sealed units of a transfer of this member: of files, which are read again for each receiver that lacks
 * something, and of a stream, which is read once.
 *
 * @module
 */
import { type Bytes, equal } from "../bytes/mod.ts";
import { digest, type FileKey } from "../crypto/mod.ts";
import { TransferError } from "../errors.ts";
import { type Geometry, LEAF_BYTES } from "./geometry.ts";
import { type HashTree, type ReadContent, TreeBuilder } from "./tree.ts";

/** Units of a stream that are held for receivers that lack them: 64 MiB. */
const MAX_HELD_UNITS = 1024;

/**
 * Seals a unit. Several calls can be under way at once.
 *
 * @returns `undefined` past the end.
 * @throws {LanchatError} `file-changed`, `file-gone` if a stream no longer holds it, or another code if it
 * cannot be read.
 */
export type SealUnit = (unit: number) => Promise<Bytes | undefined>;

/** Seals the units of one transfer. */
export interface UnitSealer {
  /** Number of units; infinite while the end is not known. */
  readonly units: number;
  /** Number of units that a receiver needs before any other; 0 where it needs none. */
  readonly headUnits: number;
  /** Whether units are read once and in order. */
  readonly isStream: boolean;
  /** Begins a flow of units. Those that are sealed in order are read ahead. */
  begin(): SealUnit;
  /** Ends the reading. */
  close(): Promise<void>;
}

/** The number of units before the first one that holds only contents of files: nodes, and leaves of the manifest. */
export function headUnits(geometry: Geometry, manifestBytes: number): number {
  return geometry.firstLeaf + Math.ceil(manifestBytes / LEAF_BYTES);
}

/** Leaves that are read at once if they are sealed in order: each read waits for another thread. */
const READ_LEAVES = 8;

/** Reads the leaves of one flow. */
class LeafReader {
  readonly #read: ReadContent;
  readonly #geometry: Geometry;
  /** The unit of the first leaf that was read last. */
  #first = 0;
  /** The unit after the last of these. */
  #end = 0;
  #bytes: Promise<Bytes> = Promise.resolve(new Uint8Array());

  constructor(read: ReadContent, geometry: Geometry) {
    this.#read = read;
    this.#geometry = geometry;
  }

  /** Reads a leaf; with the next ones, if it follows those that were read last. */
  async read(unit: number): Promise<Bytes> {
    if (unit === this.#end) this.#readBlock(unit, READ_LEAVES);
    else if (unit < this.#first || unit > this.#end) this.#readBlock(unit, 1);
    const start = (unit - this.#first) * LEAF_BYTES;
    return (await this.#bytes).subarray(start, start + this.#geometry.plainBytes(unit));
  }

  #readBlock(first: number, leaves: number): void {
    const geometry = this.#geometry;
    this.#first = first;
    this.#end = Math.min(first + leaves, geometry.units);
    const last = this.#end - 1;
    const buffer = new Uint8Array((last - first) * LEAF_BYTES + geometry.plainBytes(last));
    this.#bytes = this.#read(geometry.contentOffset(first), buffer).then(() => buffer);
    this.#bytes.catch(() => {}); // The caller of `read` sees the failure.
  }
}

/** Seals the units of files, each only if its hash is the tree's: no two plaintexts ever share key and number. */
export class FileSealer implements UnitSealer {
  readonly units: number;
  readonly headUnits: number;
  readonly isStream = false;
  readonly #read: ReadContent;
  readonly #tree: HashTree;
  readonly #key: FileKey;

  /**
   * Creates a sealer.
   *
   * @param read Reads the content. @param key Seals units of this tree and no others.
   */
  constructor(manifestBytes: number, read: ReadContent, tree: HashTree, key: FileKey) {
    this.#read = read;
    this.#tree = tree;
    this.#key = key;
    this.units = tree.geometry.units;
    this.headUnits = headUnits(tree.geometry, manifestBytes);
  }

  begin(): SealUnit {
    const leaves = new LeafReader(this.#read, this.#tree.geometry);
    return (unit) => this.#seal(unit, leaves);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #seal(unit: number, leaves: LeafReader): Promise<Bytes> {
    const { geometry } = this.#tree;
    if (!geometry.isLeaf(unit)) return await this.#key.seal(unit, false, this.#tree.node(unit));
    const leaf = await leaves.read(unit);
    if (!equal(await digest(leaf), this.#tree.hashOf(unit))) {
      throw new TransferError("file-changed", "its content has changed");
    }
    return await this.#key.seal(unit, geometry.isLast(unit), leaf);
  }
}

/** The end of a stream. */
export interface StreamEnd {
  /** Bytes of the contents. */
  readonly size: number;
  /** The root of the hash tree, 32 bytes. */
  readonly root: Bytes;
}

/** A leaf of a stream. */
interface StreamLeaf {
  readonly bytes: Bytes;
  readonly isLast: boolean;
}

/** Seals the units of a stream in order, and holds the last ones. */
export class StreamSealer implements UnitSealer {
  units: number = Infinity;
  readonly headUnits = 0;
  readonly isStream = true;
  readonly #manifestBytes: number;
  readonly #key: FileKey;
  readonly #onEnd: (end: StreamEnd) => void;
  readonly #input: ReadableStreamDefaultReader<Uint8Array>;
  readonly #leaves: AsyncGenerator<Bytes, void>;
  readonly #builder = new TreeBuilder();
  readonly #held = new Map<number, Promise<Bytes | undefined>>();
  /** The next leaf: only one that none follows is sealed as the last. */
  #ahead: Promise<IteratorResult<Bytes, void>> | undefined;
  /** Number of units that are read, or wait to be. */
  #begun = 0;
  /** Resolves when the last of these is read. */
  #reading: Promise<unknown> = Promise.resolve();

  /**
   * Creates a sealer.
   *
   * @param manifest Comes before the stream, so that there is at least one leaf.
   * @param onEnd Called when the last leaf is read, before it is sealed.
   */
  constructor(
    manifest: Bytes,
    stream: ReadableStream<Uint8Array>,
    key: FileKey,
    onEnd: (end: StreamEnd) => void,
  ) {
    this.#manifestBytes = manifest.length;
    this.#key = key;
    this.#onEnd = onEnd;
    this.#input = stream.getReader();
    this.#leaves = leavesOf(manifest, this.#input);
  }

  begin(): SealUnit {
    return (unit) => this.#seal(unit);
  }

  async #seal(unit: number): Promise<Bytes | undefined> {
    if (unit === this.#begun) this.#readNext();
    const sealed = this.#held.get(unit);
    if (sealed === undefined) throw new TransferError("file-gone", "that part is no longer held");
    return await sealed;
  }

  async close(): Promise<void> {
    this.#held.clear();
    await this.#input.cancel().catch(() => {}); // It has failed before.
  }

  /** Reads and seals the next unit, after those before it. */
  #readNext(): void {
    const unit = this.#begun++;
    const leaf = this.#reading.then(() => this.#leaf(unit));
    this.#reading = leaf.catch(() => {});
    const sealed = leaf.then((found) => found && this.#key.seal(unit, found.isLast, found.bytes));
    sealed.catch(() => {}); // The caller of `#seal` sees the failure.
    this.#held.set(unit, sealed);
    this.#held.delete(unit - MAX_HELD_UNITS);
  }

  async #leaf(unit: number): Promise<StreamLeaf | undefined> {
    if (unit >= this.units) return undefined;
    const { value } = await (this.#ahead ?? this.#next());
    this.#ahead = this.#next();
    const isLast = (await this.#ahead).done === true;
    const bytes = value!;
    this.#builder.setLeaf(unit, await digest(bytes));
    if (isLast) await this.#finish(unit, bytes.length);
    return { bytes, isLast };
  }

  async #next(): Promise<IteratorResult<Bytes, void>> {
    try {
      return await this.#leaves.next();
    } catch (cause) {
      throw new TransferError("file-unreadable", "its input failed", { cause });
    }
  }

  async #finish(last: number, bytes: number): Promise<void> {
    const manifestBytes = this.#manifestBytes;
    const size = last * LEAF_BYTES + bytes - manifestBytes;
    const { root } = await this.#builder.finish({ manifestBytes, size });
    this.units = last + 1;
    this.#onEnd({ size, root });
  }
}

/** Cuts bytes, and the input after them, into leaves. */
async function* leavesOf(
  first: Bytes,
  input: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Bytes, void> {
  let leaf = new Uint8Array(LEAF_BYTES);
  let filled = 0;
  for (let chunk: Uint8Array | undefined = first; chunk !== undefined;) {
    const part = chunk.subarray(0, LEAF_BYTES - filled);
    leaf.set(part, filled);
    filled += part.length;
    if (filled === LEAF_BYTES) {
      yield leaf;
      leaf = new Uint8Array(LEAF_BYTES);
      filled = 0;
    }
    chunk = part.length < chunk.length ? chunk.subarray(part.length) : (await input.read()).value;
  }
  if (filled > 0) yield leaf.slice(0, filled);
}
