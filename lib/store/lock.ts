/**
 * Holds a file for this run alone until it is disposed of; it is made where it is not there.
 *
 * @param ms How long others may hold it, in milliseconds.
 * @throws {Error} If they hold it longer, or it cannot be opened.
 */
export async function takeAlone(file: string, ms: number): Promise<Disposable> {
  const opened = await Deno.open(file, { write: true, create: true, mode: 0o600 });
  try {
    await lock(opened, ms);
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

/** Locks a file; not every Deno that lanchat runs on can just try to. @param ms As in {@linkcode takeAlone}. */
export async function lock(opened: Deno.FsFile, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("another program is writing to it")), ms);
  try {
    await Promise.race([opened.lock(true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
