/**
 * What a release is made from: the checkout, its commit and its time.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the checkout. */
export const ROOT: string = fileURLToPath(new URL("../", import.meta.url));

/** Where binaries are made: not in the temporary directory, whose configuration files anyone can write. */
export const DIST: string = join(ROOT, "dist");

/** Where the files of a release are made. */
export const ARCHIVES: string = join(DIST, "release");

/** Flags of GNU tar: nothing of this machine gets into the archive. */
export const GNU_TAR_FLAGS: readonly string[] = [
  "--create",
  "--format=ustar",
  "--numeric-owner",
  "--owner=0",
  "--group=0",
  "--use-compress-program=gzip -n",
];

/** The commit that is checked out; `+` marks changes since. */
export async function commit(): Promise<string> {
  const hash = await git("describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+");
  return hash === undefined ? "unknown commit" : `commit ${hash}`;
}

/** The time of the source in seconds since 1970: SOURCE_DATE_EPOCH, or the time of the commit. */
export async function sourceTime(): Promise<number> {
  return Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? await git("log", "-1", "--format=%ct") ?? 0);
}

/** Runs a program in a directory to its end. @throws {Error} If it fails. */
export async function runIn(cwd: string, program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, cwd }).spawn().status;
  if (!success) throw new Error(`${program} ${args[0]} failed`);
}

/** The output of git; `undefined` without git, and outside a repository. */
async function git(...args: string[]): Promise<string | undefined> {
  try {
    const { stdout, success } = await new Deno.Command("git", { args, cwd: ROOT }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
