/** Parses and completes the lines that a person types. */
import { UsageError } from "../errors.ts";
import { typedName } from "../wire/mod.ts";
import { foldName, type MemberRef } from "./member_names.ts";
import { completePath, type Files, NO_FILES, wordsOf } from "./paths.ts";
import { sanitizeLine } from "./sanitize.ts";
import {
  COMMANDS_BY_WORD,
  findCommand,
  isTo,
  type LineContext,
  mayBePrivate,
  type ParsedLine,
  parseMessage,
} from "./slash_commands.ts";
import { graphemesOf } from "./width.ts";

/** A command after leading space. */
const INDENTED_COMMAND = /^\s*(\/\S+)\s/;

/**
 * Parses a typed line.
 *
 * @throws {UsageError} With code `bad-utf8`, `unknown-command`, `no-such-member`, `bad-name`,
 * `empty-message` or `message-too-long`.
 *
 * @example A message and a command
 * ```ts
 * import { parseLine } from "./line_parser.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bob = { name: "bob", key: "…" };
 * const members = [bob];
 * assertEquals(parseLine("//x", { members }), { do: "say", text: "/x", kind: "text" });
 * assertEquals(parseLine("/me waves", { members }), { do: "say", text: "waves", kind: "action" });
 * assertEquals(parseLine("/msg bob hi", { members }), {
 *   do: "say",
 *   text: "hi",
 *   kind: "text",
 *   to: bob,
 * });
 * ```
 */
export function parseLine(line: string, context: LineContext): ParsedLine {
  const { correspondents = [], expand = (text) => text, files = NO_FILES, members, own } = context;
  const whole = expand(line);
  if (!whole.isWellFormed()) {
    throw new UsageError("bad-utf8", "Cannot send the line: it is not UTF-8");
  }
  if (line.trim() === "") return { do: "nothing" };
  if (line.startsWith("//")) return parseMessage(expand(line.slice(1)), "text");
  if (!line.startsWith("/")) return parseMessage(assertNotPrivate(whole), "text");
  const [, word, text] = /^(\S+)\s*(.*)$/s.exec(line)! as unknown as [string, string, string];
  return findCommand(word, text).parse(text, { correspondents, expand, files, members, own });
}

/** @throws {UsageError} If a text for all members looks like a private message. */
function assertNotPrivate(text: string): string {
  const word = INDENTED_COMMAND.exec(text)?.[1];
  if (word === undefined || !mayBePrivate(word)) return text;
  throw new UsageError("unknown-command", "Not sent: everyone would read it", {
    hint: "Start the line with the command, or with // to send it as text.",
  });
}

/**
 * Completes the last word of a line: names and commands ignoring case, and paths.
 *
 * @param files The files that a path means; no path is completed without.
 * @returns The completions, each with the space or colon after it, and the word.
 */
export function complete(
  line: string,
  members: readonly MemberRef[],
  files: Files = NO_FILES,
): [string[], string] {
  const [, command = "", text = ""] = /^(\/\S+)\s+(.*)$/s.exec(line) ?? [];
  if (COMMANDS_BY_WORD.get(command)?.completes === "paths") {
    const words = wordsOf(text);
    const last = words.at(-1);
    const isBegun = last !== undefined && last.end === text.length;
    const before = isBegun ? words.slice(0, -1) : words;
    if (before.length < 2 || !isTo(before.at(-1)!)) {
      return isBegun
        ? [completePath(last.text, files), text.slice(last.start)]
        : [completePath("", files), ""];
    }
  }
  const [, before, word] = /^(.*?)(\S*)$/s.exec(line)! as unknown as [string, string, string];
  if (before === "" && word.startsWith("/")) return [wordsLike(word), word];
  if (COMMANDS_BY_WORD.get(before.trimEnd())?.completes === "commands") {
    return word.startsWith("/")
      ? [wordsLike(word), word]
      : [wordsLike(`/${word}`).map((topic) => topic.slice(1)), word];
  }
  // A completed name is written to the terminal as it is.
  const names = members.map(({ name }) => typedName(name))
    .filter((name) => foldName(name).startsWith(foldName(word)) && sanitizeLine(name) === name)
    .filter((name) => before !== "" || !name.startsWith("/")); // It would be a command there.
  return [names.map((name) => name + (before === "" ? ": " : " ")), word];
}

function wordsLike(start: string): string[] {
  return [...COMMANDS_BY_WORD.keys()].filter((word) => word.startsWith(start))
    .map((word) => `${word} `);
}

/** Finds the longest common prefix of texts, in whole graphemes. */
export function commonStart([first = "", ...others]: readonly string[]): string {
  let start = "";
  for (const { segment } of graphemesOf(first)) {
    if (!others.every((other) => other.startsWith(start + segment))) break;
    start += segment;
  }
  return start;
}
