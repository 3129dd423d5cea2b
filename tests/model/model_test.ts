import { assertArrayIncludes, assertEquals } from "@std/assert";
import { test } from "../support/test.ts";

const ROOT = new URL("../../", import.meta.url);

/** Reads a file of the repository. */
const read = (path: string): Promise<string> => Deno.readTextFile(new URL(path, ROOT));

/** The sources of `lib/`, one string. */
async function library(folder: string = "lib/"): Promise<string> {
  let text = "";
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) text += await library(`${folder}${name}/`);
    else if (name.endsWith(".ts")) text += await read(folder + name);
  }
  return text;
}

/** The runs of `runs.txt`. */
async function runs(): Promise<{ model: string; expected: string; switches: string[] }[]> {
  const lines = (await read("tests/model/runs.txt")).split("\n");
  return lines.map((line) => line.replace(/\s*#.*/, "")).filter((line) => line !== "").map(
    (line) => {
      const [model = "", expected = "", ...flags] = line.split(/\s+/);
      return { model, expected, switches: flags.map((flag) => flag.replace(/^-D/, "")) };
    },
  );
}

/** The switches that a model reads, without those that it sets itself. */
async function switchesOf(model: string): Promise<string[]> {
  const text = await read(`tests/model/${model}.m4`);
  const names = [...text.matchAll(/ifdef\(`(\w+)'/g)].map(([, name]) => name!);
  return [...new Set(names)].filter((name) => !text.includes(`define(\`${name}')`));
}

/** Says in a run that `OPEN` is not set. */
const NOT_OPEN = "ROOM_";

test("model: the labels of docs/PROTOCOL.md §1 are those of the code", async () => {
  const [, section = ""] = (await read("docs/PROTOCOL.md")).split("All labels:");
  const rows = section.split("\n").filter((line) => line.startsWith("|")).slice(2);
  const end = section.indexOf("There are three ways");
  const documented = section.slice(0, end).split("\n").filter((line) => rows.includes(line))
    .flatMap((row) => [...row.split("|")[2]!.matchAll(/`([\w ]+)`/g)].map(([, name]) => name!));
  // The labels of the log on the disk are documented in docs/LOG.md.
  const coded = [...(await library()).matchAll(/"lanchat\/1 ([\w ]+)"/g)].map(([, name]) => name!)
    .filter((name) => !name.startsWith("log "));
  assertEquals([...new Set(documented)].sort(), [...new Set(coded)].sort());
});

test("model: a run names switches that its model reads, and one result for each query", async () => {
  for (const { model, expected, switches } of await runs()) {
    const known = await switchesOf(model);
    assertArrayIncludes([...known, NOT_OPEN], switches, `${model} ${switches.join(" ")}`);
    const queries = switches.filter((name) => name.startsWith("Q_"));
    assertEquals(queries.length, model === "anon" ? 0 : 1, `${model} ${switches.join(" ")}`);
    assertEquals(/^[TF?]{1,2}$/.test(expected), true, expected);
  }
});

test("model: every switch of a model has a run", async () => {
  const all = await runs();
  for (const model of new Set(all.map(({ model }) => model))) {
    const used = all.filter((run) => run.model === model).flatMap(({ switches }) => switches);
    assertArrayIncludes(used, await switchesOf(model), model);
  }
});
