/**
 * Reads the list of identities that a host admits.
 *
 * @module
 */
import { readFingerprint } from "../crypto/mod.ts";
import { quote, StoreError } from "../errors.ts";
import { reasonOf, requirePermission } from "./private_file.ts";
import { causedBy, type FileTrust, readTrusted } from "./trusted_file.ts";

/** Maximum list, in bytes: lanchat refuses a longer one. Many more people fit than a room has. */
const MAX_FILE_BYTES: number = 1 << 20;

const TRUST: FileTrust = {
  holds: "who may join",
  isSecret: false,
  advice: "Then check the list.",
};

/**
 * Reads the identities that may enter a room: one fingerprint a line, with its digits in groups or not; `#`
 * begins a comment.
 *
 * @returns The fingerprints, 30 digits each.
 * @throws {StoreError} With code `permission-denied`, or `bad-list`, whose text names the line.
 */
export async function readAllowList(file: string): Promise<ReadonlySet<string>> {
  requirePermission("read", file, "read");
  const lines = (await readText(file)).split(/\r?\n/);
  const fingerprints = lines.flatMap((line, i) => {
    const text = line.replace(/#.*/s, "");
    if (/^[\s-]*$/.test(text)) return [];
    const digits = readFingerprint(text);
    if (digits !== undefined) return [digits];
    const message = `Cannot use line ${i + 1} of ${quote(file)}: it is not a fingerprint`;
    throw new StoreError("bad-list", message);
  });
  return new Set(fingerprints);
}

async function readText(file: string): Promise<string> {
  try {
    const { bytes } = await readTrusted(file, MAX_FILE_BYTES, TRUST);
    return new TextDecoder().decode(bytes);
  } catch (cause) {
    const message = `Cannot use list ${quote(file)}: ${reasonOf(cause)}`;
    throw new StoreError("bad-list", message, causedBy(cause));
  }
}
