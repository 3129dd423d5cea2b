import { isAbsolute, join } from "node:path";
import { StoreError } from "../errors.ts";

/** The system that lanchat runs on, as far as its files depend on it. */
export interface Platform {
  /** The operating system. */
  readonly os: typeof Deno.build.os;
  /** An environment variable; throws a {@linkcode StoreError} if it may not be read. */
  readonly env: (name: string) => string | undefined;
}

/** The real one. */
export const PLATFORM: Platform = { os: Deno.build.os, env };

/** Where an identity file is looked for. */
export interface WhichIdentity {
  /** The file that a person named; the platform's own place by default. */
  readonly file?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name by default. */
  readonly profile?: string | undefined;
  /** The system that tells its own place; the real one by default. */
  readonly platform?: Platform;
}

/**
 * The path of an identity file.
 *
 * @throws {StoreError} With code `permission-denied` or `identity-unwritable` where the platform's own
 * place cannot be told.
 */
export function identityPlace({ file, platform = PLATFORM, profile }: WhichIdentity): string {
  if (file !== undefined) return file;
  const { env, os } = platform;
  const directory = join(configDirectory(os, env), "lanchat");
  return profile === undefined
    ? join(directory, "identity.json")
    : join(directory, "profiles", profile, "identity.json");
}

function configDirectory(os: Platform["os"], env: Platform["env"]): string {
  if (os === "windows") return known(env("APPDATA"));
  if (os === "darwin") return join(known(env("HOME")), "Library", "Application Support");
  const directory = env("XDG_CONFIG_HOME");
  // A relative path there is to be ignored (XDG Base Directory Specification).
  if (directory !== undefined && isAbsolute(directory)) return directory;
  return join(known(env("HOME")), ".config");
}

function known(directory: string | undefined): string {
  if (directory) return directory;
  throw new StoreError(
    "identity-unwritable",
    "Cannot keep an identity as the environment names no home directory",
  );
}

function env(variable: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable }).state === "granted") {
    return Deno.env.get(variable);
  }
  throw new StoreError("permission-denied", "Cannot keep an identity as --allow-env is missing", {
    hint: "Allow it: deno run --allow-env --allow-read --allow-write …",
  });
}
