import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { PERMISSIONS, TARGETS } from "../../release/binary.ts";
import { test } from "../support/test.ts";
import { blocksOf, DOCUMENTS, read, spansOf } from "./documents.ts";

test("deno task ok:all runs the tests that deno task ok leaves out", () => {
  const left = /--ignore=(\S+)/.exec(config.tasks.ok.command)![1]!.split(",");
  const [together, alone] = config.tasks["ok:all"].command.split(" && ") as [string, string];
  const testsOf = (command: string): string[] =>
    command.split(" ").filter((word) => word.startsWith("tests/"));
  assertEquals([...testsOf(together), ...testsOf(alone)], left);
});

test("the documents name the version of Deno that .dvmrc has", () => {
  const versions = DOCUMENTS.flatMap((path) => [...read(path).matchAll(/\bdeno@([\d.]*\d)/g)]);
  assertEquals([...new Set(versions.map(([, version]) => version))], [read(".dvmrc").trim()]);
});

test("docs/INSTALL.md names the systems that have a binary", () => {
  const names = spansOf(read("docs/INSTALL.md")).filter((span) => /-(?:x64|arm64)$/.test(span));
  assertEquals(names, TARGETS.map(({ name }) => name));
});

test("docs/PERMISSIONS.md lists the permissions of the binary", () => {
  const blocks = blocksOf("docs/PERMISSIONS.md").map(({ text }) => text);
  assertEquals(blocks, [`${PERMISSIONS.join("\n")}\n`]);
});
