/**
 * The texts of `lib/` and the documents are in plain American English: without the marks of a translation, and with
 * the terms of docs/GLOSSARY.md.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { DOCUMENTS, read, sourcesOf } from "./documents.ts";

/** Words that a reader stumbles over. */
interface Mark {
  readonly pattern: RegExp;
  /** What to write. */
  readonly instead: string;
  /** Whether the mark counts only in what the program shows. */
  readonly shownOnly?: true;
}

/** A run of text in a file. */
interface Passage {
  readonly text: string;
  /** The line of its first character, counted from 1. */
  readonly line: number;
  readonly isComment: boolean;
}

const MARKS: readonly Mark[] = [
  { pattern: /\bCannot\b[^.:;]*? as (?!in\b|long\b)/, instead: "Cannot X: Y", shownOnly: true },
  { pattern: /\bwho(?:m|se)?ever\b/i, instead: "anyone who, or the actor's name" },
  { pattern: /\bnobody\b(?!-|\.…)/i, instead: "no one" },
  { pattern: /\bsomebody who\b/i, instead: "someone who, or the actor's name" },
  { pattern: /\banew\b/i, instead: "again, or a verb with re-" },
  { pattern: /\bany more\b(?! than)/i, instead: "no longer" },
  { pattern: /\bof before\b/i, instead: "earlier, former" },
  { pattern: /\b(?:come|comes|came|coming) again\b/i, instead: "rejoin, return" },
  { pattern: /\b(?:an|the) own\b/i, instead: "its own, or this member's" },
  { pattern: /\bat hand\b/i, instead: "here, present" },
  { pattern: /\b(?:is|are|was|were|be|been) told\b/i, instead: "a sentence with its actor" },
  { pattern: /\bdear(?:er|est)?\b/i, instead: "expensive" },
  {
    pattern:
      /\b(?:address|file|host|it|link|member|name|people|pipe|room|terminal|them|those|you) alone\b/i,
    instead: "only",
  },
  { pattern: /, as (?:no one|there) /, instead: "because" },
  { pattern: /\bbehind (?:byte|each|every|its name|the name|verified)\b/i, instead: "after" },
  {
    pattern: /\b(?:behavi|col|fav|hon|lab|neighb|rum)our/i,
    instead: "the American spelling: -or",
  },
  {
    pattern:
      /\b(?:analy|author|capital|custom|emphas|final|general|initial|maxim|minim|normal|optim|organ|priorit|random|real|recogn|sanit|serial|special|summar|synchron|util)is(?:e|ed|es|er|ers|ing|ation)\b/i,
    instead: "the American spelling: -ize",
  },
  {
    pattern: /\b(?:cancel|dial|label|model|signal|travel|tunnel)l(?:ed|er|ers|ing)\b/i,
    instead: "the American spelling: one l",
  },
  {
    pattern:
      /\b(?:amongst|artefacts?|catalogues?|centred?|centres|cheques?|defences?|for ever|grey|learnt|licences?|metres?|offences?|programmes?|spelt|whilst)\b/i,
    instead: "the American spelling",
  },
];

const SOURCES = sourcesOf("lib");

/** What precedes a regular expression, and never a division. */
const BEFORE_REGEXP = /(?:[=(,:[!&|?{};>+]|\breturn)\s*$/;

/**
 * The comments and the string and template literals of a source. Literals that `+` joins are one; `…` stands for a
 * substitution.
 */
function passagesOf(source: string): Passage[] {
  const passages: Passage[] = [];
  let at = 0;
  let literalEnd = source.length;

  const add = (text: string, start: number, isComment: boolean): void => {
    const last = passages.at(-1);
    if (!isComment && last && /^\s*\+\s*$/.test(source.slice(literalEnd, start))) {
      passages.splice(-1, 1, { ...last, text: last.text + text });
    } else {
      passages.push({ text, line: lineOf(source, start), isComment });
    }
    literalEnd = isComment ? source.length : at;
  };
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [text] = pattern.exec(source)!;
    at += text.length;
    return text;
  };
  const template = (): void => {
    const start = at++;
    let text = "";
    while (source[at] !== "`") {
      text += take(/(?:\\[^]|\$(?!\{)|[^\\`$])*/y);
      if (source[at] !== "$") continue;
      at += 2;
      code();
      at++;
      text += "…";
    }
    at++;
    add(text, start, false);
  };
  /** Reads up to the brace that closes a substitution, or to the end. */
  const code = (): void => {
    for (let depth = 0; at < source.length;) {
      take(/[^/"'`{}]*/y);
      const start = at;
      switch (source[at]) {
        case '"':
        case "'":
          add(take(/"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'/y).slice(1, -1), start, false);
          break;
        case "`":
          template();
          break;
        case "/":
          if (/[/*]/.test(source[at + 1]!)) {
            const comment = take(/\/\/.*|\/\*[^]*?\*\//y);
            add(comment.replaceAll(/^ *(?:\/\*\*?|\*(?!\/)|\/\/)|\*\/$/gm, ""), start, true);
          } else if (BEFORE_REGEXP.test(source.slice(Math.max(0, at - 80), at))) {
            take(/\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\//y);
          } else at++;
          break;
        case "{":
          depth++;
          at++;
          break;
        case "}":
          if (depth-- === 0) return;
          at++;
      }
    }
  };
  code();
  return passages;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

/** The marks in passages of a file, each with its line and what to write instead. */
function marksIn(path: string, passages: readonly Passage[]): string[] {
  return passages.flatMap(({ isComment, line, text }) =>
    MARKS.filter(({ shownOnly }) => !(shownOnly && isComment)).flatMap(({ instead, pattern }) =>
      // A line may end between two words.
      [...text.matchAll(new RegExp(pattern.source.replaceAll(" ", "\\s+"), `g${pattern.flags}`))]
        .map(({ 0: mark, index }) =>
          `${path}:${line + lineOf(text, index) - 1}: "${
            mark.replaceAll(/\s+/g, " ")
          }": write ${instead}`
        )
    )
  );
}

for (const path of DOCUMENTS) {
  test(`${path} has no mark of a translation and no British spelling`, () => {
    assertEquals(marksIn(path, [{ text: read(path), line: 1, isComment: true }]), []);
  });
}

test("lib: no text and no comment has a mark of a translation or a British spelling", () => {
  assertEquals(SOURCES.flatMap((path) => marksIn(path, passagesOf(read(path)))), []);
});

test("docs/GLOSSARY.md lists terms in order, each of which the code or a document has", () => {
  const rows = [...read("docs/GLOSSARY.md").matchAll(/^\| ([a-z][\w ,-]+?) +\|/gm)]
    .map(([, terms]) => terms!).filter((terms) => terms !== "term");
  assertEquals(rows, rows.toSorted());
  const texts = [...DOCUMENTS, ...SOURCES, ...sourcesOf("tests/support")]
    .filter((path) => path !== "docs/GLOSSARY.md").map(read);
  const isUsed = (term: string): boolean => {
    const pattern = new RegExp(`\\b${term.replaceAll(" ", "[\\s*_]*")}`, "i");
    return texts.some((text) => pattern.test(text));
  };
  assertEquals(rows.flatMap((terms) => terms.split(", ")).filter((term) => !isUsed(term)), []);
});

test("passagesOf reads strings, templates and comments, and no code", () => {
  const source = [
    "const colour = /`'\"/u; // one",
    'const a = "two" + `three ${b ? "four" : `five ${c}`} six` +',
    "  'se\\'ven'; /** eight",
    " * nine */ const d = e / f / g; const h = [/[/`]/];",
  ].join("\n");
  assertEquals(passagesOf(source).map(({ text, line }) => [text.trim(), line]), [
    ["one", 1],
    ["two", 2],
    ["four", 2],
    ["five …", 2],
    ["three … sixse\\'ven", 2],
    ["eight\n nine", 3],
  ]);
});

test("marksIn names file, line and mark, also across a line's end", () => {
  const text = "It may come\nagain. The colour\nis new: the terminal\nalone.";
  assertEquals(marksIn("a.md", [{ text, line: 7, isComment: true }]), [
    'a.md:7: "come again": write rejoin, return',
    'a.md:9: "terminal alone": write only',
    'a.md:8: "colour": write the American spelling: -or',
  ]);
  const shown = "Cannot join as the room is full";
  assertEquals(marksIn("b.ts", [{ text: shown, line: 1, isComment: false }]), [
    'b.ts:1: "Cannot join as ": write Cannot X: Y',
  ]);
  assertEquals(marksIn("b.ts", [{ text: shown, line: 1, isComment: true }]), []);
});
