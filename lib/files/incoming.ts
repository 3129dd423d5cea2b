/**
 * A transfer of another member: accepts the offer, wants units until all are here, and reports how far it is.
 *
 * `Arrival` turns what comes into checked files, and `Wanting` says when units are wanted.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import { fileKey, hashOffer } from "../crypto/mod.ts";
import { type Code, quote, StoreError, TransferError, WireError } from "../errors.ts";
import {
  type PauseCause,
  type TransferState,
  type TransferView,
  warning,
} from "../session_events.ts";
import type { PartOffer } from "../store/mod.ts";
import {
  encodeFileMessage,
  type FileMessage,
  MAX_WANT_RANGES,
  type Offer,
  type Report,
  ReportState,
  StopReason,
} from "../wire/mod.ts";
import { Arrival, type UnitFate } from "./arrival.ts";
import { MAX_CONTENT_BYTES } from "./geometry.ts";
import { Meter, progressOf } from "./meter.ts";
import { FileOpener, StreamOpener } from "./opening.ts";
import type {
  FileMember,
  IncomingChunk,
  TransferContext,
  TransferEvent,
  Unnumbered,
} from "./port.ts";
import { withdrawn } from "./reasons.ts";
import { SILENCE, SilenceWatch } from "./silence.ts";
import { Wanting } from "./wanting.ts";

/** Minimum time between two reports of the bytes that are here, in milliseconds. */
const REPORT_EVERY_MS = 2000;

/** Time until the first of them, in milliseconds: it is there when the sender first shows how far it is. */
const FIRST_REPORT_MS = 750;

/** Time that a sender who is gone has to come back and offer the files again, in milliseconds. */
const RETURN_MS = 30_000;

/** Maximum wrong units in a row: a link that damages all of them would be used for nothing. */
const MAX_BAD_UNITS = 16;

/** Units after a gap in a stream, from which on the gap is wanted: 4 MiB. */
const WANTED_GAP = 64;

/** How transfers of other members are received. */
export interface ReceivingOptions {
  /** The download folder. */
  readonly directory: string;
  /** Maximum bytes of a transfer; no limit if missing. */
  readonly maxBytes?: number | undefined;
}

/** A transfer of another member. */
export class ReceivingTransfer<M extends FileMember> {
  /** Its number. */
  readonly id: number;
  readonly #context: TransferContext<M>;
  readonly #options: ReceivingOptions;
  readonly #isPrivate: boolean;
  readonly #meter: Meter;
  /** The end of a stream; `undefined` for files. */
  readonly #stream: StreamOpener | undefined;
  readonly #arrival: Arrival;
  readonly #wanting: Wanting;
  readonly #silence: SilenceWatch;
  #from: M;
  #offer: Offer;
  #granted = false;
  #badUnits = 0;
  #shown = false;
  #accepted = false;
  #paused = false;
  /** Whether the sender has paused. */
  #held = false;
  /** Whether the sender's session, or this member's, is gone: an offer made again continues the transfer. */
  #away = false;
  #ended = false;
  #finishing = false;
  /** Whether all is here and right, and the files get their names: nothing stops that but an error. */
  #naming = false;
  #reportedAt = -Infinity;
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
    // An offer that is too large ends before anything comes.
    const isStream = this.#offer.stream || this.#isTooLarge;
    this.#stream = isStream ? new StreamOpener(this.#offer) : undefined;
    this.#arrival = new Arrival(this.#stream ?? new FileOpener(this.#offer), {
      offer: this.#offer,
      part: partOf(this.#offer, this.#from),
      directory: options.directory,
      isActive: () => this.#isActive,
      onUnit: (unit, fate) => this.#onUnit(unit, fate),
      onError: (error) => this.#onError(error),
    });
    this.#wanting = new Wanting({
      clock: context.clock,
      isActive: () => this.#isActive,
      missing: () => this.#arrival.missing,
      // It may have left: then `lose` follows.
      send: (ranges) => this.#send({ kind: "want", transfer: this.#offer.transfer, ranges }),
      onWhole: () => this.#onWhole(),
    });
    this.#silence = new SilenceWatch({
      clock: context.clock,
      sign: () =>
        this.#sendTo({
          kind: "report",
          transfer: this.#offer.transfer,
          state: ReportState.HAVE,
          value: this.#arrival.bytes,
        }),
      onSilent: () =>
        this.#fail("file-silent", `${this.#from.name} has been silent for ${SILENCE}`, false),
    });
  }

  /**
   * Shows the offer, and accepts it if an earlier run has begun to receive the same.
   *
   * @param accepts Whether to accept it anyway.
   */
  async start(accepts: boolean): Promise<void> {
    const isFound = !this.#isTooLarge && await this.#arrival.find();
    if (this.#ended) return await this.#arrival.close();
    this.#shown = true;
    const accepted = !this.#isTooLarge && (accepts || isFound);
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
    const pausedBy = this.#pausedBy;
    return {
      id: this.id,
      from: this.#from,
      name,
      ...size !== undefined && { size },
      count: files,
      private: this.#isPrivate,
      state: this.#state,
      ...pausedBy !== undefined && { pausedBy },
      bytes: this.#arrival.bytes,
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
    this.#silence.lost = false;
    this.#cancelReturn();
    this.#forgetSession();
    this.#go();
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
    this.#arrival.useKey(derived);
  }

  /** Takes a report of the sender. */
  report({ root, state, value }: Report): void {
    this.#silence.heard();
    switch (state) {
      case ReportState.WITHDRAWN:
        return this.#onWithdrawn(value);
      case ReportState.PAUSED:
        if (this.#held) return;
        this.#held = true;
        return this.#rest();
      case ReportState.CONTINUED:
        if (!this.#held) return;
        this.#held = false;
        this.#meter.restart(this.#arrival.bytes);
        return this.#go();
      case ReportState.END:
        if (this.#offer.stream && this.#stream!.size === undefined) this.#onEnd(value, root!);
    }
  }

  /** Takes bytes of the transfer's image. @returns Resolves when they are handled. */
  async take(chunk: IncomingChunk): Promise<void> {
    if (!this.#isActive) return;
    this.#wanting.heard();
    this.#silence.heard();
    await this.#arrival.take(chunk);
  }

  // Sessions that come and go.

  /** Notes whether the sender's connection is lost. */
  set senderLost(lost: boolean) {
    this.#silence.lost = lost;
  }

  /** Waits for the sender to offer the files again: their session, or this member's, is gone. */
  lose(): void {
    if (this.#away || this.#ended) return;
    this.#away = true;
    this.#rest();
    this.#forgetSession();
    this.#cancelReturn = this.#context.clock.after(RETURN_MS, () => {
      const code = this.#accepted && !this.#offer.stream ? "file-unfinished" : "file-gone";
      this.#fail(code, `${this.#from.name} left`, this.#offer.stream);
    });
  }

  /** Wants what was under way when the connection ended. */
  reconnected(): void {
    this.#wanting.want();
  }

  // Wishes of the person.

  /** Accepts the offer. */
  accept(): void {
    if (this.#accepted || this.#ended) return;
    this.#accepted = true;
    this.#reportedAt = this.#context.clock.elapsed() + FIRST_REPORT_MS - REPORT_EVERY_MS;
    this.#begin();
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
    this.#begin();
  }

  /** Goes on at a wish of this side; in a pause of the sender, it only says so. */
  #begin(): void {
    this.#meter.restart(this.#arrival.bytes);
    if (this.#isActive) return this.#go();
    this.#showProgress(0);
    if (this.#away) return; // The offer that follows is another one.
    const missing = this.#arrival.missing.ranges(MAX_WANT_RANGES);
    // An empty want would be a pause of this side.
    const ranges = missing.length > 0 ? missing : [{ first: 0, count: 1 }];
    this.#send({ kind: "want", transfer: this.#offer.transfer, ranges });
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
    await this.#arrival.close();
  }

  // What is wanted.

  /** Whether units are wanted and taken. */
  get #isActive(): boolean {
    return this.#accepted && !this.#paused && !this.#held && !this.#away && !this.#ended;
  }

  /** Wants what is missing, unless the transfer is not active. */
  #go(): void {
    if (!this.#isActive) return;
    this.#silence.start();
    this.#wanting.want();
  }

  /** Wants nothing for now. */
  #rest(): void {
    this.#silence.stop();
    this.#wanting.stop();
    this.#meter.stop();
    this.#arrival.forgetParts();
    if (this.#accepted) this.#showProgress(0);
  }

  #pause(): void {
    this.#paused = true;
    this.#rest();
  }

  /** Forgets what the sender's session has said. */
  #forgetSession(): void {
    this.#held = false;
    this.#granted = false;
    this.#arrival.forgetKey();
  }

  // Units.

  #onUnit(unit: number, fate: UnitFate): void {
    if (fate === "damaged") this.#onBadUnit();
    else if (fate !== "dropped") this.#badUnits = 0;
    if (fate === "unplaced") this.#wanting.wantLost();
    if (fate === "kept" && this.#isActive) this.#onKept(unit);
    if (this.#arrival.isWhole) this.#wanting.want();
    else this.#wanting.handled(unit);
  }

  #onKept(unit: number): void {
    this.#wanting.gained();
    this.#meter.note(this.#arrival.bytes);
    this.#report();
    if (this.#stream !== undefined) this.#onStreamUnit(unit);
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
    if (this.#arrival.bytes > Math.min(maxBytes, MAX_CONTENT_BYTES)) {
      return this.#stop(StopReason.TOO_LARGE, "file-too-large", "it is too large");
    }
    if (unit - this.#arrival.gap >= WANTED_GAP) this.#wanting.wantLost();
  }

  #onEnd(size: number, root: Bytes): void {
    const contentBytes = this.#offer.manifestBytes + size;
    if (contentBytes > MAX_CONTENT_BYTES || size > (this.#options.maxBytes ?? Infinity)) {
      return this.#stop(StopReason.TOO_LARGE, "file-too-large", "it is too large");
    }
    const stream = this.#stream!;
    stream.end(size, root);
    const last = stream.units - 1;
    if ((this.#arrival.last ?? 0) > last) return this.#onWrongContents();
    this.#wanting.endAt(last);
    this.#arrival.takeLast(last);
    if (this.#arrival.isWhole) this.#wanting.want();
  }

  // The end.

  /** Goes on when no wanted unit is missing. */
  #onWhole(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.#wanting.stop();
    void this.#arrival.inTurn(async () => {
      this.#finishing = false;
      // The files of an earlier run may have been checked meanwhile: then more is wanted.
      if (!this.#isActive || !this.#arrival.isWhole) return;
      if (!this.#arrival.isUnchecked) await this.#finish();
      else if (await this.#arrival.checkFound()) this.#goOn();
    });
  }

  /** Wants what is missing beside the files of an earlier run. */
  #goOn(): void {
    this.#meter.restart(this.#arrival.bytes);
    this.#wanting.want();
    this.#reportedAt = -Infinity;
    this.#report();
  }

  /** Checks a stream, and gives the files their names. */
  async #finish(): Promise<void> {
    const isRight = await this.#arrival.isRight();
    if (this.#ended) return;
    if (!isRight) return this.#onWrongContents();
    this.#naming = true;
    const paths = await this.#arrival.name().finally(() => this.#naming = false);
    this.#reportWhole();
    this.#emit({ event: "received", from: this.#from, paths, bytes: this.#arrival.bytes });
    this.#leave(false);
  }

  #onWithdrawn(reason: number): void {
    const [code, message] = withdrawn(reason, this.#from.name);
    // A file may be readable again, and offered again. A stream never is.
    this.#fail(code, message, code !== "file-gone" || this.#offer.stream);
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
      discards ? closed.then(() => this.#arrival.discard()) : closed,
    );
  }

  // What others see.

  #report(): void {
    // Most of what an earlier run has received does not count yet.
    if (this.#arrival.isUnchecked) return;
    const now = this.#context.clock.elapsed();
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    this.#tell(ReportState.HAVE, this.#arrival.bytes);
  }

  #tell(state: number, value = 0): void {
    void this.#send({ kind: "report", transfer: this.#offer.transfer, state, value });
  }

  /** Reports that all is here; again, if the sender offers the files again without having heard of it. */
  #reportWhole(): void {
    const { port, unreported } = this.#context;
    const { transfer } = this.#offer;
    const [state, value] = [ReportState.COMPLETE, this.#arrival.bytes];
    const { key, session } = this.#from;
    const report = port.send({ kind: "report", transfer, state, value }, toHex(session));
    unreported.add(key, this.#offer, report);
  }

  /** Sends to the sender. Resolves when it is accepted, or cannot be: then the sender is gone. */
  #send(message: FileMessage): Promise<void> {
    return this.#sendTo(message).catch(() => {});
  }

  #sendTo(message: FileMessage): Promise<void> {
    return this.#context.port.send(message, toHex(this.#from.session));
  }

  #showProgress(bytesPerSecond: number): void {
    this.#emit(progressOf(this.view, bytesPerSecond));
  }

  #emit(event: Unnumbered<TransferEvent<M>>): void {
    if (this.#shown && !this.#ended) {
      this.#context.emit({ ...event, id: this.id } as TransferEvent<M>);
    }
  }

  /** Bytes of the contents; `undefined` for a stream that goes on. */
  get #size(): number | undefined {
    return this.#offer.stream ? this.#stream!.size : this.#offer.size;
  }

  get #state(): TransferState {
    if (!this.#accepted) return "offered";
    return this.#pausedBy === undefined ? "active" : "paused";
  }

  get #pausedBy(): PauseCause | undefined {
    if (!this.#accepted) return undefined;
    if (this.#paused) return "you";
    if (this.#away) return "away";
    return this.#held ? "sender" : undefined;
  }

  get #isTooLarge(): boolean {
    const { manifestBytes, size } = this.#offer;
    return manifestBytes + size > MAX_CONTENT_BYTES || size > (this.#options.maxBytes ?? Infinity);
  }
}

/** How a later run finds what came of an offer. */
function partOf({ root, size, stream }: Offer, { key }: FileMember): PartOffer {
  return { root: stream ? "" : toHex(root), from: toHex(key), size };
}

function bodyOf(offer: Offer): Bytes {
  return encodeFileMessage({ kind: "offer", ...offer }).body;
}
