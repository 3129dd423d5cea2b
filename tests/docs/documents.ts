/**
 * The documents that people read, and their parts.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** The documents, by their paths from the root. */
export const DOCUMENTS: readonly string[] = [
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "README.md",
  ...[...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => `docs/${name}`)
    .filter((path) => path.endsWith(".md")).sort(),
];

/** A fenced block of a document. */
export interface Block {
  readonly path: string;
  /** The language after the opening fence; may be empty. */
  readonly language: string;
  readonly text: string;
  /** Why no test runs it, as a comment before it says. */
  readonly notRun?: string;
}

/** Reads a document. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** Whether there is such a file or directory. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)) !== undefined;
  } catch {
    return false;
  }
}

/** The paths of the TypeScript files in a folder. */
export function sourcesOf(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sourcesOf(`${folder}/${name}`) : name.endsWith(".ts") ? [`${folder}/${name}`] : []
  ).sort();
}

/** The fenced blocks of a document. */
export function blocksOf(path: string): Block[] {
  const fenced = /^(?:<!-- not run: ([^\n]+) -->\n+)?```(\w*)\n([^]*?)^```$/gm;
  return [...read(path).matchAll(fenced)].map(([, notRun, language, text]) => ({
    path,
    language: language!,
    text: text!,
    ...notRun !== undefined && { notRun },
  }));
}

/** The code spans of a Markdown text, each in one line. */
export function spansOf(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/`([^`]+)`/g)]
    .map(([, span]) => span!.replaceAll(/\s+/g, " "));
}

/** A Markdown text without its fenced blocks. */
export function withoutBlocks(markdown: string): string {
  return markdown.replaceAll(/^```[^]*?^```$/gm, "");
}
