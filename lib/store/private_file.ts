/**
 * Files that only their owner may read: reads, writes and replaces them.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Bytes, toHex } from "../bytes/mod.ts";
import { randomBytes } from "../crypto/mod.ts";
import { missingPermission, quote, StoreError } from "../errors.ts";
import { isGranted } from "../permission.ts";

/** Whether a path may be read or written; nobody is asked for it. */
export function granted(name: "read" | "write", path: string): boolean {
  return isGranted({ name, path });
}

/**
 * Asserts that a path may be read or written.
 *
 * @param action What that is for, as in `keep the room in`.
 * @param wanted What had best be allowed instead, as more is needed soon.
 * @throws {StoreError} With code `permission-denied`.
 */
export function requirePermission(
  name: "read" | "write",
  path: string,
  action: string,
  wanted: string = path,
): void {
  if (granted(name, path)) return;
  const flag = `--allow-${name}`;
  const { hint, reason } = missingPermission(flag, `${flag}=${quote(wanted)}`);
  throw new StoreError("permission-denied", `Cannot ${action} ${quote(path)} as ${reason}`, {
    hint,
  });
}

/**
 * Why a file cannot be used, as the end of a sentence. Deno's own words for a refusal tell people to
 * compile or run lanchat otherwise.
 */
export function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotCapable) return "Deno does not allow it there";
  return (cause as Error).message;
}

/**
 * Puts a file that nobody else may open in the place of another, down to the disk; whoever reads it
 * finds the old one or the new one, whole.
 *
 * @param draft A file beside it that is nobody else's.
 */
export async function replaceFile(
  file: string,
  bytes: Uint8Array,
  draft: string = draftOf(file),
): Promise<void> {
  await writeNew(draft, bytes);
  try {
    await Deno.rename(draft, file);
  } catch (error) {
    await remove(draft);
    throw error;
  }
}

/** Asserts that {@linkcode replaceFile} may do its work. @param action As in {@linkcode requirePermission}. */
export function requireReplacing(file: string, action: string): void {
  // The draft is beside the file, and to rename it is to read it too.
  requirePermission("read", dirname(file), action);
  requirePermission("write", dirname(file), action);
}

/** The path of a new file beside another, which no other run uses. */
export function draftOf(file: string): string {
  return `${file}.${toHex(randomBytes(16))}`;
}

/** Removes a file, if it is there. */
export async function remove(file: string): Promise<void> {
  await Deno.remove(file).catch(() => {});
}

/** Writes a file that was not there, down to the disk; leaves nothing behind if that fails. */
export async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  using handle = await Deno.open(file, { write: true, createNew: true, mode: 0o600 });
  try {
    for (let sent = 0; sent < bytes.length;) sent += await handle.write(bytes.subarray(sent));
    await handle.sync();
  } catch (error) {
    await remove(file);
    throw error;
  }
}

/** The next bytes of a file, fewer at its end. */
export async function readFully(opened: Deno.FsFile, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await opened.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.slice(0, filled);
}
