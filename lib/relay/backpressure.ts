/**
 * Slows the senders to a seat, and notices that the seat's member takes too little.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { FairScheduler, SenderQueue } from "./scheduler.ts";

/** Queued bytes of a seat above which it holds all senders: without a limit the queue would fill the memory. */
export const HIGH_WATER_BYTES: number = 1 << 20;

/** Queued bytes at which it releases them. */
export const LOW_WATER_BYTES: number = 1 << 19;

/**
 * Queued bytes of one sender at which a seat holds that sender: more would delay the others. Members
 * acknowledge half as much at once, so that a lone sender does not have to pause.
 */
export const SHARE_BYTES: number = 1 << 15;

/** Time in which a seat with {@linkcode SHARE_BYTES} queued has to progress, in milliseconds. */
export const STALL_MS = 10_000;

/** Bytes that its member must acknowledge in {@linkcode STALL_MS}: a member that reads at all does. */
export const STALL_BYTES: number = 1 << 16;

/** Holds the senders to one seat while its queue is too long. See PROTOCOL.md §5.4. */
export class Backpressure {
  readonly #scheduler: FairScheduler;
  readonly #clock: Clock;
  readonly #onStalled: () => void;
  #queuedBytes = 0;
  #acknowledgedBytes = 0;
  /** Whether all senders are held, until the queue is down to {@linkcode LOW_WATER_BYTES}. */
  #full = false;
  #held: SenderQueue[] = [];
  #cancelVerdict: (() => void) | undefined;
  /** `#acknowledgedBytes` when the progress was last judged. */
  #judgedBytes = 0;
  /** Whether the member took too little while no sender was held yet. */
  #slow = false;

  /** Starts with an empty queue. @param onStalled Called when senders are held and the member takes too little. */
  constructor(scheduler: FairScheduler, clock: Clock, onStalled: () => void) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#onStalled = onStalled;
  }

  /** Bytes that are queued and not acknowledged. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether every sender has to wait. */
  get isFull(): boolean {
    return this.#full;
  }

  /** Counts bytes that were queued. */
  queue(bytes: number): void {
    this.#queuedBytes += bytes;
  }

  /** Counts bytes that the member has acknowledged. */
  acknowledge(bytes: number): void {
    this.#queuedBytes -= bytes;
    this.#acknowledgedBytes += bytes;
  }

  /** Checks whether the queue has become too long. */
  check(): void {
    if (this.#queuedBytes < SHARE_BYTES) return;
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#full = true;
    this.#judge();
  }

  /** Checks whether the queue has become short enough. */
  relax(): void {
    if (this.#queuedBytes <= LOW_WATER_BYTES) this.#full = false;
    this.release();
    if (this.#acknowledgedBytes - this.#judgedBytes >= STALL_BYTES) this.#slow = false;
    // A sender that another seat holds at this moment may come back to this one.
    if (this.#queuedBytes < SHARE_BYTES && !this.#holds) this.#acquit();
  }

  /** Holds a sender until the member has taken more, or too little. */
  hold(queue: SenderQueue): void {
    this.#held.push(queue);
    this.#judge();
  }

  /** Releases all senders, unless this seat is full. */
  release(): void {
    if (this.#full || this.#held.length === 0) return;
    const queues = this.#held;
    this.#held = [];
    this.#scheduler.serve(queues);
  }

  /** Releases all senders, however long the queue is. */
  releaseAll(): void {
    this.#full = false;
    this.#acquit();
    this.release();
  }

  get #holds(): boolean {
    return this.#full || this.#held.length > 0;
  }

  /**
   * Judges the member's progress each {@linkcode STALL_MS} while its queue is long. One seat at a time holds a
   * sender, but all that would hold it are judged meanwhile: the sender does not wait for one after the other.
   */
  #judge(): void {
    if (this.#cancelVerdict !== undefined || this.#slow && !this.#holds) return;
    this.#judgedBytes = this.#acknowledgedBytes;
    this.#cancelVerdict = this.#clock.after(this.#slow ? 0 : STALL_MS, () => {
      this.#cancelVerdict = undefined;
      if (this.#acknowledgedBytes - this.#judgedBytes >= STALL_BYTES) this.#judge();
      else if (this.#holds) this.#onStalled();
      else this.#slow = true;
    });
  }

  #acquit(): void {
    this.#cancelVerdict?.();
    this.#cancelVerdict = undefined;
    this.#slow = false;
  }
}
