/**
 * When a receiver says which units it lacks. See PROTOCOL.md §6.10.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { MAX_WANT_RANGES, type WantRange } from "../wire/mod.ts";
import type { UnitSet } from "./unit_set.ts";

/** Time without a byte after which the missing units are wanted again, in milliseconds. */
const FIRST_WAIT_MS = 5000;

/** Maximum of that time, in milliseconds: it doubles with each want that brings nothing. */
const MAX_WAIT_MS = 60_000;

/** Minimum time between two wants because of a unit that was lost on the way, in milliseconds. */
const WANT_EVERY_MS = 1000;

/** Dependencies of {@linkcode Wanting}. */
export interface WantingOptions {
  /** The time. */
  readonly clock: Clock;
  /** Whether units are wanted now. */
  readonly isActive: () => boolean;
  /** The missing units. */
  readonly missing: () => UnitSet;
  /** Says so to the sender. Resolves once the host has accepted it, or cannot. */
  readonly send: (ranges: WantRange[]) => Promise<void>;
  /** Called instead if none is missing. */
  readonly onWhole: () => void;
}

/** Wants the units of one transfer, again until they are here. */
export class Wanting {
  readonly #options: WantingOptions;
  /** The last unit of the last want. */
  #last = 0;
  #wantedAt = -Infinity;
  /** Whether a want is on its way to the host. */
  #sending = false;
  /** Whether another one is due after it. */
  #again = false;
  #heardAt = 0;
  #waitMs = FIRST_WAIT_MS;
  #cancelWait: () => void = () => {};

  /** Wants nothing yet. */
  constructor(options: WantingOptions) {
    this.#options = options;
  }

  /** Says which units are missing. */
  want(): void {
    const { clock, isActive, missing, onWhole, send } = this.#options;
    if (!isActive()) return;
    if (this.#sending) {
      this.#again = true;
      return;
    }
    const ranges = missing().ranges(MAX_WANT_RANGES);
    const last = ranges.at(-1);
    if (last === undefined) return onWhole();
    this.#last = last.first + last.count - 1;
    const now = clock.elapsed();
    this.#wantedAt = now;
    this.#heardAt = now;
    this.#sending = true;
    void send(ranges).then(() => {
      this.#sending = false;
      if (!this.#again) return;
      this.#again = false;
      this.want();
    });
    this.#awaitBytes();
  }

  /** Wants units again that were lost, though not often. */
  wantLost(): void {
    if (this.#options.clock.elapsed() - this.#wantedAt >= WANT_EVERY_MS) this.want();
  }

  /** Notes that bytes came. */
  heard(): void {
    this.#heardAt = this.#options.clock.elapsed();
  }

  /** Notes that a unit came that was right. */
  gained(): void {
    this.#waitMs = FIRST_WAIT_MS;
  }

  /** Wants more once all units of the last want had their turn. @param unit One that was handled. */
  handled(unit: number): void {
    if (unit === this.#last) this.want();
    else if (unit > this.#last) this.wantLost();
  }

  /** Notes the last unit of a stream: the want before could not know it. */
  endAt(unit: number): void {
    this.#last = unit;
  }

  /** Waits for no bytes for now. */
  stop(): void {
    this.#cancelWait();
  }

  #awaitBytes(): void {
    const { clock } = this.#options;
    this.#cancelWait();
    const left = this.#heardAt + this.#waitMs - clock.elapsed();
    this.#cancelWait = clock.after(Math.max(0, left), () => {
      if (clock.elapsed() - this.#heardAt < this.#waitMs) return this.#awaitBytes();
      this.#waitMs = Math.min(2 * this.#waitMs, MAX_WAIT_MS);
      this.want();
    });
  }
}
