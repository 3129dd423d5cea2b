/** The progress of transfers in lines that are not redrawn: one for each tenth. */
import type { PauseCause, ProgressEvent, SessionEvent } from "../session_events.ts";
import { percentOf } from "./quantity.ts";

/** Bytes of the first line of a transfer whose size is not known; each further one comes at twice as many. */
const FIRST_BYTES = 1_000_000;

/** Picks the events of progress that are worth a line. */
export class ProgressSteps {
  /** What was shown last, by number of the transfer. */
  readonly #shown = new Map<
    number,
    { readonly step: number; readonly pausedBy: PauseCause | undefined }
  >();

  /** Takes note of an event. @returns Whether it is shown: false only for progress within a step. */
  hear(event: SessionEvent): boolean {
    if (event.event === "received" || event.event === "file-failed") this.#shown.delete(event.id);
    if (event.event !== "progress") return true;
    const { id, pausedBy } = event;
    const last = this.#shown.get(id) ?? { step: 0, pausedBy: undefined };
    const step = stepOf(event);
    if (step <= last.step && pausedBy === last.pausedBy) return false;
    this.#shown.set(id, { step, pausedBy });
    return true;
  }
}

function stepOf({ bytes, size }: ProgressEvent): number {
  return size === undefined
    ? Math.max(0, Math.floor(Math.log2(bytes / FIRST_BYTES)) + 1)
    : Math.floor(percentOf(bytes, size) / 10);
}
