import { Buffer } from "node:buffer";

/** Bytes that are searched at a time. */
const BLOCK_BYTES = 1 << 16;

/** The result of a search. */
export interface Search {
  /** Number of bytes searched. */
  readonly bytes: number;
  /** Occurrences of each text, over all encodings. */
  readonly found: readonly number[];
}

/** Looks for texts in bytes, in UTF-8 and in UTF-16 of both byte orders. */
export class TextSearch implements Search {
  readonly found: number[];
  readonly #texts: ReadonlyMap<string, number>;
  readonly #pattern: RegExp;
  readonly #longest: number;
  #end = "";
  #bytes = 0;

  /** Begins a search. @param texts None of which is a part of another. */
  constructor(texts: readonly string[]) {
    this.found = texts.map(() => 0);
    this.#texts = new Map(
      texts.flatMap((text, i) => encodings(text).map((bytes) => [latin1(bytes), i])),
    );
    const needles = [...this.#texts.keys()];
    this.#longest = Math.max(...needles.map(({ length }) => length));
    // One pattern for all of them goes through a gigabyte in a second, unlike `Buffer.indexOf`.
    this.#pattern = new RegExp(needles.map(escape).join("|"), "g");
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Searches the next bytes. */
  push(bytes: Uint8Array): void {
    const haystack = this.#end + latin1(bytes);
    let searched = haystack.length - this.#longest + 1;
    for (const { 0: needle, index } of haystack.matchAll(this.#pattern)) {
      this.found[this.#texts.get(needle)!]!++;
      searched = Math.max(searched, index + needle.length);
    }
    this.#end = haystack.slice(Math.max(searched, 0));
    this.#bytes += bytes.length;
  }

  /** Marks a gap: the next bytes do not follow the previous ones. */
  cut(): void {
    this.#end = "";
  }
}

/**
 * Searches all memory that a process can read, on Linux.
 *
 * @param pid The process, which should be stopped during the search.
 */
export function searchMemory(pid: number, texts: readonly string[]): Search {
  const search = new TextSearch(texts);
  const buffer = new Uint8Array(BLOCK_BYTES);
  const words = new Uint32Array(buffer.buffer);
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  for (const { start, end } of readableRegions(pid)) {
    search.cut();
    memory.seekSync(start, Deno.SeekMode.Start);
    for (let left = end - start; left > 0;) {
      const read = memory.readSync(buffer.subarray(0, Math.min(left, buffer.length)));
      if (read === null) break;
      // Half a gigabyte is reserved for code and never used.
      const isUnused = words.every((word) => word === 0);
      if (isUnused) search.cut();
      else search.push(buffer.subarray(0, read));
      left -= read;
    }
  }
  return search;
}

function readableRegions(pid: number): { start: number; end: number }[] {
  const lines = Deno.readTextFileSync(`/proc/${pid}/maps`).trimEnd().split("\n");
  return lines.flatMap((line) => {
    const [, start, end, mode, name] = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line)!;
    // The kernel's own pages are the same in all processes, and cannot all be read this way.
    if (!mode!.startsWith("r") || /^\[v(?:var|sys)/.test(name!)) return [];
    return [{ start: parseInt(start!, 16), end: parseInt(end!, 16) }];
  });
}

function encodings(text: string): Uint8Array[] {
  const little = Buffer.from(text, "utf16le");
  return [Buffer.from(text, "utf8"), little, Buffer.from(little).swap16()];
}

/** A character for each byte. */
function latin1({ buffer, byteLength, byteOffset }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

function escape(needle: string): string {
  return needle.replaceAll(
    /[^]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
