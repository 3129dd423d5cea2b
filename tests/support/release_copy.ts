/**
 * A release made from a copy of the sources, by the tasks that the workflow runs.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { programName, TARGETS } from "../../release/binary.ts";
import { emptyDirectory } from "./program.ts";
import { output } from "./release_server.ts";

/** What the tasks read. */
const SOURCES = [
  ...["LICENSE", "build.json", "deno.json", "deno.lock", "docs", "install.ps1", "install.sh"],
  ...["lib", "release"],
];

/** The owner of the repository that the packages name. */
export const OWNER = "ada";

/** How a copy differs from the sources. */
export interface CopyOptions {
  /** The public key of its releases. */
  readonly publicKey?: string;
  /** The time zone of the tasks. */
  readonly timeZone?: string;
  /** The version. */
  readonly version?: string;
  /** The file of the program for the first target, instead of a stand-in. */
  readonly program?: string;
  /** The content of the stand-in for a program; by default the name of the target. */
  readonly stand?: (target: string) => string;
}

/** Runs tasks in a copy of the sources that has a program for each target. @returns Where they put the release. */
export async function makeInCopy(
  tasks: readonly string[],
  options: CopyOptions = {},
): Promise<string> {
  const { program, publicKey = "ssh-ed25519 AAAA", timeZone = "UTC" } = options;
  const { stand = (target) => target, version } = options;
  const root = emptyDirectory();
  for (const name of SOURCES) {
    await cp(new URL(`../../${name}`, import.meta.url), `${root}/${name}`, { recursive: true });
  }
  const publisher = `${root}/release/publisher.ts`;
  const source = await Deno.readTextFile(publisher);
  await Deno.writeTextFile(
    publisher,
    source
      .replace(/^(const OWNER: string =).*$/m, `$1 "${OWNER}";`)
      .replace(/^(export const RELEASE_KEY: string =).*$/m, `$1 "${publicKey}";`),
  );
  if (version !== undefined) {
    const config = await Deno.readTextFile(`${root}/deno.json`);
    await Deno.writeTextFile(
      `${root}/deno.json`,
      config.replace(/"version": ".*"/, `"version": "${version}"`),
    );
  }
  await Deno.mkdir(`${root}/dist`);
  for (const target of TARGETS) {
    const file = `${root}/dist/${programName(target, `lanchat-${target.name}`)}`;
    if (program !== undefined && target === TARGETS[0]) await Deno.copyFile(program, file);
    else await Deno.writeTextFile(file, stand(target.name));
  }
  const env = { NO_COLOR: "1", SOURCE_DATE_EPOCH: "1700000000", TZ: timeZone };
  for (const task of tasks) await output(Deno.execPath(), ["task", task], { cwd: root, env });
  return `${root}/dist/release`;
}
