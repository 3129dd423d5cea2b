import { type Bytes, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { Peer } from "./peer.ts";

/** Time for which a member may report another roster before that is said, in milliseconds. */
const DIFFERENCE_MS = 10_000;

/** Rosters of the past that are kept. */
const ROSTER_HISTORY = 64;

/** Notices that another member has been shown another room. See PROTOCOL.md §6.6. */
export class Agreement {
  readonly #hashNow: () => Promise<Bytes>;
  readonly #clock: Clock;
  readonly #rosters: { readonly hash: Promise<Bytes>; until: number }[] = [];
  #since = 0;

  /** Starts without a past. @param hashNow The hash of who is here now. */
  constructor(hashNow: () => Promise<Bytes>, clock: Clock) {
    this.#hashNow = hashNow;
    this.#clock = clock;
  }

  /** The hash of who is here now; made only when it is needed, as a room fills member by member. */
  current(): Promise<Bytes> {
    const last = this.#rosters.at(-1);
    if (last?.until === Infinity) return last.hash;
    const hash = this.#hashNow();
    this.#rosters.push({ hash, until: Infinity });
    if (this.#rosters.length > ROSTER_HISTORY) this.#rosters.shift();
    return hash;
  }

  /** Somebody has come or gone. */
  changed(): void {
    this.#since = this.#clock.elapsed();
    const last = this.#rosters.at(-1);
    if (last?.until === Infinity) last.until = this.#since;
  }

  /** Notes which roster a member reports. @returns Whether it has to be said now that it is another. */
  async breaks(peer: Peer, reported: Bytes): Promise<boolean> {
    if (await this.#knows(reported)) {
      peer.differsSince = undefined;
      peer.differenceShown = false;
      return false;
    }
    const now = this.#clock.elapsed();
    // A difference from before the last change here says nothing of the room as it is now.
    if (peer.differsSince === undefined || peer.differsSince < this.#since) peer.differsSince = now;
    if (peer.differenceShown || now - peer.differsSince < DIFFERENCE_MS) return false;
    peer.differenceShown = true;
    return true;
  }

  /** Whether a roster is the one of now, or was until a moment ago. */
  async #knows(reported: Bytes): Promise<boolean> {
    if (equal(await this.current(), reported)) return true;
    const recently = this.#clock.elapsed() - DIFFERENCE_MS;
    const hashes = this.#rosters.filter(({ until }) => until > recently).map(({ hash }) => hash);
    return (await Promise.all(hashes)).some((hash) => equal(hash, reported));
  }
}
