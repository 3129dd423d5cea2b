/** The forms of names and messages on a screen, and the themes that style the parts of a line. */
import type { MessageEvent } from "../session_events.ts";
import { typedName } from "../wire/mod.ts";
import type { MemberRef } from "./member_names.ts";
import { sanitizeLine } from "./sanitize.ts";

/** The properties of a message that its form depends on. */
export type MessageForm = Pick<MessageEvent, "kind" | "private">;

/** Follows the name of a verified member; no name may contain it, or anything similar. */
const VERIFIED_MARK = "✓";

/**
 * Formats the name of a member as it can be typed, with a mark if the member is verified.
 *
 * @param safe Makes the name safe where it goes.
 */
export function markedName(
  { name, verified }: Pick<MemberRef, "name" | "verified">,
  safe: (text: string) => string = sanitizeLine,
): string {
  return safe(typedName(name)) + (verified ? VERIFIED_MARK : "");
}

/** Formats a message, from a name and a text that are safe where the line goes. */
export function messageLine(name: string, text: string, form: MessageForm): string {
  return messageHead(name, form) + text;
}

/** Formats the part of a message before its text. */
export function messageHead(name: string, { kind, private: isPrivate }: MessageForm): string {
  const sender = isPrivate ? `${name} (private)` : name;
  return kind === "action" ? `* ${sender} ` : `${sender}: `;
}

/**
 * Styles the parts of a line that people read. Names and the marks of lanchat have styles that no text
 * from outside can have, so that no text can pass for either, where a terminal itself wraps a row too.
 */
export interface Theme {
  /** Formats a safe name, with its mark; its color depends on the key. */
  name(member: MemberRef): string;
  /** Styles the mark at the start of a notice. */
  mark(text: string): string;
  /** Styles a time of day. */
  time(text: string): string;
  /** Styles this member's name in a message of another member. */
  mention(text: string): string;
  /** Styles a line of a QR code, as `qrLines` draws it. */
  qr(line: string): string;
}

/** The theme for plain lines: simple terminals, screen readers and files. */
export const PLAIN_THEME: Theme = {
  name: (member) => markedName(member),
  mark: (text) => text,
  time: (text) => text,
  mention: (text) => text,
  qr: (line) => line,
};

/**
 * The colors of xterm's 256, without grays, that have a contrast of at least 4.5:1 on black and on
 * white (WCAG 2.2, success criterion 1.4.3).
 */
export const NAME_COLORS: readonly number[] = [29, 63, 98, 131, 163];

/** The theme for terminals with colors. */
export const COLOR_THEME: Theme = {
  name: (member) => `\x1b[1;38;5;${colorOf(member.key)}m${markedName(member)}\x1b[22;39m`,
  mark: (text) => `\x1b[1m${text}\x1b[22m`,
  time: (text) => `\x1b[2m${text}\x1b[22m`,
  mention: (text) => `\x1b[7m${text}\x1b[27m`,
  // White on black by number, because a color scheme may redefine the named colors.
  qr: (line) => `\x1b[38;5;231;48;5;16m${line}\x1b[39;49m`,
};

/** The theme for people who want no colors (https://no-color.org): no text from outside is bold here either. */
export const COLORLESS_THEME: Theme = {
  ...COLOR_THEME,
  name: (member) => COLOR_THEME.mark(markedName(member)),
  qr: (line) => line,
};

/** Picks the color for a key, the same in every run and on every machine. */
function colorOf(key: string): number {
  let sum = 0;
  for (const character of key) sum = (31 * sum + character.charCodeAt(0)) % 1_000_003;
  return NAME_COLORS[sum % NAME_COLORS.length]!;
}
