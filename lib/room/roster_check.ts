import { type Bytes, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { LOST_AFTER_MS, type Peer } from "./peer.ts";

/** Time by which two members may learn of the same change one after the other, in milliseconds. */
const LAG_MS = 10_000;

/** Time for which a member may report other rosters before that is said, in milliseconds. */
const DIFFERENCE_MS = 60_000;

/** How much longer it may report one that lacks only absent sessions that are not shown as lost yet. */
const ABSENCE_MS = 180_000;

/**
 * Rosters of the past that are kept. A relay that pumps more of them through the room within
 * {@linkcode LAG_MS} makes equal ones look different: the error is on the side of the warning.
 */
const ROSTER_HISTORY = 64;

/** What is known of one session when it is named. */
export type Seen = Pick<Peer, "absentSince" | "key" | "session">;

/** A roster of this member, with hashes that are made when one is compared. */
class Past {
  readonly from: number;
  until = Infinity;
  readonly #hash: RosterCheckOptions["hash"];
  readonly #seen: readonly Seen[];
  #all: Promise<Bytes> | undefined;
  #named: Promise<Bytes> | undefined;

  constructor(seen: readonly Seen[], from: number, hash: RosterCheckOptions["hash"]) {
    this.#seen = seen;
    this.from = from;
    this.#hash = hash;
  }

  /** The hash of all sessions. */
  get all(): Promise<Bytes> {
    return this.#all ??= this.#hash(this.#seen);
  }

  /** The hash of the sessions that the host names: all but the absent ones. */
  get named(): Promise<Bytes> {
    const named = this.#seen.filter(({ absentSince }) => absentSince === undefined);
    if (named.length === this.#seen.length) return this.all;
    return this.#named ??= this.#hash(named);
  }

  /** Whether all absent sessions are shown as lost at some time. */
  showsAbsent(at: number): boolean {
    return this.#seen.every(({ absentSince = -Infinity }) => at - absentSince >= LOST_AFTER_MS);
  }
}

/** Dependencies of {@linkcode RosterCheck}. */
export interface RosterCheckOptions {
  /** The other sessions in the room now. */
  readonly seen: () => readonly Seen[];
  /** The hash of a roster of this member and such others. */
  readonly hash: (others: readonly Seen[]) => Promise<Bytes>;
  /** The time. */
  readonly clock: Clock;
}

/**
 * Notices that another member has been shown another room. Only agreement stops its clock: anything else
 * that could stop it, a relay would cause for ever. See PROTOCOL.md §6.6.
 */
export class RosterCheck {
  readonly #options: RosterCheckOptions;
  readonly #rosters: Past[];

  /** Starts with nobody else. */
  constructor(options: RosterCheckOptions) {
    this.#options = options;
    this.#rosters = [new Past([], 0, options.hash)];
  }

  /** The hash to report. */
  async current(): Promise<Bytes> {
    return await this.#rosters.at(-1)!.named;
  }

  /**
   * A session has come, gone, become absent or come back. Each roster is kept, however short it was: another
   * member may report just that one.
   */
  changed(): void {
    const { clock, hash, seen } = this.#options;
    const now = clock.elapsed();
    this.#rosters.at(-1)!.until = now;
    this.#rosters.push(new Past(seen(), now, hash));
    if (this.#rosters.length > ROSTER_HISTORY) this.#rosters.shift();
  }

  /** Notes which roster a member reports. @returns Whether it has to be said now that it is another. */
  async breaks(peer: Peer, reported: Bytes): Promise<boolean> {
    const now = this.#options.clock.elapsed();
    const agrees = await this.#had("all", reported, now);
    // Without those who are absent it is the room as members see it that came after a restart of the host.
    const lacksAbsent = !agrees && await this.#had("named", reported, now);
    if (agrees || lacksAbsent && this.#rosters.at(-1)!.showsAbsent(now)) {
      peer.difference = undefined;
      peer.differenceShown = false;
      return false;
    }
    const { difference } = peer;
    // The member may have learned of a change a moment before this one did.
    if (difference === undefined || await this.#had("all", difference.hash, difference.since)) {
      peer.difference = { hash: reported, since: now };
      return false;
    }
    const patience = lacksAbsent ? DIFFERENCE_MS + ABSENCE_MS : DIFFERENCE_MS;
    if (peer.differenceShown || now - difference.since < patience) return false;
    peer.differenceShown = true;
    return true;
  }

  /** Whether a roster was this member's one about that time. */
  async #had(kind: "all" | "named", reported: Bytes, at: number): Promise<boolean> {
    const about = this.#rosters.filter(({ from, until }) =>
      from < at + LAG_MS && until > at - LAG_MS
    );
    // The newest is the likeliest, and to hash a full room takes milliseconds.
    for (const past of about.reverse()) if (equal(await past[kind], reported)) return true;
    return false;
  }
}
