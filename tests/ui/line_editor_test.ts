import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type EditorState,
  EMPTY_LINE,
  enter,
  HISTORY_LINES,
  press,
  replaceBefore,
  type,
} from "../../lib/ui/line_editor.ts";
import { test } from "../support/test.ts";

const FAMILY = "👩‍👩‍👧‍👦";

/** Graphemes of several code points. */
const CHARACTERS = [
  FAMILY,
  "🇩🇪",
  "👍🏽",
  "❤️",
  "1️⃣",
  "e\u0301\u0302",
  "\u1112\u1161\u11ab",
  "क्ष",
  "\r\n",
  "\ud83d",
];

/** Types texts, and presses the keys in angle brackets. */
function edited(keys: string, state: EditorState = EMPTY_LINE): EditorState {
  for (const [, key, text] of keys.matchAll(/<([^>]+)>|([^<]+)/g)) {
    if (key === "enter") [, state] = enter(state);
    else state = key === undefined ? type(state, text!) : press(state, key);
  }
  return state;
}

/** Formats a line with `|` at its cursor. */
function shown({ cursor, text }: EditorState): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

function assertShows(keys: string, line: string): void {
  assertEquals(shown(edited(keys)), line, keys);
}

test("press moves the cursor as readline does", () => {
  const line = "one two.three  four";
  const moves: [keys: string, shown: string][] = [
    ["", `${line}|`],
    ["<left>", "one two.three  fou|r"],
    ["<ctrl-b><ctrl-f>", `${line}|`],
    ["<right>", `${line}|`],
    ["<home><left>", `|${line}`],
    ["<ctrl-a><right>", `o|${line.slice(1)}`],
    ["<home><end>", `${line}|`],
    ["<home><ctrl-e>", `${line}|`],
    ["<alt-b>", "one two.three  |four"],
    ["<alt-left><alt-b>", "one two.|three  four"],
    ["<ctrl-left><ctrl-left><ctrl-left>", "one |two.three  four"],
    ["<home><alt-b>", `|${line}`],
    ["<home><alt-f>", "one| two.three  four"],
    ["<home><alt-right><ctrl-right>", "one two|.three  four"],
    ["<ctrl-right>", `${line}|`],
    ["<f5><alt-x>", `${line}|`],
  ];
  for (const [keys, expected] of moves) assertShows(line + keys, expected);
  assertShows("grün łódź<alt-b><alt-b>", "|grün łódź");
});

test("press deletes characters and words", () => {
  const line = "one two.three";
  const changes: [keys: string, shown: string][] = [
    ["<backspace><ctrl-h>", "one two.thr|"],
    ["<home><backspace>", `|${line}`],
    ["<home><delete><ctrl-d>", "|e two.three"],
    ["<delete>", `${line}|`],
    ["<alt-backspace>", "one two.|"],
    ["<ctrl-backspace><ctrl-backspace>", "one |"],
    ["<ctrl-w>", "one |"],
    ["<home><alt-d>", "| two.three"],
    ["<home><ctrl-delete><alt-delete>", "|.three"],
    ["<alt-b><ctrl-u>", "|three"],
    ["<home><alt-f><ctrl-k>", "one|"],
  ];
  for (const [keys, expected] of changes) assertShows(line + keys, expected);
});

test("press yanks killed text: consecutive kills as one, earlier ones with Alt-Y", () => {
  assertShows("one two three<ctrl-w><ctrl-w><ctrl-y>!", "one two three!|");
  assertShows("one two three<home><alt-d><alt-d><end> <ctrl-y>", " three one two|");
  assertShows("one two<ctrl-w><left><right><ctrl-w><ctrl-y>", "one |");
  assertShows("one two<ctrl-w><left><right><ctrl-w><ctrl-y><alt-y>", "two|");
  assertShows("one two<ctrl-w><left><right><ctrl-w><ctrl-y><alt-y><alt-y>", "one |");
  assertShows("one<ctrl-u><enter>two<ctrl-y>", "twoone|");
  assertShows("one<alt-y><ctrl-y>", "one|");
  let state = EMPTY_LINE;
  for (let i = 0; i < 100; i++) state = edited(`${i}<ctrl-u><left>`, state);
  assertEquals(state.killed.length, 32);
});

test("press undoes changes, consecutive typing as one", () => {
  assertShows("one<ctrl-w>two<ctrl-_>", "|");
  assertShows("one<ctrl-w>two<ctrl-_><ctrl-_>", "one|");
  assertShows("one<ctrl-w>two<ctrl-_><ctrl-_><ctrl-_><ctrl-_>", "|");
});

test("press moves and deletes by graphemes", () => {
  for (const character of CHARACTERS) {
    const line = `a${character}b`;
    assertShows(`${line}<left><left>`, `a|${character}b`);
    assertShows(`${line}<home><right><right>`, `a${character}|b`);
    assertShows(`${line}<left><backspace>`, "a|b");
    assertShows(`${line}<home><right><delete>`, "a|b");
  }
});

test("press and type keep the cursor at a grapheme boundary", () => {
  const keys = [
    "alt-enter",
    "left",
    "right",
    "home",
    "end",
    "backspace",
    "delete",
    "ctrl-left",
    "ctrl-right",
  ]
    .concat("alt-backspace", "alt-d", "ctrl-w", "ctrl-u", "ctrl-k", "ctrl-y", "alt-y", "ctrl-_")
    .concat("up", "down", "ctrl-r", "ctrl-g", "enter");
  const parts = ["🇩", "🇪", "\u200d", "👩", "🏽", "\u0301", "\u0915", "\u094d", "a", " ", "\udcff"];
  const step = fc.oneof(
    fc.constantFrom(...keys.map((key) => `<${key}>`)),
    fc.constantFrom(...parts),
  );
  const segmenter = new Intl.Segmenter();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let state = EMPTY_LINE;
      for (const keys of steps) {
        state = edited(keys, state);
        const { cursor, text } = state;
        const starts = Array.from(segmenter.segment(text), ({ index }) => index);
        assert([...starts, text.length].includes(cursor), JSON.stringify([text, cursor]));
      }
    }),
    { numRuns: 500 },
  );
});

test("press breaks a line with Alt-Enter and Ctrl-J, but not an empty one", () => {
  assertShows("one<alt-enter>two<ctrl-j><left><left>!", "one\ntw!|o\n");
  assertShows("one<alt-enter>two<ctrl-_>", "|");
  assertShows("<alt-enter><ctrl-j>one", "one|");
  assertShows("one<alt-enter>two<enter>new<up>", "one\ntwo|");
  assertShows("one<enter>new<ctrl-r>on<alt-enter>two", "\ntwo|one");
});

test("press recalls lines of the history, and the new line after them", () => {
  assertShows("one<enter>two<enter>new<up>", "two|");
  assertShows("one<enter>two<enter>new<up><ctrl-p><up>", "one|");
  assertShows("one<enter>two<enter>new<up><up>!<down><ctrl-n><down>", "new|");
  const state = edited("one<enter>one<enter> <enter><enter>two<enter><up><up>x<enter>");
  assertEquals(state.history, ["one", "two", "onex"]);
  const long = edited(Array.from({ length: HISTORY_LINES + 10 }, (_, i) => `${i}<enter>`).join(""));
  assertEquals([long.history.length, long.history[0]], [HISTORY_LINES, "10"]);
});

test("press searches the history with Ctrl-R, without a change of the line", () => {
  const lines = "one two<enter>two<enter>three<enter>";
  const searches: [keys: string, shown: string][] = [
    ["new<ctrl-r>", "new|"],
    ["new<ctrl-r>TW", "|two"],
    ["new<ctrl-r>tw<ctrl-r>", "one |two"],
    ["new<ctrl-r>tw<ctrl-r><ctrl-r>", "one |two"],
    ["new<ctrl-r>two<ctrl-r><backspace>", "|two"],
    ["new<ctrl-r>t<backspace>", "new|"],
    ["new<ctrl-r>thx", "new|"],
    ["new<ctrl-r>thx<ctrl-r>", "new|"],
    ["new<ctrl-r>thx<backspace>", "|three"],
    ["new<ctrl-r>th<ctrl-g>!", "new!|"],
    ["new<ctrl-r>th<ctrl-c>!", "new!|"],
    ["new<ctrl-r>th<end>!", "three!|"],
    ["new<ctrl-r>tw<escape>!", "!|two"],
    ["new<ctrl-r>thx<end>!", "new!|"],
    ["new<ctrl-r>tw<up>", "one two|"],
    ["new<ctrl-r>tw<down><down>", "new|"],
    ["new<ctrl-r>tw<end><down><down>", "new|"],
  ];
  for (const [keys, expected] of searches) assertShows(lines + keys, expected);
  assertEquals(enter(edited(`${lines}new<ctrl-r>on`))[0], "one two");
  const [line, next] = enter(edited(`${lines}new<ctrl-r>nothing`));
  assertEquals([line, shown(next), next.search], ["", "new|", undefined]);
});

test("replaceBefore replaces text before the cursor", () => {
  assertEquals(shown(replaceBefore(edited("say BO now<alt-b><left>"), 2, "bob")), "say bob| now");
});
