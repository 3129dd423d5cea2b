/**
 * The envelope queue: this member's envelopes, numbered, until all readers have them.
 *
 * @module
 */
import { WireError } from "../errors.ts";
import {
  EnvelopeClass,
  envelopeSize,
  HOST_SESSION,
  MAX_PAYLOAD_BYTES,
  type MemberEnvelope,
} from "../wire/mod.ts";

/** Maximum bytes sent and not accepted; the relay always reads a member that keeps to it. */
export const WINDOW_BYTES: number = 1 << 18;

/**
 * Maximum bytes of accepted envelopes kept until all readers have them. In a full room an announcement and a
 * key for each member take 3.5 MB; with less, messages would be forgotten.
 */
const MAX_KEPT_BYTES: number = 1 << 23;

/** An envelope that the relay has not accepted. */
interface PendingEnvelope extends MemberEnvelope {
  /** Whether it is kept after that, until all readers have it. */
  readonly keep: boolean;
}

/**
 * This member's envelopes: pending until the relay accepts them, then kept until all readers have them. See
 * PROTOCOL.md §5.4.
 */
export class EnvelopeQueue {
  #pending: PendingEnvelope[] = [];
  #pendingBytes = 0;
  /** Number of pending envelopes sent on this connection. */
  #sent = 0;
  #sentBytes = 0;
  readonly #kept: MemberEnvelope[] = [];
  #keptBytes = 0;
  #lastCmid = 0;
  #lastAccepted = 0;

  /** The last envelope that the relay has accepted. */
  get lastAccepted(): number {
    return this.#lastAccepted;
  }

  /** Bytes that the relay has not accepted. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The accepted envelopes that not all readers have, in order. */
  get kept(): readonly MemberEnvelope[] {
    return this.#kept;
  }

  /** Whether the next envelope might displace a kept one. */
  get full(): boolean {
    return this.#keptBytes + this.#pendingBytes > MAX_KEPT_BYTES - MAX_PAYLOAD_BYTES;
  }

  /** Adds an envelope. @returns Its number. */
  push(envelope: Omit<PendingEnvelope, "cmid">): number {
    const cmid = ++this.#lastCmid;
    this.#pending.push({ ...envelope, cmid });
    this.#pendingBytes += envelopeSize(envelope.object);
    return cmid;
  }

  /** Returns the next envelopes to send that fit into one record and the window, and notes them as sent. */
  nextBatch(): readonly MemberEnvelope[] {
    const envelopes: MemberEnvelope[] = [];
    let bytes = 0;
    while (this.#sent < this.#pending.length && this.#sentBytes < WINDOW_BYTES) {
      const envelope = this.#pending[this.#sent]!;
      if ((bytes += envelopeSize(envelope.object)) > MAX_PAYLOAD_BYTES) break;
      envelopes.push(envelope);
      this.#sent++;
      this.#sentBytes += envelopeSize(envelope.object);
    }
    return envelopes;
  }

  /**
   * Accepts the pending envelopes up to and including one. Past the maximum kept, the oldest messages are forgotten.
   *
   * @returns Whether there were any.
   * @throws {WireError} If they were never sent.
   */
  accept(cmid: number): boolean {
    const next = this.#pending.findIndex((envelope) => envelope.cmid > cmid);
    const count = next < 0 ? this.#pending.length : next;
    if (cmid > this.#lastCmid || count > this.#sent) {
      throw new WireError("Cannot accept ACK: it is for an envelope never sent");
    }
    for (const envelope of this.#pending.splice(0, count)) {
      const size = envelopeSize(envelope.object);
      this.#pendingBytes -= size;
      this.#sentBytes -= size;
      if (!envelope.keep) continue;
      this.#kept.push(envelope);
      this.#keptBytes += size;
    }
    this.#sent -= count;
    this.#lastAccepted = Math.max(this.#lastAccepted, cmid);
    while (this.#keptBytes > MAX_KEPT_BYTES) {
      const message = this.#kept.findIndex((envelope) => envelope.class === EnvelopeClass.CHAT);
      const [gone] = this.#kept.splice(Math.max(0, message), 1);
      this.#keptBytes -= envelopeSize(gone!.object);
    }
    return count > 0;
  }

  /** Forgets the kept envelopes up to and including one. */
  forget(cmid: number): void {
    const later = this.#kept.findIndex((envelope) => envelope.cmid > cmid);
    for (const { object } of this.#kept.splice(0, later < 0 ? this.#kept.length : later)) {
      this.#keptBytes -= envelopeSize(object);
    }
  }

  /** Sends all pending envelopes again, on a new connection. */
  restart(): void {
    this.#sent = this.#sentBytes = 0;
  }

  /**
   * Keeps pending envelopes that are not kept later from reaching members at another host process. The answer to
   * an old NEED would be dropped here, and its objects forgotten by their author.
   */
  redirect(): void {
    this.#pending = this.#pending.map((envelope) =>
      envelope.keep ? envelope : { ...envelope, to: HOST_SESSION }
    );
  }
}
