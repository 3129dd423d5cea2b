/**
 * Reads what lets this machine into a broker.
 *
 * @module
 */
import { quote, StoreError } from "../errors.ts";
import { reasonOf, requirePermission } from "./private_file.ts";
import { causedBy, type FileTrust, readTrusted } from "./trusted_file.ts";

/** Maximum file, in bytes: lanchat refuses a longer one. */
const MAX_FILE_BYTES: number = 1 << 20;

const CREDENTIALS: FileTrust = {
  holds: "the credentials in it",
  isSecret: true,
  advice: "Then replace the credentials: others may have copied them.",
};

const AUTHORITIES: FileTrust = {
  holds: "which servers are trusted",
  isSecret: false,
  advice: "Then check the file.",
};

/** A certificate in the form of RFC 7468, section 5.1. */
const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----\s[A-Za-z\d+/=\s]+-----END CERTIFICATE-----/m;

/** Reads a credentials file of NATS. @throws {StoreError} With code `permission-denied`. */
export async function readBrokerCredentials(file: string): Promise<string> {
  return await readText(file, CREDENTIALS);
}

/** Reads the certificates of authorities, as PEM. @throws {StoreError} With code `permission-denied`. */
export async function readAuthorities(file: string): Promise<string> {
  const text = await readText(file, AUTHORITIES);
  if (PEM_CERTIFICATE.test(text)) return text;
  throw new StoreError("permission-denied", `Cannot use ${quote(file)}: it has no certificate`, {
    hint: "Set NATS_CA to a PEM file, which begins with -----BEGIN CERTIFICATE-----.",
  });
}

async function readText(file: string, trust: FileTrust): Promise<string> {
  requirePermission("read", file, "read");
  try {
    const { bytes } = await readTrusted(file, MAX_FILE_BYTES, trust);
    return new TextDecoder().decode(bytes);
  } catch (cause) {
    const message = `Cannot read ${quote(file)}: ${reasonOf(cause)}`;
    const options = { hint: "Check the path and the file's mode.", ...causedBy(cause) };
    throw new StoreError("permission-denied", message, options);
  }
}
