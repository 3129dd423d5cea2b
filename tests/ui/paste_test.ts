import { assertEquals } from "@std/assert";
import { Pastes } from "../../lib/ui/paste.ts";
import { test } from "../support/test.ts";

test("Pastes.add returns a mark for what a line cannot contain, and for what looks like a mark", () => {
  const pastes = new Pastes(10);
  for (const text of ["", "one", "日本語"]) assertEquals(pastes.add(`${text}\n`), text);
  const marked = ["a\nb", "a\u2028b\u2029c", "\ta", "a\x1b[A", "x [paste 1: 2 lines] y", "\n\n"];
  const marks = marked.map((text) => pastes.add(text));
  assertEquals(marks[1], "[paste 2: 3 lines]");
  marks.forEach((mark, i) =>
    assertEquals(pastes.expand(`<${mark}>`), `<${marked[i]!.replace(/\n$/, "")}>`)
  );
  assertEquals(pastes.expand("[paste 99: 1 line]"), "[paste 99: 1 line]");
});

test("Pastes drops the oldest text, and uses each mark once", () => {
  const pastes = new Pastes(2);
  const marks = ["a\na", "b\nb", "c\nc"].map((text) => pastes.add(text));
  assertEquals(marks.map((mark) => pastes.expand(mark)), [marks[0], "b\nb", "c\nc"]);
  assertEquals(new Set(marks).size, 3);
});
