import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import { type Channel, Endpoint } from "../channel/mod.ts";
import { type Clock, deadline, systemClock } from "../clock.ts";
import { randomBytes } from "../crypto/mod.ts";
import { WireError } from "../errors.ts";
import { networkOf } from "../ip.ts";
import { RateLimiter } from "../rate_limiter.ts";
import {
  AcceptStatus,
  ANNOUNCE_BYTES,
  CloseReason,
  decodeMemberRecord,
  encodeHostRecord,
  ENTRY_CMID,
  EnvelopeClass,
  HOST_SESSION,
  type HostRecord,
  INSTANCE_BYTES,
  MemberChange,
  type MemberEnvelope,
  type MemberRecord,
  ObjectType,
} from "../wire/mod.ts";
import type { AccessPolicy } from "./access_policy.ts";
import { type Holder, Intake, Lane } from "./intake.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { type Guest, Parcel, Seat, type SeatEndpoint } from "./seat.ts";

/** Absence after which a seat counts against {@linkcode MAX_AWAY_LONG} and may make room, in milliseconds. */
export const AWAY_LONG_MS = 90_000;

/** Maximum seats of one network that are kept longer than that: strangers must not fill the room with them. */
export const MAX_AWAY_LONG = 64;

/** How long a connection may take to enter the room, in milliseconds in which this process runs. */
export const ENTRY_MS = 60_000;

/** How often that is checked; a late check counts no extra time, as the process may have been stopped. */
const ENTRY_LOOK_MS = 5000;

/** How long the end of a room waits for what is queued to be taken, in milliseconds. */
export const DRAIN_MS = 5000;

/**
 * Bytes of one member that may wait for others to take theirs. An honest member has at most its window of
 * 256 KiB and one record under way, so that it is never kept from being read.
 */
const MAX_INBOX_BYTES: number = 5 << 16;

/** A session that has ended. */
export type Former = Pick<Guest, "key" | "nonce">;

/** What a relay is opened with. */
export interface RelayOptions extends Partial<Limits> {
  /** Members of this room that ended with the process that hosted it before: whoever comes is told. */
  readonly former?: readonly Former[];
  /** Who may come; everybody without. */
  readonly policy?: AccessPolicy;
  /** Called when a seat has ended, whether its member was in the room or not. */
  readonly onSeatEnded?: (guest: Guest) => void;
  /** The time. */
  readonly clock?: Clock;
}

const CODEC = { encode: encodeHostRecord, decode: decodeMemberRecord } as const;

/** One connection of a seat. */
interface Connection {
  readonly seat: Seat;
  readonly endpoint: SeatEndpoint;
  /** Slows it where it sends too fast. */
  readonly rate: RateLimiter;
  /** Called when its member enters the room. */
  readonly entered: () => void;
  /** Whether it has sent RESUME. */
  resumed: boolean;
  /** Calls off the deadline for entering the room. */
  cancelEntry: () => void;
  /** What was read and waits to be passed on. */
  readonly lane: Lane;
}

/**
 * Passes envelopes between seats. It holds no key that opens them, and imports no module that could.
 * See PROTOCOL.md §5.4.
 */
export class Relay {
  /** How many seats there are, kept ones and the host's own included. */
  readonly maxMembers: number;
  readonly #limits: Limits;
  readonly #former: readonly Former[];
  readonly #policy: AccessPolicy | undefined;
  readonly #onSeatEnded: (guest: Guest) => void;
  readonly #clock: Clock;
  readonly #instance = randomBytes(INSTANCE_BYTES);
  readonly #seats = new Map<string, Seat>();
  readonly #serving = new Map<SeatEndpoint, Promise<void>>();
  /** Ends the waits of members that sent too fast. */
  readonly #closing = new AbortController();
  /** Seats without a connection for longer than {@linkcode AWAY_LONG_MS}, the longest first. */
  readonly #awayLong = new Set<Seat>();
  readonly #intake = new Intake();
  /** What the newest connection of a seat waits to have passed on. */
  readonly #lanes = new WeakMap<Seat, Lane>();
  #own: Seat | undefined;
  #queuedBytes = 0;
  /** The seats that hold lanes until {@linkcode Limits.maxMemoryBytes} are enough. */
  readonly #crowded = new Set<Seat>();
  #ended = false;

  /** Opens an empty room. */
  constructor(options: RelayOptions = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...options };
    this.maxMembers = this.#limits.maxMembers;
    this.#former = options.former ?? [];
    this.#policy = options.policy;
    this.#onSeatEnded = options.onSeatEnded ?? (() => {});
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Serves a guest until its connection ends, however that happens; never rejects.
   *
   * @param entered Called once the guest is in the room, before the others are told.
   */
  async serve(channel: Channel, guest: Guest, entered: () => void = () => {}): Promise<void> {
    const expected = this.#policy === undefined || await this.#policy.expects(guest.key);
    const before = this.#seatOf(guest);
    const admission = before === undefined ? this.#statusFor(guest) : AcceptStatus.OK;
    const status = expected ? admission : AcceptStatus.NOT_ALLOWED;
    const ended = this.#ended;
    const admits = !ended && status === AcceptStatus.OK;
    const seat = admits ? before ?? this.#takeSeat(guest) : undefined;
    const endpoint: SeatEndpoint = new Endpoint<MemberRecord, HostRecord>(channel, {
      codec: CODEC,
      next: () => seat?.endpoint === endpoint ? seat.next() : undefined,
      clock: this.#clock,
    });
    if (seat !== undefined) {
      void seat.claim?.close(CloseReason.REPLACED);
      seat.claim = endpoint;
      this.#lanes.get(seat)?.clear();
      seat.network = networkOf(guest.address ?? "");
      seat.disconnect();
      seat.cancelExpiry();
      this.#awayLong.delete(seat);
    }
    if (!ended) {
      endpoint.send({
        type: "accept",
        status,
        resumed: before !== undefined,
        instance: this.#instance,
        lastCmid: seat?.lastCmid ?? 0,
        maxMembers: this.maxMembers,
        time: this.#clock.now(),
        keep: this.#limits.keepSeatMs / 1000,
      });
    }
    const refusal = ended ? CloseReason.HOST_ENDS : CloseReason.IDLE;
    const { maxRate } = this.#limits;
    const served = seat === undefined
      ? endpoint.close(refusal).then(() => endpoint.abort(undefined))
      : this.#run(
        {
          seat,
          endpoint,
          rate: new RateLimiter({ burst: maxRate, perSecond: maxRate }, this.#clock),
          entered,
          resumed: false,
          cancelEntry: () => {},
          lane: this.#laneFor(seat, endpoint),
        },
      );
    this.#serving.set(endpoint, served);
    await served;
    this.#serving.delete(endpoint);
  }

  /** Passes something that the host itself says on to everybody. @param object A KICK. */
  tell(object: Bytes): void {
    this.#post(object, [...this.#seats.values()]);
  }

  /** Whether an identity has a seat. */
  seats(key: Bytes): boolean {
    return [...this.#seats.values()].some((seat) => equal(seat.key, key));
  }

  /** Ends all seats of an identity. @param reason `CloseReason.KICKED` or `CloseReason.BANNED`. */
  expel(key: Bytes, reason: number): void {
    for (const seat of [...this.#seats.values()].filter((seat) => equal(seat.key, key))) {
      this.#remove(seat, reason);
    }
  }

  /** Ends the seats of all that the policy no longer admits. */
  clear(): void {
    for (const seat of [...this.#seats.values()]) {
      if (this.#policy === undefined || this.#policy.statusFor(seat.key) === AcceptStatus.OK) {
        continue;
      }
      void seat.claim?.close(CloseReason.IDLE);
      this.#remove(seat, CloseReason.LOST);
    }
  }

  /**
   * Ends the room: takes nothing more, waits until the members have what is queued, tells every member,
   * and closes every connection. Whoever comes from now on is told at once.
   *
   * @param drainMs How long the wait may last, in milliseconds.
   */
  async close(drainMs: number = DRAIN_MS): Promise<void> {
    this.#ended = true;
    // Whoever was made to wait is read again: what it has acknowledged counts.
    for (const seat of this.#seats.values()) seat.holdNobody();
    this.#closing.abort();
    const emptied = Promise.all([...this.#seats.values()].map((seat) => seat.emptied()));
    await deadline(this.#clock, drainMs, emptied);
    for (const endpoint of this.#serving.keys()) void endpoint.close(CloseReason.HOST_ENDS);
    await Promise.all(this.#serving.values());
    for (const seat of this.#seats.values()) seat.expire();
    this.#seats.clear();
    this.#awayLong.clear();
  }

  #statusFor({ key }: Guest): number {
    const status = this.#policy?.statusFor(key) ?? AcceptStatus.OK;
    if (status !== AcceptStatus.OK) return status;
    const isFull = this.#seats.size >= this.maxMembers && this.#dispensable() === undefined;
    return isFull ? AcceptStatus.ROOM_FULL : AcceptStatus.OK;
  }

  /** The seat that a guest comes back to; one in the lobby is given up instead. */
  #seatOf({ session }: Guest): Seat | undefined {
    const seat = this.#seats.get(toHex(session));
    if (seat === undefined || seat.joined) return seat;
    this.#turnOut(seat, CloseReason.REPLACED);
    return undefined;
  }

  /** Seats whose members have not entered the room, the oldest first. */
  *#lobby(): Iterable<Seat> {
    for (const seat of this.#seats.values()) if (!seat.joined && seat !== this.#own) yield seat;
  }

  /** The seat that makes room for a newcomer: the oldest in the lobby, or else the one that is away longest. */
  #dispensable(): Seat | undefined {
    return [...this.#lobby(), ...this.#awayLong][0];
  }

  #takeSeat(guest: Guest): Seat {
    if (this.#seats.size >= this.maxMembers) {
      const seat = this.#dispensable()!;
      if (seat.joined) this.#remove(seat, CloseReason.LOST);
      else this.#turnOut(seat, CloseReason.IDLE);
    }
    const seat = new Seat(guest, this.#clock, {
      stalled: () => this.#lose(seat),
      released: (lanes) => this.#intake.serve(lanes),
    });
    this.#seats.set(seat.id, seat);
    if (guest.own) this.#own = seat;
    // They come before all else, so that the member seals nothing for an identity that is banned.
    for (const object of this.#policy?.decisions ?? []) this.#post(object, [seat]);
    return seat;
  }

  /** Closes who holds others and takes too little. It may come back once, and then has to catch up. */
  #lose(seat: Seat): void {
    if (seat.dawdled) return this.#remove(seat, CloseReason.TOO_SLOW);
    seat.dawdled = true;
    void seat.claim?.close(CloseReason.TOO_SLOW);
    this.#part(seat, CloseReason.TOO_SLOW);
  }

  async #run(connection: Connection): Promise<void> {
    const { seat, endpoint } = connection;
    let reason: number = CloseReason.LOST;
    if (seat !== this.#own) this.#awaitEntry(connection, ENTRY_MS);
    try {
      for await (const record of endpoint.receive()) {
        // Where this end has closed the connection, a farewell answers that, and means no more.
        if (record.type === "close") reason = endpoint.closing ? CloseReason.LOST : record.reason;
        else if (seat.claim !== endpoint) continue;
        else if (seat.endpoint === endpoint) await this.#take(connection, record);
        else if (connection.resumed) await this.#enter(connection, record);
        else this.#resume(connection, record);
      }
    } catch (error) {
      if (error instanceof WireError) await endpoint.close(CloseReason.PROTOCOL);
    }
    await connection.lane.emptied;
    connection.cancelEntry();
    if (seat.claim === endpoint) this.#part(seat, reason);
    // A farewell answers a farewell alone: an end that somebody forged must not look like one.
    if (reason === CloseReason.LOST) endpoint.abort(undefined);
    else await endpoint.close(CloseReason.LEAVING);
  }

  #resume(connection: Connection, record: MemberRecord): void {
    const { endpoint, seat } = connection;
    if (record.type !== "resume") throw new WireError("Cannot go on as RESUME must come first");
    const known = equal(record.instance, this.#instance);
    if (!seat.acknowledge(known ? record.lastSeq : 0)) {
      throw new WireError("Cannot resume as the member claims to have what it was never sent");
    }
    connection.resumed = true;
    endpoint.send({ type: "resume", nextSeq: seat.nextSeq, queued: seat.queued });
    if (seat.joined) this.#welcome(connection);
  }

  /** Lets the member of a new seat into the room, once it has announced itself to the host. */
  async #enter(connection: Connection, record: MemberRecord): Promise<void> {
    const [first, ...others] = record.type === "batch" ? record.envelopes : [];
    if (first === undefined || !isEntry(first)) {
      throw new WireError("Cannot go on as the member must announce itself to the host first");
    }
    this.#welcome(connection);
    if (others.length > 0) await this.#take(connection, { type: "batch", envelopes: others });
  }

  /** Tells a member who is in the room, and the others of it; it has entered, or come back. */
  #welcome({ cancelEntry, endpoint, entered, seat }: Connection): void {
    cancelEntry();
    entered();
    endpoint.send({
      type: "roster",
      entries: [...this.#seats.values()]
        .filter((other) => other.joined && other !== seat)
        .map(({ endpoint, key, nonce }) => ({ key, nonce, away: endpoint === undefined })),
    });
    seat.connect(endpoint);
    this.#tell(seat, seat.joined ? MemberChange.BACK : MemberChange.JOINED, CloseReason.LEAVING);
    if (seat.joined) return;
    seat.joined = true;
    for (const { key, nonce } of this.#former) {
      const reason = CloseReason.HOST_ENDS;
      seat.deliver({ type: "member", change: MemberChange.LEFT, reason, key, nonce });
    }
  }

  /** Closes a connection that does not enter the room in time. @param ms The time left. */
  #awaitEntry(connection: Connection, ms: number): void {
    connection.cancelEntry = this.#clock.after(ENTRY_LOOK_MS, () => {
      if (ms > ENTRY_LOOK_MS) this.#awaitEntry(connection, ms - ENTRY_LOOK_MS);
      else if (connection.seat.claim === connection.endpoint) {
        this.#turnOut(connection.seat, CloseReason.IDLE);
      }
    });
  }

  /** Closes the connection of a seat that has not entered the room. */
  #turnOut(seat: Seat, reason: number): void {
    void seat.claim?.close(reason);
    this.#part(seat, CloseReason.LOST);
  }

  async #take(connection: Connection, record: MemberRecord): Promise<void> {
    switch (record.type) {
      case "batch": {
        const bytes = connection.lane.push(record.envelopes);
        if (connection.lane.bytes > MAX_INBOX_BYTES) await connection.lane.emptied;
        await connection.rate.spend(bytes, this.#closing.signal);
        break;
      }
      case "ack":
        if (!connection.seat.acknowledge(record.seq)) {
          throw new WireError("Cannot take ACK as it is for what was never sent");
        }
        break;
      case "behind":
        connection.seat.ask(() => this.#behind(connection.seat));
        break;
      default:
        throw new WireError(`Cannot take record as it may not come now: ${record.type}`);
    }
  }

  /** The sessions that have not acknowledged the last message that one member has sent them. */
  #behind({ id }: Seat): Bytes[] {
    return [...this.#seats.values()].filter((other) => other.lacks(id)).map(({ session }) =>
      session
    );
  }

  #laneFor(seat: Seat, endpoint: SeatEndpoint): Lane {
    const lane = new Lane(this.#intake, (envelope) => {
      // What is taken now nobody would be told of: its sender has to know that it did not go.
      if (seat.claim !== endpoint || this.#ended) return undefined;
      if (envelope.cmid <= seat.lastCmid) return undefined; // Sent again after a reconnect.
      if (seat.lastCmid !== 0 && envelope.cmid !== seat.lastCmid + 1) {
        void endpoint.close(CloseReason.PROTOCOL); // One before it is missing.
        return undefined;
      }
      return this.#pass(seat, envelope);
    });
    this.#lanes.set(seat, lane);
    return lane;
  }

  /** Passes an envelope on. @returns The seat that it has to wait for, if there is one. */
  #pass(seat: Seat, envelope: MemberEnvelope): Holder | undefined {
    const { cmid, to } = envelope;
    const holder = this.#crowdedSeat() ??
      this.#recipients(seat, to).find((other) => other.isFullFor(seat.id));
    if (holder !== undefined) return holder;
    const parcel = new Parcel(envelope, seat.session, {
      resized: (bytes) => this.#count(bytes),
      reached: () => seat.reach(cmid),
      settled: () => seat.settle(cmid),
    });
    for (const other of this.#recipients(seat, to)) {
      other.deliver(parcel);
      if (other.endpoint === undefined && other.queuedBytes > this.#limits.maxQueueBytes) {
        this.#giveUp(other);
      }
    }
    seat.accept(cmid);
    parcel.release(false);
  }

  /** The seat with most waiting, if all memory is taken; seats without a connection are given up before. */
  #crowdedSeat(): Seat | undefined {
    while (this.#queuedBytes > this.#limits.maxMemoryBytes) {
      const largest = [...this.#seats.values()]
        .reduce((most, other) => other.queuedBytes > most.queuedBytes ? other : most);
      if (largest.endpoint !== undefined) {
        this.#crowded.add(largest);
        return largest;
      }
      this.#giveUp(largest);
    }
  }

  #count(bytes: number): void {
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > this.#limits.maxMemoryBytes) return;
    const seats = [...this.#crowded];
    this.#crowded.clear();
    for (const seat of seats) seat.release();
  }

  /** A seat whose connection is lost has too much waiting for it. */
  #giveUp(seat: Seat): void {
    this.#remove(seat, seat.dawdled ? CloseReason.TOO_SLOW : CloseReason.LOST);
  }

  #recipients(seat: Seat, to: Bytes | undefined): Seat[] {
    if (to === undefined) {
      return [...this.#seats.values()].filter((other) => other.joined && other !== seat);
    }
    const other = this.#seats.get(toHex(to));
    return other?.joined && other !== seat ? [other] : [];
  }

  /** A seat has lost its connection, or its member has left. */
  #part(seat: Seat, reason: number): void {
    seat.claim = undefined;
    if (this.#ended || !this.#seats.has(seat.id)) return seat.disconnect();
    if (!seat.joined || reason === CloseReason.LEAVING) return this.#remove(seat, reason);
    const why = reason === CloseReason.TOO_SLOW ? reason : CloseReason.LOST;
    this.#tell(seat, MemberChange.AWAY, why);
    seat.leave();
    const ms = Math.min(this.#limits.keepSeatMs, AWAY_LONG_MS);
    seat.cancelExpiry = this.#clock.after(ms, () => this.#keepOn(seat));
    seat.disconnect(); // Those whom it held may fill it up.
  }

  /** Keeps a seat beyond {@linkcode AWAY_LONG_MS}, if seats are kept that long. */
  #keepOn(seat: Seat): void {
    const ms = this.#limits.keepSeatMs - AWAY_LONG_MS;
    if (ms <= 0) return this.#remove(seat, CloseReason.LOST);
    const neighbours = [...this.#awayLong].filter(({ network }) => network === seat.network);
    if (neighbours.length >= MAX_AWAY_LONG) this.#remove(neighbours[0]!, CloseReason.LOST);
    this.#awayLong.add(seat);
    seat.cancelExpiry = this.#clock.after(ms, () => this.#remove(seat, CloseReason.LOST));
  }

  #remove(seat: Seat, reason: number): void {
    this.#seats.delete(seat.id);
    this.#awayLong.delete(seat);
    const { BANNED, KICKED, TOO_SLOW } = CloseReason;
    void seat.claim?.close(reason === KICKED || reason === BANNED ? reason : TOO_SLOW);
    seat.claim = undefined;
    seat.expire();
    if (seat.joined) this.#tell(seat, MemberChange.LEFT, reason);
    this.#onSeatEnded(seat);
  }

  #post(object: Bytes, seats: readonly Seat[]): void {
    const envelope = { class: EnvelopeClass.CONTROL, to: undefined, cmid: 0, object };
    const parcel = new Parcel(envelope, HOST_SESSION, {
      resized: (bytes) => this.#count(bytes),
      reached: () => {},
      settled: () => {},
    });
    for (const seat of seats) seat.deliver(parcel);
    parcel.release(false);
  }

  #tell({ id, key, nonce }: Seat, change: number, reason: number): void {
    for (const other of this.#seats.values()) {
      if (other.id !== id && other.joined) {
        other.deliver({ type: "member", change, reason, key, nonce });
      }
    }
  }
}

/** Whether an envelope announces its sender to the host, as far as the relay checks that. */
function isEntry({ class: kind, cmid, object, to }: MemberEnvelope): boolean {
  return kind === EnvelopeClass.CONTROL && to !== undefined && equal(to, HOST_SESSION) &&
    cmid === ENTRY_CMID && object[0] === ObjectType.ANNOUNCE && object.length === ANNOUNCE_BYTES;
}
