/**
 * Files that arrive: in a part folder, `NAME.part`, while they are under way, and under their own names when they
 * are complete.
 *
 * `NAME.part` holds `offer.json`, which says what belongs in it, `lock`, which keeps it to one run, and `files`,
 * a folder with the files and folders under their safe names. Only this user may enter `NAME.part`. What is in
 * it counts for nothing until it is checked against the tree of the offer.
 *
 * Other users of this machine may have the right to write to the download folder, as in `/tmp`. Then:
 * - `NAME.part` is made, never taken over, or found again only if it is a folder of this user (or root) that no
 *   other user can write to. So no one has put links or files into it.
 * - A complete file gets its name by a hard link, a complete folder by a rename onto an empty folder that
 *   lanchat has just made. The system refuses both if the name is taken, also by a link, and follows none.
 *   On a disk without hard links, lanchat makes an empty file, which the system refuses if the name is taken,
 *   and renames onto it; there, a file that replaces the empty one in that instant is lost.
 * - In a folder that others can write to and that is not sticky, they can replace everything, also complete
 *   files, and put a link in the place of `NAME.part`. lanchat looks before it opens a file and while it
 *   writes, and gives up. One who puts the link there between look and open can make lanchat create new files
 *   elsewhere, though not replace any: Deno has no way to open a file relative to an open folder.
 *
 * @module
 */
import { join, sep } from "node:path";
import { type Bytes, utf8 } from "../bytes/mod.ts";
import { type Code, quote, StoreError } from "../errors.ts";
import { homeDirectory } from "./folders.ts";
import { MAX_FILE_NAME_BYTES, numberedName, shortName } from "./free_name.ts";
import { isSameFile, LockedError, takeAlone } from "./lock.ts";
import { OpenFiles } from "./open_files.ts";
import { orMissing } from "./log.ts";
import type { Platform } from "./place.ts";
import { granted, reasonOf, remove, requirePermission, writeNew } from "./private_file.ts";
import { isForeign, readRegular } from "./trusted_file.ts";

/** How the name of a part folder ends. */
const PART = ".part";

/** Maximum offer.json, in bytes: lanchat ignores a longer one. A real one has about 500. */
const MAX_OFFER_BYTES = 4_096;

/** Maximum wait for another run that uses the same folder, in milliseconds; then it counts as in use. */
const LOCK_MS = 200;

/** Bytes after which a download checks again that its folder is in place. */
const CHECK_BYTES: number = 16 << 20;

/** Files that are completed at the same time: the disk syncs several about as fast as one. */
const FINISHING = 8;

/** What belongs in a part folder. */
export interface PartOffer {
  /** The root of the offer's tree, in hexadecimal digits; empty if it is unknown: then no run resumes it. */
  readonly root: string;
  /** The sender's identity key, in hexadecimal digits. */
  readonly from: string;
  /** Bytes of all files. */
  readonly size: number;
}

/** A file of a download. */
export interface DownloadFile {
  /** The components of its path; each is a safe name. */
  readonly path: readonly string[];
  /** Its bytes; `undefined` if they are as many as arrive. */
  readonly size: number | undefined;
}

/**
 * The download folder: `lanchat` in the user's Downloads if those exist, else in the current folder. Never that one
 * itself: it may be a project, in which a tool runs a file because of its name.
 *
 * @param platform The platform whose Downloads to use; the real one by default.
 */
export async function downloadDirectory(platform?: Platform): Promise<string> {
  const home = homeDirectory(platform);
  const downloads = home === undefined ? undefined : join(home, "Downloads");
  if (downloads !== undefined && granted("read", downloads)) {
    const info = await Deno.stat(downloads).catch(() => undefined);
    if (info?.isDirectory) return join(downloads, "lanchat");
  }
  return granted("read", ".") ? join(Deno.cwd(), "lanchat") : "lanchat";
}

/** Whether files may be saved in a folder. */
export function mayDownload(directory: string): boolean {
  return granted("read", directory) && granted("write", directory);
}

/** Files under way, in a part folder. */
export class Download {
  /**
   * Part folders that this run uses, or has found locked: a wait for a lock keeps a thread until the lock is free,
   * and someone could offer the same again and again.
   */
  static readonly #busy = new Set<string>();
  /** The download folder, without links in its path. */
  readonly directory: string;
  /** The part folder. */
  readonly path: string;
  readonly #info: Deno.FileInfo;
  readonly #lock: Disposable;
  readonly #open: OpenFiles = new OpenFiles((index) => this.#openFile(index));
  /** Where complete files and folders are now, by their names in the folder `files`. */
  readonly #moved = new Map<string, string>();
  #files: readonly DownloadFile[] = [];
  /** Bytes written since the last check of the folder. */
  #unchecked = 0;
  #isClosed = false;

  private constructor(directory: string, path: string, info: Deno.FileInfo, lock: Disposable) {
    this.directory = directory;
    this.path = path;
    this.#info = info;
    this.#lock = lock;
    Download.#busy.add(path);
  }

  /**
   * Makes the part folder of a new download; also the download folder, if it does not exist.
   *
   * @param name A safe name for what arrives.
   * @throws {StoreError} With code `permission-denied`, `disk-full` or `download-unwritable`.
   */
  static async create(directory: string, name: string, offer: PartOffer): Promise<Download> {
    requireSafe(name);
    return await attempt(directory, async () => {
      requirePermissions(directory);
      await Deno.mkdir(directory, { recursive: true });
      const real = await Deno.realPath(directory);
      const part = shortName(name, MAX_FILE_NAME_BYTES - PART.length) + PART;
      const path = await firstFree(real, part, async (free) => {
        await Deno.mkdir(free, { mode: 0o700 });
        return true;
      });
      // Before the offer is there: another run could find it and take the folder over.
      const lock = await lockFolder(path);
      try {
        await writeNew(offerFile(path), utf8(`${JSON.stringify(offer)}\n`));
        return new Download(real, path, await Deno.lstat(path), lock!);
      } catch (error) {
        lock![Symbol.dispose]();
        await Deno.remove(path, { recursive: true }).catch(() => {});
        throw error;
      }
    });
  }

  /**
   * Finds the part folder of an earlier download of the same offer that no run uses now. Makes nothing.
   *
   * @throws {StoreError} With code `permission-denied` or `download-unwritable`.
   */
  static async find(directory: string, offer: PartOffer): Promise<Download | undefined> {
    if (offer.root === "") return undefined;
    return await attempt(directory, async () => {
      requirePermissions(directory);
      const real = await orMissing(Deno.realPath(directory));
      if (real === undefined) return undefined;
      for await (const { name } of Deno.readDir(real)) {
        const path = join(real, name);
        const info = name.endsWith(PART) ? await holding(path, offer) : undefined;
        if (info === undefined || Download.#busy.has(path)) continue;
        Download.#busy.add(path);
        const lock = await lockFolder(path);
        if (lock !== undefined) return new Download(real, path, info, lock);
      }
    });
  }

  /**
   * Names the files and makes their folders. Must come before reading and writing.
   *
   * @throws {StoreError} With code `disk-full`, `download-gone` or `download-unwritable`.
   */
  async lay(files: readonly DownloadFile[]): Promise<void> {
    files.forEach(({ path }) => path.forEach(requireSafe));
    this.#files = files;
    await this.#attempt(async () => {
      await this.#check();
      await makeFolder(this.#inFiles());
      for (const folder of foldersOf(files)) await makeFolder(this.#inFiles(folder));
    });
  }

  /**
   * Reads what is there of a file, to be checked. Several calls can be under way at once.
   *
   * @param file The file's place among the named ones. @param offset Where to begin, in bytes.
   * @returns The bytes read; fewer than fit into the buffer if the file is shorter or not there.
   * @throws {StoreError} With code `download-gone` or `download-unwritable`.
   */
  async readAt(file: number, offset: number, into: Bytes): Promise<number> {
    return await this.#attempt(() => this.#open.use(file, (opened) => opened.read(offset, into)));
  }

  /**
   * Writes a part of a file, in any order; what is not written takes no room on most disks. Several calls can
   * be under way at once.
   *
   * @throws {StoreError} With code `disk-full` (everything is kept, and writing can go on when there is room),
   * `download-gone` or `download-unwritable`.
   */
  async writeAt(file: number, offset: number, bytes: Bytes): Promise<void> {
    await this.#attempt(async () => {
      this.#unchecked += bytes.length;
      if (this.#unchecked > CHECK_BYTES) await this.#check();
      await this.#open.use(file, (opened) => opened.write(offset, bytes));
    });
  }

  /**
   * Moves the complete files and folders to names in the download folder that are free, and removes the part
   * folder. If it fails, it can be called again.
   *
   * @returns The path of each, in the order of the files.
   * @throws {StoreError} With code `disk-full`, `download-gone` or `download-unwritable`.
   */
  async finish(): Promise<string[]> {
    await this.#attempt(async () => {
      await this.#check();
      await this.#complete();
      await this.#open.closeAll();
      for (const name of new Set(this.#files.map(({ path }) => path[0]!))) {
        if (this.#moved.has(name)) continue;
        const source = this.#inFiles(name);
        const { isDirectory } = await Deno.lstat(source);
        const move = isDirectory ? moveFolder : moveFile;
        const wanted = isDirectory ? folderName(name) : name;
        const target = await firstFree(this.directory, wanted, (free) => move(source, free));
        this.#moved.set(name, target);
      }
    });
    await this.discard();
    return [...this.#moved.values()];
  }

  /** Removes the part folder with all that is in it. */
  async discard(): Promise<void> {
    await this.close();
    try {
      await this.#check();
      await Deno.remove(this.path, { recursive: true });
    } catch {
      // It is gone, or stays as any folder that the user can remove.
    }
  }

  /** Ends the use of the part folder, and leaves it for a later run. */
  async close(): Promise<void> {
    await this.#open.close();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#lock[Symbol.dispose]();
    Download.#busy.delete(this.path);
  }

  /** Gives each file its exact size, makes the empty ones, and waits until the disk has them. */
  async #complete(): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < this.#files.length) {
        const index = next++;
        const { path, size } = this.#files[index]!;
        if (this.#moved.has(path[0]!)) continue;
        await this.#open.use(index, async (opened) => {
          // An earlier run may have left more; all that belongs in the file has been written.
          if (size !== undefined && await opened.size() > size) await opened.truncate(size);
          await opened.sync();
        });
      }
    };
    await Promise.all(Array.from({ length: FINISHING }, work));
  }

  async #openFile(index: number): Promise<Deno.FsFile> {
    await this.#check();
    const file = this.#inFiles(...this.#files[index]!.path);
    const options = { read: true, write: true };
    try {
      return await Deno.open(file, { ...options, createNew: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const named = await Deno.lstat(file);
    if (!named.isFile) throw new Error(`${quote(file)} is not a file`);
    const opened = await Deno.open(file, options);
    if (isSameFile(named, await opened.stat())) return opened;
    opened.close();
    throw new Error(`${quote(file)} was replaced`);
  }

  /** Asserts that the folder is the one that this run has made or found. */
  async #check(): Promise<void> {
    this.#unchecked = 0;
    const info = await Deno.lstat(this.path);
    if (!info.isDirectory || !isSameFile(info, this.#info)) {
      throw failure("download-gone", this.path, "another folder has taken its place");
    }
  }

  #inFiles(...path: readonly string[]): string {
    return join(this.path, "files", ...path);
  }

  #attempt<T>(action: () => Promise<T>): Promise<T> {
    return attempt(this.path, action);
  }
}

/** Asserts the permissions for the download folder. */
function requirePermissions(directory: string): void {
  requirePermission("read", directory, "save files in");
  requirePermission("write", directory, "save files in");
}

function offerFile(path: string): string {
  return join(path, "offer.json");
}

/** The name for a complete folder: not that of a part folder, or its sender could make it pass for one. */
function folderName(name: string): string {
  return name.endsWith(PART) ? shortName(`${name}_`, MAX_FILE_NAME_BYTES) : name;
}

/** Takes a part folder for this run; `undefined` if another run has it. */
async function lockFolder(path: string): Promise<Disposable | undefined> {
  try {
    return await takeAlone(join(path, "lock"), LOCK_MS);
  } catch (error) {
    // Not every disk has locks.
    return error instanceof LockedError ? undefined : { [Symbol.dispose]: () => {} };
  }
}

/** The metadata of a folder that holds an offer, if only this user can have put anything into it. */
async function holding(path: string, offer: PartOffer): Promise<Deno.FileInfo | undefined> {
  try {
    const info = await Deno.lstat(path);
    const isOwn = Deno.build.os === "windows" || !isForeign(info) && (info.mode! & 0o022) === 0;
    if (!info.isDirectory || !isOwn) return undefined;
    const { bytes } = await readRegular(offerFile(path), MAX_OFFER_BYTES);
    const { from, root, size } = JSON.parse(new TextDecoder().decode(bytes)) as PartOffer;
    const isSame = from === offer.from && root === offer.root && size === offer.size;
    return isSame ? info : undefined;
  } catch {
    return undefined;
  }
}

/** The folders in which files are, each after the one that it is in. */
function foldersOf(files: readonly DownloadFile[]): Iterable<string> {
  const folders = new Set<string>();
  for (const { path } of files) {
    const missing: string[] = [];
    for (let depth = path.length - 1; depth > 0; depth--) {
      const folder = path.slice(0, depth).join(sep);
      // If a folder is known, those that it is in are, too.
      if (folders.has(folder)) break;
      missing.unshift(folder);
    }
    for (const folder of missing) folders.add(folder);
  }
  return folders;
}

/** Makes a folder, or uses the one that an earlier run made. */
async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (!(await Deno.lstat(path)).isDirectory) throw new Error(`${quote(path)} is not a folder`);
  }
}

/**
 * Takes the first name that is free.
 *
 * @param take Takes a path; returns false or throws `AlreadyExists` if it is taken.
 */
async function firstFree(
  directory: string,
  name: string,
  take: (path: string) => Promise<boolean>,
): Promise<string> {
  for (let number = 1;; number++) {
    const path = join(directory, number === 1 ? name : numberedName(name, number));
    try {
      if (await take(path)) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** Moves a file to a free path. */
async function moveFile(source: string, target: string): Promise<boolean> {
  try {
    // A link, unlike a rename, replaces nothing.
    await Deno.link(source, target);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    return await moveWithoutLink(source, target);
  }
  await Deno.remove(source);
  return true;
}

/** Moves a file to a free path on a disk without hard links. */
async function moveWithoutLink(source: string, target: string): Promise<boolean> {
  const own = await Deno.open(target, { write: true, createNew: true });
  const info = await own.stat();
  own.close();
  if (!isSameFile(info, await Deno.lstat(target))) return false;
  try {
    await Deno.rename(source, target);
  } catch (error) {
    await remove(target);
    throw error;
  }
  return true;
}

/** Moves a folder to a free path. */
async function moveFolder(source: string, target: string): Promise<boolean> {
  if (Deno.build.os === "windows") {
    if (await Deno.lstat(target).then(() => true, () => false)) return false;
    // Windows renames no folder onto another one that has files.
    await Deno.rename(source, target);
    return true;
  }
  await Deno.mkdir(target);
  try {
    await Deno.rename(source, target);
    return true;
  } catch (error) {
    // Another program has put something into the folder at once: it is theirs now.
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;
    await remove(target);
    throw error;
  }
}

/** The name that the operating system gives an error. */
function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string }).code;
}

/** A name that leads nowhere else. */
function requireSafe(name: string): void {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new TypeError(`Not a name of a file: ${quote(name)}`);
  }
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof StoreError || cause instanceof TypeError) throw cause;
    if (["ENOSPC", "EDQUOT"].includes(codeOf(cause) ?? "")) {
      throw failure("disk-full", path, "the disk is full", cause);
    }
    if (cause instanceof Deno.errors.NotFound) {
      throw failure("download-gone", path, "it is gone", cause);
    }
    throw failure("download-unwritable", path, reasonOf(cause), cause);
  }
}

function failure(code: Code, path: string, reason: string, cause?: unknown): StoreError {
  return new StoreError(code, `Cannot save files in ${quote(path)}: ${reason}`, { cause });
}
