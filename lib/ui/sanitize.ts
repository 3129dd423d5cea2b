/** Makes text from outside safe for terminals, logs and JSON. */

const TAB = "    ";

/**
 * Maximum lines of one message. Without it, each byte of a text could become a line with its indent: seven
 * bytes in a log.
 */
const MAX_LINES = 1024;

/** Line breaks of any terminal. */
const LINE_BREAK = /\r\n|[\n\v\f\r\x85\u2028\u2029]/gu;

/**
 * Characters that control a terminal or are invisible in it: controls, format characters (bidi, zero
 * width, tags), line separators, lone surrogates, fillers and variation selectors.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const BACKSLASH_OR_UNSAFE = /[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Zero-width characters that only shape their neighbors, as in Persian and in emoji, and the tags that
 * turn a black flag into that of a region.
 */
const JOINERS = /[\u200c\u200d\ufe0e\ufe0f]|(?<=\u{1f3f4})[\u{e0061}-\u{e007a}]{3,5}\u{e007f}/gu;

/** More combining marks on one letter than any script has: they would cover the lines above. */
const STACKED_MARKS = /(\p{M}{8})\p{M}+/gu;

/**
 * Makes a text safe to show in a terminal: control and invisible characters become visible escapes, tabs
 * become spaces, the marks on one letter end after eight, and each line break becomes LF.
 * The result contains no control character except LF, and at most 1024 lines: in the last line, line
 * breaks are escapes too.
 *
 * The text after a line break must be indented where it is shown, so that it does not look like another
 * message.
 *
 * Joiners and emoji selectors are removed: their neighbors show without them.
 *
 * @example A text that would clear the screen
 * ```ts
 * import { sanitize } from "./sanitize.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sanitize("\x1b[2Jbye\nbob: hi"), "\\x1b[2Jbye\nbob: hi");
 * ```
 */
export function sanitize(text: string): string {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(LINE_BREAK)) {
    if (lines.length === MAX_LINES - 1) break;
    lines.push(text.slice(start, index));
    start = index + end.length;
  }
  return [...lines, text.slice(start)].map(sanitizeLine).join("\n");
}

/** Makes a text safe as {@linkcode sanitize} does, with line breaks as visible escapes too. */
export function sanitizeLine(text: string): string {
  return text
    .replaceAll(JOINERS, "")
    .replaceAll("\t", TAB)
    .replaceAll(UNSAFE, visible)
    .replaceAll(STACKED_MARKS, "$1\ufffd");
}

/**
 * Escapes a text into one line that a script can decode: `\\` for a backslash, `\n` for a line feed,
 * `\xNN` for any other control or invisible character up to U+00FF, `\u{N…}` above.
 */
export function escapeText(text: string): string {
  return text.replaceAll(BACKSLASH_OR_UNSAFE, (character) => {
    if (character === "\\") return "\\\\";
    return character === "\n" ? "\\n" : visible(character);
  });
}

/**
 * Encodes a value as one line of JSON in which each control and invisible character is a `\u` escape.
 *
 * @param value A value that JSON can represent.
 */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(/\\(.)/g, (escape, letter) => SHORT_ESCAPES[letter] ?? escape)
    .replaceAll(UNSAFE, (character) => {
      let escapes = "";
      for (let i = 0; i < character.length; i++) escapes += utf16Escape(character.charCodeAt(i));
      return escapes;
    });
}

/** The short escapes of `JSON.stringify`, and the long ones. */
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  b: "\\u0008",
  t: "\\u0009",
  n: "\\u000a",
  f: "\\u000c",
  r: "\\u000d",
};

/** Cuts a text to its first characters, with a mark where it was cut. @param length In characters. */
export function excerpt(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length).join("")}…` : text;
}

function visible(character: string): string {
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  return code <= 0xff ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

function utf16Escape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
