/**
 * The pieces of files on their way to a member: what waits, whose turn it is, and what is dropped.
 *
 * @module
 */
import { type Bytes, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { HostRecord } from "../wire/mod.ts";
import type { CreditTracker, FlowProgress } from "./credit_tracker.ts";
import { ENTRY_BYTES, type QueueMemory } from "./queued_envelope.ts";

/** Bytes of one sender in a queue beyond which its new pieces are dropped: this receiver has fallen behind. */
export const BULK_SHARE_BYTES: number = 8 << 20;

/** Time after which a receiver that got nothing of what waits for it loses that, in milliseconds. */
export const BULK_STALL_MS = 10_000;

/** Bytes of one sender's turn; its next turn is shorter by what its last record took beyond this one. */
export const BULK_TURN_BYTES: number = 1 << 16;

/** What a piece, and a record, counts for beside its bytes: a member could send many of one byte. */
const PIECE_BYTES = 1024;

/** What a piece is, and where it comes from. */
export interface PieceOptions {
  /** The session that it comes from, 16 bytes. */
  readonly from: Bytes;
  /** That session, in hexadecimal digits. */
  readonly sender: string;
  /** The number of its flow. */
  readonly flow: number;
  /** The id of its transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** The position of its first byte in the transfer. */
  readonly offset: number;
  /** Its bytes, which nothing changes from now on. */
  readonly bytes: Bytes;
}

/** A part of a file in the queues of its receivers, which share its bytes. */
export class QueuedPiece {
  /** The session that it comes from, in hexadecimal digits. */
  readonly sender: string;
  readonly from: Bytes;
  readonly transfer: Bytes;
  readonly offset: number;
  readonly bytes: Bytes;
  readonly #credit: CreditTracker;
  readonly #flow: FlowProgress;
  readonly #memory: QueueMemory;
  #receivers = 0;
  /** Number of its bytes that some receiver's connection got. */
  #passed = 0;

  /**
   * Makes a piece with one receiver, which is to be removed once all queues have it.
   *
   * @param credit Of the connection that it came over.
   * @throws {WireError} As {@linkcode CreditTracker.take}.
   */
  constructor(options: PieceOptions, credit: CreditTracker, memory: QueueMemory) {
    const { bytes, flow, from, offset, sender, transfer } = options;
    this.sender = sender;
    this.from = from;
    this.transfer = transfer;
    this.offset = offset;
    this.bytes = bytes;
    this.#credit = credit;
    this.#flow = credit.take(flow, bytes.length);
    this.#memory = memory;
    memory.add(bytes.length + PIECE_BYTES);
    this.addReceiver();
  }

  /** Counts a queue that has it. */
  addReceiver(): void {
    this.#receivers++;
    this.#memory.add(ENTRY_BYTES);
  }

  /** Counts a queue that has sent it, or has dropped it. */
  removeReceiver(): void {
    this.#memory.add(-ENTRY_BYTES);
    if (--this.#receivers > 0) return;
    this.pass(this.bytes.length);
    this.#memory.add(-this.bytes.length - PIECE_BYTES);
  }

  /** Counts its first bytes as passed on: the fastest receiver sets the pace. */
  pass(bytes: number): void {
    if (bytes <= this.#passed) return;
    const more = bytes - this.#passed;
    this.#passed = bytes;
    this.#credit.pass(this.#flow, more);
  }
}

/** The pieces of one sender in a queue. */
class Share {
  readonly pieces: QueuedPiece[] = [];
  /** Bytes that were not sent. */
  bytes = 0;
  /** Bytes of the first piece that were sent. */
  sent = 0;
  /** Bytes that it may still send in this turn. */
  credit = BULK_TURN_BYTES;

  /** Whether it has the bytes of a transfer from a position on. */
  continues(transfer: Bytes, position: number): boolean {
    const [first] = this.pieces;
    return first !== undefined && first.offset + this.sent === position &&
      equal(first.transfer, transfer);
  }

  /** Takes the next bytes of the first piece. */
  take(maxBytes: number): Bytes {
    const piece = this.pieces[0]!;
    const part = piece.bytes.subarray(this.sent, this.sent + maxBytes);
    this.credit -= part.length;
    this.bytes -= part.length;
    this.sent += part.length;
    piece.pass(this.sent);
    if (this.sent === piece.bytes.length) {
      this.pieces.shift();
      this.sent = 0;
      piece.removeReceiver();
    }
    return part;
  }

  /** The memory that it takes, in bytes, if no other queue has the same pieces. */
  get weight(): number {
    return this.bytes + this.pieces.length * PIECE_BYTES;
  }

  /** Removes and releases the newest pieces. @param from Index of the first. */
  drop(from: number): void {
    for (const piece of this.pieces.splice(from)) {
      this.bytes -= piece.bytes.length;
      piece.removeReceiver();
    }
  }
}

/** What waits for one connection of a member, in turns of its senders. See PROTOCOL.md §5.6. */
export class BulkQueue {
  readonly #clock: Clock;
  /** By the sender's session, in hexadecimal digits; the one whose turn it is first. */
  readonly #shares = new Map<string, Share>();
  /** Whether the member got anything since the last look. */
  #progressed = false;
  #cancelLook: (() => void) | undefined;

  /** Starts empty. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The longest share, as the memory that it takes, in bytes. */
  get longest(): number {
    return Math.max(0, ...this.#shares.values().map(({ weight }) => weight));
  }

  /** Adds a piece, unless too much of its sender waits. */
  push(piece: QueuedPiece): void {
    const share = this.#shares.get(piece.sender) ?? new Share();
    if (share.bytes + piece.bytes.length > BULK_SHARE_BYTES) return;
    piece.addReceiver();
    share.pieces.push(piece);
    share.bytes += piece.bytes.length;
    this.#shares.set(piece.sender, share);
    this.#cancelLook ??= this.#lookLater();
  }

  /**
   * The next record for the member, from one piece or several in a row; `undefined` if there is none.
   *
   * @param maxBytes Maximum bytes of files in it.
   */
  next(maxBytes: number): HostRecord | undefined {
    const share = this.#nextShare();
    if (share === undefined) return undefined;
    this.#progressed = true;
    const { from, transfer, offset } = share.pieces[0]!;
    const start = offset + share.sent;
    const bytes: Bytes[] = [];
    let end = start;
    share.credit -= PIECE_BYTES;
    while (end - start < maxBytes && share.continues(transfer, end)) {
      const part = share.take(maxBytes - (end - start));
      bytes.push(part);
      end += part.length;
    }
    return { type: "bulk", from, transfer, offset: start, bytes };
  }

  /** Drops the newer half of the longest share, at least one piece. */
  halve(): void {
    const { longest } = this;
    for (const [sender, share] of this.#shares) {
      if (share.weight < longest) continue;
      this.#drop(sender, share, Math.floor(share.pieces.length / 2));
      return;
    }
  }

  /** Drops what waits of one sender. @param sender Its session, in hexadecimal digits. */
  drop(sender: string): void {
    const share = this.#shares.get(sender);
    if (share !== undefined) this.#drop(sender, share, 0);
  }

  /** Drops all that waits. */
  clear(): void {
    for (const [sender, share] of this.#shares) this.#drop(sender, share, 0);
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  /** The share whose turn it is. One that has become empty stays until what it took beyond its turn is made up for. */
  #nextShare(): Share | undefined {
    for (const [sender, share] of this.#shares) {
      if (share.credit > 0 && share.pieces.length > 0) return share;
      this.#shares.delete(sender);
      if (share.credit > 0) continue;
      share.credit += BULK_TURN_BYTES;
      this.#shares.set(sender, share);
    }
  }

  #drop(sender: string, share: Share, from: number): void {
    if (from === 0) this.#shares.delete(sender);
    share.drop(from);
  }

  #lookLater(): () => void {
    this.#progressed = false;
    return this.#clock.after(BULK_STALL_MS, () => {
      this.#cancelLook = undefined;
      if (!this.#progressed) this.clear();
      if (this.#shares.size > 0) this.#cancelLook = this.#lookLater();
    });
  }
}
