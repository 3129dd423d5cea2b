/** Paths in a typed line: words with and without quotes, and their completion. */
import { sanitizeLine } from "./sanitize.ts";

/** An entry of a folder. */
export interface PathEntry {
  /** Its name. */
  readonly name: string;
  /** Whether it is a folder, or a link to one. */
  readonly isFolder: boolean;
}

/** The files that paths lead to. */
export interface Files {
  /** The home directory; missing where it is not known. */
  readonly home?: string | undefined;
  /** Lists a folder, in the order of names; nothing where it cannot be read. */
  entries(folder: string): readonly PathEntry[];
}

/** No files: paths are not completed, and `~` is a name. */
export const NO_FILES: Files = { entries: () => [] };

/** A word of a line. */
export interface Word {
  /** The word without its quotes. */
  readonly text: string;
  /** Position of its first character in the line. */
  readonly start: number;
  /** Position after its last one. */
  readonly end: number;
  /** Whether it has neither quotes nor escapes. */
  readonly isBare: boolean;
  /** Whether its last quote is open. */
  readonly isOpen: boolean;
}

const IS_WINDOWS = Deno.build.os === "windows";

/** The folder of a path, with what ends it, and the rest. */
const SPLIT = IS_WINDOWS ? /^(.*[/\\])?(.*)$/s : /^(.*\/)?(.*)$/s;

/** Characters of a word that must be in quotes. */
const NEEDS_QUOTES = IS_WINDOWS ? /[\s"']/ : /[\s"'\\]/;

/**
 * Splits a line into words at blanks. A quote that begins a word, or follows another quoted part, holds up to the
 * next one; a backslash escapes one character, except on Windows. A quote that is not closed holds to the end.
 *
 * @example A path with a blank
 * ```ts
 * import { wordsOf } from "./paths.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(wordsOf(`"my notes.txt" it's`).map(({ text }) => text), ["my notes.txt", "it's"]);
 * ```
 */
export function wordsOf(line: string): readonly Word[] {
  const words: Word[] = [];
  let at = 0;
  while (true) {
    while (isBlank(line[at])) at++;
    if (at === line.length) return words;
    const word = wordAt(line, at);
    words.push(word);
    at = word.end;
  }
}

function wordAt(line: string, start: number): Word {
  let [at, text, isBare, isOpen] = [start, "", true, false];
  let takesQuote = true;
  while (at < line.length && !isBlank(line[at])) {
    const character = line[at++]!;
    if (takesQuote && (character === '"' || character === "'")) {
      const close = line.indexOf(character, at);
      isOpen = close < 0;
      const end = isOpen ? line.length : close;
      text += line.slice(at, end);
      at = isOpen ? end : end + 1;
      isBare = false;
    } else if (character === "\\" && !IS_WINDOWS && at < line.length) {
      text += line[at++];
      isBare = false;
      takesQuote = true;
    } else {
      text += character;
      takesQuote = false;
    }
  }
  return { text, start, end: at, isBare, isOpen };
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}

/** Replaces `~` at the start of a path by the home directory. */
export function expandHome(path: string, { home }: Pick<Files, "home">): string {
  return home !== undefined && /^~(?:$|[/\\])/.test(path) ? home + path.slice(1) : path;
}

/**
 * Completes the path at the end of a line.
 *
 * @param typed The path without its quotes.
 * @returns Words, each with a blank after it if it is a file; a folder ends with a separator, within open quotes.
 */
export function completePath(typed: string, files: Files): string[] {
  const [folder, start] = splitPath(typed);
  const found = files.entries(expandHome(folder, files) || ".").filter(({ name }) =>
    name.startsWith(start) && (start !== "" || !name.startsWith(".")) &&
    sanitizeLine(name) === name // A completed name is written to the terminal as it is.
  );
  const paths = found.map(({ isFolder, name }) => ({ path: folder + name, isFolder }));
  // Words that begin alike have a common start only if all of them have quotes, or none.
  const quote = paths.some(({ path }) => path === "to" || NEEDS_QUOTES.test(path))
    ? quoteFor(paths)
    : "";
  // Within quotes, the same one stands in quotes of the other kind.
  const inner = quote === "'" ? `'"'"'` : `"'"'"`;
  return paths.map(({ isFolder, path }) => {
    const safe = quote === "" ? path : path.replaceAll(quote, inner);
    return isFolder ? `${quote}${safe}/` : `${quote}${safe}${quote} `;
  });
}

/** A quote that none of the paths contains, if there is one. */
function quoteFor(paths: readonly { readonly path: string }[]): string {
  return paths.some(({ path }) => path.includes('"')) ? "'" : '"';
}

/** Splits a path into its folder, with the separator, and the beginning of a name. */
function splitPath(path: string): [folder: string, start: string] {
  const [, folder = "", start = ""] = SPLIT.exec(path)!;
  return [folder, start];
}
