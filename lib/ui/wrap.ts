/** Lines of a conversation, and how they are wrapped at words. */
import { segmentsOf, stylesOf, usualWidth, width } from "./width.ts";

/** The widest head that rows are indented by. */
const MAX_INDENT = 30;

/** The indent after a wider head: no line begins there, a notice begins two columns before. */
const SMALL_INDENT = 8;

/** Columns that an indent leaves in a narrow window: those of a wide character. */
const MIN_ROOM = 2;

/** Where a row may end: after spaces, and between two letters of a script without spaces. */
const OPPORTUNITY =
  /(?<= )(?=[^ ])|(?<=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])/u;

/** Ends a style, as a theme does. */
// deno-lint-ignore no-control-regex -- a style is a control sequence
const STYLE_END = /^\x1b\[(?:2\d|39)/;

const RESET_STYLE = "\x1b[m";

/** A line to show. */
export interface ShownLine {
  /** What stands before the text: the time, the mark or the name. It is safe to show. */
  readonly head: string;
  /** The text, which is safe to show; LF breaks it. */
  readonly text: string;
  /** Present where the text is not wrapped, because it is a picture or a person copies it. */
  readonly verbatim?: true;
  /** Present where no word is cut, because a person may copy it: the terminal itself wraps a longer one. */
  readonly whole?: boolean;
}

/**
 * Wraps a line at words. Each row after the first is indented below the text, or below the name if that is
 * too wide. No line begins with so much space, so no part of a text looks like another line.
 *
 * @param columns Width of the terminal; with `Infinity`, only the line breaks in the text end a row.
 * @returns The rows, separated by LF. None is wider than the terminal if it has at least 20 columns.
 *
 * @example A message in a narrow window
 * ```ts
 * import { wrapLine } from "./wrap.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(wrapLine({ head: "12:00 bob: ", text: "see you at noon" }, 24), [
 *   "12:00 bob: see you at",
 *   "           noon",
 * ].join("\n"));
 * ```
 */
export function wrapLine(
  { head, text, verbatim, whole = false }: ShownLine,
  columns: number,
): string {
  if (verbatim) return head + text;
  const indent = indentBelow(head, columns);
  const rows = `${head}${text}`.split("\n").flatMap((part, i) =>
    wrap(part, columns, i === 0 ? 0 : indent, indent, whole)
  );
  return joinStyled(rows.map((row) => row.trimEnd()), `\n${" ".repeat(indent)}`);
}

/** The first part of a line of output: a mark, an indent, or the first column of a table. */
const FIRST_PART = /^(?:(?:lanchat: )?(?:ok|!!|\?\?) |lanchat: | *\S.*? {2,}| *)/;

/** A line of output that a person copies: a command or a link. */
const TO_COPY = /^(?:Examples: | {4}|lanchat:\/\/)/;

/** A command in a sentence. */
const QUOTED = /(?<!\w)'[^']*'(?!\w)/g;

/** Stands for a space in a command. */
const HARD_SPACE = "\u00a0";

/**
 * Wraps a line that a command prints, and leaves commands and links whole.
 *
 * @param columns Width of the terminal; `Infinity` without one.
 *
 * @example A hint
 * ```ts
 * import { wrapOutput } from "./wrap.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const hint = "lanchat: hint: Check that 'lanchat serve' runs.";
 * assertEquals(wrapOutput(hint, 30), [
 *   "lanchat: hint: Check that",
 *   "         'lanchat serve' runs.",
 * ].join("\n"));
 * ```
 */
export function wrapOutput(line: string, columns: number): string {
  if (columns === Infinity || TO_COPY.test(line)) return line;
  const head = FIRST_PART.exec(line)![0];
  const text = line.slice(head.length)
    .replaceAll(QUOTED, (command) => command.replaceAll(" ", HARD_SPACE));
  return wrapLine({ head, text, whole: true }, columns).replaceAll(HARD_SPACE, " ");
}

function indentBelow(head: string, columns: number): number {
  const indent = usualWidth(head);
  return indent <= Math.min(MAX_INDENT, columns / 2)
    ? indent
    : Math.max(0, Math.min(SMALL_INDENT, columns - MIN_ROOM));
}

/**
 * Splits a text into rows at words; a word wider than a row is cut. The spaces after a word stay in its
 * row, where they may exceed it.
 *
 * @param used Columns of the first row that are used before the text.
 * @param indent Columns of the other rows that are used before the text.
 * @param whole Whether a wider word is not cut.
 */
function wrap(
  text: string,
  columns: number,
  used: number,
  indent: number,
  whole: boolean,
): string[] {
  const rows = [""];
  const add = (piece: string): void => {
    rows[rows.length - 1] += piece;
    used += width(piece);
  };
  const addRow = (piece: string): void => {
    rows.push("");
    used = indent;
    add(piece);
  };
  const room = columns - indent;
  for (const word of text.split(OPPORTUNITY)) {
    const needed = width(word.trimEnd());
    if (used + needed <= columns) add(word);
    else if (needed <= room || whole) addRow(word);
    else {
      for (const piece of piecesOf(word, room)) {
        const fits = piece === " " || used + width(piece) <= columns || rows.at(-1) === "";
        if (fits) add(piece);
        else addRow(piece);
      }
    }
  }
  return rows;
}

/** Splits a word into graphemes and styles; a grapheme wider than a row, into characters. */
function piecesOf(word: string, room: number): string[] {
  return segmentsOf(word).flatMap(({ segment }) => width(segment) > room ? [...segment] : segment);
}

/** Joins rows without the style of a text in the separator. */
function joinStyled([first = "", ...others]: readonly string[], separator: string): string {
  let style = "";
  const follow = (row: string): string => {
    const last = stylesOf(row).at(-1);
    if (last !== undefined) style = STYLE_END.test(last) ? "" : last;
    return row;
  };
  return others.reduce((joined, row) => {
    const [end, begin] = style === "" ? ["", ""] : [RESET_STYLE, style];
    return joined + end + separator + begin + follow(row);
  }, follow(first));
}
