import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../support/test.ts";
import { missing, testUnless } from "../support/tools.ts";
import { documentOf, REFERENCE } from "./reference.ts";

for (const [name, text] of Object.entries(REFERENCE)) {
  test(`docs/${name} matches the tables of the code; deno task man writes it`, () => {
    assertEquals(Deno.readTextFileSync(documentOf(name)), text());
  });
}

testUnless(missing("mandoc"), "docs/lanchat.1 is a manual page without faults", async () => {
  const { stdout, stderr } = await new Deno.Command("mandoc", {
    args: ["-Tlint", fileURLToPath(documentOf("lanchat.1"))],
  }).output();
  assertEquals([stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)), ["", ""]);
});
