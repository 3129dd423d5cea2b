/** A list on a terminal from which a person picks with one key. */
import { type Clock, systemClock } from "../clock.ts";
import { LanchatError } from "../errors.ts";
import type { Keystroke } from "./key_codes.ts";
import { Keyboard } from "./keyboard.ts";
import { RestartableTimer } from "./restartable_timer.ts";
import { sanitizeLine } from "./sanitize.ts";
import { processTerminal, RESIZE_MS, SUDDEN_ENDS, type TerminalDevice } from "./terminal.ts";
import { firstRow, LiveRegion, rowsOf } from "./live_region.ts";

/** How many rows a digit can choose from. */
const MAX_CHOICES = 9;

/** How long the digit of a choice that is gone stands for nothing else, in milliseconds. */
const KEPT_MS = 5000;

const LEAVE = "q";

const INTERRUPTS: ReadonlySet<string> = new Set(["ctrl-c", "ctrl-d"]);

/** Something to choose. */
export interface Choice {
  /** Unlike that of every other one. */
  readonly id: string;
  /** What it is, in one line; it may hold any character. */
  readonly text: string;
  /** Whether it has a digit before all that are not preferred. */
  readonly preferred?: boolean;
}

/** How a choice is offered. */
export interface PickerOptions {
  /** Keys beside digits that choose, each a letter. */
  readonly keys: readonly string[];
  /** What stands above the choices as long as there are none, and then. */
  readonly titles: readonly [string, string];
  /** What shows those that have no digit, or no row in a low window. */
  readonly more: string;
  /** What stands below: which key does what. */
  readonly help: string;
  /** Whether nothing is drawn anew. */
  readonly plain: boolean;
  /** The terminal; by default that of the process. */
  readonly device?: TerminalDevice;
  /** The time. */
  readonly clock?: Clock;
}

/**
 * Has a person choose with one key from a list that may still grow. A choice keeps its digit whatever
 * comes and goes, unless all are taken and a preferred one needs it. The terminal is restored by {@linkcode Picker.close}, at `Deno.exit`, and where an error
 * ends the program.
 */
export class Picker {
  /**
   * Resolves with the id or the key that was chosen; `undefined` for none. Fails with code `interrupted`
   * at Ctrl-C, Ctrl-D or the end.
   */
  readonly chosen: Promise<string | undefined>;
  readonly #options: PickerOptions;
  readonly #device: TerminalDevice;
  readonly #clock: Clock;
  readonly #choose: (choice: string | undefined) => void;
  readonly #fail: (error: LanchatError) => void;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stopListening: readonly (() => void)[];
  /** By id. */
  readonly #digits = new Map<string, number>();
  /** By id of what has a digit and is no choice now: since when. */
  readonly #gone = new Map<string, number>();
  readonly #region: LiveRegion;
  readonly #keyboard: Keyboard;
  /** Runs while the window changes its size. */
  readonly #resizing: RestartableTimer;
  #choices: readonly Choice[] = [];
  #obstacle: string | undefined;
  #note: string | undefined;
  /** The choices of which the terminal shows the digit. */
  #offered: readonly Choice[] = [];
  /** The lines that the terminal shows. */
  #shown: readonly string[] = [];
  #hasChosen = false;
  #open = true;

  /** Takes the terminal. */
  constructor(options: PickerOptions) {
    this.#options = options;
    this.#device = options.device ?? processTerminal();
    this.#clock = options.clock ?? systemClock;
    const { promise, reject, resolve } = Promise.withResolvers<string | undefined>();
    [this.chosen, this.#choose, this.#fail] = [promise, resolve, reject];
    this.chosen.catch(() => {}); // Nobody may wait for it yet.
    this.#reader = this.#device.stdin.getReader();
    this.#region = new LiveRegion(this.#device.keepsCursorRow);
    this.#keyboard = new Keyboard(this.#clock, (keys) => keys.forEach((key) => this.#press(key)));
    this.#resizing = new RestartableTimer(this.#clock, () => this.#drawAnew());
    this.#stopListening = [
      this.#device.onResize(() => this.#resizing.start(this.#device.resizeMs ?? RESIZE_MS)),
      this.#device.onContinue(() => {
        this.#device.setRaw(true);
        this.#drawAnew();
      }),
      this.#device.onIntrusion(() => this.#makeWay()),
      () => this.#resizing.stop(),
      () => this.#keyboard.stop(),
    ];
    for (const end of SUDDEN_ENDS) globalThis.addEventListener(end, this.#restore);
    this.#device.setRaw(true);
    this.#draw();
    void this.#readKeys();
  }

  /**
   * Shows what can be chosen now, in this order.
   *
   * @param obstacle What stands above as long as there are no choices, in place of the first title.
   * @param note What stands in a row of its own behind the choices.
   */
  show(choices: readonly Choice[], obstacle?: string, note?: string): void {
    if (!this.#open) return;
    this.#choices = choices;
    this.#obstacle = obstacle;
    this.#note = note;
    this.#giveDigits();
    this.#draw();
  }

  /** Takes the list away, and gives the terminal back. @param line What stands there instead, if anything. */
  close(line?: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#device.writeSync(this.#region.erase(this.#device.columns()));
    if (line !== undefined) this.#device.writeSync(`${sanitizeLine(line)}\r\n`);
    for (const end of SUDDEN_ENDS) globalThis.removeEventListener(end, this.#restore);
    for (const stop of this.#stopListening) stop();
    this.#reader.releaseLock();
    this.#restore();
    this.#choose(undefined);
  }

  readonly #restore = (): void => this.#device.setRaw(false);

  async #readKeys(): Promise<void> {
    try {
      // What is typed after the choice is for those who read next.
      while (this.#open && !this.#hasChosen) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#keyboard.push(value);
      }
    } catch {
      // The terminal is gone, or given back.
    }
    if (!this.#hasChosen) this.#interrupt();
  }

  #press(key: Keystroke): void {
    if ("key" in key && INTERRUPTS.has(key.key)) this.#interrupt();
    if (!("text" in key)) return;
    for (const character of key.text) {
      const choice = this.#chosenBy(character);
      if (choice === undefined && character.toLowerCase() !== LEAVE) continue;
      this.#hasChosen = true;
      return this.#choose(choice);
    }
  }

  #interrupt(): void {
    this.#fail(new LanchatError("interrupted", "Stopped before anything was chosen"));
  }

  #giveDigits(): void {
    const now = this.#clock.elapsed();
    const ids = new Set(this.#choices.map(({ id }) => id));
    for (const id of this.#digits.keys()) {
      if (ids.has(id)) this.#gone.delete(id);
      else if (!this.#gone.has(id)) this.#gone.set(id, now);
    }
    for (const [id, since] of this.#gone) {
      if (now - since < KEPT_MS) continue;
      this.#gone.delete(id);
      this.#digits.delete(id);
    }
    for (const { id, preferred } of this.#choices) {
      const digit = this.#digits.get(id) ?? this.#freeDigit() ?? (preferred && this.#takeDigit());
      if (digit) this.#digits.set(id, digit);
    }
  }

  #freeDigit(): number | undefined {
    const taken = new Set(this.#digits.values());
    return Array.from({ length: MAX_CHOICES }, (_, i) => i + 1).find((digit) => !taken.has(digit));
  }

  /** Takes the digit of the last choice that is not preferred. */
  #takeDigit(): number | undefined {
    const last = this.#choices.findLast(({ id, preferred }) => !preferred && this.#digits.has(id));
    const digit = last && this.#digits.get(last.id);
    if (last !== undefined) this.#digits.delete(last.id);
    return digit;
  }

  #chosenBy(key: string): string | undefined {
    if (this.#options.keys.includes(key.toLowerCase())) return key.toLowerCase();
    return this.#offered.find(({ id }) => String(this.#digits.get(id)) === key)?.id;
  }

  /** The list; the choices with a digit in a row each, as many as a window of this size has place for. */
  #lines(columns: number, rows: number): string[] {
    const { help, more, plain, titles } = this.#options;
    const choices = this.#choices.filter(({ id }) => this.#digits.has(id));
    const title = choices.length === 0 ? this.#obstacle ?? titles[0] : titles[1];
    const [above, below] = [title, help].map(sanitizeLine) as [string, string];
    const notes = this.#note === undefined ? [] : [firstRow(sanitizeLine(this.#note), columns)];
    const place = rows - rowsOf(above, columns) - notes.length - rowsOf(below, columns);
    const all = this.#choices.length <= Math.min(choices.length, place);
    this.#offered = choices.slice(0, Math.max(1, all ? place : place - 1));
    const hidden = this.#choices.length - this.#offered.length;
    return [
      above,
      ...this.#offered.map(({ id, text }) =>
        firstRow(sanitizeLine(`  ${this.#digits.get(id)}  ${text}`), columns)
      ),
      // Where nothing is drawn anew, no number is told that will be another one soon.
      ...hidden === 0 ? [] : [firstRow(`  …  ${plain ? "" : `${hidden} `}${more}`, columns)],
      ...notes,
      below,
    ];
  }

  /** Redraws everything, after a resize or when another program had the terminal. */
  #drawAnew(): void {
    if (!this.#options.plain) this.#device.writeSync(this.#region.erase(this.#device.columns()));
    this.#draw();
  }

  /** Clears the list at once, and draws it again below what is written meanwhile. */
  #makeWay(): void {
    if (!this.#options.plain) this.#device.writeSync(this.#region.erase(this.#device.columns()));
    this.#resizing.start(RESIZE_MS);
  }

  /** Shows the list; where nothing is drawn anew, what is new of it. */
  #draw(): void {
    if (this.#resizing.running) return;
    if (this.#options.plain) {
      const lines = this.#lines(Infinity, Infinity);
      const news = lines.filter((line) => !this.#shown.includes(line));
      this.#device.writeSync(news.map((line) => `${line}\r\n`).join(""));
      this.#shown = lines;
    } else {
      const [columns, rows] = [this.#device.columns(), this.#device.rows()];
      const text = this.#lines(columns, rows).join("\n");
      this.#device.writeSync(this.#region.draw(text, text.length, columns, rows));
    }
  }
}
