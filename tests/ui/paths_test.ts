import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { complete } from "../../lib/ui/line_parser.ts";
import {
  completePath,
  expandHome,
  type Files,
  type PathEntry,
  wordsOf,
} from "../../lib/ui/paths.ts";
import { test } from "../support/test.ts";

/** The folders of a person; a name that ends with a slash is a folder. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  ".": ["My Docs/", "a.txt", "an.txt", ".hidden", "photos/", "bad\x1b[2J.txt"],
  "photos/": ["one.jpg", "two.jpg"],
  "My Docs/": ["it's.txt", 'say "hi".txt', "notes.txt"],
  "/home/ada/": ["Downloads/"],
  "/home/ada/Downloads/": ["report.pdf"],
};

const FILES: Files = {
  home: "/home/ada",
  entries: (folder) =>
    (FOLDERS[folder] ?? []).map((name): PathEntry => ({
      name: name.replace(/\/$/, ""),
      isFolder: name.endsWith("/"),
    })),
};

const MEMBERS = [{ name: "bob", key: "1" }, { name: "anna", key: "2" }];

const texts = (line: string): string[] => wordsOf(line).map(({ text }) => text);

test("wordsOf splits at blanks, and keeps what quotes and backslashes hold together", () => {
  const lines: [string, string[]][] = [
    ["", []],
    ["  \t", []],
    [" one  two ", ["one", "two"]],
    [`"my notes.txt" 'it is' x`, ["my notes.txt", "it is", "x"]],
    ["it's its", ["it's", "its"]],
    [`"one"" two"`, ["one two"]],
    [`'don'\\''t'`, ["don't"]],
    [String.raw`my\ notes.txt \"x\"`, ["my notes.txt", '"x"']],
    [`"not closed yet`, ["not closed yet"]],
    [`""`, [""]],
    ["end\\", ["end\\"]],
  ];
  if (Deno.build.os !== "windows") {
    for (const [line, words] of lines) assertEquals(texts(line), words, line);
  }
  const [quoted, bare, open] = wordsOf(`"to" to "to`);
  assertEquals([quoted, bare, open].map((word) => [word!.start, word!.end]), [[0, 4], [5, 7], [
    8,
    11,
  ]]);
  assertEquals([quoted!.isBare, bare!.isBare, open!.isBare, open!.isOpen], [
    false,
    true,
    false,
    true,
  ]);
});

test("wordsOf never loses a character between its words", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."ab \"'\\\t") }), (line) => {
    const words = wordsOf(line);
    const starts = [...words.map(({ start }) => start), line.length];
    for (const [i, { end, start }] of words.entries()) {
      assertEquals(end > start && line.slice(end, starts[i + 1]).trim(), "");
    }
  }));
});

test("expandHome replaces only a ~ that is a whole folder", () => {
  const paths = ["~", "~/a", "~bob/a", "a/~", "./~"];
  assertEquals(paths.map((path) => expandHome(path, FILES)), [
    "/home/ada",
    "/home/ada/a",
    "~bob/a",
    "a/~",
    "./~",
  ]);
  assertEquals(expandHome("~/a", {}), "~/a");
});

test("completePath completes names, with quotes where one of them needs them", () => {
  assertEquals(completePath("", FILES), ['"My Docs/', '"a.txt" ', '"an.txt" ', '"photos/']);
  assertEquals(completePath("a", FILES), ["a.txt ", "an.txt "]);
  assertEquals(completePath("ph", FILES), ["photos/"]);
  assertEquals(completePath("photos/", FILES), ["photos/one.jpg ", "photos/two.jpg "]);
  assertEquals(completePath("My Docs/n", FILES), ['"My Docs/notes.txt" ']);
  assertEquals(completePath("My Docs/i", FILES), [`"My Docs/it's.txt" `]);
  assertEquals(completePath("My Docs/s", FILES), [`'My Docs/say "hi".txt' `]);
  assertEquals(completePath("~/D", FILES), ["~/Downloads/"]);
  assertEquals(completePath("~/Downloads/", FILES), ["~/Downloads/report.pdf "]);
  assertEquals(completePath(".h", FILES), [".hidden "]);
  assertEquals(completePath("bad", FILES), []);
  assertEquals(completePath("nowhere/", FILES), []);
  assertEquals(completePath("t", { entries: () => [{ name: "to", isFolder: false }] }), ['"to" ']);
});

test("completePath completes names with any quotes and backslashes to words that mean them", () => {
  const names = ["it's", 'say "hi"', `both "'" of them`, "back\\slash", "a'", 'a"', "to"];
  const found = (folder: string): Files => ({
    entries: (path) =>
      path === folder || path === "." && folder === ""
        ? names.map((name) => ({ name, isFolder: false }))
        : [],
  });
  if (Deno.build.os === "windows") return; // No name has such characters there.
  for (const folder of ["", "it's/", 'my "own"/', `"'/`]) {
    for (const typed of ["", ...names]) {
      const words = completePath(folder + typed, found(folder));
      const expected = names.filter((name) => name.startsWith(typed)).map((name) => folder + name);
      assertEquals(words.flatMap(texts), expected);
    }
  }
  const hidden = ["new\nline", "tab\t", "bell\x07", "\u202Egnp.exe"];
  const entries = (): PathEntry[] => hidden.map((name) => ({ name, isFolder: false }));
  for (const name of hidden) assertEquals(completePath(name.slice(0, 1), { entries }), []);
});

test("complete completes paths after /send, and names after to", () => {
  const lines: [string, string[], string][] = [
    ["/send a", ["a.txt ", "an.txt "], "a"],
    ["/send ", completePath("", FILES), ""],
    ["/send a.txt ph", ["photos/"], "ph"],
    ['/send "My Docs/n', ['"My Docs/notes.txt" '], '"My Docs/n'],
    ["/send a.txt to ", ["bob ", "anna "], ""],
    ["/send a.txt to b", ["bob "], "b"],
    ["/send to a", ["a.txt ", "an.txt "], "a"], // Nothing is named before: it is a file.
    ['/send a.txt "to" a', ["a.txt ", "an.txt "], "a"],
    ["/msg a", ["anna "], "a"],
  ];
  for (const [line, found, word] of lines) {
    assertEquals(complete(line, MEMBERS, FILES), [found, word], line);
  }
  assertEquals(complete("/send a", MEMBERS), [[], "a"]);
});

test("what completePath completes is read as that path, and completed again", () => {
  const name = fc.string({ unit: fc.constantFrom(..."ab \"'\\~."), minLength: 1 })
    .filter((name) => !name.startsWith(".") && !(name.includes('"') && name.includes("'")));
  fc.assert(fc.property(name, fc.boolean(), (name, isFolder) => {
    const files: Files = { entries: () => [{ name, isFolder }] };
    const [completed = ""] = completePath("", files);
    const [word, ...others] = wordsOf(completed);
    assertEquals(others, []);
    assertEquals(word!.text, isFolder ? `${name}/` : name);
  }));
});
