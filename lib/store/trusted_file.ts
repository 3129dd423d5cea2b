/**
 * Reads files that lanchat relies on, and refuses those that others can change.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Bytes } from "../bytes/mod.ts";
import { quote } from "../errors.ts";
import { isGranted } from "../permission.ts";
import { granted, readFully } from "./private_file.ts";

/** Mode bits that let the group or others read or enter, and write (chmod(2)). */
const OTHERS_READ = 0o055;
const OTHERS_WRITE = 0o022;

/** Mode bit of a directory in which only the owner of a file may rename or remove it. */
const STICKY = 0o1000;

/** The user id of root, who can change every file anyway. */
const ROOT_UID = 0;

/** The content of a file that lanchat relies on, and the rules for it. */
export interface FileTrust {
  /** Content of the file, in a few words. */
  readonly holds: string;
  /** Whether the content is secret: then lanchat also refuses a file that others can only read. */
  readonly isSecret: boolean;
  /** Advice for after the mode is right, because others may have used the file before: a sentence. */
  readonly advice: string;
}

/** Error of a file that others can read or change, against its {@linkcode FileTrust}. */
export class UntrustedFileError extends Error {
  /** The action that helps. */
  readonly hint: string;

  /** @param message A clause that names the exposure. */
  constructor(message: string, hint: string) {
    super(message);
    this.name = "UntrustedFileError";
    this.hint = hint;
  }
}

/** Options of a {@linkcode StoreError}: its cause, and the hint of that cause. */
export function causedBy(cause: unknown): { cause: unknown; hint?: string } {
  return { cause, ...cause instanceof UntrustedFileError && { hint: cause.hint } };
}

/** Content and metadata of a file. */
export interface ReadFile {
  readonly bytes: Bytes;
  readonly info: Deno.FileInfo;
}

/**
 * Reads a regular file.
 *
 * @param maxBytes Maximum size, in bytes, so that the read ends.
 * @throws {Error} If the file is not regular, or longer.
 */
export async function readRegular(file: string, maxBytes: number): Promise<ReadFile> {
  const { isFile } = await Deno.stat(file);
  // Opening a pipe would not end.
  if (!isFile) throw new Error("it is not a regular file");
  using opened = await Deno.open(file);
  const info = await opened.stat();
  if (info.size > maxBytes) {
    throw new Error(`it has ${info.size} bytes, at most ${maxBytes} are allowed`);
  }
  return { bytes: await readFully(opened, info.size), info };
}

/**
 * Reads a file that lanchat relies on, with the checks of sshd's StrictModes: the file and its directory must
 * belong to this user or to root, and no other user may write to them. The check of the owner needs
 * `--allow-sys`, that of the directory the permission to read it. Windows has no modes, so there are no checks.
 *
 * @throws {UntrustedFileError} If a check fails.
 * @throws {Error} As {@linkcode readRegular} does.
 */
export async function readTrusted(
  file: string,
  maxBytes: number,
  trust: FileTrust,
): Promise<ReadFile> {
  const read = await readRegular(file, maxBytes);
  if (Deno.build.os === "windows") return read;
  checkFile(file, read.info, trust);
  if (!granted("read", dirname(file))) return read;
  await checkDirectory(dirname(file), trust);
  const target = dirname(await Deno.realPath(file)); // The directory of the target, if it is a link.
  if (granted("read", target)) await checkDirectory(target, trust);
  return read;
}

/** Whether users other than its owner can read a file. */
export function isReadByOthers({ mode }: Deno.FileInfo): boolean {
  return mode !== null && (mode & OTHERS_READ) !== 0;
}

/** A hint with the command that takes all rights on a file from others. */
export function chmodHint(file: string): string {
  return `Make it private: chmod 600 ${quote(file)}.`;
}

function checkFile(
  file: string,
  info: Deno.FileInfo,
  { advice, holds, isSecret }: FileTrust,
): void {
  const isChanged = (info.mode! & OTHERS_WRITE) !== 0;
  const isRead = isSecret && isReadByOthers(info);
  if (isChanged || isRead) {
    const deeds = [...isRead ? ["read"] : [], ...isChanged ? ["changed"] : []].join(" or ");
    const message = `others may have ${deeds} ${holds} (mode ${octal(info)})`;
    throw new UntrustedFileError(message, `${chmodHint(file)} ${advice}`);
  }
  if (isForeign(info)) {
    const message = `it belongs to another user (${info.uid}), who may have changed ${holds}`;
    throw new UntrustedFileError(
      message,
      `Make it yours: chown ${Deno.uid()} ${quote(file)}. ${advice}`,
    );
  }
}

async function checkDirectory(directory: string, { advice }: FileTrust): Promise<void> {
  const info = await Deno.stat(directory);
  const isWritten = (info.mode! & OTHERS_WRITE) !== 0;
  // In a sticky directory, the owner of a file shows whether others have put it there.
  const isSafe = (info.mode! & STICKY) !== 0 && ownUid() !== undefined;
  if (isWritten && !isSafe) {
    const message = `others can replace it (mode ${octal(info)} of ${quote(directory)})`;
    throw new UntrustedFileError(message, `Run: chmod go-w ${quote(directory)}. ${advice}`);
  }
  if (isForeign(info)) {
    const message = `${quote(directory)} belongs to another user (${info.uid})`;
    throw new UntrustedFileError(message, `Use a directory of your own. ${advice}`);
  }
}

/** Whether a file belongs to another user, who is not root; without the permission to know, it does not. */
export function isForeign({ uid }: Deno.FileInfo): boolean {
  const own = ownUid();
  return own !== undefined && uid !== own && uid !== ROOT_UID;
}

/** This user's id; `undefined` without the permission. */
function ownUid(): number | undefined {
  return isGranted({ name: "sys", kind: "uid" }) ? Deno.uid() ?? undefined : undefined;
}

function octal({ mode }: Deno.FileInfo): string {
  return (mode! & 0o7777).toString(8).padStart(4, "0");
}
