/** The screen of a conversation: lines that scroll up, and a region below them that is redrawn. */
import type { Clock } from "../clock.ts";
import { type Conversation, isFixed, type Line } from "./conversation.ts";
import type { EditorState, HistorySearch } from "./line_editor.ts";
import { LiveRegion, rowsOf } from "./live_region.ts";
import { Output } from "./output.ts";
import { RestartableTimer } from "./restartable_timer.ts";
import { RESIZE_MS, type TerminalDevice } from "./terminal_device.ts";
import type { WindowTitle } from "./title.ts";
import { type ShownLine, wrapLine } from "./wrap.ts";

const PROMPT = "> ";

/** Time after which the prompt counts messages that are on the way, in milliseconds. */
const SUMMARY_AFTER_MS = 1000;

/** Maximum part of the window for lines that may still change: in half the width they still fit into it. */
const TAIL_PART = 1 / 3;

/** That maximum in a low window, in rows. */
const MIN_TAIL_ROWS = 5;

/** Maximum part of the window for messages that the host does not have, and for one whose mark may change. */
const UNSENT_PART = 1 / 4;

const CLEAR_SCREEN = "\x1b[H\x1b[2J";

const PAUSE_LINE = { head: "", text: "Press Ctrl-Z again to pause, Enter to go on." };

/** Options of a {@linkcode Screen}. */
export interface ScreenOptions {
  readonly device: TerminalDevice;
  readonly clock: Clock;
  /** The conversation with its own messages. */
  readonly conversation: Pick<
    Conversation,
    | "end"
    | "excerptOf"
    | "placeLine"
    | "shownLine"
    | "summary"
    | "transferLine"
    | "unread"
    | "unsent"
  >;
  /** Returns the typed line. */
  readonly line: () => EditorState;
  /** The title of the window; it is not changed without. */
  readonly title?: WindowTitle;
}

/**
 * Draws the lines of a conversation, this member's messages that the host does not have, the prompt and the typed line.
 *
 * The tail of the conversation, from this member's first message whose mark may change, is redrawn in place together
 * with the prompt. What has no room there scrolls up with the mark that it has.
 */
export class Screen {
  /** Resolves if the terminal breaks. */
  readonly broken: Promise<void>;
  readonly #options: ScreenOptions;
  readonly #output: Output;
  readonly #region: LiveRegion;
  /** Runs while the window changes its size, or Deno writes in it. Nothing is drawn meanwhile. */
  readonly #resizing: RestartableTimer;
  readonly #stopListening: readonly (() => void)[];
  #mode: "live" | "paused" | "closed" = "live";
  /** The last lines of the conversation: those that may change, all after them, and those that are not drawn yet. */
  readonly #tail: Line[] = [];
  /** Notifications that are not written yet. */
  #alarm = "";
  #isDrawQueued = false;
  #showsSummary = false;
  #cancelSummary: (() => void) | undefined;
  /** The tail, the unsent messages, the transfers, the place, the summary and the prompt as they were drawn last. */
  #prompt = PROMPT;

  /** Creates a screen that is live. */
  constructor(options: ScreenOptions) {
    const { clock, device } = options;
    this.#options = options;
    this.#output = new Output(device);
    this.broken = this.#output.broken;
    this.#region = new LiveRegion(device.keepsCursorRow);
    this.#resizing = new RestartableTimer(clock, () => this.#redraw());
    this.#stopListening = [
      device.onResize(() => this.#onResize()),
      device.onIntrusion(() => this.#makeWay()),
    ];
  }

  /** Whether the typed line is drawn: not while paused, or after the close. */
  get mode(): "live" | "paused" | "closed" {
    return this.#mode;
  }

  /** Resolves once more lines may be printed. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Prints lines above the prompt, and updates marks and the prompt. */
  print(lines: readonly Line[]): void {
    this.#tail.push(...lines);
    if (!this.#isDrawQueued) queueMicrotask(() => this.#drawNews());
    this.#isDrawQueued = true;
  }

  /** Writes a notification with the next lines. */
  ring(notification: string): void {
    this.#alarm += notification;
  }

  /** Draws the typed line, if lanchat has the terminal. */
  drawLine(): void {
    if (this.#mode !== "live" || this.#resizing.running) return;
    const { conversation, device, line, title } = this.#options;
    const { cursor, search, text } = line();
    const before = indented(text.slice(0, cursor));
    const prompt = search === undefined
      ? this.#prompt
      : this.#prompt.slice(0, -PROMPT.length) + searchPrompt(search);
    const drawn = this.#region.draw(
      prompt + before + indented(text.slice(cursor)),
      prompt.length + before.length,
      device.columns(),
      device.rows(),
    );
    this.#output.write((title?.update(conversation.unread) ?? "") + drawn);
  }

  /** Clears the window; the scrollback stays. */
  clear(): void {
    this.#drawNews();
    this.#output.write(this.#erasure() + this.#takeRows(0) + CLEAR_SCREEN);
    this.#prompt = this.#nextPrompt();
  }

  /** Stops drawing the typed line, and says how to continue. */
  pause(): void {
    this.#resizing.stop();
    this.#mode = "paused";
    this.#drawNews();
    this.#output.write(
      this.#erasure() + this.#formatted([PAUSE_LINE]) + this.#titleRelease(),
    );
  }

  /** Redraws everything, after a pause or when another program had the terminal. */
  resume(): void {
    this.#mode = "live";
    this.#resizing.stop();
    this.#output.write(this.#options.title?.take() ?? "");
    this.#redraw();
  }

  /** Erases the typed line for good; later lines are only printed. */
  close(): void {
    this.#resizing.stop();
    this.#drawNews();
    this.#output.write(this.#erasure() + this.#titleRelease());
    this.#cancelSummary?.();
    this.#mode = "closed";
    for (const stop of this.#stopListening) stop();
  }

  /** Closes the screen synchronously, at the end of the program: queued output is lost. */
  closeSuddenly(): void {
    const { conversation, device } = this.#options;
    this.#tail.push(...conversation.end(this.#options.line().text));
    device.writeSync(this.#erasure() + this.#takeRows(0) + this.#titleRelease());
    this.close();
  }

  /** Resolves once everything is written, and gives up the streams. */
  async end(): Promise<void> {
    const { conversation, line } = this.#options;
    this.#tail.push(...conversation.end(line().text));
    this.#output.write(this.#takeRows(0));
    await this.#output.close();
  }

  /** Replaces the typed line by the queued lines, and draws it again below them. */
  #drawNews(): void {
    this.#isDrawQueued = false;
    if (this.#resizing.running) return;
    const live = Math.max(MIN_TAIL_ROWS, this.#options.device.rows() * TAIL_PART);
    const maxRows = { live, paused: 0, closed: Infinity }[this.#mode];
    const news = this.#takeRows(maxRows) + this.#alarm;
    this.#alarm = "";
    if (this.#mode === "closed") return this.#output.write(news);
    const prompt = this.#nextPrompt();
    if (news === "" && prompt === this.#prompt) return;
    this.#prompt = prompt;
    if (news !== "") this.#output.write(this.#erasure() + news);
    this.drawLine();
  }

  /**
   * Takes the first lines of the tail: those that do not change, and those above its last rows.
   *
   * @param maxRows Maximum rows that stay.
   * @returns The lines, for a terminal in raw mode.
   */
  #takeRows(maxRows: number): string {
    const { conversation } = this.#options;
    const tail = this.#tail;
    const above = tail.length - this.#lastRows(tail, maxRows).length;
    const changes = tail.findIndex((line, i) => i >= above && !isFixed(line));
    const taken = tail.splice(0, changes < 0 ? tail.length : changes);
    return this.#formatted(taken.map((line) => conversation.shownLine(line)));
  }

  /** The last lines of some that fit into a number of rows. */
  #lastRows(lines: readonly Line[], maxRows: number): readonly Line[] {
    const columns = this.#options.device.columns();
    let rows = 0;
    const above = lines.findLastIndex((line) =>
      (rows += rowsOf(this.#excerpt(line), columns)) > maxRows
    );
    return lines.slice(above + 1);
  }

  /** Wraps a line; shortens one whose mark may change to its part of the window, even if all is wide. */
  #excerpt(line: Line): string {
    const { conversation, device } = this.#options;
    const length = Math.floor(device.columns() * device.rows() * UNSENT_PART / 2);
    return wrapLine(conversation.excerptOf(line, length), device.columns());
  }

  /** The tail, the unsent messages, the transfers, the place, the count of pending messages, and the prompt. */
  #nextPrompt(): string {
    const { conversation, device } = this.#options;
    const { summary, unsent } = conversation;
    if (summary === "") this.#showsSummary = false;
    else if (!this.#showsSummary) this.#showSummaryLater();
    const columns = device.columns();
    const state = [conversation.transferLine(columns), conversation.placeLine(columns)];
    const fitting = this.#lastRows(unsent, device.rows() * UNSENT_PART);
    const lines = [...this.#tail, ...fitting.length > 0 ? fitting : unsent.slice(-1)]
      .map((line) => this.#excerpt(line))
      .concat(state.filter((line) => line !== ""));
    const above = lines.map((line) => `${line}\n`).join("");
    return `${above}${this.#showsSummary ? `(${summary}) ` : ""}${PROMPT}`;
  }

  /** Counts pending messages in the prompt only after a delay: most arrive before it. */
  #showSummaryLater(): void {
    const { clock, conversation } = this.#options;
    this.#cancelSummary ??= clock.after(SUMMARY_AFTER_MS, () => {
      this.#cancelSummary = undefined;
      this.#showsSummary = conversation.summary !== "";
      this.print([]);
    });
  }

  #redraw(): void {
    this.#output.write(this.#erasure());
    this.#drawNews();
    this.drawLine();
  }

  #onResize(): void {
    const { resizeMs = RESIZE_MS } = this.#options.device;
    if (this.#mode === "live") this.#resizing.start(resizeMs);
  }

  /** Erases the typed line at once, and draws it again below the text that Deno writes meanwhile. */
  #makeWay(): void {
    if (this.#mode !== "live") return;
    this.#options.device.writeSync(this.#erasure());
    this.#resizing.start(RESIZE_MS);
  }

  /** Wraps lines for a terminal in raw mode, with CR LF. */
  #formatted(lines: readonly ShownLine[]): string {
    const columns = this.#options.device.columns();
    return lines.map((line) => `${wrapLine(line, columns).replaceAll("\n", "\r\n")}\r\n`).join("");
  }

  /** Output that restores the title of the window. */
  #titleRelease(): string {
    return this.#options.title?.release() ?? "";
  }

  /** Output that erases the typed line. */
  #erasure(): string {
    return this.#region.erase(this.#options.device.columns());
  }
}

/** Puts the rows of a typed text below each other. */
function indented(text: string): string {
  return text.replaceAll("\n", `\n${" ".repeat(PROMPT.length)}`);
}

/** The prompt of a search. */
function searchPrompt({ place, query }: HistorySearch): string {
  return place === -1 && query !== "" ? `(not in the history: ${query}) ` : `(history: ${query}) `;
}
