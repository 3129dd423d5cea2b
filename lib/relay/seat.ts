import { type Bytes, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { Endpoint } from "../channel/mod.ts";
import type { Lane } from "./intake.ts";
import {
  EnvelopeClass,
  envelopeSize,
  type HostEnvelope,
  type HostRecord,
  MAX_PAYLOAD_BYTES,
  MemberChange,
  type MemberEnvelope,
  type MemberRecord,
} from "../wire/mod.ts";

/** Queued bytes of a seat over which those who feed it are held, so that no queue grows for ever. */
export const HIGH_WATER_BYTES: number = 1 << 20;

/** Queued bytes at which they may go on. */
export const LOW_WATER_BYTES: number = 1 << 19;

/**
 * Queued bytes of one sender at which it is held: the others would wait for all of them. Members acknowledge
 * half as much at once, so that a lone sender does not have to pause.
 */
export const SHARE_BYTES: number = 1 << 15;

/** Time in which the progress of a seat is judged for which {@linkcode SHARE_BYTES} wait, in milliseconds. */
export const STALL_MS = 10_000;

/** What it must take in {@linkcode STALL_MS} if others wait for it, in bytes: a member that reads at all does. */
export const STALL_BYTES: number = 1 << 16;

/** What an entry of a queue takes beside its object, in bytes. */
const ENTRY_BYTES = 64;

/** What a parcel tells its relay. */
export interface ParcelListener {
  /** It takes so many more bytes of memory, or fewer. */
  resized(bytes: number): void;
  /** Each seat that waits for it is away. */
  reached(): void;
  /** No seat waits for it any longer. */
  settled(): void;
}

/** One object on its way to some seats; they share its bytes. */
export class Parcel {
  /** One of `EnvelopeClass`. */
  readonly class: number;
  /** Whether it is for one session alone. */
  readonly direct: boolean;
  /** The session it comes from. */
  readonly from: Bytes;
  /** The same in hexadecimal digits. */
  readonly sender: string;
  /** Opaque. */
  readonly object: Bytes;
  readonly #listener: ParcelListener;
  /** How many seats wait for it. */
  #waiting = 0;
  /** How many of them are not away. */
  #present = 0;
  #reached = false;

  /** Takes an envelope on, held once until it is in all queues. */
  constructor(envelope: MemberEnvelope, from: Bytes, listener: ParcelListener) {
    this.class = envelope.class;
    this.direct = envelope.to !== undefined;
    this.from = from;
    this.sender = toHex(from);
    this.object = envelope.object;
    this.#listener = listener;
    listener.resized(size(this));
    this.hold(false);
  }

  /** Another seat waits for it. */
  hold(away: boolean): void {
    this.#waiting++;
    if (!away) this.#present++;
    this.#listener.resized(ENTRY_BYTES);
  }

  /** A seat waits for it no longer. */
  release(away: boolean): void {
    if (!away) this.leave();
    this.#listener.resized(-ENTRY_BYTES);
    if (--this.#waiting > 0) return;
    this.#listener.resized(-size(this));
    this.#listener.settled();
  }

  /** A seat that waits for it is away. */
  leave(): void {
    if (--this.#present > 0 || this.#reached) return;
    this.#reached = true;
    this.#listener.reached();
  }

  /** A seat that waits for it is back. */
  comeBack(): void {
    this.#present++;
  }
}

/** A change of the roster, in its place between the envelopes. */
type Change = Extract<HostRecord, { type: "member" }>;

/** Bytes of a {@linkcode Change} in its record. */
const CHANGE_BYTES = 50;

/** What waits for a seat, under its number. */
interface Entry {
  readonly seq: number;
  readonly item: Parcel | Change;
}

/** Envelopes of the member that were accepted behind the same entry of its queue. */
interface Accepted {
  /** The last of them. */
  readonly cmid: number;
  /** The number of that entry. */
  readonly seq: number;
}

/** What waits for a seat from one sender. */
interface Share {
  /** Envelopes with their overhead. */
  bytes: number;
  /** The number of the last message; 0 where none waits. */
  lastChat: number;
}

/** What a seat tells its relay. */
export interface SeatListener {
  /** The seat holds senders, and its member takes too little. */
  stalled(): void;
  /** The seat no longer holds these senders. */
  released(lanes: readonly Lane[]): void;
}

/** Who a channel belongs to, as its handshake proved. */
export interface Guest {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** What the session follows from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** The session, 16 bytes. */
  readonly session: Bytes;
  /** Its IP address; missing for a member in this process. */
  readonly address?: string;
  /** Present for the host's own member, which has no deadline for entering the room. */
  readonly own?: true;
}

/** The host's end of a member's connection. */
export type SeatEndpoint = Endpoint<MemberRecord, HostRecord>;

/**
 * A member's place in the room, which outlives its connection: what it was sent and has not acknowledged,
 * and how far it got itself. See PROTOCOL.md §5.4.
 */
export class Seat {
  /** The session in hexadecimal digits. */
  readonly id: string;
  /** The session, 16 bytes. */
  readonly session: Bytes;
  /** The identity key that the handshake proved, 32 bytes. */
  readonly key: Bytes;
  /** What the session follows from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** Whether the room was told of it. */
  joined = false;
  /** The network of its newest connection; empty for a member in this process. */
  network = "";
  /** The newest connection, which alone speaks for this seat; it may not have resumed yet. */
  claim: SeatEndpoint | undefined;
  /** The connection that envelopes go to; `undefined` while there is none. */
  endpoint: SeatEndpoint | undefined;
  /** The last envelope that was taken from this member. */
  lastCmid = 0;
  /** Whether the others know that its connection is lost. */
  #away = false;
  /** Whether it was closed as too slow and has not caught up since. */
  dawdled = false;
  /** Calls off the end of an abandoned seat. */
  cancelExpiry: () => void = () => {};
  readonly #clock: Clock;
  readonly #listener: SeatListener;
  readonly #queue: Entry[] = [];
  #sent = 0;
  #lastSeq = 0;
  #bytes = 0;
  #ackedBytes = 0;
  /** What is accepted, by its place in the room's order, until the member surely has the ACK of it. */
  readonly #accepted: Accepted[] = [];
  /** How many of these were sent on this connection. */
  #acked = 0;
  /** The number of the last entry when the last envelope of this member was accepted. */
  #acceptedAfter = 0;
  #deliveredDue = false;
  readonly #undelivered = new Set<number>();
  /** Those of them that a seat has not acknowledged that was never away since. */
  readonly #unreached = new Set<number>();
  /** The last reported envelope that lies before all of those. */
  #reached = 0;
  /** The number of the last entry that says that a member is away. */
  #awayTold = 0;
  /** By the sender's session, in hexadecimal digits. */
  readonly #shares = new Map<string, Share>();
  #findBehind: (() => readonly Bytes[]) | undefined;
  #emptied: PromiseWithResolvers<void> | undefined;
  /** Whether all senders are held, until the queue is down to {@linkcode LOW_WATER_BYTES}. */
  #full = false;
  #held: Lane[] = [];
  #cancelVerdict: (() => void) | undefined;
  /** What was acknowledged when the progress was last looked at, in bytes. */
  #judgedBytes = 0;
  /** Whether the member took too little while no sender waited for it yet. */
  #slow = false;

  /** Makes a seat. */
  constructor({ key, nonce, session }: Guest, clock: Clock, listener: SeatListener) {
    this.id = toHex(session);
    this.session = session;
    this.key = key;
    this.nonce = nonce;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** How many bytes wait to be acknowledged. */
  get queuedBytes(): number {
    return this.#bytes;
  }

  /** The number of the first envelope or change that was not acknowledged. */
  get nextSeq(): number {
    return this.#queue[0]?.seq ?? this.#lastSeq + 1;
  }

  /** How many envelopes and changes were not acknowledged. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Whether a sender has to wait for this seat. @param id In hexadecimal digits. */
  isFullFor(id: string): boolean {
    if (this.endpoint === undefined) return false;
    return this.#full || (this.#shares.get(id)?.bytes ?? 0) >= SHARE_BYTES;
  }

  /** Queues an object, or a change of the roster, behind what is queued. */
  deliver(item: Parcel | Change): void {
    this.#queue.push({ seq: ++this.#lastSeq, item });
    if (item instanceof Parcel) this.#share(item);
    else if (item.change === MemberChange.AWAY) this.#awayTold = this.#lastSeq;
    this.#bytes += size(item);
    this.#fillUp();
    this.endpoint?.wake();
  }

  /** Whether a message of another session waits for this member. @param id In hexadecimal digits. */
  lacks(id: string): boolean {
    return (this.#shares.get(id)?.lastChat ?? 0) > 0;
  }

  /** The member asks who lacks what it said. @param find Their sessions, when it is told. */
  ask(find: () => readonly Bytes[]): void {
    this.#findBehind = find; // One answer is enough for all who were not answered.
    this.endpoint?.wake();
  }

  /** Notes that an envelope of this member was taken and passed on. @param cmid Its number. */
  accept(cmid: number): void {
    this.lastCmid = cmid;
    this.#undelivered.add(cmid);
    this.#unreached.add(cmid);
    if (this.#accepted.at(-1)?.seq === this.#lastSeq) this.#accepted.pop();
    this.#accepted.push({ cmid, seq: this.#lastSeq });
    this.#acked = Math.min(this.#acked, this.#accepted.length - 1);
    this.#acceptedAfter = this.#lastSeq;
    this.endpoint?.wake();
  }

  /** Notes that an envelope of this member has reached everybody it is for. @param cmid Its number. */
  settle(cmid: number): void {
    const [first] = this.#undelivered;
    this.#undelivered.delete(cmid);
    if (cmid !== first) return;
    this.#deliveredDue = true;
    this.endpoint?.wake();
  }

  /** Notes that only members that are away lack an envelope of this one. @param cmid Its number. */
  reach(cmid: number): void {
    const [first] = this.#unreached;
    this.#unreached.delete(cmid);
    if (cmid !== first) return;
    this.#deliveredDue = true;
    this.endpoint?.wake();
  }

  /** Resolves when nothing waits for this member, or nobody is there to take it. */
  emptied(): Promise<void> {
    if (this.#queue.length === 0 || this.endpoint === undefined) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers();
    return this.#emptied.promise;
  }

  /**
   * Notes that the member has everything up to a number.
   *
   * @returns Whether so much was ever sent.
   */
  acknowledge(seq: number): boolean {
    const unsent = this.#queue[this.#sent]?.seq ?? this.#lastSeq + 1;
    if (seq >= unsent) return false;
    const later = this.#queue.findIndex((entry) => entry.seq > seq);
    const gone = this.#queue.splice(0, later < 0 ? this.#queue.length : later);
    this.#sent -= gone.length;
    this.#forgetAcks(seq);
    for (const entry of gone) {
      this.#bytes -= size(entry.item);
      this.#ackedBytes += size(entry.item);
      this.#release(entry);
    }
    if (this.#bytes < SHARE_BYTES) this.dawdled = false;
    if (this.#bytes <= LOW_WATER_BYTES) this.#full = false;
    this.release();
    if (this.#ackedBytes - this.#judgedBytes >= STALL_BYTES) this.#slow = false;
    // A sender that waits for another seat at this moment may come back to this one.
    if (this.#bytes < SHARE_BYTES && !this.#holds) this.#acquit();
    if (this.#queue.length === 0) this.#notWaitedFor();
    return true;
  }

  /** The connection is there; what was not acknowledged goes out again. */
  connect(endpoint: SeatEndpoint): void {
    this.cancelExpiry();
    this.endpoint = endpoint;
    if (this.#away) this.#parcels().forEach((parcel) => parcel.comeBack());
    this.#away = false;
    this.#findBehind = undefined;
    this.#sent = 0;
    this.#acked = 0;
    this.#deliveredDue = this.lastCmid > 0;
    this.#fillUp();
    endpoint.wake();
  }

  /** The connection is lost; nobody is held on account of this seat any more. */
  disconnect(): void {
    this.endpoint = undefined;
    this.holdNobody();
    this.#notWaitedFor();
  }

  /** The others know that the connection is lost: no sender waits for what this member lacks. */
  leave(): void {
    if (!this.#away) this.#parcels().forEach((parcel) => parcel.leave());
    this.#away = true;
  }

  /** Holds a sender until this seat can take more, or has taken too little. */
  hold(lane: Lane): void {
    this.#held.push(lane);
    this.#judge();
  }

  /** Releases all senders, however much is queued. */
  holdNobody(): void {
    this.#full = false;
    this.#acquit();
    this.release();
  }

  /** Releases all senders, unless this seat is full for every one of them. */
  release(): void {
    if (this.#full || this.#held.length === 0) return;
    const lanes = this.#held;
    this.#held = [];
    this.#listener.released(lanes);
  }

  /** Gives up what is queued. */
  expire(): void {
    this.cancelExpiry();
    this.disconnect();
    for (const entry of this.#queue.splice(0)) this.#release(entry);
    this.#bytes = 0;
  }

  /** The next record for the member; `undefined` where nothing waits. */
  next(): HostRecord | undefined {
    if (this.#acked < this.#accepted.length || this.#deliveredDue) return this.#takeAck();
    if (this.#findBehind !== undefined) {
      const sessions = this.#findBehind();
      this.#findBehind = undefined;
      return { type: "behind", sessions };
    }
    const first = this.#queue[this.#sent];
    if (first === undefined) return undefined;
    if (!(first.item instanceof Parcel)) {
      this.#sent++;
      if (first.seq === this.#awayTold) this.#deliveredDue = true;
      return first.item;
    }
    return { type: "batch", envelopes: this.#takeBatch() };
  }

  #share(parcel: Parcel): void {
    parcel.hold(this.#away);
    const share = this.#shares.get(parcel.sender) ?? { bytes: 0, lastChat: 0 };
    share.bytes += size(parcel);
    if (parcel.class === EnvelopeClass.CHAT) share.lastChat = this.#lastSeq;
    this.#shares.set(parcel.sender, share);
  }

  #release({ item, seq }: Entry): void {
    if (!(item instanceof Parcel)) return;
    const share = this.#shares.get(item.sender)!;
    share.bytes -= size(item);
    if (share.lastChat === seq) share.lastChat = 0;
    if (share.bytes === 0) this.#shares.delete(item.sender);
    item.release(this.#away);
  }

  #parcels(): Parcel[] {
    return this.#queue.flatMap(({ item }) => item instanceof Parcel ? [item] : []);
  }

  /** Forgets the ACKs that came before what the member has. */
  #forgetAcks(seq: number): void {
    const open = this.#accepted.findIndex((accepted) => accepted.seq >= seq);
    const told = this.#accepted.splice(0, open < 0 ? this.#accepted.length : open);
    this.#acked = Math.max(0, this.#acked - told.length);
  }

  #takeAck(): HostRecord {
    const { cmid, seq } = this.#accepted[this.#acked] ??
      { cmid: this.lastCmid, seq: this.#acceptedAfter };
    this.#acked = Math.min(this.#acked + 1, this.#accepted.length);
    this.#deliveredDue = false;
    // They are numbered without gaps, so that those before the first that is under way are there.
    const [first = this.lastCmid + 1] = this.#undelivered;
    const delivered = Math.min(cmid, first - 1);
    const [unreached = this.lastCmid + 1] = this.#unreached;
    // The member has to know who is away before it is told that only those lack something.
    const knows = this.#awayTold < (this.#queue[this.#sent]?.seq ?? Infinity);
    if (knows) this.#reached = unreached - 1;
    const reached = Math.max(delivered, Math.min(cmid, this.#reached));
    return { type: "ack", accepted: cmid, delivered, seq, reached };
  }

  #takeBatch(): HostEnvelope[] {
    const envelopes: HostEnvelope[] = [];
    let bytes = 0;
    for (; this.#sent < this.#queue.length; this.#sent++) {
      const { seq, item } = this.#queue[this.#sent]!;
      if (!(item instanceof Parcel) || (bytes += size(item)) > MAX_PAYLOAD_BYTES) break;
      envelopes.push({
        class: item.class,
        direct: item.direct,
        from: item.from,
        seq,
        object: item.object,
      });
    }
    return envelopes;
  }

  #notWaitedFor(): void {
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  #fillUp(): void {
    if (this.#bytes < SHARE_BYTES || this.endpoint === undefined) return;
    if (this.#bytes > HIGH_WATER_BYTES) this.#full = true;
    this.#judge();
  }

  get #holds(): boolean {
    return this.#full || this.#held.length > 0;
  }

  /**
   * Judges this seat each {@linkcode STALL_MS} while much waits for it. A sender is held by one seat at a time,
   * but all that would hold it are judged meanwhile: it does not wait for one after the other.
   */
  #judge(): void {
    if (this.#cancelVerdict !== undefined || this.#slow && !this.#holds) return;
    this.#judgedBytes = this.#ackedBytes;
    this.#cancelVerdict = this.#clock.after(this.#slow ? 0 : STALL_MS, () => {
      this.#cancelVerdict = undefined;
      if (this.#ackedBytes - this.#judgedBytes >= STALL_BYTES) this.#judge();
      else if (this.#holds) this.#listener.stalled();
      else this.#slow = true;
    });
  }

  #acquit(): void {
    this.#cancelVerdict?.();
    this.#cancelVerdict = undefined;
    this.#slow = false;
  }
}

function size(item: Parcel | Change): number {
  return item instanceof Parcel ? envelopeSize(item.object) : CHANGE_BYTES;
}
