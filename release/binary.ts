/**
 * How the binary is made: its targets, flags and permissions. The tasks, the workflows, the tests and
 * the documents take them from here.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { SYSTEM_FACTS, VARIABLES } from "../lib/permission.ts";

/** A system that has a binary. */
export interface Target {
  /** Its name in the name of the file. */
  readonly name: string;
  /** Its name for `deno compile`. */
  readonly triple: string;
  /** The machine on GitHub that tries the binary. */
  readonly runner: string;
}

/** The systems that have a binary. */
export const TARGETS: readonly Target[] = [
  { name: "linux-x64", triple: "x86_64-unknown-linux-gnu", runner: "ubuntu-latest" },
  { name: "linux-arm64", triple: "aarch64-unknown-linux-gnu", runner: "ubuntu-24.04-arm" },
  { name: "macos-x64", triple: "x86_64-apple-darwin", runner: "macos-15-intel" },
  { name: "macos-arm64", triple: "aarch64-apple-darwin", runner: "macos-latest" },
  { name: "windows-x64", triple: "x86_64-pc-windows-msvc", runner: "windows-latest" },
];

/** The file of a program for a target. @param name Its name, without an ending. */
export function programName({ triple }: Target, name = "lanchat"): string {
  return triple.includes("windows") ? `${name}.exe` : name;
}

/** The directory in the archive of a target, and the name of that archive without its ending. */
export function packageName({ name }: Target): string {
  return `lanchat-${config.version}-${name}`;
}

/** The archive of a target. */
export function archiveName(target: Target): string {
  return `${packageName(target)}.${target.triple.includes("windows") ? "zip" : "tar.gz"}`;
}

/** All that the binary may do. Read and write have no limit, as the home directory is only known when it runs. */
export const PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  `--allow-sys=${SYSTEM_FACTS.join()}`,
  `--allow-env=${VARIABLES.join()}`,
  "--allow-read",
  "--allow-write",
];

/**
 * Flags of `deno bundle`. With packages in `node_modules`, no path of this machine gets into the bundle. Its chunks
 * keep the parts that a start does not need out of it.
 */
export const BUNDLE_FLAGS: readonly string[] = [
  "--frozen",
  "--node-modules-dir=auto",
  "--code-splitting",
];

/**
 * Flags of `deno compile`, for a bundle. The code cache would be a file in the temporary directory, where other
 * users of a machine could plant code.
 */
export const COMPILE_FLAGS: readonly string[] = [
  "--no-config",
  "--no-lock",
  "--no-check",
  "--no-code-cache",
];
