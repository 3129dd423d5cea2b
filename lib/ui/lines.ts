/** Splits input into lines of bounded length. */
import { type Bytes, equal, utf8 } from "../bytes/mod.ts";
import { LanchatError } from "../errors.ts";

const LF = 0x0a;
const CR = 0x0d;

/** The byte order mark that some programs write before UTF-8. */
const BOM = utf8("\ufeff");

/** A line of input. */
export interface InputLine {
  /** Its number, from 1. */
  readonly number: number;
  /** Its bytes without the line end; `undefined` if it is too long. */
  readonly bytes: Bytes | undefined;
}

/**
 * Reads the lines of an input, which stays unread until the first line is requested. A line ends with LF
 * or CR LF, the last one also with the input. A byte order mark before the first line is removed. At most
 * one line of the maximum length is buffered.
 *
 * @param maxBytes Maximum line without its end, in bytes.
 * @throws {LanchatError} With code `bad-input` if the input cannot be read.
 *
 * @example Two lines in one chunk
 * ```ts
 * import { readLines } from "./lines.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = await Array.fromAsync(readLines(new Blob(["one\r\ntwo"]).stream(), 16));
 * assertEquals(lines.map(({ bytes }) => bytes?.length), [3, 3]);
 * ```
 */
export async function* readLines(
  input: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<InputLine, void, void> {
  const splitter = new LineSplitter(maxBytes);
  try {
    for await (const chunk of input) yield* splitter.push(chunk);
  } catch (cause) {
    throw new LanchatError("bad-input", "Cannot read standard input", {
      cause,
      hint: "Give a file or a pipe that can be read.",
    });
  }
  yield* splitter.end();
}

/** Splits chunks into lines. */
class LineSplitter {
  readonly #maxBytes: number;
  /** The beginning of the next line. */
  readonly #begun: Bytes;
  #begunLength = 0;
  #overflow = false;
  #number = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    // Room for a byte order mark and the CR of the line end.
    this.#begun = new Uint8Array(BOM.length + maxBytes + 1);
  }

  /** Adds a chunk. @returns The lines that it completes. */
  push(chunk: Uint8Array): InputLine[] {
    const lines: InputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      lines.push(this.#complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** Ends the input. @returns The last line, if it has no line end. */
  end(): InputLine[] {
    const hasLine = this.#begunLength > 0 || this.#overflow;
    return hasLine ? [this.#complete(new Uint8Array())] : [];
  }

  #complete(rest: Uint8Array): InputLine {
    const isWhole = this.#begunLength === 0 && !this.#overflow;
    if (!isWhole) this.#keep(rest);
    const bytes = isWhole ? rest : this.#begun.subarray(0, this.#begunLength);
    const isMarked = this.#number === 0 && equal(bytes.subarray(0, BOM.length), BOM);
    const raw = isMarked ? bytes.subarray(BOM.length) : bytes;
    const length = raw.at(-1) === CR ? raw.length - 1 : raw.length;
    const fits = !this.#overflow && length <= this.#maxBytes;
    this.#begunLength = 0;
    this.#overflow = false;
    return {
      number: ++this.#number,
      bytes: fits ? new Uint8Array(raw.subarray(0, length)) : undefined,
    };
  }

  #keep(part: Uint8Array): void {
    this.#overflow ||= this.#begunLength + part.length > this.#begun.length;
    if (this.#overflow) return;
    this.#begun.set(part, this.#begunLength);
    this.#begunLength += part.length;
  }
}
