import { EventEmitter } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { utf8 } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { CODES, UsageError } from "../errors.ts";
import { type Addressee, type Command, complete, parseLine } from "./commands.ts";
import type { FailedEvent, Input, MemberView, MessageEvent, UiEvent } from "./events.ts";
import { type FrontEnd, type StandardStreams, standardStreams } from "./front_end.ts";
import { Output } from "./output.ts";
import { LEAVE_PASTES_UNMARKED, MARK_PASTES, Pastes, PasteSplitter } from "./paste.ts";
import { Progress } from "./progress.ts";
import { excerpt, messageLine, noticeLines } from "./render.ts";
import { sanitize, sanitizeLine } from "./sanitize.ts";
import { TypedLine } from "./typed_line.ts";

const PROMPT = "> ";

/** How long messages may be on the way before the prompt tells of them, in milliseconds. */
const PROGRESS_AFTER_MS = 1000;

/** For a terminal that does not know its size. */
const [DEFAULT_COLUMNS, DEFAULT_ROWS] = [80, 24];

/** Lines that the up arrow key brings back. */
const HISTORY_LINES = 500;

/** Longest own text, in characters, that is repeated where it was not delivered. */
const MAX_REPEATED_LENGTH = 60;

/** How the terminal is left: without marks on pastes, and with no style of ours. */
const RESTORE = `${LEAVE_PASTES_UNMARKED}\x1b[m`;

const CLEAR_SCREEN = "\x1b[H\x1b[2J";

const PAUSE_LINE = "Press Ctrl-Z again to pause, Enter to go on.";

/** The ends of a program that nobody asked it for, and that of `Deno.exit`. */
const SUDDEN_ENDS = ["error", "unhandledrejection", "unload"] as const;

const READY_LINE = "Type a message and press Enter; /help shows the commands.";

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

/**
 * The front end of people: a line to type in, and above it all that happens.
 *
 * Names are bold, which no text from outside can be: no message can pass for that of another member,
 * however its lines are broken. The terminal is restored by {@linkcode TerminalFrontEnd.close}, at a
 * wish to quit, while the program is paused, at `Deno.exit`, and where an error ends the program.
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
  #editing = true;
  #paused = false;
  #ready = false;
  #news = "";
  #name = "you";
  #messages = 0;
  /** By key and session: a session alone is shown by its beginning. */
  readonly #members = new Map<string, MemberView>();
  #correspondent: MemberView | undefined;
  /** The correspondent when the line was begun: who writes meanwhile is not answered. */
  #answered: MemberView | undefined;
  readonly #unanswered = new Map<string, string>();
  readonly #progress = new Progress();
  #cancelProgress: (() => void) | undefined;
  #prompt = PROMPT;

  /** Shows the prompt on the process's own terminal, or another. */
  constructor(device: TerminalDevice = processTerminal(), clock: Clock = systemClock) {
    this.#device = device;
    this.#clock = clock;
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
    switch (event.event) {
      case "message":
        this.#meet(event.from);
        if (event.private) this.#correspondent = event.from;
        return this.#print(styledMessage(styled(event.from.name), event.text, event));
      case "sent":
        this.#unanswered.delete(event.id);
        this.#progress.sent(event.id);
        return this.#showProgress();
      case "delivered":
        this.#progress.over(event.id);
        return this.#showProgress();
      case "failed":
        return this.#showFailed(event);
      case "ready":
        this.#name = event.name;
        this.#ready = true;
        this.#meetAll(event.members);
        return this.#print(...noticeLines(event), READY_LINE);
      case "members":
        this.#meetAll(event.members);
        return this.#print(...noticeLines(event));
      case "joined":
        this.#meet(event.member);
        return this.#print(...noticeLines(event));
      case "left":
        this.#members.delete(memberId(event.member));
        return this.#print(...noticeLines(event));
      default:
        return this.#print(...noticeLines(event));
    }
  }

  /** These are all. */
  #meetAll(members: readonly MemberView[]): void {
    this.#members.clear();
    for (const member of members) this.#meet(member);
  }

  /** Knows a member, by the name that it has now. */
  #meet(member: MemberView): void {
    this.#members.set(memberId(member), member);
  }

  /** Resolves once little enough is unwritten that more may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Takes the prompt away, restores the terminal, and resolves once everything is written. */
  async close(): Promise<void> {
    this.#drawNews();
    if (this.#editing) {
      this.#endEditing();
      this.#wishes.close();
    }
    await this.#output.close();
  }

  #print(...lines: readonly string[]): void {
    if (this.#news === "") queueMicrotask(() => this.#drawNews());
    for (const line of lines) this.#news += `${line.replaceAll("\n", "\r\n")}\r\n`;
  }

  /** What came since the last time goes where the typed line was, which then follows. */
  #drawNews(): void {
    const news = this.#news;
    this.#news = "";
    if (news === "") return;
    if (!this.#editing) return this.#output.write(news);
    this.#output.write(this.#eraseLine() + news);
    this.#drawLine();
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
    const [found, word] = complete(line, [...this.#members.values()]);
    const longer = found.every((one) => one.startsWith(found[0]!.slice(0, word.length + 1)));
    if (!longer) this.#print(found.map((one) => one.trimEnd()).join("  "));
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
        if (this.#readline.line === "") this.#answered = this.#correspondent;
        if (LINES.test(keys)) this.#readline.write(keys);
        else this.#keys.emit("data", keys);
      });
    }
    this.#keys.whenWanted(() => this.#drawLine());
  }

  #enter(line: string): void {
    if (!this.#editing) return; // what was pasted behind a /quit
    try {
      const command = parseLine(line, {
        members: [...this.#members.values()],
        correspondent: this.#answered,
        expand: (text) => this.#pastes.expand(text),
      });
      if (command.do === "say") this.#say(command);
      else if (command.do === "who") this.#wishes.enqueue({ do: "who" });
      else if (command.do === "help") this.#print(...command.lines);
      else if (command.do === "quit") return this.#quit();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { code, message, hint } = error;
      this.show({ event: "error", code, message, hint });
    }
  }

  #say({ kind, text, to }: Extract<Command, { do: "say" }>): void {
    const id = String(++this.#messages);
    this.#unanswered.set(id, text);
    this.#progress.say(id);
    this.#showProgress();
    const sender = to === undefined
      ? styled(this.#name)
      : `${styled(this.#name)} to ${styled(to.name)}`;
    this.#print(styledMessage(sender, text, { kind, private: to !== undefined }));
    this.#wishes.enqueue({ do: "say", text, kind, id, ...to !== undefined && this.#addressed(to) });
  }

  /** By the key, as a name may be another's by the time that the message goes; unless two share the key. */
  #addressed({ key, name }: Addressee): { to: string } {
    const holders = [...this.#members.values()].filter((member) => member.key === key);
    const byName = holders.length > 1 && holders.some((member) => member.name === name);
    return { to: byName ? name : key };
  }

  #showFailed({ id, code }: FailedEvent): void {
    const text = excerpt(this.#unanswered.get(id) ?? "", MAX_REPEATED_LENGTH);
    this.#unanswered.delete(id);
    this.#progress.over(id);
    this.#showProgress();
    this.show({
      event: "error",
      code,
      message: `Not delivered: ${text}`,
      hint: CODES[code].hint,
    });
  }

  /** The prompt tells how many messages are on the way: as a rule they are there before it has to. */
  #showProgress(): void {
    const { summary } = this.#progress;
    if (summary !== "" && this.#prompt === PROMPT) {
      this.#cancelProgress ??= this.#clock.after(PROGRESS_AFTER_MS, () => {
        this.#cancelProgress = undefined;
        this.#changePrompt(this.#progress.summary);
      });
    } else {
      this.#changePrompt(summary);
    }
  }

  #changePrompt(summary: string): void {
    const prompt = summary === "" ? PROMPT : `(${summary}) ${PROMPT}`;
    if (prompt === this.#prompt || !this.#editing) return;
    this.#prompt = prompt;
    this.#drawLine();
  }

  #quit(): void {
    if (!this.#editing) return;
    this.#endEditing();
    if (!this.#ready) this.#interrupt();
    this.#wishes.enqueue({ do: "quit" });
    this.#wishes.close();
  }

  #endEditing(): void {
    if (!this.#editing) return;
    this.#drawNews();
    this.#output.write(this.#eraseLine());
    this.#cancelProgress?.();
    this.#editing = false;
    this.#readline.close();
    for (const stop of this.#stopListening) stop();
    for (const end of SUDDEN_ENDS) globalThis.removeEventListener(end, this.#endSuddenly);
    this.#restore();
  }

  /** There is no later: what is queued is not written any more. */
  readonly #endSuddenly = (): void => {
    this.#device.writeSync(this.#eraseLine());
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

function processTerminal(): TerminalDevice {
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

function memberId({ key, session }: MemberView): string {
  return `${key} ${session}`;
}

/** A name as only names look. */
function styled(name: string): string {
  return `\x1b[1m${sanitizeLine(name)}\x1b[22m`;
}

function styledMessage(
  sender: string,
  text: string,
  form: Pick<MessageEvent, "kind" | "private">,
): string {
  return messageLine(sender, sanitize(text), form);
}
