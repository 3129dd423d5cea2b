/** Asks a terminal to mark what is pasted. */
export const MARK_PASTES = "\x1b[?2004h";

/** Asks it not to any more. */
export const LEAVE_PASTES_UNMARKED = "\x1b[?2004l";

/** What stands in the line for a pasted text. */
const MARK = /\[paste \d+: \d+ lines?\]/g;

/** What the line that is typed cannot hold: controls, and all that ends a line. */
const UNTYPABLE = /[\p{Cc}\u2028\u2029]/u;

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
