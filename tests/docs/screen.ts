/** Rewrites the picture of a chat, its text in the README, and the screens of docs/VERIFYING.md. */
import { PICTURE, README, takePicture, withText } from "./picture.ts";
import { takeScreens, VERIFYING, withScreens } from "./verifying.ts";

const { svg, text } = await takePicture();
Deno.writeTextFileSync(PICTURE, svg);
Deno.writeTextFileSync(README, withText(Deno.readTextFileSync(README), text));
Deno.writeTextFileSync(
  VERIFYING,
  withScreens(Deno.readTextFileSync(VERIFYING), await takeScreens()),
);
Deno.exit();
