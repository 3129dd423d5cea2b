import { assertEquals } from "@std/assert";
import { test } from "./support/test.ts";

/** A declaration that a module exports, with its name. */
const EXPORTED =
  /^export (?:declare |abstract |async )*(?:class|interface|type|const|let|function\*?|enum) (\w+)/gm;

const LIB = new URL("../lib/", import.meta.url);

/** The sources of all modules of lib/, by their paths. */
function sourcesOf(folder: string): [path: string, source: string][] {
  return [...Deno.readDirSync(new URL(folder, LIB))].flatMap(({ name, isDirectory }) => {
    const path = folder + name;
    if (isDirectory) return sourcesOf(`${path}/`);
    if (!/(?<!\.d)\.ts$/.test(name)) return [];
    return [[path, Deno.readTextFileSync(new URL(path, LIB))]];
  });
}

/** The names that more than one module declares and exports, each with those modules. */
function sharedNames(sources: readonly (readonly [path: string, source: string])[]): string[] {
  const declared = sources.flatMap(([path, source]) =>
    // Overloads declare a name several times in one module.
    [...new Set([...source.matchAll(EXPORTED)].map(([, name]) => name!))]
      .map((name) => ({ name, path }))
  );
  return [...Map.groupBy(declared, ({ name }) => name)]
    .filter(([, places]) => places.length > 1)
    .map(([name, places]) => `${name}: ${places.map(({ path }) => path).join(", ")}`);
}

test("lib: no two modules export declarations of one name", () => {
  assertEquals(sharedNames(sourcesOf("")), []);
});

test("lib: declarations that share a name are found", () => {
  assertEquals(
    sharedNames([
      ["a.ts", "export class Seat {}\nexport function take(): void;\nexport function take() {}"],
      ["b.ts", "export interface Seat {}\nexport async function take() {}\nconst HOP = 1;"],
      ["c.ts", "export const HOP = 1;\nexport { Seat } from './a.ts';"],
    ]),
    ["Seat: a.ts, b.ts", "take: a.ts, b.ts"],
  );
});

test("lib: each module opens with a comment of its own, which says what is in it", () => {
  const bare = sourcesOf("").filter(([, source]) =>
    !/^\/\*\*(?:(?!\*\/)[^])*\*\/\n(?:\n|import |export (?:\*|(?:type )?\{))/.test(source)
  );
  assertEquals(bare.map(([path]) => path), []);
});
