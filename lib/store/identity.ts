import * as stdEncoding from "@std/encoding";
import { dirname } from "node:path";
import { type Bytes, utf8 } from "../bytes/mod.ts";
import { generateIdentity, type Identity, importIdentity } from "../crypto/mod.ts";
import { type Code, quote, StoreError } from "../errors.ts";
import { identityPlace, PLATFORM, type Platform } from "./place.ts";

const decodeBase64: (text: string) => Bytes = stdEncoding.decodeBase64;
const encodeBase64: (bytes: Uint8Array) => string = stdEncoding.encodeBase64;

const TYPE = "lanchat identity";
const VERSION = 1;

/** Longest identity file, in bytes; a real one has about 130. */
const MAX_FILE_BYTES = 4_096;

/** Failures after which lanchat can run with an identity that is not kept. */
const NOT_KEPT: ReadonlySet<Code> = new Set<Code>(["permission-denied", "identity-unwritable"]);

/** Which identity to open. */
export interface IdentityOptions {
  /** The file that a person named; the platform's own place by default. */
  readonly file?: string;
  /** The system that tells its own place; the real one by default. */
  readonly platform?: Platform;
}

/** Who lanchat is in this run. */
export interface OpenedIdentity {
  /** The key pair. */
  readonly identity: Identity;
  /** Where it is kept; missing if it ends with this run. */
  readonly file?: string;
  /** Why it ends with this run, in one sentence without its full stop. */
  readonly temporaryBecause?: string;
}

/**
 * Opens the identity file, or makes it at the first start.
 *
 * A file that a person named must be usable. In the platform's own place, where the permission is missing
 * or nothing can be written, the identity is temporary; a file that is there but unusable is an error,
 * so that nobody turns into somebody else unawares.
 *
 * @throws {StoreError} With code `identity-damaged` or `identity-unreadable`; for a named file
 * `identity-unwritable` or `permission-denied` as well.
 */
export async function openIdentity(options: IdentityOptions = {}): Promise<OpenedIdentity> {
  const { file, platform = PLATFORM } = options;
  if (file !== undefined) return await openFile(file);
  try {
    return await openFile(identityPlace({ platform }));
  } catch (error) {
    if (!(error instanceof StoreError) || !NOT_KEPT.has(error.code)) throw error;
    const { identity } = await generateIdentity();
    return { identity, temporaryBecause: error.message };
  }
}

async function openFile(file: string): Promise<OpenedIdentity> {
  requirePermission("read", file);
  if (!await exists(file)) {
    requirePermission("write", file);
    const { pkcs8 } = await generateIdentity();
    const content = { type: TYPE, version: VERSION, pkcs8: encodeBase64(pkcs8) };
    await createFile(file, `${JSON.stringify(content)}\n`);
  }
  // Read back even what was just made: of two first starts at once, one made the file for both.
  return { identity: await readIdentity(file), file };
}

async function exists(file: string): Promise<boolean> {
  try {
    await Deno.lstat(file);
    return true;
  } catch {
    // Whatever hides the file also keeps it from being made, and making it tells the reason.
    return false;
  }
}

/** Makes a file that is whole from its first moment; keeps one that is there already. */
async function createFile(file: string, text: string): Promise<void> {
  const directory = dirname(file);
  try {
    if (!granted("read", directory) || !granted("write", directory)) return writeNew(file, text);
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const draft = `${file}.${crypto.randomUUID()}`;
    writeNew(draft, text);
    try {
      // A link, unlike a rename, replaces nothing.
      await Deno.link(draft, file);
    } catch {
      // Not every file system has links.
      writeNew(file, text);
    } finally {
      await Deno.remove(draft);
    }
  } catch (cause) {
    if (await exists(file)) return;
    const message = `Cannot make identity file ${quote(file)}: ${(cause as Error).message}`;
    throw new StoreError("identity-unwritable", message, { cause });
  }
}

/** Writes a file that was not there, down to the disk; leaves nothing behind if that fails. */
function writeNew(file: string, text: string): void {
  using handle = Deno.openSync(file, { write: true, createNew: true, mode: 0o600 });
  try {
    handle.writeSync(utf8(text));
    handle.syncSync();
  } catch (error) {
    Deno.removeSync(file);
    throw error;
  }
}

async function readIdentity(file: string): Promise<Identity> {
  const action = `Cannot use identity file ${quote(file)}`;
  const text = await readPrivate(file).catch((cause: Error) => {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError("identity-unreadable", `${action}: ${cause.message}`, { cause });
  });
  try {
    const { type, version, pkcs8 } = JSON.parse(text);
    if (type === TYPE && version === VERSION) return await importIdentity(decodeBase64(pkcs8));
  } catch {
    // Reported below, without what the parsers quote: it may be a part of the key.
  }
  throw new StoreError(
    "identity-damaged",
    `${action} as it is not a lanchat identity of version ${VERSION}`,
  );
}

/** The text of a file that nobody else can read. */
async function readPrivate(file: string): Promise<string> {
  const { isFile, size, mode } = await Deno.stat(file);
  // Reading a pipe or a device would not end.
  if (!isFile) throw new Error("it is not a regular file");
  if (size > MAX_FILE_BYTES) {
    throw new Error(`it must be <= ${MAX_FILE_BYTES} bytes: it has ${size}`);
  }
  if (Deno.build.os !== "windows" && (mode! & 0o077) !== 0) {
    const message = `Cannot use identity file ${quote(file)} as others may open it`;
    throw new StoreError("identity-unreadable", message, {
      hint: `Make it yours alone: chmod 600 ${quote(file)}`,
    });
  }
  return await Deno.readTextFile(file);
}

function requirePermission(name: "read" | "write", file: string): void {
  if (granted(name, file)) return;
  throw new StoreError(
    "permission-denied",
    `Cannot ${name} identity file ${quote(file)} as --allow-${name} is missing`,
    { hint: `Allow it: deno run --allow-${name}=${quote(dirname(file))} …` },
  );
}

function granted(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}
