/**
 * The hash tree over a transfer's content (Merkle 1987, with SHA-256 of FIPS 180-4): the sender builds it
 * before it offers, a receiver checks each unit against it from the top down. See PROTOCOL.md §6.10.
 *
 * @module
 */
import { type Bytes, equal, u64 } from "../bytes/mod.ts";
import { digest, KEY_BYTES, label, sha256 } from "../crypto/mod.ts";
import { Geometry, LEAF_BYTES, MAX_CONTENT_BYTES } from "./geometry.ts";

/** Bytes that {@linkcode buildTree} reads at a time: many leaves, because each read waits for another thread. */
const READ_BYTES: number = 16 * LEAF_BYTES;

/** Reads of {@linkcode buildTree} whose bytes are in memory: one is read while others are hashed. */
const READS = 3;

/** Sizes of a transfer's content. */
export interface ContentSize {
  /** Bytes of the manifest, at least 1. */
  readonly manifestBytes: number;
  /** Bytes of all files. */
  readonly size: number;
}

/**
 * Fills a buffer with a part of the content.
 *
 * @param offset Where in the content the part begins, in bytes.
 * @throws {Error} If it cannot fill the whole buffer.
 */
export type ReadContent = (offset: number, into: Bytes) => Promise<void>;

/** Options of {@linkcode buildTree}. */
export interface BuildOptions {
  /** Ends the work early; the promise then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called with the bytes hashed so far, in order and not for each leaf. */
  readonly onProgress?: (bytes: number) => void;
}

/** The tree of a content: every node, and the hash of every unit. Takes 512 KiB for each GiB of content. */
export class HashTree {
  /** The units of the tree. */
  readonly geometry: Geometry;
  /** `H(L("lanchat/1 file root") || manifestBytes (8) || size (8) || H(unit 0))`: 32 bytes. */
  readonly root: Bytes;
  readonly #nodes: readonly Bytes[];
  readonly #topHash: Bytes;

  /** Use {@linkcode buildTree}. @param nodes By their numbers. @param topHash The hash of unit 0. */
  constructor(geometry: Geometry, nodes: readonly Bytes[], topHash: Bytes, root: Bytes) {
    this.geometry = geometry;
    this.root = root;
    this.#nodes = nodes;
    this.#topHash = topHash;
  }

  /** The bytes of a node, not copied. @throws {RangeError} If there is no such node. */
  node(unit: number): Bytes {
    const bytes = this.#nodes[unit];
    if (bytes === undefined) throw new RangeError(`There is no node ${unit}`);
    return bytes;
  }

  /** The hash of a unit, not copied. @throws {RangeError} If there is no such unit. */
  hashOf(unit: number): Bytes {
    const parent = this.geometry.parentOf(unit);
    return parent === undefined ? this.#topHash : hashAt(this.node(parent.unit), parent.index);
  }
}

/**
 * Collects the hashes of leaves, and makes the tree over them when the content's length is known. Takes
 * 64 KiB for each 2,048 leaves, from the first one on.
 */
export class TreeBuilder {
  /** The nodes above the leaves, by their place; missing if none of its leaves was set. */
  readonly #nodes: (Bytes | undefined)[] = [];
  #leaves = 0;

  /** Number of leaves: one more than the highest place that was set. */
  get leaves(): number {
    return this.#leaves;
  }

  /**
   * Sets the hash of a leaf.
   *
   * @param leaf The leaf's place, counted from 0. @param hash 32 bytes.
   * @throws {RangeError} If no content has so many leaves.
   */
  setLeaf(leaf: number, hash: Bytes): void {
    if (leaf >= MAX_CONTENT_BYTES / LEAF_BYTES) throw new RangeError(`There is no leaf ${leaf}`);
    const offset = leaf * KEY_BYTES;
    // Only the node of this leaf: the sender of a stream chooses the place.
    const node = this.#nodes[Math.floor(offset / LEAF_BYTES)] ??= new Uint8Array(LEAF_BYTES);
    node.set(hash, offset % LEAF_BYTES);
    this.#leaves = Math.max(this.#leaves, leaf + 1);
  }

  /**
   * Makes the tree. A leaf that was not set counts as a hash of zeros, which no content has.
   *
   * @throws {RangeError} If the content has more or fewer leaves, or 2,048 in a row were not set, or the
   * content is too large.
   */
  async finish(content: ContentSize): Promise<HashTree> {
    const geometry = geometryOf(content);
    if (geometry.leaves !== this.#leaves) {
      throw new RangeError(`The content has ${geometry.leaves} leaves, not ${this.#leaves}`);
    }
    const lowest = Array.from(this.#nodes, (node) => {
      if (node === undefined) throw new RangeError("Leaves are missing");
      return node;
    });
    if (geometry.firstLeaf === 0) {
      const topHash = hashAt(lowest[0]!, 0).slice();
      return new HashTree(geometry, [], topHash, await rootOf(content, topHash));
    }
    const firstLowest = geometry.firstLeaf - lowest.length;
    const nodes = Array.from({ length: geometry.firstLeaf }, (_, unit) => {
      const node = lowest[unit - firstLowest] ?? new Uint8Array(LEAF_BYTES);
      return node.subarray(0, geometry.plainBytes(unit));
    });
    // From the bottom up: a node is complete before its own hash is made.
    for (let unit = nodes.length - 1; unit > 0; unit--) {
      const parent = geometry.parentOf(unit)!;
      nodes[parent.unit]!.set(await digest(nodes[unit]!), parent.index * KEY_BYTES);
    }
    const topHash = await digest(nodes[0]!);
    return new HashTree(geometry, nodes, topHash, await rootOf(content, topHash));
  }
}

/**
 * Reads a content and makes its tree. Takes 3 MiB beside the tree; several parts are under way at once, so
 * `read` is called again before its result resolves.
 *
 * @throws {RangeError} If a size is out of bounds.
 * @throws What `read` throws, and the reason of the signal.
 */
export async function buildTree(
  content: ContentSize,
  read: ReadContent,
  options: BuildOptions = {},
): Promise<HashTree> {
  const { contentBytes } = geometryOf(content);
  const builder = new TreeBuilder();
  const slots = Math.min(READS, Math.ceil(contentBytes / READ_BYTES));
  let next = 0;
  let done = 0;
  let failed = false;
  /** Hashes one part after the other in a buffer of its own, until none is left. */
  const work = async (): Promise<void> => {
    const buffer = new Uint8Array(Math.min(READ_BYTES, contentBytes));
    while (next < contentBytes && !failed) {
      options.signal?.throwIfAborted();
      const offset = next;
      const part = buffer.subarray(0, Math.min(READ_BYTES, contentBytes - offset));
      next += part.length;
      await read(offset, part);
      const first = offset / LEAF_BYTES;
      await Promise.all(
        leavesIn(part).map(async (leaf, i) => {
          builder.setLeaf(first + i, await digest(leaf));
        }),
      );
      done += part.length;
      options.onProgress?.(done);
    }
  };
  const workers = Array.from({ length: slots }, () =>
    work().catch((error) => {
      failed = true;
      throw error;
    }));
  // No read goes on after this function has returned: its caller then closes the files.
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return await builder.finish(content);
}

/**
 * Checks the units of a content against the root of its tree. A node that matches is kept: the hashes in it
 * are the checks of the units below.
 */
export class TreeVerifier {
  /** The units of the tree. */
  readonly geometry: Geometry;
  readonly #content: ContentSize;
  readonly #root: Bytes;
  readonly #nodes = new Map<number, Bytes>();

  /** Knows no node yet. @param root As in the offer, 32 bytes. @throws {RangeError} If a size is out of bounds. */
  constructor(content: ContentSize, root: Bytes) {
    this.geometry = geometryOf(content);
    this.#content = content;
    this.#root = root;
  }

  /** Whether a node has been checked and kept. */
  has(node: number): boolean {
    return this.#nodes.has(node);
  }

  /**
   * Checks a unit, and keeps a node that matches. Several checks can be under way at once.
   *
   * @param bytes The opened unit; a node must not be changed later.
   * @returns Whether it matches; `undefined` if the node above it is not there yet.
   * @throws {RangeError} If there is no such unit.
   */
  async verify(unit: number, bytes: Bytes): Promise<boolean | undefined> {
    const parent = this.geometry.parentOf(unit);
    if (parent !== undefined && !this.has(parent.unit)) return undefined;
    const hash = await digest(bytes);
    const isRight = parent === undefined
      ? equal(await rootOf(this.#content, hash), this.#root)
      : equal(hash, hashAt(this.#nodes.get(parent.unit)!, parent.index));
    if (isRight && !this.geometry.isLeaf(unit)) this.#nodes.set(unit, bytes);
    return isRight;
  }
}

function geometryOf({ manifestBytes, size }: ContentSize): Geometry {
  return new Geometry(manifestBytes + size);
}

/** The root of a tree: it also fixes both sizes, and with them the place of each unit. */
function rootOf({ manifestBytes, size }: ContentSize, topHash: Bytes): Promise<Bytes> {
  return sha256(label("lanchat/1 file root"), u64(manifestBytes), u64(size), topHash);
}

function hashAt(node: Bytes, index: number): Bytes {
  return node.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES);
}

function leavesIn(part: Bytes): Bytes[] {
  return Array.from(
    { length: Math.ceil(part.length / LEAF_BYTES) },
    (_, i) => part.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES),
  );
}
