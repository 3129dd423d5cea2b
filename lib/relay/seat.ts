/**
 * A member's place in the room: its queue of sent and unacknowledged entries.
 *
 * @module
 */
import { networkOf } from "../address.ts";
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import type { Endpoint, SharedFrame } from "../channel/mod.ts";
import type { Clock } from "../clock.ts";
import { randomBytes } from "../crypto/mod.ts";
import {
  CHANGE_BYTES,
  CloseReason,
  EnvelopeClass,
  type HostRecord,
  MAX_CHANGES,
  MAX_PAYLOAD_BYTES,
  MemberChange,
  type MemberRecord,
  NO_TRANSCRIPT,
} from "../wire/mod.ts";
import { AckTracker } from "./ack_tracker.ts";
import { Backpressure, SHARE_BYTES } from "./backpressure.ts";
import type { BulkQueue } from "./bulk_queue.ts";
import type { CreditTracker } from "./credit_tracker.ts";
import { QueuedChange } from "./queued_change.ts";
import { QueuedEnvelope } from "./queued_envelope.ts";
import type { FairScheduler, SenderQueue } from "./scheduler.ts";
import type { SharedBatch, SharedItem } from "./shared_records.ts";

/** Bytes of shared frames after which a connection gets a record of its own: without one its member gives up. */
const PING_AFTER_BYTES: number = 1 << 16;

/** The changes after which a member gets nothing more, or nothing for a while. */
const ABSENCES: ReadonlySet<number> = new Set([MemberChange.AWAY, MemberChange.LEFT]);

/** One entry of a seat's queue. */
interface Entry {
  /** Its number. */
  readonly seq: number;
  readonly item: SharedItem;
}

/** A shared frame that was sent. */
interface SentFrame {
  /** The number of its last entry. */
  readonly seq: number;
  /** The transcript after it. */
  readonly transcript: Bytes;
}

/** One sender's share of a seat's queue. */
interface Share {
  /** Bytes of its envelopes. */
  bytes: number;
  /** The number of its last message; 0 if there is none. */
  lastChat: number;
}

/** The session that a channel belongs to, as its handshake proved. */
export interface ProvenSession {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** What the session id is derived from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** The session id, 16 bytes. */
  readonly session: Bytes;
  /** Its IP address; missing for a member in this process. */
  readonly address?: string;
  /** Whether it is the host's own member, which has no deadline for entering the room. */
  readonly own?: boolean;
}

/** The host's end of a member's connection. */
export type SeatEndpoint = Endpoint<MemberRecord, HostRecord>;

/** A connection that claims a seat. */
export interface SeatConnection {
  /** Its end here. */
  readonly endpoint: SeatEndpoint;
  /** Whether shared frames may be written to it. */
  readonly carriesShared: boolean;
  /** The envelopes that came over it and were not routed yet. */
  readonly queue: SenderQueue;
  /** The bulk that it has to get. */
  readonly bulk: BulkQueue;
  /** The fate of the bulk that came over it. */
  readonly credit: CreditTracker;
}

/** Dependencies of {@linkcode Seat}. */
export interface SeatOptions {
  /** Serves the senders that this seat releases. */
  readonly scheduler: FairScheduler;
  /** Times the progress of the member, and the seat's expiry. */
  readonly clock: Clock;
  /**
   * Called when the seat holds senders and its member takes too little.
   *
   * @param again Whether that happened before and the member has not caught up since.
   */
  readonly onStalled: (again: boolean) => void;
}

/**
 * A member's place in the room, which outlives its connections: the queue of entries that the member has not
 * acknowledged, and the ACKs that the relay owes it. See PROTOCOL.md §5.4.
 */
export class Seat {
  /** The session in hexadecimal digits. */
  readonly id: string;
  /** The session, 16 bytes. */
  readonly session: Bytes;
  /** The identity key that the handshake proved, 32 bytes. */
  readonly key: Bytes;
  /** What the session id is derived from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** Whether it is the seat of the host's own member. */
  readonly own: boolean;
  /** The fate of this member's own envelopes. */
  readonly acks: AckTracker = new AckTracker(() => this.wake());
  readonly #clock: Clock;
  readonly #backpressure: Backpressure;
  /** The newest connection: the only one that speaks for this seat. */
  #claim: SeatConnection | undefined;
  /** Whether that connection has entered the room, and gets the queue. */
  #connected = false;
  #joined = false;
  #network = "";
  /** Whether the relay has told the others that the connection is lost. */
  #away = false;
  /** Whether it was found too slow and has not caught up since. */
  #isTooSlow = false;
  #cancelExpiry: () => void = () => {};
  readonly #queue: Entry[] = [];
  #lastSeq = 0;
  /** Number of entries sent on this connection. */
  #sent = 0;
  /** The end of the last shared frame that this connection got, or was given the place of. */
  #sharedEnd: Bytes | undefined;
  /** Bytes of shared frames on this connection since the last PING. */
  #sharedBytes = 0;
  /** The last shared frame that the member has acknowledged, and those sent after it. */
  #sharedSent: SentFrame[] = [{ seq: 0, transcript: NO_TRANSCRIPT }];
  /** By the sender's session, in hexadecimal digits. */
  readonly #shares = new Map<string, Share>();
  #findBehind: (() => readonly Bytes[]) | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Makes a seat with an empty queue. */
  constructor({ key, nonce, own, session }: ProvenSession, options: SeatOptions) {
    const { clock, onStalled, scheduler } = options;
    this.id = toHex(session);
    this.session = session;
    this.key = key;
    this.nonce = nonce;
    this.own = own ?? false;
    this.#clock = clock;
    this.#backpressure = new Backpressure(scheduler, clock, () => {
      const again = this.#isTooSlow;
      this.#isTooSlow = true;
      onStalled(again);
    });
  }

  /** Whether its member has entered the room. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Whether its newest connection has entered the room. */
  get isConnected(): boolean {
    return this.#connected;
  }

  /** Whether shared frames may be written to that connection. */
  get takesShared(): boolean {
    return this.#connected && this.#claim!.carriesShared;
  }

  /** Whether it was found too slow and has not caught up since. */
  get isTooSlow(): boolean {
    return this.#isTooSlow;
  }

  /** The bulk that waits for it; `undefined` without a connection that has entered the room. */
  get bulk(): BulkQueue | undefined {
    return this.#connected ? this.#claim!.bulk : undefined;
  }

  /** The network of its newest connection; empty for a member in this process. */
  get network(): string {
    return this.#network;
  }

  /** Bytes that are not acknowledged. */
  get queuedBytes(): number {
    return this.#backpressure.queuedBytes;
  }

  /** The number of the first entry that is not acknowledged. */
  get nextSeq(): number {
    return this.#queue[0]?.seq ?? this.#lastSeq + 1;
  }

  /** Number of entries that are not acknowledged. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Gives the seat to a new connection, which has not entered the room yet; closes the one before. */
  claim(connection: SeatConnection, address: string): void {
    const former = this.#claim;
    void former?.endpoint.close(CloseReason.REPLACED);
    former?.queue.clear();
    former?.bulk.clear();
    // Before senders are released: serving them can end this seat and the connection that holds it.
    this.#claim = connection;
    this.#detach();
    this.#network = networkOf(address);
    this.#cancelExpiry();
  }

  /** Whether a connection is the newest of this seat, and has entered the room. */
  sendsTo(endpoint: SeatEndpoint): boolean {
    return this.#connected && this.#claim?.endpoint === endpoint;
  }

  /** Whether a connection is the newest of this seat. */
  isClaimedBy(connection: SeatConnection): boolean {
    return this.#claim === connection;
  }

  /** Starts to send on the newest connection, from the first entry that is not acknowledged. */
  connect(): void {
    this.#connected = this.#joined = true;
    if (this.#away) { for (const envelope of this.#envelopes()) envelope.receiverBack(); }
    this.#away = false;
    this.#findBehind = undefined;
    this.#sent = 0;
    this.#sharedEnd = undefined;
    this.#sharedBytes = 0;
    this.#sharedSent.splice(1);
    this.acks.restart();
    this.#backpressure.check();
    this.wake();
  }

  /** Closes the newest connection, if there is one. @param reason One of `CloseReason`. */
  close(reason: number): void {
    void this.#claim?.endpoint.close(reason);
  }

  /** Gives the seat to no connection; releases the senders that it holds. */
  disconnect(): void {
    this.#claim?.queue.clear();
    this.#claim?.bulk.clear();
    this.#detach();
    this.#claim = undefined;
  }

  /** Counts the member as away: the relay has told the others that its connection is lost. */
  leave(): void {
    if (!this.#away) { for (const envelope of this.#envelopes()) envelope.receiverLeft(); }
    this.#away = true;
  }

  /** Calls back unless the seat is claimed within `ms` milliseconds. */
  expireAfter(ms: number, onExpired: () => void): void {
    this.#cancelExpiry = this.#clock.after(ms, onExpired);
  }

  /** Ends the seat: drops its queue. */
  end(): void {
    this.#cancelExpiry();
    this.disconnect();
    for (const entry of this.#queue.splice(0)) this.#release(entry);
  }

  /** Whether a sender has to wait for this seat. @param sender Its session, in hexadecimal digits. */
  isFullFor(sender: string): boolean {
    if (!this.#connected) return false;
    return this.#backpressure.isFull || (this.#shares.get(sender)?.bytes ?? 0) >= SHARE_BYTES;
  }

  /** Holds a sender until this seat has space, or its member has taken too little. */
  hold(queue: SenderQueue): void {
    this.#backpressure.hold(queue);
  }

  /** Releases all senders, unless this seat is full. */
  release(): void {
    this.#backpressure.release();
  }

  /** Releases all senders, however long the queue is. */
  releaseAll(): void {
    this.#backpressure.releaseAll();
  }

  /** Appends an entry to the queue. */
  deliver(item: SharedItem): void {
    this.#queue.push({ seq: ++this.#lastSeq, item });
    if (item instanceof QueuedEnvelope) this.#share(item);
    else if (isAbsence(item)) this.acks.noteAbsence(this.#lastSeq);
    this.#backpressure.queue(bytesOf(item));
    if (this.#connected) this.#backpressure.check();
    if (item.sharing !== "sealing" || !this.takesShared) this.wake();
  }

  /** Has the newest connection ask for a record again. */
  wake(): void {
    if (this.#connected) this.#claim?.endpoint.wake();
  }

  /** Counts an envelope of this member that was routed. @param cmid Its number. */
  accept(cmid: number): void {
    this.acks.accept(cmid, this.#lastSeq);
  }

  /** Answers a BEHIND of the member; one answer serves all that were not answered yet. */
  answerBehind(find: () => readonly Bytes[]): void {
    this.#findBehind = find;
    this.wake();
  }

  /** Whether a message of another session is queued. @param sender That session, in hexadecimal digits. */
  lacks(sender: string): boolean {
    return (this.#shares.get(sender)?.lastChat ?? 0) > 0;
  }

  /** The next record or shared frame for the member, without bulk; `undefined` if none is due. */
  next(): HostRecord | SharedFrame | undefined {
    const first = this.#queue[this.#sent];
    if (this.acks.isDue) return this.acks.take(first?.seq ?? Infinity);
    if (this.#claim?.credit.isDue) return this.#claim.credit.next();
    if (this.#findBehind !== undefined) {
      const sessions = this.#findBehind();
      this.#findBehind = undefined;
      return { type: "behind", sessions };
    }
    if (first === undefined) return undefined;
    const sharing = this.takesShared ? first.item.sharing : undefined;
    if (sharing === "sealing") return undefined;
    if (sharing !== undefined && this.#begins(sharing)) return this.#nextShared(sharing);
    if (first.item instanceof QueuedChange) return { type: "member", changes: this.#takeChanges() };
    return { type: "batch", envelopes: this.#takeEnvelopes() };
  }

  /**
   * Removes the entries that the member has from the queue.
   *
   * @param seq The number of the last entry that the member has.
   * @param transcript The transcript after the last shared frame that it has.
   * @returns Whether the member can have that: it was sent, and nothing took its place on the way.
   */
  acknowledge(seq: number, transcript: Bytes): boolean {
    const unsent = this.#queue[this.#sent]?.seq ?? this.#lastSeq + 1;
    if (seq >= unsent) return false;
    if (seq < this.nextSeq - 1) return true;
    const later = this.#sharedSent.findIndex((frame) => frame.seq > seq);
    this.#sharedSent.splice(0, (later < 0 ? this.#sharedSent.length : later) - 1);
    if (!equal(this.#sharedSent[0]!.transcript, transcript)) return false;
    const gone = this.#queue.splice(0, seq - this.nextSeq + 1);
    this.#sent -= gone.length;
    this.acks.forget(seq);
    for (const entry of gone) {
      this.#backpressure.acknowledge(bytesOf(entry.item));
      this.#release(entry);
    }
    if (this.queuedBytes < SHARE_BYTES) this.#isTooSlow = false;
    this.#backpressure.relax();
    if (this.#queue.length === 0) this.#endDrain();
    return true;
  }

  /** Resolves when the queue is empty, or no connection takes it. */
  drained(): Promise<void> {
    if (this.#queue.length === 0 || !this.#connected) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #detach(): void {
    this.#connected = false;
    this.#backpressure.releaseAll();
    this.#endDrain();
  }

  #share(envelope: QueuedEnvelope): void {
    envelope.addReceiver(this.#away);
    const share = this.#shares.get(envelope.sender) ?? { bytes: 0, lastChat: 0 };
    share.bytes += envelope.bytes;
    if (envelope.class === EnvelopeClass.CHAT) share.lastChat = this.#lastSeq;
    this.#shares.set(envelope.sender, share);
  }

  #release({ item, seq }: Entry): void {
    if (!(item instanceof QueuedEnvelope)) return;
    const share = this.#shares.get(item.sender)!;
    share.bytes -= item.bytes;
    if (share.lastChat === seq) share.lastChat = 0;
    if (share.bytes === 0) this.#shares.delete(item.sender);
    item.removeReceiver(this.#away);
  }

  #envelopes(): QueuedEnvelope[] {
    return this.#queue.flatMap(({ item }) => item instanceof QueuedEnvelope ? [item] : []);
  }

  /** Whether the next entries to send are those of a shared frame. */
  #begins({ items }: SharedBatch): boolean {
    return items.every((item, i) => this.#queue[this.#sent + i]?.item === item);
  }

  /** The shared frame, or the KEY or PING before it. */
  #nextShared({ frame, items }: SharedBatch): HostRecord | SharedFrame {
    if (this.#sharedEnd !== frame.before.transcript) {
      this.#sharedEnd = frame.before.transcript;
      return { type: "key", ...frame.before };
    }
    if (this.#sharedBytes > 0 && this.#sharedBytes + frame.size > PING_AFTER_BYTES) {
      this.#sharedBytes = 0;
      return { type: "ping", token: randomBytes(8) };
    }
    this.#sharedBytes += frame.size;
    this.#sharedEnd = frame.end;
    for (const item of items) this.#countSent(item);
    const { seq } = this.#queue[this.#sent - 1]!;
    this.#sharedSent.push({ seq, transcript: frame.transcript });
    return frame;
  }

  #countSent(item: SharedItem): void {
    this.#sent++;
    if (isAbsence(item)) this.acks.noteAbsenceSent();
  }

  #takeChanges(): QueuedChange[] {
    const changes: QueuedChange[] = [];
    while (changes.length < MAX_CHANGES) {
      const item = this.#queue[this.#sent]?.item;
      if (!(item instanceof QueuedChange) || changes.length > 0 && this.#isShared(item)) break;
      this.#countSent(item);
      changes.push(item);
    }
    return changes;
  }

  #takeEnvelopes(): QueuedEnvelope[] {
    const envelopes: QueuedEnvelope[] = [];
    let bytes = 0;
    while (true) {
      const item = this.#queue[this.#sent]?.item;
      if (!(item instanceof QueuedEnvelope) || envelopes.length > 0 && this.#isShared(item)) break;
      if ((bytes += item.bytes) > MAX_PAYLOAD_BYTES) break;
      this.#countSent(item);
      envelopes.push(item);
    }
    return envelopes;
  }

  /** Whether an entry goes, or is to go, in a shared frame that begins with it. */
  #isShared({ sharing }: SharedItem): boolean {
    if (!this.takesShared || sharing === undefined) return false;
    return sharing === "sealing" || this.#begins(sharing);
  }

  #endDrain(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

function bytesOf(item: SharedItem): number {
  return item instanceof QueuedEnvelope ? item.bytes : CHANGE_BYTES;
}

function isAbsence(item: SharedItem): boolean {
  return item instanceof QueuedChange && ABSENCES.has(item.change);
}
