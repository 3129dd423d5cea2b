/**
 * The seats of a room, and which of them make room for a new one.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import { BROKER_CALLER } from "../broker_address.ts";
import type { BulkQueue } from "./bulk_queue.ts";
import type { Seat } from "./seat.ts";

/** Maximum seats of one network whose members are away for long: strangers must not fill the room with them. */
export const MAX_AWAY_LONG = 64;

/** The seats of a room, in the order in which they were taken. */
export class SeatTable {
  readonly #seats = new Map<string, Seat>();
  /** Seats whose members are away for long, the longest first. */
  readonly #awayLong = new Set<Seat>();

  /** Number of seats. */
  get size(): number {
    return this.#seats.size;
  }

  /** A copy of the list of all seats. */
  all(): Seat[] {
    return [...this.#seats.values()];
  }

  /** The seats of an identity. */
  ofIdentity(key: Bytes): Seat[] {
    return this.all().filter((seat) => equal(seat.key, key));
  }

  /** The seats whose members are in the room, all but one. */
  others(seat: Seat): Seat[] {
    return this.all().filter((other) => other.joined && other !== seat);
  }

  /** The seat of a session. */
  get(session: Bytes): Seat | undefined {
    return this.#seats.get(toHex(session));
  }

  /** Whether a seat has not ended. */
  has(seat: Seat): boolean {
    return this.#seats.has(seat.id);
  }

  /** Adds a seat. */
  add(seat: Seat): void {
    this.#seats.set(seat.id, seat);
  }

  /** Removes a seat, if it is there. */
  delete(seat: Seat): void {
    this.#seats.delete(seat.id);
    this.#awayLong.delete(seat);
  }

  /** Removes all seats. */
  clear(): void {
    this.#seats.clear();
    this.#awayLong.clear();
  }

  /** Notes that the member of a seat is away for long. */
  addAwayLong(seat: Seat): void {
    this.#awayLong.add(seat);
  }

  /** Notes that the member of a seat is back. */
  deleteAwayLong(seat: Seat): void {
    this.#awayLong.delete(seat);
  }

  /** The seat that has to end before another of its network counts as away for long, if one has. */
  surplusAwayLong({ network }: Seat): Seat | undefined {
    // A broker does not tell where members are, and all of them lose it at once.
    if (network === BROKER_CALLER) return undefined;
    const neighbors = [...this.#awayLong].filter((seat) => seat.network === network);
    return neighbors.length >= MAX_AWAY_LONG ? neighbors[0] : undefined;
  }

  /** The seat that makes room: the oldest whose member has not entered, or else the one away longest. */
  dispensable(): Seat | undefined {
    const waiting = this.all().find((seat) => !seat.joined && !seat.own);
    const [awayLongest] = this.#awayLong;
    return waiting ?? awayLongest;
  }

  /** The seat with the longest queue. */
  largest(): Seat {
    return this.all()
      .reduce((most, other) => other.queuedBytes > most.queuedBytes ? other : most);
  }

  /** The bulk queue in which most of one sender waits. */
  longestBulk(): BulkQueue {
    return this.all().flatMap(({ bulk }) => bulk ?? [])
      .reduce((most, other) => other.longest > most.longest ? other : most);
  }
}
