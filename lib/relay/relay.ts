/**
 * The relay: takes members into the room and routes their envelopes to the seats of the others. It holds no
 * key that opens an envelope, and imports no module that could.
 *
 * The way of an envelope:
 *
 * 1. Read: `#run` reads a record of the sender's connection, and `#take` puts its envelopes into that
 *    connection's {@linkcode SenderQueue}.
 * 2. Scheduled: {@linkcode FairScheduler} gives each queue its turn, which calls `#route` for each envelope.
 *    A receiver with no space holds the queue.
 * 3. Queued: `#route` makes one {@linkcode QueuedEnvelope} and appends it to the {@linkcode Seat} of each
 *    receiver; the sender's seat counts it as accepted. If it is for the room, {@linkcode SharedRecords} seals it
 *    once for all connections.
 * 4. Written: the receiver's endpoint asks `Seat.next` for that frame, or a record to seal, whenever it can write.
 * 5. Acknowledged: the receiver's ACK reaches `Seat.acknowledge`, which removes the envelope; after the last
 *    receiver, the sender's {@linkcode AckTracker} owes an ACK.
 *
 * Bulk goes another way: `#passOn` puts a piece into the {@linkcode BulkQueue} of each receiver that is connected,
 * and the receiver's endpoint takes it from there if nothing else is due. The sender's {@linkcode CreditTracker}
 * owes a CREDIT when the piece was read, and when the first receiver got it.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import { type Channel, Endpoint } from "../channel/mod.ts";
import { type Clock, deadline, systemClock } from "../clock.ts";
import { randomBytes } from "../crypto/mod.ts";
import { WireError } from "../errors.ts";
import { RateLimiter } from "../rate_limiter.ts";
import {
  AcceptStatus,
  ANNOUNCE_BYTES,
  CloseReason,
  ENTRY_CMID,
  EnvelopeClass,
  HOST_CODEC,
  HOST_SESSION,
  type HostRecord,
  INSTANCE_BYTES,
  MemberChange,
  type MemberEnvelope,
  type MemberRecord,
  ObjectType,
} from "../wire/mod.ts";
import type { AccessPolicy } from "./access_policy.ts";
import { BulkQueue, QueuedPiece } from "./bulk_queue.ts";
import { CreditTracker } from "./credit_tracker.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { QueuedChange } from "./queued_change.ts";
import { type EnvelopeSource, QueuedEnvelope, QueueMemory } from "./queued_envelope.ts";
import { FairScheduler, type FullSeat, SenderQueue } from "./scheduler.ts";
import { type ProvenSession, Seat, type SeatConnection, type SeatEndpoint } from "./seat.ts";
import { SeatTable } from "./seat_table.ts";
import { type SharedItem, SharedRecords } from "./shared_records.ts";

/** Absence after which a seat counts as away for long, and may make room for a newcomer, in milliseconds. */
export const AWAY_LONG_MS = 90_000;

/** Time from ACCEPT in which a connection has to enter the room, in milliseconds while this process runs. */
export const ENTRY_MS = 60_000;

/** Interval of that check, in milliseconds. A late check counts no extra time: the process may have been stopped. */
const ENTRY_CHECK_MS = 5000;

/** Time that members get at the end of a room to take what is queued, in milliseconds. */
export const DRAIN_MS = 5000;

/**
 * Bytes read from one member and not yet routed above which the relay stops reading. An honest member has at most its
 * window of 256 KiB and one record under way, and never reaches this.
 */
const MAX_UNROUTED_BYTES: number = 5 << 16;

/** Default of the most bytes of bulk that are queued for all members together. */
export const MAX_BULK_QUEUED_BYTES: number = 64 << 20;

/** Connections that shared frames need: for fewer, a record for each costs less. */
const MIN_SHARED_CONNECTIONS = 3;

/** A session that ended with the process that hosted the room before. */
export type EndedSession = Pick<ProvenSession, "key" | "nonce">;

/** Dependencies and limits of {@linkcode Relay}. */
export interface RelayOptions extends Partial<Limits> {
  /** Sessions that ended with the process that hosted this room before: the relay tells each member that they left. */
  readonly former?: readonly EndedSession[];
  /** Decides which identities may enter; without it all may. */
  readonly policy?: AccessPolicy;
  /** Maximum bytes of bulk that are queued for all members together; beyond them the longest share is halved. */
  readonly maxBulkBytes?: number;
  /** Called when a seat has ended, whether its member had entered the room or not. */
  readonly onSeatEnded?: (session: ProvenSession) => void;
  /** Times absence, entry and the end of the room. */
  readonly clock?: Clock;
}

/** The source of the host's own envelopes. */
const HOST: EnvelopeSource = { id: toHex(HOST_SESSION), session: HOST_SESSION };

/** One connection of a member. */
interface Connection extends SeatConnection {
  readonly seat: Seat;
  /** Bounds the bytes that its member sends. */
  readonly rate: RateLimiter;
  /** Called when its member enters the room. */
  readonly onEntered: () => void;
  /** Whether it has sent RESUME. */
  resumed: boolean;
  /** Cancels the deadline for entering the room. */
  cancelEntry: () => void;
}

/** Routes envelopes between seats. See PROTOCOL.md §5.4. */
export class Relay {
  /** Maximum seats, those of members who are away and of the host included. */
  readonly maxMembers: number;
  readonly #limits: Limits;
  readonly #former: readonly EndedSession[];
  readonly #policy: AccessPolicy | undefined;
  readonly #onSeatEnded: (session: ProvenSession) => void;
  readonly #clock: Clock;
  readonly #instance = randomBytes(INSTANCE_BYTES);
  readonly #seats = new SeatTable();
  readonly #scheduler = new FairScheduler();
  readonly #shared: SharedRecords;
  readonly #memory: QueueMemory;
  readonly #bulkMemory: QueueMemory;
  /** The connections that are served, whether they have a seat or not. */
  readonly #serving = new Map<SeatEndpoint, Promise<void>>();
  /** Aborts when the room ends, which also ends the waits of members that sent too fast. */
  readonly #ending = new AbortController();

  /** Opens an empty room. */
  constructor(options: RelayOptions = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...options };
    this.maxMembers = this.#limits.maxMembers;
    this.#former = options.former ?? [];
    this.#policy = options.policy;
    this.#onSeatEnded = options.onSeatEnded ?? (() => {});
    this.#clock = options.clock ?? systemClock;
    this.#memory = new QueueMemory(this.#limits.maxMemoryBytes);
    this.#bulkMemory = new QueueMemory(options.maxBulkBytes ?? MAX_BULK_QUEUED_BYTES);
    this.#shared = new SharedRecords(this.#clock, () => {
      const seats = this.#seats.all().filter((seat) => seat.takesShared);
      for (const seat of seats) seat.wake();
      return seats.length;
    });
  }

  /**
   * Serves a member's connection until it ends, however that happens; never rejects.
   *
   * @param onEntered Called once the member has entered the room, before the others hear of it.
   */
  async serve(
    channel: Channel,
    session: ProvenSession,
    onEntered: () => void = () => {},
  ): Promise<void> {
    const isExpected = this.#policy === undefined || await this.#policy.expects(session.key);
    const before = this.#seatOf(session);
    const status = !isExpected
      ? AcceptStatus.NOT_ALLOWED
      : before === undefined
      ? this.#statusFor(session)
      : AcceptStatus.OK;
    const ended = this.#ending.signal.aborted;
    const admits = !ended && status === AcceptStatus.OK;
    const seat = admits ? before ?? this.#takeSeat(session) : undefined;
    const endpoint: SeatEndpoint = new Endpoint<MemberRecord, HostRecord>(channel, {
      codec: HOST_CODEC,
      next: () => seat?.sendsTo(endpoint) ? seat.next() : undefined,
      nextBulk: (maxBytes) => seat?.sendsTo(endpoint) ? seat.bulk?.next(maxBytes) : undefined,
      clock: this.#clock,
    });
    const { carriesShared } = channel;
    const connection = seat &&
      this.#connect(seat, { endpoint, carriesShared }, session, onEntered);
    if (!ended) {
      endpoint.send({
        type: "accept",
        status,
        resumed: before !== undefined,
        instance: this.#instance,
        lastCmid: seat?.acks.lastCmid ?? 0,
        maxMembers: this.maxMembers,
        time: this.#clock.now(),
        keep: this.#limits.keepSeatMs / 1000,
      });
    }
    const refusal = ended ? CloseReason.HOST_ENDS : CloseReason.IDLE;
    const served = connection === undefined
      ? endpoint.close(refusal).then(() => endpoint.abort(undefined))
      : this.#run(connection);
    this.#serving.set(endpoint, served);
    await served;
    this.#serving.delete(endpoint);
  }

  /** Sends an object of the host to all seats. @param object A KICK. */
  broadcast(object: Bytes): void {
    this.#post(object, this.#seats.all());
  }

  /** Whether an identity has a seat. */
  hasSeat(key: Bytes): boolean {
    return this.#seats.ofIdentity(key).length > 0;
  }

  /** Ends all seats of an identity. @param reason `CloseReason.KICKED` or `CloseReason.BANNED`. */
  expel(key: Bytes, reason: number): void {
    for (const seat of this.#seats.ofIdentity(key)) this.#remove(seat, reason);
  }

  /** Ends the seats of all identities that the policy no longer admits. */
  enforcePolicy(): void {
    for (const seat of this.#seats.all()) {
      if (this.#policy === undefined || this.#policy.statusFor(seat.key) === AcceptStatus.OK) {
        continue;
      }
      seat.close(CloseReason.IDLE);
      this.#remove(seat, CloseReason.LOST);
    }
  }

  /**
   * Ends the room: accepts no more envelopes, waits until the members have the queued ones, says farewell to
   * each, and closes every connection. A connection that comes later gets the same farewell at once.
   *
   * @param drainMs Maximum wait, in milliseconds.
   */
  async close(drainMs: number = DRAIN_MS): Promise<void> {
    this.#ending.abort();
    // The relay reads held senders again: their acknowledgements count.
    for (const seat of this.#seats.all()) {
      seat.releaseAll();
      seat.bulk?.clear();
    }
    const drained = Promise.all(this.#seats.all().map((seat) => seat.drained()));
    await deadline(this.#clock, drainMs, drained);
    for (const endpoint of this.#serving.keys()) void endpoint.close(CloseReason.HOST_ENDS);
    await Promise.all(this.#serving.values());
    for (const seat of this.#seats.all()) seat.end();
    this.#seats.clear();
    this.#shared.end();
  }

  // The way of an envelope.

  /** Reads the records of a connection until it ends. */
  async #run(connection: Connection): Promise<void> {
    const { endpoint, queue, seat } = connection;
    let reason: number = CloseReason.LOST;
    if (!seat.own) this.#awaitEntry(connection, ENTRY_MS);
    try {
      for await (const record of endpoint.receive()) {
        // If this end has closed the connection, a farewell only answers that.
        if (record.type === "close") reason = endpoint.closing ? CloseReason.LOST : record.reason;
        else if (!seat.isClaimedBy(connection)) continue;
        else if (seat.isConnected) await this.#take(connection, record);
        else if (connection.resumed) await this.#enter(connection, record);
        else this.#resume(connection, record);
      }
    } catch (error) {
      if (error instanceof WireError) await endpoint.close(CloseReason.PROTOCOL);
    }
    await queue.emptied;
    connection.cancelEntry();
    if (seat.isClaimedBy(connection)) {
      this.#part(seat, reason === CloseReason.LEAVING ? reason : CloseReason.LOST);
    }
    // Only a farewell gets a farewell: a forged end of stream must not look like one.
    if (reason === CloseReason.LOST) endpoint.abort(undefined);
    else await endpoint.close(CloseReason.LEAVING);
  }

  /**
   * Removes what a member has from its queue. If it has anything else, someone with the key of the shared records
   * has come between: then its seat ends, and nothing counts as delivered to it.
   */
  #acknowledge(seat: Seat, seq: number, transcript: Bytes): void {
    if (!seat.acknowledge(seq, transcript)) this.#remove(seat, CloseReason.PROTOCOL);
  }

  async #take(connection: Connection, record: MemberRecord): Promise<void> {
    const { queue, rate, seat } = connection;
    switch (record.type) {
      case "bulk":
        this.#passOn(connection, record);
        break;
      case "credit": // It was for the endpoint.
        break;
      case "batch": {
        const bytes = queue.push(record.envelopes);
        if (queue.bytes > MAX_UNROUTED_BYTES) await queue.emptied;
        await rate.spend(bytes, this.#ending.signal);
        break;
      }
      case "ack":
        this.#acknowledge(seat, record.seq, record.transcript);
        break;
      case "behind":
        seat.answerBehind(() =>
          this.#seats.all().filter((other) => other.lacks(seat.id)).map(({ session }) => session)
        );
        break;
      default:
        throw new WireError(`Unexpected record: ${record.type}`);
    }
  }

  /** Routes an envelope to its receivers. @returns The seat that it has to wait for, if there is one. */
  #route(connection: Connection, envelope: MemberEnvelope): FullSeat | undefined {
    const { endpoint, seat } = connection;
    // No receiver would get an envelope accepted now: its sender has to know that it was not sent.
    if (!seat.isClaimedBy(connection) || this.#ending.signal.aborted) return undefined;
    if (envelope.cmid <= seat.acks.lastCmid) return undefined; // Sent again after a reconnect.
    if (seat.acks.lastCmid !== 0 && envelope.cmid !== seat.acks.lastCmid + 1) {
      void endpoint.close(CloseReason.PROTOCOL); // One before it is missing.
      return undefined;
    }
    const largest = this.#largestIfFull();
    if (largest !== undefined) return largest;
    const receivers = this.#receivers(seat, envelope);
    const full = receivers.find((other) => other.isFullFor(seat.id));
    if (full !== undefined) return full;
    const queued = new QueuedEnvelope(envelope, seat, this.#memory);
    if (!queued.direct) this.#share(queued);
    for (const other of receivers) {
      other.deliver(queued);
    }
    seat.accept(envelope.cmid);
    queued.removeReceiver(false);
    this.#giveUpLong(receivers); // Last, so that all have it before they learn who has left.
  }

  /** Queues pieces of a file for those of their receivers that are connected. */
  #passOn({ credit, seat }: Connection, bulk: Extract<MemberRecord, { type: "bulk" }>): void {
    if (this.#ending.signal.aborted) return;
    const { flow, to, transfer } = bulk;
    const seats = new Set(to.map((session) => this.#seats.get(session)));
    const queues = [...seats].flatMap((other) => other === seat ? [] : other?.bulk ?? []);
    let { offset } = bulk;
    for (const bytes of bulk.bytes) {
      const options = { from: seat.session, sender: seat.id, flow, transfer, offset, bytes };
      const piece = new QueuedPiece(options, credit, this.#bulkMemory);
      for (const queue of queues) queue.push(piece);
      piece.removeReceiver();
      offset += bytes.length;
    }
    while (this.#bulkMemory.isFull) this.#seats.longestBulk().halve();
    for (const other of seats) other?.wake();
    seat.wake(); // Last, so that a CREDIT also tells of what the receivers take at once.
  }

  /** Has an entry for all seats sealed once, if enough of them can take it in this way. */
  #share(item: SharedItem): void {
    const connections = this.#seats.all().filter((seat) => seat.takesShared).length;
    if (connections >= MIN_SHARED_CONNECTIONS) this.#shared.add(item);
    else if (item instanceof QueuedChange) this.#shared.renew();
  }

  #receivers(seat: Seat, { to }: MemberEnvelope): Seat[] {
    if (to === undefined) return this.#seats.others(seat);
    const other = this.#seats.get(to);
    return other?.joined && other !== seat ? [other] : [];
  }

  /** The seat with the longest queue, if all memory is taken; seats without a connection end before. */
  #largestIfFull(): Seat | undefined {
    while (this.#memory.isFull) {
      const largest = this.#seats.largest();
      if (largest.isConnected) {
        this.#memory.releaseWhenFree(largest);
        return largest;
      }
      this.#giveUp(largest);
    }
  }

  /** Queues an object of the host. */
  #post(object: Bytes, seats: readonly Seat[]): void {
    const envelope = { class: EnvelopeClass.CONTROL, to: undefined, cmid: 0, object };
    const queued = new QueuedEnvelope(envelope, HOST, this.#memory);
    for (const seat of seats) seat.deliver(queued);
    queued.removeReceiver(false);
  }

  // Entering the room: a seat, a connection that claims it, RESUME, and for a new seat an ANNOUNCE.

  /** The seat that a session comes back to; a seat whose member has not entered is given up instead. */
  #seatOf({ session }: ProvenSession): Seat | undefined {
    const seat = this.#seats.get(session);
    if (seat === undefined || seat.joined) return seat;
    this.#turnOut(seat, CloseReason.REPLACED);
    return undefined;
  }

  #statusFor({ key }: ProvenSession): number {
    const status = this.#policy?.statusFor(key) ?? AcceptStatus.OK;
    if (status !== AcceptStatus.OK) return status;
    const isFull = this.#seats.size >= this.maxMembers &&
      this.#seats.dispensable() === undefined;
    return isFull ? AcceptStatus.ROOM_FULL : AcceptStatus.OK;
  }

  #takeSeat(session: ProvenSession): Seat {
    if (this.#seats.size >= this.maxMembers) {
      const dispensable = this.#seats.dispensable()!;
      if (dispensable.joined) this.#remove(dispensable, CloseReason.LOST);
      else this.#turnOut(dispensable, CloseReason.IDLE);
    }
    const seat = new Seat(session, {
      scheduler: this.#scheduler,
      clock: this.#clock,
      onStalled: (again) => this.#lose(seat, again),
    });
    this.#seats.add(seat);
    // Decisions come before all else, so that the member seals nothing for an identity that is banned.
    for (const object of this.#policy?.decisions ?? []) this.#post(object, [seat]);
    return seat;
  }

  #connect(
    seat: Seat,
    end: Pick<SeatConnection, "endpoint" | "carriesShared">,
    { address = "" }: ProvenSession,
    onEntered: () => void,
  ): Connection {
    const { maxRate } = this.#limits;
    const connection: Connection = {
      seat,
      ...end,
      queue: new SenderQueue(this.#scheduler, (envelope) => this.#route(connection, envelope)),
      bulk: new BulkQueue(this.#clock),
      credit: new CreditTracker(() => seat.wake()),
      rate: new RateLimiter({ burst: maxRate, perSecond: maxRate }, this.#clock),
      onEntered,
      resumed: false,
      cancelEntry: () => {},
    };
    seat.claim(connection, address);
    this.#seats.deleteAwayLong(seat);
    return connection;
  }

  /** Closes a connection that does not enter the room in time. @param ms The time left. */
  #awaitEntry(connection: Connection, ms: number): void {
    const { seat } = connection;
    connection.cancelEntry = this.#clock.after(ENTRY_CHECK_MS, () => {
      if (ms > ENTRY_CHECK_MS) this.#awaitEntry(connection, ms - ENTRY_CHECK_MS);
      else if (seat.isClaimedBy(connection)) this.#turnOut(seat, CloseReason.IDLE);
    });
  }

  #resume(connection: Connection, record: MemberRecord): void {
    const { endpoint, seat } = connection;
    if (record.type !== "resume") throw new WireError("RESUME must come first");
    const known = equal(record.instance, this.#instance);
    if (known) this.#acknowledge(seat, record.lastSeq, record.transcript);
    if (!seat.isClaimedBy(connection)) return;
    connection.resumed = true;
    endpoint.send({ type: "resume", nextSeq: seat.nextSeq, queued: seat.queued });
    if (seat.joined) this.#welcome(connection);
  }

  /** Lets the member of a new seat into the room, once it has announced itself to the host. */
  async #enter(connection: Connection, record: MemberRecord): Promise<void> {
    const [first, ...others] = record.type === "batch" ? record.envelopes : [];
    if (first === undefined || !isEntry(first)) {
      throw new WireError("The member must first announce themselves to the host");
    }
    this.#welcome(connection);
    if (others.length > 0) await this.#take(connection, { type: "batch", envelopes: others });
  }

  /** Sends a member that has entered, or come back, the roster; tells the others. */
  #welcome({ cancelEntry, endpoint, onEntered, seat }: Connection): void {
    cancelEntry();
    onEntered();
    endpoint.send({
      type: "roster",
      entries: this.#seats.others(seat)
        .map(({ isConnected, key, nonce }) => ({ key, nonce, away: !isConnected })),
    });
    const isBack = seat.joined;
    seat.connect();
    this.#tell(seat, isBack ? MemberChange.BACK : MemberChange.JOINED, CloseReason.LEAVING);
    for (const { key, nonce } of isBack ? [] : this.#former) {
      const reason = CloseReason.HOST_ENDS;
      seat.deliver(new QueuedChange({ change: MemberChange.LEFT, reason, key, nonce }));
    }
    this.#giveUpLong(this.#seats.others(seat));
  }

  // Leaving the room: a connection lost, a seat kept for a while, a seat's end.

  /** Closes the connection of a seat that has not entered the room. */
  #turnOut(seat: Seat, reason: number): void {
    seat.close(reason);
    this.#part(seat, CloseReason.LOST);
  }

  /** Closes a seat that holds others and takes too little. Its member may come back once, and must catch up then. */
  #lose(seat: Seat, again: boolean): void {
    if (again) return this.#remove(seat, CloseReason.TOO_SLOW);
    seat.close(CloseReason.TOO_SLOW);
    this.#part(seat, CloseReason.TOO_SLOW);
  }

  /**
   * Handles a seat that has lost its connection, or whose member has left. See PROTOCOL.md §5.4.
   *
   * @param reason `CloseReason.LEAVING`, `LOST` or `TOO_SLOW`.
   */
  #part(seat: Seat, reason: number): void {
    if (this.#ending.signal.aborted || !this.#seats.has(seat)) return seat.disconnect();
    if (!seat.joined || reason === CloseReason.LEAVING) {
      return this.#end(seat, reason);
    }
    this.#tell(seat, MemberChange.AWAY, reason);
    seat.leave();
    const ms = Math.min(this.#limits.keepSeatMs, AWAY_LONG_MS);
    seat.expireAfter(ms, () => this.#keepOn(seat));
    seat.disconnect(); // Last, because the senders that it held may fill its queue.
  }

  /** Keeps a seat beyond {@linkcode AWAY_LONG_MS}, if the limits allow that long. */
  #keepOn(seat: Seat): void {
    const ms = this.#limits.keepSeatMs - AWAY_LONG_MS;
    if (ms <= 0) return this.#remove(seat, CloseReason.LOST);
    const surplus = this.#seats.surplusAwayLong(seat);
    if (surplus !== undefined) this.#remove(surplus, CloseReason.LOST);
    this.#seats.addAwayLong(seat);
    seat.expireAfter(ms, () => this.#remove(seat, CloseReason.LOST));
  }

  /** Ends those seats without a connection whose queues are too long. */
  #giveUpLong(seats: readonly Seat[]): void {
    for (const seat of seats) {
      if (!seat.isConnected && seat.queuedBytes > this.#limits.maxQueueBytes) this.#giveUp(seat);
    }
  }

  /** Ends a seat without a connection whose queue is too long. */
  #giveUp(seat: Seat): void {
    this.#remove(seat, seat.isTooSlow ? CloseReason.TOO_SLOW : CloseReason.LOST);
  }

  /** Closes the connection of a seat, and ends the seat. */
  #remove(seat: Seat, reason: number): void {
    const { BANNED, KICKED, PROTOCOL, TOO_SLOW } = CloseReason;
    seat.close(reason === KICKED || reason === BANNED || reason === PROTOCOL ? reason : TOO_SLOW);
    this.#end(seat, reason);
  }

  /** Ends a seat. Tells the others first if its member had entered the room: they lack what the queue holds. */
  #end(seat: Seat, reason: number): void {
    if (!this.#seats.has(seat)) return; // Another that has ended released the sender who filled its queue.
    this.#seats.delete(seat);
    if (seat.joined) this.#tell(seat, MemberChange.LEFT, reason);
    for (const other of this.#seats.all()) other.bulk?.drop(seat.id);
    seat.end(); // Last, because this serves the senders that it held.
    this.#onSeatEnded(seat);
  }

  /** Tells the other members of a change of the roster. */
  #tell(seat: Seat, change: number, reason: number): void {
    const { key, nonce } = seat;
    const queued = new QueuedChange({ change, reason, key, nonce });
    this.#share(queued);
    for (const other of this.#seats.others(seat)) other.deliver(queued);
  }
}

/** Whether an envelope announces its sender to the host, as far as the relay checks that. */
function isEntry({ class: kind, cmid, object, to }: MemberEnvelope): boolean {
  return kind === EnvelopeClass.CONTROL && to !== undefined && equal(to, HOST_SESSION) &&
    cmid === ENTRY_CMID && object[0] === ObjectType.ANNOUNCE && object.length === ANNOUNCE_BYTES;
}
