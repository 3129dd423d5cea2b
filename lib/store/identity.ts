/**
 * Makes, opens, protects and restores the identity file. See IDENTITY.md.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Bytes, fromBase64, toBase64, utf8 } from "../bytes/mod.ts";
import {
  CipherKey,
  generateIdentity,
  type Identity,
  importIdentity,
  NONCE_BYTES,
  passphraseKey,
  randomBytes,
  SALT_BYTES,
} from "../crypto/mod.ts";
import { type Code, CODES, quote, StoreError } from "../errors.ts";
import { takeAlone } from "./lock.ts";
import { identityPlace, type WhichIdentity } from "./place.ts";
import {
  draftOf,
  granted,
  reasonOf,
  remove,
  replaceFile,
  requirePermission,
  requireReplacing,
  writeNew,
} from "./private_file.ts";
import { ROOM_KINDS, roomPlace } from "./room.ts";
import { causedBy, type FileTrust, readRegular, readTrusted } from "./trusted_file.ts";

const TYPE = "lanchat identity";

/** Versions of an identity file: the private key in the clear, or sealed under a passphrase. */
const Version = { OPEN: 1, SEALED: 2 } as const;

/** Maximum identity file, in bytes: lanchat refuses a longer one. A real one has about 200. */
const MAX_FILE_BYTES = 4_096;

const TRUST: FileTrust = {
  holds: "your private key",
  isSecret: true,
  advice: "If others use this machine, make a new identity: lanchat id new",
};

/** Maximum wait for another run that makes the same file, in milliseconds; then this run fails. */
const LOCK_MS = 5000;

/** Codes of failures after which lanchat can run with a temporary identity. */
const NOT_KEPT: ReadonlySet<Code> = new Set<Code>(["permission-denied", "identity-unwritable"]);

/**
 * Finds the passphrase of an identity file; `undefined` if there is no further attempt.
 *
 * @param attempt Counts from 1; the passphrase of the attempt before was wrong.
 */
export type FindPassphrase = (file: string, attempt: number) => Promise<string | undefined>;

/** The identity to open, and the way to its passphrase. */
export interface IdentityOptions extends WhichIdentity {
  /** Finds the passphrase of a sealed identity; without it, a sealed identity does not open. */
  readonly findPassphrase?: FindPassphrase;
}

/** The identity of this run, kept or temporary. */
export interface OpenedIdentity {
  /** The key pair. */
  readonly identity: Identity;
  /** Path of its file; missing if it is temporary. */
  readonly file?: string;
  /** The reason why it is temporary. */
  readonly unkept?: StoreError;
}

/** An identity in a file. */
export interface KeptIdentity {
  /** The key pair. */
  readonly identity: Identity;
  /** Path of its file. */
  readonly file: string;
  /** Whether a passphrase seals it. */
  readonly isProtected: boolean;
}

/** Content of an identity file: the private key (RFC 8410 §7), in the clear or sealed under a passphrase. */
type Content = { readonly pkcs8: Bytes } | { readonly salt: Bytes; readonly sealed: Bytes };

/**
 * Opens the identity file, or makes it at the first start.
 *
 * A file or a profile that a person named must be usable. In the platform's own place, the identity is
 * temporary if the permission is missing or lanchat cannot write. An existing but unusable file is an
 * error: otherwise people would take on another identity unawares.
 *
 * @throws {StoreError} With code `identity-damaged`, `identity-unreadable` or `wrong-passphrase`; for a
 * named file also `identity-unwritable` or `permission-denied`.
 */
export async function openIdentity(options: IdentityOptions = {}): Promise<OpenedIdentity> {
  try {
    return await openKeptIdentity(options);
  } catch (error) {
    const isNamed = options.file !== undefined || options.profile !== undefined;
    if (isNamed || !(error instanceof StoreError) || !NOT_KEPT.has(error.code)) throw error;
    const { identity } = await generateIdentity();
    return { identity, unkept: error };
  }
}

/**
 * Opens an identity as {@linkcode openIdentity} does, but never a temporary one.
 *
 * @throws {StoreError} As for a named file.
 */
export async function openKeptIdentity(options: IdentityOptions): Promise<KeptIdentity> {
  const { kept } = await openPlace(options);
  return kept;
}

/** The state of an identity file, which may not exist. */
export interface IdentityLook {
  /** Path of the file. */
  readonly file: string;
  /** The key pair; missing if there is no file yet, or a passphrase seals it. */
  readonly identity?: Identity;
  /** Whether a passphrase seals the key pair; missing if there is no file yet. */
  readonly isProtected?: boolean;
  /** Whether lanchat checked that only the owner can read it. Windows has no modes to check. */
  readonly isPrivate?: boolean;
}

/**
 * Reads the state of an identity file; makes none, and asks for no passphrase.
 *
 * @throws {StoreError} As {@linkcode openKeptIdentity} does, except `wrong-passphrase`.
 */
export async function lookAtIdentity(which: WhichIdentity): Promise<IdentityLook> {
  const file = readablePlace(which);
  if (!await exists(file)) {
    requirePermission("write", file, ACTION, dirname(file));
    return { file };
  }
  const content = await readContent(file);
  const isPrivate = Deno.build.os !== "windows";
  if ("sealed" in content) return { file, isProtected: true, isPrivate };
  const identity = await importIdentity(content.pkcs8);
  return { file, identity, isProtected: false, isPrivate };
}

/**
 * Sets, changes or removes the passphrase of an identity.
 *
 * @param passphrase Finds the new passphrase, once the identity is open; if missing, there is none.
 * @throws {StoreError} As {@linkcode openKeptIdentity} does.
 */
export async function protectIdentity(
  options: IdentityOptions,
  passphrase?: (file: string) => Promise<string>,
): Promise<KeptIdentity> {
  const { kept, pkcs8 } = await openPlace(options);
  const { file } = kept;
  const content = passphrase === undefined ? { pkcs8 } : await seal(pkcs8, await passphrase(file));
  await replace(file, formatContent(content));
  return { ...kept, isProtected: passphrase !== undefined };
}

/** Whether an identity file exists, usable or not. */
export async function hasIdentity(which: WhichIdentity): Promise<boolean> {
  return await exists(readablePlace(which));
}

/**
 * Replaces an identity by a new one, and removes the rooms that the old one hosted.
 *
 * @throws {StoreError} With code `identity-unwritable` or `permission-denied`.
 */
export async function renewIdentity(which: WhichIdentity): Promise<KeptIdentity> {
  const { identity, pkcs8 } = await generateIdentity();
  const file = await put(which, formatContent({ pkcs8 }));
  return { identity, file, isProtected: false };
}

/**
 * Writes a copy of an identity to a new file that only its owner may open.
 *
 * @returns Whether a passphrase seals the copy.
 * @throws {StoreError} As {@linkcode openKeptIdentity} does, except `wrong-passphrase`.
 */
export async function exportIdentity(which: WhichIdentity, target: string): Promise<boolean> {
  const content = await readContent(readablePlace(which));
  requirePermission("write", target, "write a copy to");
  try {
    await writeNew(target, utf8(formatContent(content)));
  } catch (cause) {
    const message = `Cannot write a copy to ${quote(target)}: ${reasonOf(cause)}`;
    throw new StoreError("identity-unwritable", message, { cause, hint: "Name another file." });
  }
  return "sealed" in content;
}

/**
 * Replaces an identity by a copy that {@linkcode exportIdentity} made, and removes the rooms of the old one
 * as {@linkcode renewIdentity} does. Accepts a copy that others can open.
 *
 * @param confirm Called once the copy has proved usable, before any change; an error that it throws ends the
 * restore.
 * @throws {StoreError} As {@linkcode openKeptIdentity} does.
 */
export async function restoreIdentity(
  options: IdentityOptions,
  source: string,
  confirm: () => Promise<void>,
): Promise<KeptIdentity> {
  requirePermission("read", source, ACTION);
  const hint = "Use a file that 'lanchat id export' made.";
  const content = await readContent(source, { isOpen: true, hint });
  const { identity } = await open(content, source, options.findPassphrase);
  await confirm();
  const file = await put(options, formatContent(content));
  return { identity, file, isProtected: "sealed" in content };
}

const ACTION = "use identity file";

/** Writes an identity file, new or in place of another, and removes the rooms of the old identity. */
async function put(which: WhichIdentity, text: string): Promise<string> {
  const file = readablePlace(which);
  await (await exists(file) ? replace : createFile)(file, text);
  // Even without an old file, which may be lost. A room that stays counts for nothing: its host is another.
  const rooms = ROOM_KINDS.map((kind) => roomPlace(file, kind));
  for (const room of rooms) if (granted("write", room)) await remove(room);
  return file;
}

/** Finds the path of an identity file, and asserts the permission to read it. */
function readablePlace(which: WhichIdentity): string {
  const file = identityPlace(which);
  requirePermission("read", file, ACTION, dirname(file));
  return file;
}

/** Opens the identity file, or makes it at the first start. */
async function openPlace(
  options: IdentityOptions,
): Promise<{ kept: KeptIdentity; pkcs8: Bytes }> {
  const file = readablePlace(options);
  if (!await exists(file)) {
    const { pkcs8 } = await generateIdentity();
    await createFile(file, formatContent({ pkcs8 }));
  }
  // Reads back even a file that this run made: of two first starts at once, one makes the file for both.
  const content = await readContent(file);
  const { identity, pkcs8 } = await open(content, file, options.findPassphrase);
  return { kept: { identity, file, isProtected: "sealed" in content }, pkcs8 };
}

async function replace(file: string, text: string): Promise<void> {
  try {
    const real = await Deno.realPath(file); // The target, if it is a link.
    requireReplacing(real, ACTION);
    await replaceFile(real, utf8(text));
  } catch (cause) {
    throw unwritable(file, cause, {
      hint: "Check the file, and that its directory is writable.",
    });
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await Deno.lstat(file);
    return true;
  } catch {
    // The same cause keeps lanchat from making the file, and the attempt to make it reports the reason.
    return false;
  }
}

/** Makes a file that is whole from its first moment; keeps an existing one. */
async function createFile(file: string, text: string): Promise<void> {
  requirePermission("write", file, ACTION, dirname(file));
  const directory = dirname(file);
  const bytes = utf8(text);
  try {
    if (!granted("read", directory) || !granted("write", directory)) {
      return await writeNew(file, bytes);
    }
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const draft = draftOf(file);
    await writeNew(draft, bytes);
    try {
      // A link, unlike a rename, replaces nothing.
      await Deno.link(draft, file);
    } catch {
      // Not every file system has links.
      await renameNew(draft, file);
    } finally {
      await remove(draft);
    }
  } catch (cause) {
    if (await exists(file)) return;
    throw unwritable(file, cause);
  }
}

/** Renames a file unless the new name exists: of several runs at once, one renames its file. */
async function renameNew(draft: string, file: string): Promise<void> {
  const gate = `${file}.lock`;
  using _ = await takeAlone(gate, LOCK_MS);
  if (!await exists(file)) await Deno.rename(draft, file);
  await remove(gate); // A run that waits for the lock, or comes later, finds the file.
}

function unwritable(file: string, cause: unknown, options: { hint?: string } = {}): StoreError {
  if (cause instanceof StoreError) return cause;
  const message = `Cannot create identity file ${quote(file)}: ${reasonOf(cause)}`;
  const { hint = unwritableHint(cause) } = options;
  return new StoreError("identity-unwritable", message, {
    cause,
    ...hint !== undefined && { hint },
  });
}

/** Hint for an identity file that lanchat cannot make; `undefined` if the hint in the table is as good. */
function unwritableHint(cause: unknown): string | undefined {
  const elsewhere = "name a file elsewhere with --identity";
  switch ((cause as { code?: string }).code) {
    case "ENOSPC":
    case "EDQUOT":
      return `Free some space on that disk, or ${elsewhere}.`;
    case "EROFS":
      return `That file system is read-only: ${elsewhere}.`;
    case "EACCES":
    case "EPERM":
      return `Make the directory yours and writable, or ${elsewhere}.`;
    case "ENOTDIR":
    case "EEXIST":
      return `Part of the path is a file or a broken link: fix that, or ${elsewhere}.`;
  }
}

function formatContent(content: Content): string {
  const fields = Object.entries(content).map(([name, bytes]) => [name, toBase64(bytes)]);
  const version = "sealed" in content ? Version.SEALED : Version.OPEN;
  return `${JSON.stringify({ type: TYPE, version, ...Object.fromEntries(fields) })}\n`;
}

/** @param options `isOpen`: whether to accept a file that others can open; `hint`: the hint of an error. */
async function readContent(
  file: string,
  { isOpen, ...options }: { isOpen: boolean; hint?: string } = { isOpen: false },
): Promise<Content> {
  const action = `Cannot use identity file ${quote(file)}`;
  const text = await readPrivate(file, isOpen).catch((cause: Error) => {
    const causes = { hint: unreadableHint(cause), ...options, ...causedBy(cause) };
    throw new StoreError("identity-unreadable", `${action}: ${reasonOf(cause)}`, causes);
  });
  try {
    const { type, version, pkcs8, salt, sealed } = JSON.parse(text);
    if (type === TYPE && version === Version.OPEN) {
      const content = { pkcs8: fromBase64(pkcs8) };
      await importIdentity(content.pkcs8);
      return content;
    }
    if (type === TYPE && version === Version.SEALED) {
      const content = { salt: fromBase64(salt), sealed: fromBase64(sealed) };
      if (content.salt.length === SALT_BYTES && content.sealed.length > 0) return content;
    }
  } catch {
    // Reported below, without the parsers' messages, which may quote a part of the key.
  }
  throw damaged(file, options);
}

function unreadableHint(cause: Error): string {
  const { code } = cause as { code?: string };
  if (code === "EACCES" || code === "EPERM") return CODES["identity-unreadable"].hint;
  return code === "ENOENT" || code === "ELOOP"
    ? "It is a broken link: restore its target, or remove the link."
    : "Move it away to start with a new identity, or name another file with --identity.";
}

function damaged(file: string, options: { hint?: string } = {}): StoreError {
  const message = `Cannot use identity file ${quote(file)}: it is not a lanchat identity of ` +
    `version ${Version.OPEN} or ${Version.SEALED}`;
  return new StoreError("identity-damaged", message, options);
}

/** Opens the key pair of an identity file. */
async function open(
  content: Content,
  file: string,
  find: FindPassphrase | undefined,
): Promise<{ identity: Identity; pkcs8: Bytes }> {
  const pkcs8 = "pkcs8" in content ? content.pkcs8 : await unseal(content, file, find);
  try {
    return { identity: await importIdentity(pkcs8), pkcs8 };
  } catch {
    throw damaged(file);
  }
}

async function unseal(
  content: { salt: Bytes; sealed: Bytes },
  file: string,
  find: FindPassphrase | undefined,
): Promise<Bytes> {
  for (let attempt = 1;; attempt++) {
    const passphrase = await find?.(file, attempt);
    if (passphrase === undefined) {
      const message = `Wrong passphrase for identity file ${quote(file)}`;
      throw new StoreError("wrong-passphrase", message, {
        hint: "Try again, restore a copy, or start over with 'lanchat id new'.",
      });
    }
    const key = await CipherKey.import(await passphraseKey(passphrase, content.salt));
    const pkcs8 = await key.open(NONCE, content.sealed, ADDITIONAL_DATA);
    if (pkcs8 !== undefined) return pkcs8;
  }
}

/** Fixed: each salt gives another key, which seals once. */
const NONCE: Bytes = new Uint8Array(NONCE_BYTES);

const ADDITIONAL_DATA = utf8(TYPE);

async function seal(pkcs8: Bytes, passphrase: string): Promise<Content> {
  const salt = randomBytes(SALT_BYTES);
  const key = await CipherKey.import(await passphraseKey(passphrase, salt));
  return { salt, sealed: await key.seal(NONCE, pkcs8, ADDITIONAL_DATA) };
}

/** Reads the text of an identity file. Refuses a file that others can open, unless `isOpen`. */
async function readPrivate(file: string, isOpen: boolean): Promise<string> {
  const { bytes } = isOpen
    ? await readRegular(file, MAX_FILE_BYTES)
    : await readTrusted(file, MAX_FILE_BYTES, TRUST);
  return new TextDecoder().decode(bytes);
}
