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
import type { MessageKind, TransferWish, Wish } from "../session_events.ts";
import { MAX_STATUS_BYTES, MAX_TEXT_BYTES, nameProblem } from "../wire/mod.ts";
import {
  MAX_SHOWN_LENGTH,
  memberNamed,
  type MemberRef,
  readName,
  splitMember,
} from "./member_names.ts";
import { expandHome, type Files, type Word, wordsOf } from "./paths.ts";
import { excerpt } from "./sanitize.ts";

/** Maximum typing errors in a word for which a command is suggested. */
const MAX_SLIPS = 2;

/** Names of `/msg` in other programs. */
const PRIVATE_ELSEWHERE: readonly string[] = ["/dm", "/pm", "/query", "/tell", "/w", "/whisper"];

/** Names of `/quit` in other programs. */
const QUIT_ELSEWHERE: readonly string[] = ["/bye", "/exit", "/leave", "/part"];

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
    readonly do: "send-file";
    readonly paths: readonly string[];
    /** As of `say`. */
    readonly to?: MemberRef;
  }
  | {
    /** A text that is too long for a message. */
    readonly do: "send-text";
    readonly text: string;
    /** As of `say`. */
    readonly to?: MemberRef;
  }
  | {
    readonly do: "help";
    /** The command to explain, or all of them; those for newcomers without. */
    readonly topic?: SlashCommand | "all";
  }
  | {
    readonly do: "show-invite";
    /** Whether as a QR code. */
    readonly qr: boolean;
  }
  | {
    readonly do: "notify";
    /** Whether to switch it on or off; neither without. */
    readonly on?: boolean;
  }
  | { readonly do: "clear" | "fingerprint" | "retry" | "quiet" | "quit" | "nothing" }
  | Exclude<Wish, { do: "say" | "send-file" | "send-text" | "quit" | "refused" }>;

/** Context in which a line is parsed. */
export interface LineContext {
  /** The other members. */
  readonly members: readonly MemberRef[];
  /** This member's name. */
  readonly own?: string | undefined;
  /** The senders that `/reply` may mean. */
  readonly correspondents?: readonly MemberRef[];
  /** Replaces the marks of pastes in a text with the pasted texts. */
  readonly expand?: (text: string) => string;
  /** The files that a path means. */
  readonly files?: Pick<Files, "home">;
}

type WholeContext = Required<Omit<LineContext, "own">> & Pick<LineContext, "own">;

/** A slash command: its help, its parser, and how it is found. */
export interface SlashCommand {
  /** The command word and its arguments. */
  readonly usage: string;
  /** Its line in the lists of `/help`; of one for newcomers at most 15 characters, for a narrow window. */
  readonly summary: string;
  /** The same for the host, if that differs. */
  readonly hostSummary?: string;
  /** Present where `/help` lists it without `all`. */
  readonly newcomer?: true;
  /** What `/help COMMAND` adds to that. */
  readonly more?: string;
  /**
   * Parses the text after the command word.
   *
   * @throws {UsageError} If the arguments are wrong.
   */
  parse(text: string, context: WholeContext): ParsedLine;
  /** What Tab completes in the arguments; names of members by default, and after `to` where these are paths. */
  readonly completes?: "commands" | "paths";
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

/** Commands under the heading that `/help all` gives them. */
export interface CommandGroup {
  readonly heading: string;
  /** Present where only the host can use them. */
  readonly hostOnly?: true;
  readonly commands: readonly SlashCommand[];
}

/** All commands, in the order of `/help`. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    heading: "Talk",
    commands: [
      {
        usage: "/msg NAME TEXT",
        summary: "tells only NAME",
        newcomer: true,
        more: "/msg bob hello: only bob reads it.",
        private: true,
        parse: parsePrivateMessage,
      },
      {
        usage: "/reply TEXT",
        summary: "answers a /msg",
        more: "/reply yes goes to the person who last sent you a private message.",
        private: true,
        short: "/r",
        parse: (text, { correspondents, expand }) =>
          parseMessage(
            withText(expand(text), "/reply TEXT", "/reply yes"),
            "text",
            onlyOne(correspondents),
          ),
      },
      {
        usage: "/me TEXT",
        summary: "says what you do",
        more: "/me waves shows as: * ada waves",
        maxSlips: -1,
        parse: (text, { expand }) =>
          parseMessage(withText(expand(text), "/me TEXT", "/me waves"), "action"),
      },
      {
        usage: "/retry",
        summary: "resends what was not delivered",
        parse: () => ({ do: "retry" }),
      },
    ],
  },
  {
    heading: "Files",
    commands: [
      {
        usage: "/send FILE",
        summary: "offers a file",
        newcomer: true,
        more:
          '/send notes.txt photos offers both to everyone, /send "my notes.txt" to bob only to bob. ' +
          "Tab completes paths. A folder goes with all that is in it.",
        completes: "paths",
        parse: parseSending,
      },
      {
        usage: "/accept [N]",
        summary: "saves offered files; with 30 digits, lets a member read you",
        more: "/accept for the only offer, /accept 2 for number 2. " +
          "/accept 29901 99456 56407 44777 73695 56115 lets the member with this fingerprint read " +
          "you, after they read you the 30 digits that /fingerprint shows them, by voice.",
        parse: parseAcceptance,
      },
      {
        usage: "/decline [N]",
        summary: "refuses offered files",
        parse: aboutTransfer("decline-file", "/decline N"),
      },
      {
        usage: "/transfers",
        summary: "lists offers and transfers",
        parse: () => ({ do: "transfers" }),
      },
      {
        usage: "/cancel N",
        summary: "ends a transfer, or takes your offer back",
        parse: (text) => ({ do: "cancel-file", id: parseNumber(text, "/cancel N") }),
      },
      {
        usage: "/pause [N]",
        summary: "pauses a transfer",
        parse: aboutTransfer("pause-file", "/pause N"),
      },
      {
        usage: "/resume [N]",
        summary: "continues a transfer",
        parse: aboutTransfer("resume-file", "/resume N"),
      },
    ],
  },
  {
    heading: "People",
    commands: [
      {
        usage: "/who",
        summary: "who is here",
        short: "/w",
        newcomer: true,
        parse: () => ({ do: "who" }),
      },
      {
        usage: "/whois NAME",
        summary: "shows a member's fingerprint and more",
        more: "/whois bob shows the join code, too, if bob or you host.",
        parse: aboutMember("whois"),
      },
      {
        usage: "/nick NAME",
        summary: "renames you",
        short: "/n",
        newcomer: true,
        more: "/nick ada: everyone sees it.",
        maxSlips: 1,
        parse: (text) => ({ do: "nick", name: parseNewName(text) }),
      },
      {
        usage: "/away [TEXT]",
        summary: "shows you as away",
        more: "/away lunch until one; /away without TEXT says that you are back.",
        maxSlips: 1,
        parse: (text, { expand }) => ({ do: "status", text: parseStatus(expand(text)) }),
      },
      {
        usage: "/ignore NAME",
        summary: "hides a member's messages",
        more: "/ignore bob lasts until lanchat ends, also if bob takes another name.",
        parse: aboutMember("ignore"),
      },
      {
        usage: "/unignore NAME",
        summary: "shows them again",
        parse: aboutMember("unignore"),
      },
    ],
  },
  {
    heading: "Trust",
    commands: [
      {
        usage: "/verify [NAME]",
        summary: "checks identity",
        newcomer: true,
        more:
          "Compare by voice: the join code when someone joins; /verify, one code for everyone " +
          "here now; /verify bob, once for good: bob✓ in every room from then on " +
          "(lanchat peers forget removes the ✓).",
        parse: parseVerification,
      },
      {
        usage: "/fingerprint",
        summary: "shows your fingerprint and the room's",
        parse: () => ({ do: "fingerprint" }),
      },
      {
        usage: "/rekey",
        summary: "replaces your encryption keys",
        parse: () => ({ do: "rekey" }),
      },
      {
        usage: "/lock",
        summary: "lets no newcomer join or, if you don't host, read you",
        parse: () => ({ do: "lock" }),
      },
      { usage: "/unlock", summary: "ends /lock", parse: () => ({ do: "unlock" }) },
    ],
  },
  {
    heading: "Host",
    hostOnly: true,
    commands: [
      {
        usage: "/invite [qr]",
        summary: "how others join",
        newcomer: true,
        more:
          "/invite shows the command and the link, /invite qr the link as a QR code. Only the host can.",
        parse: (text) => ({ do: "show-invite", qr: text.trim() === "qr" }),
      },
      {
        usage: "/kick NAME",
        summary: "removes NAME; they can rejoin",
        more: "/kick bob. To keep everyone unwanted out, host a new room: " +
          "lanchat serve --invite --new-room",
        parse: aboutMember("kick"),
      },
      {
        usage: "/ban NAME",
        summary: "removes NAME, and refuses their key",
        more: "/ban bob works after bob has left, too. With a new identity bob can rejoin.",
        parse: aboutMember("ban"),
      },
      {
        usage: "/unban [NAME]",
        summary: "lifts a ban; without NAME, lists all bans",
        more: "/unban bob; a tag or a fingerprint works too.",
        parse: (text, context) =>
          text.trim() === "" ? { do: "bans" } : aboutMember("unban")(text, context),
      },
    ],
  },
  {
    heading: "Screen",
    commands: [
      {
        usage: "/quiet",
        summary: "hides joins and leaves, or shows them again",
        parse: () => ({ do: "quiet" }),
      },
      {
        usage: "/notify [on|off]",
        summary: "switches the bell",
        more: "/notify off silences it; /notify says whether it is on.",
        parse: parseNotify,
      },
      {
        usage: "/clear",
        summary: "clears the screen; scrollback stays",
        parse: () => ({ do: "clear" }),
      },
      {
        usage: "/help [COMMAND]",
        summary: "explains COMMAND",
        more: "/help msg; /help all lists every command.",
        completes: "commands",
        parse: parseHelp,
      },
      {
        usage: "/quit",
        summary: "leaves the room",
        hostSummary: "ends the room",
        short: "/q",
        newcomer: true,
        more: "So do Ctrl-C and Ctrl-D. At the host it ends the room for everyone.",
        parse: () => ({ do: "quit" }),
      },
    ],
  },
];

const SLASH_COMMANDS: readonly SlashCommand[] = COMMAND_GROUPS.flatMap(({ commands }) => commands);

type Entry = Pick<SlashCommand, "hostSummary" | "summary" | "usage">;

const TWO_SLASHES: Entry = { usage: "//TEXT", summary: "sends TEXT with one slash" };

function widestOf(commands: readonly Entry[]): number {
  return Math.max(...commands.map(({ usage }) => usage.length));
}

/** Columns of the longest usage. */
const USAGE_WIDTH = widestOf(SLASH_COMMANDS);

/** The commands by their words, in the order of `/help`. */
export const COMMANDS_BY_WORD: ReadonlyMap<string, SlashCommand> = new Map(
  SLASH_COMMANDS.map((command) => [command.usage.split(" ", 1)[0]!, command]),
);

/**
 * Finds the command for a word in any case: the command word, a unique prefix of it, or its short form.
 *
 * @param text The text after the word. A short form that other programs have for a private message
 * stands only without it.
 * @throws {UsageError} With code `unknown-command`. No line runs as a guessed command.
 */
export function findCommand(typed: string, text: string): SlashCommand {
  const word = typed.toLowerCase();
  const exact = COMMANDS_BY_WORD.get(word);
  if (exact !== undefined) return exact;
  const isShort = text.trim() === "" || !isPrivateElsewhere(word);
  const short = SLASH_COMMANDS.find((command) => isShort && command.short === word);
  if (short !== undefined) return short;
  const words = [...COMMANDS_BY_WORD.keys()].filter((command) => command.startsWith(word));
  if (words.length !== 1) throw unknownCommand(typed);
  return COMMANDS_BY_WORD.get(words[0]!)!;
}

/** Whether the text after a word may be meant for only one member. */
export function mayBePrivate(typed: string): boolean {
  const word = typed.toLowerCase();
  const exact = COMMANDS_BY_WORD.get(word);
  if (exact !== undefined) return exact.private === true;
  return isPrivateElsewhere(word) ||
    [...COMMANDS_BY_WORD].some(([command, { private: isPrivate }]) =>
      isPrivate && (command.startsWith(word) || slipsBetween(word, command) <= 1)
    );
}

/** A line of `/help`. */
export interface HelpLine {
  /** A command, with spaces up to the column of the texts; empty in other lines. */
  readonly term: string;
  /** What it does, or a heading or explanation. */
  readonly text: string;
}

/**
 * The lines of `/help`.
 *
 * @param hosts Whether this run hosts. @param topic The command to explain, or all; those for newcomers without.
 */
export function helpLines(hosts: boolean, topic?: SlashCommand | "all"): readonly HelpLine[] {
  if (topic === undefined) {
    const groups = COMMAND_GROUPS.filter(({ hostOnly }) => hosts || !hostOnly);
    const commands = groups.flatMap(({ commands }) => commands).filter(({ newcomer }) => newcomer);
    return helpList([...commands, { usage: "/help all", summary: "lists the rest" }], hosts);
  }
  if (topic === "all") {
    return COMMAND_GROUPS.flatMap(({ commands, heading, hostOnly }, i) => [
      headingLine(hostOnly && !hosts ? `${heading} (only the host can use these)` : heading),
      ...helpList(i === 0 ? [...commands, TWO_SLASHES] : commands, hosts, USAGE_WIDTH),
    ]);
  }
  const more = topic.more === undefined ? [] : [{ term: "", text: topic.more }];
  return [...helpList([topic], hosts), ...more];
}

/** The keys, as `/help all` lists them. */
export const KEYS_HELP: readonly HelpLine[] = [
  headingLine("Keys"),
  ...helpList(
    [
      { usage: "Tab", summary: "completes commands and names" },
      { usage: "Alt-Enter", summary: "breaks a line, as Ctrl-J does" },
      { usage: "Up, Down", summary: "bring back earlier lines" },
      { usage: "Ctrl-R", summary: "searches them; Ctrl-G cancels" },
    ],
    false,
    USAGE_WIDTH,
  ),
];

/** A heading looks different from a command without colors too. */
function headingLine(heading: string): HelpLine {
  return { term: "", text: heading.toUpperCase() };
}

function helpList(commands: readonly Entry[], hosts: boolean, width = widestOf(commands)) {
  return commands.map(({ hostSummary, summary, usage }): HelpLine => ({
    term: `${usage.padEnd(width)} `,
    text: hosts ? hostSummary ?? summary : summary,
  }));
}

/**
 * Parses the text of a message. One that is too long is offered as a file.
 *
 * @param to The only member that receives it.
 * @throws {UsageError} With code `message-too-long` if it is too long and an action.
 */
export function parseMessage(text: string, kind: MessageKind, to?: MemberRef): ParsedLine {
  const size = utf8(text).length;
  if (size > MAX_TEXT_BYTES && kind === "text") {
    return { do: "send-text", text, ...to !== undefined && { to } };
  }
  if (size > MAX_TEXT_BYTES) {
    throw new UsageError(
      "message-too-long",
      `The message is too long: ${size} bytes, and the limit is ${MAX_TEXT_BYTES}`,
      { hint: "Press Up to bring it back and shorten it." },
    );
  }
  return { do: "say", text, kind, ...to !== undefined && { to } };
}

function parsePrivateMessage(
  text: string,
  { expand, members, own }: WholeContext,
): ParsedLine {
  const usage = { usage: "/msg NAME TEXT", quoted: '/msg "bob" hello', own };
  const [to, message] = splitMember(text, members, usage);
  return parseMessage(withText(expand(message), usage.usage, "/msg bob hello"), "text", to);
}

/** Parses paths, and the name of the only receiver after `to`. */
function parseSending(text: string, { files, members, own }: WholeContext): ParsedLine {
  const words = wordsOf(text);
  const usage = { usage: "/send FILE [to NAME]", quoted: '/send notes.txt to "bob"', own };
  const at = words.findLastIndex(isTo);
  const named = at > 0 ? words.slice(0, at) : words;
  if (named.length === 0 || at > 0 && at === words.length - 1) {
    throw new UsageError("missing-value", `Usage: ${usage.usage}`, {
      hint: 'Put quotes around a path with blanks: /send "my notes.txt"',
    });
  }
  const paths = named.map((word) => expandHome(word.text, files));
  if (at <= 0) return { do: "send-file", paths };
  const to = memberNamed(text.slice(words[at + 1]!.start), members, usage);
  return { do: "send-file", paths, to };
}

/** Whether a word separates paths from the name of their receiver. */
export function isTo({ isBare, text }: Word): boolean {
  return isBare && text === "to";
}

/** Parses the number of an offer, or the digits of a fingerprint, which has 30. */
function parseAcceptance(text: string): ParsedLine {
  return /^\d{0,4}$/.test(text.trim())
    ? aboutTransfer("accept-file", "/accept N")(text)
    : { do: "accept", digits: text.trim() };
}

/** Makes the parser of a command about one transfer: its number, or nothing for the only one. */
function aboutTransfer(wish: TransferWish["do"], usage: string): (text: string) => ParsedLine {
  return (text) => text.trim() === "" ? { do: wish } : { do: wish, id: parseNumber(text, usage) };
}

/** @throws {UsageError} With code `no-such-transfer` if it is no number of a transfer. */
function parseNumber(text: string, usage: string): number {
  const id = Number(text);
  if (/^\s*\d{1,9}\s*$/.test(text) && id > 0) return id;
  throw new UsageError("no-such-transfer", `Usage: ${usage}`);
}

/** @throws {UsageError} With code `empty-message` if a command has no text. */
function withText(text: string, usage: string, example: string): string {
  if (text.trim() !== "") return text;
  throw new UsageError("empty-message", `Usage: ${usage}, as in ${example}`, { hint: "" });
}

/** The only sender that `/reply` can mean. */
function onlyOne([first, ...others]: readonly MemberRef[]): MemberRef {
  if (first === undefined) {
    throw new UsageError("no-such-member", "No one has sent you a private message yet", {
      hint: "Type /msg NAME TEXT.",
    });
  }
  if (others.length === 0) return first;
  throw new UsageError(
    "no-such-member",
    `Several members sent you a private message: ${
      [first, ...others].map(({ name }) => name).join(", ")
    }`,
    { hint: "Type /msg NAME TEXT." },
  );
}

function parseNewName(text: string): string {
  const name = text.trim().normalize("NFC");
  const problem = nameProblem(name);
  if (problem === undefined) return name;
  throw new UsageError("bad-name", `Cannot use that name: ${problem}`, {
    hint: "Type 1 to 48 bytes without ':', '#', '\\' or check marks, as in /nick ada.",
  });
}

function parseStatus(text: string): string {
  const status = text.trim();
  const size = utf8(status).length;
  if (size <= MAX_STATUS_BYTES) return status;
  throw new UsageError(
    "message-too-long",
    `The status is too long: ${size} bytes, and the limit is ${MAX_STATUS_BYTES}`,
    { hint: "Shorten it, as in /away lunch." },
  );
}

/** Makes the parser of a command whose only argument is the name of a member. */
function aboutMember(
  wish: "whois" | "ignore" | "unignore" | "kick" | "ban" | "unban",
): SlashCommand["parse"] {
  return (text, { members, own }) => ({
    do: wish,
    name: readName(text, members, { own, usage: `/${wish} NAME` }),
  });
}

/** Parses a name, and the digits of the safety number or `show` after it. */
function parseVerification(text: string, { members, own }: WholeContext): ParsedLine {
  const typed = text.trim();
  if (typed === "") return { do: "verify" };
  // Sessions with the same key and name are the same person; a name in quotes needs an end.
  const people = new Map(members.map((member) => [`${member.key} ${member.name}`, member]));
  const usage = { usage: "/verify NAME", quoted: '/verify "bob"', own };
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
  if (topic === "all") return { do: "help", topic };
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

/**
 * Suggests the commands that a word is a prefix of, or else those with the fewest typing errors, in at most a
 * third of its letters.
 */
function suggestFor(word: string): readonly string[] {
  if (isPrivateElsewhere(word)) return ["/msg"];
  const lower = word.toLowerCase();
  if (QUIT_ELSEWHERE.includes(lower)) return ["/quit"];
  const candidates = [...COMMANDS_BY_WORD].map(([command, { maxSlips = MAX_SLIPS }]) => {
    const isPrefix = command.startsWith(lower) && lower !== "/";
    return { command, maxSlips, slips: isPrefix ? 0 : slipsBetween(lower, command) };
  }).filter(({ maxSlips, slips }) => slips <= Math.min(maxSlips, (lower.length - 1) / 3));
  const fewest = Math.min(...candidates.map(({ slips }) => slips));
  return candidates.filter(({ slips }) => slips === fewest).map(({ command }) => command);
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
