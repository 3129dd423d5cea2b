import config from "../../deno.json" with { type: "json" };
import { COMMANDS, type Subcommand, SUBCOMMANDS } from "./options.ts";

/** What `lanchat --version` shows. */
export const VERSION: string = config.version;

const FIRST_EXAMPLE = "Examples: ";

/**
 * The help text, without its last line break.
 *
 * @param topic The subcommand; lanchat as a whole if missing.
 */
export function usage(topic?: Subcommand): string {
  return topic === undefined ? program() : command(topic);
}

function program(): string {
  const commands = table(SUBCOMMANDS.map((name) => [synopsis(name), COMMANDS[name].summary]));
  return `\
End-to-end encrypted chat for the people on one network.

Usage:
${commands.join("\n")}

To begin, one person hosts a room, and sees the line that the others type:
  lanchat serve --name ada
  lanchat join 192.168.1.5 --name bob
  echo "build is green" | lanchat join 192.168.1.5 --name ci --wait 60

Help:
  lanchat COMMAND --help   the options of a command, with examples
  lanchat --version        the version
  /help, in a room         what you can type there

Exit status: 0 done, 1 failed or undelivered, 2 wrong usage, 3 wrong host key.`;
}

function command(name: Subcommand): string {
  const { examples, note, options, summary } = COMMANDS[name];
  return [
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    `Usage: ${synopsis(name)}`,
    "",
    ...note === "" ? [] : [note, ""],
    ...table(options.map(({ name, summary, value = "" }) => [`${name} ${value}`, summary])),
    "",
    ...examples.map((example, i) =>
      (i === 0 ? FIRST_EXAMPLE : "").padEnd(FIRST_EXAMPLE.length) + example
    ),
  ].join("\n");
}

function synopsis(name: Subcommand): string {
  const { operand, options } = COMMANDS[name];
  const hasOptions = options.length > 1; // one is --help
  return ["lanchat", name, operand, hasOptions ? "[OPTIONS]" : ""].filter(Boolean).join(" ");
}

/** Two columns, the first as wide as it must be. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
