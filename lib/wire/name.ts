/**
 * The rules for names of members.
 *
 * @module
 */
import { utf8 } from "../bytes/mod.ts";

/** Longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 48;

/** Marks that lanchat itself puts after or around a name, so that no name may contain one. */
const RESERVED = /[:#\\]/u;

/** Check marks, of which lanchat puts one after the name of a verified member. */
const CHECKS = /[√∛∜⎷⍻☑✅✓✔🗸🗹\u{10102}\u{1D93F}-\u{1D941}\u{1D977}\u{1FBB1}]/u;

/** Control, format (bidi and zero-width among them), separator, surrogate, private and no characters. */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}]/u;

/** The invisible characters of emoji: joiners, variation selectors and tags. */
const JOINING = /[\u200D\uFE0F\u{E0020}-\u{E007F}]/gu;

/** Words that stand for all members at once. */
const EVERYBODY = /^@?(?:all|everyone|here)$/i;

/** Any white space but the plain space; and a plain space at either end. */
const MISPLACED_SPACE = /^ | $|(?! )\p{White_Space}/u;

/**
 * Says why a text cannot be a member's name.
 *
 * @param name The name; 1 to {@linkcode MAX_NAME_BYTES} bytes of UTF-8 in NFC, without `:`, `#`, `\`,
 * check marks, control or bidi characters, without zero-width ones but in emoji, without space at either
 * end, and no word for all members. See PROTOCOL.md §6.2.
 * @returns The reason, or `undefined` if the name may be used.
 */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "it is empty";
  const size = utf8(name).length;
  if (size > MAX_NAME_BYTES) {
    return `it is ${size} bytes long, at most ${MAX_NAME_BYTES} are allowed`;
  }
  if (hasInvisible(name)) return "it has a control or invisible character";
  if (RESERVED.test(name)) return "it has one of the characters : # \\";
  if (CHECKS.test(name)) return "it has a check mark, which marks verified names";
  if (MISPLACED_SPACE.test(name)) return "it begins or ends with a space, or has an unusual one";
  if (name.normalize("NFC") !== name) return "it is not in Unicode normal form C";
  if (EVERYBODY.test(name)) return "it means all members";
  return undefined;
}

/**
 * A name as people can type it: without the joiners, variation selectors and tags of its emoji.
 *
 * @example A family without its joiners
 * ```ts
 * import { typedName } from "./name.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(typedName("\u{1F468}\u200D\u{1F469} ada"), "\u{1F468}\u{1F469} ada");
 * ```
 */
export function typedName(name: string): string {
  return name.replaceAll(JOINING, "");
}

/** A name without the tag that it may be shown with, as in `ada#2f4c81d0`: no name itself has a `#`. */
export function plainName(shown: string): string {
  return shown.split("#", 1)[0]!;
}

/** Whether a name has invisible characters, except those that join emoji. */
function hasInvisible(name: string): boolean {
  if (!INVISIBLE.test(name)) return false;
  // The longest emoji at each place, of those recommended for general interchange (UTS #51); making it takes 20 ms.
  const emoji = /\p{RGI_Emoji}/gv;
  return INVISIBLE.test(name.replaceAll(emoji, ""));
}
