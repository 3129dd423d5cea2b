import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import type { Cell } from "../support/emulator.ts";
import { test } from "../support/test.ts";
import { member, message, T } from "./members.ts";

const [COLUMNS, ROWS] = [40, 10];

/** Texts that control some terminal. */
const ATTACKS: Readonly<Record<string, string>> = {
  "clearing the screen": "\x1b[2J\x1b[H",
  "another cursor": "\x1b[10A\x1b[5D\x1b[1;1H\x1b[s\x1b[u\x1b7\x1b8",
  "erased lines": "\x1b[2K\x1b[1M\x1b[3P\x1b[K",
  "a scrolling region": "\x1b[1;3r\x1b[5S\x1b[5T",
  "the other screen": "\x1b[?1049h\x1b[?47h",
  "another title": "\x1b]0;owned\x07\x1b]2;owned\x1b\\",
  "a link": "\x1b]8;;http://127.0.0.1/\x1b\\safe\x1b]8;;\x1b\\",
  "the clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
  "a notification": "\x1b]9;hello\x07\x1b]777;notify;a;b\x07",
  "other colors": "\x1b[1;31;47mred\x1b[0m\x1b]4;0;red\x07\x1b]10;red\x07\x1b]11;red\x07",
  "a request": "\x1b[c\x1b[6n\x1b[>c\x1b[18t\x05",
  "a device control": '\x1bP$q"p\x1b\\\x1bP+q544e\x1b\\\x1b_Gf=24;AAAA\x1b\\\x1b^x\x1b\\',
  "a reset": "\x1bc\x1b[!p\x1b[?25l\x1b[?2004l",
  "C1 as characters": "\x9b2J\x9d0;owned\x9c\x90q\x9c\x84\x85\x8d",
  "C1 as bytes": "Â\x9b2J \xc2\x9b2J",
  "other characters": "\x0e\x1b(0lqqk\x0f\x1b)0",
  "backspaces": `${"\b".repeat(60)}ada: me`,
  "a carriage return": "harmless\rada: me too",
  "line breaks": "harmless\nada: a\r\nada: b\vada: c\fada: d\x85ada: e\u2028ada: f\u2029ada: g",
  "tabs": "\t\t\tx\x1bH\x1b[3g",
  "bells": "\x07".repeat(50),
  "deletes": "\x7f".repeat(50),
  "bidi": "\u202eada\u202c \u2066x\u2069\u200f\u061c",
  "nothing to see": "a\u200b\u200c\u200d\ufeff\u2060\u00ad\u034f\u115f\u3164\uffa0b",
  "tags": "\u{e0001}\u{e0061}\u{e007f}",
  "many marks": `z${"\u0301".repeat(10_000)}`,
  "marks without a letter": "\u0301\u20dd\u0489",
  "marks without a letter in a line of their own": "x\n\u0301\u20dd\u0489",
  "a long line": "ada: me too".padStart(40).repeat(50),
  "a line that ends at the edge": "x".repeat(COLUMNS - "eve: ".length),
  "wide characters at the edge": "日本語👍🏽👩‍👩‍👧‍👦🇫🇷".repeat(20),
  "a half of a surrogate": "\ud800x\udfff",
};

const KNOWN = { tag: "abcdefgh", key: "B".repeat(43), lastSeen: 0, verified: true };

/** Random texts of attacks, their parts and ordinary characters. */
const anything = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...Object.values(ATTACKS).filter((text) => text.length < 200)),
    fc.constantFrom("\x1b", "\x1b[", "\x1b]", "\x9b", "\x9d", ";", "0", "52", "m", "H", "\n", "\r"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
  ),
  maxLength: 30,
});

/** A screen without the rows of one message. */
interface Scene {
  readonly above: Cell[][];
  readonly hostile: Cell[][];
  /** The message after it, the place and the typed line. */
  readonly below: Cell[][];
  /** The cursor, with its row counted from the last one. */
  readonly cursor: [rowsUp: number, column: number];
  readonly effects: unknown;
}

/** Shows an event between two messages, above a half-typed line. */
async function play(...doings: Parameters<TerminalOnly["frontEnd"]["show"]>[0][]): Promise<Scene> {
  await using terminal = new TerminalOnly(COLUMNS, ROWS, { notify: false });
  const { frontEnd, screen } = terminal;
  frontEnd.show({ ...READY, name: "zoe" }); // whom nobody mentions
  frontEnd.show(message("bob", "before"));
  await terminal.type("half a ", "line", "\x1b[D");
  await terminal.settled();
  const top = screen.cells.length - 2;
  for (const doing of doings) frontEnd.show(doing);
  frontEnd.show(message("bob", "after"));
  await terminal.settled();
  const cells = screen.cells;
  const [row, column] = screen.cursor;
  return {
    above: cells.slice(0, top),
    hostile: cells.slice(top, -3),
    below: cells.slice(-3),
    cursor: [cells.length - 1 - row, column],
    effects: screen.effects,
  };
}

let harmless: Promise<Scene> | undefined;

/** The screen around a harmless message. */
async function usual(): Promise<Omit<Scene, "hostile">> {
  const { hostile: _, ...rest } = await (harmless ??= play(message("eve", "hello")));
  return rest;
}

/** Asserts that an event changes only its own rows. */
async function assertHarmless(...doings: Parameters<typeof play>): Promise<Cell[][]> {
  const { hostile, ...scene } = await play(...doings);
  assertEquals(scene, await usual());
  return hostile;
}

/**
 * Asserts that a message starts with its sender, that its other rows begin below its text, and that no other
 * part has the style of a name.
 */
function assertFrom(name: string, rows: readonly Cell[][]): void {
  const start = `${T} ${name}`;
  const shown = rows[0]!.slice(0, start.length + 1).map(({ text }) => text || " ");
  assertEquals(shown.join(""), `${start}:`);
  for (const row of rows.slice(1)) {
    const indent = row.slice(0, `${start}: `.length).map(({ text }) => text).join("");
    assertEquals(indent.replace(/\p{M}+$/u, "").trim(), ""); // A mark joins the space before it.
  }
  const styled = rows.flatMap((row, y) =>
    row.filter(({ plain }, x) => !plain && (y > 0 || x >= start.length))
  );
  assertEquals(styled, []);
}

for (const [name, text] of Object.entries(ATTACKS)) {
  test(`No message, action or name acts on the terminal: ${name}`, async () => {
    assertFrom("eve", await assertHarmless(message("eve", text)));
    await assertHarmless(message("eve", text, { kind: "action", private: true }));
    await assertHarmless(message(text, "hello"));
    await assertHarmless({ event: "joined", member: member(text) });
    await assertHarmless({ event: "members", members: [member(text)] });
    await assertHarmless({
      event: "key-changed",
      member: member(text),
      known: KNOWN,
      withheld: true,
    });
    const [digits, fingerprint] = ["0".repeat(60), "0".repeat(30)];
    const number = { event: "safety-number", member: member(text), digits, fingerprint } as const;
    await assertHarmless(number);
    await assertHarmless({ ...number, asked: [1, 2, 3, 4] });
    await assertHarmless({ event: "room-code", members: [member(text)], digits: "0".repeat(40) });
    await assertHarmless({ event: "verified", member: { ...member(text), verified: true } });
  });
}

test("No random message acts on the terminal", async () => {
  await fc.assert(
    fc.asyncProperty(anything, async (text) => {
      assertFrom("eve", await assertHarmless(message("eve", text)));
    }),
    { numRuns: 200 },
  );
});

/** All that is written for a message in a room. */
async function written(text: string, colors: boolean): Promise<string> {
  await using terminal = new TerminalOnly(COLUMNS, ROWS, { colors });
  terminal.frontEnd.show(READY);
  terminal.frontEnd.show(message("eve", text));
  terminal.frontEnd.show({ event: "left", member: member(text), reason: "left" });
  await terminal.settled();
  return terminal.stdout.text;
}

test("Without colors each line has the same words, rows and bold parts", async () => {
  const assertSame = async (text: string): Promise<void> => {
    const colored = await written(text, true);
    // deno-lint-ignore no-control-regex -- a name has a color by control sequences
    const faded = colored.replaceAll(/\x1b\[1;38;5;\d+m/g, "\x1b[1m").replaceAll(/;39m/g, "m");
    assertEquals(await written(text, false), faded);
  };
  for (const text of Object.values(ATTACKS)) await assertSame(text);
  await fc.assert(fc.asyncProperty(anything, assertSame), { numRuns: 50 });
});

test("No random name acts on the terminal", async () => {
  await fc.assert(
    fc.asyncProperty(anything, async (name) => {
      const somebody = member(name);
      await assertHarmless(
        message(name, "hello"),
        { event: "joined", member: somebody },
        { event: "lost", member: somebody },
        { event: "left", member: somebody, reason: "left" },
      );
    }),
    { numRuns: 100 },
  );
});

test("No name and no text acts on the terminal in a notification", async () => {
  const environment = { TERM_PROGRAM: "WezTerm" };
  for (const text of Object.values(ATTACKS)) {
    await using terminal = new TerminalOnly(COLUMNS, ROWS, { environment, title: true });
    terminal.frontEnd.show(message(text, text, { private: true }));
    await terminal.settled();
    const { answers, bells, commands, titles } = terminal.screen.effects;
    assertEquals([answers, bells, commands.length], [[], 1, 1]);
    assertEquals(titles, ["lanchat", "(1) lanchat"]);
    assertEquals(commands[0]!.split(";").slice(0, 2), ["777", "notify"]);
  }
});

test("No name of a room acts on the terminal, and no name of a member is in the title", async () => {
  for (const [name, text] of Object.entries(ATTACKS)) {
    await using terminal = new TerminalOnly(COLUMNS, ROWS, { room: text, title: true });
    const bob = { ...member(text), key: "b".repeat(43) };
    terminal.frontEnd.show({ ...READY, name: "zoe", members: [bob] });
    terminal.frontEnd.show({ ...message(text, text), from: bob });
    await terminal.settled();
    const { answers, bells, commands, titles } = terminal.screen.effects;
    assertEquals([answers, bells, commands, titles.length], [[], 0, [], 2], name);
    // The characters that a terminal shows, none that it obeys.
    assert(!/\p{Cc}/u.test(titles.join("")), name);
    assert(titles.every((title) => title.endsWith(" - lanchat")), name);
    assert(terminal.screen.place?.startsWith('── "'), name);
  }
});
