import { assertEquals } from "@std/assert";
import { takeScreens, VERIFYING, withScreens } from "./verifying.ts";
import { terminalTest } from "../support/tools.ts";

terminalTest(
  "docs/VERIFYING.md shows the current screens: `deno task screen` rewrites them",
  async () => {
    const document = Deno.readTextFileSync(VERIFYING);
    assertEquals(document, withScreens(document, await takeScreens()));
  },
);
