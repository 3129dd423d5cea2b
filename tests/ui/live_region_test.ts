import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LiveRegion } from "../../lib/ui/live_region.ts";
import { Emulator, type Widths } from "../support/emulator.ts";
import { test } from "../support/test.ts";

const ABOVE = "bob: hi";

/** Characters whose width terminals and libraries disagree about, and others. */
const CHARACTERS = [
  ..."ab é日",
  "👩‍👩‍👧‍👦",
  "👍🏽",
  "🇩🇪",
  "❤️",
  "1️⃣",
  "☕",
  "e\u0301\u0302",
  "\u1112\u1161\u11ab",
  "กำ",
  "नि",
  "…",
];

/** Lines, each with a cursor between two of its characters. */
const LINES = fc.array(
  fc.tuple(fc.array(fc.constantFrom(...CHARACTERS), { maxLength: 40 }), fc.nat(40)),
  { minLength: 1, maxLength: 6 },
).map((lines) =>
  lines.map(([characters, cursor]) => ({
    text: `> ${characters.join("")}`,
    cursor: 2 + characters.slice(0, cursor).join("").length,
  }))
);

/** Runs a test with a message on the screen and an empty region below. */
async function withScreen(
  columns: number,
  widths: Widths,
  fn: (screen: Emulator, region: LiveRegion) => Promise<void>,
): Promise<void> {
  const screen = new Emulator(columns, 50, widths);
  screen.write(`${ABOVE}\r\n`);
  await fn(screen, new LiveRegion());
  await screen.close();
}

/** Reads the text of the region from the screen, whole and up to the cursor. */
function seen(screen: Emulator): { above: string | undefined; text: string; before: string } {
  const [, ...rows] = screen.cells;
  const [row, column] = screen.cursor;
  const texts = rows.map((cells) => cells.map(({ text }) => text));
  const before = [...texts.slice(0, row - 1), (texts[row - 1] ?? []).slice(0, column)];
  const above = screen.lines[0];
  return { above, text: texts.flat().join("").trimEnd(), before: before.flat().join("") };
}

for (const widths of ["code-points", "graphemes"] as const) {
  test(`LiveRegion keeps the text and the cursor in a terminal that measures ${widths}`, async () => {
    await fc.assert(
      fc.asyncProperty(LINES, fc.integer({ min: 8, max: 30 }), async (lines, columns) => {
        await withScreen(columns, widths, async (screen, region) => {
          for (const { cursor, text } of lines) {
            screen.write(region.draw(text, cursor, columns, 50));
            await screen.settled();
            assertEquals(seen(screen), {
              above: ABOVE,
              text: text.trimEnd(),
              before: text.slice(0, cursor),
            });
          }
          screen.write(region.erase(columns));
          await screen.settled();
          assertEquals(screen.lines, [ABOVE, ""]);
        });
      }),
    );
  });
}

test("LiveRegion shows the rows around the cursor of a text higher than the window", async () => {
  const screen = new Emulator(4, 3);
  const region = new LiveRegion();
  const text = "aaaabbbbccccddddee";
  const windows: [cursor: number, rows: string[], at: [row: number, column: number]][] = [
    [18, ["cccc", "dddd", "ee"], [2, 2]],
    [9, ["cccc", "dddd", "ee"], [0, 1]],
    [5, ["bbbb", "cccc", "dddd"], [0, 1]],
    [0, ["aaaa", "bbbb", "cccc"], [0, 0]],
    [17, ["cccc", "dddd", "ee"], [2, 1]],
  ];
  for (const [cursor, rows, at] of windows) {
    screen.write(region.draw(text, cursor, 4, 3));
    await screen.settled();
    assertEquals([screen.lines, screen.cursor], [rows, at]);
  }
  await screen.close();
});

test("LiveRegion starts another row in the last row of the window", async () => {
  const screen = new Emulator(5, 2);
  const region = new LiveRegion();
  screen.write("bob: hi\r\n");
  screen.write(region.draw("aaaa", 4, 5, 2));
  screen.write(region.draw("aaaa日", 5, 5, 2));
  await screen.settled();
  assertEquals(screen.lines.slice(-2), ["aaaa", "日"]);
  await screen.close();
});
