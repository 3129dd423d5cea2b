/** Makes text from outside safe for terminals, logs and JSON. */

/** Where a message's text goes on after a line break, so that no such line looks like another message. */
const CONTINUATION = "\n      ";

const TAB = "    ";

/**
 * Most lines of one message. Without a limit each byte of a text could become a line of its own with
 * its indentation, seven bytes in a log.
 */
const MAX_LINES = 1024;

/** What ends a line in some terminal or other. */
const LINE_BREAK = /\r\n|[\n\v\f\r\x85\u2028\u2029]/gu;

/**
 * Characters that act on a terminal or are not seen in it: controls, format characters (bidi, zero
 * width, tags), line separators, lone surrogates, fillers and variation selectors.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const BACKSLASH_OR_UNSAFE = /[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Zero-width characters that only shape their neighbours, in Persian and in emoji among others, and the tags
 * that make the flag of a region of a black one.
 */
const JOINERS = /[\u200c\u200d\ufe0e\ufe0f]|(?<=\u{1f3f4})[\u{e0061}-\u{e007a}]{3,5}\u{e007f}/gu;

/** More marks on one letter than any script has; they would cover the lines above. */
const STACKED_MARKS = /(\p{M}{8})\p{M}+/gu;

/**
 * Makes a text from outside safe to show in a terminal: every character that acts or is not seen
 * becomes a visible escape, a tab becomes spaces, marks stacked on one letter end after eight, and
 * what follows a line break is indented. The result holds no control character but LF, and at most
 * 1024 lines: in the last one, line breaks are escapes too.
 *
 * Joiners and emoji selectors are left out, as their neighbours show without them.
 *
 * @example A text that would clear the screen
 * ```ts
 * import { sanitize } from "./sanitize.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sanitize("\x1b[2Jbye\nbob: hi"), "\\x1b[2Jbye\n      bob: hi");
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
  return [...lines, text.slice(start)].map(sanitizeLine).join(CONTINUATION);
}

/** As {@linkcode sanitize}, but line breaks become visible escapes too. */
export function sanitizeLine(text: string): string {
  return text
    .replaceAll(JOINERS, "")
    .replaceAll("\t", TAB)
    .replaceAll(UNSAFE, visible)
    .replaceAll(STACKED_MARKS, "$1\ufffd");
}

/**
 * Writes a text into one line so that a script can undo it: `\\` for a backslash, `\n` for a line
 * feed, `\xNN` for every other control or unseen character up to U+00FF, `\u{N…}` above.
 */
export function escapeText(text: string): string {
  return text.replaceAll(BACKSLASH_OR_UNSAFE, (character) => {
    if (character === "\\") return "\\\\";
    return character === "\n" ? "\\n" : visible(character);
  });
}

/**
 * A value as one line of JSON in which every control and every unseen character is a `\u` escape.
 *
 * @param value Anything that JSON can hold.
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

/** What `JSON.stringify` shortens. */
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
