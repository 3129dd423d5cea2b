import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { MAX_NAME_BYTES, nameProblem, plainName, typedName } from "../../lib/wire/mod.ts";
import { EMOJI } from "../support/emoji.ts";
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

test("nameProblem refuses control and invisible characters", () => {
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

test("nameProblem takes joiners, selectors and tags that make an emoji", () => {
  for (const [name, emoji] of Object.entries(EMOJI)) {
    for (const text of [emoji, `${emoji}ada`, `ada ${emoji}`, `a${emoji}b`, emoji + emoji]) {
      const problem = nameProblem(text);
      assertEquals(problem?.includes("long") ? undefined : problem, undefined, name);
    }
  }
});

test("nameProblem refuses them elsewhere, in emoji that are none, and left over", () => {
  const names = [
    "\u{1F469}\u200D", // Nothing is joined,
    "\u200D\u{1F469}",
    "\u{1F469}\u200D\u{1F469}", // or what nobody joins,
    "\u{1F469}\u200D\u2764\u200D\u{1F468}", // or without the selector that is recommended.
    "\u2764\uFE0F\uFE0F",
    "\u2764\uFE0E",
    "\u2764\uFE00",
    "a\uFE0F",
    "1\uFE0F",
    "a\u200Db",
    "क\u094D\u200Dष",
    "\u845B\u{E0100}",
    "\u{1F3F4}\u{E0067}\u{E0062}", // A flag without its end, or of no region.
    "\u{1F3F4}\u{E0078}\u{E0078}\u{E0078}\u{E0078}\u{E0078}\u{E007F}",
  ];
  for (const name of names) {
    assertStringIncludes(nameProblem(name) ?? "", "invisible", JSON.stringify(name));
  }
});

test("nameProblem takes no invisible character that is in no emoji of one grapheme", () => {
  const unit = fc.constantFrom(
    ..."\u200D\uFE0F\uFE0E\u20E3\u{1F3FB}\u{1F469}\u{1F468}\u2764\u2642\u{1F525}1a",
    ...Object.values(EMOJI),
  );
  const graphemes = new Intl.Segmenter("und");
  fc.assert(
    fc.property(fc.string({ unit, minLength: 1, maxLength: 6 }), (name) => {
      if (nameProblem(name) !== undefined) return;
      for (const { segment } of graphemes.segment(name)) {
        const end = [...segment].findLastIndex((character) => typedName(character) === "");
        if (end < 0) continue;
        const begins = [...segment].map((_, i) => [...segment].slice(0, i + 1).join("")).slice(end);
        assert(begins.some((text) => /^\p{RGI_Emoji}$/v.test(text)), JSON.stringify(name));
      }
    }),
    { numRuns: 1000 },
  );
});

test("nameProblem takes the same emoji on every runtime", () => {
  // Version 17 of Unicode has the first that joins others. Members with an older one would not see a member
  // with it in its name: where a runtime knows it, PROTOCOL.md §6.2 and nameProblem need a table.
  assertStringIncludes(nameProblem("\u{1F9D1}\u200D\u{1FA70}")!, "invisible");
});

test("nameProblem refuses words for all members, and not similar ones", () => {
  for (const name of ["everyone", "all", "here", "Everyone", "ALL", "hErE"]) {
    for (const text of [name, `@${name}`]) {
      assertStringIncludes(nameProblem(text) ?? "", "all members", text);
    }
  }
  for (const name of ["Ally", "all of us", "@@all", "there", "everyone2", "al", "@"]) {
    assertEquals(nameProblem(name), undefined, name);
  }
});

test("typedName leaves out the characters of an emoji that people cannot type", () => {
  for (const emoji of Object.values(EMOJI)) {
    const typed = typedName(emoji);
    assert(!/\p{Default_Ignorable_Code_Point}/u.test(typed), typed);
    assertEquals(typedName(`ada ${emoji}`), `ada ${typed}`);
  }
  assertEquals(typedName(EMOJI.rainbow), "\u{1F3F3}\u{1F308}");
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

test("nameProblem refuses a name that is not in normal form C", () => {
  assertStringIncludes(nameProblem("e\u0301")!, "normal form C");
  assertStringIncludes(nameProblem("\u212b")!, "normal form C");
});

test("plainName takes the tag off a shown name", () => {
  assertEquals(["ada", "ada#2f4c81d0", "#2f4c81d0"].map(plainName), ["ada", "ada", ""]);
});
