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

/** The platform's own place for the identity file. */
export function identityPlace({ os, env }: Platform): string {
  return join(configDirectory(os, env), "lanchat", "identity.json");
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
  throw new StoreError("permission-denied", "Cannot keep an identity as --allow-env is missing");
}
