/**
 * Locks files against other programs.
 *
 * @module
 */
import { deadline, systemClock } from "../clock.ts";
import { quote } from "../errors.ts";

/**
 * Opens a lock file, made where it is not there. It is never a link: whoever can write to the directory
 * could have any file of this user made or held by one.
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
      if (!(error instanceof Deno.errors.NotFound)) throw error; // Removed meanwhile: made again.
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

/** Whether two looks were at one file. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Holds a file for this run alone until it is disposed of; it is made where it is not there.
 *
 * @param ms How long others may hold it, in milliseconds.
 * @throws {LockedError} If they hold it longer.
 * @throws {Error} If it cannot be opened.
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

/** Another program holds the lock of a file. */
export class LockedError extends Error {
  constructor() {
    super("another program is writing to it");
    this.name = "LockedError";
  }
}

/** Locks a file; not every Deno that lanchat runs on can just try to. @param ms As in {@linkcode takeAlone}. */
export async function lock(opened: Deno.FsFile, ms: number): Promise<void> {
  const locked = await deadline(systemClock, ms, opened.lock(true).then(() => true));
  if (locked === undefined) throw new LockedError();
}
