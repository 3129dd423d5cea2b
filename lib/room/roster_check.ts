/**
 * The roster check: does every member see the same room?
 *
 * @module
 */
import { type Bytes, compare, concat, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { label, sha256 } from "../crypto/mod.ts";
import { LOST_AFTER_MS, type Peer, type RosterCheckState } from "./peer.ts";

/** Maximum delay between two members learning of one change, in milliseconds. */
const LAG_MS = 10_000;

/** Time for which a member may report another roster before the warning, in milliseconds. */
const DIFFERENCE_MS = 60_000;

/** Additional time if that roster lacks only absent sessions that are not shown as lost yet. */
const ABSENCE_MS = 180_000;

/**
 * Maximum past rosters kept. A relay that makes more changes than this within {@linkcode LAG_MS} makes equal
 * rosters look different: that errs on the side of the warning.
 */
const ROSTER_HISTORY = 64;

/** One session of a roster. */
export interface RosterSession {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** The session, 16 bytes. */
  readonly session: Bytes;
}

/** One session of a past roster. */
interface PastSession extends RosterSession {
  /** When another host process was found not to name it, in ms of `Clock.elapsed`. */
  readonly absentSince: number | undefined;
}

/**
 * The hash by which members notice that the host shows them different rooms.
 *
 * @param members All sessions that the host names, this member's included.
 * @returns 16 bytes. See PROTOCOL.md §6.6.
 */
export async function rosterHash(
  roomId: Bytes,
  members: readonly RosterSession[],
): Promise<Bytes> {
  const entries = members.map(({ key, session }) => concat(key, session)).sort(compare);
  const audience = new Uint8Array(1);
  const hash = await sha256(label("lanchat/1 roster"), roomId, audience, ...entries);
  return hash.slice(0, 16);
}

/** A roster of this member; its hashes are computed when one is first compared. */
class PastRoster {
  readonly from: number;
  until = Infinity;
  readonly #roomId: Bytes;
  readonly #me: RosterSession;
  readonly #others: readonly PastSession[];
  #all: Promise<Bytes> | undefined;
  #named: Promise<Bytes> | undefined;

  constructor(roomId: Bytes, me: RosterSession, others: readonly PastSession[], from: number) {
    this.#roomId = roomId;
    this.#me = me;
    this.#others = others;
    this.from = from;
  }

  /** The hash of all sessions. */
  get all(): Promise<Bytes> {
    return this.#all ??= this.#hash(this.#others);
  }

  /** The hash of the sessions that the host names: all but the absent ones. */
  get named(): Promise<Bytes> {
    const named = this.#others.filter(({ absentSince }) => absentSince === undefined);
    if (named.length === this.#others.length) return this.all;
    return this.#named ??= this.#hash(named);
  }

  /** Whether all absent sessions are shown as lost at a time. */
  showsAbsent(at: number): boolean {
    return this.#others.every(({ absentSince = -Infinity }) => at - absentSince >= LOST_AFTER_MS);
  }

  #hash(others: readonly PastSession[]): Promise<Bytes> {
    return rosterHash(this.#roomId, [this.#me, ...others]);
  }
}

/**
 * Detects that another member is shown another room. Only agreement stops its clock: a relay could cause
 * any other event that stopped it, again and again. See PROTOCOL.md §6.6.
 */
export class RosterCheck {
  readonly #roomId: Bytes;
  readonly #me: RosterSession;
  readonly #clock: Clock;
  readonly #rosters: PastRoster[];

  /** Creates a check whose first roster has only this member. */
  constructor(roomId: Bytes, me: RosterSession, clock: Clock) {
    this.#roomId = roomId;
    this.#me = me;
    this.#clock = clock;
    this.#rosters = [new PastRoster(roomId, me, [], 0)];
  }

  /** The hash of the present roster, as this member's messages report it. */
  async current(): Promise<Bytes> {
    return await this.#rosters.at(-1)!.named;
  }

  /**
   * Records the roster after a change. Every roster is kept, even a short-lived one: another member may
   * report exactly that one.
   */
  record(peers: Iterable<Peer>): void {
    const others = [...peers].flatMap(({ key, seat, session }) =>
      seat.gone ? [] : [{ absentSince: seat.absentSince, key, session }]
    );
    const now = this.#clock.elapsed();
    this.#rosters.at(-1)!.until = now;
    this.#rosters.push(new PastRoster(this.#roomId, this.#me, others, now));
    if (this.#rosters.length > ROSTER_HISTORY) this.#rosters.shift();
  }

  /** Compares the roster that a member reports. @returns Whether a warning about a difference is due. */
  async differs(peer: Peer, reported: Bytes): Promise<boolean> {
    const state: RosterCheckState = peer.rosterCheck;
    const now = this.#clock.elapsed();
    const agrees = equal(await this.#rosters.at(-1)!.all, reported) ||
      await this.#had("all", reported, now);
    // Members that entered after a restart of the host never saw the absent sessions.
    const lacksAbsent = !agrees && await this.#had("named", reported, now);
    if (agrees || lacksAbsent && this.#rosters.at(-1)!.showsAbsent(now)) {
      state.difference = undefined;
      state.differenceShown = false;
      return false;
    }
    const { difference } = state;
    // The member may have learned of a change shortly before this one did.
    if (difference === undefined || await this.#had("all", difference.hash, difference.since)) {
      state.difference = { hash: reported, since: now };
      return false;
    }
    const patience = lacksAbsent ? DIFFERENCE_MS + ABSENCE_MS : DIFFERENCE_MS;
    if (state.differenceShown || now - difference.since < patience) return false;
    state.differenceShown = true;
    return true;
  }

  /** Whether a roster was this member's own at about a time. */
  async #had(kind: "all" | "named", reported: Bytes, at: number): Promise<boolean> {
    const candidates = this.#rosters.filter(({ from, until }) =>
      from < at + LAG_MS && until > at - LAG_MS
    );
    // The newest first: it is the most likely, and hashing a full room takes milliseconds.
    for (const past of candidates.reverse()) if (equal(await past[kind], reported)) return true;
    return false;
  }
}
