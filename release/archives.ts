/**
 * Packs the binary for each system with its manual page, completions and license: `deno task release:archives`,
 * after `deno task compile:all`. One source always gives the same bytes.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { completionScript } from "../lib/cli/completion_script.ts";
import { type Shell, SHELLS } from "../lib/cli/commands/completions.ts";
import { archiveName, packageName, programName, type Target, TARGETS } from "./binary.ts";
import { ARCHIVES, DIST, GNU_TAR_FLAGS, ROOT, runIn, sourceTime } from "./source.ts";

/** The files with completions. */
const COMPLETIONS: Readonly<Record<Shell, string>> = {
  bash: "lanchat.bash",
  zsh: "_lanchat",
  fish: "lanchat.fish",
  powershell: "lanchat.ps1",
};

/** The service for systemd. */
const SERVICE = "lanchat.service";

/** Flags of zip: nothing of this machine gets into the archive. */
const ZIP_FLAGS = ["--quiet", "--strip-extra"];

/** The files of an archive beside the program, by their paths in it. */
async function documents({ name }: Target): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  files.set("LICENSE", await Deno.readTextFile(join(ROOT, "LICENSE")));
  files.set("lanchat.1", await Deno.readTextFile(join(ROOT, "docs/lanchat.1")));
  for (const shell of SHELLS) {
    files.set(`completions/${COMPLETIONS[shell]}`, completionScript(shell));
  }
  if (name.startsWith("linux")) {
    files.set(SERVICE, await Deno.readTextFile(join(ROOT, "release", SERVICE)));
  }
  return files;
}

/** Packs the program of a target. */
async function pack(target: Target, files: ReadonlyMap<string, string>, work: string) {
  const directory = packageName(target);
  const program = programName(target);
  const time = await sourceTime();
  await Deno.mkdir(join(work, directory));
  await Deno.copyFile(
    join(DIST, programName(target, `lanchat-${target.name}`)),
    join(work, directory, program),
  );
  for (const [path, text] of files) {
    const file = join(work, directory, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  const packed = [program, ...files.keys()].map((path) => `${directory}/${path}`);
  for (const path of packed) {
    const file = join(work, path);
    await Deno.chmod(file, path === packed[0] ? 0o755 : 0o644);
    await Deno.utime(file, time, time);
  }
  const archive = join(ARCHIVES, archiveName(target));
  if (archive.endsWith(".zip")) await runIn(work, "zip", ...ZIP_FLAGS, archive, ...packed);
  else await runIn(work, "tar", ...GNU_TAR_FLAGS, "--file", archive, ...packed);
}

Deno.env.set("TZ", "UTC"); // zip keeps local times.
await Deno.remove(ARCHIVES, { recursive: true }).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
await Deno.mkdir(ARCHIVES, { recursive: true });
const work = await Deno.makeTempDir({ dir: DIST, prefix: "archives-" });
try {
  for (const target of TARGETS) await pack(target, await documents(target), work);
} finally {
  await Deno.remove(work, { recursive: true });
}
