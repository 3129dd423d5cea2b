/** The front end for people at a terminal: keys edit a line, and entered lines become wishes. */
import { type Clock, systemClock } from "../clock.ts";
import type { environmentVariable } from "../permission.ts";
import type { FrontEnd } from "../session/mod.ts";
import type { SessionEvent, Wish } from "../session_events.ts";
import { Conversation } from "./conversation.ts";
import type { Keystroke } from "./key_codes.ts";
import { Keyboard } from "./keyboard.ts";
import {
  type EditorState,
  EMPTY_LINE,
  enter,
  HISTORY_LINES,
  press,
  replaceBefore,
  type,
} from "./line_editor.ts";
import { commonStart, complete } from "./line_parser.ts";
import { Notifier } from "./notifier.ts";
import { BRACKET_PASTES, Pastes, UNBRACKET_PASTES } from "./paste.ts";
import { type Files, NO_FILES } from "./paths.ts";
import { onSuddenEnd } from "./process.ts";
import { Screen } from "./screen.ts";
import { processTerminal, type TerminalDevice } from "./terminal_device.ts";
import { COLOR_THEME, COLORLESS_THEME } from "./theme.ts";
import { WindowTitle } from "./title.ts";
import { TypedWishes } from "./typed_wishes.ts";

const LF = 0x0a;

/** Time after a key in which the next one may follow, in milliseconds. */
const TYPING_MS = 3000;

/** Maximum completions that are listed. */
const MAX_LISTED = 100;

/** The keys that go through the completions of a word, and the direction of each. */
const TAB_KEYS: Readonly<Record<string, number>> = { "tab": 1, "shift-tab": -1 };

/** The completions that Tab goes through. */
interface CompletionCycle {
  /** The line before the first of them. */
  readonly before: EditorState;
  /** Length of the word that they replace, in UTF-16 code units. */
  readonly length: number;
  readonly found: readonly string[];
  /** Index of the one that is shown; -1 where only their common start is. */
  readonly place: number;
}

/** Restores the terminal: no bracketed pastes, no style. */
const RESTORE = `${UNBRACKET_PASTES}\x1b[m`;

/** Options of a {@linkcode TerminalFrontEnd}. */
export interface TerminalOptions {
  /** Whether mentions and private messages ring at first. */
  readonly notify: boolean;
  /** Whether joins and leaves are hidden at first. */
  readonly quiet: boolean;
  /** Whether names have colors. */
  readonly colors: boolean;
  /** Whether the window's title is set. */
  readonly title: boolean;
  /** The room's name, if the host gave it one. */
  readonly room?: string | undefined;
  /** Whether this run joins by an invite that no one enters without. */
  readonly joinsByInvite?: boolean | undefined;
  /** The files that a typed path means; no path is completed without. */
  readonly files?: Files | undefined;
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
 * The terminal is restored by {@linkcode TerminalFrontEnd.close}, at a wish to quit, while the program is paused,
 * at `Deno.exit`, and if an error ends the program.
 */
export class TerminalFrontEnd implements FrontEnd {
  /** The wishes of the typed lines, also of lines typed before the room is joined. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if the terminal breaks. */
  readonly broken: Promise<void>;
  /** Resolves at Ctrl-C; after that, Ctrl-C is a signal. */
  readonly interrupted: Promise<void>;
  readonly #device: TerminalDevice;
  readonly #files: Files;
  readonly #screen: Screen;
  readonly #keyboard: Keyboard;
  readonly #pastes = new Pastes(HISTORY_LINES);
  readonly #wishes = new TypedWishes(() => this.#endEditing());
  readonly #stopListening: readonly (() => void)[];
  readonly #interrupt: () => void;
  readonly #conversation: Conversation;
  readonly #clock: Clock;
  /** Resolves when editing has ended. */
  readonly #left = Promise.withResolvers<void>();
  /** When the last key was pressed, in milliseconds of the clock. */
  #lastKeyMs = -Infinity;
  /** Whether the end was asked for, by a signal. */
  #isAsked = false;
  #editor: EditorState = EMPTY_LINE;
  #cycle: CompletionCycle | undefined;

  /** Takes over a terminal and shows the prompt; by default the terminal of the process. */
  constructor(options: TerminalOptions) {
    const { clock = systemClock, device = processTerminal(), environment } = options;
    const { colors, files = NO_FILES, joinsByInvite, notify, quiet, room } = options;
    this.#device = device;
    this.#files = files;
    this.#clock = clock;
    this.#keyboard = new Keyboard(clock, (keys) => this.#press(keys));
    const notifier = new Notifier(environment, clock);
    this.#conversation = new Conversation({
      theme: colors ? COLOR_THEME : COLORLESS_THEME,
      echoes: true,
      editsLine: true,
      columns: () => device.columns(),
      rows: () => device.rows(),
      notify: (from, text) => {
        this.#screen.ring(notifier.notify(from, text));
      },
      notifies: notify,
      quiet,
      expand: (text) => this.#pastes.expand(text),
      files,
      room,
      joinsByInvite,
      clock,
    });
    const conversation = this.#conversation;
    this.#screen = new Screen({
      device,
      clock,
      conversation,
      line: () => this.#editor,
      ...options.title && { title: new WindowTitle(room) },
    });
    this.broken = this.#screen.broken;
    this.input = this.#wishes.stream;
    ({ promise: this.interrupted, resolve: this.#interrupt } = Promise.withResolvers<void>());
    this.#stopListening = [
      device.onContinue(() => this.#resume()),
      onSuddenEnd(() => this.#endSuddenly()),
    ];
    this.#takeOver();
    this.#readKeys(device.stdin);
  }

  /** Shows an event above the typed line. */
  show(event: SessionEvent): void {
    if (event.event === "closed" && event.reason === "signal") this.#isAsked = true;
    this.#screen.print(this.#conversation.hear(event));
  }

  /** Resolves once more events may be shown. */
  writable(): Promise<void> {
    return this.#screen.writable();
  }

  /**
   * Erases the prompt and restores the terminal. Resolves once everything is written.
   *
   * A person who types when the room ends does not look at the screen: until they press Enter, the terminal is
   * lanchat's, so that nothing of their line gets into the shell.
   *
   * @param hurry As in {@linkcode FrontEnd.close}.
   */
  async close(hurry?: Promise<void>): Promise<void> {
    this.#wishes.flush();
    if (this.#isAsked) this.#editor = EMPTY_LINE;
    else if (hurry !== undefined && this.#isTyping) await this.#untilEnter(hurry);
    if (this.#isEditing) {
      this.#endEditing();
      this.#wishes.close();
    }
    await this.#screen.end();
  }

  get #isEditing(): boolean {
    return this.#screen.mode !== "closed";
  }

  /** Whether a person is in the middle of a line, or was a moment ago. */
  get #isTyping(): boolean {
    const isRecent = this.#clock.elapsed() - this.#lastKeyMs < TYPING_MS;
    return this.#isEditing && (isRecent || this.#editor.text !== "");
  }

  async #untilEnter(hurry: Promise<void>): Promise<void> {
    this.#conversation.awaitsEnter = true;
    this.#screen.print([]);
    await Promise.race([this.#left.promise, this.broken, hurry]);
  }

  // Keys.

  async #readKeys(stdin: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stdin) {
        if (!this.#isEditing) return;
        const wasPaused = this.#screen.mode === "paused";
        if (wasPaused) this.#resume();
        // While paused, the terminal sends whole lines, which are meant for a shell: Enter only continues.
        const isLine = wasPaused && chunk.at(-1) === LF;
        this.#keyboard.push(isLine ? new Uint8Array() : chunk);
      }
      this.#quit();
    } catch (error) {
      if (!this.#isEditing) return;
      this.#endEditing();
      this.#wishes.fail(error);
    }
  }

  #press(keys: readonly Keystroke[]): void {
    this.#conversation.see();
    if (keys.length > 0) this.#lastKeyMs = this.#clock.elapsed();
    for (const key of keys) {
      if (!this.#isEditing) return; // The rest of the chunk follows a /quit.
      if (this.#editor.text === "") this.#conversation.beginLine();
      if (!("key" in key && key.key in TAB_KEYS)) this.#cycle = undefined;
      if ("text" in key) this.#editor = type(this.#editor, key.text);
      else if ("paste" in key) this.#editor = type(this.#editor, this.#pastes.add(key.paste));
      else this.#pressKey(key.key);
    }
    this.#screen.drawLine();
  }

  #pressKey(key: string): void {
    const { search, text } = this.#editor;
    const { awaitsEnter } = this.#conversation;
    if (awaitsEnter && (key === "enter" || key === "ctrl-c")) return this.#endEditing();
    if (key === "enter") return this.#enter();
    if (key === "ctrl-z") return this.#pause();
    if (key === "ctrl-l") return this.#screen.clear();
    if (key === "ctrl-d" && text === "" && search === undefined) {
      return void this.#leave();
    }
    if (key === "ctrl-c" && search === undefined) {
      if (this.#leave()) this.#interrupt();
      return;
    }
    const step = TAB_KEYS[key];
    if (step !== undefined && search === undefined) return this.#complete(step);
    this.#editor = press(this.#editor, key);
  }

  /**
   * Completes the word before the cursor. Where there are several completions, it completes their common
   * start and lists them; each further key shows the next one.
   */
  #complete(step: number): void {
    if (this.#cycle !== undefined) return this.#showNext(this.#cycle, step);
    const before = this.#editor;
    const { members } = this.#conversation;
    const [found, word] = complete(before.text.slice(0, before.cursor), members, this.#files);
    if (found.length === 0) return;
    const start = commonStart(found);
    const completes = found.length === 1 || start.length > word.length;
    if (completes) this.#editor = replaceBefore(before, word.length, start);
    if (found.length === 1) return;
    const place = found.indexOf(completes ? start : word);
    this.#cycle = { before, length: word.length, found, place };
    const listed = found.slice(0, MAX_LISTED).map((one) => one.trimEnd());
    const more = found.length > MAX_LISTED ? ["…"] : [];
    this.#screen.print([{ head: "  ", text: [...listed, ...more].join("  ") }]);
  }

  #showNext(cycle: CompletionCycle, step: number): void {
    const { before, found, length } = cycle;
    // A step back from the common start leads to the last one.
    const from = step < 0 ? Math.max(cycle.place, 0) : cycle.place;
    const place = (from + step + found.length) % found.length;
    this.#cycle = { ...cycle, place };
    this.#editor = replaceBefore(before, length, found[place]!);
  }

  #enter(): void {
    const [line, next] = enter(this.#editor);
    this.#editor = next;
    const { action, lines, wishes } = this.#conversation.enter(line);
    if (action === "clear") this.#screen.clear();
    if (lines.length > 0) this.#wishes.output(() => this.#screen.print(lines));
    for (const wish of wishes) this.#wishes.add(wish);
    this.#screen.print([]);
    if (action === "quit") this.#leave();
  }

  // The terminal's state.

  /** Quits, unless the person must be asked first. @returns Whether it quits. */
  #leave(): boolean {
    const question = this.#conversation.leave();
    if (question.length === 0) this.#quit();
    else this.#screen.print(question);
    return question.length === 0;
  }

  #quit(): void {
    if (!this.#isEditing) return;
    this.#editor = EMPTY_LINE;
    this.#endEditing();
    if (!this.#conversation.ready) this.#interrupt();
    this.#wishes.add({ do: "quit" });
    this.#wishes.close();
  }

  #endEditing(): void {
    if (!this.#isEditing) return;
    this.#screen.close();
    this.#release();
    this.#left.resolve();
  }

  #endSuddenly(): void {
    this.#screen.closeSuddenly();
    this.#editor = EMPTY_LINE;
    this.#release();
  }

  #release(): void {
    this.#keyboard.stop();
    for (const stop of this.#stopListening) stop();
    this.#restore();
  }

  /**
   * Restores the terminal, so that the next Ctrl-Z is a signal and stops the program: to stop itself and
   * the program that started it, lanchat would need Deno's --allow-run.
   */
  #pause(): void {
    this.#conversation.pause();
    this.#screen.pause();
    this.#restore();
  }

  #resume(): void {
    this.#takeOver();
    this.#conversation.goOn();
  }

  /** Takes over the terminal; the system stops the program here if it is in the background. */
  #takeOver(): void {
    this.#device.setRaw(true);
    this.#device.writeSync(BRACKET_PASTES);
    this.#screen.resume();
  }

  #restore(): void {
    this.#device.setRaw(false);
    this.#device.writeSync(RESTORE);
  }
}
