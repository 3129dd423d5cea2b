/**
 * Reads the entries of a log and its older part, plain or sealed.
 *
 * @module
 */
import { type Bytes, equal } from "../bytes/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { isSameFile } from "./lock.ts";
import { isPlain, isSealed, olderPart, orMissing } from "./log.ts";
import { granted, readFully, reasonOf, requirePermission } from "./private_file.ts";
import { HEADER_BYTES, headerLinks, openHeader, SealedRecords, type Unlock } from "./sealed_log.ts";

/** A log, readable once. */
export interface StoredLog {
  /** The text of the log, in pieces of any size; fails with code `log-damaged` if it was altered. */
  readonly texts: AsyncIterable<string>;
  /** Number of runs without an end mark: known at the end of the text, and only of a sealed log. */
  readonly unfinished: number;
  /** Path of the older part that a sealed log continues, if lanchat cannot read it. */
  readonly missingPart?: string;
}

/** One of the files of a log. */
interface Part {
  readonly file: string;
  readonly opened: Deno.FsFile;
  /** The first bytes: as many as a header has, or the whole file. */
  readonly start: Bytes;
}

/**
 * Opens a log for reading, plain or sealed, with the older part that it continues.
 *
 * @param file Path of the log; needs `--allow-read`, and so does the older part to be included.
 * @throws {StoreError} With code `permission-denied`, `log-unreadable`, `log-damaged` or
 * `wrong-passphrase`.
 */
export async function readLog(file: string, unlock: Unlock): Promise<StoredLog> {
  requirePermission("read", file, "read log");
  const parts = await openParts(file).catch((cause) => {
    const message = `Cannot read log ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("log-unreadable", message, { cause });
  });
  try {
    return parts.some(({ start }) => isSealed(start))
      ? await sealedLog(file, parts, unlock)
      : plainLog(file, parts);
  } catch (error) {
    for (const { opened } of parts) opened.close();
    throw error;
  }
}

/** Opens the parts of a log that belong together, the older one first. */
async function openParts(file: string): Promise<Part[]> {
  while (true) {
    const newer = await orMissing(openPart(file));
    const older = await openOlder(file);
    const named = await orMissing(Deno.stat(file));
    const isMoved = newer === undefined
      ? named !== undefined
      : named === undefined || !isSameFile(named, await newer.opened.stat());
    if (!isMoved && newer === undefined && older === undefined) await Deno.stat(file); // Fails.
    const parts = [older, newer].filter((part) => part !== undefined);
    const used = isMoved ? [] : newer === undefined ? parts : partsOf(newer, older);
    for (const part of parts) if (!used.includes(part)) part.opened.close();
    if (!isMoved) return used;
  }
}

/** Selects the parts that belong to one log: only a plain older part belongs to a plain log. */
function partsOf(newer: Part, older: Part | undefined): Part[] {
  if (older === undefined) return [newer];
  const { start } = newer;
  const goesOn = start.length === 0 || (isSealed(start)
    ? isSealed(older.start) &&
      (start.length < HEADER_BYTES || headerLinks(start).previous !== undefined)
    : isPlain(older.start));
  return goesOn ? [older, newer] : [newer];
}

/** @returns `undefined` if there is none, or it is not a log. */
async function openOlder(file: string): Promise<Part | undefined> {
  const older = olderPart(file);
  if (!granted("read", older)) return undefined;
  const part = await openPart(older).catch(() => undefined);
  if (part === undefined || isPlain(part.start)) return part;
  if (isSealed(part.start) && part.start.length === HEADER_BYTES) return part;
  part.opened.close();
  return undefined;
}

async function openPart(file: string): Promise<Part> {
  const { isFile } = await Deno.stat(file);
  // Reading a pipe or a device would not end.
  if (!isFile) throw new Error("it is not a regular file");
  const opened = await Deno.open(file);
  return { file, opened, start: await readFully(opened, HEADER_BYTES) };
}

function plainLog(file: string, parts: readonly Part[]): StoredLog {
  if (parts.some(({ start }) => start.length > 0 && !isPlain(start))) {
    throw new StoreError("log-damaged", `Cannot read log ${quote(file)}: it is not a lanchat log`);
  }
  return { texts: closing(parts, plainTexts(parts)), unfinished: 0 };
}

async function* plainTexts(parts: readonly Part[]): AsyncGenerator<string> {
  for (const { opened } of parts) {
    await opened.seek(0, Deno.SeekMode.Start);
    const texts = opened.readable.pipeThrough(new TextDecoderStream() as TransformStream);
    yield* texts;
  }
}

async function sealedLog(
  file: string,
  parts: readonly Part[],
  unlock: Unlock,
): Promise<StoredLog> {
  const whole = parts.filter(({ start }) => start.length === HEADER_BYTES);
  const newest = whole.at(-1);
  const cut = parts.some(({ start }) => start.length > 0 && start.length < HEADER_BYTES) ? 1 : 0;
  if (newest === undefined) return { texts: closing(parts, none()), unfinished: cut };
  const master = await openHeader(newest.file, newest.start, unlock);
  const all: SealedRecords[] = [];
  const isWithout = newest.file === file && whole.length === 1 &&
    headerLinks(newest.start).previous !== undefined;
  return {
    texts: closing(parts, sealedTexts(file, whole, master, all)),
    get unfinished(): number {
      return all.reduce((sum, { unfinished }) => sum + unfinished, cut);
    },
    ...isWithout && { missingPart: olderPart(file) },
  };
}

/** @param all Receives the records of each part, when its reading begins. */
async function* sealedTexts(
  file: string,
  parts: readonly Part[],
  master: Bytes,
  all: SealedRecords[],
): AsyncGenerator<string> {
  const salt = headerLinks(parts.at(-1)!.start).salt;
  for (const part of parts) {
    const before = all.at(-1);
    const links = headerLinks(part.start);
    const goesOn = before === undefined || equal(before.link, links.previous!);
    if (!goesOn || !equal(links.salt, salt)) {
      const message = `Cannot read log ${quote(file)}: ${
        quote(olderPart(file))
      } is not its earlier part`;
      throw new StoreError("log-damaged", message);
    }
    await openHeader(part.file, part.start, () => Promise.resolve(master));
    const records = new SealedRecords(part.file, part.opened, part.start, master);
    all.push(records);
    yield* records.texts();
  }
}

async function* none(): AsyncGenerator<string> {}

async function* closing<T>(
  parts: readonly Part[],
  items: AsyncIterable<T>,
): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    for (const { opened } of parts) {
      try {
        opened.close();
      } catch {
        // Reading it to its end has closed it.
      }
    }
  }
}
