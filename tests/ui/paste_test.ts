import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PasteSplitter, type Typed } from "../../lib/ui/paste.ts";
import { test } from "../support/test.ts";

const [START, END] = ["\x1b[200~", "\x1b[201~"];

/** What comes of pieces, with neighbours of one kind joined. */
function split(...pieces: string[]): Typed[] {
  const splitter = new PasteSplitter();
  const joined: Typed[] = [];
  for (const typed of pieces.flatMap((piece) => splitter.push(piece))) {
    const last = joined.at(-1);
    if (last?.pasted === false && !typed.pasted) {
      joined.splice(-1, 1, { pasted: false, text: last.text + typed.text });
    } else {
      joined.push(typed);
    }
  }
  return joined;
}

test("PasteSplitter tells keys from pastes, however they are cut", () => {
  const text = `a${START}b\r\nc\rd\ne\x1b[A${END}${START}${END}f\x1b[2~`;
  const expected = [
    { pasted: false, text: "a" },
    { pasted: true, text: "b\nc\nd\ne\x1b[A" },
    { pasted: false, text: "f\x1b[2~" },
  ];
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 8 }),
    (cuts) => {
      // ESC alone is a key, so that a mark cut behind it is not known.
      const ends = [...new Set(cuts)].toSorted((a, b) => a - b)
        .filter((end) => text[end - 1] !== "\x1b");
      const pieces = [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
      assertEquals(split(...pieces), expected);
    },
  ));
});

test("PasteSplitter gives keys at once, and a paste at its end", () => {
  const splitter = new PasteSplitter();
  assertEquals(splitter.push("\x1b"), [{ pasted: false, text: "\x1b" }]);
  assertEquals(splitter.push("x\x1b[20"), [{ pasted: false, text: "x" }]);
  assertEquals(splitter.push("0~y"), []);
  assertEquals(splitter.push(`\x1b`), []);
  assertEquals(splitter.push(`[201~`), [{ pasted: true, text: "y" }]);
});
