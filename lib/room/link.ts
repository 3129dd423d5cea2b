import { type Bytes, equal } from "../bytes/mod.ts";
import { type Channel, Endpoint } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { keyTag, sessionId } from "../crypto/mod.ts";
import { ChannelError, type Code, RoomError, WireError } from "../errors.ts";
import {
  AcceptStatus,
  CloseReason,
  decodeHostRecord,
  encodeMemberRecord,
  ENTRY_CMID,
  EnvelopeClass,
  envelopeSize,
  HOST_SESSION,
  type HostEnvelope,
  type HostRecord,
  INSTANCE_BYTES,
  MAX_PAYLOAD_BYTES,
  type MemberEnvelope,
  type MemberRecord,
  type RosterEntry,
} from "../wire/mod.ts";

/** Bytes that may be under way to the relay; it never stops reading a member that keeps to this. */
export const WINDOW_BYTES: number = 1 << 18;

/** Envelopes after which they are acknowledged at once. */
const ACK_ENVELOPES = 64;

/** Bytes of them after which they are: a relay holds a sender of which 32 KiB are not. */
const ACK_BYTES: number = 1 << 14;

/** How long envelopes may wait to be acknowledged, in milliseconds. */
const ACK_MS = 200;

/**
 * Bytes of what the relay has taken that are kept until everybody has it, to be sent again if asked for. In a
 * full room an announcement and a key for each member take 3.5 MB; with less, messages would be forgotten.
 */
const MAX_KEPT_BYTES: number = 1 << 23;

/** A seat that is missing sooner after it was asked for was never there: it is kept for longer, if at all. */
const SEAT_CERTAIN_MS = 60_000;

/** How long a host may take for each record that is due before the roster, and for that, in milliseconds. */
const ROSTER_MS = 10_000;

const CODEC = { encode: encodeMemberRecord, decode: decodeHostRecord } as const;

/** What the statuses of ACCEPT mean that refuse. */
export const REFUSALS: Readonly<Record<number, { code: Code; reason: string }>> = {
  [AcceptStatus.ROOM_FULL]: { code: "room-full", reason: "the room is full" },
  [AcceptStatus.BANNED]: { code: "banned", reason: "the host does not admit this identity" },
  [AcceptStatus.LOCKED]: { code: "locked", reason: "the room is locked" },
  [AcceptStatus.NOT_ALLOWED]: {
    code: "not-allowed",
    reason: "the host admits those alone who are on its list",
  },
};

/** A session that the relay named: its id follows from its key and its nonce, so that these are its own. */
export interface NamedSession extends RosterEntry {
  /** The session id, 16 bytes. */
  readonly session: Bytes;
  /** Short for the key, as `keyTag` gives it. */
  readonly tag: string;
}

/** A change of a session that the relay named. */
export type NamedChange =
  & Extract<HostRecord, { type: "member" }>
  & Pick<NamedSession, "session" | "tag">;

/** What a link tells the room. */
export interface LinkListener {
  /** The host has given this member a new seat, and waits for {@linkcode Link.enter}. */
  seated(): void;
  /**
   * Who is in the room, without oneself, in the order in which they came.
   *
   * @param restarted Whether another host process has taken the room over, and knows nothing of what the
   * one before had queued.
   */
  roster(entries: readonly NamedSession[], restarted: boolean): void;
  /** Somebody joined, left, or lost or regained the connection. */
  member(record: NamedChange): void;
  /** An object arrived. */
  envelope(envelope: HostEnvelope): void;
  /**
   * How far the host has come with what was sent.
   *
   * @param accepted It has passed on every envelope up to this one.
   * @param delivered Every session that it knows to be addressed has every envelope up to this one, or is gone.
   * @param reached As `delivered`, but without the sessions that are away.
   */
  acknowledged(accepted: number, delivered: number, reached: number): void;
  /** The answer to {@linkcode Link.askBehind}. @param sessions Who lacks a message of this member. */
  behind(sessions: readonly Bytes[]): void;
  /** All that waited at the host when the connection came has arrived: from now on more may be sealed. */
  opened(): void;
  /** Resolves when more may arrive. */
  settled(): Promise<void>;
}

/** What is on its way to the relay. */
interface OutboxEntry extends MemberEnvelope {
  readonly keep: boolean;
}

/**
 * A member's link to the relay: numbers what is sent and keeps it until the relay has it, over connections
 * that come and go. See PROTOCOL.md §5.4.
 */
export class Link {
  readonly #roomId: Bytes;
  readonly #clock: Clock;
  /** Set by {@linkcode Link.run}. */
  #listener!: LinkListener;
  #endpoint: Endpoint<HostRecord, MemberRecord> | undefined;
  #kept: MemberEnvelope[] = [];
  #keptBytes = 0;
  #outbox: OutboxEntry[] = [];
  #outboxBytes = 0;
  #sent = 0;
  #sentBytes = 0;
  #lastCmid = 0;
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
  /** The last connection on which this member was in the room, once it has ended. */
  #left: Endpoint<HostRecord, MemberRecord> | undefined;
  #restarted = false;
  #shownSeq = 0;
  #ackedSeq = 0;
  #unackedBytes = 0;
  #ackDue = false;
  #cancelAck: (() => void) | undefined;
  #cancelDeadline: () => void = () => {};

  /** Makes a link that is not connected yet. */
  constructor(roomId: Bytes, clock: Clock = systemClock) {
    this.#roomId = roomId;
    this.#clock = clock;
  }

  /** Whether the host waits for this member to announce itself. */
  get entryDue(): boolean {
    return this.#entryDue;
  }

  /** How long the host keeps the seat of a member whose connection is lost, in milliseconds. */
  get keepMs(): number {
    return this.#keepMs;
  }

  /** Bytes that were sent and that the relay has not acknowledged. */
  get backlog(): number {
    return this.#outboxBytes;
  }

  /** Whether there is a connection, and all has arrived that had waited for it. */
  get open(): boolean {
    return this.#open;
  }

  /** What the relay has taken and not everybody has, as far as it is kept, in its order. */
  get kept(): readonly MemberEnvelope[] {
    return this.#kept;
  }

  /** Whether what is sent next might displace something that is kept. */
  get keptFull(): boolean {
    return this.#keptBytes + this.#outboxBytes > MAX_KEPT_BYTES - MAX_PAYLOAD_BYTES;
  }

  /** Forgets what is kept up to an envelope. */
  forget(cmid: number): void {
    const later = this.#kept.findIndex((envelope) => envelope.cmid > cmid);
    for (const { object } of this.#kept.splice(0, later < 0 ? this.#kept.length : later)) {
      this.#keptBytes -= envelopeSize(object);
    }
  }

  /**
   * Queues an object for the room or one session.
   *
   * @param keep Whether it is kept until everybody has it, and sent to another host process too.
   * @returns Its number.
   */
  send(envelope: Omit<MemberEnvelope, "cmid">, keep = true): number {
    const cmid = ++this.#lastCmid;
    this.#outbox.push({ ...envelope, cmid, keep });
    this.#outboxBytes += envelopeSize(envelope.object);
    this.#endpoint?.wake();
    return cmid;
  }

  /** Announces this member to the host, which then lets it into the room. @param object An ANNOUNCE. */
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
   * @returns Why the host closed it: one of `CloseReason`.
   * @throws {LanchatError} If the host refuses, breaks the protocol, or the connection is lost.
   */
  async run(channel: Channel, listener: LinkListener): Promise<number> {
    this.#listener = listener;
    let expected: "accept" | "resume" | undefined = "accept";
    const endpoint: Endpoint<HostRecord, MemberRecord> = new Endpoint<HostRecord, MemberRecord>(
      channel,
      {
        codec: CODEC,
        next: () => expected === undefined && !this.#entryDue ? this.#next() : undefined,
        clock: this.#clock,
      },
    );
    this.#endpoint = endpoint;
    const records = endpoint.receive();
    this.#awaitHost();
    try {
      for await (const record of records) {
        if (record.type === "close") return record.reason;
        if (expected === "accept") {
          this.#accepted(record, endpoint);
          expected = "resume";
        } else if (expected === "resume") {
          this.#resumed(record);
          expected = undefined;
          endpoint.wake();
        } else {
          await this.#take(record);
        }
      }
      throw new ChannelError("connection-lost", "The connection ended");
    } catch (error) {
      // A farewell to an end that somebody forged would give the place up.
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

  /** Asks the host who has not acknowledged the last message to it. */
  askBehind(): void {
    this.#endpoint?.send({ type: "behind" });
  }

  /** Leaves: says farewell, which ends `run`. */
  async close(): Promise<void> {
    await this.#endpoint?.close(CloseReason.LEAVING);
  }

  #accepted(record: HostRecord, endpoint: Endpoint<HostRecord, MemberRecord>): void {
    if (record.type !== "accept") throw new WireError("Cannot go on as ACCEPT must come first");
    const refusal = REFUSALS[record.status];
    if (refusal !== undefined) {
      throw new ChannelError(refusal.code, `Cannot join as ${refusal.reason}`);
    }
    const known = this.#instance !== undefined && equal(record.instance, this.#instance);
    const keepMs = record.keep * 1000;
    // At the host before the seat may have been given up, and at this one the others wait no longer.
    const lost = known
      ? !record.resumed && this.#hadSeat()
      : record.resumed && this.#instance !== undefined ||
        this.#left !== undefined && this.#left.silence >= Math.min(keepMs, this.#keepMs);
    if (lost) throw new ChannelError("seat-lost", "This member's place was not kept so long");
    if (!known) {
      this.#restarted ||= this.#entered;
      this.#entered = false;
      // Members would answer an old NEED, whose answer this member drops, and forget what they had kept for it.
      this.#outbox = this.#outbox.map((entry) =>
        entry.keep ? entry : { ...entry, to: HOST_SESSION }
      );
    }
    if (!known || !record.resumed) this.#lastSeq = this.#shownSeq = this.#ackedSeq = 0;
    this.#taken(record.lastCmid, this.#sent);
    this.#listener.acknowledged(record.lastCmid, 0, 0);
    this.#sent = this.#sentBytes = 0;
    this.#ackDue = false;
    this.#instance = record.instance;
    this.#keepMs = keepMs;
    this.#resumedAt = this.#clock.elapsed();
    endpoint.send({
      type: "resume",
      instance: known ? record.instance : new Uint8Array(INSTANCE_BYTES),
      lastSeq: this.#lastSeq,
    });
    this.#entryDue = !record.resumed;
    if (this.#entryDue) this.#listener.seated();
  }

  /** Starts the time that the host has for what is due from it. */
  #awaitHost(): void {
    const endpoint = this.#endpoint;
    this.#cancelDeadline();
    this.#cancelDeadline = this.#clock.after(ROSTER_MS, () => {
      const message = "Cannot join as the host does not say who is in the room";
      endpoint?.abort(new ChannelError("protocol-error", message));
    });
  }

  /** Whether the host that does not know this member any more has had a seat for it. */
  #hadSeat(): boolean {
    const certainMs = Math.min(SEAT_CERTAIN_MS, this.#keepMs);
    return this.#entered || this.#clock.elapsed() - this.#resumedAt > certainMs;
  }

  #resumed(record: HostRecord): void {
    if (record.type !== "resume") throw new WireError("Cannot go on as RESUME must come now");
    if (record.nextSeq !== this.#lastSeq + 1) {
      throw new WireError("Cannot resume as the host goes on at another envelope");
    }
    this.#openAtSeq = this.#lastSeq + record.queued;
    if (this.#entryDue) this.#cancelDeadline(); // The host waits for this member.
  }

  async #take(record: HostRecord): Promise<void> {
    if ((record.type === "roster") === this.#rosterKnown) {
      throw new WireError("Cannot take record as ROSTER must come first, and once");
    }
    switch (record.type) {
      case "batch":
        for (const envelope of record.envelopes) {
          if (envelope.seq !== this.#lastSeq + 1) {
            throw new WireError("Cannot take envelope as one before it is missing");
          }
          this.#lastSeq = envelope.seq;
          this.#unackedBytes += envelopeSize(envelope.object);
          this.#listener.envelope(envelope);
        }
        await this.#listener.settled();
        this.#acknowledge();
        this.#openWhenDue();
        break;
      case "roster": {
        const entries = await Promise.all(record.entries.map((entry) => this.#name(entry)));
        this.#cancelDeadline();
        this.#rosterKnown = this.#entered = true;
        this.#listener.roster(entries, this.#restarted);
        this.#restarted = false;
        this.#openWhenDue();
        break;
      }
      case "member":
        this.#lastSeq++;
        this.#listener.member(await this.#name(record));
        await this.#listener.settled();
        this.#acknowledge();
        this.#openWhenDue();
        break;
      case "ack":
        if (record.delivered > record.reached || record.reached > record.accepted) {
          throw new WireError("Cannot take ACK as more is delivered than accepted");
        }
        if (this.#taken(record.accepted, this.#sent) && record.seq < this.#lastSeq) {
          throw new WireError("Cannot take ACK as what was queued after it has come");
        }
        this.#listener.acknowledged(record.accepted, record.delivered, record.reached);
        this.#endpoint?.wake();
        break;
      case "behind":
        this.#listener.behind(record.sessions);
        break;
      default:
        throw new WireError(`Cannot take record as it may not come now: ${record.type}`);
    }
  }

  /** Finds out which session a key and a nonce stand for, and its tag. */
  async #name<Named extends Pick<RosterEntry, "key" | "nonce">>(
    named: Named,
  ): Promise<Named & Pick<NamedSession, "session" | "tag">> {
    const { key, nonce } = named;
    const [session, tag] = await Promise.all([sessionId(this.#roomId, key, nonce), keyTag(key)]);
    return { ...named, session, tag };
  }

  /** All that has come was shown; what comes from now on is not, when the timer fires. */
  #acknowledge(): void {
    this.#shownSeq = this.#lastSeq;
    const flush = (): void => {
      this.#cancelAck?.();
      this.#cancelAck = undefined;
      this.#ackedSeq = this.#shownSeq;
      this.#unackedBytes = 0;
      this.#ackDue = true;
      this.#endpoint?.wake();
    };
    const count = this.#shownSeq - this.#ackedSeq;
    if (count >= ACK_ENVELOPES || this.#unackedBytes >= ACK_BYTES) flush();
    else this.#cancelAck ??= this.#clock.after(ACK_MS, flush);
  }

  #openWhenDue(): void {
    if (this.#open || !this.#rosterKnown || this.#lastSeq < this.#openAtSeq) return;
    this.#open = true;
    this.#listener.opened();
  }

  /**
   * The relay has passed on every envelope up to this one, of so many at most.
   *
   * @returns Whether it is the first to say so of any.
   */
  #taken(cmid: number, atMost: number): boolean {
    const next = this.#outbox.findIndex((envelope) => envelope.cmid > cmid);
    const count = next < 0 ? this.#outbox.length : next;
    if (cmid > this.#lastCmid || count > atMost) {
      throw new WireError("Cannot take ACK as it is for what was never sent");
    }
    const taken = this.#outbox.splice(0, count);
    const bytes = taken.reduce((sum, { object }) => sum + envelopeSize(object), 0);
    this.#outboxBytes -= bytes;
    this.#sentBytes = Math.max(0, this.#sentBytes - bytes);
    this.#sent = Math.max(0, this.#sent - count);
    this.#keep(taken.filter(({ keep }) => keep));
    return count > 0;
  }

  /** Keeps what the relay may yet lose; where it is too much, the oldest messages cannot be healed. */
  #keep(envelopes: readonly MemberEnvelope[]): void {
    for (const envelope of envelopes) {
      this.#kept.push(envelope);
      this.#keptBytes += envelopeSize(envelope.object);
    }
    while (this.#keptBytes > MAX_KEPT_BYTES) {
      const message = this.#kept.findIndex((envelope) => envelope.class === EnvelopeClass.CHAT);
      const [gone] = this.#kept.splice(Math.max(0, message), 1);
      this.#keptBytes -= envelopeSize(gone!.object);
    }
  }

  #next(): MemberRecord | undefined {
    if (this.#ackDue) {
      this.#ackDue = false;
      return { type: "ack", seq: this.#shownSeq };
    }
    const envelopes: MemberEnvelope[] = [];
    let bytes = 0;
    while (this.#sent < this.#outbox.length && this.#sentBytes < WINDOW_BYTES) {
      const envelope = this.#outbox[this.#sent]!;
      if ((bytes += envelopeSize(envelope.object)) > MAX_PAYLOAD_BYTES) break;
      envelopes.push(envelope);
      this.#sent++;
      this.#sentBytes += envelopeSize(envelope.object);
    }
    return envelopes.length > 0 ? { type: "batch", envelopes } : undefined;
  }
}
