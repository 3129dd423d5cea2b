import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { segmentsOf } from "../../lib/ui/width.ts";
import { test } from "../support/test.ts";

test("segmentsOf splits into graphemes, line breaks and styles", () => {
  const pieces: Record<string, string[]> = {
    "": [],
    "> ada": [..."> ada"],
    "a\nb": ["a", "\n", "b"],
    "\x1b[1mab\x1b[m": ["\x1b[1m", "a", "b", "\x1b[m"],
    "ae\u0301\u{1F468}\u200d\u{1F469}b": ["a", "e\u0301", "\u{1F468}\u200d\u{1F469}", "b"],
  };
  for (const [text, expected] of Object.entries(pieces)) {
    const segments = segmentsOf(text);
    assertEquals(segments.map(({ segment }) => segment), expected);
    let start = 0;
    for (const { index, segment } of segments) {
      assertEquals(index, start);
      start += segment.length;
    }
  }
});

test("segmentsOf splits as Intl.Segmenter does", () => {
  const segmenter = new Intl.Segmenter();
  const characters = (first: number, last: number): fc.Arbitrary<string> =>
    fc.integer({ min: first, max: last }).map((code) => String.fromCodePoint(code));
  const unit = fc.oneof(
    characters(0x20, 0x36f),
    characters(0x2000, 0x27ff),
    characters(0x20, 0xd7ff),
  );
  const text = fc.string({ unit });
  fc.assert(
    fc.property(text, (text) => {
      const expected = Array.from(
        segmenter.segment(text),
        ({ index, segment }) => ({ index, segment }),
      );
      assertEquals(segmentsOf(text), expected);
    }),
    { numRuns: 2000 },
  );
});

test("neither the prompt nor Latin text needs an Intl.Segmenter, which is slow to make", async () => {
  const { Segmenter } = Intl;
  const refused = function (): never {
    throw new Error("An Intl.Segmenter was made");
  };
  try {
    Object.assign(Intl, { Segmenter: refused });
    // Modules that are evaluated once more, with nothing made by other tests.
    const { segmentsOf } = await import("../../lib/ui/width.ts?new");
    await import("../../lib/ui/line_editor.ts?new");
    await import("../../lib/ui/line_parser.ts?new");
    assertEquals(segmentsOf("── ça va? → ✓\n> hi…").length, 19);
    assertThrows(() => segmentsOf("c\u0327a"), Error, "An Intl.Segmenter was made");
  } finally {
    Object.assign(Intl, { Segmenter });
  }
});
