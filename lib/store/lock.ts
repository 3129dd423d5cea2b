/**
 * Locks files against other programs.
 *
 * @module
 */
import { deadline, systemClock } from "../clock.ts";
import { quote } from "../errors.ts";

/**
 * Opens a lock file, and makes it if it does not exist. Refuses a link: with one, anybody with write access
 * to the directory could make lanchat create or lock any file of this user.
 */
async function openLock(file: string): Promise<Deno.FsFile> {
  while (true) {
    try {
      return await Deno.open(file, { write: true, createNew: true, mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    try {
      return await openNamed(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // Another run removed it: make it again.
    }
  }
}

async function openNamed(file: string): Promise<Deno.FsFile> {
  const named = await Deno.lstat(file);
  if (!named.isFile) throw new Error(`${quote(file)} is not a regular file`);
  const opened = await Deno.open(file, { write: true });
  if (isSameFile(named, await opened.stat())) return opened;
  opened.close();
  throw new Error(`${quote(file)} was replaced`);
}

/** Whether two results of `stat` describe one file. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Locks a file for this run only, until the lock's disposal; makes the file if it does not exist.
 *
 * @param ms Maximum wait for others that hold the lock, in milliseconds.
 * @throws {LockedError} If they hold it longer.
 * @throws {Error} If lanchat cannot open the file.
 */
export async function takeAlone(file: string, ms: number): Promise<Disposable> {
  const opened = await openLock(file);
  try {
    await lock(opened, ms);
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

/** Error of a file whose lock another program holds. */
export class LockedError extends Error {
  constructor() {
    super("another program is writing to it");
    this.name = "LockedError";
  }
}

/**
 * Locks a file. Waits for the lock, because not every Deno that lanchat runs on can merely try to take it.
 *
 * @param ms As in {@linkcode takeAlone}.
 */
export async function lock(opened: Deno.FsFile, ms: number): Promise<void> {
  const locked = await deadline(systemClock, ms, opened.lock(true).then(() => true));
  if (locked === undefined) throw new LockedError();
}
