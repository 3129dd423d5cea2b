/**
 * The rules for statuses of members.
 *
 * @module
 */
import { utf8 } from "../bytes/mod.ts";

/** Longest status, in bytes of UTF-8. */
export const MAX_STATUS_BYTES = 200;

/** Characters that begin another line, or are not text. */
const BREAK = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/**
 * Says why a text cannot be a member's status.
 *
 * @param text At most {@linkcode MAX_STATUS_BYTES} bytes of UTF-8 in one line; empty for no status.
 * See PROTOCOL.md §6.5.
 * @returns The reason, or `undefined` if the text may be used.
 */
export function statusProblem(text: string): string | undefined {
  const size = utf8(text).length;
  if (size > MAX_STATUS_BYTES) {
    return `it has ${size} bytes, at most ${MAX_STATUS_BYTES} are allowed`;
  }
  if (BREAK.test(text)) return "it has a line break, or a control character";
  return undefined;
}
