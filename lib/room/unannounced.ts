import type { Clock } from "../clock.ts";
import type { Events } from "./events.ts";
import type { Link } from "./link.ts";
import { type Peer, SILENT_AFTER_MS } from "./peer.ts";
import { Timers } from "./timers.ts";

/** Least time between two reports, in milliseconds: a relay that names thousands must not fill the screen. */
const REPORT_EVERY_MS = 10_000;

/** A timer that fires so much later shows that this program was suspended, in milliseconds. */
const SUSPENDED_MS = 1000;

/** Maximum sessions in a report that have left; more are only counted. */
const MAX_LEFT = 16;

/** Dependencies of {@linkcode Unannounced}. */
export interface UnannouncedOptions {
  /** Takes the reports. */
  readonly events: Events;
  /** The way on which an ANNOUNCE would come. */
  readonly link: Link;
  /** The time. */
  readonly clock: Clock;
}

/** Reports sessions that the host names and that do not announce themselves. See PROTOCOL.md §6.2. */
export class Unannounced {
  readonly #options: UnannouncedOptions;
  readonly #timers: Timers;
  /** Sessions that may still announce themselves in time, in the order in which they were named. */
  readonly #fresh = new Set<Peer>();
  /** Sessions for the next report. */
  readonly #here = new Set<Peer>();
  #left: Peer[] = [];
  #leftCount = 0;
  #reportedAt = -Infinity;

  /** Begins without sessions. */
  constructor(options: UnannouncedOptions) {
    this.#options = options;
    this.#timers = new Timers(options.clock);
  }

  /** The host has named a session. */
  named(peer: Peer): void {
    this.#fresh.add(peer);
    this.#wait();
  }

  /** A session has announced itself. */
  announced(peer: Peer): void {
    this.#here.delete(peer);
    if (this.#fresh.delete(peer) && this.#fresh.size === 0) this.#timers.cancel("fresh");
  }

  /** A session has left without having announced itself. */
  left(peer: Peer): void {
    this.announced(peer);
    if (peer.lingers && !peer.reported) return; // That it leaves it has said.
    this.#leftCount++;
    if (this.#left.length < MAX_LEFT) this.#left.push(peer);
    this.#reportWhenDue();
  }

  /** Cancels all timers and reports. */
  end(): void {
    this.#timers.clear();
  }

  #wait(): void {
    const [first] = this.#fresh;
    if (first === undefined || this.#timers.has("fresh")) return;
    this.#waitFor(first.since + SILENT_AFTER_MS - this.#options.clock.elapsed());
  }

  #waitFor(ms: number): void {
    const dueAt = this.#options.clock.elapsed() + ms;
    this.#timers.after("fresh", Math.max(0, ms), () => this.#due(dueAt));
  }

  #due(dueAt: number): void {
    const now = this.#options.clock.elapsed();
    // What they say may wait at the host for the connection to be back, or in this machine to be read.
    if (!this.#options.link.open || now - dueAt > SUSPENDED_MS) {
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
    const wait = this.#reportedAt + REPORT_EVERY_MS - this.#options.clock.elapsed();
    if (wait > 0) this.#timers.after("report", wait, () => this.#report());
    else this.#report();
  }

  #report(): void {
    this.#reportedAt = this.#options.clock.elapsed();
    const [here, left, leftCount] = [[...this.#here], this.#left, this.#leftCount];
    this.#here.clear();
    this.#left = [];
    this.#leftCount = 0;
    for (const peer of [...here, ...left]) peer.reported = true;
    this.#options.events.emit({
      event: "unannounced",
      here: here.map((peer) => peer.stranger!),
      left: left.map((peer) => peer.stranger!),
      leftCount,
    });
  }
}
