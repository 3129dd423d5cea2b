/**
 * The units of another member's transfer, opened and checked: of files, each against the hash tree of the offer,
 * and of a stream, all of them against the root that its end tells.
 *
 * @module
 */
import { type Bytes, equal } from "../bytes/mod.ts";
import { digest, type FileKey } from "../crypto/mod.ts";
import type { Offer } from "../wire/mod.ts";
import { Geometry, LEAF_BYTES } from "./geometry.ts";
import { headUnits } from "./sealing.ts";
import { TreeBuilder, TreeVerifier } from "./tree.ts";

/** Units of a stream from the first that is missing on: the sender holds no more. */
const MAX_STREAM_GAP = 1024;

/** A unit that was opened: its content, unless it did not open or does not match the tree. */
export type OpenedUnit =
  | { readonly state: "damaged" }
  /** It matches the tree, or its node is not here. */
  | { readonly state: "right" | "unchecked"; readonly bytes: Bytes };

/** Opens and checks the units of one transfer. */
export interface UnitOpener {
  /** Number of units; beyond all units while the end of a stream is not known. */
  readonly units: number;
  /** Number of units before the first one that holds only contents of files. */
  readonly headUnits: number;
  /** The first leaf. */
  readonly firstLeaf: number;
  /** Bytes of a unit; `undefined` for one that is not taken. @param gap The first unit that is missing. */
  plainBytes(unit: number, gap: number): number | undefined;
  /** Opens a unit and checks it. Several calls can be under way at once. */
  open(key: FileKey, unit: number, sealed: Bytes): Promise<OpenedUnit>;
  /** Checks an opened unit. @returns `undefined` if its node is not here. */
  verify(unit: number, bytes: Bytes): Promise<boolean | undefined>;
  /** Notes that a unit is stored. */
  stored(unit: number, bytes: Bytes): Promise<void>;
  /** Whether the contents are those that were offered, once all units are stored. @param size Their bytes. */
  isRight(size: number): Promise<boolean>;
}

/** Opens the units of files, whose tree is fixed by the offer. */
export class FileOpener implements UnitOpener {
  readonly units: number;
  readonly headUnits: number;
  readonly firstLeaf: number;
  readonly #verifier: TreeVerifier;

  /** Knows no node yet. */
  constructor({ manifestBytes, root, size }: Offer) {
    this.#verifier = new TreeVerifier({ manifestBytes, size }, root);
    const { geometry } = this.#verifier;
    this.units = geometry.units;
    this.headUnits = headUnits(geometry, manifestBytes);
    this.firstLeaf = geometry.firstLeaf;
  }

  plainBytes(unit: number): number {
    return this.#verifier.geometry.plainBytes(unit);
  }

  async open(key: FileKey, unit: number, sealed: Bytes): Promise<OpenedUnit> {
    const bytes = await key.open(unit, this.#verifier.geometry.isLast(unit), sealed);
    const isRight = bytes && await this.verify(unit, bytes);
    if (bytes === undefined || isRight === false) return { state: "damaged" };
    return { state: isRight ? "right" : "unchecked", bytes };
  }

  verify(unit: number, bytes: Bytes): Promise<boolean | undefined> {
    return this.#verifier.verify(unit, bytes);
  }

  stored(): Promise<void> {
    return Promise.resolve();
  }

  isRight(): Promise<boolean> {
    return Promise.resolve(true); // Each unit was checked.
  }
}

/** The end of a stream, as its sender has told it. */
interface ToldEnd {
  readonly leaves: number;
  readonly size: number;
  readonly root: Bytes;
  /** Bytes of the last leaf. */
  readonly lastBytes: number;
}

/** Opens the units of a stream. All are leaves, and checked at its end. */
export class StreamOpener implements UnitOpener {
  readonly headUnits = 0;
  readonly firstLeaf = 0;
  readonly #manifestBytes: number;
  readonly #builder = new TreeBuilder();
  #end: ToldEnd | undefined;

  /** Does not know the end yet. */
  constructor({ manifestBytes }: Offer) {
    this.#manifestBytes = manifestBytes;
  }

  get units(): number {
    return this.#end?.leaves ?? Number.MAX_SAFE_INTEGER;
  }

  /** Bytes of the contents; `undefined` while the end is not known. */
  get size(): number | undefined {
    return this.#end?.size;
  }

  /** Takes the end that the sender tells. @param size Bytes of the contents. */
  end(size: number, root: Bytes): void {
    const geometry = new Geometry(this.#manifestBytes + size);
    const { leaves, units } = geometry;
    this.#end = { leaves, size, root, lastBytes: geometry.plainBytes(units - 1) };
  }

  plainBytes(unit: number, gap: number): number | undefined {
    // A sender must not make this member keep hashes for units that are far away.
    if (unit >= gap + MAX_STREAM_GAP) return undefined;
    return unit === this.#last ? this.#end!.lastBytes : LEAF_BYTES;
  }

  async open(key: FileKey, unit: number, sealed: Bytes): Promise<OpenedUnit> {
    const last = this.#last;
    const bytes = await key.open(unit, unit === last, sealed) ??
      // Only the end tells which unit is the last, and it may come later.
      (last === undefined ? await key.open(unit, true, sealed) : undefined);
    return bytes === undefined ? { state: "damaged" } : { state: "right", bytes };
  }

  verify(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async stored(unit: number, bytes: Bytes): Promise<void> {
    this.#builder.setLeaf(unit, await digest(bytes));
  }

  async isRight(size: number): Promise<boolean> {
    const end = this.#end!;
    const tree = await this.#builder.finish({
      manifestBytes: this.#manifestBytes,
      size: end.size,
    });
    // The root binds the size, and not that the last leaf ends there.
    return size === end.size && equal(tree.root, end.root);
  }

  get #last(): number | undefined {
    return this.#end && this.#end.leaves - 1;
  }
}
