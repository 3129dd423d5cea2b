/** A list on a terminal from which a person picks with one key. */
import { type Clock, systemClock } from "../clock.ts";
import { LanchatError } from "../errors.ts";
import type { Keystroke } from "./key_codes.ts";
import { Keyboard } from "./keyboard.ts";
import { RestartableTimer } from "./restartable_timer.ts";
import { sanitizeLine } from "./sanitize.ts";
import { processTerminal, RESIZE_MS, type TerminalDevice } from "./terminal_device.ts";
import { onSuddenEnd } from "./process.ts";
import { firstRow, LiveRegion, rowsOf } from "./live_region.ts";

/** Maximum choices with a digit. */
const MAX_CHOICES = 9;

/** Time for which the digit of a choice that is gone stays reserved, in milliseconds. */
const KEPT_MS = 5000;

const LEAVE = "q";

const INTERRUPTS: ReadonlySet<string> = new Set(["ctrl-c", "ctrl-d"]);

/** An entry of the list. */
export interface Choice {
  /** Its id, unique in the list. */
  readonly id: string;
  /** Its text, in one line; any character is allowed. */
  readonly text: string;
  /** Whether it gets a digit before those that are not preferred. */
  readonly preferred?: boolean;
}

/** Options of a {@linkcode Picker}. */
export interface PickerOptions {
  /** Letters that choose, besides the digits. */
  readonly keys: readonly string[];
  /** The titles of the empty list, and of one with choices. */
  readonly titles: readonly [string, string];
  /** How to see the choices that have no digit, or no row in a low window. */
  readonly more: string;
  /** The line below the list: what each key does. */
  readonly help: string;
  /** Whether the terminal gets only plain lines. */
  readonly plain: boolean;
  /** The terminal; by default that of the process. */
  readonly device?: TerminalDevice;
  /** The clock; by default that of the machine. */
  readonly clock?: Clock;
}

/**
 * Shows a list that may change, from which a person picks with one key. A choice keeps its digit until it
 * is gone, unless all digits are taken and a preferred choice needs it. The terminal is restored by
 * {@linkcode Picker.close}, at `Deno.exit`, and if an error ends the program.
 */
export class Picker {
  /**
   * Resolves with the picked id or letter; `undefined` for none. Rejects with code `interrupted` at Ctrl-C,
   * Ctrl-D or the end of input.
   */
  readonly chosen: Promise<string | undefined>;
  readonly #options: PickerOptions;
  readonly #device: TerminalDevice;
  readonly #clock: Clock;
  readonly #choose: (choice: string | undefined) => void;
  readonly #fail: (error: LanchatError) => void;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stopListening: readonly (() => void)[];
  /** Digits by id. */
  readonly #digits = new Map<string, number>();
  /** Choices that are gone and still have a digit: the time they left, by id. */
  readonly #gone = new Map<string, number>();
  readonly #region: LiveRegion;
  readonly #keyboard: Keyboard;
  /** Runs while the window changes its size. */
  readonly #resizing: RestartableTimer;
  #choices: readonly Choice[] = [];
  #obstacle: string | undefined;
  #note: string | undefined;
  /** The choices whose digit is visible. */
  #offered: readonly Choice[] = [];
  /** The visible lines. */
  #shown: readonly string[] = [];
  #hasChosen = false;
  #open = true;

  /** Takes over the terminal and shows the empty list. */
  constructor(options: PickerOptions) {
    this.#options = options;
    this.#device = options.device ?? processTerminal();
    this.#clock = options.clock ?? systemClock;
    const { promise, reject, resolve } = Promise.withResolvers<string | undefined>();
    [this.chosen, this.#choose, this.#fail] = [promise, resolve, reject];
    this.chosen.catch(() => {}); // It may reject before it is awaited.
    this.#reader = this.#device.stdin.getReader();
    this.#region = new LiveRegion(this.#device.keepsCursorRow);
    this.#keyboard = new Keyboard(this.#clock, (keys) => keys.forEach((key) => this.#press(key)));
    this.#resizing = new RestartableTimer(this.#clock, () => this.#redraw());
    this.#stopListening = [
      this.#device.onResize(() => this.#resizing.start(this.#device.resizeMs ?? RESIZE_MS)),
      this.#device.onContinue(() => {
        this.#device.setRaw(true);
        this.#redraw();
      }),
      this.#device.onIntrusion(() => this.#makeWay()),
      onSuddenEnd(() => this.#restore()),
      () => this.#resizing.stop(),
      () => this.#keyboard.stop(),
    ];
    this.#device.setRaw(true);
    this.#draw();
    void this.#readKeys();
  }

  /**
   * Replaces the choices.
   *
   * @param obstacle The title of the empty list, in place of the first title.
   * @param note A row after the choices.
   */
  show(choices: readonly Choice[], obstacle?: string, note?: string): void {
    if (!this.#open) return;
    this.#choices = choices;
    this.#obstacle = obstacle;
    this.#note = note;
    this.#giveDigits();
    this.#draw();
  }

  /** Erases the list and restores the terminal. @param line A line in place of the list. */
  close(line?: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#device.writeSync(this.#region.erase(this.#device.columns()));
    if (line !== undefined) this.#device.writeSync(`${sanitizeLine(line)}\r\n`);
    for (const stop of this.#stopListening) stop();
    this.#reader.releaseLock();
    this.#restore();
    this.#choose(undefined);
  }

  #restore(): void {
    this.#device.setRaw(false);
  }

  async #readKeys(): Promise<void> {
    try {
      // Later keys are for the next reader.
      while (this.#open && !this.#hasChosen) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#keyboard.push(value);
      }
    } catch {
      // The terminal is gone, or released.
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

  /** Takes the digit away from the last choice that is not preferred. */
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

  /** Lays out the list, with as many choices as fit in a window. */
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
      // Plain lines stay on the screen: they hold no number that changes soon.
      ...hidden === 0 ? [] : [firstRow(`  …  ${plain ? "" : `${hidden} `}${more}`, columns)],
      ...notes,
      below,
    ];
  }

  /** Redraws everything, after a resize or when another program had the terminal. */
  #redraw(): void {
    if (!this.#options.plain) this.#device.writeSync(this.#region.erase(this.#device.columns()));
    this.#draw();
  }

  /** Clears the list at once, and draws it again below the text that is written meanwhile. */
  #makeWay(): void {
    if (!this.#options.plain) this.#device.writeSync(this.#region.erase(this.#device.columns()));
    this.#resizing.start(RESIZE_MS);
  }

  /** Shows the list; on a plain terminal, only its new lines. */
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
