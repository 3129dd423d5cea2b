import { closestString } from "@std/text/closest-string";
import { utf8 } from "../bytes/mod.ts";
import { CODES, UsageError } from "../errors.ts";
import { MAX_TEXT_BYTES } from "../wire/mod.ts";
import type { MessageKind } from "./events.ts";
import { excerpt } from "./render.ts";

const MAX_SHOWN_COMMAND_LENGTH = 20;

/** What a typed line asks for. */
export type Command =
  | { readonly do: "say"; readonly text: string; readonly kind: MessageKind }
  | { readonly do: "who" | "help" | "quit" | "nothing" };

/** The words that are commands. */
export const COMMANDS: readonly string[] = ["/who", "/me", "/help", "/quit"];

/** What `/help` shows. */
export const HELP: readonly string[] = [
  "/who      shows who is here",
  "/me TEXT  says what you do, as in: * ada waves",
  "/help     shows this list",
  "/quit     leaves the room, as Ctrl-C and Ctrl-D do",
  "//TEXT    says a text that begins with a slash",
  "The up and down arrow keys bring earlier lines back.",
];

/**
 * Reads a line that a person typed.
 *
 * @throws {UsageError} With code `unknown-command`, `empty-message` or `message-too-long`.
 *
 * @example A message and a command
 * ```ts
 * import { parseLine } from "./commands.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseLine("//x"), { do: "say", text: "/x", kind: "text" });
 * assertEquals(parseLine("/me waves"), { do: "say", text: "waves", kind: "action" });
 * ```
 */
export function parseLine(line: string): Command {
  if (line.trim() === "") return { do: "nothing" };
  if (line.startsWith("//")) return say(line.slice(1), "text");
  if (!line.startsWith("/")) return say(line, "text");
  const [, word, rest] = /^(\S+)\s*(.*)$/s.exec(line)!;
  switch (word) {
    case "/who":
    case "/help":
    case "/quit":
      return { do: word.slice(1) as "who" | "help" | "quit" };
    case "/me":
      return say(rest!, "action");
    default:
      throw unknownCommand(word!);
  }
}

function say(text: string, kind: MessageKind): Command {
  if (text.trim() === "") {
    throw new UsageError("empty-message", "Cannot send as nothing follows the command", {
      hint: "Say what you do, as in /me waves.",
    });
  }
  const size = utf8(text).length;
  if (size > MAX_TEXT_BYTES) {
    throw new UsageError(
      "message-too-long",
      `Cannot send as the message has ${size} bytes: ${MAX_TEXT_BYTES} are allowed`,
      { hint: "The up arrow key brings it back: make it shorter, or two." },
    );
  }
  return { do: "say", text, kind };
}

function unknownCommand(word: string): UsageError {
  const closest: string = closestString(word, COMMANDS);
  return new UsageError(
    "unknown-command",
    `Unknown command ${excerpt(word, MAX_SHOWN_COMMAND_LENGTH)}`,
    { hint: `Did you mean ${closest}? ${CODES["unknown-command"].hint}` },
  );
}
