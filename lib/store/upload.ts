/**
 * Files and folders that a person sends: finds them, and reads them at offsets.
 *
 * @module
 */
import { basename, join } from "node:path";
import { type Bytes, utf8 } from "../bytes/mod.ts";
import { type Code, quote, StoreError } from "../errors.ts";
import { numberedName } from "./free_name.ts";
import { isSameFile } from "./lock.ts";
import { OpenFiles } from "./open_files.ts";
import { reasonOf, requirePermission } from "./private_file.ts";

/** Name of a folder that has none, such as the root of the file system. */
const NAMELESS = "files";

/** Limits of an upload. */
export interface UploadLimits {
  /** Maximum files. */
  readonly maxFiles: number;
  /** Maximum path, in bytes of UTF-8. */
  readonly maxPathBytes: number;
  /** Maximum components of a path. */
  readonly maxPathDepth: number;
}

/** A file to send. */
export interface UploadFile {
  /** Its path for the receivers: relative, with `/` between the components; it begins with what a person named. */
  readonly path: string;
  /** Its size when it was found, in bytes. */
  readonly size: number;
}

/** Something in a folder that is not sent. */
export interface SkippedPath {
  /** Its path on this machine. */
  readonly path: string;
  /** The reason, as the end of a sentence that names it. */
  readonly reason: string;
}

/** A found file. */
interface Source extends UploadFile {
  /** Its path on this machine. */
  readonly source: string;
  /** The same without links; missing if a person named it: then it may be a link. */
  readonly real?: string;
}

/** Files to send, in the order in which they are sent. */
export class Upload {
  /** The files; at least one. */
  readonly files: readonly UploadFile[];
  /** Links, devices, pipes and sockets in the folders, and paths over a limit. */
  readonly skipped: readonly SkippedPath[];
  readonly #sources: readonly Source[];
  readonly #open: OpenFiles;

  /** Use {@linkcode findUpload}. */
  constructor(sources: readonly Source[], skipped: readonly SkippedPath[]) {
    this.files = sources.map(({ path, size }) => ({ path, size }));
    this.skipped = skipped;
    this.#sources = sources;
    this.#open = new OpenFiles((index) => openSource(sources[index]!));
  }

  /**
   * Fills a buffer from a file. Several calls can be under way at once.
   *
   * @param file The file's place in {@linkcode Upload.files}. @param offset Where to begin, in bytes.
   * @throws {StoreError} With code `file-changed` if the file is shorter or longer than it was, and
   * `file-unreadable` if it is gone or cannot be read.
   */
  async readAt(file: number, offset: number, into: Bytes): Promise<void> {
    const { size, source } = this.#sources[file]!;
    const end = offset + into.length;
    try {
      await this.#open.use(file, async (opened) => {
        const count = await opened.read(offset, into);
        const isWhole = count === into.length && (end < size || await opened.size() === size);
        if (!isWhole) throw changed(source, "its size has changed");
      });
    } catch (cause) {
      throw cause instanceof StoreError ? cause : unreadable(source, cause);
    }
  }

  /** Closes all files, when the reads under way are done. */
  async close(): Promise<void> {
    await this.#open.close();
  }
}

/**
 * Finds the files to send: those that a person named, and all in the folders that they named, in order of
 * their names. A named link is followed, a link in a folder is skipped: it could lead to anything.
 *
 * @throws {StoreError} With code `permission-denied`, `file-unreadable` or `too-many-files`.
 */
export async function findUpload(
  paths: readonly string[],
  limits: UploadLimits,
): Promise<Upload> {
  const walk = new Walk(limits);
  for (const path of paths) await walk.named(path);
  if (walk.sources.length === 0) {
    throw unreadable(paths.join(", "), new Error("there are no files in it"));
  }
  return new Upload(walk.sources, walk.skipped);
}

/** A search for files. */
class Walk {
  readonly sources: Source[] = [];
  readonly skipped: SkippedPath[] = [];
  readonly #limits: UploadLimits;
  readonly #names = new Set<string>();

  constructor(limits: UploadLimits) {
    this.#limits = limits;
  }

  /** Adds what a person named. */
  async named(source: string): Promise<void> {
    requirePermission("read", source, "send");
    try {
      const info = await Deno.stat(source);
      const path = this.#freeName((await nameOf(source)).toWellFormed());
      if (info.isDirectory) await this.#folder(source, path, await Deno.realPath(source));
      else if (info.isFile) this.#add({ source, path, size: info.size });
      else throw new Error("it is not a file or a folder");
    } catch (cause) {
      throw cause instanceof StoreError ? cause : unreadable(source, cause);
    }
  }

  async #folder(source: string, path: string, real: string): Promise<void> {
    const entries = await Array.fromAsync(Deno.readDir(source));
    // The same files have the same order each time, and so the same tree.
    entries.sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name } of entries) {
      await this.#entry(join(source, name), `${path}/${name.toWellFormed()}`, join(real, name));
    }
  }

  async #entry(source: string, path: string, real: string): Promise<void> {
    const reason = this.#overLimit(path);
    if (reason !== undefined) return void this.skipped.push({ path: source, reason });
    try {
      const info = await Deno.lstat(source);
      if (info.isDirectory) return await this.#folder(source, path, real);
      if (info.isFile) return this.#add({ source, path, size: info.size, real });
      this.skipped.push({ path: source, reason: kindOf(info) });
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) {
        const reason = "it is gone, or its name is not UTF-8";
        return void this.skipped.push({ path: source, reason });
      }
      throw cause instanceof StoreError ? cause : unreadable(source, cause);
    }
  }

  #overLimit(path: string): string | undefined {
    const { maxPathBytes, maxPathDepth } = this.#limits;
    if (utf8(path).length > maxPathBytes) return "its path is too long";
    return path.split("/").length > maxPathDepth ? "it is in too many folders" : undefined;
  }

  #add(source: Source): void {
    if (this.sources.length === this.#limits.maxFiles) {
      throw new StoreError("too-many-files", `Cannot send over ${this.#limits.maxFiles} files`);
    }
    this.sources.push(source);
  }

  /** A name that no other named file or folder has: two folders can have files of one name. */
  #freeName(name: string): string {
    let free = name;
    for (let number = 2; this.#names.has(free); number++) free = numberedName(name, number);
    this.#names.add(free);
    return free;
  }
}

/** The name of what a person named, also of `.` and `..`. */
async function nameOf(source: string): Promise<string> {
  const name = basename(source);
  if (!["", ".", ".."].includes(name)) return name;
  return basename(await Deno.realPath(source)) || NAMELESS;
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isSymlink) return "it is a link";
  if (info.isFifo) return "it is a pipe";
  return info.isSocket ? "it is a socket" : "it is a device";
}

/** Opens a file, unless something else has taken its place: a pipe would block, a link lead elsewhere. */
async function openSource({ real, size, source }: Source): Promise<Deno.FsFile> {
  const named = await (real === undefined ? Deno.stat(source) : Deno.lstat(source));
  if (!named.isFile) throw changed(source, "it is no longer a file");
  const opened = await Deno.open(source);
  try {
    const info = await opened.stat();
    // A link may have taken the place of a folder that it is in.
    const isMoved = real !== undefined && await Deno.realPath(source) !== real;
    if (isMoved || !isSameFile(named, info)) throw changed(source, "it was replaced");
    if (info.size !== size) throw changed(source, "its size has changed");
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

function changed(source: string, reason: string): StoreError {
  return failure("file-changed", source, reason);
}

function unreadable(source: string, cause: unknown): StoreError {
  return failure("file-unreadable", source, reasonOf(cause), cause);
}

function failure(code: Code, source: string, reason: string, cause?: unknown): StoreError {
  return new StoreError(code, `Cannot send ${quote(source)}: ${reason}`, { cause });
}
