import { type Bytes, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { Endpoint } from "../channel/mod.ts";
import {
  ENVELOPE_OVERHEAD_BYTES,
  EnvelopeClass,
  type HostEnvelope,
  type HostRecord,
  MAX_PAYLOAD_BYTES,
  type MemberEnvelope,
  type MemberRecord,
} from "../wire/mod.ts";

/** Queued bytes of a seat over which those who feed it are held, so that no queue grows for ever. */
export const HIGH_WATER_BYTES: number = 1 << 20;

/** Queued bytes at which they may go on. */
export const LOW_WATER_BYTES: number = 1 << 19;

/** How long a seat may hold others before its progress is judged, in milliseconds. */
export const STALL_MS = 10_000;

/** What a seat that holds others must take in {@linkcode STALL_MS}, in bytes: whoever reads at all does. */
export const STALL_BYTES: number = 1 << 16;

/** What an entry of a queue takes beside its object, in bytes. */
const ENTRY_BYTES = 64;

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
  readonly #count: (bytes: number) => void;
  readonly #settled: () => void;
  #waiting = 0;

  /**
   * Takes an envelope on, held once until it is in all queues.
   *
   * @param count Told how many bytes of memory more it takes, or fewer.
   * @param settled Called once {@linkcode Parcel.release} was called for each {@linkcode Parcel.hold}.
   */
  constructor(
    envelope: MemberEnvelope,
    from: Bytes,
    count: (bytes: number) => void,
    settled: () => void,
  ) {
    this.class = envelope.class;
    this.direct = envelope.to !== undefined;
    this.from = from;
    this.sender = toHex(from);
    this.object = envelope.object;
    this.#count = count;
    this.#settled = settled;
    count(size(this));
    this.hold();
  }

  /** Another seat waits for it. */
  hold(): void {
    this.#waiting++;
    this.#count(ENTRY_BYTES);
  }

  /** A seat waits for it no more. */
  release(): void {
    this.#count(-ENTRY_BYTES);
    if (--this.#waiting > 0) return;
    this.#count(-size(this));
    this.#settled();
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
  /** Whether the room was told of it. */
  joined = false;
  /** The newest connection, which alone speaks for this seat; it may not have resumed yet. */
  claim: SeatEndpoint | undefined;
  /** The connection that envelopes go to; `undefined` while there is none. */
  endpoint: SeatEndpoint | undefined;
  /** The last envelope that was taken from this member. */
  lastCmid = 0;
  /** Whether it was closed as too slow and has not caught up since. */
  dawdled = false;
  /** Calls off the end of an abandoned seat. */
  cancelExpiry: () => void = () => {};
  readonly #clock: Clock;
  readonly #onStall: () => void;
  readonly #queue: Entry[] = [];
  #sent = 0;
  #lastSeq = 0;
  #bytes = 0;
  #ackedBytes = 0;
  /** What is accepted and not acknowledged yet, by its place in the room's order. */
  readonly #accepted: Accepted[] = [];
  /** The number of the last entry when the last envelope of this member was accepted. */
  #acceptedAfter = 0;
  #deliveredDue = false;
  readonly #undelivered = new Set<number>();
  /** The number of the last message that waits here, of each session that has sent one. */
  readonly #lastFrom = new Map<string, number>();
  #findBehind: (() => readonly Bytes[]) | undefined;
  #emptied: PromiseWithResolvers<void> | undefined;
  #holding: { released: Promise<void>; release: () => void; cancelTimer: () => void } | undefined;

  /** Makes a seat. @param onStall Called when it holds others and does not take enough. */
  constructor(session: Bytes, key: Bytes, clock: Clock, onStall: () => void) {
    this.id = toHex(session);
    this.session = session;
    this.key = key;
    this.#clock = clock;
    this.#onStall = onStall;
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

  /** Resolves when this seat can take more; `undefined` where it can now. */
  get full(): Promise<void> | undefined {
    return this.#holding?.released;
  }

  /** Queues an object, or a change of the roster, behind what is queued. */
  deliver(item: Parcel | Change): void {
    this.#queue.push({ seq: ++this.#lastSeq, item });
    if (item instanceof Parcel) this.#hold(item);
    this.#bytes += size(item);
    if (this.#bytes > HIGH_WATER_BYTES && this.endpoint !== undefined) this.hold();
    this.endpoint?.wake();
  }

  /** Whether a message of another session waits for this member. @param id In hexadecimal digits. */
  lacks(id: string): boolean {
    return this.#lastFrom.has(id);
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
    if (this.#accepted.at(-1)?.seq === this.#lastSeq) this.#accepted.pop();
    this.#accepted.push({ cmid, seq: this.#lastSeq });
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
    for (const entry of gone) {
      this.#bytes -= size(entry.item);
      this.#ackedBytes += size(entry.item);
      this.#release(entry);
    }
    if (this.#bytes <= LOW_WATER_BYTES) {
      this.dawdled = false;
      this.holdNobody();
    }
    if (this.#queue.length === 0) this.#notWaitedFor();
    return true;
  }

  /** The connection is there; what was not acknowledged goes out again. */
  connect(endpoint: SeatEndpoint): void {
    this.cancelExpiry();
    this.endpoint = endpoint;
    this.#findBehind = undefined;
    this.#sent = 0;
    this.#accepted.length = 0; // ACCEPT has told the last of them.
    this.#deliveredDue = this.lastCmid > 0;
    if (this.#bytes > HIGH_WATER_BYTES) this.hold();
    endpoint.wake();
  }

  /** The connection is lost; nobody is held on account of this seat any more. */
  disconnect(): void {
    this.endpoint = undefined;
    this.holdNobody();
    this.#notWaitedFor();
  }

  /** Lets those go on who wait for this seat. */
  holdNobody(): void {
    this.#holding?.cancelTimer();
    this.#holding?.release();
    this.#holding = undefined;
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
    if (this.#accepted.length > 0 || this.#deliveredDue) return this.#takeAck();
    if (this.#findBehind !== undefined) {
      const sessions = this.#findBehind();
      this.#findBehind = undefined;
      return { type: "behind", sessions };
    }
    const first = this.#queue[this.#sent];
    if (first === undefined) return undefined;
    if (!(first.item instanceof Parcel)) {
      this.#sent++;
      return first.item;
    }
    return { type: "batch", envelopes: this.#takeBatch() };
  }

  #hold(parcel: Parcel): void {
    parcel.hold();
    if (parcel.class === EnvelopeClass.CHAT) this.#lastFrom.set(parcel.sender, this.#lastSeq);
  }

  #release({ item, seq }: Entry): void {
    if (!(item instanceof Parcel)) return;
    if (this.#lastFrom.get(item.sender) === seq) this.#lastFrom.delete(item.sender);
    item.release();
  }

  #takeAck(): HostRecord {
    const { cmid, seq } = this.#accepted.shift() ??
      { cmid: this.lastCmid, seq: this.#acceptedAfter };
    this.#deliveredDue = false;
    // They are numbered without gaps, so that those before the first that is under way are there.
    const [first = this.lastCmid + 1] = this.#undelivered;
    return { type: "ack", accepted: cmid, delivered: Math.min(cmid, first - 1), seq };
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

  /** Has those wait who feed this seat, until it is down to the low water mark. */
  hold(): void {
    if (this.#holding !== undefined) return;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    this.#holding = { released, release, cancelTimer: () => {} };
    this.#judgeLater(this.#holding);
  }

  #judgeLater(holding: { cancelTimer: () => void }): void {
    const before = this.#ackedBytes;
    holding.cancelTimer = this.#clock.after(STALL_MS, () => {
      if (this.#ackedBytes - before < STALL_BYTES) this.#onStall();
      else this.#judgeLater(holding);
    });
  }
}

function size(item: Parcel | Change): number {
  return item instanceof Parcel ? ENVELOPE_OVERHEAD_BYTES + item.object.length : CHANGE_BYTES;
}
