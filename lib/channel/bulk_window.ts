/**
 * How much bulk may be under way on a connection, so that it hardly delays anything else. See PROTOCOL.md §5.6.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { WireError } from "../errors.ts";
import { MAX_BULK_BYTES } from "../wire/mod.ts";

/** Smallest window, in bytes. */
export const MIN_WINDOW_BYTES: number = 1 << 14;

/** Largest window, in bytes: bounds what the other end has to buffer. */
export const MAX_WINDOW_BYTES: number = 1 << 22;

/** Delay that bulk may add, in milliseconds: a longer one makes the window smaller. */
export const TARGET_MS = 6;

/** Age at which the least delay is measured again, and after which an idle window starts over, in milliseconds. */
export const BASE_MS = 10_000;

/** The same for a window that is at its minimum: then the delay is not its own, but that of a longer way. */
const MIN_BASE_MS = 1000;

/** Time for which the best rate counts at least, and at most twice, in milliseconds. */
const RATE_MS = 500;

/** Shortest frame that has to wait for room, in bytes: the smallest window is four of them. */
const MIN_FRAME_BYTES = 4096;

/** What a frame takes of the window at least, in bytes: a sender could keep the other end busy with short ones. */
const MIN_COST_BYTES = 1024;

/** Frames that fill a larger window, unless they would be too long: a longer frame would add a delay of its own. */
const WINDOW_FRAMES = 8;

/** Number of samples of which the least is the delay now (RFC 6817's CURRENT_FILTER): a busy process adds noise. */
const FILTER_SAMPLES = 4;

/** Fraction of the bytes taken by which the window grows without any delay. */
const GAIN = 1 / 8;

/** Maximum decrease, in units of the greatest increase: a round trip at most halves the window. */
const MAX_DECREASE = 4;

/** Time in which the least delay has to be over the target before the window shrinks, in milliseconds: jitter ends sooner. */
const JITTER_MS = 100;

/** A delay that was measured. */
interface Sample {
  /** When, in ms of `Clock.elapsed`. */
  readonly at: number;
  /** In milliseconds. */
  readonly delay: number;
}

/** A frame that the other end has not taken. */
interface FrameUnderWay {
  /** Bytes sent up to its end. */
  readonly end: number;
  /** When it was sent, in ms of `Clock.elapsed`. */
  readonly at: number;
  /** Bytes that had been taken then. */
  readonly taken: number;
}

/** The best of the rates at which bytes were taken lately. */
class BestRate {
  readonly #clock: Clock;
  #since = 0;
  #now = 0;
  #before = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In bytes a millisecond. */
  get best(): number {
    return Math.max(this.#now, this.#before);
  }

  /** @param rate In bytes a millisecond. */
  note(rate: number): void {
    if (this.#clock.elapsed() - this.#since > RATE_MS) {
      this.#since = this.#clock.elapsed();
      this.#before = this.#now;
      this.#now = 0;
    }
    this.#now = Math.max(this.#now, rate);
  }
}

/**
 * The window of one direction of a connection: bytes sent that the other end has not taken. Its size follows the
 * delay, as LEDBAT's does (RFC 6817), but in proportion: the TCP below it is fair to others already. Every 10 s it
 * waits until all is taken, and starts again from its minimum: the least delay shows only on an empty way.
 */
export class BulkWindow {
  readonly #clock: Clock;
  readonly #rate: BestRate;
  #size = MIN_WINDOW_BYTES;
  /** Size up to which it doubles with each round trip, unless there is a delay before. */
  #threshold = Infinity;
  #sent = 0;
  #taken = 0;
  #underWay: FrameUnderWay[] = [];
  /** The last delays: those of some time, and a certain number at least. */
  #delays: Sample[] = [];
  /** The least delay, in milliseconds. */
  #base = Infinity;
  /** When that was measured. */
  #measuredAt: number;
  /** Bytes that have to be taken before a frame measures it again: then the way is empty. */
  #probeFrom: number | undefined;

  /** Starts with the smallest window. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#rate = new BestRate(clock);
    this.#measuredAt = clock.elapsed();
  }

  /** Its size now, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Maximum bytes of the next frame; 0 if it has to wait until more is taken. */
  get frameBytes(): number {
    if (this.#isIdle) return MIN_FRAME_BYTES;
    if (this.#probeFrom !== undefined && this.#taken < this.#probeFrom) return 0;
    if (this.#underWay.length * MIN_COST_BYTES >= this.#size) return 0;
    const share = Math.max(Math.floor(this.#size / WINDOW_FRAMES), MIN_FRAME_BYTES);
    const bytes = Math.min(share, MAX_BULK_BYTES);
    return this.#sent - this.#taken + bytes <= this.#size ? bytes : 0;
  }

  /** Counts a frame. @param bytes Of it, without its head. */
  send(bytes: number): void {
    if (this.#isIdle) this.#startOver();
    this.#sent += bytes;
    this.#underWay.push({ end: this.#sent, at: this.#clock.elapsed(), taken: this.#taken });
  }

  /**
   * Counts what the other end has taken, and adapts the size.
   *
   * @param taken Number of bytes on this connection.
   * @throws {WireError} If it is less than before, or more than was sent.
   */
  take(taken: number): void {
    if (taken < this.#taken || taken > this.#sent) {
      throw new WireError("Cannot accept CREDIT: it counts bytes that were never sent");
    }
    const bytes = taken - this.#taken;
    const wasInUse = 2 * (this.#sent - this.#taken) >= this.#size;
    this.#taken = taken;
    const next = this.#underWay.findIndex(({ end }) => end > taken);
    const frames = this.#underWay.splice(0, next < 0 ? this.#underWay.length : next);
    const last = frames.at(-1);
    if (last === undefined) return;
    const delay = this.#clock.elapsed() - last.at;
    this.#rate.note((taken - last.taken) / Math.max(delay, 1));
    if (this.#probeFrom === undefined) this.#adapt(delay, bytes, wasInUse);
    else if (last.end > this.#probeFrom) {
      // On a longer way the last size says nothing.
      if (delay > this.#base + TARGET_MS) this.#threshold = Infinity;
      this.#measured(delay);
    }
  }

  get #isIdle(): boolean {
    return this.#underWay.length === 0 && this.#clock.elapsed() - this.#measuredAt > 2 * BASE_MS;
  }

  #startOver(): void {
    this.#size = MIN_WINDOW_BYTES;
    this.#threshold = Infinity;
    this.#measured(Infinity);
  }

  /** Takes a delay for the least one. */
  #measured(delay: number): void {
    this.#base = delay;
    this.#delays = [];
    this.#measuredAt = this.#clock.elapsed();
    this.#probeFrom = undefined;
  }

  #adapt(delay: number, bytes: number, wasInUse: boolean): void {
    const now = this.#clock.elapsed();
    this.#base = Math.min(this.#base, delay);
    this.#delays.push({ at: now, delay });
    while (this.#delays.length > FILTER_SAMPLES && this.#delays[0]!.at < now - JITTER_MS) {
      this.#delays.shift();
    }
    const rise = this.#room(this.#delays.slice(-FILTER_SAMPLES));
    if (rise < 1 / 2) this.#threshold = 0;
    const fall = Math.max(this.#room(this.#delays), -MAX_DECREASE);
    const share = rise > 0 ? rise : Math.min(fall, 0);
    const change = bytes * (this.#size < this.#threshold ? 1 : GAIN * share);
    // A window that its sender does not fill says nothing about a larger one.
    if (change < 0 || wasInUse) {
      const least = Math.max(MIN_WINDOW_BYTES, this.#rate.best * TARGET_MS);
      this.#size = Math.min(Math.max(least, this.#size + change), MAX_WINDOW_BYTES);
    }
    const isSmallest = this.#size === MIN_WINDOW_BYTES;
    if (now - this.#measuredAt < (isSmallest ? MIN_BASE_MS : BASE_MS)) return;
    this.#probeFrom = this.#sent;
    this.#threshold = this.#size;
    this.#size = MIN_WINDOW_BYTES;
  }

  /** What the least of some delays leaves of the target, as a fraction: 1 without a queue, below 0 with too long a one. */
  #room(delays: readonly Sample[]): number {
    const added = Math.min(...delays.map(({ delay }) => delay)) - this.#base;
    return 1 - added / TARGET_MS;
  }
}
