import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test } from "../support/test.ts";
import { blocksOf } from "./documents.ts";

test("deno task ok:all runs the tests that deno task ok leaves out", () => {
  const left = /--ignore=(\S+)/.exec(config.tasks.ok.command)![1]!.split(",");
  const run = config.tasks["ok:all"].command.split(" ").filter((word) => word.startsWith("tests/"));
  assertEquals(run, left);
});

test("docs/INSTALL.md compiles for another system as deno task compile does for this one", () => {
  const [head, options] = config.tasks.compile.command.split(" --no-check ") as [string, string];
  const command = `${head} --target x86_64-pc-windows-msvc --no-check ${options}\n`;
  assert(blocksOf("docs/INSTALL.md").some(({ text }) => text === command));
});
