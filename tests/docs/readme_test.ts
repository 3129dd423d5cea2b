import { assertEquals } from "@std/assert";
import { PICTURE, README, takePicture, withText } from "./picture.ts";
import { terminalTest } from "../support/tools.ts";

terminalTest(
  "the picture of a chat and its text in the README are current: `deno task screen` rewrites them",
  async () => {
    const { svg, text } = await takePicture();
    assertEquals(Deno.readTextFileSync(PICTURE), svg);
    const document = Deno.readTextFileSync(README);
    assertEquals(document, withText(document, text));
  },
);
