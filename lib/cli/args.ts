import { levenshteinDistance as stdLevenshteinDistance } from "@std/text/levenshtein-distance";
import { CODES, quote, UsageError } from "../errors.ts";
import {
  DEFAULT_PORT,
  type HostPort,
  isAddress,
  isInvite,
  parseHostPort,
  parsePort,
  requireScope,
} from "../net/mod.ts";
import { DEFAULT_LIMITS, type Limits } from "../relay/mod.ts";
import { DEFAULT_MAX_LOG_BYTES } from "../store/mod.ts";
import { MAX_ROSTER_ENTRIES, nameProblem } from "../wire/mod.ts";
import {
  COMMANDS,
  COMMON_OPTIONS,
  FILE_ACTIONS,
  ID_ACTIONS,
  type Option,
  PEER_ACTIONS,
  type Shell,
  SHELLS,
  type Subcommand,
  SUBCOMMANDS,
} from "./options.ts";

/** `lanchat serve` hosts a room. */
export interface ServeCommand {
  /** Tells the commands apart. */
  readonly kind: "serve";
  /** The TCP port to listen on; 0 for a free one. */
  readonly port: number;
  /** The one IP address to listen on; all of them if missing. */
  readonly host?: string | undefined;
  /** The room's name, for everybody on the network; none if missing. */
  readonly room?: string | undefined;
  /** Whether the room is announced on the network. */
  readonly announce: boolean;
  /** The host's name as a member; a default one if missing. */
  readonly name?: string | undefined;
  /** The identity file; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
  /** What the host bounds. */
  readonly limits: Limits;
  /** Whether the room is for whoever has its invite. */
  readonly invite: boolean;
  /** Whether it is another room than before. */
  readonly newRoom: boolean;
  /** The file with the fingerprints of those who may enter; all may if missing. */
  readonly allow?: string | undefined;
  /** Whether the host is no member of the room. */
  readonly relayOnly: boolean;
  /** Whether both directions are JSON Lines. */
  readonly json: boolean;
  /** Whether everything is a plain line: nothing is drawn anew, nothing has a colour. */
  readonly plain: boolean;
  /** Whether a bell or a notification of the desktop tells of what comes. */
  readonly notify: boolean;
  /** The file to which all that is shown is appended; none if missing. */
  readonly log?: string | undefined;
  /** Whether that file is sealed under a passphrase. */
  readonly logEncrypted: boolean;
  /** Its largest size, in bytes. */
  readonly maxLogBytes: number;
}

/** `lanchat join` enters a room. */
export interface JoinCommand {
  /** Tells the commands apart. */
  readonly kind: "join";
  /** The IP address or name of the host; missing where an invite says it, or the room is yet to be found. */
  readonly host?: string | undefined;
  /** The TCP port of the host. */
  readonly port: number;
  /** An invite link as it was typed, or `-` for one that is not to be seen by others. */
  readonly link?: string | undefined;
  /** The member's name; a default one if missing. */
  readonly name?: string | undefined;
  /** The identity file; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
  /** The 30 digits of the only host that is acceptable; any host if missing. */
  readonly hostKey?: string | undefined;
  /** The 30 digits of the only host that is acceptable, even where another one is known there. */
  readonly acceptHost?: string | undefined;
  /** How long messages wait for the first other member, in seconds. */
  readonly waitSeconds: number;
  /** How long the end waits for what is not sent yet, in seconds. */
  readonly timeoutSeconds: number;
  /** Whether the end waits until everybody has what was sent. */
  readonly untilDelivered: boolean;
  /** Whether a lost connection is made again. */
  readonly reconnect: boolean;
  /** How long that is tried, in seconds; `undefined` leaves it to where input comes from. */
  readonly giveUpSeconds?: number | undefined;
  /** Whether input is ignored. */
  readonly listen: boolean;
  /** Whether both directions are JSON Lines. */
  readonly json: boolean;
  /** Whether everything is a plain line: nothing is drawn anew, nothing has a colour. */
  readonly plain: boolean;
  /** Whether a bell or a notification of the desktop tells of what comes. */
  readonly notify: boolean;
  /** The file to which all that is shown is appended; none if missing. */
  readonly log?: string | undefined;
  /** Whether that file is sealed under a passphrase. */
  readonly logEncrypted: boolean;
  /** Its largest size, in bytes. */
  readonly maxLogBytes: number;
}

/** `lanchat scan` lists the rooms on the network. */
export interface ScanCommand {
  /** Tells the commands apart. */
  readonly kind: "scan";
  /** How long answers are waited for, in seconds. */
  readonly timeoutSeconds: number;
  /** The identity file, whose known peers are marked; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
  /** Whether the list is JSON Lines. */
  readonly json: boolean;
}

/** No arguments at all: a person chooses what to do. */
export interface StartCommand {
  /** Tells the commands apart. */
  readonly kind: "start";
}

/** `lanchat doctor` finds out what keeps people apart. */
export interface DoctorCommand {
  /** Tells the commands apart. */
  readonly kind: "doctor";
  /** The host that cannot be joined; only this machine is looked at if missing. */
  readonly target?: HostPort | undefined;
  /** The TCP port on which this machine would host; 0 for a free one. */
  readonly port: number;
  /** How long each check may take, in seconds. */
  readonly timeoutSeconds: number;
  /** The identity file; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
  /** Whether the answers are JSON Lines. */
  readonly json: boolean;
}

/** `lanchat id` shows an identity, or does something to it. */
export interface IdCommand {
  /** Tells the commands apart. */
  readonly kind: "id";
  /** What is done before it is shown. */
  readonly action: "show" | "protect" | "unprotect" | "new" | "export" | "import";
  /** The path of the copy that is written or read. */
  readonly file?: string | undefined;
  /** The identity file; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
  /** Whether nobody is asked before an identity goes. */
  readonly yes: boolean;
  /** Whether the answer is JSON Lines. */
  readonly json: boolean;
}

/** `lanchat peers` shows known peers, or does something to them. */
export interface PeersCommand {
  /** Tells the commands apart. */
  readonly kind: "peers";
  /** What is done. */
  readonly action: "list" | "forget" | "export" | "import";
  /** The name, tag or fingerprint of one to forget. */
  readonly who?: string | undefined;
  /** The path that is written or read; standard output if missing. */
  readonly file?: string | undefined;
  /** The identity file; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
  /** Whether the answer is JSON Lines. */
  readonly json: boolean;
}

/** `lanchat log` prints a log. */
export interface LogCommand {
  /** Tells the commands apart. */
  readonly kind: "log";
  /** The path of the log. */
  readonly file: string;
}

/** `lanchat completions` prints a script for a shell. */
export interface CompletionsCommand {
  /** Tells the commands apart. */
  readonly kind: "completions";
  /** The shell that runs it. */
  readonly shell: Shell;
}

/** `--help`, of lanchat as a whole or of a subcommand. */
export interface HelpCommand {
  /** Tells the commands apart. */
  readonly kind: "help";
  /** The subcommand that needs explaining; lanchat as a whole if missing. */
  readonly topic?: Subcommand | undefined;
}

/** `--version`. */
export interface VersionCommand {
  /** Tells the commands apart. */
  readonly kind: "version";
}

/** What a command line asks for. */
export type Command =
  | ServeCommand
  | JoinCommand
  | ScanCommand
  | StartCommand
  | DoctorCommand
  | IdCommand
  | PeersCommand
  | LogCommand
  | CompletionsCommand
  | HelpCommand
  | VersionCommand;

/** In place of an invite link: it comes from standard input. */
export const STANDARD_INPUT = "-";

const levenshteinDistance: (a: string, b: string) => number = stdLevenshteinDistance;

const ALL_OPTIONS: readonly Option[] = [
  ...COMMON_OPTIONS,
  ...SUBCOMMANDS.flatMap((subcommand) => COMMANDS[subcommand].options),
];

/** Options that have no value. */
const FLAGS: ReadonlySet<string> = new Set(
  ALL_OPTIONS.filter(({ value }) => value === undefined).map(({ name }) => name),
);

/** A name that is the same in every file system. */
const PROFILE_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Most members of a room: those of one roster, and its reader. */
const MAX_MEMBERS = MAX_ROSTER_ENTRIES + 1;

/** Longest time for which a seat can be kept, in minutes: a member believes no host that says more. */
const MAX_KEEP_MINUTES = 60;

const MS_PER_MINUTE = 60_000;

/** Most callers of each kind: each costs a connection, and many share one thread. */
const MAX_CALLERS = 1024;

const BYTES_PER_MIB: number = 1 << 20;

/** Most mebibytes: more than that the runtime's memory does not hold. */
const MAX_MIB = 4096;

/** Most seconds that a timer waits. */
const MAX_SECONDS = 2_147_483;

const DEFAULT_WAIT_SECONDS = 0;
const DEFAULT_TIMEOUT_SECONDS = 30;
const DEFAULT_SCAN_SECONDS = 3;
const DEFAULT_CHECK_SECONDS = 3;

/**
 * Reads a command line; nothing is tried yet.
 *
 * @param args The arguments after the program's name.
 * @throws {UsageError} If they do not say exactly what to do.
 *
 * @example Join
 * ```ts
 * import { parseCommandLine } from "./args.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const command = parseCommandLine(["join", "192.168.1.5", "--name", "ada"]);
 * assertEquals(command.kind === "join" && command.port, 12345);
 * ```
 */
export function parseCommandLine(args: readonly string[]): Command {
  if (args.length === 0) return { kind: "start" };
  const { words: [word, ...words], options } = split(args);
  const subcommand = SUBCOMMANDS.find((subcommand) => subcommand === word);
  const values = collect(options, subcommand);
  if (word !== undefined && subcommand === undefined) throw unknownSubcommand(word);
  if (values.has("--help")) return { kind: "help", topic: subcommand };
  if (values.has("--version")) return { kind: "version" };
  if (subcommand === undefined) {
    throw new UsageError("unknown-subcommand", "Cannot start as no command is given", {
      hint: "Host a room with 'lanchat serve', or enter one with 'lanchat join ADDRESS'.",
    });
  }
  switch (subcommand) {
    case "serve":
      return serve(words, values);
    case "join":
      return join(words, values);
    case "scan":
      return scan(words, values);
    case "doctor":
      return doctor(words, values);
    case "id":
      return id(words, values);
    case "peers":
      return peers(words, values);
    case "log":
      return log(words);
    case "completions":
      return completions(words);
  }
}

/** Whether a command line asks for JSON, however wrong the rest of it is. */
export function wantsJson(args: readonly string[]): boolean {
  return split(args).options.some(([option]) => option === "--json");
}

type Options = [option: string, value: string | undefined][];
type Values = ReadonlyMap<string, string>;

/** Tells words from options, and gives each option its value; what begins with a dash is no value. */
function split(args: readonly string[]): { words: string[]; options: Options } {
  const words: string[] = [];
  const options: Options = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return { words: words.concat(args.slice(i + 1)), options };
    const [, option, value] = /^(-[^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (option === undefined) words.push(arg);
    else if (value !== undefined || FLAGS.has(option) || !names(ALL_OPTIONS).includes(option)) {
      options.push([option, value]);
    } else {
      const next = args[i + 1]?.startsWith("-") ? undefined : args[++i];
      options.push([option, next]);
    }
  }
  return { words, options };
}

/** The value of each option, once it is known to be allowed, single and complete. */
function collect(options: Options, subcommand: Subcommand | undefined): Values {
  const allowed = names(
    subcommand ? [...COMMON_OPTIONS, ...COMMANDS[subcommand].options] : ALL_OPTIONS,
  );
  const values = new Map<string, string>();
  for (const [option, value] of options) {
    if (!allowed.includes(option)) throw unknownOption(option, allowed, subcommand);
    if (values.has(option)) {
      throw new UsageError("repeated-option", `Cannot use ${option} more than once`);
    }
    if (FLAGS.has(option)) {
      if (value !== undefined) {
        throw new UsageError("surplus-argument", `Cannot give ${option} a value`, {
          hint: `Write ${option} alone, or leave it out.`,
        });
      }
    } else if (!value) {
      throw new UsageError("missing-value", `Cannot use ${option} without a value`);
    }
    values.set(option, value ?? "");
  }
  return values;
}

function names(options: readonly Option[]): string[] {
  return options.map(({ name }) => name);
}

function serve(words: string[], values: Values): ServeCommand {
  refuseSurplus("serve", words);
  const announce = !values.has("--no-announce");
  if (!announce && values.has("--room")) {
    throw new UsageError("surplus-argument", "Cannot use --room with --no-announce", {
      hint: "Leave out one of them: a room that is not announced shows its name to nobody.",
    });
  }
  const relayOnly = values.has("--relay-only");
  if (relayOnly && values.has("--name")) {
    throw new UsageError("surplus-argument", "Cannot use --name with --relay-only", {
      hint: "Leave out one of them: with --relay-only the host is no member and has no name.",
    });
  }
  return {
    kind: "serve",
    port: listenPort(values),
    host: listenAddress(values),
    room: nameOf(values, "--room"),
    announce,
    name: nameOf(values, "--name"),
    ...whose(values),
    limits: limits(values),
    invite: values.has("--invite"),
    newRoom: values.has("--new-room"),
    allow: values.get("--allow"),
    relayOnly,
    ...display(values),
  };
}

function join([where, ...words]: string[], values: Values): JoinCommand {
  const isPort = /^\d{1,5}$/.test(words[0] ?? "");
  const hint = "Write the port after the address and a colon, as in 192.168.1.5:12345.";
  refuseSurplus("join", words, isPort ? hint : undefined);
  const reconnect = !values.has("--no-reconnect");
  if (!reconnect && values.has("--give-up-after")) {
    throw new UsageError("surplus-argument", "Cannot use --give-up-after with --no-reconnect", {
      hint: "Leave out one of them: with --no-reconnect nothing is tried again.",
    });
  }
  return {
    kind: "join",
    ...destination(where),
    name: nameOf(values, "--name"),
    ...whose(values),
    hostKey: fingerprintOf(values, "--host-key"),
    acceptHost: fingerprintOf(values, "--accept-host"),
    waitSeconds: integer(values, "--wait", 0, MAX_SECONDS) ?? DEFAULT_WAIT_SECONDS,
    timeoutSeconds: integer(values, "--timeout", 0, MAX_SECONDS) ?? DEFAULT_TIMEOUT_SECONDS,
    untilDelivered: values.has("--until-delivered"),
    reconnect,
    giveUpSeconds: integer(values, "--give-up-after", 1, MAX_SECONDS),
    listen: values.has("--listen"),
    ...display(values),
  };
}

function scan(words: string[], values: Values): ScanCommand {
  refuseSurplus(
    "scan",
    words,
    "It lists all rooms on this network. For one host: lanchat join ADDRESS, or lanchat doctor ADDRESS.",
  );
  return {
    kind: "scan",
    timeoutSeconds: integer(values, "--timeout", 1, MAX_SECONDS) ?? DEFAULT_SCAN_SECONDS,
    ...whose(values),
    json: values.has("--json"),
  };
}

function doctor([address, ...words]: string[], values: Values): DoctorCommand {
  refuseSurplus("doctor", words);
  return {
    kind: "doctor",
    target: address === undefined ? undefined : parseHostPort(address, DEFAULT_PORT),
    port: listenPort(values),
    timeoutSeconds: integer(values, "--timeout", 1, MAX_SECONDS) ?? DEFAULT_CHECK_SECONDS,
    ...whose(values),
    json: values.has("--json"),
  };
}

function id([word, file, ...words]: string[], values: Values): IdCommand {
  const changes = ["--passphrase", "--no-passphrase"].filter((option) => values.has(option));
  const [change, surplus] = [...word === undefined ? [] : [`lanchat id ${word}`], ...changes];
  if (surplus !== undefined) {
    throw new UsageError("surplus-argument", `Cannot use ${surplus} with ${change}`, {
      hint: "Do one after the other.",
    });
  }
  const action = word !== undefined
    ? actionOf("id", word, ID_ACTIONS)
    : changes.length === 0
    ? "show"
    : values.has("--passphrase")
    ? "protect"
    : "unprotect";
  const takesFile = FILE_ACTIONS.includes(action);
  if (takesFile && file === undefined) throw withoutFile(`id ${action}`, "backup.json");
  refuseSurplus(`id ${word}`, takesFile || file === undefined ? words : [file]);
  const yes = values.has("--yes");
  return { kind: "id", action, file, ...whose(values), yes, json: values.has("--json") };
}

function peers([word, operand, ...words]: string[], values: Values): PeersCommand {
  const action = word === undefined ? "list" : actionOf("peers", word, PEER_ACTIONS);
  if (action === "forget" && operand === undefined) {
    throw new UsageError("missing-value", "Cannot forget as nobody is named", {
      hint: "Give a name, a tag or a fingerprint, as in: lanchat peers forget bob",
    });
  }
  if (action === "import" && operand === undefined) {
    throw withoutFile("peers import", "peers.jsonl");
  }
  refuseSurplus(`peers ${word}`, words);
  const [who, file] = action === "forget" ? [operand, undefined] : [undefined, operand];
  return { kind: "peers", action, who, file, ...whose(values), json: values.has("--json") };
}

/** One of the words that may follow a command. */
function actionOf<Action extends string>(
  subcommand: Subcommand,
  word: string,
  actions: readonly Action[],
): Action {
  const action = actions.find((action) => action === word);
  if (action !== undefined) return action;
  const message = `Cannot run lanchat ${subcommand} ${quote(word)} as there is no such thing`;
  throw new UsageError("unknown-subcommand", message, {
    hint: `Run 'lanchat ${subcommand} --help' for what there is.`,
    ...suggestion(word, actions),
  });
}

function withoutFile(command: string, example: string): UsageError {
  return new UsageError("missing-value", `Cannot run lanchat ${command} as no file is given`, {
    hint: `Give one, as in: lanchat ${command} ${example}`,
  });
}

/** Whose identity it is. */
function whose(values: Values): { identity?: string | undefined; profile?: string | undefined } {
  const identity = values.get("--identity");
  const profile = values.get("--profile");
  if (identity !== undefined && profile !== undefined) {
    throw new UsageError("surplus-argument", "Cannot use --profile with --identity", {
      hint: "Leave out one of them: each names an identity.",
    });
  }
  if (profile === undefined || PROFILE_NAME.test(profile)) return { identity, profile };
  throw new UsageError("bad-name", `Cannot use --profile ${quote(profile)}`, {
    hint: "Use 1 to 32 of a-z, 0-9, _ and -, the first of them a letter or digit, as in work.",
  });
}

/** Where the host is, or the link that says it. */
function destination(where: string | undefined): Pick<JoinCommand, "host" | "port" | "link"> {
  if (where === undefined) return { port: DEFAULT_PORT };
  if (where === STANDARD_INPUT || isInvite(where)) return { port: DEFAULT_PORT, link: where };
  return parseHostPort(where, DEFAULT_PORT);
}

function log([file, ...words]: string[]): LogCommand {
  if (file === undefined) {
    throw new UsageError("missing-value", "Cannot print a log as no file is given", {
      hint: "Give the file that --log has made, as in: lanchat log friday.log",
    });
  }
  refuseSurplus("log", words);
  return { kind: "log", file };
}

function completions([word, ...words]: string[]): CompletionsCommand {
  if (word === undefined) {
    throw new UsageError("missing-value", "Cannot complete as no shell is given", {
      hint: CODES["unknown-shell"].hint,
    });
  }
  const shell = SHELLS.find((shell) => shell === word);
  if (shell === undefined) {
    const message = `Cannot complete in ${quote(word)} as lanchat does not know this shell`;
    throw new UsageError("unknown-shell", message);
  }
  refuseSurplus("completions", words);
  return { kind: "completions", shell };
}

type Display = Pick<
  ServeCommand,
  "json" | "plain" | "notify" | "log" | "logEncrypted" | "maxLogBytes"
>;

function display(values: Values): Display {
  const json = values.has("--json");
  const plain = values.has("--plain");
  if (json && plain) {
    throw new UsageError("surplus-argument", "Cannot use --plain with --json", {
      hint: "Leave out one of them: JSON Lines are never drawn anew, and have no colours.",
    });
  }
  const log = values.get("--log");
  const logOption = ["--log-encrypted", "--log-max"].find((option) => values.has(option));
  if (logOption !== undefined && log === undefined) {
    throw new UsageError("missing-value", `Cannot use ${logOption} without --log`, {
      hint: "Name the file, as in --log friday.log.",
    });
  }
  return {
    json,
    plain,
    notify: !values.has("--no-notify"),
    log,
    logEncrypted: values.has("--log-encrypted"),
    maxLogBytes: mebibytes(values, "--log-max") ?? DEFAULT_MAX_LOG_BYTES,
  };
}

function limits(values: Values): Limits {
  const callers = (option: string): number | undefined => integer(values, option, 1, MAX_CALLERS);
  const bytes = (option: string): number | undefined => mebibytes(values, option);
  const standard = DEFAULT_LIMITS;
  return {
    maxMembers: integer(values, "--max-members", 2, MAX_MEMBERS) ?? standard.maxMembers,
    maxHandshakes: callers("--max-handshakes") ?? standard.maxHandshakes,
    maxPerAddress: callers("--max-per-address") ?? standard.maxPerAddress,
    maxWaiting: callers("--max-waiting") ?? standard.maxWaiting,
    maxQueueBytes: bytes("--max-queue") ?? standard.maxQueueBytes,
    maxMemoryBytes: bytes("--max-memory") ?? standard.maxMemoryBytes,
    maxRate: bytes("--max-rate") ?? standard.maxRate,
    keepSeatMs: keepSeatMs(values) ?? standard.keepSeatMs,
  };
}

function keepSeatMs(values: Values): number | undefined {
  const minutes = integer(values, "--keep-seat", 0, MAX_KEEP_MINUTES);
  return minutes === undefined ? undefined : minutes * MS_PER_MINUTE;
}

/** A number of mebibytes, in bytes. */
function mebibytes(values: Values, option: string): number | undefined {
  const count = integer(values, option, 1, MAX_MIB);
  return count && count * BYTES_PER_MIB;
}

function listenPort(values: Values): number {
  return parsePort(values.get("--port") ?? `${DEFAULT_PORT}`, 0);
}

function listenAddress(values: Values): string | undefined {
  const address = values.get("--host");
  if (address === undefined) return undefined;
  if (isAddress(address)) {
    requireScope(address);
    return address;
  }
  const message = `Cannot use --host ${quote(address)} as it is no IP address`;
  throw new UsageError("bad-address", message, {
    hint: "Give an IP address of this machine without a port, as in --host 192.168.1.5.",
  });
}

function nameOf(values: Values, option: string): string | undefined {
  // A keyboard or a file system may give a letter and its accent apart.
  const name = values.get(option)?.normalize("NFC");
  const problem = name === undefined ? undefined : nameProblem(name);
  if (problem === undefined) return name;
  throw new UsageError("bad-name", `Cannot use ${option} ${quote(name!)} as ${problem}`);
}

function fingerprintOf(values: Values, option: string): string | undefined {
  const text = values.get(option);
  const digits = text?.replaceAll(/[\s-]/g, "");
  if (digits === undefined || /^\d{30}$/.test(digits)) return digits;
  const message = `Cannot use ${option} ${quote(text!)} as it has not 30 digits`;
  throw new UsageError("bad-fingerprint", message);
}

function integer(
  values: Values,
  option: string,
  minimum: number,
  maximum: number,
): number | undefined {
  const text = values.get(option);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
  throw new UsageError("bad-number", `Cannot use ${option} ${quote(text)}`, {
    hint: `Give a whole number from ${minimum} to ${maximum}.`,
  });
}

function refuseSurplus(subcommand: string, [word]: string[], hint?: string): void {
  if (word === undefined) return;
  const message = `Cannot use ${quote(word)} with lanchat ${subcommand}`;
  throw new UsageError("surplus-argument", message, hint === undefined ? {} : { hint });
}

function unknownSubcommand(word: string): UsageError {
  const message = `Cannot run ${quote(word)} as lanchat has no such command`;
  return new UsageError("unknown-subcommand", message, suggestion(word, SUBCOMMANDS));
}

function unknownOption(
  option: string,
  candidates: readonly string[],
  subcommand: Subcommand | undefined,
): UsageError {
  const program = subcommand ? `lanchat ${subcommand}` : "lanchat";
  const message = `Cannot use ${quote(option)} as ${program} has no such option`;
  return new UsageError("unknown-option", message, suggestion(option, candidates));
}

/** What was probably meant: the nearest candidate, if it is a slip or two away, and not all of it. */
function suggestion(word: string, candidates: readonly string[]): { hint?: string } {
  const ranked = candidates.map((candidate) => ({
    candidate,
    slips: levenshteinDistance(word.toLowerCase(), candidate),
  }));
  const { candidate, slips } = ranked.reduce((best, other) =>
    other.slips < best.slips ? other : best
  );
  return slips <= Math.min(2, candidate.length / 2) ? { hint: `Did you mean ${candidate}?` } : {};
}
