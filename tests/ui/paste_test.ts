import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Pastes, PasteSplitter, type Typed } from "../../lib/ui/paste.ts";
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
      const ends = [...new Set(cuts)].toSorted((a, b) => a - b);
      const pieces = [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
      // ESC at the end of a piece was given, and becomes a key that does nothing.
      const typed = split(...pieces).map(({ pasted, text }) => ({
        pasted,
        text: pasted ? text : text.replaceAll("\x1b[E", ""),
      }));
      assertEquals(typed.filter(({ text }) => text !== ""), expected);
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
  assertEquals(splitter.push("\x1b"), [{ pasted: false, text: "\x1b" }]);
  assertEquals(splitter.push("\x1b"), [{ pasted: false, text: "\x1b" }]);
  assertEquals(splitter.push("["), []);
  assertEquals(splitter.push("A"), [{ pasted: false, text: "[A" }]);
});

test("PasteSplitter takes Ctrl-C alone for a key in a paste without an end, and goes on behind it", () => {
  const splitter = new PasteSplitter();
  assertEquals(splitter.push(`${START}a\x03`), []);
  assertEquals(splitter.push("\x03b\x1b[201"), []);
  assertEquals(splitter.push("\x03"), [{ pasted: false, text: "\x03" }]);
  assertEquals(splitter.push(`c${START}d${END}`), [
    { pasted: false, text: "c" },
    { pasted: true, text: "d" },
  ]);
});

test("Pastes stand for what no line can hold, and for what looks like a mark", () => {
  const pastes = new Pastes(10);
  for (const text of ["", "one", "日本語"]) assertEquals(pastes.mark(`${text}\n`), text);
  const marked = ["a\nb", "a\u2028b\u2029c", "\ta", "a\x1b[A", "x [paste 1: 2 lines] y", "\n\n"];
  const marks = marked.map((text) => pastes.mark(text));
  assertEquals(marks[1], "[paste 2: 3 lines]");
  marks.forEach((mark, i) =>
    assertEquals(pastes.expand(`<${mark}>`), `<${marked[i]!.replace(/\n$/, "")}>`)
  );
  assertEquals(pastes.expand("[paste 99: 1 line]"), "[paste 99: 1 line]");
});

test("Pastes forgets the oldest, and uses no mark twice", () => {
  const pastes = new Pastes(2);
  const marks = ["a\na", "b\nb", "c\nc"].map((text) => pastes.mark(text));
  assertEquals(marks.map((mark) => pastes.expand(mark)), [marks[0], "b\nb", "c\nc"]);
  assertEquals(new Set(marks).size, 3);
});
