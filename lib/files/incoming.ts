/**
 * A transfer of another member: says which units it lacks, checks what comes, and writes it to the disk.
 *
 * The bytes of a unit pass these stations: `UnitAssembler.push` joins them, `FileKey.open` opens the unit and
 * `TreeVerifier.verify` checks it, several units at once; then, in the order in which they came, a leaf is written
 * and counts. All that is not right is dropped, and wanted again.
 *
 * @module
 */
import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import { digest, type FileKey, fileKey, hashOffer } from "../crypto/mod.ts";
import { type Code, quote, StoreError, TransferError, WireError } from "../errors.ts";
import { type TransferState, type TransferView, warning } from "../session_events.ts";
import { Download, type PartOffer } from "../store/mod.ts";
import {
  encodeFileMessage,
  type FileMessage,
  MAX_WANT_RANGES,
  type Offer,
  type Report,
  ReportState,
  StopReason,
  WithdrawReason,
} from "../wire/mod.ts";
import { UnitAssembler } from "./assembler.ts";
import { readArrived, writeArrived } from "./content.ts";
import { Geometry, LEAF_BYTES, MAX_CONTENT_BYTES, SEALED_UNIT_BYTES } from "./geometry.ts";
import { inOrder } from "./in_order.ts";
import { Manifest } from "./manifest.ts";
import { Meter, secondsLeft } from "./meter.ts";
import { safeName, safePaths } from "./names.ts";
import type {
  FileMember,
  IncomingChunk,
  TransferContext,
  TransferEvent,
  Unnumbered,
} from "./port.ts";
import { headUnits } from "./sealing.ts";
import { TreeBuilder, TreeVerifier } from "./tree.ts";
import { UnitSet } from "./unit_set.ts";

/** Time without a byte after which the units that lack are wanted again, in milliseconds. */
const FIRST_WAIT_MS = 5000;

/** Maximum of that time, in milliseconds: it doubles with each want that brings nothing. */
const MAX_WAIT_MS = 60_000;

/** Minimum time between two wants because of a unit that was lost on the way, in milliseconds. */
const WANT_EVERY_MS = 1000;

/** Minimum time between two reports of the bytes that are here, in milliseconds. */
const REPORT_EVERY_MS = 2000;

/** Time that a sender who is gone has to come back and offer the files again, in milliseconds. */
const RETURN_MS = 30_000;

/** Maximum wrong units in a row: a link that damages all of them would be used for nothing. */
const MAX_BAD_UNITS = 16;

/** Maximum bytes held until the grant has come: it can be handled after the first units arrive. */
const MAX_EARLY_BYTES: number = 1 << 20;

/** What such a chunk counts for beside its bytes: many small ones take memory, too. */
const CHUNK_OVERHEAD_BYTES = 1024;

/** Units of a stream from the first that is missing on: the sender holds no more. */
const MAX_STREAM_GAP = 1024;

/** Units after a gap in a stream, from which on the gap is wanted: 4 MiB. */
const WANTED_GAP = 64;

/** Leaves on the disk that are checked at the same time. */
const CHECKED_AT_ONCE = 8;

/** How transfers of other members are received. */
export interface ReceivingOptions {
  /** The download folder. */
  readonly directory: string;
  /** Maximum bytes of a transfer; no limit if missing. */
  readonly maxBytes?: number | undefined;
}

/** A unit that was opened. */
interface Opened {
  /** Its content; `undefined` if it did not open. */
  readonly bytes: Bytes | undefined;
  /** Whether it matches the tree; `undefined` if its node is not here. */
  readonly matches: boolean | undefined;
}

/** The end of a stream, as its sender has told it. */
interface ToldEnd {
  readonly geometry: Geometry;
  readonly size: number;
  readonly root: Bytes;
}

/** A transfer of another member. */
export class ReceivingTransfer<M extends FileMember> {
  /** Its number. */
  readonly id: number;
  readonly #context: TransferContext<M>;
  readonly #options: ReceivingOptions;
  readonly #isPrivate: boolean;
  readonly #meter: Meter;
  readonly #assembler = new UnitAssembler((unit) => this.#sizeOf(unit));
  /** Checks the units of files; `undefined` for a stream. */
  readonly #verifier: TreeVerifier | undefined;
  /** Collects the leaves of a stream, which are checked at its end. */
  readonly #builder = new TreeBuilder();
  /** The units that are here and right. */
  readonly #have = new UnitSet();
  /** Units that are being handled. */
  readonly #handling = new Set<number>();
  /** The leaves of the manifest, by their place, until it is complete. */
  readonly #manifestLeaves = new Map<number, Bytes>();
  #from: M;
  #offer: Offer;
  #granted = false;
  #key: FileKey | undefined;
  /** Bytes that came before the grant. */
  #early: IncomingChunk[] = [];
  #earlyBytes = 0;
  #manifest: Manifest | undefined;
  #download: Download | undefined;
  /** Whether the files of an earlier run are not checked yet. */
  #unchecked = false;
  #end: ToldEnd | undefined;
  /** Bytes of the contents that are here and right. */
  #bytes = 0;
  #badUnits = 0;
  /** Resolves when all units that came are handled. */
  #handled: Promise<void> = Promise.resolve();
  #shown = false;
  #accepted = false;
  #paused = false;
  /** Whether the sender has paused. */
  #held = false;
  /** Whether the sender's session, or the own one, is gone: an offer made again continues the transfer. */
  #away = false;
  #ended = false;
  #finishing = false;
  /** Whether all is here and right, and the files get their names: nothing stops that but an error. */
  #naming = false;
  #lastWanted = 0;
  #wantedAt = -Infinity;
  #wanting = false;
  #wantAgain = false;
  #heardAt = 0;
  #waitMs = FIRST_WAIT_MS;
  #reportedAt = -Infinity;
  #cancelWait: () => void = () => {};
  #cancelReturn: () => void = () => {};

  /** Creates a transfer that waits for an answer. */
  constructor(
    context: TransferContext<M>,
    id: number,
    offer: { readonly from: M; readonly offer: Offer; readonly isPrivate: boolean },
    options: ReceivingOptions,
  ) {
    this.#context = context;
    this.id = id;
    this.#from = offer.from;
    this.#offer = offer.offer;
    this.#isPrivate = offer.isPrivate;
    this.#options = options;
    this.#meter = new Meter(context.clock, 0, (rate) => this.#showProgress(rate));
    const { manifestBytes, root, size, stream } = this.#offer;
    if (!stream && !this.#isTooLarge) {
      this.#verifier = new TreeVerifier({ manifestBytes, size }, root);
    }
  }

  /**
   * Shows the offer, and accepts it if an earlier run has begun to receive the same.
   *
   * @param accepts Whether to accept it anyway.
   */
  async start(accepts: boolean): Promise<void> {
    if (!this.#isTooLarge) this.#download = await this.#find();
    if (this.#ended) return void await this.#download?.close();
    this.#shown = true;
    const accepted = !this.#isTooLarge && (accepts || this.#download !== undefined);
    const { count, from, name, private: isPrivate, size } = this.view;
    this.#emit({
      event: "offer",
      from: from!,
      name,
      ...size !== undefined && { size },
      count,
      private: isPrivate,
      directory: this.#options.directory,
      ...accepted && { accepted: true },
    });
    if (this.#isTooLarge) this.#stop(StopReason.TOO_LARGE, "file-too-large", "it is too large");
    else if (accepted) this.accept();
  }

  /** Whether the offer was shown: not before it is known what an earlier run has received of it. */
  get isShown(): boolean {
    return this.#shown;
  }

  /** The sender. */
  get from(): M {
    return this.#from;
  }

  /** The transfer's id, in hexadecimal digits. */
  get transfer(): string {
    return toHex(this.#offer.transfer);
  }

  /** The transfer as it is shown. */
  get view(): TransferView<M> {
    const { files, name } = this.#offer;
    const size = this.#size;
    return {
      id: this.id,
      from: this.#from,
      name,
      ...size !== undefined && { size },
      count: files,
      private: this.#isPrivate,
      state: this.#state,
      bytes: this.#bytes,
    };
  }

  // Messages of the sender.

  /** Whether an offer of the same member continues this transfer. */
  continues(from: M, offer: Offer): boolean {
    if (!equal(from.key, this.#from.key)) return false;
    if (equal(offer.transfer, this.#offer.transfer)) {
      return equal(bodyOf(offer), bodyOf(this.#offer));
    }
    const { files, manifestBytes, root, size, stream } = this.#offer;
    return !stream && !offer.stream && !equal(from.session, this.#from.session) &&
      equal(offer.root, root) && offer.size === size && offer.files === files &&
      offer.manifestBytes === manifestBytes;
  }

  /** Takes an offer that {@linkcode ReceivingTransfer.continues} this transfer. */
  rebind(from: M, offer: Offer): void {
    const isSame = equal(offer.transfer, this.#offer.transfer) &&
      equal(from.session, this.#from.session);
    if (isSame && !this.#away) return;
    this.#from = from;
    this.#offer = offer;
    this.#away = false;
    this.#held = false;
    this.#cancelReturn();
    this.#forgetKey();
    this.#want();
  }

  /** Takes the secret of the key. */
  async grant(secret: Bytes): Promise<void> {
    if (!this.#accepted || this.#granted) return;
    this.#granted = true;
    const offer = this.#offer;
    const { key, session } = this.#from;
    const { roomId } = this.#context.port.self;
    const derived = await fileKey(secret, await hashOffer({ roomId, key, session }, bodyOf(offer)));
    if (this.#offer !== offer || !this.#granted) return;
    this.#key = derived;
    this.#earlyBytes = 0;
    for (const chunk of this.#early.splice(0)) void this.take(chunk);
  }

  /** Takes a report of the sender. */
  report({ root, state, value }: Report): void {
    switch (state) {
      case ReportState.WITHDRAWN:
        return this.#onWithdrawn(value);
      case ReportState.PAUSED:
        this.#held = true;
        this.#rest();
        return;
      case ReportState.CONTINUED:
        if (!this.#held) return;
        this.#held = false;
        this.#meter.restart(this.#bytes);
        return this.#want();
      case ReportState.END:
        if (this.#offer.stream && this.#end === undefined) this.#onEnd(value, root!);
    }
  }

  /** Takes bytes of the transfer's image. @returns Resolves when they are handled. */
  async take(chunk: IncomingChunk): Promise<void> {
    if (!this.#isActive) return;
    this.#heardAt = this.#context.clock.elapsed();
    if (this.#key === undefined) {
      this.#earlyBytes += chunk.bytes.length + CHUNK_OVERHEAD_BYTES;
      if (this.#earlyBytes <= MAX_EARLY_BYTES) this.#early.push(chunk);
      return;
    }
    const units = this.#assembler.push(chunk.offset, chunk.bytes);
    await Promise.all(units.map(({ sealed, unit }) => this.#handle(unit, sealed)));
  }

  // Sessions that come and go.

  /** Waits for the sender to offer the files again: their session, or the own one, is gone. */
  lose(): void {
    if (this.#away || this.#ended) return;
    this.#away = true;
    this.#rest();
    this.#forgetKey();
    this.#cancelReturn = this.#context.clock.after(RETURN_MS, () => {
      const code = this.#accepted && !this.#offer.stream ? "file-unfinished" : "file-gone";
      this.#fail(code, `${this.#from.name} left`, this.#offer.stream);
    });
  }

  /** Wants what was under way when the connection ended. */
  reconnected(): void {
    this.#want();
  }

  // Wishes of the person.

  /** Accepts the offer. */
  accept(): void {
    if (this.#accepted || this.#ended) return;
    this.#accepted = true;
    this.#heardAt = this.#context.clock.elapsed();
    this.#unchecked = this.#download !== undefined;
    this.#want();
  }

  /** Refuses the offer, or gives up the transfer. */
  cancel(): void {
    if (this.#accepted) return this.#stop(StopReason.CANCELED, "file-canceled", "you canceled it");
    this.#tell(ReportState.DECLINED);
    this.#fail("file-declined", "you declined it", false);
  }

  /** Stops receiving until {@linkcode ReceivingTransfer.resume}. */
  pause(): void {
    if (!this.#isActive) return;
    this.#pause();
    this.#send({ kind: "want", transfer: this.#offer.transfer, ranges: [] });
  }

  /** Goes on receiving. @throws {TransferError} If it is not this side that has paused. */
  resume(): void {
    if (!this.#paused) return this.#refuseResume();
    this.#paused = false;
    this.#badUnits = 0;
    this.#meter.restart(this.#bytes);
    this.#want();
  }

  /** Says who must act if a wish of this side cannot continue the transfer. */
  #refuseResume(): void {
    if (this.#state !== "paused") return;
    const { name } = this.#from;
    const reason = this.#held ? `${name} paused it` : `${name} is away`;
    throw new TransferError(
      "no-such-transfer",
      `Cannot resume ${quote(this.#offer.name)}: ${reason}`,
      { hint: this.#held ? "Only they can continue it." : "It continues when they are back." },
    );
  }

  /** Stops without a word, and keeps what came: the session ends. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#rest();
    this.#cancelReturn();
    await this.#handled;
    await this.#download?.close();
  }

  // What is wanted.

  /** Whether units are wanted and taken. */
  get #isActive(): boolean {
    return this.#accepted && !this.#paused && !this.#held && !this.#away && !this.#ended;
  }

  /** Number of the units that are wanted, from the first one on. */
  get #wantedUnits(): number {
    if (this.#verifier === undefined) return this.#end?.geometry.leaves ?? Number.MAX_SAFE_INTEGER;
    const { geometry } = this.#verifier;
    // What an earlier run wrote can only be checked with the nodes and the manifest.
    return this.#unchecked ? headUnits(geometry, this.#offer.manifestBytes) : geometry.units;
  }

  /** The units that are wanted and not here. */
  get #missing(): UnitSet {
    return this.#have.missing(0, this.#wantedUnits);
  }

  /** Says which units lack; completes the transfer if none does. */
  #want(): void {
    if (!this.#isActive) return;
    if (this.#wanting) {
      this.#wantAgain = true;
      return;
    }
    const ranges = this.#missing.ranges(MAX_WANT_RANGES);
    const last = ranges.at(-1);
    if (last === undefined) return this.#onWhole();
    this.#lastWanted = last.first + last.count - 1;
    const now = this.#context.clock.elapsed();
    this.#wantedAt = now;
    this.#heardAt = now;
    this.#wanting = true;
    const { transfer } = this.#offer;
    // It may have left: then `lose` follows.
    void this.#send({ kind: "want", transfer, ranges }).then(() => {
      this.#wanting = false;
      if (!this.#wantAgain) return;
      this.#wantAgain = false;
      this.#want();
    });
    this.#awaitBytes();
  }

  /** Wants units again that were lost, though not often. */
  #wantLost(): void {
    if (this.#context.clock.elapsed() - this.#wantedAt >= WANT_EVERY_MS) this.#want();
  }

  #awaitBytes(): void {
    this.#cancelWait();
    const left = this.#heardAt + this.#waitMs - this.#context.clock.elapsed();
    this.#cancelWait = this.#context.clock.after(Math.max(0, left), () => {
      if (this.#context.clock.elapsed() - this.#heardAt < this.#waitMs) return this.#awaitBytes();
      this.#waitMs = Math.min(2 * this.#waitMs, MAX_WAIT_MS);
      this.#want();
    });
  }

  /** Wants nothing for now. */
  #rest(): void {
    this.#cancelWait();
    this.#meter.stop();
    this.#assembler.clear();
    if (this.#accepted) this.#showProgress(0);
  }

  #pause(): void {
    this.#paused = true;
    this.#rest();
  }

  #forgetKey(): void {
    this.#granted = false;
    this.#key = undefined;
    this.#early = [];
    this.#earlyBytes = 0;
    this.#assembler.clear();
  }

  // Units.

  /** Bytes of a sealed unit; `undefined` if it is not wanted. */
  #sizeOf(unit: number): number | undefined {
    if (unit >= this.#wantedUnits) return undefined;
    if (this.#have.has(unit) || this.#handling.has(unit)) return undefined;
    if (this.#verifier !== undefined) return this.#verifier.geometry.sealedBytes(unit);
    // A sender must not make this member keep hashes for units that are far away.
    if (unit >= this.#have.gap + MAX_STREAM_GAP) return undefined;
    if (this.#end === undefined) return SEALED_UNIT_BYTES;
    const { geometry } = this.#end;
    return geometry.sealedBytes(geometry.firstLeaf + unit);
  }

  /** Opens and checks a unit, and takes it in its turn. */
  async #handle(unit: number, sealed: Bytes): Promise<void> {
    this.#handling.add(unit);
    const opening = this.#open(this.#key!, unit, sealed);
    opening.catch(() => {}); // It is awaited in its turn.
    const handled = this.#handled.then(async () => {
      try {
        const opened = await opening;
        if (this.#isActive) await this.#takeUnit(unit, opened);
      } catch (error) {
        this.#onError(error);
      } finally {
        this.#handling.delete(unit);
      }
      if (unit === this.#lastWanted || this.#have.size === this.#wantedUnits) this.#want();
      else if (unit > this.#lastWanted) this.#wantLost();
    });
    this.#handled = handled;
    await handled;
  }

  async #open(key: FileKey, unit: number, sealed: Bytes): Promise<Opened> {
    if (this.#verifier !== undefined) {
      const bytes = await key.open(unit, this.#verifier.geometry.isLast(unit), sealed);
      return { bytes, matches: bytes && await this.#verifier.verify(unit, bytes) };
    }
    const last = this.#end && this.#end.geometry.leaves - 1;
    const bytes = await key.open(unit, unit === last, sealed) ??
      // Only the end tells which unit is the last, and it may come later.
      (last === undefined ? await key.open(unit, true, sealed) : undefined);
    return { bytes, matches: true };
  }

  async #takeUnit(unit: number, { bytes, matches }: Opened): Promise<void> {
    if (bytes === undefined) return this.#onBadUnit();
    // The node above it may have been checked since.
    const isRight = matches ?? await this.#verifier!.verify(unit, bytes);
    if (isRight === false) return this.#onBadUnit();
    this.#badUnits = 0;
    if (isRight === undefined || !await this.#store(unit, bytes)) return this.#wantLost();
    this.#have.add(unit);
    if (this.#verifier === undefined) this.#builder.setLeaf(unit, await digest(bytes));
    if (!this.#isActive) return; // It has ended or was paused meanwhile.
    this.#waitMs = FIRST_WAIT_MS;
    this.#meter.note(this.#bytes);
    this.#report();
    if (this.#verifier === undefined) this.#onStreamUnit(unit);
  }

  /** Stores a leaf. @returns Whether its place is known. */
  async #store(unit: number, bytes: Bytes): Promise<boolean> {
    const leaf = unit - (this.#verifier?.geometry.firstLeaf ?? 0);
    if (leaf < 0) return true;
    const offset = leaf * LEAF_BYTES;
    const { manifestBytes } = this.#offer;
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
    const { manifestBytes, name } = this.#offer;
    const places = [...this.#manifestLeaves.keys()].sort((a, b) => a - b);
    const leaves = concat(...places.map((place) => this.#manifestLeaves.get(place)!));
    const manifest = Manifest.decode(leaves.slice(0, manifestBytes));
    manifest.checkOffer(this.#offer);
    const { directory } = this.#options;
    this.#download ??= await Download.create(directory, safeName(name), this.#partOffer);
    const paths = safePaths(manifest.files.map(({ path }) => path));
    await this.#download.lay(manifest.files.map(({ size }, i) => ({
      path: paths[i]!,
      size: manifest.isStream ? undefined : size,
    })));
    await writeArrived(manifest, this.#download, 0, leaves);
    this.#bytes += leaves.length - manifestBytes;
    this.#manifest = manifest;
    this.#manifestLeaves.clear();
  }

  /** Checks the files of an earlier run, and then wants only what lacks. */
  async #checkFound(manifest: Manifest, download: Download): Promise<void> {
    const { geometry } = this.#verifier!;
    const leaves = this.#have.missing(geometry.firstLeaf, geometry.units);
    const checks = inOrder(CHECKED_AT_ONCE, unitsOf(leaves), async (unit) => {
      const bytes = new Uint8Array(geometry.plainBytes(unit));
      const offset = geometry.contentOffset(unit);
      const isThere = this.#isActive && await readArrived(manifest, download, offset, bytes);
      const isRight = isThere && await this.#verifier!.verify(unit, bytes);
      return { bytes, isRight, unit };
    });
    for await (const { bytes, isRight, unit } of checks) {
      if (!isRight) continue;
      this.#have.add(unit);
      this.#bytes += bytes.length;
    }
    // If it was paused meanwhile, the rest is checked when it goes on.
    if (!this.#isActive) return;
    this.#unchecked = false;
    this.#meter.restart(this.#bytes);
    this.#reportedAt = -Infinity;
    this.#report();
    this.#want();
  }

  #onBadUnit(): void {
    if (++this.#badUnits < MAX_BAD_UNITS) return;
    const message = `Cannot receive ${quote(this.#offer.name)}: what comes is damaged`;
    // Without a report: the damage may not be the fault of the sender.
    this.pause();
    this.#warn("file-damaged", message);
  }

  // Streams.

  #onStreamUnit(unit: number): void {
    const { maxBytes = Infinity } = this.#options;
    if (this.#bytes > Math.min(maxBytes, MAX_CONTENT_BYTES)) {
      return this.#stop(StopReason.TOO_LARGE, "file-too-large", "it is too large");
    }
    if (unit - this.#have.gap >= WANTED_GAP) this.#wantLost();
  }

  #onEnd(size: number, root: Bytes): void {
    const contentBytes = this.#offer.manifestBytes + size;
    if (contentBytes > MAX_CONTENT_BYTES || size > (this.#options.maxBytes ?? Infinity)) {
      return this.#stop(StopReason.TOO_LARGE, "file-too-large", "it is too large");
    }
    const geometry = new Geometry(contentBytes);
    const last = geometry.leaves - 1;
    if ((this.#have.last ?? 0) > last) return this.#onWrongContents();
    this.#end = { geometry, size, root };
    this.#lastWanted = last;
    const sealed = this.#assembler.take(last);
    if (sealed !== undefined) void this.#handle(last, sealed);
    else if (this.#have.size === geometry.leaves) this.#want();
  }

  // The end.

  /** Goes on when no wanted unit lacks. */
  #onWhole(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.#cancelWait();
    this.#handled = this.#handled.then(async () => {
      this.#finishing = false;
      // The files of an earlier run may have been checked meanwhile: then more is wanted.
      if (!this.#isActive || this.#missing.size > 0) return;
      try {
        if (this.#unchecked) await this.#checkFound(this.#manifest!, this.#download!);
        else await this.#finish();
      } catch (error) {
        this.#onError(error);
      }
    });
  }

  /** Checks a stream, and gives the files their names. */
  async #finish(): Promise<void> {
    if (this.#end !== undefined) {
      const { manifestBytes } = this.#offer;
      const { root, size } = this.#end;
      const tree = await this.#builder.finish({ manifestBytes, size });
      if (this.#ended) return;
      // The root binds the size, and not that the last leaf ends there.
      if (this.#bytes !== size || !equal(tree.root, root)) return this.#onWrongContents();
    }
    this.#naming = true;
    const paths = await this.#download!.finish().finally(() => this.#naming = false);
    this.#reportWhole();
    this.#emit({ event: "received", from: this.#from, paths, bytes: this.#bytes });
    this.#leave(false);
  }

  #onWithdrawn(reason: number): void {
    const { name } = this.#from;
    switch (reason) {
      case WithdrawReason.CANCELED:
        return this.#fail("file-canceled", `${name} canceled it`, true);
      case WithdrawReason.FILE_CHANGED:
        return this.#fail("file-changed", `${name} changed it`, true);
      default:
        // A file may be readable again, and offered again. A stream never is.
        return this.#fail("file-gone", `${name} no longer has it`, this.#offer.stream);
    }
  }

  #onWrongContents(): void {
    const message = "what came is not what was offered";
    this.#stop(StopReason.BAD_CONTENTS, "file-damaged", message);
  }

  #onError(error: unknown): void {
    if (error instanceof WireError) return this.#onWrongContents();
    if (!(error instanceof StoreError)) {
      return this.#stop(StopReason.CANNOT_WRITE, "internal", `${error}`);
    }
    const { code, message } = error;
    if (code === "download-gone") return this.#stop(StopReason.CANNOT_WRITE, code, message);
    const reason = code === "disk-full" ? StopReason.DISK_FULL : StopReason.CANNOT_WRITE;
    if (this.#paused || this.#ended) return;
    this.#pause();
    this.#tell(ReportState.STOPPED, reason);
    this.#warn(code, message);
  }

  /** Says why the transfer pauses. */
  #warn(code: Code, message: string): void {
    this.#context.emit(warning(code, message, `/resume ${this.id} continues it.`));
  }

  /** Ends for a reason of this side. */
  #stop(reason: number, code: Code, message: string): void {
    if (this.#ended || this.#naming) return;
    this.#tell(ReportState.STOPPED, reason);
    this.#fail(code, message, true);
  }

  /** Ends. @param discards Whether what came is removed. */
  #fail(code: Code, message: string, discards: boolean): void {
    if (this.#naming) return;
    this.#emit({ event: "file-failed", name: this.#offer.name, code, message });
    this.#leave(discards);
  }

  #leave(discards: boolean): void {
    if (this.#ended) return;
    const closed = this.close();
    this.#context.ended(
      this.id,
      discards ? closed.then(() => this.#download?.discard()) : closed,
    );
  }

  // What others see.

  #report(): void {
    const now = this.#context.clock.elapsed();
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    this.#tell(ReportState.HAVE, this.#bytes);
  }

  #tell(state: number, value = 0): void {
    void this.#send({ kind: "report", transfer: this.#offer.transfer, state, value });
  }

  /** Reports that all is here; again, if the sender offers the files again without having heard of it. */
  #reportWhole(): void {
    const { port, unreported } = this.#context;
    const { transfer } = this.#offer;
    const [state, value] = [ReportState.COMPLETE, this.#bytes];
    const { key, session } = this.#from;
    const report = port.send({ kind: "report", transfer, state, value }, toHex(session));
    unreported.add(key, this.#offer, report);
  }

  /** Sends to the sender. Resolves when it is accepted, or cannot be: then the sender is gone. */
  async #send(message: FileMessage): Promise<void> {
    await this.#context.port.send(message, toHex(this.#from.session)).catch(() => {});
  }

  #showProgress(bytesPerSecond: number): void {
    const { bytes, name, size, state } = this.view;
    const left = secondsLeft(bytes, size, bytesPerSecond);
    this.#emit({
      event: "progress",
      name,
      bytes,
      ...size !== undefined && { size },
      bytesPerSecond,
      ...left !== undefined && { secondsLeft: left },
      ...state === "paused" && { paused: true },
    });
  }

  #emit(event: Unnumbered<TransferEvent<M>>): void {
    if (this.#shown && !this.#ended) {
      this.#context.emit({ ...event, id: this.id } as TransferEvent<M>);
    }
  }

  /** Bytes of the contents; `undefined` for a stream that goes on. */
  get #size(): number | undefined {
    return this.#offer.stream ? this.#end?.size : this.#offer.size;
  }

  get #state(): TransferState {
    if (!this.#accepted) return "offered";
    return this.#paused || this.#held || this.#away ? "paused" : "active";
  }

  get #isTooLarge(): boolean {
    const { manifestBytes, size } = this.#offer;
    return manifestBytes + size > MAX_CONTENT_BYTES || size > (this.#options.maxBytes ?? Infinity);
  }

  get #partOffer(): PartOffer {
    const { root, size, stream } = this.#offer;
    return { root: stream ? "" : toHex(root), from: toHex(this.#from.key), size };
  }

  /** Finds what an earlier run has received of the same offer. */
  async #find(): Promise<Download | undefined> {
    try {
      return await Download.find(this.#options.directory, this.#partOffer);
    } catch {
      return undefined; // The folder cannot be used: accepting the offer says why.
    }
  }
}

function bodyOf(offer: Offer): Bytes {
  return encodeFileMessage({ kind: "offer", ...offer }).body;
}

/** The units of a set, ascending. */
function* unitsOf(set: UnitSet): Generator<number> {
  for (let unit = set.first; unit !== undefined; unit = set.next(unit + 1)) yield unit;
}
