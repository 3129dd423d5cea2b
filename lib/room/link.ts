/**
 * The link to the relay: one member's seat, over connections that come and go.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import { type Channel, Endpoint } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { keyTag, sessionId } from "../crypto/mod.ts";
import { ChannelError, type Code, RoomError, WireError } from "../errors.ts";
import {
  AcceptStatus,
  CloseReason,
  ENTRY_CMID,
  EnvelopeClass,
  envelopeSize,
  HOST_SESSION,
  type HostEnvelope,
  type HostRecord,
  INSTANCE_BYTES,
  MEMBER_CODEC,
  MemberChange,
  type MemberEnvelope,
  type MemberRecord,
  NO_TRANSCRIPT,
  type RosterChange,
  type RosterEntry,
} from "../wire/mod.ts";
import { BulkReceiver, type ReceivedBulk } from "./bulk_receiver.ts";
import { EnvelopeQueue } from "./envelope_queue.ts";
import { Flows } from "./flows.ts";

/** Number of envelopes that are acknowledged at once. */
const ACK_ENVELOPES = 64;

/** Bytes of envelopes that are acknowledged at once: the relay stops a sender of which 32 KiB are not. */
const ACK_BYTES: number = 1 << 14;

/** Maximum time until an envelope is acknowledged, in milliseconds: longer in a large room, or ACKs would fill it. */
const MIN_ACK_MS = 200;
const MAX_ACK_MS = 2000;
const ACK_MS_PER_MEMBER = 8;

/** Maximum time until an envelope is acknowledged, in milliseconds. @param others Sessions in the room beside this. */
export function ackDelay(others: number): number {
  return Math.min(Math.max(MIN_ACK_MS, ACK_MS_PER_MEMBER * others), MAX_ACK_MS);
}

/** A seat missing within this time never existed, in milliseconds: a host keeps one for longer, or none at all. */
const SEAT_CERTAIN_MS = 60_000;

/** Time that a host has for each record up to ROSTER, in milliseconds. */
const ROSTER_MS = 10_000;

/** Errors for the statuses of ACCEPT that refuse a member. */
export const REFUSALS: Readonly<Record<number, { code: Code; reason: string }>> = {
  [AcceptStatus.ROOM_FULL]: { code: "room-full", reason: "the room is full" },
  [AcceptStatus.BANNED]: { code: "banned", reason: "the host banned you" },
  [AcceptStatus.LOCKED]: { code: "locked", reason: "the room is locked" },
  [AcceptStatus.NOT_ALLOWED]: {
    code: "not-allowed",
    reason: "you are not on the host's list",
  },
};

/** A session that the relay named. Its id is computed from its key and nonce: only its owner can have it. */
export interface NamedSession extends RosterEntry {
  /** The session id, 16 bytes. */
  readonly session: Bytes;
  /** Short form of the key, from `keyTag`. */
  readonly tag: string;
}

/** The acceptance of this member's envelopes in an ACK. */
type Acceptance = Pick<Extract<HostRecord, { type: "ack" }>, "accepted" | "seq">;

/** A change of a session that the relay named. */
export type NamedChange = RosterChange & Pick<NamedSession, "session" | "tag">;

/** Handles everything that a link receives. */
export interface LinkListener {
  /** Called when the host has given this member a new seat and waits for {@linkcode Link.enter}. */
  seated(): void;
  /**
   * Called with the other sessions in the room, in the order in which they came.
   *
   * @param restarted Whether another host process has the room; the queue of the previous one is lost.
   */
  roster(entries: readonly NamedSession[], restarted: boolean): void;
  /** Called when a session joined, left, or lost or regained its connection. */
  member(change: NamedChange): void;
  /** Called with each object. */
  envelope(envelope: HostEnvelope): void;
  /**
   * Called when the host has queued every envelope up to this one; in its place among the other calls, when all
   * before it is handled.
   */
  accepted(cmid: number): void;
  /**
   * Called when the host reports how far it has come, with the sessions away and gone that it has reported.
   *
   * @param delivered Every addressed session has every envelope up to this one, or is gone.
   * @param reached As `delivered`, without the sessions that are away.
   */
  delivered(delivered: number, reached: number): void;
  /** Called with the answer to {@linkcode Link.askBehind}: the sessions that lack a message of this member. */
  behind(sessions: readonly Bytes[]): void;
  /** Called when all that waited at the host has come: from now on messages may be sealed. */
  opened(): void;
  /** Resolves once all that came is handled: only then is it acknowledged, and more read. */
  settled(): Promise<void>;
}

/** A member's link to the relay, which outlives its connections. See PROTOCOL.md §5.4. */
export class Link {
  /** This member's envelopes. */
  readonly envelopes: EnvelopeQueue = new EnvelopeQueue();
  /** What is sent of this member's transfers. */
  readonly flows: Flows = new Flows(() => this.#endpoint?.wake());
  readonly #bulk: BulkReceiver;
  readonly #roomId: Bytes;
  readonly #clock: Clock;
  /** Set by {@linkcode Link.run}. */
  #listener!: LinkListener;
  #endpoint: Endpoint<HostRecord, MemberRecord> | undefined;
  #instance: Bytes | undefined;
  #keepMs = 0;
  #lastSeq = 0;
  #openAtSeq = 0;
  #open = false;
  #entryDue = false;
  #rosterKnown = false;
  /** Whether the host of `#instance` has let this member in. */
  #entered = false;
  #resumedAt = 0;
  /** The last connection on which this member was in the room, after its end. */
  #left: Endpoint<HostRecord, MemberRecord> | undefined;
  #restarted = false;
  /** Acceptances whose place is after entries that have not come yet. */
  #early: Acceptance[] = [];
  #shownSeq = 0;
  /** The transcript after the last shared record that came. */
  #transcript: Bytes = NO_TRANSCRIPT;
  /** The transcript after the last shared record that was handled. */
  #shownTranscript: Bytes = NO_TRANSCRIPT;
  #ackedSeq = 0;
  #unackedBytes = 0;
  #ackDue = false;
  /** The other sessions that the host has named and that have not left, in hexadecimal digits. */
  readonly #others = new Set<string>();
  #cancelAck: (() => void) | undefined;
  #cancelDeadline: () => void = () => {};

  /**
   * Creates a link without a connection.
   *
   * @param onBulk As `handle` of {@linkcode BulkReceiver}.
   */
  constructor(
    roomId: Bytes,
    clock: Clock = systemClock,
    onBulk: (chunk: ReceivedBulk) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#roomId = roomId;
    this.#clock = clock;
    this.#bulk = new BulkReceiver(onBulk, () => this.#endpoint?.wake());
  }

  /** Whether the host waits for this member to announce itself. */
  get entryDue(): boolean {
    return this.#entryDue;
  }

  /** Time for which the host keeps the seat of an away member, in milliseconds. */
  get keepMs(): number {
    return this.#keepMs;
  }

  /** Whether there is a connection, and all that had waited for it has come. */
  get open(): boolean {
    return this.#open;
  }

  /**
   * Queues an object for the room or one session.
   *
   * @param keep Whether it is kept until all readers have it, and sent to another host process too.
   * @returns Its number.
   */
  send(envelope: Omit<MemberEnvelope, "cmid">, keep = true): number {
    const cmid = this.envelopes.push({ ...envelope, keep });
    this.#endpoint?.wake();
    return cmid;
  }

  /** Announces this member to the host, which then admits it to the room. @param object An ANNOUNCE. */
  enter(object: Bytes): void {
    if (!this.#entryDue) return;
    this.#entryDue = false;
    const to = HOST_SESSION;
    const envelope = { class: EnvelopeClass.CONTROL, to, cmid: ENTRY_CMID, object };
    this.#endpoint?.send({ type: "batch", envelopes: [envelope] });
    if (!this.#rosterKnown) this.#awaitHost();
    this.#endpoint?.wake();
  }

  /**
   * Serves a connection until it ends.
   *
   * @param listener Handles everything that comes.
   * @returns Why the host closed it: one of `CloseReason`.
   * @throws {LanchatError} If the host refuses, breaks the protocol, or the connection is lost.
   */
  async run(channel: Channel, listener: LinkListener): Promise<number> {
    this.#listener = listener;
    let expected: "accept" | "resume" | undefined = "accept";
    const endpoint: Endpoint<HostRecord, MemberRecord> = new Endpoint<HostRecord, MemberRecord>(
      channel,
      {
        codec: MEMBER_CODEC,
        next: () => expected === undefined && !this.#entryDue ? this.#next() : undefined,
        nextBulk: (maxBytes) => this.#rosterKnown ? this.flows.next(maxBytes) : undefined,
        clock: this.#clock,
      },
    );
    this.#endpoint = endpoint;
    this.flows.restart();
    this.#bulk.restart();
    const records = endpoint.receive();
    this.#awaitHost();
    try {
      for await (const record of records) {
        if (record.type === "close") return record.reason;
        if (expected === "accept") {
          this.#receiveAccept(record, endpoint);
          expected = "resume";
        } else if (expected === "resume") {
          this.#receiveResume(record);
          expected = undefined;
          endpoint.wake();
        } else {
          await this.#receive(record);
        }
      }
      throw new ChannelError("connection-lost", "Connection lost");
    } catch (error) {
      // After a forged end, a CLOSE with reason 0 would give up the seat.
      if (error instanceof WireError) void endpoint.close(CloseReason.PROTOCOL);
      else if (error instanceof RoomError) void endpoint.close(CloseReason.LEAVING);
      else endpoint.abort(error);
      throw error;
    } finally {
      this.#endpoint = undefined;
      if (this.#rosterKnown) this.#left = endpoint;
      this.#open = this.#rosterKnown = this.#entryDue = false;
      this.#cancelAck?.();
      this.#cancelAck = undefined;
      this.#cancelDeadline();
      await records.return();
      await endpoint.close(CloseReason.LEAVING);
    }
  }

  /** Asks the host which sessions have not acknowledged the last message to them. */
  askBehind(): void {
    this.#endpoint?.send({ type: "behind" });
  }

  /** Acknowledges at once all that was handled. */
  acknowledge(): void {
    if (!this.#rosterKnown || !this.#ackDue && this.#ackedSeq === this.#shownSeq) return;
    this.#endpoint?.send(this.#ack);
    this.#ackDue = false;
    this.#ackedSeq = this.#shownSeq;
  }

  /** Acknowledges all that was handled, and sends CLOSE, which ends {@linkcode Link.run}. */
  async close(): Promise<void> {
    this.acknowledge();
    await this.#endpoint?.close(CloseReason.LEAVING);
  }

  #receiveAccept(record: HostRecord, endpoint: Endpoint<HostRecord, MemberRecord>): void {
    if (record.type !== "accept") throw new WireError("ACCEPT must come first");
    const refusal = REFUSALS[record.status];
    if (refusal !== undefined) {
      throw new ChannelError(refusal.code, `Cannot join: ${refusal.reason}`);
    }
    const known = this.#instance !== undefined && equal(record.instance, this.#instance);
    const keepMs = record.keep * 1000;
    // The previous process may have given up the seat, and at this one the others wait no longer.
    const lost = known
      ? !record.resumed && this.#hadSeat()
      : record.resumed && this.#instance !== undefined ||
        this.#left !== undefined && this.#left.silence >= Math.min(keepMs, this.#keepMs);
    if (lost) {
      throw new ChannelError(
        "seat-lost",
        "You were away too long: messages sent meanwhile are lost",
      );
    }
    if (!known) {
      this.#early = []; // The entries before them are lost.
      this.#listener.accepted(this.envelopes.lastAccepted);
      this.#restarted ||= this.#entered;
      this.#entered = false;
      this.envelopes.redirect();
    }
    if (!known || !record.resumed) {
      this.#lastSeq = this.#shownSeq = this.#ackedSeq = 0;
      this.#transcript = this.#shownTranscript = NO_TRANSCRIPT;
      this.#others.clear();
    }
    this.envelopes.accept(record.lastCmid); // It repeats its ACKs, each in its place.
    this.#early = [];
    this.envelopes.restart();
    this.#ackDue = false;
    this.#instance = record.instance;
    this.#keepMs = keepMs;
    this.#resumedAt = this.#clock.elapsed();
    endpoint.send({
      type: "resume",
      instance: known ? record.instance : new Uint8Array(INSTANCE_BYTES),
      lastSeq: this.#lastSeq,
      transcript: this.#transcript,
    });
    this.#entryDue = !record.resumed;
    if (this.#entryDue) this.#listener.seated();
  }

  /** Starts the time that the host has for its next record. */
  #awaitHost(): void {
    const endpoint = this.#endpoint;
    this.#cancelDeadline();
    this.#cancelDeadline = this.#clock.after(ROSTER_MS, () => {
      const message = "Cannot join: the host did not send the roster";
      endpoint?.abort(new ChannelError("protocol-error", message));
    });
  }

  /** Whether the host, which has no seat for this member, ever had one. */
  #hadSeat(): boolean {
    const certainMs = Math.min(SEAT_CERTAIN_MS, this.#keepMs);
    return this.#entered || this.#clock.elapsed() - this.#resumedAt > certainMs;
  }

  #receiveResume(record: HostRecord): void {
    if (record.type !== "resume") throw new WireError("RESUME must come now");
    if (record.nextSeq !== this.#lastSeq + 1) {
      throw new WireError("Cannot resume: the host continues at another envelope");
    }
    this.#openAtSeq = this.#lastSeq + record.queued;
    if (this.#entryDue) this.#cancelDeadline(); // The host waits for this member now.
  }

  async #receive(record: HostRecord): Promise<void> {
    if ((record.type === "roster") === this.#rosterKnown) {
      throw new WireError("ROSTER must come first, and once");
    }
    switch (record.type) {
      case "batch":
        await this.#take(record.envelopes, record.transcript, (envelope) => {
          this.#unackedBytes += envelopeSize(envelope.object);
          this.#listener.envelope(envelope);
        });
        break;
      case "roster": {
        const entries = await Promise.all(record.entries.map((entry) => this.#identify(entry)));
        this.#cancelDeadline();
        this.#rosterKnown = this.#entered = true;
        for (const { session } of entries) this.#others.add(toHex(session));
        this.#listener.roster(entries, this.#restarted);
        this.#restarted = false;
        this.#openWhenDue();
        this.#endpoint?.wake(); // Flows have waited for this.
        break;
      }
      case "member": {
        const changes = await Promise.all(record.changes.map((change) => this.#identify(change)));
        await this.#take(changes, record.transcript, (change) => {
          this.#countOther(change);
          this.#listener.member(change);
        });
        break;
      }
      case "ack":
        if (record.delivered > record.reached || record.reached > record.accepted) {
          throw new WireError("Cannot accept ACK: more is delivered than accepted");
        }
        if (this.envelopes.accept(record.accepted) && record.seq < this.#lastSeq) {
          throw new WireError("Cannot accept ACK: envelopes queued after it came before it");
        }
        this.#listener.delivered(record.delivered, record.reached);
        if (record.accepted > (this.#early.at(-1)?.accepted ?? 0)) this.#early.push(record);
        this.#reportAccepted(this.#lastSeq);
        this.#endpoint?.wake();
        break;
      case "behind":
        this.#listener.behind(record.sessions);
        break;
      case "bulk":
        this.#bulk.receive(record);
        break;
      case "credit":
        this.flows.credit(record.flows);
        this.#endpoint?.wake();
        break;
      default:
        throw new WireError(`Unexpected record: ${record.type}`);
    }
  }

  /**
   * Handles the entries of a record in their order, and acknowledges them.
   *
   * @param transcript The transcript after the record, if it was shared.
   */
  async #take<Entry>(
    entries: readonly Entry[],
    transcript: Bytes | undefined,
    handle: (entry: Entry) => void,
  ): Promise<void> {
    let seq = this.#lastSeq;
    this.#lastSeq += entries.length;
    if (transcript !== undefined) this.#transcript = transcript;
    for (const entry of entries) {
      seq++;
      handle(entry);
      if (this.#early[0]?.seq === seq) await this.#settle(seq);
    }
    await this.#settle(seq);
    this.#acknowledgeSoon();
    this.#openWhenDue();
  }

  #countOther({ change, session }: NamedChange): void {
    if (change === MemberChange.JOINED) this.#others.add(toHex(session));
    else if (change === MemberChange.LEFT) this.#others.delete(toHex(session));
  }

  /** Waits until all up to an entry is handled, and reports the acceptances whose place is there. */
  async #settle(seq: number): Promise<void> {
    await this.#listener.settled();
    this.#reportAccepted(seq);
  }

  /** Reports the acceptances up to a place. @param seq The last entry before it. */
  #reportAccepted(seq: number): void {
    while (this.#early[0] !== undefined && this.#early[0].seq <= seq) {
      this.#listener.accepted(this.#early.shift()!.accepted);
    }
  }

  /** Computes the session and the tag of a key and nonce. */
  async #identify<Named extends Pick<RosterEntry, "key" | "nonce">>(
    named: Named,
  ): Promise<Named & Pick<NamedSession, "session" | "tag">> {
    const { key, nonce } = named;
    const [session, tag] = await Promise.all([sessionId(this.#roomId, key, nonce), keyTag(key)]);
    return { ...named, session, tag };
  }

  /** Acknowledges all that has come, at once or soon. Later envelopes are not included. */
  #acknowledgeSoon(): void {
    this.#shownSeq = this.#lastSeq;
    this.#shownTranscript = this.#transcript;
    const count = this.#shownSeq - this.#ackedSeq;
    if (count >= ACK_ENVELOPES || this.#unackedBytes >= ACK_BYTES) this.#queueAck();
    else this.#cancelAck ??= this.#clock.after(ackDelay(this.#others.size), () => this.#queueAck());
  }

  #queueAck(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    this.#ackedSeq = this.#shownSeq;
    this.#unackedBytes = 0;
    this.#ackDue = true;
    this.#endpoint?.wake();
  }

  #openWhenDue(): void {
    if (this.#open || !this.#rosterKnown || this.#lastSeq < this.#openAtSeq) return;
    this.#open = true;
    this.#listener.opened();
  }

  get #ack(): MemberRecord {
    return { type: "ack", seq: this.#shownSeq, transcript: this.#shownTranscript };
  }

  /** Returns the next record to send. */
  #next(): MemberRecord | undefined {
    if (this.#ackDue) {
      this.#ackDue = false;
      return this.#ack;
    }
    const envelopes = this.envelopes.nextBatch();
    // CREDIT comes last: someone who sends much bulk could hold up the others without end.
    return envelopes.length > 0 ? { type: "batch", envelopes } : this.#bulk.credit();
  }
}
