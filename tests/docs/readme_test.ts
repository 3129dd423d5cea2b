import { assertEquals } from "@std/assert";
import { screenTest } from "../screen/expected.ts";
import { README, takePictures, withPictures } from "./picture.ts";

screenTest(
  "the README shows a chat as terminals do: `deno task screen` writes it anew",
  async () => {
    const document = Deno.readTextFileSync(README);
    assertEquals(document, withPictures(document, await takePictures()));
  },
);
