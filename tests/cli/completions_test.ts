import { assertEquals } from "@std/assert";
import { completionScript } from "../../lib/cli/completion_script.ts";
import { describe, type Option, optionsOf, SUBCOMMANDS } from "../../lib/cli/options.ts";
import { COMMANDS } from "../../lib/cli/registry.ts";
import { test } from "../support/test.ts";

// tests/e2e/completions_test.ts runs the scripts of the other shells; Debian has no PowerShell.
const GOLDEN = Deno.readTextFileSync(new URL("completions.ps1", import.meta.url));

test("completionScript returns the reviewed script for PowerShell", () => {
  assertEquals(
    completionScript("powershell"),
    GOLDEN,
    "after a change of options: lanchat completions powershell > tests/cli/completions.ps1",
  );
});

test("completionScript completes the choices and options of each command", () => {
  const tables = [...GOLDEN.matchAll(/^ {4}'(.*)' = \[ordered\]@\{\n([^]*?)^ {4}\}$/gm)];
  const found = tables.map(([, command, lines]) => [
    command,
    [...lines!.matchAll(/^ {6}'(.*)' = '(.*)'$/gm)].map(([, word, text]) => [word, text]),
  ]);
  const described = (options: readonly Option[]): string[][] =>
    options.map((option) => [option.name, describe(option)]);
  const [, ...commands] = found;
  assertEquals(
    commands,
    SUBCOMMANDS.map((name) => [name, [
      ...COMMANDS[name].choices?.map((choice) => [choice, choice]) ?? [],
      ...described(optionsOf(name)),
    ]]),
  );
});

test("completionScript balances quotes and brackets", () => {
  const rest = GOLDEN.split("\n").map((line) => line.replaceAll(/'[^']*'|"[^"]*"|^#.*/g, ""));
  const open: string[] = [];
  const pairs: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  for (const [bracket] of rest.join("\n").matchAll(/[()[\]{}'"]/g)) {
    if (bracket in pairs) assertEquals(open.pop(), pairs[bracket]);
    else open.push(bracket);
  }
  assertEquals(open, []);
});
