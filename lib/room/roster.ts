import { type Bytes, equal, toBase64Url, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { isKeyText } from "../crypto/mod.ts";
import { RoomError, WireError } from "../errors.ts";
import { MAX_ROSTER_ENTRIES, typedName } from "../wire/mod.ts";
import { RosterCheck } from "./roster_check.ts";
import type { Author } from "./chain.ts";
import type { SerialQueues } from "./serial_queue.ts";
import type { NamedSession } from "./link.ts";
import { Peer, type Present, rosterHash, SILENT_AFTER_MS } from "./peer.ts";
import { RateLimiter } from "../rate_limiter.ts";
import { ALL_SKIPS, WorkBudget } from "./work_budget.ts";

/**
 * Sessions that have left and may not come back. Beyond them a member begins another session, which takes
 * in no announcement made for this one: it has to remember none of them.
 */
const MAX_BURNED = 65_536;

/** Time for members with a connection to come to a restarted host and ask for what they lack, in milliseconds. */
export const MOVE_MS = 90_000;

/** Dependencies of {@linkcode Roster}. */
export interface RosterOptions {
  /** This member. */
  readonly me: Pick<Author, "identity" | "roomId" | "session">;
  /** The host's identity key. */
  readonly hostKey: Bytes;
  /** Where what each of the others sends is handled. */
  readonly queues: SerialQueues;
  /** The time. */
  readonly clock: Clock;
  /** How many sessions may have left before another one is begun. */
  readonly maxBurned: number | undefined;
}

/** The other sessions in the room, in the order in which the host named them. */
export class Roster {
  /** Whether others see the same. */
  readonly check: RosterCheck;
  readonly #me: RosterOptions["me"];
  readonly #queues: SerialQueues;
  readonly #clock: Clock;
  /** Key derivations for what is missing of everybody. */
  readonly #skips: RateLimiter;
  readonly #peers = new Map<string, Peer>();
  #burned = new Set<string>();
  /** The sessions that left before those, where the oldest are forgotten. */
  #burnedBefore = new Set<string>();
  readonly #maxBurned: number;
  /** Whether the relay has this member's own key: no memory of past sessions helps against that relay. */
  readonly #relaysItself: boolean;
  #joinedCount = 0;
  #known = false;
  #movedAt: number | undefined;
  #awaitedMs = 0;

  /** Begins empty. */
  constructor({ clock, hostKey, queues, maxBurned = MAX_BURNED, me }: RosterOptions) {
    this.#me = me;
    this.#maxBurned = maxBurned;
    this.#relaysItself = equal(hostKey, me.identity.publicKey);
    this.#queues = queues;
    this.#clock = clock;
    this.#skips = new RateLimiter(ALL_SKIPS, clock);
    this.check = new RosterCheck({
      seen: () =>
        [...this].flatMap(({ absentSince, gone, key, session }) =>
          gone ? [] : [{ absentSince, key, session }]
        ),
      hash: (others) => {
        const { identity, roomId, session } = me;
        return rosterHash(roomId, [{ key: identity.publicKey, session }, ...others]);
      },
      clock,
    });
  }

  /** Everybody, those included who have not announced themselves, or are gone but for what they said last. */
  [Symbol.iterator](): Iterator<Peer> {
    return this.#peers.values();
  }

  /** Whether the host has ever said who is there. */
  get known(): boolean {
    return this.#known;
  }

  /** Whether those who were at the host before may still be on their way to this one. */
  get moving(): boolean {
    return this.#movedAt !== undefined &&
      this.#clock.elapsed() - this.#movedAt < this.#awaitedMs + MOVE_MS;
  }

  /** Whether most of them may be. */
  get settling(): boolean {
    return this.#movedAt !== undefined && this.#clock.elapsed() - this.#movedAt < MOVE_MS;
  }

  /** The next place in the order in which the members came. */
  nextOrder(): number {
    return this.#joinedCount++;
  }

  /** Finds who has a session. */
  get(session: Bytes): Peer | undefined {
    return this.#peers.get(toHex(session));
  }

  /** Whether a peer is in the room still. */
  has(peer: Peer): boolean {
    return this.#peers.get(peer.id) === peer;
  }

  /** Everybody whose ANNOUNCE came, in the order in which they joined. */
  announced(): Peer[] {
    return [...this].filter(({ announced, gone }) => announced !== undefined && !gone);
  }

  /** Those of them who are given keys. */
  readers(): Peer[] {
    return this.announced().filter(({ withheld }) => !withheld);
  }

  /** Sessions that were reported as not announced. */
  strangers(): Present[] {
    return [...this].flatMap(({ gone, stranger }) => gone || !stranger ? [] : [stranger]);
  }

  /** Whoever a name or a key may mean. */
  called(name: string): Peer[] {
    const typed = typedName(name);
    return this.announced().filter(({ announced, key, member, tag }) => {
      if (isKeyText(name)) return name === toBase64Url(key);
      return [member!.name, `${announced!.name}#${tag}`]
        .some((shown) => typedName(shown) === typed);
    });
  }

  /** Until when a first reader may be on its way: one who just joined, or comes to another host process. */
  expectedUntil(): number {
    const newest = [...this]
      .filter(({ announced, burned, gone }) => announced === undefined && !burned && !gone)
      .map(({ since }) => since);
    return Math.max(this.#movedAt ?? -Infinity, ...newest) + SILENT_AFTER_MS;
  }

  /**
   * Takes a session in. {@linkcode RosterCheck.changed} is due when all that one record names are in.
   *
   * @param earlier Whether it was here before this member.
   * @returns `undefined` where it is no new one.
   * @throws {WireError} If there are more than a room may have.
   * @throws {RoomError} With code `seat-lost` if too many have left to tell it from one of them.
   */
  admit(entry: NamedSession, earlier: boolean): Peer | undefined {
    const id = toHex(entry.session);
    if (this.#peers.has(id) || equal(entry.session, this.#me.session)) return;
    const burned = this.#burned.has(id) || this.#burnedBefore.has(id);
    if (!burned && this.#burned.size >= this.#maxBurned && !this.#relaysItself) {
      const message = "So many have come and gone that this program begins another session";
      throw new RoomError("seat-lost", message);
    }
    if (this.#peers.size >= MAX_ROSTER_ENTRIES) {
      throw new WireError(`Cannot take member as ${MAX_ROSTER_ENTRIES} are in the room already`);
    }
    const queue = this.#queues.queue();
    const budget = new WorkBudget(queue, this.#skips, this.#clock);
    const peer = new Peer(entry, this.nextOrder(), earlier, queue, budget, this.#clock);
    peer.burned = burned;
    this.#peers.set(id, peer);
    return peer;
  }

  /** All are taken in that the host named. */
  complete(): void {
    this.#known = true;
    this.check.changed();
  }

  /** Another process has the room now. @param awaitedMs How long it keeps the places of absent members. */
  moved(awaitedMs: number): void {
    this.#movedAt = this.#clock.elapsed();
    this.#awaitedMs = awaitedMs;
  }

  /** Notes whether a member that was at the host before is not at this one yet. */
  setAbsent(peer: Peer, absent: boolean): void {
    if (peer.absent === absent) return;
    peer.absentSince = absent ? this.#clock.elapsed() : undefined;
    this.check.changed();
  }

  /** Notes that a member has left: it counts no more, though its last messages may still be shown. */
  leave(peer: Peer): void {
    if (peer.gone) return;
    peer.leave();
    this.check.changed();
  }

  /** Forgets a member that has left; where it was ever shown, its session is no member's any more. */
  remove(peer: Peer): void {
    this.#peers.delete(peer.id);
    if (peer.announced === undefined) return;
    this.#burned.add(peer.id);
    if (!this.#relaysItself || this.#burned.size < this.#maxBurned) return;
    this.#burnedBefore = this.#burned;
    this.#burned = new Set();
  }

  /** Lets everybody go, as nothing is taken from anybody any more. */
  clear(): void {
    for (const peer of this) peer.end();
    this.#peers.clear();
  }
}
