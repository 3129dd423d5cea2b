/** The rows at the bottom of a terminal that are redrawn in place: a typed line, or a list. */
import { segmentsOf, width } from "./width.ts";

/** A layout: rows and the cursor in them. */
interface Layout {
  /** The text of each row; the last may be empty. */
  readonly rows: readonly string[];
  /** Index of the row of the cursor. */
  readonly row: number;
  /** The text before the cursor in its row. */
  readonly before: string;
}

/** The mark at the end of a cut text. */
const CUT = "…";

const EMPTY: Layout = { rows: [""], row: 0, before: "" };

/**
 * Draws a text with a cursor in as many rows as it needs, and redraws only what changes.
 *
 * Terminals disagree about the width of emoji and of many other characters. Therefore a row ends before
 * the first character that may not fit in some terminal, so that no terminal wraps it, and the cursor is
 * placed by writing the text before it, never by column: the number of rows is the same everywhere. If
 * the text is higher than the window, the rows around the cursor are shown. Rows are cleared one by one,
 * because tmux moves the screen into its scrollback when `ESC [ J` clears it from the first row.
 *
 * @example Type one more character
 * ```ts
 * import { LiveRegion } from "./live_region.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const region = new LiveRegion();
 * region.draw("> hell", 6, 80, 24);
 * assertEquals(region.draw("> hello", 7, 80, 24), "o");
 * assertEquals(region.erase(80), "\r\x1b[K");
 * ```
 */
export class LiveRegion {
  readonly #keepsCursorRow: boolean;
  #shown = EMPTY;
  #columns = 0;

  /** Creates an empty region. @param keepsCursorRow Whether the terminal does not reflow the row of the cursor. */
  constructor(keepsCursorRow: boolean = false) {
    this.#keepsCursorRow = keepsCursorRow;
  }

  /**
   * Replaces the text.
   *
   * @param text The text; LF ends a row, and styles (SGR) take no column.
   * @param cursor Position of the cursor in the text, in UTF-16 code units.
   * @param columns Width of the terminal; if it has changed, everything is redrawn.
   * @param height Height of the terminal, in rows.
   * @returns Output for the terminal, from the current position of the cursor.
   */
  draw(text: string, cursor: number, columns: number, height: number): string {
    const erased = columns === this.#columns ? "" : this.erase(columns);
    return erased + this.#change(cut(layOut(text, cursor, columns), height));
  }

  /**
   * Erases the text and leaves the cursor at its start.
   *
   * @param columns Width of the terminal, to which it has wrapped the rows.
   * @returns Output for the terminal, from the current position of the cursor.
   */
  erase(columns: number): string {
    const { above, rows } = this.#extent(columns);
    this.#shown = EMPTY;
    this.#columns = columns;
    return moved(-above) + cleared(rows);
  }

  /** Counts the rows of the text in a width, and those above the cursor. */
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

  #change(shown: Layout): string {
    const old = this.#shown;
    this.#shown = shown;
    const last = shown.rows.length - 1;
    if (appends(old, shown)) return shown.before.slice(old.before.length);
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

/** Counts the rows that a row wraps to. */
function wrappedRows(row: string, columns: number): number {
  return Math.max(1, Math.ceil(width(row) / columns));
}

/** Whether a layout only appends to the last row, with the cursor at the end. */
function appends(old: Layout, shown: Layout): boolean {
  const last = old.rows.length - 1;
  return shown.rows.length === old.rows.length && old.row === last && shown.row === last &&
    old.before === old.rows[last] && shown.before === shown.rows[last] &&
    shown.before.startsWith(old.before) &&
    shown.rows.every((row, i) => i === last || row === old.rows[i]);
}

function layOut(text: string, cursor: number, columns: number): Layout {
  const rows = [""];
  let [row, before, used] = [0, "", 0];
  const addRow = (): void => {
    rows.push("");
    used = 0;
  };
  for (const { index, segment } of segmentsOf(text)) {
    const isBreak = segment === "\n";
    const needed = width(segment);
    if (!isBreak && used + needed > columns) addRow();
    if (index <= cursor) [row, before] = [rows.length - 1, rows.at(-1)!];
    if (isBreak) addRow();
    else {
      rows[rows.length - 1] += segment;
      used += needed;
    }
  }
  if (cursor >= text.length) {
    if (used >= columns) rows.push("");
    [row, before] = [rows.length - 1, rows.at(-1)!];
  }
  return { rows, row, before };
}

/** Counts the rows of a text. */
export function rowsOf(text: string, columns: number): number {
  return layOut(text, 0, columns).rows.length;
}

/** Cuts a text of one line to one row, with a mark if it was cut. */
export function firstRow(text: string, columns: number): string {
  if (rowsOf(text, columns) === 1) return text;
  return layOut(text, 0, columns - width(CUT)).rows[0] + CUT;
}

/** Cuts a layout to the height of the window: to its last rows, or to those from the cursor on. */
function cut({ rows, row, before }: Layout, height: number): Layout {
  const first = Math.min(row, Math.max(0, rows.length - height));
  return { rows: rows.slice(first, first + height), row: row - first, before };
}

/** Moves the cursor to the start of another row. @param rows Rows down; up if negative. */
function moved(rows: number): string {
  if (rows === 0) return "\r";
  return `\r\x1b[${Math.abs(rows)}${rows < 0 ? "A" : "B"}`;
}

/** Clears rows from the current one down; the cursor stays at its start. */
function cleared(rows: number): string {
  if (rows <= 1) return "\x1b[K";
  return `\x1b7${Array(rows).fill("\x1b[K").join("\x1b[B")}\x1b8`;
}
