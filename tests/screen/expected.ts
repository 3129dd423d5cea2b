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

/** The line of an own message. */
export function told(name: string, text: string): string {
  return `${said(name, text)} ${DELIVERED}`;
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

/** The rule above the first message of an absence. */
export function rule(columns: number): string {
  const dashes = "─".repeat((columns - " new ".length) / 4);
  return `${dashes} new ${dashes}`;
}

/** The end of the greeting. */
export const READY = "/help lists the commands.";

/** The rows of lines: wrapped at words, or within a word wider than a row, and indented below the text. */
export function wrapped(columns: number, ...lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const head = HEAD.exec(line)?.[0] ?? "";
    const indent = " ".repeat(width(head) <= columns / 2 ? width(head) : SMALL_INDENT);
    const rows: string[] = [];
    for (const part of line.split("\n")) {
      rows.push(rows.length === 0 ? "" : indent);
      for (const word of part.split(/(?<= )(?=[^ ])/)) {
        const pieces = maxWidth(indent + word.trimEnd()) > columns ? [...word] : [word];
        for (const piece of pieces) {
          const fits = maxWidth(rows.at(-1)! + piece.trimEnd()) <= columns;
          rows.push((fits ? rows.pop()! : indent) + piece);
        }
      }
    }
    return rows;
  }).map((row) => row.trimEnd());
}

/** What stands before the text of a line. */
const HEAD = /^.{5} (?:-- |\* \S+ |[^:]*: )/;

/** The indent below a wider head. */
const SMALL_INDENT = 8;

/** The rows of the typed line, with whole graphemes; if it fills them, the cursor is in one more. */
export function typed(columns: number, line: string): string[] {
  const all = [""];
  for (const { segment } of graphemes.segment(`> ${line}`)) {
    if (width(all.at(-1)! + segment) > columns) all.push("");
    all[all.length - 1] += segment;
  }
  return (width(all.at(-1)!) === columns ? [...all, ""] : all).map((row) => row.trimEnd());
}

const graphemes = new Intl.Segmenter();

function width(text: string): number {
  return [...text].reduce(
    (sum, character) => sum + (WIDE.test(character) ? 2 : MARK.test(character) ? 0 : 1),
    0,
  );
}

/** The width in a terminal that shows everything wide that some terminal shows so. */
function maxWidth(text: string): number {
  return [...text].reduce(
    (sum, character) => sum + (character >= "\u1100" ? 2 : MARK.test(character) ? 0 : 1),
    0,
  );
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3]|\p{Emoji_Presentation}/u;

const MARK = /\p{Mn}/u;
