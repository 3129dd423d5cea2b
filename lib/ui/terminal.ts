import { utf8 } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { environmentVariable, isGranted } from "../permission.ts";
import { commonStart, complete } from "./line_parser.ts";
import { setRaw, typedInput } from "./console.ts";
import { Conversation } from "./conversation.ts";
import type { SessionEvent, Wish } from "../session_events.ts";
import type { FrontEnd } from "../session/mod.ts";
import type { Keystroke } from "./key_codes.ts";
import { Keyboard } from "./keyboard.ts";
import {
  type EditorState,
  EMPTY_LINE,
  enter,
  HISTORY_LINES,
  type HistorySearch,
  press,
  replaceBefore,
  type,
} from "./line_editor.ts";
import { COLOUR_THEME } from "./theme.ts";
import { Notifier } from "./notifier.ts";
import { Output } from "./output.ts";
import { BRACKET_PASTES, Pastes, UNBRACKET_PASTES } from "./paste.ts";
import { RestartableTimer } from "./restartable_timer.ts";
import { onSignal, type StandardStreams, standardStreams } from "./process.ts";
import { LiveRegion, rowsOf } from "./live_region.ts";

const PROMPT = "> ";

const LF = 0x0a;

/** Time after which the prompt counts messages that are on the way, in milliseconds. */
const SUMMARY_AFTER_MS = 1000;

/** The size of a terminal that does not report one. */
const [DEFAULT_COLUMNS, DEFAULT_ROWS] = [80, 24];

/** Maximum rows above the prompt for own messages whose mark may still change. */
const MAX_WAITING_ROWS = 5;

/** Delay between the last change of the window's size and drawing, in milliseconds. */
export const RESIZE_MS = 50;

/**
 * The same in tmux, which sends SIGWINCH up to 250 ms after it has reflowed the screen: what is drawn before
 * that leaves copies of the line. Of a line that begins in the first rows of the window a narrower one pushes
 * rows into the scrollback, where nothing can clear them.
 */
const TMUX_RESIZE_MS = 300;

/** Restores the terminal: no bracketed pastes, no style. */
const RESTORE = `${UNBRACKET_PASTES}\x1b[m`;

const CLEAR_SCREEN = "\x1b[H\x1b[2J";

const PAUSE_LINE = "Press Ctrl-Z again to pause, Enter to go on.";

/** The events at which a program ends without closing its front end, also by `Deno.exit`. */
export const SUDDEN_ENDS = ["error", "unhandledrejection", "unload"] as const;

/** A terminal. */
export interface TerminalDevice extends StandardStreams {
  /** Width, in characters. */
  columns(): number;
  /** Height, in rows. */
  rows(): number;
  /** Sets or leaves raw mode: no echo, no line editing, no signals from keys. */
  setRaw(raw: boolean): void;
  /** Delay before drawing in a new size, in milliseconds; {@linkcode RESIZE_MS} by default. */
  readonly resizeMs?: number;
  /** Whether it does not reflow the row of the cursor. */
  readonly keepsCursorRow?: boolean;
  /** Writes synchronously, because the program may end next. */
  writeSync(text: string): void;
  /**
   * Calls a function whenever the window may have another size, or has lost what it showed.
   *
   * @returns Ends that.
   */
  onResize(listener: () => void): () => void;
  /**
   * Calls a function whenever the program continues after it was stopped.
   *
   * @returns Stops listening.
   */
  onContinue(listener: () => void): () => void;
  /**
   * Calls a function before Deno itself writes on the terminal: at SIGUSR1 it tries to open its debugger.
   *
   * @returns Ends that.
   */
  onIntrusion(listener: () => void): () => void;
}

/** Options of a {@linkcode TerminalFrontEnd}. */
export interface TerminalOptions {
  /** Whether mentions and private messages ring. */
  readonly notify: boolean;
  /** The terminal; by default that of the process. */
  readonly device?: TerminalDevice;
  /** The clock; by default that of the machine. */
  readonly clock?: Clock;
  /** Reads the environment, to detect the terminal; by default that of the process. */
  readonly environment?: typeof environmentVariable;
}

/**
 * Shows a line to type in, and all events above it.
 *
 * Own messages stay between the two until their mark is final. The terminal is restored by
 * {@linkcode TerminalFrontEnd.close}, at a wish to quit, while the program is paused, at `Deno.exit`, and
 * if an error ends the program.
 */
export class TerminalFrontEnd implements FrontEnd {
  /** The wishes of the typed lines, also of lines typed before the room is joined. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if the terminal breaks. */
  readonly broken: Promise<void>;
  /** Resolves at Ctrl-C; after that, Ctrl-C is a signal. */
  readonly interrupted: Promise<void>;
  readonly #device: TerminalDevice;
  readonly #clock: Clock;
  readonly #output: Output;
  readonly #keyboard: Keyboard;
  readonly #pastes = new Pastes(HISTORY_LINES);
  readonly #region: LiveRegion;
  /** Runs while the window changes its size, or Deno writes in it. Nothing is drawn meanwhile. */
  readonly #resizing: RestartableTimer;
  readonly #wishes: ReadableStreamDefaultController<Wish>;
  readonly #stopListening: readonly (() => void)[];
  readonly #interrupt: () => void;
  readonly #conversation: Conversation;
  #editor: EditorState = EMPTY_LINE;
  #editing = true;
  #paused = false;
  #news = "";
  #alarm = "";
  #drawing = false;
  #showsSummary = false;
  #cancelSummary: (() => void) | undefined;
  #prompt = PROMPT;

  /** Takes over a terminal and shows the prompt; by default the terminal of the process. */
  constructor(options: TerminalOptions) {
    const { clock = systemClock, device = processTerminal(), environment, notify } = options;
    this.#device = device;
    this.#clock = clock;
    this.#region = new LiveRegion(device.keepsCursorRow);
    this.#keyboard = new Keyboard(clock, (keys) => this.#press(keys));
    this.#resizing = new RestartableTimer(clock, () => this.#redraw());
    const notifier = new Notifier(environment, clock);
    this.#conversation = new Conversation({
      theme: COLOUR_THEME,
      echoes: true,
      editsLine: true,
      columns: () => device.columns(),
      notify: (from, text) => {
        if (notify) this.#alarm += notifier.notify(from, text);
      },
      print: (lines) => this.#print(lines),
      expand: (text) => this.#pastes.expand(text),
      clock,
    });
    this.#output = new Output(device);
    this.broken = this.#output.broken;
    let wishes: ReadableStreamDefaultController<Wish>;
    this.input = new ReadableStream({
      start: (controller) => void (wishes = controller),
      cancel: () => this.#endEditing(),
    });
    this.#wishes = wishes!;
    ({ promise: this.interrupted, resolve: this.#interrupt } = Promise.withResolvers<void>());
    this.#stopListening = [
      device.onResize(() => {
        if (!this.#paused) this.#resizing.start(device.resizeMs ?? RESIZE_MS);
      }),
      device.onContinue(() => this.#continue()),
      device.onIntrusion(() => this.#makeWay()),
    ];
    for (const end of SUDDEN_ENDS) globalThis.addEventListener(end, this.#endSuddenly);
    this.#continue();
    this.#readKeys(device.stdin);
  }

  /** Shows an event above the typed line. */
  show(event: SessionEvent): void {
    this.#print(this.#conversation.hear(event));
  }

  /** Resolves once more events may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Erases the prompt and restores the terminal. Resolves once everything is written. */
  async close(): Promise<void> {
    if (this.#editing) {
      this.#endEditing();
      this.#wishes.close();
    }
    this.#print(this.#conversation.settleAll());
    this.#drawNews();
    await this.#output.close();
  }

  /** Shows lines above the prompt, and updates the prompt. */
  #print(lines: readonly string[]): void {
    this.#news += rows(lines);
    if (!this.#drawing) queueMicrotask(() => this.#drawNews());
    this.#drawing = true;
  }

  /** Replaces the typed line by the queued lines, and draws it again below them. */
  #drawNews(): void {
    this.#drawing = false;
    if (this.#resizing.running) return;
    while (this.#editing && this.#waitingRows() > MAX_WAITING_ROWS) {
      this.#news += rows(this.#conversation.settleFirst());
    }
    const news = this.#news + this.#alarm;
    this.#news = "";
    this.#alarm = "";
    if (!this.#editing) return this.#output.write(news);
    const prompt = this.#nextPrompt();
    if (news === "" && prompt === this.#prompt) return;
    this.#output.write(this.#eraseLine() + news);
    this.#prompt = prompt;
    this.#drawLine();
  }

  #waitingRows(): number {
    const columns = this.#device.columns();
    return this.#conversation.waiting
      .reduce((rows, line) => rows + rowsOf(line, columns), 0);
  }

  /** The own messages whose mark may change, the count of pending ones, and the prompt. */
  #nextPrompt(): string {
    const { summary, waiting } = this.#conversation;
    if (summary === "") this.#showsSummary = false;
    else if (!this.#showsSummary) this.#showSummaryLater();
    const lines = waiting.map((line) => `${line}\n`).join("");
    return `${lines}${this.#showsSummary ? `(${summary}) ` : ""}${PROMPT}`;
  }

  /** Counts pending messages in the prompt only after a delay: most arrive before it. */
  #showSummaryLater(): void {
    this.#cancelSummary ??= this.#clock.after(SUMMARY_AFTER_MS, () => {
      this.#cancelSummary = undefined;
      this.#showsSummary = this.#conversation.summary !== "";
      this.#print([]);
    });
  }

  /** Draws the typed line, if lanchat has the terminal. */
  #drawLine(): void {
    if (!this.#editing || this.#paused || this.#resizing.running) return;
    const { cursor, search, text } = this.#editor;
    const prompt = search === undefined
      ? this.#prompt
      : this.#prompt.slice(0, -PROMPT.length) + searchPrompt(search);
    const [columns, rows] = [this.#device.columns(), this.#device.rows()];
    this.#output.write(this.#region.draw(prompt + text, prompt.length + cursor, columns, rows));
  }

  /** Redraws everything, after a resize or when another program had the terminal. */
  #redraw(): void {
    this.#output.write(this.#eraseLine());
    this.#drawNews();
    this.#drawLine();
  }

  /** Clears the typed line at once, and draws it again below what is written meanwhile. */
  #makeWay(): void {
    if (this.#paused) return;
    this.#device.writeSync(this.#eraseLine());
    this.#resizing.start(RESIZE_MS);
  }

  #clearScreen(): void {
    this.#output.write(this.#eraseLine() + CLEAR_SCREEN);
  }

  /** Output that erases the typed line. */
  #eraseLine(): string {
    return this.#region.erase(this.#device.columns());
  }

  /** Completes the word before the cursor, or lists its completions. */
  #complete(): void {
    const { cursor, text } = this.#editor;
    const [found, word] = complete(text.slice(0, cursor), this.#conversation.members);
    const start = commonStart(found);
    if (found.length === 1 || start.length > word.length) {
      this.#editor = replaceBefore(this.#editor, word.length, start);
    } else this.#print([found.map((one) => one.trimEnd()).join("  ")]);
  }

  async #readKeys(stdin: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stdin) {
        if (!this.#editing) return;
        const isLine = this.#paused && chunk.at(-1) === LF;
        if (this.#paused) this.#continue();
        this.#keyboard.push(isLine ? chunk.subarray(0, -1) : chunk);
      }
      this.#quit();
    } catch (error) {
      if (!this.#editing) return;
      this.#endEditing();
      this.#wishes.error(error);
    }
  }

  #press(keys: readonly Keystroke[]): void {
    for (const key of keys) {
      if (!this.#editing) return; // The rest of the chunk follows a /quit.
      if (this.#editor.text === "") this.#conversation.beginLine();
      if ("text" in key) this.#editor = type(this.#editor, key.text);
      else if ("paste" in key) this.#editor = type(this.#editor, this.#pastes.add(key.paste));
      else this.#pressKey(key.key);
    }
    this.#drawLine();
  }

  #pressKey(key: string): void {
    const { search, text } = this.#editor;
    if (key === "enter") return this.#enter();
    if (key === "ctrl-z") return this.#pause();
    if (key === "ctrl-l") return this.#clearScreen();
    if (key === "ctrl-d" && text === "" && search === undefined) return this.#quit();
    if (key === "ctrl-c" && search === undefined) {
      this.#quit();
      return this.#interrupt();
    }
    if (key === "tab" && search === undefined) return this.#complete();
    this.#editor = press(this.#editor, key);
  }

  #enter(): void {
    const [line, next] = enter(this.#editor);
    this.#editor = next;
    const { action, lines, wishes } = this.#conversation.enter(line);
    if (action === "clear") this.#clearScreen();
    this.#print(lines);
    for (const wish of wishes) this.#wishes.enqueue(wish);
    if (action === "quit") this.#quit();
  }

  #quit(): void {
    if (!this.#editing) return;
    this.#endEditing();
    if (!this.#conversation.ready) this.#interrupt();
    this.#wishes.enqueue({ do: "quit" });
    this.#wishes.close();
  }

  #endEditing(): void {
    if (!this.#editing) return;
    this.#resizing.stop();
    this.#keyboard.stop();
    this.#drawNews();
    this.#output.write(this.#eraseLine());
    this.#cancelSummary?.();
    this.#editing = false;
    for (const stop of this.#stopListening) stop();
    for (const end of SUDDEN_ENDS) globalThis.removeEventListener(end, this.#endSuddenly);
    this.#restore();
  }

  /** Restores the terminal synchronously: queued output is lost. */
  readonly #endSuddenly = (): void => {
    this.#device.writeSync(this.#eraseLine() + rows(this.#conversation.settleAll()));
    this.#endEditing();
  };

  /**
   * Restores the terminal, so that the next Ctrl-Z is a signal and stops the program: to stop itself and
   * the program that started it, lanchat would need Deno's --allow-run.
   */
  #pause(): void {
    this.#resizing.stop();
    this.#drawNews();
    this.#output.write(`${this.#eraseLine()}${PAUSE_LINE}\r\n`);
    this.#paused = true;
    this.#restore();
  }

  /** Takes over the terminal; the system stops the program here if it is in the background. */
  #continue(): void {
    this.#device.setRaw(true);
    this.#device.writeSync(BRACKET_PASTES);
    this.#paused = false;
    this.#resizing.stop();
    this.#redraw();
  }

  #restore(): void {
    this.#device.setRaw(false);
    this.#device.writeSync(RESTORE);
  }
}

/** The prompt of a search. */
function searchPrompt({ place, query }: HistorySearch): string {
  return place === -1 && query !== "" ? `(not in the history: ${query}) ` : `(history: ${query}) `;
}

export function processTerminal(): TerminalDevice {
  return {
    ...standardStreams(),
    stdin: typedInput(),
    columns: () => unlessGone(() => Deno.consoleSize().columns) || DEFAULT_COLUMNS,
    rows: () => unlessGone(() => Deno.consoleSize().rows) || DEFAULT_ROWS,
    resizeMs: mayBeInTmux() ? TMUX_RESIZE_MS : RESIZE_MS,
    keepsCursorRow: environmentVariable("TERM_PROGRAM") === "vscode",
    setRaw: (raw) => unlessGone(() => setRaw(raw)),
    writeSync: (text) => unlessGone(() => void Deno.stdout.writeSync(utf8(text))),
    onResize: (listener) => onSignal("SIGWINCH", listener),
    onContinue: (listener) => onSignal("SIGCONT", listener),
    onIntrusion: (listener) => onSignal("SIGUSR1", listener),
  };
}

/** Whether this may be tmux: it is, or the environment cannot be read. */
function mayBeInTmux(): boolean {
  return !isGranted({ name: "env", variable: "TMUX" }) || Deno.env.get("TMUX") !== undefined;
}

/** Ignores errors of a terminal whose window was closed: the next read or write reports them. */
function unlessGone<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** Formats lines for a terminal in raw mode, with CR LF. */
function rows(lines: readonly string[]): string {
  return lines.map((line) => `${line.replaceAll("\n", "\r\n")}\r\n`).join("");
}
