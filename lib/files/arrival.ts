/**
 * What arrives of another member's transfer: from sealed bytes to checked files on the disk.
 *
 * The bytes of a unit pass these stations: `UnitAssembler.push` joins them, `UnitOpener.open` opens the unit and
 * checks it, several units at once; then, in the order in which they came, a leaf is written and counts. All that
 * is not right is dropped.
 *
 * @module
 */
import { type Bytes, concat } from "../bytes/mod.ts";
import { inTurns } from "../clock.ts";
import { type FileKey, TAG_BYTES } from "../crypto/mod.ts";
import { Download, type PartOffer } from "../store/mod.ts";
import type { Offer } from "../wire/mod.ts";
import { UnitAssembler } from "./assembler.ts";
import { readArrived, writeArrived } from "./content.ts";
import { LEAF_BYTES } from "./geometry.ts";
import { inOrder } from "./in_order.ts";
import { Manifest } from "./manifest.ts";
import { eachSafePath, safeName } from "./names.ts";
import type { OpenedUnit, UnitOpener } from "./opening.ts";
import type { IncomingChunk } from "./port.ts";
import { UnitSet } from "./unit_set.ts";

/** Maximum bytes held until the grant has come: it can be handled after the first units arrive. */
const MAX_EARLY_BYTES: number = 1 << 20;

/** What such a chunk counts for beside its bytes: many small ones take memory, too. */
const CHUNK_OVERHEAD_BYTES = 1024;

/** Leaves that are written at once if they come faster than that: each write waits for another thread. */
const WRITTEN_AT_ONCE = 8;

/** Leaves on the disk that are checked at the same time. */
const CHECKED_AT_ONCE = 8;

/** What became of a unit: it is here, damaged, without a place while units before it are missing, or not used. */
export type UnitFate = "kept" | "damaged" | "unplaced" | "dropped";

/** A unit that came and is not kept yet. */
interface ComingUnit {
  readonly unit: number;
  /** `undefined` while it is being opened. */
  opened: OpenedUnit | undefined;
}

/** Dependencies of {@linkcode Arrival}. */
export interface ArrivalOptions {
  /** What was offered. */
  readonly offer: Offer;
  /** How a later run finds it again. */
  readonly part: PartOffer;
  /** The download folder. */
  readonly directory: string;
  /** Whether units are taken now. */
  readonly isActive: () => boolean;
  /** Called after each unit, in the order in which they came. */
  readonly onUnit: (unit: number, fate: UnitFate) => void;
  /** Called if a unit cannot be kept. */
  readonly onError: (error: unknown) => void;
}

/** The units of one transfer that are here. */
export class Arrival {
  readonly #options: ArrivalOptions;
  readonly #opener: UnitOpener;
  readonly #assembler = new UnitAssembler((unit) => this.#sizeOf(unit));
  /** The units that are here and right. */
  readonly #have = new UnitSet();
  /** Units that are being handled. */
  readonly #handling = new Set<number>();
  /** The same, in the order in which they came. */
  readonly #coming: ComingUnit[] = [];
  /** Leaves that are written at once. */
  #joined: Bytes = new Uint8Array();
  /** The leaves of the manifest, by their place, until it is complete. */
  readonly #manifestLeaves = new Map<number, Bytes>();
  #key: FileKey | undefined;
  /** Chunks that came before the key. */
  #early: IncomingChunk[] = [];
  #earlyBytes = 0;
  #manifest: Manifest | undefined;
  #download: Download | undefined;
  /** Whether the files of an earlier run are not checked yet. */
  #unchecked = false;
  /** Bytes of the contents that are here and right. */
  #bytes = 0;
  /** Resolves when all units that came are handled. */
  #handled: Promise<void> = Promise.resolve();

  /** Has nothing yet. */
  constructor(opener: UnitOpener, options: ArrivalOptions) {
    this.#opener = opener;
    this.#options = options;
  }

  /** Bytes of the contents that are here and right. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The first unit that is not here. */
  get gap(): number {
    return this.#have.gap;
  }

  /** The last unit that is here. */
  get last(): number | undefined {
    return this.#have.last;
  }

  /** The units that are to come next, and not here. */
  get missing(): UnitSet {
    return this.#have.missing(0, this.#dueUnits);
  }

  /** Whether none of these is missing. */
  get isWhole(): boolean {
    return this.#have.size === this.#dueUnits;
  }

  /** Whether the files of an earlier run are to be checked before more is wanted. */
  get isUnchecked(): boolean {
    return this.#unchecked;
  }

  /** Finds what an earlier run has received of the same offer. @returns Whether there is something. */
  async find(): Promise<boolean> {
    const { directory, part } = this.#options;
    // If the folder cannot be used, accepting the offer says why.
    this.#download = await Download.find(directory, part).catch(() => undefined);
    this.#unchecked = this.#download !== undefined;
    return this.#unchecked;
  }

  /** Opens the units that come from now on, and those that came early. */
  useKey(key: FileKey): void {
    this.#key = key;
    this.#earlyBytes = 0;
    for (const chunk of this.#early.splice(0)) void this.take(chunk);
  }

  /** Forgets the key: another one follows. */
  forgetKey(): void {
    this.#key = undefined;
    this.#early = [];
    this.#earlyBytes = 0;
    this.forgetParts();
  }

  /** Drops units of which only parts have come, and memory for more: nothing comes for now. */
  forgetParts(): void {
    this.#assembler.clear();
    this.#joined = new Uint8Array();
  }

  /** Takes bytes of the transfer's image. @returns Resolves when they are handled. */
  async take(chunk: IncomingChunk): Promise<void> {
    if (this.#key === undefined) {
      this.#earlyBytes += chunk.bytes.length + CHUNK_OVERHEAD_BYTES;
      if (this.#earlyBytes <= MAX_EARLY_BYTES) this.#early.push(chunk);
      return;
    }
    const units = this.#assembler.push(chunk.offset, chunk.bytes);
    await Promise.all(units.map(({ sealed, unit }) => this.#handle(unit, sealed)));
  }

  /** Takes a unit of a stream whose size has become known. */
  takeLast(unit: number): void {
    const sealed = this.#assembler.take(unit);
    if (sealed !== undefined) void this.#handle(unit, sealed);
  }

  /** Runs something after all units that came. Errors are given to `onError`. */
  inTurn(action: () => Promise<void>): Promise<void> {
    this.#handled = this.#handled.then(action).catch(this.#options.onError);
    return this.#handled;
  }

  /** Checks the files of an earlier run. @returns Whether it has checked all: then only what is not here is missing. */
  async checkFound(): Promise<boolean> {
    const { isActive } = this.#options;
    const opener = this.#opener;
    const leaves = this.#have.missing(opener.firstLeaf, opener.units);
    const checks = inOrder(CHECKED_AT_ONCE, unitsOf(leaves), async (unit) => {
      const bytes = new Uint8Array(opener.plainBytes(unit, this.gap)!);
      const offset = (unit - opener.firstLeaf) * LEAF_BYTES;
      const isThere = isActive() &&
        await readArrived(this.#manifest!, this.#download!, offset, bytes);
      const isRight = isThere && await opener.verify(unit, bytes);
      return { bytes, isRight, unit };
    });
    for await (const { bytes, isRight, unit } of checks) {
      if (!isRight) continue;
      this.#have.add(unit);
      this.#bytes += bytes.length;
    }
    // If it was paused meanwhile, the rest is checked when it goes on.
    if (!isActive()) return false;
    this.#unchecked = false;
    return true;
  }

  /** Whether all that is here is what was offered. */
  isRight(): Promise<boolean> {
    return this.#opener.isRight(this.#bytes);
  }

  /** Gives the files their names. @returns Where they are. */
  name(): Promise<string[]> {
    return this.#download!.finish();
  }

  /** Releases the files, once what came is handled. */
  async close(): Promise<void> {
    await this.#handled;
    await this.#download?.close();
  }

  /** Removes what came. */
  async discard(): Promise<void> {
    await this.#download?.discard();
  }

  /** Number of the units that are to come next, from the first one on. */
  get #dueUnits(): number {
    // What an earlier run wrote can only be checked with the nodes and the manifest.
    return this.#unchecked ? this.#opener.headUnits : this.#opener.units;
  }

  /** Bytes of a sealed unit; `undefined` if it is not taken. */
  #sizeOf(unit: number): number | undefined {
    if (unit >= this.#dueUnits || this.#have.has(unit) || this.#handling.has(unit)) {
      return undefined;
    }
    const plain = this.#opener.plainBytes(unit, this.gap);
    return plain && plain + TAG_BYTES;
  }

  /** Opens and checks a unit, and keeps it in its turn. */
  async #handle(unit: number, sealed: Bytes): Promise<void> {
    const { isActive, onError, onUnit } = this.#options;
    this.#handling.add(unit);
    const coming: ComingUnit = { unit, opened: undefined };
    this.#coming.push(coming);
    const opening = this.#opener.open(this.#key!, unit, sealed)
      .then((opened) => coming.opened = opened);
    opening.catch(() => {}); // It is awaited in its turn.
    await this.inTurn(async () => {
      if (this.#coming[0] !== coming) return; // It was kept with one before it.
      let contents: Bytes[] = [];
      let fate: UnitFate = "dropped";
      try {
        const opened = await opening;
        if (isActive()) {
          contents = this.#joinable(opened);
          fate = await this.#keep(unit, opened, contents);
        }
      } catch (error) {
        onError(error);
      }
      for (const { unit } of this.#coming.splice(0, Math.max(1, contents.length))) {
        this.#handling.delete(unit);
        onUnit(unit, fate);
      }
    });
  }

  /** The contents that can be kept at once: that of the next unit, and those of leaves after it if all are right. */
  #joinable(next: OpenedUnit): Bytes[] {
    if (next.state === "damaged") return [];
    const contents = [next.bytes];
    const first = this.#coming[0]!.unit;
    const isLeaf = this.#manifest !== undefined && first >= this.#opener.firstLeaf;
    if (next.state !== "right" || !isLeaf) return contents;
    for (const { opened, unit } of this.#coming.slice(1, WRITTEN_AT_ONCE)) {
      if (opened?.state !== "right" || unit !== first + contents.length) break;
      contents.push(opened.bytes);
    }
    return contents;
  }

  /** Keeps units. @param opened The first. @param contents Of all of them: those after the first are right. */
  async #keep(first: number, opened: OpenedUnit, contents: readonly Bytes[]): Promise<UnitFate> {
    if (opened.state === "damaged") return "damaged";
    if (opened.state === "unchecked") {
      // The node above it may have been checked since.
      const isRight = await this.#opener.verify(first, opened.bytes);
      if (isRight !== true) return isRight === false ? "damaged" : "unplaced";
    }
    if (!await this.#store(first, this.#join(contents))) return "unplaced";
    for (const [i, bytes] of contents.entries()) {
      this.#have.add(first + i);
      await this.#opener.stored(first + i, bytes);
    }
    return "kept";
  }

  /** Several contents in one, until the next call. */
  #join(contents: readonly Bytes[]): Bytes {
    if (contents.length === 1) return contents[0]!;
    if (this.#joined.length === 0) this.#joined = new Uint8Array(WRITTEN_AT_ONCE * LEAF_BYTES);
    let end = 0;
    for (const part of contents) {
      this.#joined.set(part, end);
      end += part.length;
    }
    return this.#joined.subarray(0, end);
  }

  /** Stores a leaf, or several in a row. @returns Whether its place is known. */
  async #store(unit: number, bytes: Bytes): Promise<boolean> {
    const leaf = unit - this.#opener.firstLeaf;
    if (leaf < 0) return true;
    const offset = leaf * LEAF_BYTES;
    const { manifestBytes } = this.#options.offer;
    if (this.#manifest !== undefined) {
      await writeArrived(this.#manifest, this.#download!, offset, bytes);
      this.#bytes += bytes.length;
      return true;
    }
    if (offset >= manifestBytes) return false;
    this.#manifestLeaves.set(leaf, bytes);
    if (this.#manifestLeaves.size * LEAF_BYTES < manifestBytes) return true;
    await this.#openDownload();
    return true;
  }

  /** Opens the folder for the files: the manifest is complete. */
  async #openDownload(): Promise<void> {
    const { directory, offer, part } = this.#options;
    const { manifestBytes, name } = offer;
    const places = [...this.#manifestLeaves.keys()].sort((a, b) => a - b);
    const leaves = concat(...places.map((place) => this.#manifestLeaves.get(place)!));
    const manifest = await Manifest.read(leaves.slice(0, manifestBytes));
    manifest.checkOffer(offer);
    this.#download ??= await Download.create(directory, safeName(name), part);
    const paths = await inTurns(eachSafePath(manifest.files.map(({ path }) => path)));
    await this.#download.lay(manifest.files.map(({ size }, i) => ({
      path: paths[i]!,
      size: manifest.isStream ? undefined : size,
    })));
    await writeArrived(manifest, this.#download, 0, leaves);
    this.#bytes += leaves.length - manifestBytes;
    this.#manifest = manifest;
    this.#manifestLeaves.clear();
  }
}

/** The units of a set, ascending. */
function* unitsOf(set: UnitSet): Generator<number> {
  for (let unit = set.first; unit !== undefined; unit = set.next(unit + 1)) yield unit;
}
