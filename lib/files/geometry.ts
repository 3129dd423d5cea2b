/**
 * Sizes and numbers of the units that a transfer's content is cut into. See PROTOCOL.md §6.10.
 *
 * @module
 */
import { KEY_BYTES, TAG_BYTES } from "../crypto/mod.ts";

/** Bytes of a leaf: a piece of the content. The last one can be shorter. */
export const LEAF_BYTES = 65_536;

/** Maximum children of a node; their hashes fill as many bytes as a leaf has. */
export const FAN_OUT: number = LEAF_BYTES / KEY_BYTES;

/** Bytes from the start of a sealed unit to that of the next one in a transfer's image. */
export const SEALED_UNIT_BYTES: number = LEAF_BYTES + TAG_BYTES;

/**
 * Maximum content, in bytes: 1 TiB. Both sides keep the hashes of all leaves in memory, 512 KiB for each GiB,
 * and a larger offer could fill the memory of its receivers.
 */
export const MAX_CONTENT_BYTES: number = 2 ** 40;

/** Consecutive units. */
export interface UnitRange {
  /** The number of the first one. */
  readonly first: number;
  /** How many there are. */
  readonly count: number;
}

/** The place of a unit's hash. */
export interface Parent {
  /** The number of the node that holds it. */
  readonly unit: number;
  /** The hash's place among those in the node, counted from 0. */
  readonly index: number;
}

/** One level of the tree. */
interface Level extends UnitRange {
  /** Bytes of all its units together. */
  readonly bytes: number;
}

/**
 * The hash tree of a content, by its length: leaves of {@linkcode LEAF_BYTES}, and nodes that hold up to
 * {@linkcode FAN_OUT} hashes each. Units are numbered from the top node, 0, level by level and from left to
 * right; the leaves are last. If there is only one leaf, it is unit 0. For a content whose length is unknown,
 * only leaves are units; see PROTOCOL.md §6.10.
 *
 * @example Three leaves below one node
 * ```ts
 * import { Geometry } from "./geometry.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const geometry = new Geometry(150_000);
 * assertEquals([geometry.firstLeaf, geometry.units], [1, 4]);
 * assertEquals(geometry.parentOf(3), { unit: 0, index: 2 });
 * assertEquals(geometry.plainBytes(3), 150_000 - 2 * 65_536);
 * ```
 */
export class Geometry {
  /** Bytes of the content: of the manifest and of all files. */
  readonly contentBytes: number;
  /** Number of leaves. */
  readonly leaves: number;
  /** Number of the first leaf, and so of nodes. */
  readonly firstLeaf: number;
  /** Number of units: of nodes and leaves. */
  readonly units: number;
  /** From the top down; the last one has the leaves. */
  readonly #levels: readonly Level[];

  /**
   * Divides a content.
   *
   * @param contentBytes Bytes of the content, 1 to {@linkcode MAX_CONTENT_BYTES}.
   * @throws {RangeError} If it is none of these.
   */
  constructor(contentBytes: number) {
    if (!Number.isInteger(contentBytes) || contentBytes < 1 || contentBytes > MAX_CONTENT_BYTES) {
      const limits = `1 to ${MAX_CONTENT_BYTES} bytes`;
      throw new RangeError(`Cannot divide content: ${contentBytes} is not in ${limits}`);
    }
    const sizes = [contentBytes];
    const countOf = (bytes: number): number => Math.ceil(bytes / LEAF_BYTES);
    while (sizes[0]! > LEAF_BYTES) sizes.unshift(countOf(sizes[0]!) * KEY_BYTES);
    let first = 0;
    const levels = sizes.map((bytes) => {
      const level = { first, count: countOf(bytes), bytes };
      first += level.count;
      return level;
    });
    this.contentBytes = contentBytes;
    this.leaves = countOf(contentBytes);
    this.units = first;
    this.firstLeaf = first - this.leaves;
    this.#levels = levels;
  }

  /** Whether a unit is a leaf, not a node. */
  isLeaf(unit: number): boolean {
    return unit >= this.firstLeaf;
  }

  /** Whether a unit is the last one, which is sealed as such. */
  isLast(unit: number): boolean {
    return unit === this.units - 1;
  }

  /** Bytes of a unit. @throws {RangeError} If there is no such unit. */
  plainBytes(unit: number): number {
    const { bytes, count, first } = this.#levelOf(unit).level;
    return unit - first < count - 1 ? LEAF_BYTES : bytes - (count - 1) * LEAF_BYTES;
  }

  /** Bytes of a sealed unit. @throws {RangeError} If there is no such unit. */
  sealedBytes(unit: number): number {
    return this.plainBytes(unit) + TAG_BYTES;
  }

  /** The place of a unit's hash; `undefined` for unit 0. @throws {RangeError} If there is no such unit. */
  parentOf(unit: number): Parent | undefined {
    const { depth, level } = this.#levelOf(unit);
    const above = this.#levels[depth - 1];
    if (above === undefined) return undefined;
    const index = unit - level.first;
    return { unit: above.first + Math.floor(index / FAN_OUT), index: index % FAN_OUT };
  }

  /**
   * The units whose hashes a node holds.
   *
   * @throws {RangeError} If there is no such node.
   */
  childrenOf(node: number): UnitRange {
    const { depth, level } = this.#levelOf(node);
    const below = this.#levels[depth + 1];
    if (below === undefined) throw new RangeError(`Unit ${node} is a leaf`);
    const start = (node - level.first) * FAN_OUT;
    return { first: below.first + start, count: Math.min(FAN_OUT, below.count - start) };
  }

  /** Where in the content a leaf begins, in bytes. @throws {RangeError} If it is not a leaf. */
  contentOffset(leaf: number): number {
    if (!this.isLeaf(leaf) || leaf >= this.units) {
      throw new RangeError(`Unit ${leaf} is not a leaf`);
    }
    return (leaf - this.firstLeaf) * LEAF_BYTES;
  }

  /**
   * The leaves that hold a part of the content.
   *
   * @param offset Where the part begins, in bytes. @param length Its bytes; none are in no leaf.
   * @throws {RangeError} If it is not in the content.
   */
  leavesOf(offset: number, length: number): UnitRange {
    if (offset < 0 || length < 0 || offset + length > this.contentBytes) {
      throw new RangeError(`${length} bytes at ${offset} are not in the content`);
    }
    const first = Math.floor(offset / LEAF_BYTES);
    const count = length === 0 ? 0 : Math.ceil((offset + length) / LEAF_BYTES) - first;
    return { first: this.firstLeaf + first, count };
  }

  #levelOf(unit: number): { readonly depth: number; readonly level: Level } {
    if (Number.isInteger(unit) && unit >= 0 && unit < this.units) {
      const depth = this.#levels.findLastIndex(({ first }) => first <= unit);
      return { depth, level: this.#levels[depth]! };
    }
    throw new RangeError(`There is no unit ${unit}: there are ${this.units}`);
  }
}

/** The unit that a position in a transfer's image is in, and where in its sealed bytes. */
export function imagePosition(offset: number): { readonly unit: number; readonly offset: number } {
  const unit = Math.floor(offset / SEALED_UNIT_BYTES);
  return { unit, offset: offset - unit * SEALED_UNIT_BYTES };
}
