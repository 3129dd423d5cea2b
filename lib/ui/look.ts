import type { MessageEvent } from "../session_events.ts";
import type { MemberRef } from "./member_names.ts";
import { typedName } from "../wire/mod.ts";
import { sanitizeLine } from "./sanitize.ts";

/** Stands behind the name of a member that is verified; no name has it, or anything like it. */
const VERIFIED_MARK = "✓";

/**
 * The name of a member as it can be typed, marked where it is verified; made safe, unless another way to do so
 * is given.
 */
export function markedName(
  { name, verified }: Pick<MemberRef, "name" | "verified">,
  safe: (text: string) => string = sanitizeLine,
): string {
  return safe(typedName(name)) + (verified ? VERIFIED_MARK : "");
}

/** Formats a message, from a name and a text that are safe where the line goes. */
export function messageLine(
  name: string,
  text: string,
  { kind, private: isPrivate }: Pick<MessageEvent, "kind" | "private">,
): string {
  const sender = isPrivate ? `${name} (private)` : name;
  return kind === "action" ? `* ${sender} ${text}` : `${sender}: ${text}`;
}

/**
 * How the parts of a line look that people read. What stands for a member, or for lanchat itself, looks
 * as no text from outside can: no text can pass for either, wherever a row of it begins.
 */
export interface Look {
  /** A name, made safe and marked where the member is verified; the key gives the colour. */
  name(member: MemberRef): string;
  /** What lanchat says of itself begins with it. */
  mark(text: string): string;
  /** A time of day. */
  time(text: string): string;
  /** The own name in what somebody else says. */
  mention(text: string): string;
  /** A line of a QR code, as `qrLines` draws it. */
  qr(line: string): string;
}

/** For a terminal without colours, for screen readers and for files: what a row begins with says nothing there. */
export const PLAIN_LOOK: Look = {
  name: (member) => markedName(member),
  mark: (text) => text,
  time: (text) => text,
  mention: (text) => text,
  qr: (line) => line,
};

/**
 * Those of xterm's 256 colours, but for grey, that have a contrast of at least 4.5:1 on black and on
 * white (WCAG 2.2, success criterion 1.4.3).
 */
export const NAME_COLOURS: readonly number[] = [29, 63, 98, 131, 163];

/** For a terminal with colours. */
export const COLOURFUL_LOOK: Look = {
  name: (member) => `\x1b[1;38;5;${colourOf(member.key)}m${markedName(member)}\x1b[22;39m`,
  mark: (text) => `\x1b[1m${text}\x1b[22m`,
  time: (text) => `\x1b[2m${text}\x1b[22m`,
  mention: (text) => `\x1b[7m${text}\x1b[27m`,
  // White on black by number, as a theme may make anything of the names.
  qr: (line) => `\x1b[38;5;231;48;5;16m${line}\x1b[39;49m`,
};

/** Steady for a key, over runs and machines. */
function colourOf(key: string): number {
  let sum = 0;
  for (const character of key) sum = (31 * sum + character.charCodeAt(0)) % 1_000_003;
  return NAME_COLOURS[sum % NAME_COLOURS.length]!;
}
