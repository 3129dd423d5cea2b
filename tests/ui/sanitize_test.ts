import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { escapeText, excerpt, sanitize, sanitizeLine, toJsonLine } from "../../lib/ui/sanitize.ts";
import { test } from "../support/test.ts";

/** First and last code points of characters that must not reach a terminal, from the Unicode charts. */
const DANGEROUS: readonly [number, number][] = [
  [0x00, 0x1f], // C0: ESC, BEL, BS, CR, …
  [0x7f, 0x9f], // DEL and C1: CSI, OSC, …
  [0xad, 0xad], // soft hyphen
  [0x034f, 0x034f], // combining grapheme joiner
  [0x061c, 0x061c], // Arabic letter mark
  [0x115f, 0x1160], // Hangul fillers
  [0x17b4, 0x17b5], // Khmer inherent vowels
  [0x180b, 0x180f], // Mongolian selectors
  [0x200b, 0x200f], // zero width, joiners, bidi marks
  [0x2028, 0x202e], // separators, bidi embeddings and overrides
  [0x2060, 0x206f], // invisible operators, bidi isolates
  [0x3164, 0x3164], // Hangul filler
  [0xd800, 0xdfff], // lone surrogates
  [0xfe00, 0xfe0f], // variation selectors
  [0xfeff, 0xfeff], // byte order mark
  [0xffa0, 0xffa0], // half-width Hangul filler
  [0xfff9, 0xfffb], // annotations
  [0x1d173, 0x1d17a], // musical format characters
  [0xe0000, 0xe0fff], // tags, variation selectors
];

const dangerous = fc.constantFrom(...DANGEROUS)
  .chain(([first, last]) => fc.integer({ min: first, max: last }))
  .map((code) => String.fromCodePoint(code));

const nasty = fc.string({
  unit: fc.oneof(
    dangerous,
    fc.constantFrom("\\", "\n", "\r\n", "\x1b[2J", "\u0301", "\u20dd", "x", "u{202e}", "é", "日"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 60,
});

function assertHarmless(text: string): void {
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const range = DANGEROUS.find(([first, last]) => first <= code && code <= last);
    assertEquals(range, undefined, `U+${code.toString(16)} in ${JSON.stringify(text)}`);
  }
}

test("sanitizeLine leaves no control or invisible character", () => {
  fc.assert(fc.property(nasty, (text) => assertHarmless(sanitizeLine(text))));
  for (const [first, last] of DANGEROUS) {
    for (const code of [first, last]) assertHarmless(sanitizeLine(String.fromCodePoint(code)));
  }
});

test("sanitize leaves no such character except LF", () => {
  fc.assert(fc.property(nasty, (text) => {
    for (const line of sanitize(text).split("\n")) assertHarmless(line);
  }));
});

test("sanitize changes no ordinary text", () => {
  for (
    const text of ["", "hello", "Grüße, Łódź", "日本語", "C:\\n", "👍🏽 🇫🇷", "é", "שלום", "สวัสดี"]
  ) {
    assertEquals(sanitize(text), text);
  }
});

test("sanitize escapes control characters visibly", () => {
  const cases = [
    ["\x1b]0;title\x07", "\\x1b]0;title\\x07"],
    ["\x9b2J", "\\x9b2J"],
    ["a\u202eb", "a\\u{202e}b"],
    ["a\u{e0041}b", "a\\u{e0041}b"],
    ["a\u200bb", "a\\u{200b}b"],
    ["\u{1f3f4}\u{e0067}\u{e0062}b", "\u{1f3f4}\\u{e0067}\\u{e0062}b"],
    ["\ud800", "\\u{d800}"],
    ["\tx", "    x"],
  ];
  for (const [text, shown] of cases) assertEquals(sanitize(text!), shown);
});

test("sanitize breaks lines where any terminal does", () => {
  assertEquals(sanitize("a\nb\rc\r\nd\ve\ff\x85g\u2028h\u2029i").split("\n"), [
    ..."abcdefghi",
  ]);
});

test("sanitize removes joiners and emoji selectors", () => {
  assertEquals(sanitize("👨\u200d👩 ❤\ufe0f می\u200cخواهم"), "👨👩 ❤ میخواهم");
});

test("sanitize cuts a stack of combining marks after eight", () => {
  const mark = "\u0301";
  assertEquals(sanitize(`e${mark.repeat(8)}x`), `e${mark.repeat(8)}x`);
  assertEquals(sanitize(`e${mark.repeat(500)}x`), `e${mark.repeat(8)}\ufffdx`);
  assertEquals(
    sanitize(`e${`${mark}\u200d`.repeat(500)}x`),
    `e${mark.repeat(8)}\ufffdx`,
    "hidden characters do not part a stack",
  );
});

test("escapeText writes one safe line that a script can decode", () => {
  fc.assert(fc.property(nasty, (text) => {
    const escaped = escapeText(text);
    assertHarmless(escaped);
    assertEquals(unescape(escaped), text);
  }));
});

test("escapeText writes what the README says", () => {
  assertEquals(
    escapeText("C:\\dir\nnext\r\x1b[1m\x85\u202e\u{e0041}\u2028 é 日"),
    "C:\\\\dir\\nnext\\x0d\\x1b[1m\\x85\\u{202e}\\u{e0041}\\u{2028} é 日",
  );
});

test("toJsonLine writes one safe line that JSON.parse decodes", () => {
  fc.assert(fc.property(nasty, (text) => {
    const value = { text, list: [text, 1, null, true] };
    const line = toJsonLine(value);
    assertHarmless(line);
    assertEquals(JSON.parse(line), value);
  }));
});

test("toJsonLine writes every control as a \\u escape", () => {
  const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).join("");
  assertMatch(toJsonLine(controls), /^"(\\u00[01][0-9a-f]){32}"$/);
  assertEquals(toJsonLine('\\n"\u{e0041}\x7f'), '"\\\\n\\"\\udb40\\udc41\\u007f"');
});

function unescape(text: string): string {
  return text.replaceAll(/\\(?:([\\n])|x(..)|u\{([^}]+)\})/g, (_, letter, byte, code) => {
    if (letter !== undefined) return letter === "n" ? "\n" : "\\";
    return String.fromCodePoint(parseInt(byte ?? code, 16));
  });
}

test("sanitize limits a message to 1024 lines, and its growth after them", () => {
  const text = "\n".repeat(16_384);
  const safe = sanitize(text);
  const lines = safe.split("\n");
  assertEquals(lines.length, 1024);
  assertEquals(lines.at(-1), "\\x0a".repeat(16_384 - 1023));
  assertEquals(safe.length, 1023 + (16_384 - 1023) * 4);
  const whole = "a\r\n".repeat(1023);
  assertEquals(sanitize(whole), "a\n".repeat(1023));
  assertEquals(sanitize(`${whole}b\r\nc`), `${"a\n".repeat(1023)}b\\x0d\\x0ac`);
});

test("excerpt cuts between characters", () => {
  assertEquals(excerpt("👍👍", 2), "👍👍");
  assertEquals(excerpt("👍👍👍", 2), "👍👍…");
});
