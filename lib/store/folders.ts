/**
 * The home directory of a person, and what a folder holds.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { environmentVariable } from "../permission.ts";
import type { Platform } from "./place.ts";
import { granted } from "./private_file.ts";

/** Maximum entries of a folder that are listed; the rest is left out. */
const MAX_ENTRIES = 10_000;

/** An entry of a folder. */
export interface FolderEntry {
  /** Its name. */
  readonly name: string;
  /** Whether it is a folder, or a link to one. */
  readonly isFolder: boolean;
}

/**
 * The home directory; `undefined` if it is not known.
 *
 * @param platform The platform whose variables to use; the real one by default.
 */
export function homeDirectory(
  { env, os }: Platform = { os: Deno.build.os, env: environmentVariable },
): string | undefined {
  if (os !== "windows") return env("HOME") || undefined;
  const roaming = env("APPDATA");
  return roaming ? join(roaming, "..", "..") : undefined;
}

/** The absolute form of a path, if the current directory may be known. */
export function absolutePath(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}

/** Lists a folder in the order of names; nothing if it cannot be read. */
export function listFolder(folder: string): readonly FolderEntry[] {
  if (!granted("read", folder)) return [];
  try {
    const entries: FolderEntry[] = [];
    for (const { isDirectory, isSymlink, name } of Deno.readDirSync(folder)) {
      if (entries.length === MAX_ENTRIES) break;
      entries.push({ name, isFolder: isDirectory || isSymlink && isFolder(join(folder, name)) });
    }
    return entries.sort((a, b) => a.name < b.name ? -1 : 1);
  } catch {
    return [];
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // A link that leads nowhere.
  }
}
