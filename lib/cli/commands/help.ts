/**
 * `lanchat help` explains lanchat or one subcommand.
 *
 * @module
 */
import { refuseSurplus, subcommandOf } from "../operands.ts";
import { type Parsed, type Subcommand, SUBCOMMANDS } from "../options.ts";
import { printWrapped } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat help`, or `--help` after anything. */
export type HelpCommand = Parsed<"help"> & {
  /** The subcommand to explain; lanchat as a whole if missing. */
  readonly topic: Subcommand | undefined;
};

/** `lanchat help`. */
export const HELP: SubcommandEntry<HelpCommand> = {
  summary: "show the help of a command",
  operand: "[COMMAND]",
  choices: SUBCOMMANDS,
  examples: ["lanchat help serve", "lanchat help join"],
  operands([word, ...words]) {
    refuseSurplus("help", words);
    return { topic: word === undefined ? undefined : subcommandOf(word) };
  },
  async run({ topic }) {
    // The help has all subcommands, this one too, so that a static import would be a cycle.
    const { usage } = await import("../usage.ts");
    return await printWrapped(`${usage(topic)}\n`);
  },
};
