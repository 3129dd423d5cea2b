import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { utf8 } from "../../lib/bytes/mod.ts";
import { quote } from "../../lib/errors.ts";
import { safeName, safePaths } from "../../lib/files/mod.ts";
import { test } from "../support/test.ts";

const NAMES = [
  ["report.pdf", "report.pdf"],
  ["Grüße, Ada & co. (v2) [final]'s.txt", "Grüße, Ada & co. (v2) [final]'s.txt"],
  ["日本語.txt", "日本語.txt"],
  // Separators, drives and streams.
  ["..\\..\\evil.exe", "_.._.._evil.exe"],
  ["C:\\Windows\\x", "C__Windows_x"],
  ["a:b", "a_b"],
  ["a/b", "a_b"],
  ['<>:"/\\|?*', "_________"],
  // Control, bidirectional and invisible characters, and blanks of all kinds.
  ["a\nb\x1b[31m\x7f\x9b.txt", "a_b_[31m__.txt"],
  ["photo\u202Egnp.exe", "photognp.exe"],
  ["a\u200B\u00AD\uFEFF\u3164b", "ab"],
  ["a\u2028b\u2029c", "a_b_c"],
  ["a\u00A0b\u3000c\u2800d", "a b c d"],
  ["\u{1F468}\u200D\u{1F469}\uFE0F.jpg", "\u{1F468}\u{1F469}.jpg"],
  ["a\uE000b\uFFFFc\u{10FFFF}d\uDC00e", "a_b_c_d\uFFFDe"],
  // The edges.
  ["  a  ", "a"],
  ["a. . .", "a"],
  ["a.txt\u3000.", "a.txt"],
  [".bashrc", "_.bashrc"],
  ["..a", "_..a"],
  ["\u200B.bashrc", "_.bashrc"],
  ["-rf", "_-rf"],
  ["", "file"],
  [".", "file"],
  ["..", "file"],
  [" ... ", "file"],
  ["\u200B", "file"],
  // Devices of Windows.
  ["CON", "_CON"],
  ["nul.txt", "_nul.txt"],
  ["NUL.tar.gz", "_NUL.tar.gz"],
  ["aux .txt", "_aux .txt"],
  ["com1", "_com1"],
  ["COM0.x", "_COM0.x"],
  ["LPT\u00B2.txt", "_LPT\u00B2.txt"],
  ["conin$", "_conin$"],
  ["CONOUT$.log", "_CONOUT$.log"],
  ["C\u200BON", "_CON"],
  ["con:", "con_"],
  ["console", "console"],
  ["com10", "com10"],
  ["com", "com"],
  // Normal form C.
  ["u\u0308.txt", "\u00FC.txt"],
  ["u\u200B\u0308.txt", "\u00FC.txt"],
  ["\u212B", "\u00C5"],
] as const;

for (const [given, safe] of NAMES) {
  test(`safeName makes ${quote(safe)} of ${quote(given)}`, () => {
    assertEquals(safeName(given), safe);
  });
}

const LONG = [
  { given: `${"a".repeat(300)}.pdf`, safe: `${"a".repeat(251)}.pdf` },
  { given: "a".repeat(300), safe: "a".repeat(255) },
  { given: `${"é".repeat(200)}.jpeg`, safe: `${"é".repeat(125)}.jpeg` },
  { given: `a.${"b".repeat(300)}`, safe: `a.${"b".repeat(253)}` },
  { given: `${"a".repeat(254)}.${"b".repeat(40)}`, safe: "a".repeat(254) },
  { given: `${"\u{1F469}".repeat(70)}.png`, safe: `${"\u{1F469}".repeat(62)}.png` },
  { given: `.${"a".repeat(254)}`, safe: `_.${"a".repeat(253)}` },
  // What the cut leaves is a device of Windows.
  { given: `con${" ".repeat(300)}x.txt`, safe: "_con.txt" },
  // One character with marks without end.
  { given: `e${"\u0330".repeat(200)}`, safe: `\u1E1B${"\u0330".repeat(126)}` },
];

for (const { given, safe } of LONG) {
  test(`safeName shortens a name of ${utf8(given).length} bytes to ${utf8(safe).length}`, () => {
    assertEquals(safeName(given), safe);
  });
}

/** Characters that file systems, shells and terminals act on, among others. */
const TRICKY = [
  ...'./\\:*?"<>|-~ \t\n\0\x7f\u202E\u200D\uFE0F\u0308\u0338ußSsİıKk\u212A()2$',
  "CON",
  "nul",
  "..",
  "\uD800",
];
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.array(fc.constantFrom(...TRICKY), { maxLength: 40 }).map((parts) => parts.join("")),
  fc.tuple(fc.constantFrom(...TRICKY), fc.nat(400)).map(([part, count]) => part.repeat(count)),
);

/** Whether a name can be used on all three systems, and shows all that it has. */
function isSafe(name: string): boolean {
  return name !== "" && utf8(name).length <= 255 && name === name.normalize("NFC") &&
    name.isWellFormed() &&
    !/[<>:"/\\|?*\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(name) &&
    !/^[-. ]|[. ]$/.test(name) && !/(?! )\p{White_Space}/u.test(name) &&
    !/^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:$|\.)/i.test(name);
}

test("safeName makes every text a safe name, and leaves a safe name as it is", () => {
  fc.assert(
    fc.property(text, (name) => {
      const safe = safeName(name);
      assert(isSafe(safe), JSON.stringify(safe));
      assertEquals(safeName(safe), safe);
    }),
    { numRuns: 2_000 },
  );
});

const PATHS = [
  {
    what: "that leave the folder",
    given: ["../../a", "/etc/b", "c/../d", "./e", "f//g", ".."],
    safe: ["a", "etc/b", "c/d", "e", "f/g", "file"],
  },
  {
    what: "that differ by case",
    given: ["a.txt", "A.TXT", "a.TXT"],
    safe: ["a.txt", "A (2).TXT", "a (3).TXT"],
  },
  {
    what: "that differ by normal form",
    given: ["\u00FC", "u\u0308", "U\u0308"],
    safe: ["\u00FC", "\u00FC (2)", "\u00DC (3)"],
  },
  {
    what: "that some systems fold to one",
    given: ["stra\u00DFe", "STRASSE", "\uFB01n", "fin"],
    safe: ["stra\u00DFe", "STRASSE (2)", "\uFB01n", "fin (2)"],
  },
  { what: "that are equal", given: ["x/a", "x/a"], safe: ["x/a", "x/a (2)"] },
  {
    what: "of folders that differ by case",
    given: ["D/a", "d/a", "D/b"],
    safe: ["D/a", "d (2)/a", "D/b"],
  },
  { what: "of a file and a folder", given: ["a", "a/b", "A/c"], safe: ["a", "a (2)/b", "A (3)/c"] },
  { what: "that become equal", given: ["a:b", "a?b", "a_b"], safe: ["a_b", "a_b (2)", "a_b (3)"] },
  { what: "that have a number already", given: ["a", "a (2)", "a"], safe: ["a", "a (2)", "a (3)"] },
  { what: "without a name", given: ["", "/", "\u200B"], safe: ["file", "file (2)", "file (3)"] },
  {
    what: "of devices and hidden folders",
    given: ["nul/con.txt", ".git/config"],
    safe: ["_nul/_con.txt", "_.git/config"],
  },
];

for (const { given, safe, what } of PATHS) {
  test(`safePaths keeps paths ${what} apart and inside`, () => {
    assertEquals(safePaths(given).map((names) => names.join("/")), safe);
  });
}

test("safePaths makes safe paths of all texts, no two of which mean one file on any system", () => {
  const path = fc.array(text.map((name) => name.slice(0, 30)), { minLength: 1, maxLength: 4 })
    .map((names) => names.join("/"));
  fc.assert(
    fc.property(fc.array(path, { maxLength: 30 }), (paths) => {
      const safe = safePaths(paths);
      assert(safe.flat().every(isSafe));
      const files = safe.map((names) => names.join("/").normalize("NFD").toLowerCase());
      assertEquals(new Set(files).size, paths.length);
      // No file is also a folder.
      const folders = safe.flatMap((names) =>
        names.slice(1).map((_, i) => names.slice(0, i + 1).join("/"))
      );
      assertEquals(
        folders.filter((folder) => files.includes(folder.normalize("NFD").toLowerCase())),
        [],
      );
    }),
    { numRuns: 500 },
  );
});

test("safePaths numbers 100,000 files of one name, and long names that differ at their ends, in little time", () => {
  const one = safePaths(Array.from({ length: 100_000 }, () => "a.txt"));
  assertEquals(one.at(-1), ["a (100000).txt"]);
  const long = Array.from({ length: 15_000 }, (_, i) => `${i}`.padStart(255, "x"));
  const both = safePaths([...long, ...long]);
  assertEquals(new Set(both.map(String)).size, 30_000);
});

test("safePaths takes little time for names with many blanks", () => {
  const paths = Array.from({ length: 8_000 }, (_, i) => `a${" .".repeat(500)}${i}`);
  const start = performance.now();
  safePaths(paths);
  assert(performance.now() - start < 5_000);
});
