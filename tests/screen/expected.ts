/**
 * How the screen looks: what the tests of this folder expect where the look is not what they are about.
 *
 * @module
 */
/** Every time of day, as the tests see it. */
const TIME = "00:00";

/** Stands behind an own message that everybody has. */
const DELIVERED = "✓✓";

/** The line of a message of somebody else. */
export function said(name: string, text: string): string {
  return `${TIME} ${name}: ${text}`;
}

/** The line of an own message; what follows a line break is indented. */
export function told(name: string, text: string): string {
  return `${said(name, text.replaceAll("\n", "\n      "))} ${DELIVERED}`;
}

/** The line of a private message that came. */
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

/** The line of a notice; of those that belong together, all but the first have no time. */
export function notice(text: string, isFirst = true): string {
  return `${isFirst ? TIME : "     "} -- ${text}`;
}

/** Ends what is shown at the beginning. */
export const READY = "/help shows the commands.";

/** The rows that lines take in a terminal that measures code points. */
export function wrapped(columns: number, ...lines: readonly string[]): string[] {
  return lines.flatMap((line) => rows(columns, [...line])).map((row) => row.trimEnd());
}

/** The rows of the line that is typed, characters whole; where it fills them, the cursor is in one more. */
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
