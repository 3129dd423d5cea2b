/**
 * The option table. Parsing, the types of the parsed commands, help, completions, the man page and
 * docs/OPTIONS.md come from it. To add an option, add a row and read its key from the command.
 *
 * @module
 */
import { DEFAULT_PORT } from "../address.ts";
import { DEFAULT_LIMITS } from "../relay/mod.ts";
import { DEFAULT_MAX_LOG_BYTES } from "../store/mod.ts";
import { MAX_ROSTER_ENTRIES } from "../wire/mod.ts";

/** The subcommands, in the order of the help. */
export const SUBCOMMANDS = [
  "serve",
  "join",
  "send",
  "scan",
  "doctor",
  "id",
  "peers",
  "log",
  "config",
  "completions",
  "help",
] as const;

/** A subcommand. */
export type Subcommand = typeof SUBCOMMANDS[number];

/** How values of a type are written. */
export interface ValueType {
  /** The word that stands for a value in the help; a flag has none. */
  readonly placeholder?: string;
  /** The unit of a number in the command's property, by its size in the unit as typed. */
  readonly scale?: number;
  /** The symbol of the unit as typed. */
  readonly symbol?: string;
  /** Largest number, in the unit as typed. */
  readonly max?: number;
  /** All values, where they are words. */
  readonly choices?: readonly string[];
}

/** The types of values. */
export const TYPES = {
  flag: {},
  address: { placeholder: "ADDRESS" },
  /** The address of a broker, perhaps with a user. */
  broker: { placeholder: "URL" },
  file: { placeholder: "FILE" },
  directory: { placeholder: "DIR" },
  /** The name of a file, not its path. */
  fileName: { placeholder: "NAME" },
  fingerprint: { placeholder: "FINGERPRINT" },
  name: { placeholder: "NAME" },
  /** A name of another member as it is shown, or its key. */
  member: { placeholder: "NAME" },
  profile: { placeholder: "NAME" },
  port: { placeholder: "PORT", max: 65_535 },
  count: { placeholder: "N" },
  /** Becomes bytes: a number, with a letter for a power of 1000. */
  size: { placeholder: "SIZE" },
  /** The members whose offers are accepted. */
  senders: { placeholder: "WHO", choices: ["verified", "all"] },
  /** Becomes bytes; the runtime's memory does not hold more. */
  mebibytes: { placeholder: "MIB", scale: 1_048_576, symbol: "MiB", max: 4096 },
  /** Becomes milliseconds; the runtime's timers cannot wait longer. */
  seconds: { placeholder: "SECONDS", scale: 1000, symbol: "s", max: 2_147_483 },
  /** Becomes milliseconds. */
  minutes: { placeholder: "MINUTES", scale: 60_000, symbol: "min" },
} as const;

/** The members whose offers are accepted without a question. */
export type Senders = typeof TYPES.senders.choices[number];

/** Another option, and a hint for people who break the rule about it. */
export type OptionRule = readonly [option: string, hint: string];

/** A row of the option table. */
export interface Option {
  /** The property of the parsed command; sizes end in `Bytes` and times in `Ms`. */
  readonly key: string;
  /** The option as typed, with its dashes. */
  readonly name: string;
  /** Its short form, with one dash. */
  readonly short?: string;
  /** The subcommands that have the option. */
  readonly commands: readonly Subcommand[];
  /** The type of its value. */
  readonly type: keyof typeof TYPES;
  /** Smallest number, in the unit as typed; 1 if missing. */
  readonly min?: number;
  /** Largest number, in the unit as typed; that of the type if missing. */
  readonly max?: number;
  /** The value if the option is not given, in the unit as typed; a flag that is `true` is cleared by giving it. */
  readonly default?: number | true;
  /** What the option does, in a few words. */
  readonly summary: string;
  /** The permissions of Deno that the option needs beside `--allow-net`. */
  readonly permission?: string;
  /** An option that excludes this one. */
  readonly excludedBy?: OptionRule;
  /** An option that this one needs. */
  readonly needs?: OptionRule;
  /** Present where the options file must not have it: it is an act, or for one run. */
  readonly commandLineOnly?: true;
}

/** Most members of a room: those of one roster, and its reader. */
const MAX_MEMBERS = MAX_ROSTER_ENTRIES + 1;

/** Longest time for which a seat can be kept, in minutes: a member believes no host that says more. */
const MAX_KEEP_MINUTES = 60;

/** Most callers of each kind: each costs a connection, and many share one thread. */
const MAX_CALLERS = 1024;

/** All options but those that every command has; each command shows its own in this order. */
export const OPTIONS = [
  {
    key: "port",
    name: "--port",
    commands: ["serve", "doctor"],
    type: "port",
    min: 0,
    default: DEFAULT_PORT as number,
    summary: "TCP port to listen on; 0 picks a free one",
  },
  {
    key: "host",
    name: "--host",
    commands: ["serve"],
    type: "address",
    summary: "listen only on this IP address",
  },
  {
    key: "via",
    name: "--via",
    commands: ["serve"],
    type: "broker",
    summary: "let people join through a NATS server as well",
  },
  {
    key: "viaCreds",
    name: "--via-creds",
    commands: ["serve", "join", "send", "doctor"],
    type: "file",
    summary: "credentials file for the NATS server",
    permission: "--allow-read=FILE",
  },
  {
    key: "name",
    name: "--name",
    commands: ["serve", "join", "send"],
    type: "name",
    summary: "your name (default: login name or a made-up one)",
    excludedBy: [
      "--relay-only",
      "With --relay-only the host is not a member and has no name.",
    ],
  },
  {
    key: "invite",
    name: "--invite",
    commands: ["serve"],
    type: "flag",
    summary: "admit only people who have the invite link",
  },
  {
    key: "newRoom",
    name: "--new-room",
    commands: ["serve"],
    type: "flag",
    summary: "start a new room: old invites end, bans stay",
    commandLineOnly: true,
  },
  {
    key: "allow",
    name: "--allow",
    commands: ["serve"],
    type: "file",
    summary: "admit only the fingerprints in this file",
    permission: "--allow-read=FILE",
  },
  {
    key: "room",
    name: "--room",
    commands: ["serve"],
    type: "name",
    summary: "name of the room; the whole network can see it",
    excludedBy: [
      "--no-announce",
      "No one can see the name of a room that is not announced.",
    ],
  },
  {
    key: "announce",
    name: "--no-announce",
    commands: ["serve"],
    type: "flag",
    default: true,
    summary: "do not announce the room; others need its address",
  },
  {
    key: "relayOnly",
    name: "--relay-only",
    commands: ["serve"],
    type: "flag",
    summary: "host the room without being a member",
  },
  {
    key: "hostKey",
    name: "--host-key",
    commands: ["join", "send"],
    type: "fingerprint",
    summary: "require this fingerprint of the host",
  },
  {
    key: "acceptHost",
    name: "--accept-host",
    commands: ["join", "send"],
    type: "fingerprint",
    summary: "require it, even if another host is known",
    commandLineOnly: true,
  },
  {
    key: "timeoutMs",
    name: "--timeout",
    commands: ["scan"],
    type: "seconds",
    default: 3,
    summary: "wait this long for answers",
  },
  {
    key: "timeoutMs",
    name: "--timeout",
    commands: ["doctor"],
    type: "seconds",
    default: 3,
    summary: "time limit for each check",
  },
  {
    key: "passphrase",
    name: "--passphrase",
    commands: ["id"],
    type: "flag",
    summary: "set or change its passphrase",
    commandLineOnly: true,
  },
  {
    key: "noPassphrase",
    name: "--no-passphrase",
    commands: ["id"],
    type: "flag",
    summary: "remove its passphrase",
    commandLineOnly: true,
    excludedBy: ["--passphrase", "Do one, then the other."],
  },
  {
    key: "identity",
    name: "--identity",
    commands: ["serve", "join", "send", "scan", "doctor", "id", "peers"],
    type: "file",
    summary: "identity file; created if missing",
    permission: "--allow-read=DIRECTORY --allow-write=DIRECTORY",
  },
  {
    key: "profile",
    name: "--profile",
    commands: ["serve", "join", "send", "scan", "doctor", "id", "peers"],
    type: "profile",
    summary: "use another identity; created if missing",
    permission: "--allow-env --allow-read --allow-write",
    excludedBy: ["--identity", "Each names an identity: use one of them."],
  },
  {
    key: "yes",
    name: "--yes",
    commands: ["id"],
    type: "flag",
    summary: "replace the identity without asking",
    commandLineOnly: true,
  },
  {
    key: "maxMembers",
    name: "--max-members",
    commands: ["serve"],
    type: "count",
    min: 2,
    max: MAX_MEMBERS as number,
    default: DEFAULT_LIMITS.maxMembers as number,
    summary: "limit of members in the room",
  },
  {
    key: "maxHandshakes",
    name: "--max-handshakes",
    commands: ["serve"],
    type: "count",
    max: MAX_CALLERS as number,
    default: DEFAULT_LIMITS.maxHandshakes as number,
    summary: "limit of joins at once, and per second",
  },
  {
    key: "maxPerAddress",
    name: "--max-per-address",
    commands: ["serve"],
    type: "count",
    max: MAX_CALLERS as number,
    summary: "the same per address (default 8; this machine 24)",
  },
  {
    key: "maxWaiting",
    name: "--max-waiting",
    commands: ["serve"],
    type: "count",
    max: MAX_CALLERS as number,
    default: DEFAULT_LIMITS.maxWaiting as number,
    summary: "limit of callers waiting to join",
  },
  {
    key: "maxQueueBytes",
    name: "--max-queue",
    commands: ["serve"],
    type: "mebibytes",
    default: DEFAULT_LIMITS.maxQueueBytes / TYPES.mebibytes.scale as number,
    summary: "limit of data kept for a disconnected member",
  },
  {
    key: "maxMemoryBytes",
    name: "--max-memory",
    commands: ["serve"],
    type: "mebibytes",
    default: DEFAULT_LIMITS.maxMemoryBytes / TYPES.mebibytes.scale as number,
    summary: "limit of data kept for all members",
  },
  {
    key: "maxRate",
    name: "--max-rate",
    commands: ["serve"],
    type: "mebibytes",
    default: DEFAULT_LIMITS.maxRate / TYPES.mebibytes.scale as number,
    summary: "limit of messages per second from one member",
  },
  {
    key: "keepSeatMs",
    name: "--keep-seat",
    commands: ["serve"],
    type: "minutes",
    min: 0,
    max: MAX_KEEP_MINUTES as number,
    default: DEFAULT_LIMITS.keepSeatMs / TYPES.minutes.scale as number,
    summary: "keep the place of a disconnected member",
  },
  {
    key: "listen",
    name: "--listen",
    commands: ["join"],
    type: "flag",
    summary: "only show messages; ignore input",
    excludedBy: ["--to", "With --listen, lanchat sends nothing."],
  },
  {
    key: "waitMs",
    name: "--wait",
    commands: ["join"],
    type: "seconds",
    min: 0,
    default: 0,
    summary: "pipe: wait this long for another member",
  },
  {
    key: "timeoutMs",
    name: "--timeout",
    commands: ["join"],
    type: "seconds",
    min: 0,
    default: 30,
    summary: "pipe: at the end, wait for the host",
  },
  {
    key: "to",
    name: "--to",
    commands: ["join"],
    type: "member",
    summary: "pipe: send each line only to this member",
    commandLineOnly: true,
    excludedBy: ["--json", 'With --json, write "to" in each message.'],
  },
  {
    key: "to",
    name: "--to",
    commands: ["send"],
    type: "member",
    summary: "offer the files only to this member",
    commandLineOnly: true,
  },
  {
    key: "nameAs",
    name: "--name-as",
    commands: ["send"],
    type: "fileName",
    summary: "name for what comes from standard input",
    commandLineOnly: true,
  },
  {
    key: "waitMs",
    name: "--wait",
    commands: ["send"],
    type: "seconds",
    min: 0,
    default: 0,
    summary: "wait for a member, or for --to",
  },
  {
    key: "timeoutMs",
    name: "--timeout",
    commands: ["send"],
    type: "seconds",
    default: 300,
    summary: "wait this long for people to accept",
  },
  {
    key: "untilDelivered",
    name: "--until-delivered",
    commands: ["join"],
    type: "flag",
    summary: "pipe: wait until delivered to all",
  },
  {
    key: "giveUpMs",
    name: "--give-up-after",
    commands: ["join", "send"],
    type: "seconds",
    summary: "reconnect for this long (pipe: 60; else no limit)",
    excludedBy: [
      "--no-reconnect",
      "With --no-reconnect, lanchat does not try again.",
    ],
  },
  {
    key: "reconnect",
    name: "--no-reconnect",
    commands: ["join", "send"],
    type: "flag",
    default: true,
    summary: "leave when the connection is lost",
  },
  {
    key: "acceptFrom",
    name: "--accept-from",
    commands: ["serve", "join"],
    type: "senders",
    summary: "save files without asking, from verified or all",
    excludedBy: ["--relay-only", "With --relay-only, the host gets no files."],
  },
  {
    key: "downloadDir",
    name: "--download-dir",
    commands: ["serve", "join"],
    type: "directory",
    summary: "save files there (Downloads/lanchat or ./lanchat)",
    permission: "--allow-read=DIR --allow-write=DIR",
    excludedBy: ["--relay-only", "With --relay-only, the host gets no files."],
  },
  {
    key: "maxFileBytes",
    name: "--max-file",
    commands: ["serve", "join"],
    type: "size",
    summary: "refuse larger offers, as in 100M or 2G",
    excludedBy: ["--relay-only", "With --relay-only, the host gets no files."],
  },
  {
    key: "log",
    name: "--log",
    commands: ["serve", "join"],
    type: "file",
    summary: "append messages and notices to this file",
    permission: "--allow-read=FILE --allow-write=FILE",
  },
  {
    key: "logEncrypted",
    name: "--log-encrypted",
    commands: ["serve", "join"],
    type: "flag",
    summary: "encrypt the log under a passphrase",
    needs: ["--log", "Name the file: --log friday.log"],
  },
  {
    key: "maxLogBytes",
    name: "--log-max",
    commands: ["serve", "join"],
    type: "mebibytes",
    default: DEFAULT_MAX_LOG_BYTES / TYPES.mebibytes.scale as number,
    summary: "move the log to FILE.1 at this size",
    permission: "--allow-read=FILE.1 --allow-write=FILE.1",
    needs: ["--log", "Name the file: --log friday.log"],
  },
  {
    key: "plain",
    name: "--plain",
    commands: ["serve", "join", "send"],
    type: "flag",
    summary: "plain lines: no colors, no redrawing",
    excludedBy: [
      "--json",
      "JSON Lines have no colors and are never redrawn.",
    ],
  },
  {
    key: "quiet",
    name: "--quiet",
    commands: ["serve", "join", "send"],
    type: "flag",
    summary: "hide joins and leaves; in a pipe, all notices",
    excludedBy: ["--json", "With --json, ignore the events that you don't need."],
  },
  {
    key: "notify",
    name: "--no-notify",
    commands: ["serve", "join"],
    type: "flag",
    default: true,
    summary: "no bell and no desktop notification",
  },
  {
    key: "title",
    name: "--no-title",
    commands: ["serve", "join"],
    type: "flag",
    default: true,
    summary: "do not change the window title",
  },
  {
    key: "json",
    name: "--json",
    commands: ["serve", "join"],
    type: "flag",
    summary: "read and write JSON Lines",
  },
  {
    key: "json",
    name: "--json",
    commands: ["send", "scan", "doctor", "id", "peers", "config"],
    type: "flag",
    summary: "write JSON Lines",
  },
] as const;

/** An option of every command. */
export const HELP_OPTION: Option = {
  key: "help",
  name: "--help",
  short: "-h",
  commands: SUBCOMMANDS,
  type: "flag",
  summary: "show this help",
  commandLineOnly: true,
};

/** An option of every command. */
export const NO_CONFIG_OPTION: Option = {
  key: "noConfig",
  name: "--no-config",
  commands: SUBCOMMANDS,
  type: "flag",
  summary: "ignore the options file",
  commandLineOnly: true,
};

/** The options that every command has, and lanchat without a command. */
export const COMMON_OPTIONS: readonly Option[] = [HELP_OPTION, NO_CONFIG_OPTION, {
  key: "version",
  name: "--version",
  short: "-V",
  commands: SUBCOMMANDS,
  type: "flag",
  summary: "show the version",
  commandLineOnly: true,
}];

/** Every row of the table, with its type checked. */
export const ALL_OPTIONS: readonly Option[] = [...COMMON_OPTIONS, ...OPTIONS];

/** The options of a subcommand, in the order of its help. */
export function optionsOf(subcommand: Subcommand): readonly Option[] {
  const rows: readonly Option[] = OPTIONS;
  return [...rows.filter(({ commands }) => commands.includes(subcommand)), HELP_OPTION];
}

/** What undoes, on the command line, an option of the options file: `--no-quiet`, or `--announce`. */
export function oppositeOf({ name }: Option): string {
  return name.startsWith("--no-") ? `--${name.slice(5)}` : `--no-${name.slice(2)}`;
}

/** The type of an option's value. */
export function typeOf({ type }: Option): ValueType {
  return TYPES[type];
}

/** A few words about an option, and its default. */
export function describe({ default: value, summary }: Option): string {
  return typeof value === "number" ? `${summary} (default ${value})` : summary;
}

/** A row of {@linkcode OPTIONS} that a subcommand has. */
export type RowOf<Name extends Subcommand, Row = typeof OPTIONS[number]> = Row extends
  { readonly commands: readonly (infer Command)[] } ? Name extends Command ? Row : never
  : never;

/** The type of an option's value; `undefined` where it is not given and has no default. */
export type ValueOf<Row> = Row extends { readonly type: "flag" } ? boolean
  : Row extends { readonly default: number } ? number
  : Row extends { readonly type: "count" | "mebibytes" | "seconds" | "minutes" | "size" }
    ? number | undefined
  : Row extends { readonly type: "senders" } ? Senders | undefined
  : string | undefined;

/** The values of a subcommand's options, by their keys. */
export type OptionValues<Name extends Subcommand> = {
  readonly [Row in RowOf<Name> as Row["key"]]: ValueOf<Row>;
};

/** A parsed subcommand without its operands. */
export type Parsed<Name extends Subcommand> = { readonly kind: Name } & OptionValues<Name>;
