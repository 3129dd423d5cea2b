/**
 * Log files: opens one, appends to it and moves a full one away. See LOG.md.
 *
 * @module
 */
import { type Bytes, equal, utf8 } from "../bytes/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { isSameFile } from "./lock.ts";
import { granted, readFully, reasonOf, requirePermission } from "./private_file.ts";

/** First bytes of a sealed log. See LOG.md. */
export const MAGIC: Bytes = utf8("LANCHATL");

const LF = 0x0a;

/** Maximum entries that wait for the disk before the stream holds back further ones. */
const MAX_WAITING = 64;

/** Every entry of a plain log begins with its time. */
const TIME = /^\d{4}-\d\d-\d\dT/;

/** Bytes at the start of a file that show its kind. */
const START_BYTES = 16;

const MIB: number = 1 << 20;

/** Maximum log, in bytes, before lanchat moves it away; an older part of the same size may be beside it. */
export const DEFAULT_MAX_LOG_BYTES: number = 64 * MIB;

/** Path of the older part of a log, to which a full log moves. */
export function olderPart(file: string): string {
  return `${file}.1`;
}

/** An open log file. */
export interface LogWriter {
  /** Writes one entry. */
  write(text: string): Promise<void>;
  /** Writes the end mark, if the kind of log has one. */
  end(): Promise<void>;
  /** Closes the file. */
  close(): void;
}

/**
 * Opens a log to append to, or makes one that only its owner may read.
 *
 * If an entry does not fit on the disk, lanchat removes it again, so that the log has whole lines. A full
 * log moves to {@linkcode olderPart} and replaces the file there. With the permission to read the file,
 * lanchat first ends a last line that was cut off, and goes on in a new file if another program moves or
 * removes the log.
 *
 * @param file Path of the log; needs `--allow-write`.
 * @param maxBytes Maximum size before the log moves, in bytes.
 * @param onMoved Called whenever the log goes on in a new file, except after a full one.
 * @returns A stream of entries, each of whole lines; fails with code `log-unwritable`.
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
  // Without the permission to read, the log is empty: `open` has refused any other.
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
  /** Size of the log now, in bytes. */
  readonly size: number;
  /** Whether lanchat can see that another program moves or removes the log. */
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
 * Moves a full log to the place of its older part: at any time, a whole log has one name or the other. Does
 * nothing if another run has moved it.
 *
 * @throws {Error} If lanchat cannot move it, or the file in its new place is not a log.
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
    throw new Error(`${full}; to continue, allow --allow-read and --allow-write for ${paths}`);
  }
  const named = await orMissing(Deno.lstat(file));
  if (named?.isSymlink) throw new Error(`${full}; lanchat does not move a link`);
  if (named === undefined || !isSameFile(named, await opened.stat())) return;
  if (!await isLog(older)) throw new Error(`${full}; ${quote(older)} is not a lanchat log`);
  await opened.sync();
  await Deno.rename(file, older);
}

/** Whether a file is a log, plain or sealed, or does not exist. */
async function isLog(file: string): Promise<boolean> {
  const named = await orMissing(Deno.lstat(file));
  if (named === undefined) return true;
  if (!named.isFile) return false;
  using opened = await Deno.open(file);
  const start = await readFully(opened, START_BYTES);
  return start.length === 0 || isSealed(start) || isPlain(start);
}

/** The result of a file operation; `undefined` if the file does not exist. */
export async function orMissing<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A stream that writes entries to an open log, and closes the log at its end. */
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

/** Appends bytes to a file: all of them, or none if the disk is full. */
export async function writeAll(opened: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  try {
    while (written < bytes.length) written += await opened.write(bytes.subarray(written));
  } catch (error) {
    if (written > 0) await opened.truncate(await opened.seek(0, Deno.SeekMode.End) - written);
    throw error;
  }
}

/** Whether a file begins as a sealed log, even one cut off in its first bytes. @param start The first bytes. */
export function isSealed(start: Uint8Array): boolean {
  const magic = MAGIC.slice(0, start.length);
  return start.length > 0 && equal(start.slice(0, magic.length), magic);
}

/** Whether a file begins as a plain log. @param start The first bytes. */
export function isPlain(start: Uint8Array): boolean {
  return TIME.test(new TextDecoder().decode(start));
}

/** Makes the error of a log that lanchat cannot write. */
export function unwritable(file: string, cause: unknown): StoreError {
  const message = `Cannot write log ${quote(file)}: ${reasonOf(cause)}`;
  return new StoreError("log-unwritable", message, { cause });
}

async function open(file: string): Promise<Deno.FsFile> {
  const read = granted("read", file);
  const opened = await Deno.open(file, { append: true, create: true, mode: 0o600, read });
  try {
    if (read) await endLine(file, opened);
    // The content may be sealed.
    else if (await opened.seek(0, Deno.SeekMode.End) > 0) {
      requirePermission("read", file, "read log");
    }
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

/** Ends a last line that was cut off. @throws {StoreError} If the log is sealed. */
async function endLine(file: string, opened: Deno.FsFile): Promise<void> {
  const { isFile, size } = await opened.stat();
  if (!isFile || size === 0) return;
  if (isSealed(await readFully(opened, MAGIC.length))) {
    throw new StoreError("log-unwritable", `Log ${quote(file)} is encrypted`, {
      hint: "Add --log-encrypted, or name another file with --log.",
    });
  }
  await opened.seek(-1, Deno.SeekMode.End);
  const [last] = await readFully(opened, 1);
  if (last !== LF) await writeAll(opened, utf8("\n"));
}
