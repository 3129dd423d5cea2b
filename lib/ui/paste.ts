/** Bracketed pastes: the requests for them, and the pasted texts that do not fit in a line. */

/** Asks a terminal to bracket pastes (DECSET 2004). */
export const BRACKET_PASTES = "\x1b[?2004h";

/** Asks a terminal to stop bracketing pastes. */
export const UNBRACKET_PASTES = "\x1b[?2004l";

/** Stands for a pasted text in a line. */
const MARK = /\[paste \d+: \d+ lines?\]/g;

/** What a line cannot contain: controls and line separators. */
const UNTYPABLE = /[\p{Cc}\u2028\u2029]/u;

/**
 * Keeps pasted texts that a line cannot contain, and puts a mark for each into the line. No part of
 * such a text acts as a key or a command.
 */
export class Pastes {
  readonly #texts = new Map<string, string>();
  readonly #capacity: number;
  #count = 0;

  /** Starts without texts. @param capacity Maximum texts; the oldest is dropped first. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds a paste. @returns The text for the line: the paste without a final line end, or its mark. */
  add(paste: string): string {
    const text = paste.replace(/\n$/, "");
    if (!UNTYPABLE.test(text) && text.search(MARK) < 0) return text;
    const lines = text.split(/[\n\u2028\u2029]/).length;
    const mark = `[paste ${++this.#count}: ${lines} ${lines === 1 ? "line" : "lines"}]`;
    this.#texts.set(mark, text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > this.#capacity) this.#texts.delete(oldest!);
    return mark;
  }

  /** Replaces the marks in a line with their texts. */
  expand(line: string): string {
    return line.replaceAll(MARK, (mark) => this.#texts.get(mark) ?? mark);
  }
}
