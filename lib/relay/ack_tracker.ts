/**
 * The ACKs that a relay owes one member: how far its envelopes were accepted, reached and delivered.
 *
 * @module
 */
import type { HostRecord } from "../wire/mod.ts";

/** Envelopes of the member that were accepted after the same entry of its queue. */
interface Accepted {
  /** The last of them. */
  readonly cmid: number;
  /** The number of that entry. */
  readonly seq: number;
}

/** How far the member's envelopes have come. */
interface Progress {
  /** The last that all its receivers have acknowledged, as have those of all before it. */
  readonly delivered: number;
  /** As `delivered`, without the receivers that are away. */
  readonly reached: number;
}

/** An entry that reports a member as away or left, and the progress without what follows from it. */
interface Absence extends Progress {
  /** The number of the entry. */
  readonly seq: number;
}

/** Tracks the fate of one member's envelopes, and makes its ACK records. See PROTOCOL.md §5.4. */
export class AckTracker {
  readonly #onDue: () => void;
  #lastCmid = 0;
  /** Accepted envelopes, by their place in the room's order, until the member surely has their ACK. */
  readonly #accepted: Accepted[] = [];
  /** Number of these that were sent on this connection. */
  #sent = 0;
  /** The number of the last entry in the queue when the last envelope was accepted. */
  #acceptedAfter = 0;
  #progressDue = false;
  readonly #undelivered = new Set<number>();
  /** Envelopes that still lack the ACK of a seat that was never away since. */
  readonly #unreached = new Set<number>();
  /** The last envelope reported as delivered. */
  #delivered = 0;
  /** The last envelope reported as reached. */
  #reached = 0;
  /** The entries in the queue that report a member as away or left, until the member has them. */
  readonly #absences: Absence[] = [];

  /** Starts with nothing accepted. @param onDue Called when an ACK has become due. */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** The last envelope accepted from this member. */
  get lastCmid(): number {
    return this.#lastCmid;
  }

  /** Whether an ACK is due. */
  get isDue(): boolean {
    return this.#sent < this.#accepted.length || this.#progressDue;
  }

  /**
   * Counts an envelope that was routed.
   *
   * @param cmid Its number.
   * @param lastSeq The number of the last entry in this member's own queue.
   */
  accept(cmid: number, lastSeq: number): void {
    this.#lastCmid = cmid;
    this.#undelivered.add(cmid);
    this.#unreached.add(cmid);
    if (this.#accepted.at(-1)?.seq === lastSeq) this.#accepted.pop();
    this.#accepted.push({ cmid, seq: lastSeq });
    this.#sent = Math.min(this.#sent, this.#accepted.length - 1);
    this.#acceptedAfter = lastSeq;
    this.#onDue();
  }

  /** Counts an envelope that all its receivers have acknowledged. */
  settle(cmid: number): void {
    this.#count(this.#undelivered, cmid);
  }

  /** Counts an envelope that only members who are away have not acknowledged. */
  reach(cmid: number): void {
    this.#count(this.#unreached, cmid);
  }

  /** Repeats the ACKs on a new connection. */
  restart(): void {
    this.#sent = 0;
    this.#progressDue = this.#lastCmid > 0;
  }

  /** Forgets the ACKs before the last entry that the member has acknowledged. */
  forget(seq: number): void {
    const open = this.#accepted.findIndex((accepted) => accepted.seq >= seq);
    const forgotten = this.#accepted.splice(0, open < 0 ? this.#accepted.length : open);
    this.#sent = Math.max(0, this.#sent - forgotten.length);
    const unknown = this.#absences.findIndex((absence) => absence.seq > seq);
    this.#absences.splice(0, unknown < 0 ? this.#absences.length : unknown);
  }

  /** Notes that an entry of the queue reports a member as away or left, before anything follows from it. */
  noteAbsence(seq: number): void {
    this.#absences.push({ seq, ...this.#progress });
  }

  /** Notes that such an entry goes out: an ACK is due if there was progress that had to wait for that. */
  noteAbsenceSent(): void {
    const { delivered, reached } = this.#progress;
    if (delivered > this.#delivered || reached > this.#reached) this.#progressDue = true;
  }

  /** The ACK that is due. @param nextSeq The number of the first entry in the queue that was not sent. */
  take(nextSeq: number): HostRecord {
    const { cmid, seq } = this.#accepted[this.#sent] ??
      { cmid: this.#lastCmid, seq: this.#acceptedAfter };
    this.#sent = Math.min(this.#sent + 1, this.#accepted.length);
    this.#progressDue = false;
    // The member has to know who is away or has left before it learns that only those lack something.
    const known = this.#absences.find((absence) => absence.seq >= nextSeq) ?? this.#progress;
    this.#delivered = Math.max(this.#delivered, known.delivered);
    this.#reached = Math.max(this.#reached, known.reached);
    const delivered = Math.min(cmid, this.#delivered);
    const reached = Math.max(delivered, Math.min(cmid, this.#reached));
    return { type: "ack", accepted: cmid, delivered, seq, reached };
  }

  /** Envelopes are numbered without gaps: all before the first that is under way have arrived. */
  get #progress(): Progress {
    const [undelivered = this.#lastCmid + 1] = this.#undelivered;
    const [unreached = this.#lastCmid + 1] = this.#unreached;
    return { delivered: undelivered - 1, reached: unreached - 1 };
  }

  #count(open: Set<number>, cmid: number): void {
    const [first] = open;
    open.delete(cmid);
    if (cmid !== first) return;
    this.#progressDue = true;
    this.#onDue();
  }
}
