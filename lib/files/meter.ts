/**
 * How fast a transfer is, told calmly.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { ProgressEvent, TransferView } from "../session_events.ts";
import type { Unnumbered } from "./port.ts";

/** Minimum time between two reports, in milliseconds. */
const REPORT_EVERY_MS = 1000;

/** Time over which the rate is smoothed, in milliseconds: it follows a change, and does not jump. */
const SMOOTHING_MS = 5000;

/** Reports the bytes of a transfer and their rate, at most once a second and only after a change. */
export class Meter {
  readonly #clock: Clock;
  readonly #report: (bytesPerSecond: number) => void;
  #bytes: number;
  #countedAt: number;
  #counted: number;
  #rate: number | undefined;
  #cancel: (() => void) | undefined;

  /** Creates a meter. @param bytes Bytes that were there before. @param report Called with the present rate. */
  constructor(clock: Clock, bytes: number, report: (bytesPerSecond: number) => void) {
    this.#clock = clock;
    this.#report = report;
    this.#bytes = bytes;
    this.#counted = bytes;
    this.#countedAt = clock.elapsed();
  }

  /** Notes how many bytes there are. */
  note(bytes: number): void {
    this.#bytes = bytes;
    const wait = this.#countedAt + REPORT_EVERY_MS - this.#clock.elapsed();
    this.#cancel ??= this.#clock.after(Math.max(0, wait), () => this.#due());
  }

  /** Starts to measure, from other bytes: when it begins, after a pause, or where earlier bytes were found. */
  restart(bytes: number): void {
    this.stop();
    this.#bytes = bytes;
    this.#counted = bytes;
    this.#countedAt = this.#clock.elapsed();
    this.#rate = undefined;
  }

  /** Cancels the report that is due. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #due(): void {
    this.#cancel = undefined;
    const now = this.#clock.elapsed();
    const ms = Math.max(1, now - this.#countedAt);
    const rate = Math.max(0, this.#bytes - this.#counted) * 1000 / ms;
    this.#rate = this.#rate === undefined
      ? rate
      : this.#rate + (rate - this.#rate) * (1 - Math.exp(-ms / SMOOTHING_MS));
    this.#countedAt = now;
    this.#counted = this.#bytes;
    this.#report(Math.round(this.#rate));
  }
}

/** How far a transfer is, as an event. */
export function progressOf<M>(
  { bytes, name, pausedBy, receivers, size }: TransferView<M>,
  bytesPerSecond: number,
): Unnumbered<ProgressEvent<M>> {
  const left = secondsLeft(bytes, size, bytesPerSecond);
  return {
    event: "progress",
    name,
    bytes,
    ...size !== undefined && { size },
    bytesPerSecond,
    ...left !== undefined && { secondsLeft: left },
    ...pausedBy !== undefined && { paused: true, pausedBy },
    ...receivers !== undefined && { receivers },
  };
}

/** Time to the end of a transfer at a rate, in whole seconds; `undefined` if it is not known. */
export function secondsLeft(
  bytes: number,
  size: number | undefined,
  bytesPerSecond: number,
): number | undefined {
  if (size === undefined || bytesPerSecond <= 0) return undefined;
  return Math.ceil((size - bytes) / bytesPerSecond);
}
