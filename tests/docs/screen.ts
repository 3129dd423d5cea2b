/** Rewrites the README's picture of a chat and the screens of docs/VERIFYING.md. */
import { README, takePictures, withPictures } from "./picture.ts";
import { takeScreens, VERIFYING, withScreens } from "./verifying.ts";

Deno.writeTextFileSync(README, withPictures(Deno.readTextFileSync(README), await takePictures()));
Deno.writeTextFileSync(
  VERIFYING,
  withScreens(Deno.readTextFileSync(VERIFYING), await takeScreens()),
);
Deno.exit();
