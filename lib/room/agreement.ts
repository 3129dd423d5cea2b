import { type Bytes, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { Peer } from "./peer.ts";

/** Time by which two members may learn of the same change one after the other, in milliseconds. */
const LAG_MS = 10_000;

/** Time for which a member may report other rosters before that is said, in milliseconds. */
const DIFFERENCE_MS = 60_000;

/**
 * Rosters of the past that are kept. A relay that pumps more of them through the room within
 * {@linkcode LAG_MS} makes equal ones look different: the error is on the side of the warning.
 */
const ROSTER_HISTORY = 64;

/** A roster of this member. */
interface Past {
  /** The hash of the sessions that the host names. */
  readonly named: Promise<Bytes>;
  /** The hash of these and the absent ones. */
  readonly all: Promise<Bytes>;
  readonly from: number;
  until: number;
}

/**
 * Notices that another member has been shown another room. Only agreement stops its clock: anything else
 * that could stop it, a relay would cause for ever. See PROTOCOL.md §6.6.
 */
export class Agreement {
  readonly #hash: (absent: boolean) => Promise<Bytes>;
  readonly #clock: Clock;
  readonly #rosters: Past[] = [];
  #changedAt = 0;
  /** How much longer a member may report a roster that lacks only absent sessions, in milliseconds. */
  #absenceMs = 0;

  /** Starts without a past. @param hash The hash of the present roster, with or without absent sessions. */
  constructor(hash: (absent: boolean) => Promise<Bytes>, clock: Clock) {
    this.#hash = hash;
    this.#clock = clock;
  }

  /** The hash to report; made only when it is needed, as a room fills member by member. */
  async current(): Promise<Bytes> {
    const { all, named } = this.#now();
    const [hash] = await Promise.all([named, all]);
    return hash;
  }

  /** A session has come, gone, become absent or come back. */
  changed(): void {
    this.#changedAt = this.#clock.elapsed();
    const last = this.#rosters.at(-1);
    if (last?.until === Infinity) last.until = this.#changedAt;
  }

  /** Sessions may be absent from now on. @param ms How long in all a member may leave them out, in milliseconds. */
  allowAbsence(ms: number): void {
    this.#absenceMs = ms;
  }

  /** Notes which roster a member reports. @returns Whether it has to be said now that it is another. */
  async breaks(peer: Peer, reported: Bytes): Promise<boolean> {
    const now = this.#clock.elapsed();
    if (await this.#had("all", reported, now)) {
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
    // Without those who are absent it is the room as honest members see it after a restart of the host.
    const lacksAbsent = await this.#had("named", reported, now);
    const patience = lacksAbsent ? DIFFERENCE_MS + this.#absenceMs : DIFFERENCE_MS;
    if (peer.differenceShown || now - difference.since < patience) return false;
    peer.differenceShown = true;
    return true;
  }

  /** Whether a roster was this member's one about that time. */
  async #had(kind: "all" | "named", reported: Bytes, at: number): Promise<boolean> {
    this.#now();
    const hashes = this.#rosters
      .filter(({ from, until }) => from < at + LAG_MS && until > at - LAG_MS)
      .map((past) => past[kind]);
    return (await Promise.all(hashes)).some((hash) => equal(hash, reported));
  }

  #now(): Past {
    const last = this.#rosters.at(-1);
    if (last?.until === Infinity) return last;
    const [named, all] = [this.#hash(false), this.#hash(true)];
    const past = { named, all, from: this.#changedAt, until: Infinity };
    this.#rosters.push(past);
    if (this.#rosters.length > ROSTER_HISTORY) this.#rosters.shift();
    return past;
  }
}
