import { assertEquals, assertThrows } from "@std/assert";
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

test("the prompt needs no Intl.Segmenter, which is slow to make", async () => {
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
    assertEquals(segmentsOf("> hi").length, 4);
    assertThrows(() => segmentsOf("\u00e9"), Error, "An Intl.Segmenter was made");
  } finally {
    Object.assign(Intl, { Segmenter });
  }
});
