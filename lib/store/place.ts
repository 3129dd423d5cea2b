/**
 * The place where lanchat keeps its files.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import { missingPermission, quote, StoreError } from "../errors.ts";
import { environmentVariable, isGranted, type Variable } from "../permission.ts";

/** The facts about a system that decide where lanchat keeps its files. */
export interface Platform {
  /** The operating system. */
  readonly os: typeof Deno.build.os;
  /** Reads an environment variable; throws a {@linkcode StoreError} without the permission. */
  readonly env: (name: Variable) => string | undefined;
}

/** The real platform. */
export const PLATFORM: Platform = { os: Deno.build.os, env };

/** The choice of an identity file. */
export interface WhichIdentity {
  /** The file that a person named; the platform's own place by default. */
  readonly file?: string | undefined;
  /** Name of an identity in the platform's own place; the nameless identity by default. */
  readonly profile?: string | undefined;
  /** The platform whose own place to use; the real one by default. */
  readonly platform?: Platform;
}

/**
 * The path of an identity file.
 *
 * @throws {StoreError} With code `permission-denied` or `identity-unwritable` if the platform's own
 * place is unknown.
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
  if (os === "windows") return known("APPDATA", env);
  if (os === "darwin") return join(known("HOME", env), "Library", "Application Support");
  const directory = env("XDG_CONFIG_HOME");
  // The XDG Base Directory Specification says to ignore a relative path.
  if (directory !== undefined && isAbsolute(directory)) return directory;
  return join(known("HOME", env), ".config");
}

/** The directory that an environment variable names. */
function known(variable: Variable, env: Platform["env"]): string {
  const directory = env(variable);
  if (directory && isAbsolute(directory)) return directory;
  const state = directory ? `${quote(directory)}, not an absolute path` : "not set";
  throw new StoreError(
    "identity-unwritable",
    `Cannot keep an identity: ${variable} is ${state}`,
    {
      hint: `Set ${variable} to your home directory, or name a file with --identity.`,
    },
  );
}

function env(variable: Variable): string | undefined {
  if (isGranted({ name: "env", variable })) return environmentVariable(variable);
  const { hint, reason } = missingPermission(
    "--allow-env",
    "--allow-env --allow-read --allow-write",
  );
  throw new StoreError("permission-denied", `Cannot keep an identity: ${reason}`, { hint });
}
