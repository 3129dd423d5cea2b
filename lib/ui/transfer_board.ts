/** The transfers that are under way, in one line that is redrawn in place. */
import type {
  MemberView,
  PreparingEvent,
  ProgressEvent,
  ReceiverView,
  SessionEvent,
} from "../session_events.ts";
import { firstRow, rowsOf } from "./live_region.ts";
import { percentOf } from "./quantity.ts";
import { sanitizeLine } from "./sanitize.ts";
import { markedName } from "./theme.ts";
import { done, fileName, pauseFact, preparingSentence, rateOf } from "./transfer_notices.ts";

/** Columns of a bar. */
const BAR = 20;

/** Columns of a bar in a narrow window. */
const SHORT_BAR = 10;

/** Maximum characters of a file's name. */
const MAX_NAME = 24;

/** Maximum receivers that are shown by name. */
const MAX_RECEIVERS = 4;

/** A transfer that is under way. */
interface Running {
  /** The other side of a transfer with one other side, as in `to bob`. */
  readonly other: string;
  /** Whether this run sends. */
  readonly isOwn: boolean;
  /** How far it is; missing before it begins, and while no one receives it. */
  readonly progress?: ProgressEvent | undefined;
}

/**
 * Follows the events of transfers.
 *
 * @example A file that is half here
 * ```ts
 * import { TransferBoard } from "./transfer_board.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const board = new TransferBoard();
 * const from = { name: "bob", tag: "", key: "", session: "" };
 * board.hear({ event: "offer", id: 1, from, name: "a.txt", size: 8, count: 1, private: true });
 * assertEquals(board.line(80), "");
 * board.hear({ event: "progress", id: 1, name: "a.txt", bytes: 4, size: 8, bytesPerSecond: 2 });
 * assertEquals(
 *   board.line(80),
 *   'Receiving "a.txt" from bob [##########----------] 50%, 2 bytes/s',
 * );
 * assertEquals(board.line(30), '"a.txt" [#####-----] 50%');
 * ```
 */
export class TransferBoard {
  /** By number. */
  readonly #transfers = new Map<number, Running>();
  /** This member's files that are read, by number. */
  readonly #preparing = new Map<number, PreparingEvent>();

  /** Takes note of an event. */
  hear(event: SessionEvent): void {
    switch (event.event) {
      case "preparing":
        this.#preparing.set(event.id, event);
        return;
      case "offer": {
        this.#preparing.delete(event.id);
        const { from, id, to } = event;
        const other = from === undefined
          ? to && `to ${markedName(to)}`
          : `from ${markedName(from)}`;
        this.#transfers.set(id, { other: other ?? "to everyone", isOwn: from === undefined });
        return;
      }
      case "progress": {
        const transfer = this.#transfers.get(event.id);
        if (transfer === undefined) return;
        const progress = transfer.isOwn && !isReceived(event) ? undefined : event;
        this.#transfers.set(event.id, { ...transfer, progress });
        return;
      }
      case "file-sent":
        return this.#end(event.id, event.member);
      case "received":
        return this.#end(event.id);
      case "file-failed":
        return this.#end(event.id, event.member);
    }
  }

  /** Names of files whose transfer is under way, in quotes. */
  get names(): readonly string[] {
    return this.#running.map(({ progress }) => fileName(progress.name, MAX_NAME));
  }

  /** Describes the transfer that began first, in one row of a width; empty if none is under way. */
  line(columns: number): string {
    const running = this.#running;
    const [first] = running.toSorted((a, b) => Number(isPaused(a)) - Number(isPaused(b)));
    if (first === undefined) return this.#preparingLine(columns);
    const more = running.length === 1 ? "" : ` (+${running.length - 1})`;
    return fitting(formsOf(first).map((form) => form + more), columns);
  }

  #preparingLine(columns: number): string {
    const [first] = this.#preparing.values();
    if (first === undefined) return "";
    const file = preparingSentence(first, MAX_NAME);
    return fitting([`${file} before it is offered`, file], columns);
  }

  get #running(): readonly Shown[] {
    return [...this.#transfers.values()].filter((one): one is Shown => one.progress !== undefined);
  }

  /** Ends a transfer, or the part of one receiver. */
  #end(id: number, member?: MemberView): void {
    this.#preparing.delete(id);
    const transfer = this.#transfers.get(id);
    if (transfer === undefined) return;
    if (member === undefined) return void this.#transfers.delete(id);
    const { progress, ...offer } = transfer;
    const receivers = (progress?.receivers ?? [])
      .filter((one) => one.member.session !== member.session);
    // Others may still accept it.
    const isOver = progress === undefined || receivers.length === 0;
    this.#transfers.set(id, isOver ? offer : { ...offer, progress: { ...progress, receivers } });
  }
}

/** A transfer that has begun. */
type Shown = Running & { readonly progress: ProgressEvent };

/** Whether someone still receives a transfer of this member. */
function isReceived({ receivers = [], size = Infinity }: ProgressEvent): boolean {
  return receivers.some(({ bytes }) => bytes < size);
}

/** The first of some descriptions that fits into a row, or the start of the last. */
function fitting(forms: readonly string[], columns: number): string {
  const safe = forms.map(sanitizeLine);
  return safe.find((form) => rowsOf(form, columns) === 1) ?? firstRow(safe.at(-1)!, columns);
}

function isPaused({ progress }: Shown): boolean {
  return progress.pausedBy !== undefined;
}

/** Descriptions of a transfer, the longest first. */
function formsOf({ isOwn, other, progress }: Shown): readonly string[] {
  const { bytes, id, name, pausedBy, receivers = [], size } = progress;
  const file = fileName(name, MAX_NAME);
  const full = `${isOwn ? "Sending" : "Receiving"} ${file} ${other}`;
  const [first, ...others] = receivers;
  const rate = first?.paused && others.length === 0
    ? [`${markedName(first.member)} paused it`]
    : progress.bytesPerSecond === 0
    ? []
    : rateOf(progress);
  const state = (columns: number, facts: readonly string[]): string =>
    [bar(bytes, size, columns) + done(bytes, size), ...facts].join(", ");
  const each = receiversOf(receivers, size);
  if (pausedBy !== undefined) {
    const fact = pauseFact(pausedBy);
    const advice = pausedBy === "you" ? `${fact}; /resume ${id} continues` : fact;
    return [
      `${full} ${state(BAR, [advice])}`,
      `${file} ${state(SHORT_BAR, [advice])}`,
      `${file} ${state(SHORT_BAR, [fact])}`,
      `${file}: ${fact}`,
      `${file}: paused`,
    ];
  }
  return [
    ...each === "" ? [] : [
      `${full} ${state(BAR, rate)}: ${each}`,
      `${file} ${state(SHORT_BAR, rate.slice(1))}: ${each}`,
    ],
    `${full} ${state(BAR, rate)}`,
    `${file} ${state(BAR, rate)}`,
    `${file} ${state(SHORT_BAR, rate.slice(1))}`,
    `${file} ${state(SHORT_BAR, [])}`,
    `${file} ${done(bytes, size)}`,
    done(bytes, size),
  ];
}

/** How far each of several receivers is; of many, how many have everything. */
function receiversOf(receivers: readonly ReceiverView[], size: number | undefined): string {
  if (receivers.length < 2) return "";
  if (receivers.length > MAX_RECEIVERS) {
    return `${
      receivers.filter(({ bytes }) => bytes === size).length
    } of ${receivers.length} have it`;
  }
  return receivers.map((one) =>
    `${markedName(one.member)} ${done(one.bytes, size)}${one.paused ? " (paused)" : ""}`
  ).join(", ");
}

/** A bar, of characters that take one column in each terminal; none if the size is not known. */
function bar(bytes: number, size: number | undefined, columns: number): string {
  if (size === undefined) return "";
  const full = Math.floor(percentOf(bytes, size) * columns / 100);
  return `[${"#".repeat(full)}${"-".repeat(columns - full)}] `;
}
