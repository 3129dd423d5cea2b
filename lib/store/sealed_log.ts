/**
 * Sealed logs: entries encrypted under a passphrase. See LOG.md.
 *
 * @module
 */
import { type Bytes, concat, equal, u32, u64, u8, utf8 } from "../bytes/mod.ts";
import {
  CipherKey,
  kdf,
  KEY_BYTES,
  NONCE_BYTES,
  randomBytes,
  SALT_BYTES,
  TAG_BYTES,
} from "../crypto/mod.ts";
import { LanchatError, quote, StoreError } from "../errors.ts";
import { isSameFile, lock } from "./lock.ts";
import {
  DEFAULT_MAX_LOG_BYTES,
  isInPlace,
  isSealed,
  logStream,
  type LogWriter,
  MAGIC,
  moveAway,
  olderPart,
  orMissing,
  unwritable,
  writeAll,
} from "./log.ts";
import { granted, readFully, requirePermission } from "./private_file.ts";

const VERSION = 1;

/** `magic (8) || version (1) || salt (32) || previous (16) || check (16)`. See LOG.md. */
export const HEADER_BYTES: number = MAGIC.length + 1 + SALT_BYTES + 2 * TAG_BYTES;

/** Previous link of a log that continues no other. */
const NO_LINK: Bytes = new Uint8Array(TAG_BYTES);

/** `kind (1) || length (4, big-endian)`, before the body of each record; a text's head has its own tag. */
const HEAD_BYTES = 5;

const NOTHING: Bytes = new Uint8Array();

/** Overhead of a text record, and size of an end record, in bytes. */
const TEXT_BYTES = HEAD_BYTES + 2 * TAG_BYTES;
const END_BYTES = HEAD_BYTES + TAG_BYTES;

/** Maximum wait for another run to close the same log, in milliseconds; then this run fails. */
const LOCK_MS = 500;

/** Kinds of records. */
const Kind = { START: 1, TEXT: 2, END: 3 } as const;

/** Length of the body by kind, in bytes; the head of a text record seals its own. */
const FIXED_LENGTHS: Readonly<Record<number, number>> = {
  [Kind.START]: SALT_BYTES + TAG_BYTES,
  [Kind.END]: TAG_BYTES,
};

/**
 * Finds the key of a log, 32 bytes, from its salt.
 *
 * @param isNew Whether the log begins now.
 */
export type Unlock = (salt: Bytes, isNew: boolean) => Promise<Bytes>;

/**
 * Opens a sealed log to append to, or makes one that only its owner may read; no other run can write to
 * it meanwhile. First opens all records in it, from beginning to end. A full log moves as with `openLog`;
 * the next one continues it under the same passphrase. See LOG.md.
 *
 * @param file Path of the log; needs `--allow-read` and `--allow-write`.
 * @param maxBytes Maximum size before the log moves, in bytes.
 * @param onMoved As for `openLog`.
 * @returns A stream of entries, each of whole lines; closing it writes the end mark.
 * @throws {StoreError} With code `permission-denied`, `log-unwritable`, `log-damaged` or
 * `wrong-passphrase`.
 */
export async function openSealedLog(
  file: string,
  unlock: Unlock,
  maxBytes: number = DEFAULT_MAX_LOG_BYTES,
  onMoved: () => void = () => {},
): Promise<WritableStream<string>> {
  requirePermission("read", file, "read log");
  requirePermission("write", file, "write log");
  const opened = await Deno.open(file, { read: true, write: true, create: true, mode: 0o600 })
    .catch((cause) => {
      throw unwritable(file, cause);
    });
  try {
    if (!(await opened.stat()).isFile) throw new Error("it is not a regular file");
    await lock(opened, LOCK_MS);
    if (!isSameFile(await Deno.stat(file), await opened.stat())) {
      throw new Error("another program has moved it"); // While this run waited for the lock.
    }
    const end = await findEnd(file, opened, unlock);
    // Cuts off a record that a killed run left half written.
    await opened.truncate(end.at);
    await opened.seek(end.at, Deno.SeekMode.Start);
    return logStream(file, await SealedLog.begin(file, opened, { maxBytes, onMoved }, end));
  } catch (cause) {
    opened.close();
    throw cause instanceof LanchatError ? cause : unwritable(file, cause);
  }
}

/** The key of a log and the salt that it derives from; its older part has the same. */
interface LogKey {
  readonly salt: Bytes;
  readonly master: Bytes;
}

/** The end of a log. */
interface LogEnd extends LogKey {
  /** Offset of the end, in bytes. */
  readonly at: number;
  /** The 16 bytes before the end. */
  readonly link: Bytes;
}

interface SealedLogOptions {
  readonly maxBytes: number;
  readonly onMoved: () => void;
}

class SealedLog implements LogWriter {
  readonly #file: string;
  readonly #options: SealedLogOptions;
  readonly #key: LogKey;
  #opened: Deno.FsFile;
  #size: number;
  #link: Bytes;
  #section: Section;

  private constructor(
    file: string,
    opened: Deno.FsFile,
    options: SealedLogOptions,
    end: LogEnd,
    section: Section,
  ) {
    this.#file = file;
    this.#options = options;
    this.#key = end;
    this.#opened = opened;
    this.#size = end.at;
    this.#link = end.link;
    this.#section = section;
  }

  /** Begins a run at the end of a log. */
  static async begin(
    file: string,
    opened: Deno.FsFile,
    options: SealedLogOptions,
    end: LogEnd,
  ): Promise<SealedLog> {
    const { record, section } = await startSection(end.master, end.link);
    const log = new SealedLog(file, opened, options, end, section);
    await log.#append(record);
    return log;
  }

  async write(text: string): Promise<void> {
    const plaintext = utf8(text);
    const { maxBytes, onMoved } = this.#options;
    if (!await isInPlace(this.#file, this.#opened)) {
      await this.end();
      await this.#goOn(NO_LINK);
      onMoved();
    }
    if (this.#size + TEXT_BYTES + plaintext.length + END_BYTES > maxBytes) {
      await this.end();
      await moveAway(this.#file, this.#opened, maxBytes);
      await this.#goOn(this.#link);
    }
    await this.#append(await this.#section.sealText(plaintext));
  }

  async end(): Promise<void> {
    await this.#append(await this.#section.seal(Kind.END, NOTHING));
  }

  close(): void {
    this.#opened.close();
  }

  async #append(record: Bytes): Promise<void> {
    await writeAll(this.#opened, record);
    this.#size += record.length;
    this.#link = record.slice(-TAG_BYTES);
  }

  /** Continues in a new file, or in an empty one that exists. @param link Link of the part before. */
  async #goOn(link: Bytes): Promise<void> {
    const before = this.#opened;
    const options = { read: true, write: true, create: true, mode: 0o600 };
    this.#opened = await Deno.open(this.#file, options);
    before.close();
    await lock(this.#opened, LOCK_MS);
    const { isFile, size } = await this.#opened.stat();
    if (!isFile || size > 0) throw new Error("another file has taken its place");
    this.#size = 0;
    await this.#append(await makeHeader(this.#key, link));
    const { record, section } = await startSection(this.#key.master, this.#link);
    this.#section = section;
    await this.#append(record);
  }
}

async function startSection(
  master: Bytes,
  link: Bytes,
): Promise<{ record: Bytes; section: Section }> {
  const salt = randomBytes(SALT_BYTES);
  const section = await Section.from(master, salt, link);
  return { section, record: await section.seal(Kind.START, NOTHING, salt) };
}

/** @param previous Link of the part that the log continues. */
async function makeHeader({ master, salt }: LogKey, previous: Bytes): Promise<Bytes> {
  const start = concat(MAGIC, u8(VERSION), salt, previous);
  return concat(start, await (await checkKey(master)).seal(nonce(0), NOTHING, start));
}

/**
 * Opens the header of a sealed log.
 *
 * @returns The log's key.
 * @throws {StoreError} With code `log-damaged` or `wrong-passphrase`.
 */
export async function openHeader(file: string, header: Bytes, unlock: Unlock): Promise<Bytes> {
  if (header[MAGIC.length] !== VERSION) {
    throw new StoreError(
      "log-damaged",
      `Cannot use log ${quote(file)}: it is not an encrypted log of version ${VERSION}`,
    );
  }
  const master = await unlock(headerLinks(header).salt, false);
  const key = await checkKey(master);
  const [start, check] = [header.slice(0, -TAG_BYTES), header.slice(-TAG_BYTES)];
  if (await key.open(nonce(0), check, start) !== undefined) return master;
  throw new StoreError("wrong-passphrase", `Wrong passphrase for log ${quote(file)}`);
}

/** The fields that tie the header of a sealed log to its older part; `previous` is missing if it has none. */
export function headerLinks(
  header: Bytes,
): { readonly salt: Bytes; readonly previous: Bytes | undefined } {
  const at = MAGIC.length + 1 + SALT_BYTES;
  const previous = header.slice(at, at + TAG_BYTES);
  return {
    salt: header.slice(at - SALT_BYTES, at),
    previous: equal(previous, NO_LINK) ? undefined : previous,
  };
}

/** The records of a sealed log, read from a file that is open after its header. */
export class SealedRecords {
  /** Number of runs without an end mark, of those read so far. */
  unfinished = 0;
  /** Offset of the end of the last whole record, in bytes. */
  end: number = HEADER_BYTES;
  /** The 16 bytes before that offset. */
  link: Bytes;
  readonly #file: string;
  readonly #opened: Deno.FsFile;
  readonly #master: Bytes;
  #section: Section | undefined;
  #headBytes = HEAD_BYTES;

  /** Begins after the header. @param master The log's key, as {@linkcode openHeader} returns it. */
  constructor(file: string, opened: Deno.FsFile, header: Bytes, master: Bytes) {
    this.#file = file;
    this.#opened = opened;
    this.#master = master;
    this.link = header.slice(-TAG_BYTES);
  }

  /**
   * Reads the entries, up to the last whole record.
   *
   * @throws {StoreError} With code `log-damaged` at the first record that was altered.
   */
  async *texts(): AsyncGenerator<string, void, void> {
    const next = (): Promise<[Bytes, Bytes] | undefined> => this.#readRecord();
    for (let record = await next(); record !== undefined; record = await next()) {
      const [head, body] = record;
      const opened = await this.#openRecord(head, body);
      if (opened === undefined) throw this.#damaged();
      this.end += this.#headBytes + body.length;
      this.link = body.slice(-TAG_BYTES);
      if (head[0] === Kind.TEXT) yield new TextDecoder().decode(opened);
    }
    const { size } = await this.#opened.stat();
    const isCut = size > this.end || this.end === HEADER_BYTES;
    if (this.#section !== undefined || isCut) this.unfinished++;
  }

  /**
   * @returns Head and body, or `undefined` if no whole record is left. A record that is cut off must have a
   * genuine length: a false one would hide all records that follow.
   */
  async #readRecord(): Promise<[head: Bytes, body: Bytes] | undefined> {
    const head = await readFully(this.#opened, HEAD_BYTES);
    if (head.length < HEAD_BYTES) return undefined;
    const length = new DataView(head.buffer).getUint32(1);
    if (head[0] === Kind.TEXT) {
      const tag = await readFully(this.#opened, TAG_BYTES);
      if (tag.length < TAG_BYTES) return undefined;
      if (await this.#section?.open(head, tag) === undefined) throw this.#damaged();
      this.#headBytes = HEAD_BYTES + TAG_BYTES;
    } else {
      if (FIXED_LENGTHS[head[0]!] !== length) throw this.#damaged();
      this.#headBytes = HEAD_BYTES;
    }
    const body = await readFully(this.#opened, length);
    return body.length < length ? undefined : [head, body];
  }

  async #openRecord(head: Bytes, body: Bytes): Promise<Bytes | undefined> {
    if (head[0] === Kind.START) {
      if (this.#section !== undefined) this.unfinished++;
      const salt = body.slice(0, SALT_BYTES);
      this.#section = await Section.from(this.#master, salt, this.link);
      return await this.#section.open(head, body.slice(SALT_BYTES));
    }
    const opened = await this.#section?.open(head, body);
    if (head[0] === Kind.END) this.#section = undefined;
    return opened;
  }

  #damaged(): StoreError {
    const message = `Cannot read log ${quote(this.#file)} after byte ${this.end}`;
    return new StoreError("log-damaged", `${message}: it was altered`);
  }
}

/** The records of one run, sealed or opened in their order. */
class Section {
  readonly #key: CipherKey;
  #counter = 0;

  private constructor(key: CipherKey) {
    this.#key = key;
  }

  /** @param link The 16 bytes before the section, which bind it to the log's past: no other can replace it. */
  static async from(master: Bytes, salt: Bytes, link: Bytes): Promise<Section> {
    const key = await kdf(concat(salt, link), master, "lanchat/1 log section", KEY_BYTES);
    return new Section(await CipherKey.import(key));
  }

  /** @returns `kind (1) || length (4) || clear || AES-256-GCM(plaintext)`. */
  async seal(kind: number, plaintext: Bytes, clear: Bytes = NOTHING): Promise<Bytes> {
    const head = concat(u8(kind), u32(clear.length + plaintext.length + TAG_BYTES));
    const sealed = await this.#key.seal(nonce(this.#counter++), plaintext, head);
    return concat(head, clear, sealed);
  }

  /** @returns `0x02 (1) || length (4) || AES-256-GCM("") || AES-256-GCM(plaintext)`. */
  async sealText(plaintext: Bytes): Promise<Bytes> {
    const head = concat(u8(Kind.TEXT), u32(plaintext.length + TAG_BYTES));
    const tag = await this.#key.seal(nonce(this.#counter++), NOTHING, head);
    return concat(head, tag, await this.#key.seal(nonce(this.#counter++), plaintext, head));
  }

  /** @returns The plaintext, or `undefined` if it is not the section's next record. */
  async open(head: Bytes, sealed: Bytes): Promise<Bytes | undefined> {
    return await this.#key.open(nonce(this.#counter++), sealed, head);
  }
}

/** Finds where the next section begins; makes the header if there is none. */
async function findEnd(file: string, opened: Deno.FsFile, unlock: Unlock): Promise<LogEnd> {
  const found = await readFully(opened, HEADER_BYTES);
  if (found.length > 0 && !isSealed(found)) {
    throw new StoreError("log-unwritable", `Log ${quote(file)} is not encrypted`, {
      hint: "Leave out --log-encrypted, or name another file with --log.",
    });
  }
  if (found.length === HEADER_BYTES) return await readToEnd(file, opened, found, unlock);
  // No header, or a cut one: a run may have been killed after it moved the full log.
  const { link, ...key } = await findOlderEnd(olderPart(file), unlock) ?? await newKey(unlock);
  const header = await makeHeader(key, link);
  await opened.seek(0, Deno.SeekMode.Start);
  await writeAll(opened, header);
  return { ...key, at: HEADER_BYTES, link: header.slice(-TAG_BYTES) };
}

async function newKey(unlock: Unlock): Promise<LogKey & { link: Bytes }> {
  const salt = randomBytes(SALT_BYTES);
  return { salt, master: await unlock(salt, true), link: NO_LINK };
}

/** Finds the end of the older part of a log; `undefined` if there is no sealed one. */
async function findOlderEnd(older: string, unlock: Unlock): Promise<LogEnd | undefined> {
  if (!granted("read", older)) return undefined;
  if (!(await orMissing(Deno.stat(older)))?.isFile) return undefined;
  using opened = await Deno.open(older);
  const header = await readFully(opened, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !isSealed(header)) return undefined;
  return await readToEnd(older, opened, header, unlock);
}

async function readToEnd(
  file: string,
  opened: Deno.FsFile,
  header: Bytes,
  unlock: Unlock,
): Promise<LogEnd> {
  const master = await openHeader(file, header, unlock);
  const records = new SealedRecords(file, opened, header, master);
  for await (const _ of records.texts()); // To its end.
  return { salt: headerLinks(header).salt, master, at: records.end, link: records.link };
}

async function checkKey(master: Bytes): Promise<CipherKey> {
  return await CipherKey.import(await kdf(NOTHING, master, "lanchat/1 log check", KEY_BYTES));
}

function nonce(counter: number): Bytes {
  return concat(new Uint8Array(NONCE_BYTES - 8), u64(counter));
}
