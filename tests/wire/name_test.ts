import { assertEquals, assertStringIncludes } from "@std/assert";
import { MAX_NAME_BYTES, nameProblem } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";

test("nameProblem takes the names of people", () => {
  const names = [
    "a",
    "Ada Lovelace",
    "böb",
    "李小龍",
    "Ζωή",
    "אבא",
    "O'Neil-Smith",
    "x_9!",
    "😀",
    "é",
  ];
  for (const name of names) assertEquals(nameProblem(name), undefined, name);
});

test("nameProblem counts bytes of UTF-8", () => {
  assertEquals(nameProblem("a".repeat(MAX_NAME_BYTES)), undefined);
  assertEquals(nameProblem("é".repeat(MAX_NAME_BYTES / 2)), undefined);
  assertStringIncludes(nameProblem("a".repeat(MAX_NAME_BYTES + 1))!, "49 bytes");
  assertStringIncludes(nameProblem(`${"é".repeat(MAX_NAME_BYTES / 2)}a`)!, "49 bytes");
  assertStringIncludes(nameProblem("")!, "empty");
});

test("nameProblem refuses what acts on a screen or cannot be seen", () => {
  const characters = [
    0x00,
    0x07,
    0x08,
    0x09,
    0x0a,
    0x0d,
    0x1b,
    0x7f,
    0x80,
    0x85,
    0x9b,
    0x9f, // C0, DEL, C1
    0x061c,
    0x200e,
    0x200f,
    0x202a,
    0x202b,
    0x202c,
    0x202d,
    0x202e, // bidi
    0x2066,
    0x2067,
    0x2068,
    0x2069,
    0x00ad,
    0x200b,
    0x200c,
    0x200d,
    0x2060,
    0xfeff,
    0x034f,
    0x180e, // zero-width
    0x115f,
    0x3164,
    0xffa0,
    0xfe0f, // fillers and variation selectors
    0x2028,
    0x2029,
    0xe000,
    0xfff9,
    0xffff,
    0xe0041, // separators, private use, tags, none
  ];
  for (const code of characters) {
    for (const name of [String.fromCodePoint(code), `a${String.fromCodePoint(code)}b`]) {
      assertStringIncludes(nameProblem(name) ?? "", "control or invisible", code.toString(16));
    }
  }
});

test("nameProblem refuses half of a surrogate pair", () => {
  for (const name of ["\ud800", "a\udc00b"]) assertStringIncludes(nameProblem(name)!, "invisible");
});

test("nameProblem refuses the marks that lanchat puts around names", () => {
  for (const mark of [":", "#", "\\"]) {
    for (const name of [mark, `a${mark}`, `${mark}a`]) {
      assertStringIncludes(nameProblem(name)!, "one of the characters");
    }
  }
});

test("nameProblem refuses check marks, wherever they are", () => {
  for (const mark of "√∛∜⎷⍻☑✅✓✔🗸🗹𐄂🮱") {
    for (const name of [mark, `bob${mark}`, `${mark}bob`, `bo${mark}b`, `bob ${mark}`]) {
      assertStringIncludes(nameProblem(name) ?? "", "check mark", name);
    }
  }
});

test("nameProblem refuses space at an end, and unusual space anywhere", () => {
  assertEquals(nameProblem("a  b"), undefined);
  for (const name of [" ", " a", "a ", "a\u00a0b", "a\u2003b", "\u3000", "a\u1680b"]) {
    assertStringIncludes(nameProblem(name)!, "space", JSON.stringify(name));
  }
});

test("nameProblem refuses what is not in normal form C", () => {
  assertStringIncludes(nameProblem("e\u0301")!, "normal form C");
  assertStringIncludes(nameProblem("\u212b")!, "normal form C");
});
