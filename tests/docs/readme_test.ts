import { assertEquals } from "@std/assert";
import { README, takePictures, withPictures } from "./picture.ts";
import { terminalTest } from "../support/tools.ts";

terminalTest(
  "the README shows a chat as terminals do: `deno task screen` rewrites it",
  async () => {
    const document = Deno.readTextFileSync(README);
    assertEquals(document, withPictures(document, await takePictures()));
  },
);
