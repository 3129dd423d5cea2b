/**
 * docs/ARCHITECTURE.md and CONTRIBUTING.md name existing things: files, tasks, and symbols of `lib/` with their members.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test } from "../support/test.ts";
import { exists, read, sourcesOf, spansOf } from "./documents.ts";

const ROOT = new URL("../../", import.meta.url);

/** The documents whose code spans are checked. */
const DOCUMENTS = ["docs/ARCHITECTURE.md", "CONTRIBUTING.md"];

/** Spans that stand for many names, or quote a form. */
const PLACEHOLDER = /^(?:lanchat |area: |_)|\b(?:FOLDER|FILE|FILE_test)\b/;

const SOURCES = sourcesOf("lib").map(read);

/** The declarations of a symbol at the top of a file, each up to its end. */
function declarations(symbol: string): string[] {
  const start = new RegExp(
    `^(?:export )?(?:async )?(?:class|const|function|interface|type) ${symbol}\\b`,
    "m",
  );
  return SOURCES.flatMap((source) => {
    const at = source.search(start);
    return at < 0 ? [] : [source.slice(at).split(/^[})]/m, 1)[0]!];
  });
}

function hasMember(declaration: string, member: string): boolean {
  const modifiers = "(?:static |readonly |async |get |private )*";
  return new RegExp(`^  ${modifiers}${RegExp.escape(member)}[(<:=?! ]`, "m").test(declaration);
}

/** Whether a code span names something that exists. */
function isTrue(span: string): boolean {
  const task = /^deno task ([\w:]+)/.exec(span)?.[1];
  if (task !== undefined) return Object.hasOwn(config.tasks, task);
  if (PLACEHOLDER.test(span)) return true;
  if (/^\.|[/]|\.(?:ts|md|json|ps1|sh)$/.test(span)) return exists(span);
  const [symbol, member] = span.split(".", 2);
  const found = declarations(symbol!);
  return member === undefined
    ? found.length > 0
    : found.some((declaration) => hasMember(declaration, member));
}

for (const path of DOCUMENTS) {
  test(`${path} names only files, tasks and symbols that exist`, () => {
    const spans = spansOf(read(path));
    assertEquals(spans.filter((span) => !isTrue(span)), []);
  });
}

test("a name that does not exist is found", () => {
  const wrong = ["Room.nothing", "Nothing.say", "noSuchFunction", "lib/no.ts", "deno task nothing"];
  const right = ["Room.say", "Link.#next", "SUBCOMMANDS", "lib/room", "deno task ok"];
  assertEquals([...wrong, ...right].filter((span) => !isTrue(span)), wrong);
});

test("docs/ARCHITECTURE.md lists each folder of lib/ with the folders that it imports", () => {
  const rows = read("docs/ARCHITECTURE.md").matchAll(/^\| `lib\/(\w+)` +\|[^|]+\|([ \w,]*)\|$/gm);
  const listed = [...rows].map(([, folder, imports]) => [folder, imports!.trim()]);
  const folders = [...Deno.readDirSync(new URL("lib/", ROOT))]
    .filter(({ name, isDirectory }) => isDirectory && name !== "types");
  const actual = folders.map(({ name }) => [name, importsOf(name).join(", ")]);
  assertEquals(Object.fromEntries(listed), Object.fromEntries(actual));
});

function importsOf(folder: string): string[] {
  const imports = sourcesOf(`lib/${folder}`).flatMap((path) =>
    [...read(path).matchAll(/ from "([./]+\/(\w+)\/mod\.ts)"/g)]
      .filter(([, target]) => new URL(target!, new URL(path, ROOT)).href.startsWith(`${ROOT}lib/`))
      .map(([, , name]) => name!)
  );
  return [...new Set(imports)].filter((name) => name !== folder).sort();
}
