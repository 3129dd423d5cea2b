import { utf8 } from "../bytes/mod.ts";

/** Longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 48;

/** Marks that lanchat itself puts behind or around a name, so that no name may contain one. */
const RESERVED = /[:#\\]/u;

/** Check marks, of which lanchat puts one behind the name of a member that is verified. */
const CHECKS = /[√∛∜⎷⍻☑✅✓✔🗸🗹\u{10102}\u{1D93F}-\u{1D941}\u{1D977}\u{1FBB1}]/u;

/** Control, format (bidi and zero-width among them), separator, surrogate, private and no characters. */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}]/u;

/** Any white space but the plain space; and a plain space at either end. */
const MISPLACED_SPACE = /^ | $|(?! )\p{White_Space}/u;

/**
 * Says why a text cannot be a member's name.
 *
 * @param name The name; 1 to {@linkcode MAX_NAME_BYTES} bytes of UTF-8 in NFC, without `:`, `#`, `\`,
 * check marks, control, bidi or zero-width characters, and without space at either end. See
 * PROTOCOL.md §6.2.
 * @returns The reason, or `undefined` if the name may be used.
 */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "it is empty";
  const size = utf8(name).length;
  if (size > MAX_NAME_BYTES) return `it is ${size} bytes long, ${MAX_NAME_BYTES} are allowed`;
  if (INVISIBLE.test(name)) return "it has a control or invisible character";
  if (RESERVED.test(name)) return "it has one of the characters : # \\";
  if (CHECKS.test(name)) return "it has a check mark, which lanchat puts behind verified names";
  if (MISPLACED_SPACE.test(name)) return "it has space at an end, or unusual space";
  if (name.normalize("NFC") !== name) return "it is not in Unicode normal form C";
  return undefined;
}
