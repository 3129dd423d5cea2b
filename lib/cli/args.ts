/**
 * Parses the command line: splits it, checks it against the option table, and reads each value.
 *
 * @module
 */
import { isAddress, parsePort, requireScope } from "../address.ts";
import { isBrokerAddress, parseBrokerAddress } from "../broker_address.ts";
import { parseArgs } from "@std/cli/parse-args";
import { readFingerprint } from "../crypto/mod.ts";
import { quote, UsageError } from "../errors.ts";
import { nameProblem } from "../wire/mod.ts";
import { type ConfigCommand, configTopic } from "./commands/config.ts";
import { refuseSurplus, subcommandOf, suggestion } from "./operands.ts";
import {
  ALL_OPTIONS,
  COMMON_OPTIONS,
  HELP_OPTION,
  NO_CONFIG_OPTION,
  oppositeOf,
  type Option,
  optionsOf,
  type Subcommand,
  SUBCOMMANDS,
  typeOf,
} from "./options.ts";
import {
  atLine,
  type GivenOption,
  NO_OPTIONS_FILE,
  type OptionsFile,
  withDefaults,
} from "./options_file.ts";
import { type Command, COMMANDS } from "./registry.ts";

/** A profile is a file's name: these characters are the same in every file system. */
const PROFILE_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/**
 * Separates a flag from a following `true` or `false`, which parseArgs would read as the flag's value. An
 * argument of a program cannot contain a NUL.
 */
const SEPARATOR = "--\0=";

const isFlag = ({ type }: Option): boolean => type === "flag";

/** The name of each flag by its long and its short form. */
const FLAGS: ReadonlyMap<string, string> = new Map(
  ALL_OPTIONS.filter(isFlag).flatMap(({ name, short }) => [[name, name], [short ?? name, name]]),
);

/** The option that each of these undoes: one of the options file. */
const UNDOES: ReadonlyMap<string, string> = new Map(
  ALL_OPTIONS.filter(({ commandLineOnly }) => !commandLineOnly)
    .map((option) => [oppositeOf(option), option.name]),
);

/**
 * Parses a command line.
 *
 * @param args The arguments after the program's name.
 * @param stored The options file.
 * @throws {UsageError} If they are incomplete, contradictory or unknown.
 * @throws {LanchatError} If the options file is needed and faulty.
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
export function parseCommandLine(
  args: readonly string[],
  stored: OptionsFile = NO_OPTIONS_FILE,
): Command {
  const line = split(args);
  const file = line.given.has(NO_CONFIG_OPTION.name) ? NO_OPTIONS_FILE : stored;
  if (args.every((arg) => arg === NO_CONFIG_OPTION.name)) return { kind: "start", file };
  const [word, ...words] = line.words;
  const kind = SUBCOMMANDS.find((subcommand) => subcommand === word);
  const topic = SUBCOMMANDS.find((name) => kind === "config" && name === words[0]);
  const allowed = kind === undefined
    ? ALL_OPTIONS
    : [...optionsOf(kind), ...topic === undefined ? [] : optionsOf(topic), ...COMMON_OPTIONS];
  const texts = textsOf(line, allowed, kind);
  if (word !== undefined) subcommandOf(word);
  if (texts.has("--help")) return { kind: "help", topic: kind };
  if (texts.has("--version")) return { kind: "version" };
  if (kind === undefined) {
    throw new UsageError("unknown-subcommand", "No command is given", {
      hint: "Host a room with 'lanchat serve', or join one with 'lanchat join ADDRESS'.",
    });
  }
  if (kind === "config") {
    return configCommand(configTopic(words), { texts, undone: line.undone, file });
  }
  const { operands } = COMMANDS[kind];
  if (operands === undefined) refuseSurplus(kind, words);
  const values = operands?.(words, [...texts.keys()]);
  const given = withDefaults(kind, texts, line.undone, file);
  return { kind, ...valuesOf(kind, given, file), ...values } as Command;
}

/** The command that shows what holds for a topic, or the whole file; all of its lines are checked then. */
function configCommand(
  topic: Subcommand | undefined,
  { file, texts, undone }: {
    readonly texts: ReadonlyMap<string, string>;
    readonly undone: readonly string[];
    readonly file: OptionsFile;
  },
): ConfigCommand {
  const json = texts.has("--json"); // It is about this command, not about the topic.
  const typed = new Map([...texts].filter(([name]) => name !== "--json"));
  const given = (name: Subcommand): ReadonlyMap<string, GivenOption> => {
    const options = withDefaults(name, typed, undone, file);
    valuesOf(name, options, file);
    return options;
  };
  if (topic === undefined) SUBCOMMANDS.forEach(given);
  return { kind: "config", json, topic, file, given: topic && given(topic) };
}

/** Whether a command line asks for JSON, even if the rest of it is wrong. */
export function wantsJson(args: readonly string[]): boolean {
  return split(args).given.has("--json");
}

/** A command line in parts. */
interface Line {
  readonly words: readonly string[];
  /** The values of each option that is given, by its name; a missing value is an empty text. */
  readonly given: ReadonlyMap<string, readonly unknown[]>;
  /** Names of options that no command has. */
  readonly unknown: readonly string[];
  /** Flags that are given a value. */
  readonly valued: readonly string[];
  /** Options of the options file that are undone. */
  readonly undone: readonly string[];
}

/** An identity key that begins with a dash, as one in 64 does. */
const DASHED_KEY = /^-[\w-]{42}$/;

function split(args: readonly string[]): Line {
  const unknown: string[] = [];
  const valued: string[] = [];
  const undone: string[] = [];
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const options = withJoinedKeys(args.slice(0, end)).flatMap((arg) => {
    const name = nameOf(arg);
    const flag = FLAGS.get(name);
    if (flag !== undefined) {
      if (name !== arg) valued.push(name);
      return [flag, SEPARATOR];
    }
    const undoes = UNDOES.get(arg);
    if (undoes !== undefined) {
      undone.push(undoes);
      return [SEPARATOR];
    }
    // parseArgs reads --_ as its list of words, and --no-name=ada as --name=ada.
    if (!/^-.*_/.test(name) && (name === arg || !name.startsWith("--no-"))) return [arg];
    unknown.push(name);
    return [];
  });
  const { _: words, ...given } = parseArgs([...options, ...args.slice(end)], {
    boolean: ALL_OPTIONS.filter(isFlag).map(keyOf),
    string: ["_", ...ALL_OPTIONS.filter((option) => !isFlag(option)).map(keyOf)],
    collect: ALL_OPTIONS.map(keyOf),
    unknown(arg, key) {
      if (key === undefined) return true;
      if (arg !== SEPARATOR) unknown.push(nameOf(arg));
      return false;
    },
  });
  const lists = Object.entries(given as Readonly<Record<string, readonly unknown[]>>)
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => [`--${key}`, values] as const);
  return { words: words as string[], given: new Map(lists), unknown, valued, undone };
}

/** Joins options and their values that are keys with a dash in front, which parseArgs would take for options. */
function withJoinedKeys(args: readonly string[]): readonly string[] {
  return args.flatMap((arg, i) => {
    const [before, after] = [args[i - 1] ?? "", args[i + 1] ?? ""];
    if (DASHED_KEY.test(arg) && takesValue(before)) return [];
    return takesValue(arg) && DASHED_KEY.test(after) ? [`${arg}=${after}`] : [arg];
  });
}

function takesValue(arg: string): boolean {
  return ALL_OPTIONS.some((option) => option.name === arg && !isFlag(option));
}

/** The name in an argument such as `--name=ada`. */
function nameOf(arg: string): string {
  return arg.split("=", 1)[0]!;
}

/** The name that parseArgs has for an option. */
function keyOf({ name }: Option): string {
  return name.slice(2);
}

/** Checks that options are allowed, given once, and complete. @returns The text of each value. */
function textsOf(
  { given, undone, unknown, valued }: Line,
  allowed: readonly Option[],
  subcommand: Subcommand | undefined,
): ReadonlyMap<string, string> {
  const names = allowed.map(({ name }) => name);
  for (const [option, values] of given) {
    if (!names.includes(option)) throw unknownOption(option, names, subcommand);
    if (values.length > 1) {
      throw new UsageError("repeated-option", `Cannot use ${option} more than once`);
    }
    if (values[0] === "") {
      throw new UsageError("missing-value", `Cannot use ${option} without a value`);
    }
  }
  for (const option of valued) {
    throw new UsageError("surplus-argument", `Cannot give ${option} a value`, {
      hint: `Write ${option} without a value, or leave it out.`,
    });
  }
  for (const option of unknown) throw unknownOption(option, names, subcommand);
  for (const option of ALL_OPTIONS.filter(({ name }) => undone.includes(name))) {
    const { name } = option;
    if (!names.includes(name)) throw unknownOption(oppositeOf(option), names, subcommand);
    if (given.has(name)) {
      throw new UsageError("surplus-argument", `Cannot use ${name} with ${oppositeOf(option)}`);
    }
  }
  return new Map(given.entries().map(([option, [value]]) => [option, String(value)]));
}

/** Checks the rules between options, and reads all values of a subcommand. */
function valuesOf(
  subcommand: Subcommand,
  given: ReadonlyMap<string, GivenOption>,
  { file = "" }: OptionsFile,
): object {
  const options = optionsOf(subcommand).filter((option) => option !== HELP_OPTION);
  return Object.fromEntries(options.map((option) => {
    const { line, text } = given.get(option.name) ?? {};
    const read = (): unknown => {
      if (text !== undefined) checkRules(option, given);
      return valueOf(option, text);
    };
    return [option.key, line === undefined ? read() : atLine(file, line, read)];
  }));
}

/** @throws {UsageError} If an option that excludes this one is given, or one that it needs is not. */
function checkRules(
  { excludedBy, name, needs }: Option,
  given: ReadonlyMap<string, GivenOption>,
): void {
  if (excludedBy !== undefined && given.has(excludedBy[0])) {
    const [other, hint] = excludedBy;
    throw new UsageError("surplus-argument", `Cannot use ${name} with ${other}`, { hint });
  }
  if (needs !== undefined && !given.has(needs[0])) {
    const [other, hint] = needs;
    throw new UsageError("missing-value", `Cannot use ${name} without ${other}`, { hint });
  }
}

function valueOf(option: Option, text: string | undefined): unknown {
  const { name, type } = option;
  const { scale = 1 } = typeOf(option);
  if (type === "flag") return (text !== undefined) !== (option.default === true);
  if (text === undefined) {
    return typeof option.default === "number" ? option.default * scale : undefined;
  }
  switch (type) {
    case "count":
    case "mebibytes":
    case "seconds":
    case "minutes":
      return integer(option, text) * scale;
    case "port":
      return parsePort(text, option.min === 0 ? 0 : 1);
    case "address":
      return listenAddress(name, text);
    case "broker":
      return brokerAddress(name, text);
    case "name":
      return memberName(name, text);
    case "member":
      return text.normalize("NFC");
    case "profile":
      return profile(name, text);
    case "fingerprint":
      return digits(name, text);
    case "size":
      return size(name, text);
    case "senders":
      return choice(option, text);
    case "fileName":
      return fileName(name, text);
    case "file":
    case "directory":
      return text;
  }
}

function integer(option: Option, text: string): number {
  const { max = typeOf(option).max ?? Infinity, min = 1, name } = option;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError("bad-number", `Cannot use ${name} ${quote(text)}`, {
    hint: `Give a whole number from ${min} to ${max}.`,
  });
}

/** The address of a broker is parsed where it is used; here, only mistakes in it are found. */
function brokerAddress(option: string, address: string): string {
  if (isBrokerAddress(address) && parseBrokerAddress(address).room === undefined) return address;
  throw new UsageError("bad-address", `Cannot use ${option}: it is not the address of a broker`, {
    hint: `Give the address of a NATS server: ${option} nats://192.168.1.5:4222`,
  });
}

/** A number of bytes: `100M` is 100,000,000. */
function size(option: string, text: string): number {
  const [, digits, letter] = /^(\d{1,15})([KMGT]?)B?$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1000 ** " KMGT".indexOf((letter || " ").toUpperCase());
  if (digits !== undefined && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError("bad-number", `Cannot use ${option} ${quote(text)}`, {
    hint: `Give a whole number of bytes, or with K, M, G or T: ${option} 100M`,
  });
}

function choice(option: Option, text: string): string {
  const { choices = [] } = typeOf(option);
  if (choices.includes(text)) return text;
  throw new UsageError("bad-choice", `Cannot use ${option.name} ${quote(text)}`, {
    hint: `Give ${choices.join(" or ")}.`,
  });
}

function fileName(option: string, text: string): string {
  if (!/[/\\]/.test(text) && text !== "." && text !== "..") return text;
  throw new UsageError("bad-name", `Cannot use ${option} ${quote(text)}: it must not be a path`, {
    hint: `Give only the name: ${option} backup.tar`,
  });
}

function listenAddress(option: string, address: string): string {
  if (isAddress(address)) {
    requireScope(address);
    return address;
  }
  const message = `Cannot use ${option} ${quote(address)}: not an IP address`;
  throw new UsageError("bad-address", message, {
    hint: `Give an IP address of this machine, without a port: ${option} 192.168.1.5`,
  });
}

function memberName(option: string, text: string): string {
  // Some keyboards and file systems separate a letter from its accent.
  const name = text.normalize("NFC");
  const problem = nameProblem(name);
  if (problem === undefined) return name;
  throw new UsageError("bad-name", `Cannot use ${option} ${quote(name)}: ${problem}`);
}

function profile(option: string, name: string): string {
  if (PROFILE_NAME.test(name)) return name;
  throw new UsageError("bad-name", `Cannot use ${option} ${quote(name)}`, {
    hint: "Use 1 to 32 of a-z, 0-9, _ and -; begin with a letter or digit.",
  });
}

function digits(option: string, text: string): string {
  const digits = readFingerprint(text);
  if (digits !== undefined) return digits;
  const message = `Cannot use ${option} ${quote(text)}: it must have 30 digits`;
  throw new UsageError("bad-fingerprint", message);
}

function unknownOption(
  option: string,
  candidates: readonly string[],
  subcommand: Subcommand | undefined,
): UsageError {
  const program = subcommand ? `lanchat ${subcommand}` : "lanchat";
  const message = `${program} has no option ${quote(option)}`;
  return new UsageError("unknown-option", message, suggestion(option, candidates));
}
