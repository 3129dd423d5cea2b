/**
 * The lines that the tests of this folder expect on the screen.
 *
 * @module
 */
/** Replaces each time of day on the screen. */
const TIME = "00:00";

/** The mark of an own message that is delivered. */
const DELIVERED = "✓✓";

/** The line of a received message. */
export function said(name: string, text: string): string {
  return `${TIME} ${name}: ${text}`;
}

/** The line of an own message; text after a line break is indented. */
export function told(name: string, text: string): string {
  return `${said(name, text.replaceAll("\n", "\n      "))} ${DELIVERED}`;
}

/** The line of a received private message. */
export function whispered(name: string, text: string): string {
  return `${TIME} ${name} (private): ${text}`;
}

/** The line of an own private message. */
export function whisperedTo(name: string, to: string, text: string): string {
  return `${TIME} ${name} to ${to} (private): ${text} ${DELIVERED}`;
}

/** The line of an own action. */
export function did(name: string, text: string): string {
  return `${TIME} * ${name} ${text} ${DELIVERED}`;
}

/** The line of a notice. @param isFirst Whether it has a time: only the first of several has. */
export function notice(text: string, isFirst = true): string {
  return `${isFirst ? TIME : "     "} -- ${text}`;
}

/** The end of the greeting. */
export const READY = "/help shows the commands.";

/** The rows of lines in a terminal that measures code points. */
export function wrapped(columns: number, ...lines: readonly string[]): string[] {
  return lines.flatMap((line) => rows(columns, [...line])).map((row) => row.trimEnd());
}

/** The rows of the typed line, with whole graphemes; if it fills them, the cursor is in one more. */
export function typed(columns: number, line: string): string[] {
  const all = rows(columns, Array.from(graphemes.segment(`> ${line}`), ({ segment }) => segment));
  return (width(all.at(-1)!) === columns ? [...all, ""] : all).map((row) => row.trimEnd());
}

const graphemes = new Intl.Segmenter();

function rows(columns: number, characters: readonly string[]): string[] {
  const rows = [""];
  for (const character of characters) {
    if (width(rows.at(-1)! + character) > columns) rows.push("");
    rows[rows.length - 1] += character;
  }
  return rows;
}

function width(text: string): number {
  return [...text].reduce(
    (sum, character) => sum + (WIDE.test(character) ? 2 : MARK.test(character) ? 0 : 1),
    0,
  );
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3]|\p{Emoji_Presentation}/u;

const MARK = /\p{Mn}/u;
