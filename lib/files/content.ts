/**
 * The content of a transfer on disk: the manifest, then the files.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import type { ReadContent } from "./tree.ts";

/** Files that can be read at offsets: those that a person sends. */
export interface ReadableFiles {
  /** Fills a buffer from a file, or throws. */
  readAt(file: number, offset: number, into: Bytes): Promise<void>;
}

/** Files to send, in the order in which they are sent. */
export interface FileContents extends ReadableFiles {
  /** The files; at least one. */
  readonly files: readonly ManifestFile[];
  /** Releases them. */
  close(): Promise<void>;
}

/** A text, or other bytes, as a file to send. */
export function memoryFile(path: string, bytes: Bytes): FileContents {
  return {
    files: [{ path, size: bytes.length }],
    readAt: (_file, offset, into) => {
      into.set(bytes.subarray(offset, offset + into.length));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** Files that arrive, parts of which may be there. */
export interface ArrivingFiles {
  /** Reads what is there. @returns The bytes read. */
  readAt(file: number, offset: number, into: Bytes): Promise<number>;
  /** Writes a part. */
  writeAt(file: number, offset: number, bytes: Bytes): Promise<void>;
}

/** Reads the content of files to send, for {@linkcode buildTree} and for leaves to seal. */
export function contentReader(manifest: Manifest, files: ReadableFiles): ReadContent {
  return async (offset, into) => {
    for (const { file, length, offset: from, start } of manifest.spans(offset, into.length)) {
      const part = into.subarray(start, start + length);
      if (file === undefined) part.set(manifest.bytes.subarray(from, from + length));
      else await files.readAt(file, from, part);
    }
  };
}

/**
 * Reads a part of the content that an earlier run may have written.
 *
 * @param offset Where the part begins, in bytes. @param into Filled with the part.
 * @returns Whether all of it was there; its bytes are still to be checked.
 */
export async function readArrived(
  manifest: Manifest,
  files: ArrivingFiles,
  offset: number,
  into: Bytes,
): Promise<boolean> {
  let isWhole = true;
  await contentReader(manifest, {
    async readAt(file, from, part) {
      isWhole = isWhole && await files.readAt(file, from, part) === part.length;
    },
  })(offset, into);
  return isWhole;
}

/** Writes a checked part of the content to the files; the bytes of the manifest are in none. */
export async function writeArrived(
  manifest: Manifest,
  files: ArrivingFiles,
  offset: number,
  bytes: Bytes,
): Promise<void> {
  // One after the other: a leaf can hold thousands of small files.
  for (const { file, length, offset: to, start } of manifest.spans(offset, bytes.length)) {
    if (file !== undefined) await files.writeAt(file, to, bytes.subarray(start, start + length));
  }
}
