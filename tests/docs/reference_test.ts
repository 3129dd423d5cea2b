import { assertEquals } from "@std/assert";
import { optionsOf } from "../../lib/cli/options.ts";
import { test } from "../support/test.ts";
import { missing, testUnless } from "../support/tools.ts";
import { defaultOf, documentOf, REFERENCE } from "./reference.ts";

for (const [name, text] of Object.entries(REFERENCE)) {
  test(`docs/${name} matches the option table; deno task man writes it`, () => {
    assertEquals(Deno.readTextFileSync(documentOf(name)), text());
  });
}

test("README.md has the defaults of the option table", () => {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const rows = readme.matchAll(/^\| `(--[\w-]+)` +\| (\d+(?: \w+)?) +\|/gm);
  const shown = new Map(rows.map(([, name, value]) => [name, value]));
  const limits = optionsOf("serve").filter(({ name }) => shown.has(name));
  assertEquals(limits.length, 8);
  for (const option of limits) {
    // Without --max-per-address it is a quarter of another limit.
    if (option.default !== undefined) assertEquals(shown.get(option.name), defaultOf(option));
  }
});

testUnless(missing("mandoc"), "docs/lanchat.1 is a manual page without faults", async () => {
  const { stdout, stderr } = await new Deno.Command("mandoc", {
    args: ["-Tlint", documentOf("lanchat.1").pathname],
  }).output();
  assertEquals([stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)), ["", ""]);
});
