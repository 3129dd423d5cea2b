/**
 * Writes the known answers for the two foldings of names (PROTOCOL.md §6.2) into vectors.json, with nothing
 * of lib/. `vectors_test.ts` compares.
 *
 * To be run where a folding has changed: `deno run --allow-all tests/vectors/make_names.ts`
 *
 * @module
 */
import confusables from "unhomoglyph/data.json" with { type: "json" };

/** A name and how it looks; two names would be taken for one where either look is the same. */
export interface KnownName {
  /** The name. */
  readonly name: string;
  /** The skeleton with case folded before and after. */
  readonly folded: string;
  /** The skeleton with case folded only after. */
  readonly shape: string;
}

const NAMES = [
  "ian",
  "IAN",
  "Ian",
  "lan",
  "1an",
  "Tom",
  "\u0422orn",
  "Torn",
  "bob",
  "b\u03BFb",
  "b0b",
  "B0B",
  "w",
  "vv",
  "Stra\u00DFe",
  "strasse",
  "\u039A\u03CC\u03C3\u03BC\u03BF\u03C2",
  "\u039A\u038C\u03A3\u039C\u039F\u03A3",
  "Zo\u00EB",
  "Zoe",
  "\uFF42\uFF4F\uFF42",
  "\u{1D41B}\u{1D428}\u{1D41B}",
  "a b",
  "a  b",
  "a\u2800b",
  "\u674E\u5C0F\u9F99",
];

const TABLE: ReadonlyMap<string, string> = new Map(Object.entries(confusables));

function caseFold(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function replaced(text: string): string {
  let result = "";
  for (const character of text) result += TABLE.get(character) ?? character;
  return result;
}

/** Confusables for what they look like, then compatibility characters for what they stand for, and again. */
function skeleton(text: string): string {
  const first = replaced(text.normalize("NFD").replace(/\p{DI}/gu, ""));
  const second = replaced(first.normalize("NFKD").replace(/\p{DI}/gu, ""));
  return second.normalize("NFD").split(/[ \u2800\u{1D159}]+/u).filter((word) => word !== "")
    .join(" ");
}

/** The known names, with their looks. */
export function makeNames(): KnownName[] {
  return NAMES.map((name) => ({
    name,
    folded: skeleton(caseFold(skeleton(caseFold(name)))),
    shape: skeleton(caseFold(skeleton(name))),
  }));
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.names = makeNames();
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
