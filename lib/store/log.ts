/**
 * Log files: opens one, appends to it and moves a full one away. See LOG.md.
 *
 * @module
 */
import { type Bytes, equal, utf8 } from "../bytes/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { isSameFile } from "./lock.ts";
import { granted, readFully, reasonOf, requirePermission } from "./private_file.ts";

/** How a sealed log begins. See LOG.md. */
export const MAGIC: Bytes = utf8("LANCHATL");

const LF = 0x0a;

/** How many entries may wait for the disk before more are held back. */
const MAX_WAITING = 64;

/** Every entry of a plain log begins with its time. */
const TIME = /^\d{4}-\d\d-\d\dT/;

/** Bytes at the beginning that tell what a file is. */
const START_BYTES = 16;

const MIB: number = 1 << 20;

/** Largest log, in bytes, before it is moved away; there may be an older one of the same size beside it. */
export const DEFAULT_MAX_LOG_BYTES: number = 64 * MIB;

/** The older part of a log, which a full one is moved to. */
export function olderPart(file: string): string {
  return `${file}.1`;
}

/** An open log file. */
export interface LogWriter {
  /** Writes one entry. */
  write(text: string): Promise<void>;
  /** Writes what follows the last entry. */
  end(): Promise<void>;
  /** Closes the file. */
  close(): void;
}

/**
 * Opens a log to append to, or makes one that nobody else may read.
 *
 * An entry that does not fit on the disk any more is taken back, so that the log has whole lines; a
 * line that was cut off before is ended first, where the file may be read too. A full log is moved to
 * {@linkcode olderPart}, in the place of the one there.
 *
 * @param file Its path; `--allow-write` must hold for it.
 * A log that another program moves or removes goes on in a new file, where its path may be read.
 *
 * @param maxBytes Largest size before it is moved.
 * @param onMoved Called whenever it goes on in a new file, but for a full one.
 * @returns Takes entries, each of whole lines; fails with code `log-unwritable`.
 * @throws {StoreError} With code `permission-denied` or `log-unwritable`.
 */
export async function openLog(
  file: string,
  maxBytes: number = DEFAULT_MAX_LOG_BYTES,
  onMoved: () => void = () => {},
): Promise<WritableStream<string>> {
  requirePermission("write", file, "write log");
  const opened = await open(file).catch((cause) => {
    throw cause instanceof StoreError ? cause : unwritable(file, cause);
  });
  const isReadable = granted("read", file);
  // Without the permission to read, the log is empty: one that is not was refused.
  const { isFile, size } = isReadable ? await opened.stat() : { isFile: true, size: 0 };
  return logStream(
    file,
    new PlainLog(file, opened, {
      maxBytes: isFile ? maxBytes : Infinity, // Neither a pipe nor a terminal fills up.
      size,
      isFollowed: isReadable && isFile,
      onMoved,
    }),
  );
}

interface PlainLogOptions {
  readonly maxBytes: number;
  /** Its size now, in bytes. */
  readonly size: number;
  /** Whether it can be seen that another program moves or removes it. */
  readonly isFollowed: boolean;
  readonly onMoved: () => void;
}

class PlainLog implements LogWriter {
  readonly #file: string;
  readonly #options: PlainLogOptions;
  #opened: Deno.FsFile;
  #size: number;

  constructor(file: string, opened: Deno.FsFile, options: PlainLogOptions) {
    this.#file = file;
    this.#opened = opened;
    this.#options = options;
    this.#size = options.size;
  }

  async write(text: string): Promise<void> {
    const bytes = utf8(text);
    const { isFollowed, maxBytes, onMoved } = this.#options;
    if (isFollowed && !await isInPlace(this.#file, this.#opened)) {
      await this.#reopen();
      onMoved();
    }
    if (this.#size > 0 && this.#size + bytes.length > maxBytes) {
      await moveAway(this.#file, this.#opened, maxBytes);
      await this.#reopen();
    }
    await writeAll(this.#opened, bytes);
    this.#size += bytes.length;
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#opened.close();
  }

  async #reopen(): Promise<void> {
    const before = this.#opened;
    this.#opened = await open(this.#file);
    this.#size = (await this.#opened.stat()).size;
    before.close();
  }
}

/** Whether an open file still has its name. */
export async function isInPlace(file: string, opened: Deno.FsFile): Promise<boolean> {
  const named = await orMissing(Deno.stat(file));
  return named !== undefined && isSameFile(named, await opened.stat());
}

/**
 * Moves a full log out of the way, in the place of the older one: there is a whole log under one name or
 * the other at any time. Where another run has moved it, nothing is left to do.
 *
 * @throws {Error} If it cannot be moved, or a file that is no log is there.
 */
export async function moveAway(
  file: string,
  opened: Deno.FsFile,
  maxBytes: number,
): Promise<void> {
  const older = olderPart(file);
  const full = `it is full (${maxBytes / MIB} MiB, see --log-max)`;
  if (![file, older].every((path) => granted("read", path) && granted("write", path))) {
    const paths = `${quote(file)} and ${quote(older)}`;
    throw new Error(`${full}, and to go on needs --allow-read and --allow-write for ${paths}`);
  }
  const named = await orMissing(Deno.lstat(file));
  if (named?.isSymlink) throw new Error(`${full}, and a link is not moved`);
  if (named === undefined || !isSameFile(named, await opened.stat())) return;
  if (!await isLog(older)) throw new Error(`${full}, and ${quote(older)} is no log of lanchat's`);
  await opened.sync();
  await Deno.rename(file, older);
}

/** Whether a file is a log, plain or sealed, or is not there. */
async function isLog(file: string): Promise<boolean> {
  const named = await orMissing(Deno.lstat(file));
  if (named === undefined) return true;
  if (!named.isFile) return false;
  using opened = await Deno.open(file);
  const start = await readFully(opened, START_BYTES);
  return start.length === 0 || isSealed(start) || isPlain(start);
}

/** What is found of a file; `undefined` where it is not there. */
export async function orMissing<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A stream of entries to an open log, which it closes in the end. */
export function logStream(file: string, log: LogWriter): WritableStream<string> {
  const attempt = async (action: Promise<void>): Promise<void> => {
    try {
      await action;
    } catch (cause) {
      log.close();
      throw unwritable(file, cause);
    }
  };
  return new WritableStream({
    write: (text) => attempt(log.write(text)),
    async close(): Promise<void> {
      await attempt(log.end());
      log.close();
    },
    abort: () => log.close(),
  }, new CountQueuingStrategy({ highWaterMark: MAX_WAITING }));
}

/** Writes bytes at the end of a file, all or, where the disk is full, none of them. */
export async function writeAll(opened: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  try {
    while (written < bytes.length) written += await opened.write(bytes.subarray(written));
  } catch (error) {
    if (written > 0) await opened.truncate(await opened.seek(0, Deno.SeekMode.End) - written);
    throw error;
  }
}

/** Whether a file begins as a sealed log does, even one that was cut off there. @param start Its first bytes. */
export function isSealed(start: Uint8Array): boolean {
  const magic = MAGIC.slice(0, start.length);
  return start.length > 0 && equal(start.slice(0, magic.length), magic);
}

/** Whether a file begins as a plain log does. @param start Its first bytes. */
export function isPlain(start: Uint8Array): boolean {
  return TIME.test(new TextDecoder().decode(start));
}

/** The error of a log that cannot be written. */
export function unwritable(file: string, cause: unknown): StoreError {
  const message = `Cannot write log ${quote(file)}: ${reasonOf(cause)}`;
  return new StoreError("log-unwritable", message, { cause });
}

async function open(file: string): Promise<Deno.FsFile> {
  const read = granted("read", file);
  const opened = await Deno.open(file, { append: true, create: true, mode: 0o600, read });
  try {
    if (read) await endLine(file, opened);
    // What is there may be sealed.
    else if (await opened.seek(0, Deno.SeekMode.End) > 0) {
      requirePermission("read", file, "read log");
    }
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

/** Ends the last line where it was cut off. @throws {StoreError} If the log is sealed. */
async function endLine(file: string, opened: Deno.FsFile): Promise<void> {
  const { isFile, size } = await opened.stat();
  if (!isFile || size === 0) return;
  if (isSealed(await readFully(opened, MAGIC.length))) {
    throw new StoreError("log-unwritable", `Cannot write log ${quote(file)} as it is sealed`, {
      hint: "Add --log-encrypted, or name another file with --log.",
    });
  }
  await opened.seek(-1, Deno.SeekMode.End);
  const [last] = await readFully(opened, 1);
  if (last !== LF) await writeAll(opened, utf8("\n"));
}
