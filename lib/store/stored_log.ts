import { quote, StoreError } from "../errors.ts";
import { isSealed, requireLogPermission } from "./log.ts";
import { readFully } from "./private_file.ts";
import { HEADER_BYTES, openHeader, SealedRecords, type Unlock } from "./sealed_log.ts";

/** Every entry of a plain log begins with its time. */
const TIME = /^\d{4}-\d\d-\d\dT/;

/** A log that can be read, once. */
export interface StoredLog {
  /** What is in it, in pieces of any size; fails with code `log-damaged` where it was altered. */
  readonly texts: AsyncIterable<string>;
  /** How many runs have left it without an end mark: known at the end, and of a sealed log alone. */
  readonly unfinished: number;
}

/**
 * Opens a log to read, plain or sealed.
 *
 * @param file Its path; `--allow-read` must hold for it.
 * @throws {StoreError} With code `permission-denied`, `log-unreadable`, `log-damaged` or
 * `wrong-passphrase`.
 */
export async function readLog(file: string, unlock: Unlock): Promise<StoredLog> {
  requireLogPermission("read", file);
  const opened = await open(file).catch((cause) => {
    const message = `Cannot read log ${quote(file)}: ${(cause as Error).message}`;
    throw new StoreError("log-unreadable", message, { cause });
  });
  try {
    const start = await readFully(opened, HEADER_BYTES);
    if (!isSealed(start)) return await plainLog(file, opened, start);
    if (start.length < HEADER_BYTES) {
      opened.close();
      return { texts: ReadableStream.from([]), unfinished: 1 };
    }
    const master = await openHeader(file, start, unlock);
    const records = new SealedRecords(file, opened, start, master);
    return {
      texts: closing(opened, records.texts()),
      get unfinished(): number {
        return records.unfinished;
      },
    };
  } catch (error) {
    opened.close();
    throw error;
  }
}

async function open(file: string): Promise<Deno.FsFile> {
  const { isFile } = await Deno.stat(file);
  // Reading a pipe or a device would not end.
  if (!isFile) throw new Error("it is not a regular file");
  return await Deno.open(file);
}

async function plainLog(
  file: string,
  opened: Deno.FsFile,
  start: Uint8Array,
): Promise<StoredLog> {
  if (start.length > 0 && !TIME.test(new TextDecoder().decode(start))) {
    throw new StoreError("log-damaged", `Cannot use log ${quote(file)} as it is none of lanchat's`);
  }
  await opened.seek(0, Deno.SeekMode.Start);
  const texts = opened.readable.pipeThrough(new TextDecoderStream() as TransformStream);
  return { texts, unfinished: 0 };
}

async function* closing<T>(opened: Deno.FsFile, items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    opened.close();
  }
}
