import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { COLOR_THEME } from "../../lib/ui/theme.ts";
import { type ShownLine, wrapLine, wrapOutput } from "../../lib/ui/wrap.ts";
import { Emulator, type Widths } from "../support/emulator.ts";
import { test } from "../support/test.ts";

const { mention, name } = COLOR_THEME;

/** Splits off the style, which takes no column. */
function unstyled(text: string): string {
  // deno-lint-ignore no-control-regex -- a style is a control sequence
  return text.replaceAll(/\x1b\[[\d;]*m/g, "");
}

function rowsOf(line: ShownLine, columns: number): string[] {
  return unstyled(wrapLine(line, columns)).split("\n").map((row) => row.trimEnd());
}

/** Asserts the rows of a line of bob. */
function assertRows(text: string, columns: number, ...rows: string[]): void {
  assertEquals(rowsOf({ head: "12:00 bob: ", text }, columns), rows, text);
}

/** The rows that a terminal shows. */
async function shown(text: string, columns: number, widths: Widths): Promise<string[]> {
  const screen = new Emulator(columns, 200, widths);
  screen.write(text.replaceAll("\n", "\r\n"));
  await screen.settled();
  const { lines } = screen;
  await screen.close();
  return lines;
}

const TEXTS = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."abcdefgh  .,-:é—日本語ひカ漢\n"),
    fc.constantFrom("👍🏽", "🇩🇪", "☕", "e\u0301\u0302", "\u1112\u1161\u11ab", "กำ", "नि", "क्ष", "✓"),
    fc.constantFrom(
      "14:02 eve: hi",
      "\n      -- error: x",
      "\n14:02 eve: hi",
      "> ",
      " ".repeat(30),
    ),
    fc.constantFrom("x".repeat(70), "日".repeat(50), "\u1100".repeat(40), "क्".repeat(90)),
  ),
  maxLength: 60,
});

const NAMES = fc.oneof(
  fc.constantFrom("b", "bob", "bob✓", "Ada Lovelace", "日本", "日".repeat(16), "x".repeat(48)),
  fc.constantFrom("a -- b", "👍🏽 x"),
);

test("wrapLine keeps every text, in rows that fit any terminal and are indented after the first", async () => {
  await fc.assert(
    fc.asyncProperty(
      NAMES,
      TEXTS,
      fc.integer({ min: 20, max: 200 }),
      fc.constantFrom<Widths>("code-points", "graphemes"),
      async (who, text, columns, widths) => {
        const head = `12:00 ${name({ name: who, key: "" })}: `;
        const wrapped = wrapLine({ head, text: text.replaceAll("a", mention("a")) }, columns);
        const rows = unstyled(wrapped).split("\n");
        const packed = (all: string): string => all.replaceAll(/[ \n]/g, "");
        assertEquals(packed(rows.join("")), packed(unstyled(head) + text));
        for (const row of rows.slice(1)) assertMatch(row, /^ {8}/);
        // The terminal itself has wrapped no row.
        const trimmed = rows.map((row) => row.trimEnd());
        trimmed.splice(trimmed.findLastIndex((row) => row !== "") + 1);
        assertEquals((await shown(wrapped, columns, widths)).slice(0, trimmed.length), trimmed);
        const short = text.match(/(?<![^ \n])[a-h.,:-]+(?![^ \n])/g) ?? [];
        for (const word of short.filter(({ length }) => length <= columns / 2)) {
          assert(rows.some((row) => row.includes(word)), `${word} is cut`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("wrapLine breaks rows at words, below the text", () => {
  assertRows("one two three four", 24, "12:00 bob: one two three", "           four");
  assertRows("one two three  four", 24, "12:00 bob: one two three", "           four");
  assertRows("one two threefour", 24, "12:00 bob: one two", "           threefour");
  assertRows("a\n  b\n\nc", 24, "12:00 bob: a", "             b", "", "           c");
  assertRows("x ".repeat(7), 24, "12:00 bob: x x x x x x x");
  assertRows(" ".repeat(99) + "x", 24, "12:00 bob:", "           x");
});

test("wrapLine cuts a word wider than a row, from the place where it begins", () => {
  const link = "http://host.example/a/path?query";
  assertRows(
    `see ${link}`,
    24,
    "12:00 bob: see http://ho",
    "           st.example/a/",
    [
      "           path?query",
    ].join(),
  );
  assertRows("日本語".repeat(4), 21, "12:00 bob: 日本語日本", "        語日本語日本", "        語");
  assertRows("hi 日本、語です", 24, "12:00 bob: hi 日本、語で", "           す");
});

test("wrapLine indents below the name where the text begins too far to the right", () => {
  const text = "one two three";
  assertRows(text, 20, "12:00 bob: one two", "        three");
  const name = "x".repeat(24);
  assertEquals(rowsOf({ head: `12:00 ${name}: `, text }, 40), [
    `12:00 ${name}: one two`,
    "        three",
  ]);
  assertEquals(rowsOf({ head: "12:00 bob✓: ", text }, 24), [
    "12:00 bob✓: one two",
    "            three",
  ]);
});

test("wrapLine ends the style of a text before an indent, and begins it again after it", () => {
  const text = `hi ${mention("Ada Lovelace")} ok`;
  assertEquals(
    wrapLine({ head: "12:00 bob: ", text }, 24),
    "12:00 bob: hi \x1b[7mAda\x1b[m\n           \x1b[7mLovelace\x1b[27m ok",
  );
});

test("wrapLine leaves a verbatim line as it is, and without columns each line of a text", () => {
  const text = "word ".repeat(40).trim();
  assertEquals(wrapLine({ head: "-- ", text, verbatim: true }, 20), `-- ${text}`);
  assertEquals(
    wrapLine({ head: "12:00 bob: ", text: `${text}\nx` }, Infinity),
    [
      `12:00 bob: ${text}`,
      "           x",
    ].join("\n"),
  );
});

test("wrapOutput wraps below a mark or a first column, and leaves links and commands whole", () => {
  const link = `lanchat://${"x".repeat(40)}`;
  const cases: [line: string, ...rows: string[]][] = [
    ["lanchat: error: Cannot join", "lanchat: error:", "         Cannot join"],
    ["ok addresses: 192.0.2.2 (eth0)", "ok addresses:", "   192.0.2.2 (eth0)"],
    ["   Check the other machine.", "   Check the other", "   machine."],
    ["  join  joins a whole room", "  join  joins a", "        whole room"],
    ["Why isn't 'lanchat scan' what isn't", "Why isn't", "'lanchat scan' what", "isn't"],
    [`See the link ${link} here`, "See the link", link, "here"],
    ["Examples: lanchat join 192.168.1.5", "Examples: lanchat join 192.168.1.5"],
    ["    deno run --allow-net main.ts", "    deno run --allow-net main.ts"],
    [`${link} for you`, `${link} for you`],
  ];
  for (const [line, ...rows] of cases) {
    assertEquals(wrapOutput(line, 20), rows.join("\n"));
    assertEquals(wrapOutput(line, Infinity), line);
  }
});

test("wrapLine keeps every text in a window of any width", () => {
  fc.assert(
    fc.property(NAMES, TEXTS, fc.integer({ min: 1, max: 19 }), (who, text, columns) => {
      const rows = rowsOf({ head: `12:00 ${who}: `, text }, columns);
      const packed = (all: string): string => all.replaceAll(/[ \n]/g, "");
      assertEquals(packed(rows.join("")), packed(`12:00 ${who}: ${text}`));
    }),
  );
});
