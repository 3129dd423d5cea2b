import { assertEquals } from "@std/assert";
import { takeScreens, VERIFYING, withScreens } from "./verifying.ts";
import { terminalTest } from "../support/tools.ts";

terminalTest(
  "docs/VERIFYING.md shows screens as they are: `deno task screen` writes them anew",
  async () => {
    const document = Deno.readTextFileSync(VERIFYING);
    assertEquals(document, withScreens(document, await takeScreens()));
  },
);
