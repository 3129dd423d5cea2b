import { type Bytes, equal } from "../bytes/mod.ts";
import { type Channel, Endpoint } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { ChannelError, type Code, WireError } from "../errors.ts";
import {
  AcceptStatus,
  CloseReason,
  decodeHostRecord,
  encodeMemberRecord,
  ENVELOPE_OVERHEAD_BYTES,
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

/** How long envelopes may wait to be acknowledged, in milliseconds. */
const ACK_MS = 200;

/** How long a host may take to say who is in the room, in milliseconds. */
const ROSTER_MS = 10_000;

const CODEC = { encode: encodeMemberRecord, decode: decodeHostRecord } as const;

const REFUSALS: Readonly<Record<number, { code: Code; reason: string }>> = {
  [AcceptStatus.ROOM_FULL]: { code: "room-full", reason: "the room is full" },
  [AcceptStatus.BANNED]: { code: "banned", reason: "the host does not admit this identity" },
  [AcceptStatus.LOCKED]: { code: "locked", reason: "the room is locked" },
  [AcceptStatus.SESSION_IN_USE]: {
    code: "session-in-use",
    reason: "another identity has this session",
  },
};

/** What a link tells the room. */
export interface LinkListener {
  /** Who is in the room, without oneself, in the order in which they came. */
  roster(entries: readonly RosterEntry[]): void;
  /** Somebody joined, left, or lost or regained the connection. */
  member(record: Extract<HostRecord, { type: "member" }>): void;
  /** An object arrived. */
  envelope(envelope: HostEnvelope): void;
  /** The host has passed on every envelope up to this one. */
  acknowledged(cmid: number): void;
  /** Resolves when more may arrive. */
  settled(): Promise<void>;
}

/**
 * A member's link to the relay: numbers what is sent and keeps it until the relay has it, over connections
 * that come and go. See PROTOCOL.md §5.4.
 */
export class Link {
  readonly #listener: LinkListener;
  readonly #clock: Clock;
  #endpoint: Endpoint<HostRecord, MemberRecord> | undefined;
  #outbox: MemberEnvelope[] = [];
  #outboxBytes = 0;
  #sent = 0;
  #sentBytes = 0;
  #lastCmid = 0;
  #instance: Bytes = new Uint8Array(INSTANCE_BYTES);
  #lastSeq = 0;
  #shownSeq = 0;
  #ackedSeq = 0;
  #ackDue = false;
  #cancelAck: (() => void) | undefined;
  #cancelDeadline: () => void = () => {};

  /** Makes a link that is not connected yet. */
  constructor(listener: LinkListener, clock: Clock = systemClock) {
    this.#listener = listener;
    this.#clock = clock;
  }

  /** Bytes that were sent and that the relay has not acknowledged. */
  get backlog(): number {
    return this.#outboxBytes;
  }

  /** Queues an object for the room or one session. @returns Its number. */
  send(envelope: Omit<MemberEnvelope, "cmid">): number {
    const cmid = ++this.#lastCmid;
    this.#outbox.push({ ...envelope, cmid });
    this.#outboxBytes += size(envelope.object);
    this.#endpoint?.wake();
    return cmid;
  }

  /**
   * Serves a connection until it ends.
   *
   * @returns Why the host closed it: one of `CloseReason`.
   * @throws {LanchatError} If the host refuses, breaks the protocol, or the connection is lost.
   */
  async run(channel: Channel): Promise<number> {
    let open = false;
    const endpoint: Endpoint<HostRecord, MemberRecord> = new Endpoint<HostRecord, MemberRecord>(
      channel,
      { codec: CODEC, next: () => open ? this.#next() : undefined, clock: this.#clock },
    );
    this.#endpoint = endpoint;
    const records = endpoint.receive();
    this.#cancelDeadline = this.#clock.after(ROSTER_MS, () => {
      const message = "Cannot join as the host does not say who is in the room";
      endpoint.abort(new ChannelError("protocol-error", message));
    });
    try {
      this.#accepted(await next(records), endpoint);
      this.#resumed(await next(records));
      open = true;
      endpoint.wake();
      for await (const record of records) {
        if (record.type === "close") return record.reason;
        await this.#take(record);
      }
      throw new ChannelError("connection-lost", "The connection ended");
    } catch (error) {
      if (error instanceof WireError) void endpoint.close(CloseReason.PROTOCOL);
      throw error;
    } finally {
      this.#endpoint = undefined;
      this.#cancelAck?.();
      this.#cancelAck = undefined;
      this.#cancelDeadline();
      await records.return();
      await endpoint.close(CloseReason.LEAVING);
    }
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
    const known = record.resumed && equal(record.instance, this.#instance);
    if (!known) this.#lastSeq = this.#shownSeq = this.#ackedSeq = 0;
    this.#acknowledged(record.lastCmid);
    this.#sent = this.#sentBytes = 0;
    this.#ackDue = false;
    endpoint.send({
      type: "resume",
      instance: known ? this.#instance : new Uint8Array(INSTANCE_BYTES),
      lastSeq: this.#lastSeq,
    });
    this.#instance = record.instance;
  }

  #resumed(record: HostRecord): void {
    if (record.type !== "resume") throw new WireError("Cannot go on as RESUME must come now");
    if (record.nextSeq !== this.#lastSeq + 1) {
      throw new WireError("Cannot resume as the host goes on at another envelope");
    }
  }

  async #take(record: HostRecord): Promise<void> {
    switch (record.type) {
      case "batch":
        for (const envelope of record.envelopes) {
          if (envelope.seq !== this.#lastSeq + 1) {
            throw new WireError("Cannot take envelope as one before it is missing");
          }
          this.#lastSeq = envelope.seq;
          this.#listener.envelope(envelope);
        }
        await this.#listener.settled();
        this.#acknowledge();
        break;
      case "roster":
        this.#cancelDeadline();
        this.#listener.roster(record.entries);
        break;
      case "member":
        this.#lastSeq++;
        this.#listener.member(record);
        await this.#listener.settled();
        this.#acknowledge();
        break;
      case "ack":
        this.#acknowledged(record.accepted);
        this.#endpoint?.wake();
        break;
      default:
        throw new WireError(`Cannot take record as it may not come now: ${record.type}`);
    }
  }

  /** All that has come was shown; what comes from now on is not, when the timer fires. */
  #acknowledge(): void {
    this.#shownSeq = this.#lastSeq;
    const flush = (): void => {
      this.#cancelAck?.();
      this.#cancelAck = undefined;
      this.#ackedSeq = this.#shownSeq;
      this.#ackDue = true;
      this.#endpoint?.wake();
    };
    if (this.#shownSeq - this.#ackedSeq >= ACK_ENVELOPES) flush();
    else this.#cancelAck ??= this.#clock.after(ACK_MS, flush);
  }

  /** The relay has passed on every envelope up to this one. */
  #acknowledged(cmid: number): void {
    const next = this.#outbox.findIndex((envelope) => envelope.cmid > cmid);
    const count = next < 0 ? this.#outbox.length : next;
    if (cmid > this.#lastCmid || count > this.#sent) {
      throw new WireError("Cannot take ACK as it is for what was never sent");
    }
    const gone = this.#outbox.splice(0, count);
    const bytes = gone.reduce((sum, { object }) => sum + size(object), 0);
    this.#outboxBytes -= bytes;
    this.#sentBytes -= bytes;
    this.#sent -= gone.length;
    this.#listener.acknowledged(cmid);
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
      if ((bytes += size(envelope.object)) > MAX_PAYLOAD_BYTES) break;
      envelopes.push(envelope);
      this.#sent++;
      this.#sentBytes += size(envelope.object);
    }
    return envelopes.length > 0 ? { type: "batch", envelopes } : undefined;
  }
}

async function next(records: AsyncGenerator<HostRecord>): Promise<HostRecord> {
  const { done, value } = await records.next();
  if (done) throw new ChannelError("connection-lost", "The host hung up");
  return value;
}

function size(object: Bytes): number {
  return ENVELOPE_OVERHEAD_BYTES + object.length;
}
