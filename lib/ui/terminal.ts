import { EventEmitter } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { utf8 } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { complete } from "./commands.ts";
import { Conversation } from "./conversation.ts";
import type { Input, UiEvent } from "./events.ts";
import { type FrontEnd, type StandardStreams, standardStreams } from "./front_end.ts";
import { COLOURFUL_LOOK } from "./look.ts";
import { type Environment, Notifier } from "./notifier.ts";
import { Output } from "./output.ts";
import { LEAVE_PASTES_UNMARKED, MARK_PASTES, Pastes, PasteSplitter } from "./paste.ts";
import { rowsOf, TypedLine } from "./typed_line.ts";

const PROMPT = "> ";

/** How long messages may be on the way before the prompt tells of them, in milliseconds. */
const SUMMARY_AFTER_MS = 1000;

/** For a terminal that does not know its size. */
const [DEFAULT_COLUMNS, DEFAULT_ROWS] = [80, 24];

/** Lines that the up arrow key brings back. */
const HISTORY_LINES = 500;

/** Rows above the prompt for own messages whose mark may still change. */
const MAX_WAITING_ROWS = 5;

/** How the terminal is left: without marks on pastes, and with no style of ours. */
const RESTORE = `${LEAVE_PASTES_UNMARKED}\x1b[m`;

const CLEAR_SCREEN = "\x1b[H\x1b[2J";

const PAUSE_LINE = "Press Ctrl-Z again to pause, Enter to go on.";

/** The ends of a program that nobody asked it for, and that of `Deno.exit`. */
export const SUDDEN_ENDS = ["error", "unhandledrejection", "unload"] as const;

/** More than one character, and none that is a key but Enter: too many to have readline take each for a key. */
const LINES = /^[\P{Cc}\r\n]{2,}$/u;

/** readline completes later than at once, and wants no key before it has. */
const BEHIND_TAB = /(?<=\t)/;

/** Controls that are no key of readline's: it would repeat them, and the terminal would obey. */
// deno-lint-ignore no-control-regex -- controls are what it is about
const NO_KEY = /[\x1c\x1d\x80-\x9f]/gu;

/** The terminal of a process. */
export interface TerminalDevice extends StandardStreams {
  /** How many characters fit in a row. */
  columns(): number;
  /** How many rows there are. */
  rows(): number;
  /** Whether each key is read as it is pressed, not shown and without a meaning of its own. */
  setRaw(raw: boolean): void;
  /** Writes before it returns: the end of the program may be next. */
  writeSync(text: string): void;
  /**
   * Calls a function whenever the number of columns may have changed.
   *
   * @returns Ends that.
   */
  onResize(listener: () => void): () => void;
  /**
   * Calls a function whenever the program goes on after it was stopped.
   *
   * @returns Ends that.
   */
  onContinue(listener: () => void): () => void;
}

/** How a terminal is used. */
export interface TerminalOptions {
  /** Whether it rings for what is for this person. */
  readonly notify: boolean;
  /** The terminal; by default that of the process. */
  readonly device?: TerminalDevice;
  /** The time. */
  readonly clock?: Clock;
  /** The environment that tells which terminal it is; by default that of the process. */
  readonly environment?: Environment;
}

/**
 * The front end of people: a line to type in, and above it all that happens.
 *
 * Own messages stay between the two until their mark is the last one. The terminal is restored by
 * {@linkcode TerminalFrontEnd.close}, at a wish to quit, while the program is paused, at `Deno.exit`,
 * and where an error ends the program.
 */
export class TerminalFrontEnd implements FrontEnd {
  /** What was typed. Typing is possible from the start: lines wait here until they are read. */
  readonly input: ReadableStream<Input>;
  /** Resolves if the terminal cannot be written any more. */
  readonly broken: Promise<void>;
  /** Resolves at Ctrl-C; from then on the terminal makes a signal of it. */
  readonly interrupted: Promise<void>;
  readonly #device: TerminalDevice;
  readonly #clock: Clock;
  readonly #output: Output;
  readonly #keys = new Keys();
  readonly #splitter = new PasteSplitter();
  readonly #pastes = new Pastes(HISTORY_LINES);
  readonly #line = new TypedLine();
  readonly #readline: Interface;
  readonly #wishes: ReadableStreamDefaultController<Input>;
  readonly #stopListening: readonly (() => void)[];
  readonly #interrupt: () => void;
  readonly #conversation: Conversation;
  #editing = true;
  #paused = false;
  /** Whether what is typed next may be the rest of a key, which a read cut behind its ESC. */
  #escaped = false;
  #news = "";
  #alarm = "";
  #drawing = false;
  #showsSummary = false;
  #cancelSummary: (() => void) | undefined;
  #prompt = PROMPT;

  /** Shows the prompt on the process's own terminal, or another. */
  constructor(options: TerminalOptions) {
    const { clock = systemClock, device = processTerminal(), environment, notify } = options;
    this.#device = device;
    this.#clock = clock;
    const notifier = new Notifier(environment, clock);
    this.#conversation = new Conversation({
      look: COLOURFUL_LOOK,
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
    let wishes: ReadableStreamDefaultController<Input>;
    this.input = new ReadableStream({
      start: (controller) => void (wishes = controller),
      cancel: () => this.#endEditing(),
    });
    this.#wishes = wishes!;
    this.#readline = createInterface({
      input: this.#keys as unknown as NodeJS.ReadableStream,
      output: new Nowhere(),
      terminal: true,
      historySize: HISTORY_LINES,
      completer: (line: string) => this.#complete(line),
    });
    this.#readline.on("line", (line) => this.#enter(line));
    ({ promise: this.interrupted, resolve: this.#interrupt } = Promise.withResolvers<void>());
    this.#readline.on("SIGINT", () => {
      this.#quit();
      this.#interrupt();
    });
    this.#readline.on("SIGTSTP", () => this.#pause());
    this.#readline.on("close", () => this.#quit());
    this.#keys.on("keypress", (_text: unknown, { ctrl, name }: { ctrl: boolean; name: string }) => {
      if (ctrl && name === "l") this.#clearScreen();
    });
    this.#stopListening = [
      device.onResize(() => this.#drawLine()),
      device.onContinue(() => this.#goOn()),
    ];
    for (const end of SUDDEN_ENDS) globalThis.addEventListener(end, this.#endSuddenly);
    this.#goOn();
    this.#readKeys(device.stdin);
  }

  /** Prints an event above the line that is being typed. */
  show(event: UiEvent): void {
    this.#print(this.#conversation.hear(event));
  }

  /** Resolves once little enough is unwritten that more may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Takes the prompt away, restores the terminal, and resolves once everything is written. */
  async close(): Promise<void> {
    if (this.#editing) {
      this.#endEditing();
      this.#wishes.close();
    }
    this.#print(this.#conversation.settleAll());
    this.#drawNews();
    await this.#output.close();
  }

  /** Shows lines above the prompt, and in it how far the own messages are. */
  #print(lines: readonly string[]): void {
    this.#news += rows(lines);
    if (!this.#drawing) queueMicrotask(() => this.#drawNews());
    this.#drawing = true;
  }

  /** What came since the last time goes where the typed line was, which then follows. */
  #drawNews(): void {
    this.#drawing = false;
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

  /** Own messages whose mark may change, how many are not over, and where to type. */
  #nextPrompt(): string {
    const { summary, waiting } = this.#conversation;
    if (summary === "") this.#showsSummary = false;
    else if (!this.#showsSummary) this.#showSummaryLater();
    const lines = waiting.map((line) => `${line}\n`).join("");
    return `${lines}${this.#showsSummary ? `(${summary}) ` : ""}${PROMPT}`;
  }

  /** As a rule the messages have come before the prompt has to tell how many have not. */
  #showSummaryLater(): void {
    this.#cancelSummary ??= this.#clock.after(SUMMARY_AFTER_MS, () => {
      this.#cancelSummary = undefined;
      this.#showsSummary = this.#conversation.summary !== "";
      this.#print([]);
    });
  }

  /** Shows what is typed, unless the terminal is not ours. */
  #drawLine(): void {
    if (!this.#editing || this.#paused) return;
    const { cursor, line } = this.#readline;
    const [prompt, device] = [this.#prompt, this.#device];
    this.#output.write(
      this.#line.draw(prompt + line, prompt.length + cursor, device.columns(), device.rows()),
    );
  }

  #clearScreen(): void {
    this.#output.write(this.#eraseLine() + CLEAR_SCREEN);
  }

  /** What takes the typed line away. */
  #eraseLine(): string {
    return this.#line.erase(this.#device.columns());
  }

  /** Completes for readline, which would show above a prompt of its own what it cannot choose from. */
  #complete(line: string): [string[], string] {
    const [found, word] = complete(line, this.#conversation.members);
    const longer = found.every((one) =>
      one.length > word.length && one.startsWith(found[0]!.slice(0, word.length + 1))
    );
    if (!longer) this.#print([found.map((one) => one.trimEnd()).join("  ")]);
    return [found, word];
  }

  async #readKeys(stdin: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of stdin) {
        if (!this.#editing) return;
        let input = decoder.decode(chunk, { stream: true });
        if (this.#paused) {
          this.#goOn();
          input = input.replace(/\n$/, "");
        }
        for (const { pasted, text } of this.#splitter.push(input)) {
          this.#press(pasted ? this.#pastes.mark(text) : text.replaceAll(NO_KEY, ""));
        }
      }
      this.#quit();
    } catch (error) {
      if (!this.#editing) return;
      this.#endEditing();
      this.#wishes.error(error);
    }
  }

  #press(text: string): void {
    for (const keys of text.split(BEHIND_TAB)) {
      this.#keys.whenWanted(() => {
        if (this.#readline.line === "") this.#conversation.begin();
        if (LINES.test(keys) && !this.#escaped) this.#readline.write(keys);
        else this.#keys.emit("data", keys);
        this.#escaped = keys.endsWith("\x1b");
      });
    }
    this.#keys.whenWanted(() => this.#drawLine());
  }

  #enter(line: string): void {
    if (!this.#editing) return; // what was pasted behind a /quit
    const { action, inputs, lines } = this.#conversation.enter(line);
    if (action === "clear") this.#clearScreen();
    this.#print(lines);
    for (const input of inputs) this.#wishes.enqueue(input);
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
    this.#drawNews();
    this.#output.write(this.#eraseLine());
    this.#cancelSummary?.();
    this.#editing = false;
    this.#readline.close();
    for (const stop of this.#stopListening) stop();
    for (const end of SUDDEN_ENDS) globalThis.removeEventListener(end, this.#endSuddenly);
    this.#restore();
  }

  /** There is no later: what is queued is not written any more. */
  readonly #endSuddenly = (): void => {
    this.#device.writeSync(this.#eraseLine() + rows(this.#conversation.settleAll()));
    this.#endEditing();
  };

  /**
   * Gives the terminal back, so that the next Ctrl-Z is its own and stops the program: to stop itself
   * and what started it, it would need Deno's --allow-run.
   */
  #pause(): void {
    this.#drawNews();
    this.#output.write(`${this.#eraseLine()}${PAUSE_LINE}\r\n`);
    this.#paused = true;
    this.#restore();
  }

  /** Takes the terminal; where the program is in the background, that stops it. */
  #goOn(): void {
    this.#device.setRaw(true);
    this.#device.writeSync(MARK_PASTES);
    this.#paused = false;
    this.#output.write(this.#eraseLine());
    this.#drawLine();
  }

  #restore(): void {
    this.#device.setRaw(false);
    this.#device.writeSync(RESTORE);
  }
}

/** The keyboard as readline wants it. */
class Keys extends EventEmitter {
  #paused = false;
  #waiting: (() => void)[] = [];

  /** Presses keys now, or once readline wants more. */
  whenWanted(press: () => void): void {
    this.#waiting.push(press);
    this.#pressWaiting();
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    this.#paused = false;
    this.#pressWaiting();
    return this;
  }

  #pressWaiting(): void {
    while (!this.#paused && this.#waiting.length > 0) this.#waiting.shift()!();
  }
}

/** Where readline draws: it would count on widths that no two terminals agree on. */
class Nowhere extends Writable {
  override _write(_text: string, _encoding: string, done: () => void): void {
    done();
  }
}

export function processTerminal(): TerminalDevice {
  return {
    ...standardStreams(),
    columns: () => unlessGone(() => Deno.consoleSize().columns) || DEFAULT_COLUMNS,
    rows: () => unlessGone(() => Deno.consoleSize().rows) || DEFAULT_ROWS,
    setRaw: (raw) => unlessGone(() => Deno.stdin.setRaw(raw)),
    writeSync: (text) => unlessGone(() => void Deno.stdout.writeSync(utf8(text))),
    onResize: (listener) => onSignal("SIGWINCH", listener),
    onContinue: (listener) => onSignal("SIGCONT", listener),
  };
}

/** The window of a terminal may be closed at any time; whoever reads or writes there next is told. */
function unlessGone<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {}; // it has neither
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}

/** Lines, each in the rows that it takes, as a terminal in raw mode wants them. */
function rows(lines: readonly string[]): string {
  return lines.map((line) => `${line.replaceAll("\n", "\r\n")}\r\n`).join("");
}
