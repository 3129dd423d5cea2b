import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import {
  archiveName,
  packageName,
  programName,
  type Target,
  TARGETS,
} from "../../release/binary.ts";
import { makeInCopy } from "../support/release_copy.ts";
import { output } from "../support/release_server.ts";
import { missing, testUnless } from "../support/tools.ts";

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
    const directory = await makeInCopy(["release:archives"], { timeZone: "Asia/Tokyo" });
    const archives = [...Deno.readDirSync(directory)].map(({ name }) => name);
    assertEquals(archives.sort(), TARGETS.map(archiveName).sort());
    const again = await makeInCopy(["release:archives"], { timeZone: "America/Lima" });
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
