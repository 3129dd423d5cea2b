/**
 * The roster: all other sessions in the room, and the state of their seats.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { RoomError, WireError } from "../errors.ts";
import { MAX_ROSTER_ENTRIES } from "../wire/mod.ts";
import type { NamedSession } from "./link.ts";
import { isNamed } from "./names.ts";
import type { RoomOptions } from "./parts.ts";
import { Peer, type SeatState, SILENT_AFTER_MS } from "./peer.ts";
import { RateLimiter } from "../rate_limiter.ts";
import { ReaderLock } from "./reader_lock.ts";
import { RosterCheck } from "./roster_check.ts";
import type { SerialQueues } from "./serial_queue.ts";
import { ALL_SKIPS, WorkBudget } from "./work_budget.ts";

/**
 * Maximum sessions remembered as burned. Past it the member begins another session: announcements made for
 * this one are invalid there, so that none of these has to be remembered.
 */
const MAX_BURNED = 65_536;

/** Time in which connected members reach a restarted host and ask for lost objects, in milliseconds. */
export const MOVE_MS = 90_000;

/** The options of a room that {@linkcode Roster} needs. */
export type RosterOptions = Pick<
  RoomOptions,
  "hostKey" | "identity" | "maxBurned" | "roomId" | "session"
>;

/** The other sessions in the room, in the order in which the host named them. */
export class Roster {
  /** Detects that others see another roster. */
  readonly check: RosterCheck;
  /** Decides which identities may read. */
  readonly lock: ReaderLock = new ReaderLock();
  readonly #session: Bytes;
  readonly #hostKey: Bytes;
  readonly #queues: SerialQueues;
  readonly #clock: Clock;
  /** Bounds the key derivations for missing messages of all peers together. */
  readonly #skips: RateLimiter;
  readonly #peers = new Map<string, Peer>();
  #burned = new Set<string>();
  /** Older burned sessions, if the oldest are forgotten. */
  #burnedBefore = new Set<string>();
  readonly #maxBurned: number;
  /** Whether the relay has this member's own key: remembering burned sessions does not help against it. */
  readonly #relaysItself: boolean;
  #orders = 0;
  #entered = false;
  #movedAt: number | undefined;
  #moves = 0;
  #keepMs = 0;

  /** Creates an empty roster. @param queues Makes a queue for each peer. */
  constructor(self: RosterOptions, queues: SerialQueues, clock: Clock) {
    const { hostKey, identity, maxBurned = MAX_BURNED, roomId, session } = self;
    this.#session = session;
    this.#hostKey = hostKey;
    this.#maxBurned = maxBurned;
    this.#relaysItself = equal(hostKey, identity.publicKey);
    this.#queues = queues;
    this.#clock = clock;
    this.#skips = new RateLimiter(ALL_SKIPS, clock);
    this.check = new RosterCheck(roomId, { key: identity.publicKey, session }, clock);
  }

  /** All peers: also those not announced, and those gone whose last messages are still to be shown. */
  [Symbol.iterator](): Iterator<Peer> {
    return this.#peers.values();
  }

  /** Whether the first ROSTER has come. */
  get entered(): boolean {
    return this.#entered;
  }

  /** Whether members of the previous host process may still be on their way to this one. */
  get moving(): boolean {
    return this.#movedAt !== undefined &&
      this.#clock.elapsed() - this.#movedAt < this.#keepMs + MOVE_MS;
  }

  /** Number of moves to another host process. */
  get moves(): number {
    return this.#moves;
  }

  /** Whether even members that never lost their network may still be on their way. */
  get justMoved(): boolean {
    return this.#movedAt !== undefined && this.#clock.elapsed() - this.#movedAt < MOVE_MS;
  }

  /** Returns the next rank in the order of names. */
  nextOrder(): number {
    return this.#orders++;
  }

  /** Returns the peer with a session. */
  get(session: Bytes): Peer | undefined {
    return this.#peers.get(toHex(session));
  }

  /** Whether a peer is still in the room. */
  has(peer: Peer): boolean {
    return this.#peers.get(peer.id) === peer;
  }

  /** All members: peers that have announced themselves, in the order in which they joined. */
  announced(): Peer[] {
    return [...this].filter(({ announced, seat }) => announced !== undefined && !seat.gone);
  }

  /** All members that are given keys. */
  readers(): Peer[] {
    return this.announced().filter(({ withheld }) => !withheld);
  }

  /** All members that a name, `name#tag` or key may mean. */
  matching(name: string): Peer[] {
    return this.announced().filter(({ member }) => isNamed(member!, name));
  }

  /** The latest time at which a first reader is still expected: one that just joined or is on its way. */
  expectedUntil(): number {
    const newest = [...this]
      .filter(({ announced, seat }) => announced === undefined && !seat.burned && !seat.gone)
      .map(({ since }) => since);
    return Math.max(this.#movedAt ?? -Infinity, ...newest) + SILENT_AFTER_MS;
  }

  /**
   * Time for which the host's own member is still expected to announce itself after a move, in milliseconds; 0 if it
   * has, or is no member. It has another session at each host process: what is said before is not for it.
   */
  msUntilHost(): number {
    const left = (this.#movedAt ?? -Infinity) + SILENT_AFTER_MS - this.#clock.elapsed();
    if (left <= 0) return 0;
    const isExpected = [...this].some(({ announced, key, seat }) =>
      announced === undefined && !seat.burned && !seat.gone && equal(key, this.#hostKey)
    );
    return isExpected ? left : 0;
  }

  /**
   * Adds a session. {@linkcode Roster.recordChange} is due once all sessions of one record are added.
   *
   * @param earlier Whether it was here before this member.
   * @param lingers Whether it announced that it leaves, and the relay still names it.
   * @returns `undefined` if it is not new.
   * @throws {WireError} If the roster is full.
   * @throws {RoomError} With code `seat-lost` if too many sessions are burned to remember another.
   */
  admit(entry: NamedSession, earlier: boolean, lingers = false): Peer | undefined {
    const id = toHex(entry.session);
    const known = this.#peers.get(id);
    if (known?.seat.gone) {
      const seat: SeatState = known.seat;
      seat.namedAgain = entry;
    }
    if (known !== undefined || equal(entry.session, this.#session)) return;
    const burned = this.#burned.has(id) || this.#burnedBefore.has(id);
    if (!burned && this.#burned.size >= this.#maxBurned && !this.#relaysItself) {
      const message = "Too many members came and went: starting a new session";
      throw new RoomError("seat-lost", message);
    }
    if (this.#peers.size >= MAX_ROSTER_ENTRIES) {
      throw new WireError(`Cannot add member: ${MAX_ROSTER_ENTRIES} are in the room already`);
    }
    const queue = this.#queues.queue();
    const peer = new Peer({
      entry,
      order: this.nextOrder(),
      earlier,
      burned,
      lingers,
      lock: this.lock,
      queue,
      budget: new WorkBudget(queue, this.#skips, this.#clock),
      clock: this.#clock,
    });
    this.#peers.set(id, peer);
    return peer;
  }

  /** Notes that all sessions of a ROSTER are added. */
  enter(): void {
    this.#entered = true;
    this.recordChange();
  }

  /** Has the roster check record the present roster. */
  recordChange(): void {
    this.check.record(this);
  }

  /** Notes that another host process has the room. @param keepMs How long it keeps seats, in milliseconds. */
  move(keepMs: number): void {
    this.#moves++;
    this.#movedAt = this.#clock.elapsed();
    this.#keepMs = keepMs;
  }

  /** Notes whether the connection of a session is lost, by the relay's word. */
  setAway({ seat }: Peer, away: boolean): void {
    const state: SeatState = seat;
    state.away = away;
  }

  /** Notes whether a session of the previous host process is missing at this one. */
  setAbsent(peer: Peer, absent: boolean): void {
    if (peer.absent === absent) return;
    const seat: SeatState = peer.seat;
    seat.absentSince = absent ? this.#clock.elapsed() : undefined;
    this.recordChange();
  }

  /** Notes that the relay no longer names a session. */
  unname({ seat }: Peer): void {
    const state: SeatState = seat;
    state.namedAgain = undefined;
  }

  /** Notes that a session has left: it no longer counts, but its last messages may still be shown. */
  leave(peer: Peer): void {
    if (peer.seat.gone) return;
    this.#setGone(peer);
    this.recordChange();
  }

  /** Deletes a session that has left; if it was ever a member, it is burned. */
  remove(peer: Peer): void {
    this.#peers.delete(peer.id);
    if (peer.announced === undefined) return;
    this.#burned.add(peer.id);
    if (!this.#relaysItself || this.#burned.size < this.#maxBurned) return;
    this.#burnedBefore = this.#burned;
    this.#burned = new Set();
  }

  /** Deletes all sessions and cancels their work. */
  clear(): void {
    for (const peer of this) {
      this.#setGone(peer);
      peer.budget.end();
    }
    this.#peers.clear();
  }

  #setGone({ budget, introduced, seat }: Peer): void {
    const state: SeatState = seat;
    state.gone = true;
    introduced.resolve();
    budget.leave();
  }
}
