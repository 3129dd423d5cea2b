/**
 * The table of slash commands. A new command is one entry in {@linkcode SLASH_COMMANDS}. If it is a new wish,
 * add that also to:
 *
 * - `Wish` in `lib/session_events.ts`, its type;
 * - `lib/session/wishes.ts`, its handler;
 * - `WISH_FIELDS` in `lib/ui/json.ts`, its fields in a line of input;
 * - `docs/JSON.md`, its row in the table of wishes.
 *
 * @module
 */
import { utf8 } from "../bytes/mod.ts";
import { CODES, UsageError } from "../errors.ts";
import type { MessageKind, Wish } from "../session_events.ts";
import { MAX_STATUS_BYTES, MAX_TEXT_BYTES, nameProblem } from "../wire/mod.ts";
import { MAX_SHOWN_LENGTH, type MemberRef, readName, splitMember } from "./member_names.ts";
import { excerpt } from "./sanitize.ts";

/** Maximum typing errors in a word for which a command is suggested. */
const MAX_SLIPS = 2;

/** Names of `/msg` in other programs. */
const PRIVATE_ELSEWHERE: readonly string[] = ["/dm", "/pm", "/query", "/tell", "/w", "/whisper"];

/** A typed line, parsed. */
export type ParsedLine =
  | {
    readonly do: "say";
    readonly text: string;
    readonly kind: MessageKind;
    /** The only member that receives it; all members without. */
    readonly to?: MemberRef;
  }
  | {
    readonly do: "help";
    /** The command to explain; all of them without. */
    readonly topic?: SlashCommand;
  }
  | {
    readonly do: "notify";
    /** Whether to switch it on or off; neither without. */
    readonly on?: boolean;
  }
  | { readonly do: "clear" | "retry" | "quiet" | "quit" | "nothing" }
  | Exclude<Wish, { do: "say" | "quit" | "refused" }>;

/** Context in which a line is parsed. */
export interface LineContext {
  /** The other members. */
  readonly members: readonly MemberRef[];
  /** The senders that `/reply` may mean. */
  readonly correspondents?: readonly MemberRef[];
  /** Replaces the marks of pastes in a text with the pasted texts. */
  readonly expand?: (text: string) => string;
}

/** A slash command: its help, its parser, and how it is found. */
export interface SlashCommand {
  /** The command word and its arguments. */
  readonly usage: string;
  /** Its line in the list of `/help`. */
  readonly summary: string;
  /** What `/help COMMAND` adds to that. */
  readonly example?: string;
  /**
   * Parses the text after the command word.
   *
   * @throws {UsageError} If the arguments are wrong.
   */
  parse(text: string, context: Required<LineContext>): ParsedLine;
  /** What Tab completes in the arguments; names of members by default. */
  readonly completes?: "commands";
  /** A short form that is a prefix of several commands. */
  readonly short?: string;
  /** Present where only one member receives the text. */
  readonly private?: true;
  /**
   * Maximum typing errors for which the command is suggested; {@linkcode MAX_SLIPS} by default. It is
   * lower where all members see the text: a suggestion must not publish a private line.
   */
  readonly maxSlips?: number;
}

/** All commands, in the order of `/help`. */
const SLASH_COMMANDS: readonly SlashCommand[] = [
  {
    usage: "/who",
    summary: "shows who is here, and who lacks your last message",
    short: "/w",
    parse: () => ({ do: "who" }),
  },
  {
    usage: "/me TEXT",
    summary: "says what you do",
    example: "/me waves shows as: * ada waves",
    maxSlips: -1,
    parse: (text, { expand }) => parseMessage(expand(text), "action"),
  },
  {
    usage: "/msg NAME TEXT",
    summary: "says something to one member alone",
    example: "/msg bob hello is read by bob and nobody else.",
    private: true,
    parse: parsePrivateMessage,
  },
  {
    usage: "/reply TEXT",
    summary: "answers the last private message",
    example: "/reply yes goes to who wrote to you alone last.",
    private: true,
    short: "/r",
    parse: (text, { correspondents, expand }) =>
      parseMessage(expand(text), "text", onlyOne(correspondents)),
  },
  {
    usage: "/retry",
    summary: "sends again what was not delivered",
    parse: () => ({ do: "retry" }),
  },
  {
    usage: "/nick NAME",
    summary: "changes your name",
    short: "/n",
    example: "/nick ada shows you as ada to everybody from now on.",
    maxSlips: 1,
    parse: (text) => ({ do: "nick", name: parseNewName(text) }),
  },
  {
    usage: "/away [TEXT]",
    summary: "says that you are not at hand; without TEXT, that you are",
    example: "/away lunch until one",
    maxSlips: 1,
    parse: (text, { expand }) => ({ do: "status", text: parseStatus(expand(text)) }),
  },
  {
    usage: "/whois NAME",
    summary: "shows a member's fingerprint and more",
    example: "/whois bob",
    parse: aboutMember("whois"),
  },
  {
    usage: "/verify [NAME]",
    summary: "compares digits with a member, or with everybody at once",
    example:
      "/verify bob shows digits to compare with bob's screen; there, /verify ada show. If they " +
      "are the same, /verify bob and the four groups that are missing mark bob with ✓ for good; " +
      "lanchat peers forget takes that back.",
    parse: parseVerification,
  },
  {
    usage: "/accept DIGITS",
    summary: "lets a member read you that came after /lock, or has another key than you verified",
    example: "/accept 29901 99456 56407 44777 73695 56115 after that person has read them to you.",
    parse: (text) => ({ do: "accept", digits: text.trim() }),
  },
  {
    usage: "/ignore NAME",
    summary: "shows nothing more of what a member says",
    example: "/ignore bob goes by the key, and ends with lanchat; /who shows whom you ignore.",
    parse: aboutMember("ignore"),
  },
  {
    usage: "/unignore NAME",
    summary: "shows again what a member says",
    example: "/unignore bob",
    parse: aboutMember("unignore"),
  },
  {
    usage: "/rekey",
    summary: "makes new keys for all that you say and are told from now on",
    parse: () => ({ do: "rekey" }),
  },
  {
    usage: "/kick NAME",
    summary: "at the host: removes a member, which may come back",
    example:
      "/kick bob keeps nobody out: whoever knows the way in can come back, /ban or not, under a " +
      "new identity. What keeps all out is another room: lanchat serve --invite --new-room.",
    parse: aboutMember("kick"),
  },
  {
    usage: "/ban NAME",
    summary: "at the host: removes a member for good",
    example: "/ban bob goes by the key, also if bob has left, and stays until /unban bob; a new " +
      "identity gets around it.",
    parse: aboutMember("ban"),
  },
  {
    usage: "/unban [NAME]",
    summary: "at the host: lets one come again; without NAME, shows who is banned",
    example: "/unban bob, or a tag or a fingerprint in place of the name",
    parse: (text, context) =>
      text.trim() === "" ? { do: "bans" } : aboutMember("unban")(text, context),
  },
  {
    usage: "/lock",
    summary: "lets nobody new in or, where you do not host, nobody new read you",
    parse: () => ({ do: "lock" }),
  },
  { usage: "/unlock", summary: "ends that", parse: () => ({ do: "unlock" }) },
  {
    usage: "/invite",
    summary: "at the host: shows the link by which others join, and its QR code",
    parse: () => ({ do: "invite" }),
  },
  {
    usage: "/quiet",
    summary: "hides joins and leaves, or shows them again",
    parse: () => ({ do: "quiet" }),
  },
  {
    usage: "/notify [on|off]",
    summary: "says whether lanchat rings, or changes it",
    example: "/notify off",
    parse: parseNotify,
  },
  {
    usage: "/clear",
    summary: "empties the screen; what scrolled away stays",
    parse: () => ({ do: "clear" }),
  },
  {
    usage: "/help [COMMAND]",
    summary: "shows this list, or more of one",
    example: "/help msg",
    completes: "commands",
    parse: parseHelp,
  },
  {
    usage: "/quit",
    summary: "leaves the room, as Ctrl-C and Ctrl-D do",
    short: "/q",
    parse: () => ({ do: "quit" }),
  },
];

/** The commands by their words, in the order of `/help`. */
export const COMMANDS_BY_WORD: ReadonlyMap<string, SlashCommand> = new Map(
  SLASH_COMMANDS.map((command) => [command.usage.split(" ", 1)[0]!, command]),
);

/**
 * Finds the command for a word: the command word, a unique prefix of it, or its short form.
 *
 * @param text The text after the word. A short form that other programs have for a private message
 * stands only without it.
 * @throws {UsageError} With code `unknown-command`. No line runs as a guessed command.
 */
export function findCommand(word: string, text: string): SlashCommand {
  const exact = COMMANDS_BY_WORD.get(word);
  if (exact !== undefined) return exact;
  const isShort = text.trim() === "" || !isPrivateElsewhere(word);
  const short = SLASH_COMMANDS.find((command) => isShort && command.short === word);
  if (short !== undefined) return short;
  const words = [...COMMANDS_BY_WORD.keys()].filter((command) => command.startsWith(word));
  if (words.length !== 1) throw unknownCommand(word);
  return COMMANDS_BY_WORD.get(words[0]!)!;
}

/** Whether the text after a word may be meant for only one member. */
export function mayBePrivate(word: string): boolean {
  const exact = COMMANDS_BY_WORD.get(word);
  if (exact !== undefined) return exact.private === true;
  return isPrivateElsewhere(word) ||
    [...COMMANDS_BY_WORD].some(([command, { private: isPrivate }]) =>
      isPrivate && (command.startsWith(word) || slipsBetween(word, command) <= 1)
    );
}

/** The lines of `/help`. @param topic The command to explain; all of them without. */
export function helpLines(topic?: SlashCommand): readonly string[] {
  if (topic === undefined) {
    const slash = { usage: "//TEXT", summary: "says a text that begins with a slash" };
    return [...SLASH_COMMANDS, slash].map(helpLine);
  }
  return [helpLine(topic), ...topic.example === undefined ? [] : [`Example: ${topic.example}`]];
}

function helpLine({ summary, usage }: Pick<SlashCommand, "summary" | "usage">): string {
  return `${usage.padEnd(16)} ${summary}`;
}

/**
 * Parses the text of a message.
 *
 * @param to The only member that receives it.
 * @throws {UsageError} With code `empty-message` or `message-too-long`.
 */
export function parseMessage(text: string, kind: MessageKind, to?: MemberRef): ParsedLine {
  if (text.trim() === "") {
    const example = kind === "action" ? "/me waves" : "/msg bob hello";
    throw new UsageError("empty-message", "Cannot send as no text follows", {
      hint: `Type it behind the command, as in ${example}.`,
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
  return { do: "say", text, kind, ...to !== undefined && { to } };
}

function parsePrivateMessage(
  text: string,
  { expand, members }: Required<LineContext>,
): ParsedLine {
  const usage = { usage: "/msg NAME TEXT", quoted: '/msg "bob" hello' };
  const [to, message] = splitMember(text, members, usage);
  return parseMessage(expand(message), "text", to);
}

/** The only sender that `/reply` can mean. */
function onlyOne([first, ...others]: readonly MemberRef[]): MemberRef {
  if (first === undefined) {
    throw new UsageError("no-such-member", "Nobody has sent you a private message yet", {
      hint: "To begin, type /msg NAME TEXT.",
    });
  }
  if (others.length === 0) return first;
  throw new UsageError(
    "no-such-member",
    `It could be for ${[first, ...others].map(({ name }) => name).join(" or for ")}`,
    { hint: "Several have written to you alone: type /msg NAME TEXT." },
  );
}

function parseNewName(text: string): string {
  const name = text.trim().normalize("NFC");
  const problem = nameProblem(name);
  if (problem === undefined) return name;
  throw new UsageError("bad-name", `Cannot use that name as ${problem}`, {
    hint: "Type one of 1 to 48 bytes without ':', '#', '\\' or check marks, as in /nick ada.",
  });
}

function parseStatus(text: string): string {
  const status = text.trim();
  const size = utf8(status).length;
  if (size <= MAX_STATUS_BYTES) return status;
  throw new UsageError(
    "message-too-long",
    `Cannot say that as it has ${size} bytes: ${MAX_STATUS_BYTES} are allowed`,
    { hint: "Make it shorter, as in /away lunch." },
  );
}

/** Makes the parser of a command whose only argument is the name of a member. */
function aboutMember(
  wish: "whois" | "ignore" | "unignore" | "kick" | "ban" | "unban",
): SlashCommand["parse"] {
  return (text, { members }) => ({ do: wish, name: readName(text, members, `/${wish}`) });
}

/** Parses a name, and the digits of the safety number or `show` after it. */
function parseVerification(text: string, { members }: Required<LineContext>): ParsedLine {
  const typed = text.trim();
  if (typed === "") return { do: "verify" };
  // Sessions with the same key and name are the same person; a name in quotes needs an end.
  const people = new Map(members.map((member) => [`${member.key} ${member.name}`, member]));
  const usage = { usage: "/verify NAME", quoted: '/verify "bob"' };
  const [{ key }, rest] = splitMember(`${typed} `, [...people.values()], usage);
  const request = rest.trim();
  if (request === "") return { do: "verify", name: key };
  if (request === "show") return { do: "verify", name: key, show: true };
  return { do: "verify", name: key, digits: request };
}

function parseNotify(text: string): ParsedLine {
  const state = text.trim();
  if (state === "") return { do: "notify" };
  if (state === "on" || state === "off") return { do: "notify", on: state === "on" };
  throw new UsageError("unknown-command", "Usage: /notify [on|off]", { hint: "" });
}

function parseHelp(text: string): ParsedLine {
  const topic = text.trim();
  if (topic === "") return { do: "help" };
  return { do: "help", topic: findCommand(topic.startsWith("/") ? topic : `/${topic}`, "") };
}

function unknownCommand(word: string): UsageError {
  const shown = excerpt(word, MAX_SHOWN_LENGTH);
  // Only the excerpt: this bounds the work, and a longer word resembles no command.
  const suggestions = suggestFor(shown);
  const question = suggestions.length === 0 ? "" : `Did you mean ${suggestions.join(" or ")}? `;
  return new UsageError(
    "unknown-command",
    `Unknown command ${shown}`,
    { hint: `${question}${CODES["unknown-command"].hint}` },
  );
}

/** Suggests the commands that a word is a prefix of, or else those with the fewest typing errors. */
function suggestFor(word: string): readonly string[] {
  if (isPrivateElsewhere(word)) return ["/msg"];
  const lower = word.toLowerCase();
  const candidates = [...COMMANDS_BY_WORD].map(([command, { maxSlips = MAX_SLIPS }]) => {
    const isPrefix = command.startsWith(lower) && lower !== "/";
    return { command, maxSlips, slips: isPrefix ? 0 : slipsBetween(lower, command) };
  }).filter(({ maxSlips, slips }) => slips <= maxSlips);
  const fewest = Math.min(...candidates.map(({ slips }) => slips));
  const closest = candidates.filter(({ slips }) => slips === fewest).map(({ command }) => command);
  return closest.includes(lower) ? [lower] : closest;
}

function isPrivateElsewhere(word: string): boolean {
  return PRIVATE_ELSEWHERE.includes(word.toLowerCase());
}

/**
 * Counts the typing errors between two words, as their optimal string alignment distance: insertions,
 * deletions, substitutions and transpositions.
 */
function slipsBetween(one: string, other: string): number {
  const [a, b] = [[...one], [...other]];
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        isSwapped ? rows[i - 2]![j - 2]! + 1 : Infinity,
      ));
    }
    rows.push(row);
  }
  return rows.at(-1)!.at(-1)!;
}
