import { assert, assertEquals } from "@std/assert";
import { cp } from "node:fs/promises";
import config from "../../deno.json" with { type: "json" };
import {
  archiveName,
  packageName,
  programName,
  type Target,
  TARGETS,
} from "../../release/binary.ts";
import { emptyDirectory } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";

/** What the task reads. */
const SOURCES = ["LICENSE", "build.json", "deno.json", "deno.lock", "docs", "lib", "release"];

/** What each archive has beside the program. */
const DOCUMENTS = [
  "LICENSE",
  "lanchat.1",
  "completions/lanchat.bash",
  "completions/_lanchat",
  "completions/lanchat.fish",
  "completions/lanchat.ps1",
];

/** What the archives for Linux have beside that. */
const FOR_LINUX = ["lanchat.service"];

/** Runs a program to its end. @returns What it printed. */
async function output(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const command = new Deno.Command(program, { ...options, args: [...args] });
  const { stderr, stdout, success } = await command.output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Packs stand-ins for the binaries in a copy of the sources. @returns The directory of the archives. */
async function packed(TZ: string): Promise<string> {
  const root = emptyDirectory();
  for (const name of SOURCES) {
    await cp(new URL(`../../${name}`, import.meta.url), `${root}/${name}`, { recursive: true });
  }
  await Deno.mkdir(`${root}/dist`);
  for (const target of TARGETS) {
    await Deno.writeTextFile(
      `${root}/dist/${programName(target, `lanchat-${target.name}`)}`,
      target.name,
    );
  }
  const env = { TZ, SOURCE_DATE_EPOCH: "1700000000" };
  await output(Deno.execPath(), ["task", "release:archives"], { cwd: root, env });
  return `${root}/dist/release`;
}

/** The files in an archive, and the content of its program. */
async function contentOf(directory: string, target: Target): Promise<[string[], string]> {
  const archive = `${directory}/${archiveName(target)}`;
  const program = `${packageName(target)}/${programName(target)}`;
  const [list, show] = archive.endsWith(".zip")
    ? [["unzip", "-Z1", archive], ["unzip", "-p", archive, program]] as const
    : [["tar", "-tf", archive], ["tar", "-xOf", archive, program]] as const;
  const files = await output(list[0], list.slice(1));
  return [files.trimEnd().split("\n"), await output(show[0], show.slice(1))];
}

testUnless(
  missing("tar", "gzip", "zip", "unzip"),
  "deno task release:archives packs each program with its documents, always in the same bytes",
  async () => {
    const directory = await packed("Asia/Tokyo");
    const archives = [...Deno.readDirSync(directory)].map(({ name }) => name);
    assertEquals(archives.sort(), TARGETS.map(archiveName).sort());
    const again = await packed("America/Lima");
    for (const target of TARGETS) {
      const [files, program] = await contentOf(directory, target);
      const forSystem = target.name.startsWith("linux") ? FOR_LINUX : [];
      const expected = [programName(target), ...DOCUMENTS, ...forSystem];
      assertEquals(files, expected.map((path) => `${packageName(target)}/${path}`));
      assertEquals(program, target.name);
      const [first, second] = [directory, again].map((place) =>
        Deno.readFileSync(`${place}/${archiveName(target)}`)
      );
      assertEquals(second, first);
    }
    const [linux] = TARGETS;
    const listed = await output("tar", ["-tvf", `${directory}/${archiveName(linux!)}`]);
    assertEquals(listed.match(/^\S+ \S+/gm), [
      "-rwxr-xr-x 0/0",
      ...[...DOCUMENTS, ...FOR_LINUX].map(() => "-rw-r--r-- 0/0"),
    ]);
  },
);

Deno.test("deno task release:notes prints the changes of the version, and refuses another tag", async () => {
  const cwd = new URL("../../", import.meta.url);
  const notes = (tag: string) =>
    new Deno.Command(Deno.execPath(), { args: ["task", "release:notes", tag], cwd }).output();
  const { stdout, success } = await notes(`v${config.version}`);
  assert(success);
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assert(lines.length > 1);
  for (const line of lines.slice(1)) assert(line === "" || line.startsWith("- "), line);
  assertEquals((await notes("v9.9.9")).success, false);
});
