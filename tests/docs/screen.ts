/** Writes the README's picture of a chat anew. */
import { README, takePictures, withPictures } from "./picture.ts";

Deno.writeTextFileSync(README, withPictures(Deno.readTextFileSync(README), await takePictures()));
Deno.exit();
