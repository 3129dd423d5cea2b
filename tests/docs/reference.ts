/**
 * The manual page docs/lanchat.1 and docs/OPTIONS.md, from the option table and the registry, and the commands
 * in docs/CHAT.md, from the table of slash commands. `reference_test.ts` compares; `deno task man` writes them.
 *
 * @module
 */
import {
  ALL_OPTIONS,
  COMMON_OPTIONS,
  HELP_OPTION,
  type Option,
  optionsOf,
  type Subcommand,
  SUBCOMMANDS,
  typeOf,
} from "../../lib/cli/options.ts";
import { COMMANDS } from "../../lib/cli/registry.ts";
import { COMMAND_GROUPS } from "../../lib/ui/slash_commands.ts";

/** The date of the manual page's last change. */
const DATE = "November 29, 2026";

/** Environment variables, and what lanchat reads them for. */
const VARIABLES = {
  LANCHAT_INVITE: "The invite link that join uses without an operand.",
  LANCHAT_PASSPHRASE: "The passphrase of a sealed log, if there is no terminal to ask at.",
  LANCHAT_ID_PASSPHRASE: "The passphrase of the identity, if there is no terminal to ask at.",
  LANCHAT_NEW_ID_PASSPHRASE: "The passphrase that id --passphrase sets, if there is no terminal.",
  NO_COLOR: "If set, lanchat uses no colors; --plain also draws nothing twice.",
};

const EXIT_STATUSES = {
  0: "Done.",
  1: "Failed, or a message was not delivered.",
  2: "The command line is wrong; lanchat has done nothing.",
  3: "The host has not the expected key, or has another room than before.",
  130: "Interrupted.",
};

/** The options that the options file must not have. */
const ONLY_TYPED: readonly string[] = ALL_OPTIONS
  .filter(({ commandLineOnly }) => commandLineOnly)
  .map(({ name }) => name);

/** About the options file, in Markdown. */
const FILE_TEXT: readonly string[] = [
  "Options that you always use can stand in a file: one in each line, as you would type it.",
  "",
  "```",
  "# ~/.config/lanchat/options",
  "--name ada",
  "--no-notify",
  "--log /home/ada/chat.log",
  "```",
  "",
  "- The file is `options` in the directory of the identity: `~/.config/lanchat` on Linux",
  "  (`$XDG_CONFIG_HOME/lanchat` if that is set), `~/Library/Application Support/lanchat` on macOS,",
  "  `%APPDATA%\\lanchat` on Windows. `lanchat config` shows its path and what holds from where.",
  "- A value is all that follows on its line, without quotes. Lines that begin with `#` are comments.",
  "- A command ignores the options of other commands. An option that no command has is an error, with",
  "  file and line.",
  "- The command line wins. It undoes an option of the file with `--no-` before its name, as in",
  "  `--no-log`, or without the `no-`, as in `--notify`. A line that an option on the command line",
  "  excludes does not count. `--no-config` ignores the whole file.",
  "- lanchat refuses a file that other users can change.",
  "- Run from source, lanchat reads the file only with `--allow-env --allow-read`. Without them it does",
  "  not ask.",
];

/** What each limit of a host bounds, and what happens beyond it. */
const LIMITS: Readonly<Record<string, readonly [bounds: string, beyond: string]>> = {
  "--max-members": [
    "members in the room, those who are away included",
    "a member who has been away for over 90 s loses their place; if there is none, the room is full",
  ],
  "--max-handshakes": ["people joining at once, and each second", "the next one waits"],
  "--max-per-address": ["those of one address", "the next one waits, and others pass"],
  "--max-waiting": [
    "people waiting to join, for at most 10 s",
    "the host turns away one from the address with the most: `busy`",
  ],
  "--max-queue": ["data kept for a member who is away", "the member loses their place"],
  "--max-memory": ["data kept for all members together", "senders wait"],
  "--max-rate": ["data that one member sends in a second", "that member waits"],
  "--keep-seat": [
    "how long the host keeps the place of a member who is away",
    "the member has left; beyond 90 s, at most 64 places are kept for one network, but through a broker all",
  ],
};

/** About the limits, in Markdown. */
const LIMITS_TEXT: readonly string[] = [
  ...wrapped(
    "A host bounds what strangers and members can use up. People who reach a limit wait; if that takes " +
      "too long, lanchat tells them.",
  ),
  "",
  ...markdownTable(
    ["option", "default", "limits", "beyond it"],
    optionsOf("serve").flatMap((option) => {
      const limit = LIMITS[option.name];
      return limit === undefined ? [] : [[`\`${option.name}\``, defaultOf(option), ...limit]];
    }),
  ),
  "",
  ...wrapped(
    "Without `--max-per-address`, one address gets a quarter of `--max-handshakes`, and the host's own " +
      "machine three quarters. All callers through a broker share what the limit of one address leaves. " +
      "For a connected member at most 1 MiB waits at the host, and 32 KiB of it from one sender; then " +
      "senders wait.",
  ),
];

/** A generated file of docs/, and its text. */
export const REFERENCE: Readonly<Record<string, () => string>> = {
  "lanchat.1": manualPage,
  "OPTIONS.md": optionTables,
  "CHAT.md": () => withCommands(Deno.readTextFileSync(documentOf("CHAT.md"))),
};

/** The address of a file of docs/. */
export function documentOf(name: string): URL {
  return new URL(`../../docs/${name}`, import.meta.url);
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** The numbers that an option accepts, as `1 to 4096 MiB`; empty for other options. */
function rangeOf(option: Option): string {
  const { max = typeOf(option).max, min = 1 } = option;
  return max === undefined ? "" : `${min} to ${withUnit(max, option)}`;
}

/** The default of a number, as `4 MiB`; empty for other options. */
export function defaultOf(option: Option): string {
  return typeof option.default === "number" ? withUnit(option.default, option) : "";
}

function withUnit(value: number, option: Option): string {
  return [value, typeOf(option).symbol].join(" ").trimEnd();
}

/** The manual page in mdoc(7). */
function manualPage(): string {
  return [
    `.Dd ${DATE}`,
    ".Dt LANCHAT 1",
    ".Os",
    ".Sh NAME",
    ".Nm lanchat",
    ".Nd end-to-end encrypted chat for the people on one network",
    ".Sh SYNOPSIS",
    ".Nm lanchat",
    ...SUBCOMMANDS.flatMap((name) => [".Nm lanchat", `.Cm ${name}`, ...operand(name)]),
    ".Sh DESCRIPTION",
    ".Nm",
    "without arguments lets a person choose a room on this network, or host one.",
    "The commands are:",
    ...SUBCOMMANDS.flatMap(command),
    ".Ss Options without a command",
    ...optionList(COMMON_OPTIONS),
    ".Sh ENVIRONMENT",
    ...list("Ev", VARIABLES),
    ".Sh FILES",
    ".Bl -tag -width Ds",
    ".It Pa ~/.config/lanchat/options",
    "Options to use by default: one in each line, as on the command line, which wins.",
    "Lines that begin with # are comments.",
    ".El",
    ".Sh EXIT STATUS",
    ...list("Li", EXIT_STATUSES),
    "",
  ].join("\n");
}

function operand(name: Subcommand): string[] {
  const text = COMMANDS[name].operand;
  return [
    ...text === undefined ? [] : [`.Ar ${roff(text)}`],
    ...optionsOf(name).length === 1 ? [] : [".Op Ar OPTIONS"],
  ];
}

function command(name: Subcommand): string[] {
  const { examples, note, summary } = COMMANDS[name];
  return [
    `.Ss lanchat ${name}`,
    sentence(roff(summary)),
    ...note === undefined ? [] : note.split("\n").map(roff),
    ...optionList(optionsOf(name)),
    ".Pp",
    "Examples:",
    ".Bd -literal -offset indent",
    ...examples.map(roff),
    ".Ed",
  ];
}

function optionList(options: readonly Option[]): string[] {
  const items = options.flatMap((option) => {
    const { excludedBy, name, needs, permission, short, summary } = option;
    const value = typeOf(option).placeholder;
    const [range, initial] = [rangeOf(option), defaultOf(option)];
    return [
      `.It ${short === undefined ? "" : `Fl ${short.slice(1)} , `}Fl ${roff(name.slice(1))}` +
      (value === undefined ? "" : ` Ar ${value}`),
      sentence(roff(summary)),
      ...range === "" ? [] : [`Range: ${range}.`],
      ...initial === "" ? [] : [`Default: ${initial}.`],
      ...excludedBy === undefined ? [] : [`Excluded by ${roff(excludedBy[0])}.`],
      ...needs === undefined ? [] : [`Needs ${roff(needs[0])}.`],
      ...permission === undefined ? [] : [`Permissions from source: ${roff(permission)}.`],
    ];
  });
  return [".Bl -tag -width Ds", ...items, ".El"];
}

function list(macro: string, items: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(items).flatMap(([name, text]) => [
    `.It ${macro} ${name}`,
    roff(text),
  ]);
  return [".Bl -tag -width Ds", ...entries, ".El"];
}

/** Text as roff shows it unchanged. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq")
    .replace(/^\./, "\\&.");
}

/** The tables of all options in Markdown. */
function optionTables(): string {
  return [
    "# Options",
    "",
    "The options of each command. `deno task man` writes this page from the option table,",
    "`lib/cli/options.ts`. A permission is one that lanchat needs beside `--allow-net` when it runs from",
    "source ([PERMISSIONS.md](PERMISSIONS.md)); the compiled binary has all of them.",
    "",
    "## The options file",
    "",
    ...FILE_TEXT,
    "",
    ...wrapped(
      `Only for the command line are ${ONLY_TYPED.map((name) => `\`${name}\``).join(", ")}.`,
    ),
    "",
    ...SUBCOMMANDS.filter((name) => optionsOf(name).length > 1).flatMap((name) => [
      `## lanchat ${name}`,
      "",
      sentence(COMMANDS[name].summary),
      "",
      ...markdownTable(
        ["option", "range", "default", "meaning", "permission"],
        optionsOf(name).filter((option) => option !== HELP_OPTION).map(row),
      ),
      "",
    ]),
    "## All commands",
    "",
    "Every command, and `lanchat` without one, has these:",
    "",
    ...markdownTable(
      ["option", "meaning"],
      COMMON_OPTIONS.map(({ name, short, summary }) => [
        short === undefined ? `\`${name}\`` : `\`${short}\`, \`${name}\``,
        summary,
      ]),
    ),
    "",
    "## Limits of a host",
    "",
    ...LIMITS_TEXT,
    "",
  ].join("\n");
}

/** The document with the current slash commands: one table below each heading of the third level. */
function withCommands(document: string): string {
  const [head] = document.split(/^### /m, 1);
  const groups = COMMAND_GROUPS.flatMap(({ commands, heading }) => [
    `### ${heading}`,
    "",
    ...markdownTable(
      ["command", "what it does", "more"],
      commands.map(({ more = "", summary, usage }) => [
        `\`${usage.replaceAll("|", "\\|")}\``,
        summary,
        more,
      ]),
    ),
    "",
  ]);
  return head + groups.join("\n");
}

/** Lines of at most 100 characters. */
function wrapped(text: string): string[] {
  return [...text.matchAll(/(.{1,100})(?: |$)/g)].map(([, line]) => line!);
}

function row(option: Option): string[] {
  const { name, permission, summary } = option;
  return [
    `\`${[name, typeOf(option).placeholder].filter(Boolean).join(" ")}\``,
    rangeOf(option),
    defaultOf(option),
    summary,
    permission === undefined ? "" : `\`${permission}\``,
  ];
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(REFERENCE)) {
    await Deno.writeTextFile(documentOf(name), text());
  }
}
