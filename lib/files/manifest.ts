/**
 * The manifest of a transfer: the paths and sizes of its files, at the start of its content. See PROTOCOL.md
 * §6.10.
 *
 * @module
 */
import { ByteReader, type Bytes, u64, utf8 } from "../bytes/mod.ts";
import { inTurns } from "../clock.ts";
import { WireError } from "../errors.ts";
import { MAX_FILES, MAX_MANIFEST_BYTES } from "../wire/mod.ts";
import { MAX_CONTENT_BYTES } from "./geometry.ts";

/** Maximum path, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 1_024;

/** Maximum components of a path: each may be a folder that a receiver makes. */
export const MAX_PATH_DEPTH = 32;

/** Maximum folders in which the files are: a receiver makes each of them, and few bytes can name many. */
export const MAX_FOLDERS = 100_000;

/** Bytes of the count of files, of a path's length, and of a size. */
const COUNT_BYTES = 4;
const LENGTH_BYTES = 2;
const SIZE_BYTES = 8;

/** Bytes of the smallest entry: one of a path of one byte. */
const MIN_ENTRY_BYTES: number = LENGTH_BYTES + 1 + SIZE_BYTES;

/** Size in the manifest of a file whose size is unknown: a stream. */
export const UNKNOWN_SIZE: number = Number.MAX_SAFE_INTEGER;

/** A file of a transfer. */
export interface ManifestFile {
  /** The path as the sender gave it, with `/` between its components: unsafe to show or to use. */
  readonly path: string;
  /** Its size in bytes; {@linkcode UNKNOWN_SIZE} for a stream. */
  readonly size: number;
}

/** Bytes of a part of the content that are in one place. */
export interface Span {
  /** The file's place in the manifest, counted from 0; `undefined` for bytes of the manifest itself. */
  readonly file: number | undefined;
  /** Where they begin in the file or in the manifest, in bytes. */
  readonly offset: number;
  /** Where they begin in the part, in bytes. */
  readonly start: number;
  /** How many bytes they are, at least 1. */
  readonly length: number;
}

/** What an offer says about its manifest. */
export interface OfferedFiles {
  /** Bytes of the manifest. */
  readonly manifestBytes: number;
  /** Number of files. */
  readonly files: number;
  /** Bytes of all files; 0 for a stream. */
  readonly size: number;
  /** Whether size and root are unknown yet. */
  readonly stream: boolean;
}

/**
 * The files of a transfer, in the order of its content: the manifest's bytes, then the bytes of each file.
 *
 * @example Bytes that are in the manifest and in two files
 * ```ts
 * import { Manifest } from "./manifest.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const manifest = Manifest.of([{ path: "a", size: 2 }, { path: "b", size: 9 }]);
 * assertEquals(manifest.bytes.length, 26);
 * assertEquals(manifest.spans(24, 5), [
 *   { file: undefined, offset: 24, start: 0, length: 2 },
 *   { file: 0, offset: 0, start: 2, length: 2 },
 *   { file: 1, offset: 0, start: 4, length: 1 },
 * ]);
 * ```
 */
export class Manifest {
  /** The files. */
  readonly files: readonly ManifestFile[];
  /** `count (4) || count × (path length (2) || path, UTF-8 || size (8))`. */
  readonly bytes: Bytes;
  /** Bytes of all files; {@linkcode UNKNOWN_SIZE} for a stream. */
  readonly size: number;
  /** Where each file begins in the content, in bytes, and where the last one ends. */
  readonly #starts: Float64Array;

  private constructor(files: readonly ManifestFile[], bytes: Bytes) {
    this.files = files;
    this.bytes = bytes;
    this.#starts = new Float64Array(files.length + 1);
    let end = bytes.length;
    for (const [i, { size }] of files.entries()) {
      this.#starts[i] = end;
      end += size;
    }
    this.#starts[files.length] = end;
    this.size = files.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Makes the manifest of files.
   *
   * @throws {WireError} If {@linkcode Manifest.decode} would refuse it.
   */
  static of(files: readonly ManifestFile[]): Manifest {
    const paths = files.map(({ path }) => utf8(path));
    const bytes = new Uint8Array(
      paths.reduce((sum, { length }) => sum + LENGTH_BYTES + length + SIZE_BYTES, COUNT_BYTES),
    );
    const view = new DataView(bytes.buffer);
    view.setUint32(0, files.length);
    let at = COUNT_BYTES;
    for (const [i, path] of paths.entries()) {
      const { path: text, size } = files[i]!;
      check(text, path.length);
      view.setUint16(at, path.length);
      bytes.set(path, at + LENGTH_BYTES);
      at += LENGTH_BYTES + path.length;
      bytes.set(u64(size), at);
      at += SIZE_BYTES;
    }
    return Manifest.#checked([...files], bytes);
  }

  /**
   * Reads a manifest. Its paths may still be of any kind and even equal: only their lengths are checked.
   *
   * @throws {WireError} If it has another layout, bytes that are not UTF-8, or exceeds a limit.
   */
  static decode(bytes: Bytes): Manifest {
    return Manifest.#checked([...Manifest.#entries(bytes)], bytes);
  }

  /** Reads a manifest as {@linkcode Manifest.decode} does, and lets other work have its turn in between. */
  static async read(bytes: Bytes): Promise<Manifest> {
    return Manifest.#checked(await inTurns(Manifest.#entries(bytes)), bytes);
  }

  static *#entries(bytes: Bytes): Generator<ManifestFile> {
    if (bytes.length > MAX_MANIFEST_BYTES) throw tooLong(bytes.length);
    const reader = new ByteReader(bytes);
    const count = reader.u32();
    // Before anything is made for so many.
    if (count > reader.remaining / MIN_ENTRY_BYTES) {
      throw new WireError("Cannot decode manifest: it is cut off");
    }
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    for (let i = 0; i < count; i++) {
      const length = reader.u16();
      const path = decode(decoder, reader.take(length));
      check(path, length);
      yield { path, size: reader.u64() };
    }
    reader.end();
  }

  static #checked(files: readonly ManifestFile[], bytes: Bytes): Manifest {
    const manifest = new Manifest(files, bytes);
    manifest.#check();
    return manifest;
  }

  /** Whether this is a stream: one file whose size is unknown. */
  get isStream(): boolean {
    return this.files.length === 1 && this.size === UNKNOWN_SIZE;
  }

  /**
   * Asserts that an offer said the truth about this manifest.
   *
   * @throws {WireError} If it has another length, or other files, than the offer said.
   */
  checkOffer({ files, manifestBytes, size, stream }: OfferedFiles): void {
    const isSame = manifestBytes === this.bytes.length && files === this.files.length &&
      stream === this.isStream && (stream || size === this.size);
    if (!isSame) throw new WireError("Cannot use manifest: its offer says something else");
  }

  /**
   * Divides a part of the content by where its bytes are, in order. Empty files have no bytes.
   *
   * @param offset Where the part begins in the content, in bytes. @param length Its bytes.
   * @throws {RangeError} If it is not in the content.
   */
  spans(offset: number, length: number): Span[] {
    const end = offset + length;
    if (offset < 0 || length < 0 || end > this.#starts[this.files.length]!) {
      throw new RangeError(`${length} bytes at ${offset} are not in the content`);
    }
    const spans: Span[] = [];
    const add = (file: number | undefined, fileStart: number, fileEnd: number): void => {
      const from = Math.max(offset, fileStart);
      const count = Math.min(end, fileEnd) - from;
      if (count <= 0) return;
      spans.push({ file, offset: from - fileStart, start: from - offset, length: count });
    };
    add(undefined, 0, this.bytes.length);
    for (let file = this.#fileAt(offset); file < this.files.length; file++) {
      if (this.#starts[file]! >= end) break;
      add(file, this.#starts[file]!, this.#starts[file + 1]!);
    }
    return spans;
  }

  /** The last file that begins at or before an offset, or the first file. */
  #fileAt(offset: number): number {
    let [low, high] = [0, this.files.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #check(): void {
    const count = this.files.length;
    if (count < 1 || count > MAX_FILES) {
      throw new WireError(`Cannot use manifest: it has ${count} files, not 1 to ${MAX_FILES}`);
    }
    if (this.bytes.length > MAX_MANIFEST_BYTES) throw tooLong(this.bytes.length);
    if (!this.isStream && this.bytes.length + this.size > MAX_CONTENT_BYTES) {
      throw new WireError(`Cannot use manifest: its files have over ${MAX_CONTENT_BYTES} bytes`);
    }
    if (hasOver(MAX_FOLDERS, this.files)) {
      throw new WireError(`Cannot use manifest: it has over ${MAX_FOLDERS} folders`);
    }
  }
}

/** Whether files are in more folders than so many. */
function hasOver(max: number, files: readonly ManifestFile[]): boolean {
  const folders = new Set<string>();
  for (const { path } of files) {
    let end = path.lastIndexOf("/");
    // If a folder is known, those that it is in are, too.
    while (end >= 0 && !folders.has(path.slice(0, end))) {
      if (folders.size === max) return true;
      folders.add(path.slice(0, end));
      end = path.lastIndexOf("/", end - 1);
    }
  }
  return false;
}

function tooLong(bytes: number): WireError {
  const limit = `at most ${MAX_MANIFEST_BYTES} are allowed`;
  return new WireError(`Cannot use manifest: it has ${bytes} bytes, ${limit}`);
}

/** Asserts that a path is within its limits. */
function check(path: string, bytes: number): void {
  if (bytes < 1 || bytes > MAX_PATH_BYTES) {
    throw new WireError(
      `Cannot use manifest: a path has ${bytes} bytes, not 1 to ${MAX_PATH_BYTES}`,
    );
  }
  if (path.split("/", MAX_PATH_DEPTH + 1).length > MAX_PATH_DEPTH) {
    throw new WireError(`Cannot use manifest: a path has over ${MAX_PATH_DEPTH} components`);
  }
}

function decode(decoder: TextDecoder, bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new WireError("Cannot decode manifest: a path is not UTF-8", { cause });
  }
}
