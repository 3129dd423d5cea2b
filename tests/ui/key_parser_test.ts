import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { concat, utf8 } from "../../lib/bytes/mod.ts";
import type { Keystroke } from "../../lib/ui/key_codes.ts";
import { KeyParser, PASTE_MS, SEQUENCE_MS } from "../../lib/ui/key_parser.ts";
import { NOT_UTF8 } from "../../lib/ui/utf8_decoder.ts";
import { test } from "../support/test.ts";

const [START, END] = ["\x1b[200~", "\x1b[201~"];

function bytesOf(...parts: (string | number[])[]): Uint8Array {
  return concat(
    ...parts.map((part) => typeof part === "string" ? utf8(part) : Uint8Array.from(part)),
  );
}

/** Parses chunks. @returns The keys, with adjacent texts joined. */
function keysOf(...chunks: Uint8Array[]): Keystroke[] {
  const parser = new KeyParser();
  const joined: Keystroke[] = [];
  for (const key of chunks.flatMap((chunk) => parser.push(chunk))) {
    const last = joined.at(-1);
    if ("text" in key && last !== undefined && "text" in last) {
      joined.splice(-1, 1, { text: last.text + key.text });
    } else joined.push(key);
  }
  return joined;
}

/** Parses a text whole, and byte by byte. */
function keys(...parts: (string | number[])[]): Keystroke[] {
  const bytes = bytesOf(...parts);
  const whole = keysOf(bytes);
  assertEquals(keysOf(...Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
  return whole;
}

/** Sequences that a terminal sends without a key: they must not become text or keys. */
const REPORTS: Readonly<Record<string, (string | number[])[]>> = {
  "the mouse (SGR)": ["\x1b[<0;10;10M\x1b[<0;10;10m\x1b[<64;1;1M"],
  "the mouse (X10)": ["\x1b[M !!", "\x1b[M", [32, 200, 195], "\x1b[M", [0xc3, 0xa9, 0xff]],
  "the mouse (urxvt)": ["\x1b[32;10;10M"],
  "the focus": ["\x1b[I\x1b[O"],
  "the cursor": ["\x1b[10;20R\x1b[?10;20R"],
  "its kind": ["\x1b[?62;1;2;4c\x1b[>41;354;0c\x1bP!|00000000\x1b\\"],
  "its modes": ["\x1b[?2004;1$y\x1b[4;1$y\x1b[?0u\x1b[>4;2m"],
  "its size": ["\x1b[8;24;80t\x1b[4;600;800t\x1b[48;24;80;600;800t"],
  "its state": ["\x1b[0n\x1b[3n"],
  "its colors": ["\x1b]11;rgb:0000/0000/0000\x07\x1b]10;rgb:ffff/ffff/ffff\x1b\\\x1b]4;1;x\x07"],
  "its title": ["\x1b]lgrün 日本\x1b\\\x1b]L\x1b\\"],
  "a setting": ["\x1bP1$r0m\x1b\\\x1bP0$r\x1b\\\x1bP1+r544e=787465726d\x1b\\"],
  "pictures": ["\x1b_Gi=31;OK\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\"],
  "the clipboard": ["\x1b]52;c;aGVsbG8=\x07"],
  "other keys": [
    "\x1bOP\x1bOS\x1b[11~\x1b[24;5~\x1b[[A\x1b[2~\x1b[5~\x1b[6;3~\x1b[E\x1b[1;2P",
  ],
  "keys of kitty": ["\x1b[57358u\x1b[57441;2u\x1b[97;1:3u\x1b[1;5:3D\x1b[3;1:3~\x1b[97;9u\x1b[u"],
  "the end of a paste": [END],
};

for (const [what, parts] of Object.entries(REPORTS)) {
  test(`KeyParser swallows reports: ${what}`, () => {
    assertEquals(keys("a", ...parts, "b"), [{ text: "ab" }]);
  });
}

test("KeyParser parses the keys of xterm, rxvt, the Linux console, kitty and modifyOtherKeys", () => {
  const sequences: Readonly<Record<string, string>> = {
    "left": "\x1b[D \x1bOD \x1b[1;2D \x1b[d \x1b[57417u \x1b[1;1:1D \x1b[1;129D",
    "right": "\x1b[C \x1bOC",
    "up": "\x1b[A \x1bOA \x1b[1;1:2A",
    "down": "\x1b[B \x1bOB",
    "home": "\x1b[H \x1bOH \x1b[1~ \x1b[7~ \x1b[7$",
    "end": "\x1b[F \x1bOF \x1b[4~ \x1b[8~",
    "delete": "\x1b[3~ \x1b[3;2~ \x1b[3$",
    "ctrl-left": "\x1b[1;5D \x1b[5D \x1bOd \x1b[1;6D \x1bO5D",
    "ctrl-right": "\x1b[1;5C \x1bOc",
    "alt-left": "\x1b[1;3D \x1b\x1b[D \x1b[1;33D",
    "alt-right": "\x1b[1;3C \x1b\x1bOC",
    "ctrl-delete": "\x1b[3;5~ \x1b[3^",
    "alt-delete": "\x1b[3;3~ \x1b\x1b[3~",
    "alt-b": "\x1bb \x1bB \x1b[98;3u \x1b[27;3;98~",
    "alt-f": "\x1bf \x1b[102;3u",
    "alt-d": "\x1bd \x1b[27;3;100~",
    "alt-backspace": "\x1b\x7f \x1b\b \x1b[127;3u",
    "ctrl-backspace": "\x1b[127;5u \x1b[27;5;127~",
    "backspace": "\x7f \b \x1b[127u \x1b[127;1:2u",
    "ctrl-c": "\x03 \x1b[99;5u \x1b[27;5;99~ \x1b[1089::99;5u \x1b[99;5:1u \x1b\x03",
    "ctrl-d": "\x04 \x1b[100;5u",
    "ctrl-r": "\x12 \x1b[114;5u",
    "ctrl-w": "\x17 \x1b[119;69u",
    "ctrl-_": "\x1f",
    "enter": "\r \x1b[13u \x1b[27;2;13~ \x1b[13;5u \x1bOM \x1b[57414u",
    "alt-enter": "\x1b\r \x1b\n \x1b[13;3u \x1b[27;3;13~",
    "ctrl-j": "\x1b[106;5u \x1b[27;5;106~",
    "shift-tab": "\x1b[Z \x1b[9;2u \x1b[27;2;9~",
    "tab": "\t \x1b[9u \x1b[9;5u",
    "escape": "\x1b[27u",
  };
  for (const [key, all] of Object.entries(sequences)) {
    for (const sequence of all.split(" ")) {
      assertEquals(keys(sequence, "x"), [{ key }, { text: "x" }], JSON.stringify(sequence));
    }
  }
});

test("KeyParser takes LF for Ctrl-J if it comes by itself, and for Enter in a longer chunk", () => {
  const parse = (...chunks: string[]): Keystroke[] =>
    keysOf(...chunks.map((text) => bytesOf(text)));
  assertEquals(parse("a", "\n", "b"), [{ text: "a" }, { key: "ctrl-j" }, { text: "b" }]);
  assertEquals(parse("a\n", "\nb"), [
    { text: "a" },
    { key: "enter" },
    { key: "enter" },
    { text: "b" },
  ]);
  assertEquals(parse(`${START}a`, "\n", END), [{ paste: "a\n" }]);
  assertEquals(keysOf(Uint8Array.of(0xe9), Uint8Array.of(0x0a)), [
    { text: NOT_UTF8 },
    { key: "ctrl-j" },
  ]);
});

test("KeyParser parses characters that are sent as sequences", () => {
  const sequences: [sequence: string, text: string][] = [
    ["\x1b[97u", "a"],
    ["\x1b[97;2u", "A"],
    ["\x1b[97:65;2u", "A"],
    ["\x1b[49:33;2u", "!"],
    ["\x1b[97;65u", "A"],
    ["\x1b[97;66u", "a"],
    ["\x1b[228;1;228u", "ä"],
    ["\x1b[0;1;97:776u", ""],
    ["\x1b[97;1;97:776u", "a\u0308"],
    ["\x1b[27;2;65~", "A"],
    ["\x1b[27;2;33~", "!"],
    ["\x1b[57402u", "3"],
    ["\x1bOs", "3"],
    ["\x1b[97;1;27:7u", "a"],
    ["\x1b[128512u", "😀"],
    ["\x1b[55296u", ""],
    ["\x1b[1114112u", ""],
  ];
  for (const [sequence, text] of sequences) {
    assertEquals(keys(sequence), text === "" ? [] : [{ text }], JSON.stringify(sequence));
  }
});

test("KeyParser parses a key that interrupts a sequence", () => {
  for (
    const begun of ["\x1b", "\x1b[", "\x1b[1;", "\x1bO", "\x1b]0;x", "\x1bPx", "\x1b[M ", "\x1b[["]
  ) {
    for (const [sent, key] of [["\x03", "ctrl-c"], ["\r", "enter"], ["\x1b[A", "up"]] as const) {
      if (begun === "\x1b" && key !== "ctrl-c") continue; // which has Alt
      assertEquals(keys(begun, sent, "x"), [{ key }, { text: "x" }], JSON.stringify(begun + sent));
    }
  }
});

test("KeyParser.giveUp drops an unfinished sequence; a single ESC is a key", () => {
  const parser = new KeyParser();
  assertEquals(parser.patienceMs, undefined);
  for (const begun of ["\x1b[1;", "\x1bO", "\x1b]11;rgb", "\x1b[M", "\x1b\x1b"]) {
    assertEquals(parser.push(bytesOf(begun)), []);
    assertEquals(parser.patienceMs, SEQUENCE_MS);
    assertEquals(parser.giveUp(), []);
    assertEquals(parser.patienceMs, undefined);
    assertEquals(parser.push(bytesOf("x")), [{ text: "x" }]);
  }
  assertEquals(parser.push(bytesOf("\x1b")), []);
  assertEquals(parser.giveUp(), [{ key: "escape" }]);
});

test("KeyParser separates keys from pastes in any chunks", () => {
  const text = bytesOf(`a${START}grün\r\nc\rd\ne\x1b[A\x1b[20${END}${START}${END}f\x1b[2~日`);
  const expected = [
    { text: "a" },
    { paste: "grün\nc\nd\ne\x1b[A\x1b[20" },
    { paste: "" },
    { text: "f日" },
  ];
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 8 }),
    (cuts) => {
      const ends = [...new Set(cuts)].toSorted((a, b) => a - b);
      const chunks = [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
      assertEquals(keysOf(...chunks), expected);
    },
  ));
});

test("KeyParser.giveUp emits an unfinished paste; only a single Ctrl-C drops it", () => {
  const parser = new KeyParser();
  assertEquals(parser.push(bytesOf(`${START}a\x03`)), []);
  assertEquals(parser.patienceMs, PASTE_MS);
  assertEquals(parser.push(bytesOf("b\x1b[201")), []);
  assertEquals(parser.giveUp(), [{ paste: "a\x03b" }]);
  assertEquals(parser.push(bytesOf("c")), [{ text: "c" }]);
  parser.push(bytesOf(`${START}a`));
  assertEquals(parser.push(bytesOf("\x03")), []);
  assertEquals(parser.patienceMs, undefined);
  assertEquals(parser.push(bytesOf("\x03")), [{ key: "ctrl-c" }]);
});

test("KeyParser bounds an endless paste", () => {
  const parser = new KeyParser();
  parser.push(bytesOf(START));
  for (let i = 0; i < 20; i++) parser.push(new Uint8Array(1 << 16).fill(0x78));
  const [key] = parser.push(bytesOf(END));
  assertEquals(key, { paste: "x".repeat(1 << 18) });
});

test("KeyParser marks invalid UTF-8, but no typed U+FFFD", () => {
  assertEquals(keys("caf", [0xe9], " \ufffd"), [{ text: `caf${NOT_UTF8} \ufffd` }]);
  assertEquals(keys([0xe9, 0x0d]), [{ text: NOT_UTF8 }, { key: "enter" }]);
  assertEquals(keys([0xc0, 0xaf, 0xed, 0xa0, 0x80]), [{ text: NOT_UTF8.repeat(5) }]);
  assertEquals(keys(START, [0xff], END), [{ paste: NOT_UTF8 }]);
});

test("KeyParser drops C1 controls and separators", () => {
  const controls = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0x80 + i)).join("");
  assertEquals(keys(`a${controls}\u2028b\u2029`), [{ text: "ab" }]);
});

test("KeyParser emits no text with a control character for any bytes", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom(...Object.values(REPORTS).map((parts) => bytesOf(...parts))),
    fc.constantFrom(
      "\x1b",
      "\x1b[",
      "\x1bO",
      "\x1b]",
      "\x1bP",
      "\x1b[M",
      START,
      END,
      ";5",
      "u",
      "~",
    )
      .map((text) => bytesOf(text)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.array(fc.nat(11)), (parts, silent) => {
      const parser = new KeyParser();
      const all = parts.flatMap((bytes, i) => [
        ...parser.push(bytes),
        ...silent.includes(i) ? parser.giveUp() : [],
      ]);
      for (const key of all) {
        if ("text" in key) assert(!/[\p{Cc}\u2028\u2029]/u.test(key.text), JSON.stringify(key));
      }
      parser.giveUp();
      parser.push(bytesOf("\r"));
      assertEquals(parser.push(bytesOf("x\r")).slice(-2), [{ text: "x" }, { key: "enter" }]);
    }),
    { numRuns: 500 },
  );
});
