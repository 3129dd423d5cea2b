import { utf8 } from "../bytes/mod.ts";
import { CODES, UsageError } from "../errors.ts";
import { MAX_TEXT_BYTES, nameProblem, typedName } from "../wire/mod.ts";
import type { MemberView, MessageKind, Wish } from "../session_events.ts";
import { excerpt } from "./render.ts";
import { sanitizeLine } from "./sanitize.ts";

/** Longest text of `/away`, in bytes of UTF-8. */
const MAX_STATUS_BYTES = 200;

/** Longest wrong word, in characters, that is repeated. */
const MAX_SHOWN_LENGTH = 20;

/** A command after leading space. */
const INDENTED_COMMAND = /^\s*(\/\S+)\s/;

/** Longest text that can be a name in NFD, in UTF-16 code units. */
const MAX_TYPED_NAME = 200;

/** Most typing errors in a word for which a command is suggested. */
const MAX_SLIPS = 2;

/** Commands whose text only one member reads. */
const PRIVATE: readonly string[] = ["/msg", "/reply"];

/** Names of `/msg` in other programs. */
const PRIVATE_ELSEWHERE: readonly string[] = ["/dm", "/pm", "/query", "/tell", "/w", "/whisper"];

/** The same for commands whose text everybody reads: a suggestion must not publish a private line. */
const PUBLIC_MAX_SLIPS: Readonly<Record<string, number>> = { "/me": -1, "/away": 1, "/nick": 1 };

/** Abbreviations that are prefixes of several commands. */
const SHORT: Readonly<Record<string, string>> = { "/r": "/reply", "/w": "/who" };

/** Tells a name from what follows it, whatever the name is. */
const QUOTED = /^"([^"]+)" /;

/** What a typed line asks for. */
export type SlashCommand =
  | {
    readonly do: "say";
    readonly text: string;
    readonly kind: MessageKind;
    /** Who alone reads it; everybody without. */
    readonly to?: Addressee;
  }
  | { readonly do: "help"; readonly lines: readonly string[] }
  | { readonly do: "clear" | "retry" | "quit" | "nothing" }
  | Exclude<Wish, { do: "say" | "quit" | "refused" }>;

/** A member that a private message is for. */
export type Addressee = Pick<MemberView, "key" | "name" | "verified">;

/** What a typed line may be about. */
export interface CompletionContext {
  /** The other members. */
  readonly members: readonly Addressee[];
  /** Whom `/reply` may mean: whoever wrote to this person alone. */
  readonly correspondents?: readonly Addressee[];
  /** Puts what was pasted where its mark is in the line. */
  readonly expand?: ((text: string) => string) | undefined;
}

interface Explanation {
  readonly usage: string;
  readonly summary: string;
  readonly example?: string;
}

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  "/who": {
    usage: "/who",
    summary: "shows who is here, and who lacks your last message",
  },
  "/me": {
    usage: "/me TEXT",
    summary: "says what you do",
    example: "/me waves shows as: * ada waves",
  },
  "/msg": {
    usage: "/msg NAME TEXT",
    summary: "says something to one member alone",
    example: "/msg bob hello is read by bob and nobody else.",
  },
  "/reply": {
    usage: "/reply TEXT",
    summary: "answers the last private message",
    example: "/reply yes goes to who wrote to you alone last.",
  },
  "/retry": {
    usage: "/retry",
    summary: "sends again what was not delivered",
  },
  "/nick": {
    usage: "/nick NAME",
    summary: "changes your name",
    example: "/nick ada shows you as ada to everybody from now on.",
  },
  "/away": {
    usage: "/away [TEXT]",
    summary: "says that you are not at hand; without TEXT, that you are",
    example: "/away lunch until one",
  },
  "/whois": {
    usage: "/whois NAME",
    summary: "shows a member's fingerprint and more",
    example: "/whois bob",
  },
  "/verify": {
    usage: "/verify [NAME]",
    summary: "compares digits with a member, or with everybody at once",
    example:
      "/verify bob shows digits to compare with bob's screen; there, /verify ada show. If they " +
      "are the same, /verify bob and the four groups that are missing mark bob with ✓ for good; " +
      "lanchat peers forget takes that back.",
  },
  "/accept": {
    usage: "/accept DIGITS",
    summary: "lets a member read you that came after /lock, or has another key than you verified",
    example: "/accept 29901 99456 56407 44777 73695 56115 after that person has read them to you.",
  },
  "/ignore": {
    usage: "/ignore NAME",
    summary: "shows nothing more of what a member says",
    example: "/ignore bob goes by the key, and ends with lanchat; /who shows whom you ignore.",
  },
  "/unignore": {
    usage: "/unignore NAME",
    summary: "shows again what a member says",
    example: "/unignore bob",
  },
  "/rekey": {
    usage: "/rekey",
    summary: "makes new keys for all that you say and are told from now on",
  },
  "/kick": {
    usage: "/kick NAME",
    summary: "at the host: removes a member, which may come back",
    example:
      "/kick bob keeps nobody out: whoever knows the way in can come back, /ban or not, under a " +
      "new identity. What keeps all out is another room: lanchat serve --invite --new-room.",
  },
  "/ban": {
    usage: "/ban NAME",
    summary: "at the host: removes a member for good",
    example: "/ban bob goes by the key, also if bob has left, and stays until /unban bob; a new " +
      "identity gets around it.",
  },
  "/unban": {
    usage: "/unban [NAME]",
    summary: "at the host: lets one come again; without NAME, shows who is banned",
    example: "/unban bob, or a tag or a fingerprint in place of the name",
  },
  "/lock": {
    usage: "/lock",
    summary: "lets nobody new in or, where you do not host, nobody new read you",
  },
  "/unlock": { usage: "/unlock", summary: "ends that" },
  "/invite": {
    usage: "/invite",
    summary: "at the host: shows the link by which others join, and its QR code",
  },
  "/clear": { usage: "/clear", summary: "empties the screen; what scrolled away stays" },
  "/help": {
    usage: "/help [COMMAND]",
    summary: "shows this list, or more of one",
    example: "/help msg",
  },
  "/quit": { usage: "/quit", summary: "leaves the room, as Ctrl-C and Ctrl-D do" },
};

/** The words that are commands. */
export const SLASH_COMMANDS: readonly string[] = Object.keys(EXPLANATIONS);

/** What `/help` shows. */
export const HELP: readonly string[] = [
  ...Object.values(EXPLANATIONS).map(helpLine),
  helpLine({ usage: "//TEXT", summary: "says a text that begins with a slash" }),
];

/** What `/help` shows where the line is edited here. */
export const KEYS_HELP: readonly string[] = [
  "Ctrl-R searches the lines that you typed; Ctrl-G cancels.",
  "Tab completes commands and names.",
  "The up and down arrow keys bring earlier lines back.",
];

function helpLine({ summary, usage }: Explanation): string {
  return `${usage.padEnd(16)} ${summary}`;
}

/**
 * Reads a line that a person typed.
 *
 * @throws {UsageError} With code `unknown-command`, `no-such-member`, `empty-message` or
 * `message-too-long`.
 *
 * @example A message and a command
 * ```ts
 * import { parseLine } from "./commands.ts";
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
export function parseLine(line: string, context: CompletionContext): SlashCommand {
  const { correspondents = [], expand = (text) => text, members } = context;
  const say = (text: string, kind: MessageKind, to?: Addressee): SlashCommand =>
    saying(expand(text), kind, to);
  if (!expand(line).isWellFormed()) {
    throw new UsageError("bad-utf8", "Cannot use the line as it is not UTF-8");
  }
  if (line.trim() === "") return { do: "nothing" };
  if (line.startsWith("//")) return say(line.slice(1), "text");
  if (!line.startsWith("/")) return saying(notPrivate(expand(line)), "text");
  const [, typed, rest] = /^(\S+)\s*(.*)$/s.exec(line)! as unknown as [string, string, string];
  const word = commandOf(typed, rest);
  switch (word) {
    case "/who":
    case "/rekey":
    case "/clear":
    case "/retry":
    case "/quit":
      return { do: word.slice(1) as "who" | "rekey" | "clear" | "retry" | "quit" };
    case "/lock":
    case "/unlock":
    case "/invite":
      return { do: word.slice(1) as "lock" | "unlock" | "invite" };
    case "/nick":
      return { do: "nick", name: newName(rest.trim().normalize("NFC")) };
    case "/away":
      return { do: "status", text: status(expand(rest).trim()) };
    case "/whois":
    case "/ignore":
    case "/unignore":
      return {
        do: word.slice(1) as "whois" | "ignore" | "unignore",
        name: named(word, rest, members),
      };
    case "/verify":
      return verification(rest.trim(), members);
    case "/accept":
      return { do: "accept", digits: rest.trim() };
    case "/kick":
    case "/ban":
      return { do: word.slice(1) as "kick" | "ban", name: named(word, rest, members) };
    case "/unban":
      return rest.trim() === ""
        ? { do: "bans" }
        : { do: "unban", name: named(word, rest, members) };
    case "/help":
      return { do: "help", lines: help(rest.trim()) };
    case "/me":
      return say(rest, "action");
    case "/msg": {
      const [to, text] = addressed(rest, members, "/msg NAME TEXT", '/msg "bob" hello');
      return say(text, "text", to);
    }
    case "/reply":
      return say(rest, "text", only(correspondents));
    default:
      throw unknownCommand(typed);
  }
}

/**
 * Resolves a command or a unique prefix of one.
 *
 * @throws {UsageError} If it is neither. No line runs as a guessed command.
 */
function commandOf(word: string, rest: string): string {
  if (SLASH_COMMANDS.includes(word)) return word;
  const short = SHORT[word];
  // In other programs `/w` sends a private message.
  if (short === "/who" && rest.trim() !== "") throw unknownCommand(word);
  if (short !== undefined) return short;
  const [command, ...others] = SLASH_COMMANDS.filter((command) => command.startsWith(word));
  if (command === undefined || others.length > 0) throw unknownCommand(word);
  return command;
}

/** Whoever alone can be meant by `/reply`. */
function only([first, ...others]: readonly Addressee[]): Addressee {
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

function newName(name: string): string {
  const problem = nameProblem(name);
  if (problem === undefined) return name;
  throw new UsageError("bad-name", `Cannot use that name as ${problem}`, {
    hint: "Type one of 1 to 48 bytes without ':', '#', '\\' or check marks, as in /nick ada.",
  });
}

function status(text: string): string {
  const size = utf8(text).length;
  if (size <= MAX_STATUS_BYTES) return text;
  throw new UsageError(
    "message-too-long",
    `Cannot say that as it has ${size} bytes: ${MAX_STATUS_BYTES} are allowed`,
    { hint: "Make it shorter, as in /away lunch." },
  );
}

/** The name after a command, with or without quotes, in the spelling of the only member that it matches. */
function named(word: string, rest: string, members: readonly Addressee[]): string {
  const name = rest.trim().replace(/^"(.+)"$/, "$1").normalize("NFC");
  if (name === "") {
    throw new UsageError("no-such-member", `Cannot use ${word} as nobody is named`, {
      hint: `Type ${word} NAME; /who shows the names.`,
    });
  }
  const names = new Set(members.map((member) => member.name));
  const alike = [...names].filter((other) => folded(other) === folded(name));
  return names.has(name) || alike.length !== 1 ? name : alike[0]!;
}

/** What `/verify` is to do: the name, and behind it the digits of the number or the wish to show them. */
function verification(text: string, members: readonly Addressee[]): SlashCommand {
  if (text === "") return { do: "verify" };
  // Of several sessions with one key and name any will do; a name in quotes needs an end.
  const unique = new Map(members.map((member) => [`${member.key} ${member.name}`, member]));
  const [{ key }, rest] = addressed(
    `${text} `,
    [...unique.values()],
    "/verify NAME",
    '/verify "bob"',
  );
  const request = rest.trim();
  if (request === "") return { do: "verify", name: key };
  if (request === "show") return { do: "verify", name: key, show: true };
  return { do: "verify", name: key, digits: request };
}

/** Completes the last word of a line, ignoring case. @returns The completions and the word. */
export function complete(line: string, members: readonly Addressee[]): [string[], string] {
  const [, before, word] = /^(.*?)(\S*)$/s.exec(line)! as unknown as [string, string, string];
  if (before === "" && word.startsWith("/")) {
    return [SLASH_COMMANDS.filter((command) => command.startsWith(word)), word];
  }
  // A completed name is written to the terminal as it is.
  const names = members.map(({ name }) => typedName(name))
    .filter((name) => folded(name).startsWith(folded(word)) && sanitizeLine(name) === name)
    .filter((name) => before !== "" || !name.startsWith("/")); // It would be a command there.
  return [names.map((name) => name + (before === "" ? ": " : " ")), word];
}

/** Longest common prefix in whole graphemes. */
export function commonStart([first = "", ...others]: readonly string[]): string {
  let start = "";
  for (const { segment } of new Intl.Segmenter().segment(first)) {
    if (!others.every((other) => other.startsWith(start + segment))) break;
    start += segment;
  }
  return start;
}

function help(topic: string): readonly string[] {
  if (topic === "") return HELP;
  const word = commandOf(topic.startsWith("/") ? topic : `/${topic}`, "");
  const explanation = EXPLANATIONS[word]!;
  const { example } = explanation;
  return [helpLine(explanation), ...example === undefined ? [] : [`Example: ${example}`]];
}

/** The only member whose name, quoted or not, a text begins with, and the rest of the text. */
function addressed(
  text: string,
  members: readonly Addressee[],
  usage: string,
  example: string,
): [Addressee, string] {
  const candidates = members.flatMap((member): Candidate[] => {
    const found = namedBy(text, member.name);
    return found === undefined ? [] : [{ member, ...found }];
  });
  // Of names that differ only in case, the exact one wins.
  const named = candidates.filter(({ exact, member }) =>
    exact ||
    !candidates.some((other) => other.exact && folded(other.member.name) === folded(member.name))
  ).map(({ member, rest }): [Addressee, string] => [member, rest]);
  const [first, ...others] = named;
  if (first !== undefined && others.length === 0) return first;
  const word = /^\S*/.exec(text)![0];
  const problem = first !== undefined
    ? `It could be for ${named.map(([{ name }]) => name).join(" or for ")}`
    : word === ""
    ? "Nobody is named"
    : `Nobody here is called ${shortened(word)}`;
  throw new UsageError("no-such-member", problem, {
    hint: first === undefined
      ? `Type ${usage}; /who shows the names.`
      : `Put the name in quotes, as in ${example}; /who shows the names.`,
  });
}

/** A member that a text may be addressed to. */
interface Candidate extends NamedBy {
  readonly member: Addressee;
}

interface NamedBy {
  readonly rest: string;
  /** Whether the name matches in case too. */
  readonly exact: boolean;
}

/** Splits a text after a name, with or without quotes; `undefined` if it does not start with the name. */
function namedBy(text: string, name: string): NamedBy | undefined {
  const quoted = QUOTED.exec(text);
  if (quoted !== null && folded(quoted[1]!) === folded(name)) {
    return { rest: text.slice(quoted[0].length), exact: isSame(quoted[1]!, name) };
  }
  for (let end = 0; end >= 0 && end < MAX_TYPED_NAME && end < text.length;) {
    const space = text.indexOf(" ", end);
    const typed = space < 0 ? text : text.slice(0, space);
    if (folded(typed) === folded(name)) {
      return { rest: text.slice(typed.length + 1), exact: isSame(typed, name) };
    }
    end = space < 0 ? text.length : space + 1;
  }
  return undefined;
}

/** A name without invisible characters, in NFC. */
function composed(name: string): string {
  return typedName(name).normalize("NFC");
}

/** A name for comparison without case. */
function folded(name: string): string {
  return composed(name).toLowerCase();
}

function isSame(typed: string, name: string): boolean {
  return composed(typed) === composed(name);
}

/** @throws {UsageError} If a text looks as if one alone was to read it. */
function notPrivate(text: string): string {
  const word = INDENTED_COMMAND.exec(text)?.[1];
  if (word === undefined || !isPrivate(word)) return text;
  throw new UsageError("unknown-command", "Sent nothing, as this would go to everybody", {
    hint: "Type the command at the start of the line, or // to send it as a text.",
  });
}

function saying(text: string, kind: MessageKind, to?: Addressee): SlashCommand {
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

function unknownCommand(word: string): UsageError {
  // Bounds the work; a longer word resembles no command.
  const suggestions = suggested(excerpt(word, MAX_SHOWN_LENGTH));
  const question = suggestions.length === 0 ? "" : `Did you mean ${suggestions.join(" or ")}? `;
  return new UsageError(
    "unknown-command",
    `Unknown command ${shortened(word)}`,
    { hint: `${question}${CODES["unknown-command"].hint}` },
  );
}

/** Commands that a word may mean: those it is a prefix of, or else those with the fewest typing errors. */
function suggested(word: string): readonly string[] {
  if (isElsewhere(word)) return ["/msg"];
  const lower = word.toLowerCase();
  const slips = SLASH_COMMANDS.map((command) => ({
    command,
    count: command.startsWith(lower) && lower !== "/" ? 0 : slipsBetween(lower, command),
  })).filter(({ command, count }) => count <= (PUBLIC_MAX_SLIPS[command] ?? MAX_SLIPS));
  const least = Math.min(...slips.map(({ count }) => count));
  const closest = slips.filter(({ count }) => count === least).map(({ command }) => command);
  return closest.includes(lower) ? [lower] : closest;
}

/** Whether the text after a word may be meant for only one member. */
function isPrivate(word: string): boolean {
  if (SLASH_COMMANDS.includes(word)) return PRIVATE.includes(word);
  return isElsewhere(word) ||
    PRIVATE.some((command) => command.startsWith(word) || slipsBetween(word, command) <= 1);
}

function isElsewhere(word: string): boolean {
  return PRIVATE_ELSEWHERE.includes(word.toLowerCase());
}

/** Optimal string alignment distance: insertions, deletions, substitutions and transpositions. */
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

function shortened(word: string): string {
  return excerpt(word, MAX_SHOWN_LENGTH);
}
