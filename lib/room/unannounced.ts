/**
 * Reports of strangers: sessions that the host names and that do not announce themselves.
 *
 * @module
 */
import type { Parts } from "./parts.ts";
import { type Peer, type Present, SILENT_AFTER_MS } from "./peer.ts";
import { Timers } from "./timers.ts";

/** Minimum time between two reports, in milliseconds: a relay that names thousands must not fill the screen. */
const REPORT_EVERY_MS = 10_000;

/** A timer that fires this much late shows that this program was suspended, in milliseconds. */
const SUSPENDED_MS = 1000;

/** Maximum sessions in a report that have left; more are only counted. */
const MAX_LEFT = 16;

/** Reports sessions that the host names and that do not announce themselves. See PROTOCOL.md §6.2. */
export class Unannounced {
  readonly #parts: Parts;
  readonly #timers: Timers;
  /** Sessions that may still announce themselves in time, in the order in which they were named. */
  readonly #fresh = new Set<Peer>();
  /** Sessions for the next report. */
  readonly #here = new Set<Peer>();
  /** Sessions that were reported and are still here. */
  readonly #reported = new Set<Peer>();
  #left: Peer[] = [];
  #leftCount = 0;
  #reportedAt = -Infinity;

  /** Creates a reporter without sessions. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
  }

  /** The reported sessions that are still here. */
  get strangers(): Present[] {
    return [...this.#reported].flatMap(({ seat, stranger }) => seat.gone ? [] : [stranger]);
  }

  /** Notes that the host has named a session. */
  named(peer: Peer): void {
    this.#fresh.add(peer);
    this.#wait();
  }

  /** Notes that a session has announced itself. */
  announced(peer: Peer): void {
    this.#here.delete(peer);
    this.#reported.delete(peer);
    if (this.#fresh.delete(peer) && this.#fresh.size === 0) this.#timers.cancel("fresh");
  }

  /** Notes that a session has left that never announced itself. */
  left(peer: Peer): void {
    const reported = this.#reported.has(peer);
    this.announced(peer);
    if (peer.seat.lingers && !reported) return; // It was shown as leaving before.
    this.#leftCount++;
    if (this.#left.length < MAX_LEFT) this.#left.push(peer);
    this.#reportWhenDue();
  }

  /** Cancels all timers and reports. */
  end(): void {
    this.#timers.clear();
    this.#reported.clear();
  }

  #wait(): void {
    const [first] = this.#fresh;
    if (first === undefined || this.#timers.has("fresh")) return;
    this.#waitFor(first.since + SILENT_AFTER_MS - this.#parts.clock.elapsed());
  }

  #waitFor(ms: number): void {
    const dueAt = this.#parts.clock.elapsed() + ms;
    this.#timers.after("fresh", Math.max(0, ms), () => this.#due(dueAt));
  }

  #due(dueAt: number): void {
    const now = this.#parts.clock.elapsed();
    // The announcements may wait at the host for the connection, or in this machine to be read.
    if (!this.#parts.link.open || now - dueAt > SUSPENDED_MS) {
      return this.#waitFor(SILENT_AFTER_MS);
    }
    for (const peer of this.#fresh) {
      if (peer.since + SILENT_AFTER_MS > now) break;
      this.#fresh.delete(peer);
      this.#here.add(peer);
    }
    this.#wait();
    this.#reportWhenDue();
  }

  #reportWhenDue(): void {
    if (this.#here.size + this.#leftCount === 0 || this.#timers.has("report")) return;
    const wait = this.#reportedAt + REPORT_EVERY_MS - this.#parts.clock.elapsed();
    if (wait > 0) this.#timers.after("report", wait, () => this.#report());
    else this.#report();
  }

  #report(): void {
    this.#reportedAt = this.#parts.clock.elapsed();
    const [here, left, leftCount] = [[...this.#here], this.#left, this.#leftCount];
    this.#here.clear();
    this.#left = [];
    this.#leftCount = 0;
    for (const peer of here) this.#reported.add(peer);
    this.#parts.events.emit({
      event: "unannounced",
      here: here.map((peer) => peer.stranger),
      left: left.map((peer) => peer.stranger),
      leftCount,
    });
  }
}
