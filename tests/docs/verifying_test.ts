import { assertEquals } from "@std/assert";
import { screenTest } from "../screen/expected.ts";
import { takeScreens, VERIFYING, withScreens } from "./verifying.ts";

screenTest(
  "docs/VERIFYING.md shows screens as they are: `deno task screen` writes them anew",
  async () => {
    const document = Deno.readTextFileSync(VERIFYING);
    assertEquals(document, withScreens(document, await takeScreens()));
  },
);
