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

/** Whether lanchat may read or write a path; never asks for the permission. */
export function granted(name: "read" | "write", path: string): boolean {
  return isGranted({ name, path });
}

/**
 * Asserts that lanchat may read or write a path.
 *
 * @param action The purpose, as in `keep the room in`.
 * @param wanted The path that the hint names instead, because lanchat soon needs more.
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
  throw new StoreError("permission-denied", `Cannot ${action} ${quote(path)}: ${reason}`, {
    hint,
  });
}

/**
 * The reason why a file is unusable, as the end of a sentence that names the file. Replaces Deno's own text for
 * a refusal, which tells people to compile or run lanchat differently, and leaves out its call and its path.
 */
export function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotCapable) return "Deno does not allow it there";
  return (cause as Error).message.replace(/: \w+ '[^]*'$/, "");
}

/**
 * Replaces a file by one that only its owner may open, and syncs it to the disk; a reader finds the old file
 * or the new one, whole.
 *
 * @param draft Path of a new file beside it, which no other run uses.
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

/** Asserts the permissions for {@linkcode replaceFile}. @param action As in {@linkcode requirePermission}. */
export function requireReplacing(file: string, action: string): void {
  // The draft is beside the file, and Deno counts its rename as a read too.
  requirePermission("read", dirname(file), action);
  requirePermission("write", dirname(file), action);
}

/** The path of a new file beside another, which no other run uses. */
export function draftOf(file: string): string {
  return `${file}.${toHex(randomBytes(16))}`;
}

/** Removes a file, if it exists. */
export async function remove(file: string): Promise<void> {
  await Deno.remove(file).catch(() => {});
}

/** Writes a new file and syncs it to the disk; leaves no file if that fails. */
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

/** Reads the next bytes of a file, fewer at its end. */
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
