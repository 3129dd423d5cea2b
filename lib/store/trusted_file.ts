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

/** Mode bits with which the group or others can read or enter, and write (chmod(2)). */
const OTHERS_READ = 0o055;
const OTHERS_WRITE = 0o022;

/** In a directory with this bit, files are renamed and removed by their owner only. */
const STICKY = 0o1000;

/** The user id of root, who can change every file anyway. */
const ROOT_UID = 0;

/** What lanchat relies on in a file. */
export interface FileTrust {
  /** What the file holds, in a few words. */
  readonly holds: string;
  /** Whether it is secret: a file that others can read is refused, not only one that they can write. */
  readonly isSecret: boolean;
  /** What to do once the mode is right, as others may have used it before: a sentence. */
  readonly advice: string;
}

/** Others can read or change what lanchat relies on. */
export class UntrustedFileError extends Error {
  /** What to do about it. */
  readonly hint: string;

  /** @param message A clause that says what was exposed. */
  constructor(message: string, hint: string) {
    super(message);
    this.name = "UntrustedFileError";
    this.hint = hint;
  }
}

/** What a {@linkcode StoreError} takes over from its cause. */
export function causedBy(cause: unknown): { cause: unknown; hint?: string } {
  return { cause, ...cause instanceof UntrustedFileError && { hint: cause.hint } };
}

/** A file that was read. */
export interface ReadFile {
  readonly bytes: Bytes;
  readonly info: Deno.FileInfo;
}

/**
 * Reads a regular file.
 *
 * @param maxBytes The longest one that is read, so that reading ends.
 * @throws {Error} If it is not regular, or longer.
 */
export async function readRegular(file: string, maxBytes: number): Promise<ReadFile> {
  const { isFile } = await Deno.stat(file);
  // Opening a pipe would not end.
  if (!isFile) throw new Error("it is not a regular file");
  using opened = await Deno.open(file);
  const info = await opened.stat();
  if (info.size > maxBytes) {
    throw new Error(`it must be <= ${maxBytes} bytes: it has ${info.size}`);
  }
  return { bytes: await readFully(opened, info.size), info };
}

/**
 * Reads a file that lanchat relies on, as sshd does with StrictModes: it and its directory belong to
 * this user or to root, and nobody else can write to them. The owner is known with `--allow-sys` only,
 * the directory where it may be read; on Windows, which has no modes, nothing is checked.
 *
 * @throws {UntrustedFileError} If others can do what they must not.
 * @throws {Error} As {@linkcode readRegular}.
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
  const target = dirname(await Deno.realPath(file)); // Of a link, where it leads.
  if (granted("read", target)) await checkDirectory(target, trust);
  return read;
}

/** Whether others than its owner can read a file. */
export function isReadByOthers({ mode }: Deno.FileInfo): boolean {
  return mode !== null && (mode & OTHERS_READ) !== 0;
}

/** A command line that takes all rights on a file from others. */
export function chmodHint(file: string): string {
  return `Make it yours only: chmod 600 ${quote(file)}.`;
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
  // In a sticky one, what others have put there shows by its owner.
  const isSafe = (info.mode! & STICKY) !== 0 && ownUid() !== undefined;
  if (isWritten && !isSafe) {
    const message = `others can put another file there (mode ${octal(info)} of ${
      quote(directory)
    })`;
    throw new UntrustedFileError(message, `Run: chmod go-w ${quote(directory)}. ${advice}`);
  }
  if (isForeign(info)) {
    const message = `${quote(directory)} belongs to another user (${info.uid})`;
    throw new UntrustedFileError(message, `Use a directory of your own. ${advice}`);
  }
}

function isForeign({ uid }: Deno.FileInfo): boolean {
  const own = ownUid();
  return own !== undefined && uid !== own && uid !== ROOT_UID;
}

/** This user's id, where it may be known. */
function ownUid(): number | undefined {
  return isGranted({ name: "sys", kind: "uid" }) ? Deno.uid() ?? undefined : undefined;
}

function octal({ mode }: Deno.FileInfo): string {
  return (mode! & 0o7777).toString(8).padStart(4, "0");
}
