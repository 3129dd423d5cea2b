/**
 * Reads the file of default options.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { quote, StoreError } from "../errors.ts";
import { identityPlace, PLATFORM, type Platform } from "./place.ts";
import { granted, reasonOf } from "./private_file.ts";
import { causedBy, type FileTrust, readTrusted } from "./trusted_file.ts";

/** Maximum file, in bytes: lanchat refuses a longer one. */
const MAX_FILE_BYTES: number = 1 << 16;

const TRUST: FileTrust = {
  holds: "your options",
  isSecret: false,
  advice: "Then check what it says.",
};

/** The file of default options. */
export interface StoredOptions {
  /** Its path; missing if lanchat may not know it. */
  readonly file?: string;
  /** Whether lanchat has read it, and if not, why. */
  readonly state: "read" | "missing" | "not-allowed";
  /** Its text; empty if lanchat has not read it. */
  readonly text: string;
}

/**
 * Reads the file `options` beside the nameless identity in the platform's own place. Without the permissions
 * to find or to read it, lanchat does without.
 *
 * @throws {StoreError} With code `options-unreadable`, also if others can change the file.
 */
export async function readOptionsFile(platform: Platform = PLATFORM): Promise<StoredOptions> {
  const file = placeOf(platform);
  if (file === undefined) return { state: "not-allowed", text: "" };
  if (!granted("read", file)) return { file, state: "not-allowed", text: "" };
  try {
    const { bytes } = await readTrusted(file, MAX_FILE_BYTES, TRUST);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { file, state: "read", text };
  } catch (cause) {
    // Also below a file that stands in place of a directory: the identity then says what is wrong.
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return { file, state: "missing", text: "" };
    }
    const reason = cause instanceof TypeError ? "it is not UTF-8" : reasonOf(cause);
    const message = `Cannot use the options in ${quote(file)}: ${reason}`;
    throw new StoreError("options-unreadable", message, causedBy(cause));
  }
}

function placeOf(platform: Platform): string | undefined {
  try {
    return join(dirname(identityPlace({ platform })), "options");
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}
