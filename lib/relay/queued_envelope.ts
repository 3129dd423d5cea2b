/**
 * Envelopes in the queues of seats, and the memory that all of them take.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { envelopeSize, type HostEnvelope, type MemberEnvelope } from "../wire/mod.ts";
import type { AckTracker } from "./ack_tracker.ts";
import type { Sharing } from "./shared_records.ts";

/** Bytes that an entry of a queue takes beside its object. */
export const ENTRY_BYTES = 64;

/** The bytes that all queues of a relay take together: those of envelopes, or those of bulk. */
export class QueueMemory {
  readonly #maxBytes: number;
  readonly #waiting = new Set<{ release(): void }>();
  #bytes = 0;

  /** Starts with no bytes taken. @param maxBytes Bytes over which it is full. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether no envelope may be queued now. */
  get isFull(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** Releases the senders of a seat when memory is free again. */
  releaseWhenFree(seat: { release(): void }): void {
    this.#waiting.add(seat);
  }

  /** Adds bytes taken, or bytes given back if negative. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.isFull) return;
    const seats = [...this.#waiting];
    this.#waiting.clear();
    for (const seat of seats) seat.release();
  }
}

/** The author of an envelope: a seat, or the host itself. */
export interface EnvelopeSource {
  /** The session in hexadecimal digits. */
  readonly id: string;
  /** The session, 16 bytes. */
  readonly session: Bytes;
  /** Counts the fate of its envelopes; missing for the host. */
  readonly acks?: AckTracker;
}

/** One envelope in the queues of its receivers, which share its bytes. */
export class QueuedEnvelope implements HostEnvelope {
  readonly class: number;
  readonly direct: boolean;
  readonly from: Bytes;
  /** The session that it comes from, in hexadecimal digits. */
  readonly sender: string;
  readonly object: Bytes;
  /** Bytes that it counts with. */
  readonly bytes: number;
  /** Its shared frame. Only `SharedRecords` sets it. */
  sharing: Sharing | undefined;
  readonly #cmid: number;
  readonly #acks: AckTracker | undefined;
  readonly #memory: QueueMemory;
  /** Seats whose queues it is in. */
  #receivers = 0;
  /** Those of them that are not away. */
  #present = 0;
  #reached = false;

  /** Makes an envelope with one receiver, which is to be removed once all queues have it. */
  constructor(envelope: MemberEnvelope, source: EnvelopeSource, memory: QueueMemory) {
    this.class = envelope.class;
    this.direct = envelope.to !== undefined;
    this.from = source.session;
    this.sender = source.id;
    this.object = envelope.object;
    this.bytes = envelopeSize(envelope.object);
    this.#cmid = envelope.cmid;
    this.#acks = source.acks;
    this.#memory = memory;
    memory.add(this.bytes);
    this.addReceiver(false);
  }

  /** Counts a seat that has it in its queue. */
  addReceiver(away: boolean): void {
    this.#receivers++;
    if (!away) this.#present++;
    this.#memory.add(ENTRY_BYTES);
  }

  /** Counts a seat that has acknowledged it, or has ended. */
  removeReceiver(away: boolean): void {
    if (!away) this.receiverLeft();
    this.#memory.add(-ENTRY_BYTES);
    if (--this.#receivers > 0) return;
    this.#memory.add(-this.bytes);
    this.#acks?.settle(this.#cmid);
  }

  /** Counts a receiver that is away now. */
  receiverLeft(): void {
    if (--this.#present > 0 || this.#reached) return;
    this.#reached = true;
    this.#acks?.reach(this.#cmid);
  }

  /** Counts a receiver that is back. */
  receiverBack(): void {
    this.#present++;
  }
}
