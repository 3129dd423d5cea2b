/** Marks that terminals put onto the character before. */
const MARK = /^[\p{Mn}\p{Me}]$/u;

/** Makes an emoji, two columns wide, of some narrow characters. */
const EMOJI_SELECTOR = "\ufe0f";

/** The first character that some terminal shows in two columns. */
const FIRST_WIDE = 0x1100;

/** What a terminal shows of a line that is typed. */
interface Shown {
  /** What is in each row; the last may be empty. */
  readonly rows: readonly string[];
  /** The row of the cursor, counted from the first. */
  readonly row: number;
  /** What is before the cursor in its row. */
  readonly before: string;
}

// deno-lint-ignore no-control-regex -- a style is a control sequence
const STYLES = /\x1b\[[\d;]*m/g;

const STYLE = new RegExp(`^${STYLES.source}$`);

const STYLE_OR_BREAK = new RegExp(`(${STYLES.source}|\n)`);

/** Marks a text that was cut. */
const CUT = "…";

const NOTHING: Shown = { rows: [""], row: 0, before: "" };

const graphemes = new Intl.Segmenter();

/**
 * A line in a terminal, with a cursor within it, that takes as many rows as it needs.
 *
 * Terminals disagree about the width of emoji and of many other characters. So a row ends where the
 * next character may not fit in some terminal, none is left to be wrapped, and the cursor goes to its
 * place behind what is written before it, never to a column: the number of rows is the same everywhere.
 * Of a line that is higher than the window, the rows around the cursor are shown. Rows are cleared one by
 * one: tmux moves the screen into its scrollback when `ESC [ J` clears it from the first row.
 *
 * @example A line, and a character more
 * ```ts
 * import { TypedLine } from "./typed_line.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const line = new TypedLine();
 * line.draw("> hell", 6, 80, 24);
 * assertEquals(line.draw("> hello", 7, 80, 24), "o");
 * assertEquals(line.erase(80), "\r\x1b[K");
 * ```
 */
export class TypedLine {
  readonly #keepsCursorRow: boolean;
  #shown = NOTHING;
  #columns = 0;

  /** Creates an empty line. @param keepsCursorRow Whether the terminal does not reflow the row of the cursor. */
  constructor(keepsCursorRow: boolean = false) {
    this.#keepsCursorRow = keepsCursorRow;
  }

  /**
   * Shows a text, or changes what is shown to it.
   *
   * @param text LF ends a row; styles (SGR) take no room.
   * @param cursor Where in the text it is, in UTF-16 code units.
   * @param columns The width of the terminal; in another one than before all is drawn anew.
   * @param height The height of the terminal, in rows.
   * @returns What to write where the cursor was left.
   */
  draw(text: string, cursor: number, columns: number, height: number): string {
    const erased = columns === this.#columns ? "" : this.erase(columns);
    return erased + this.#change(cut(layOut(text, cursor, columns), height));
  }

  /**
   * Takes the line away.
   *
   * @param columns The width of the terminal, which has wrapped the rows to it.
   * @returns What to write where the cursor was left; it is then where the line began.
   */
  erase(columns: number): string {
    const { above, rows } = this.#extent(columns);
    this.#shown = NOTHING;
    this.#columns = columns;
    return moved(-above) + cleared(rows);
  }

  /** Number of rows that the line takes in a width, and of those above the cursor. */
  #extent(columns: number): { rows: number; above: number } {
    const { before, row, rows } = this.#shown;
    if (columns === this.#columns) return { rows: rows.length, above: row };
    const wrapped = rows.map((text, i) =>
      i === row && this.#keepsCursorRow ? 1 : wrappedRows(text, columns)
    );
    const sum = (counts: readonly number[]): number =>
      counts.reduce((sum, count) => sum + count, 0);
    const within = this.#keepsCursorRow
      ? 0
      : before === rows[row]
      ? wrappedRows(before, columns) - 1
      : Math.floor(width(before) / columns);
    return { rows: sum(wrapped), above: sum(wrapped.slice(0, row)) + within };
  }

  #change(shown: Shown): string {
    const old = this.#shown;
    this.#shown = shown;
    const last = shown.rows.length - 1;
    if (goesOn(old, shown)) return shown.before.slice(old.before.length);
    const same = shown.rows.findIndex((row, i) => row !== old.rows[i]);
    const isSame = same < 0 && shown.rows.length === old.rows.length;
    if (isSame) return moved(shown.row - old.row) + shown.before;
    // The cursor cannot move to rows that do not exist yet: in the last row of a window it would stay.
    const first = Math.min(same < 0 ? last : same, old.rows.length - 1);
    const drawn = moved(first - old.row) + cleared(old.rows.length - first) +
      shown.rows.slice(first).join("\r\n");
    return shown.row === last && shown.before === shown.rows[last]
      ? drawn
      : drawn + moved(shown.row - last) + shown.before;
  }
}

/** Number of rows that a row wraps to. */
function wrappedRows(row: string, columns: number): number {
  return Math.max(1, Math.ceil(width(row) / columns));
}

/** Whether what was shown is still there, and more behind it, with the cursor at its end. */
function goesOn(old: Shown, shown: Shown): boolean {
  const last = old.rows.length - 1;
  return shown.rows.length === old.rows.length && old.row === last && shown.row === last &&
    old.before === old.rows[last] && shown.before === shown.rows[last] &&
    shown.before.startsWith(old.before) &&
    shown.rows.every((row, i) => i === last || row === old.rows[i]);
}

function layOut(text: string, cursor: number, columns: number): Shown {
  const rows = [""];
  let [row, before, used] = [0, "", 0];
  for (const { index, segment } of segmentsOf(text)) {
    const needed = width(segment);
    if (segment === "\n" || used + needed > columns) {
      rows.push("");
      used = 0;
    }
    if (index <= cursor) [row, before] = [rows.length - 1, rows.at(-1)!];
    if (segment === "\n") continue;
    rows[rows.length - 1] += segment;
    used += needed;
  }
  if (cursor >= text.length) {
    if (used >= columns) rows.push("");
    [row, before] = [rows.length - 1, rows.at(-1)!];
  }
  return { rows, row, before };
}

/** Characters as people see them, line breaks, and what gives the characters a style. */
function segmentsOf(text: string): { index: number; segment: string }[] {
  let start = 0;
  return text.split(STYLE_OR_BREAK).flatMap((part) => {
    const index = start;
    start += part.length;
    return part === "\n" || STYLE.test(part) ? [{ index, segment: part }] : Array.from(
      graphemes.segment(part),
      (one) => ({ index: index + one.index, segment: one.segment }),
    );
  });
}

/** How many rows a text takes. */
export function rowsOf(text: string, columns: number): number {
  return layOut(text, 0, columns).rows.length;
}

/** A text of one line, cut and marked where it takes more than one row. */
export function firstRow(text: string, columns: number): string {
  if (rowsOf(text, columns) === 1) return text;
  return layOut(text, 0, columns - width(CUT)).rows[0] + CUT;
}

/** The last rows, or those from that of the cursor on, as many as there may be. */
function cut({ rows, row, before }: Shown, height: number): Shown {
  const first = Math.min(row, Math.max(0, rows.length - height));
  return { rows: rows.slice(first, first + height), row: row - first, before };
}

/** The most columns that a text takes in any terminal. */
function width(text: string): number {
  let width = 0;
  for (const character of text.replaceAll(STYLES, "")) {
    if (character === EMOJI_SELECTOR) width++;
    else if (!MARK.test(character)) width += character.codePointAt(0)! < FIRST_WIDE ? 1 : 2;
  }
  return width;
}

/** Moves to the start of the row that is so many below, or above. */
function moved(rows: number): string {
  if (rows === 0) return "\r";
  return `\r\x1b[${Math.abs(rows)}${rows < 0 ? "A" : "B"}`;
}

/** Clears rows from the current one on; the cursor stays at its start. */
function cleared(rows: number): string {
  if (rows <= 1) return "\x1b[K";
  return `\x1b7${Array(rows).fill("\x1b[K").join("\x1b[B")}\x1b8`;
}
