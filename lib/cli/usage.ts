/**
 * The help of lanchat and of each subcommand.
 *
 * @module
 */
import {
  describe,
  type Option,
  optionsOf,
  type Subcommand,
  SUBCOMMANDS,
  typeOf,
} from "./options.ts";
import { COMMANDS } from "./registry.ts";

const FIRST_EXAMPLE = "Examples: ";

/** Returns the help of a subcommand or of lanchat as a whole, without the last line break. */
export function usage(topic?: Subcommand): string {
  return topic === undefined ? program() : command(topic);
}

function program(): string {
  const commands = table(SUBCOMMANDS.map((name) => [name, COMMANDS[name].summary]));
  return `\
Encrypted chat for the people on one network.

Start here:
  lanchat                   choose a room from a list, or host one
  lanchat serve             host a room; it shows the line that others type
  lanchat join 192.168.1.5  join the room at this address

Commands ('lanchat COMMAND --help' shows the options, with examples):
${commands.join("\n")}

In a room, /help shows what you can type. For the version: lanchat --version

Exit status: 0 done, 1 failed or not delivered, 2 wrong usage, 3 wrong host key.`;
}

function command(name: Subcommand): string {
  const { examples, note, summary } = COMMANDS[name];
  return [
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    `Usage: ${synopsis(name)}`,
    "",
    ...note === undefined ? [] : [note, ""],
    ...table(optionsOf(name).map((option) => [typed(option), describe(option)])),
    "",
    ...examples.map((example, i) =>
      (i === 0 ? FIRST_EXAMPLE : "").padEnd(FIRST_EXAMPLE.length) + example
    ),
  ].join("\n");
}

function synopsis(name: Subcommand): string {
  const options = optionsOf(name).length > 1 ? "[OPTIONS]" : undefined;
  return ["lanchat", name, COMMANDS[name].operand, options].filter(Boolean).join(" ");
}

/** An option as typed, with its short form and the word for its value. */
function typed(option: Option): string {
  const { name, short } = option;
  return [short === undefined ? name : `${short}, ${name}`, typeOf(option).placeholder].join(" ")
    .trimEnd();
}

/** Aligns two columns. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
