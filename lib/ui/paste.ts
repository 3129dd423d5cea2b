/** What a terminal sends before a paste, and behind it, once it is asked to (xterm's mode 2004). */
const [START, END] = ["\x1b[200~", "\x1b[201~"];

const ESC = "\x1b";

/** Behind ESC it is the key in the middle of a keypad, which does nothing: so ends what ESC began. */
const MIDDLE_KEY = "[E";

/** What Ctrl-C sends. */
const INTERRUPT = "\x03";

/** Asks a terminal to mark what is pasted. */
export const MARK_PASTES = "\x1b[?2004h";

/** Asks it not to any more. */
export const LEAVE_PASTES_UNMARKED = "\x1b[?2004l";

/** What ends a line of a paste: most terminals send CR. */
const LINE_BREAK = /\r\n?/g;

/** What stands in the line for a pasted text. */
const MARK = /\[paste \d+: \d+ lines?\]/g;

/** What the line that is typed cannot hold: controls, and all that ends a line of readline's. */
const UNTYPABLE = /[\p{Cc}\u2028\u2029]/u;

/** Keys, or a text that was pasted. */
export interface Typed {
  /** Whether it was pasted; no character of it is a key then. */
  readonly pasted: boolean;
  /** In a paste LF ends a line. */
  readonly text: string;
}

/**
 * Tells what was typed from what was pasted in a terminal that marks pastes.
 *
 * @example A key, and a paste of two lines
 * ```ts
 * import { PasteSplitter } from "./paste.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new PasteSplitter().push("x\x1b[200~one\rtwo\x1b[201~"), [
 *   { pasted: false, text: "x" },
 *   { pasted: true, text: "one\ntwo" },
 * ]);
 * ```
 */
export class PasteSplitter {
  #rest = "";
  #pasting = false;
  /** Whether the ESC that the rest begins with was given as a key. */
  #escaped = false;

  /**
   * Goes on with a text that the terminal sent; a paste is given once its end has come. Ctrl-C alone gives
   * up a paste whose end does not come.
   */
  push(text: string): Typed[] {
    const typed: Typed[] = [];
    if (this.#pasting && text === INTERRUPT) {
      this.#rest = "";
      this.#pasting = false;
    }
    // What came before was searched, but a mark may have begun at its end.
    let from = Math.max(0, this.#rest.length - END.length);
    this.#rest += text;
    while (true) {
      const mark = this.#pasting ? END : START;
      const index = this.#rest.indexOf(mark, from);
      if (index < 0) break;
      this.#take(typed, index);
      if (this.#escaped) typed.push({ pasted: false, text: MIDDLE_KEY });
      this.#escaped = false;
      this.#rest = this.#rest.slice(mark.length);
      this.#pasting = !this.#pasting;
      from = 0;
    }
    if (!this.#pasting) this.#takeKeys(typed);
    return typed;
  }

  /** Takes all but what may begin a mark; ESC may also be a key, and so is given at once. */
  #takeKeys(typed: Typed[]): void {
    this.#take(typed, this.#rest.length - begun(this.#rest));
    if (this.#rest !== ESC || this.#escaped) return;
    typed.push({ pasted: false, text: ESC });
    this.#escaped = true;
  }

  #take(typed: Typed[], length: number): void {
    if (length === 0) return;
    const text = this.#rest.slice(this.#escaped ? ESC.length : 0, length);
    this.#rest = this.#rest.slice(length);
    this.#escaped = false;
    if (text === "") return;
    const pasted = this.#pasting;
    typed.push({ pasted, text: pasted ? text.replaceAll(LINE_BREAK, "\n") : text });
  }
}

/**
 * Pasted texts that the line cannot hold, each with a mark that stands for it there. Nothing of such a
 * text is a key or a command.
 */
export class Pastes {
  readonly #texts = new Map<string, string>();
  readonly #most: number;
  #count = 0;

  /** Keeps so many of the last texts. */
  constructor(most: number) {
    this.#most = most;
  }

  /** What goes into the line for a text: itself, or its mark. A line end behind it is left away. */
  mark(text: string): string {
    const whole = text.replace(/\n$/, "");
    if (!UNTYPABLE.test(whole) && whole.search(MARK) < 0) return whole;
    const lines = whole.split(/[\n\u2028\u2029]/).length;
    const mark = `[paste ${++this.#count}: ${lines} ${lines === 1 ? "line" : "lines"}]`;
    this.#texts.set(mark, whole);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > this.#most) this.#texts.delete(oldest!);
    return mark;
  }

  /** A line with the texts where their marks were. */
  expand(line: string): string {
    return line.replaceAll(MARK, (mark) => this.#texts.get(mark) ?? mark);
  }
}

/** How many characters at the end may begin a paste. */
function begun(text: string): number {
  let length = START.length - 1;
  while (!text.endsWith(START.slice(0, length))) length--;
  return length;
}
