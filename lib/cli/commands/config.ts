/**
 * `lanchat config` shows the options that hold, and where they come from.
 *
 * @module
 */
import type { OptionEvent } from "../../session_events.ts";
import { setVariables } from "../environment.ts";
import { refuseSurplus, subcommandOf } from "../operands.ts";
import {
  ALL_OPTIONS,
  HELP_OPTION,
  type Option,
  optionsOf,
  type Parsed,
  type Subcommand,
  SUBCOMMANDS,
} from "../options.ts";
import type { GivenOption, OptionsFile } from "../options_file.ts";
import { printResult } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat config`. */
export type ConfigCommand = Parsed<"config"> & {
  /** The command whose options to show; without it, the lines of the file. */
  readonly topic: Subcommand | undefined;
  /** The options file. */
  readonly file: OptionsFile;
  /** The options that the command line and the file give to the topic. */
  readonly given: ReadonlyMap<string, GivenOption> | undefined;
};

/** `lanchat config`. */
export const CONFIG: SubcommandEntry<ConfigCommand> = {
  summary: "show your default options",
  operand: "[COMMAND]",
  choices: SUBCOMMANDS,
  note: "The file has one option a line; lines that begin with # are comments.\n" +
    "The command line wins: --no-quiet undoes --quiet, --notify undoes\n" +
    "--no-notify, and --no-config ignores the file.\n" +
    "With COMMAND: all options of that command, and where they come from.",
  examples: ["lanchat config", "lanchat config join", "lanchat config serve --port 4000"],
  async run({ file, given, json, topic }) {
    const options = topic === undefined ? ofFile(file) : ofCommand(topic, given!);
    const variables = setVariables().map((name): OptionEvent => ({
      event: "option",
      name,
      value: true,
      commands: [],
      source: "environment",
    }));
    const { state } = file;
    const place = { ...file.file !== undefined && { file: file.file }, state };
    return await printResult([{ event: "options-file", ...place }, ...options, ...variables], json);
  },
};

/** Reads the words after `config`. @throws {UsageError} If they are not the name of one command. */
export function configTopic([word, ...words]: readonly string[]): Subcommand | undefined {
  refuseSurplus("config", words);
  return word === undefined ? undefined : subcommandOf(word);
}

function ofFile(file: OptionsFile): OptionEvent[] {
  return file.lines().map(({ name, number, text }) => {
    const rows = ALL_OPTIONS.filter((option) => option.name === name);
    return {
      event: "option",
      name,
      value: valueOf(rows[0]!, text),
      commands: rows.flatMap(({ commands }) => commands),
      source: "file",
      line: number,
    };
  });
}

function ofCommand(topic: Subcommand, given: ReadonlyMap<string, GivenOption>): OptionEvent[] {
  return optionsOf(topic).filter((option) => option !== HELP_OPTION).map((option) => {
    const { line, text } = given.get(option.name) ?? {};
    return {
      event: "option",
      name: option.name,
      value: valueOf(option, text),
      commands: [topic],
      source: text === undefined ? "default" : line === undefined ? "command-line" : "file",
      ...line !== undefined && { line },
    };
  });
}

/** The value as typed; whether a flag is on. */
function valueOf(
  { default: initial, type }: Option,
  text: string | undefined,
): OptionEvent["value"] {
  if (type === "flag") return text !== undefined;
  return text ?? (typeof initial === "number" ? `${initial}` : null);
}
