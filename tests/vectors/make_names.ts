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
  /** Whether it could pass for what lanchat itself writes. */
  readonly imitates: boolean;
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
  "\u{1F469}\u200D\u{1F469}\u200D\u{1F467}",
  "\u{1F469}\u{1F469}\u{1F467}",
  "\u2764\uFE0F",
  "\u{1F468}\u200D\u{1F469}\u200D\u{1F467}",
  "\u{1F468}\u{1F469}\u{1F467}",
  "\u2764\uFE0F ada",
  "1\uFE0F\u20E3",
  "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
  "\u{1F575}\u{1F3FB}\u200D\u2642\uFE0F",
];

/** At least one for each rule of PROTOCOL.md §6.2. */
const IMITATING = [
  "h0st",
  "The Host",
  "AII",
  "@h\u0435re",
  "~everyone~",
  "1anchat 2",
  "Here 2",
  "\u2764 bob",
  "\u25AA\uFE0F bob",
  "^_^",
  "\u4E00 bob",
  "12.30",
  "bob to eve",
  "bob, eve",
  "bob left",
  "bob\u02D0",
  "bob\u279C",
  "bob\u0903",
  "bob\u30EC",
  "bob\u02C7",
  "v\u20DE",
  "bob -\u030C",
];

/** What is no name. */
const REFUSED = [
  "",
  "all",
  "@Everyone",
  "HERE",
  "bob:",
  "bob\u2713",
  " bob",
  "a\u00A0b",
  "e\u0301",
  "a\u200Db",
  "\u2764\uFE0F\uFE0F",
  "\u{1F469}\u200D\u{1F469}",
  "a".repeat(49),
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
  return [...NAMES, ...IMITATING].map((name) => ({
    name,
    folded: skeleton(caseFold(skeleton(caseFold(name)))),
    shape: skeleton(caseFold(skeleton(name))),
    imitates: IMITATING.includes(name),
  }));
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.names = makeNames();
  vectors.refused_names = REFUSED;
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
