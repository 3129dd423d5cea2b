import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test } from "../support/test.ts";

test("deno task ok:all runs the tests that deno task ok leaves out", () => {
  const left = /--ignore=(\S+)/.exec(config.tasks.ok.command)![1]!.split(",");
  const run = config.tasks["ok:all"].command.split(" ").filter((word) => word.startsWith("tests/"));
  assertEquals(run, left);
});
