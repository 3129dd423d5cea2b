/** What a terminal sends before a paste, and behind it, once it is asked to (xterm's mode 2004). */
const [START, END] = ["\x1b[200~", "\x1b[201~"];

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

  /** Goes on with a text that the terminal sent; a paste is given once its end has come. */
  push(text: string): Typed[] {
    const typed: Typed[] = [];
    // What came before was searched, but a mark may have begun at its end.
    let from = Math.max(0, this.#rest.length - END.length);
    this.#rest += text;
    while (true) {
      const mark = this.#pasting ? END : START;
      const index = this.#rest.indexOf(mark, from);
      if (index < 0) break;
      this.#take(typed, index);
      this.#rest = this.#rest.slice(mark.length);
      this.#pasting = !this.#pasting;
      from = 0;
    }
    if (!this.#pasting) this.#take(typed, this.#rest.length - begun(this.#rest));
    return typed;
  }

  #take(typed: Typed[], length: number): void {
    const text = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
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

/** How many characters at the end begin a mark and are no key: ESC alone is one. */
function begun(text: string): number {
  let length = START.length - 1;
  while (length > 1 && !text.endsWith(START.slice(0, length))) length--;
  return length > 1 ? length : 0;
}
