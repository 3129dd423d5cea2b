import { type Bytes, equal, utf8 } from "../bytes/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { granted, readFully } from "./private_file.ts";

/** How a sealed log begins. See LOG.md. */
export const MAGIC: Bytes = utf8("LANCHATL");

const LF = 0x0a;

/** How many entries may wait for the disk before more are held back. */
const MAX_WAITING = 64;

/**
 * Opens a log to append to, or makes one that nobody else may read.
 *
 * An entry that does not fit on the disk any more is taken back, so that the log has whole lines; a
 * line that was cut off before is ended first, where the file may be read too.
 *
 * @param file Its path; `--allow-write` must hold for it.
 * @returns Takes entries, each of whole lines; fails with code `log-unwritable`.
 * @throws {StoreError} With code `permission-denied` or `log-unwritable`.
 */
export async function openLog(file: string): Promise<WritableStream<string>> {
  requireLogPermission("write", file);
  const opened = await open(file).catch((cause) => {
    throw cause instanceof StoreError ? cause : unwritable(file, cause);
  });
  return logStream(file, opened, (text) => writeAll(opened, utf8(text)));
}

/**
 * A stream of entries to an open log, which it closes in the end.
 *
 * @param write Writes one entry.
 * @param end Writes what follows the last one.
 */
export function logStream(
  file: string,
  opened: Deno.FsFile,
  write: (text: string) => Promise<void>,
  end: () => Promise<void> = () => Promise.resolve(),
): WritableStream<string> {
  const attempt = async (action: Promise<void>): Promise<void> => {
    try {
      await action;
    } catch (cause) {
      opened.close();
      throw unwritable(file, cause);
    }
  };
  return new WritableStream({
    write: (text) => attempt(write(text)),
    async close(): Promise<void> {
      await attempt(end());
      opened.close();
    },
    abort: () => opened.close(),
  }, new CountQueuingStrategy({ highWaterMark: MAX_WAITING }));
}

/** Writes bytes at the end of a file, all or, where the disk is full, none of them. */
export async function writeAll(opened: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  try {
    while (written < bytes.length) written += await opened.write(bytes.subarray(written));
  } catch (error) {
    const { size } = await opened.stat();
    if (written > 0) await opened.truncate(size - written);
    throw error;
  }
}

/** Whether a file begins as a sealed log does, even one that was cut off there. @param start Its first bytes. */
export function isSealed(start: Uint8Array): boolean {
  const magic = MAGIC.slice(0, start.length);
  return start.length > 0 && equal(start.slice(0, magic.length), magic);
}

/** @throws {StoreError} With code `permission-denied`. */
export function requireLogPermission(name: "read" | "write", path: string): void {
  if (granted(name, path)) return;
  throw new StoreError(
    "permission-denied",
    `Cannot ${name} log ${quote(path)} as --allow-${name} is missing`,
    { hint: `Allow it: deno run --allow-${name}=${quote(path)} …` },
  );
}

/** The error of a log that cannot be written. */
export function unwritable(file: string, cause: unknown): StoreError {
  const message = `Cannot write log ${quote(file)}: ${(cause as Error).message}`;
  return new StoreError("log-unwritable", message, { cause });
}

async function open(file: string): Promise<Deno.FsFile> {
  const read = granted("read", file);
  const opened = await Deno.open(file, { append: true, create: true, mode: 0o600, read });
  try {
    if (read) await endLine(file, opened);
    // What is there may be sealed.
    else if (await opened.seek(0, Deno.SeekMode.End) > 0) requireLogPermission("read", file);
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
