/**
 * Checks of the words on the command line that are no options, and the errors about them.
 *
 * @module
 */
import { editDistance } from "../edit_distance.ts";
import { quote, UsageError } from "../errors.ts";
import { type Subcommand, SUBCOMMANDS } from "./options.ts";

/** @throws {UsageError} With code `surplus-argument` if there is a word. */
export function refuseSurplus(command: string, [word]: readonly string[], hint?: string): void {
  if (word === undefined) return;
  const message = `Unexpected ${quote(word)} after lanchat ${command}`;
  throw new UsageError("surplus-argument", message, hint === undefined ? {} : { hint });
}

/** Finds the action that a word names. @throws {UsageError} With code `unknown-subcommand`. */
export function actionOf<Action extends string>(
  subcommand: Subcommand,
  word: string,
  actions: readonly Action[],
): Action {
  const action = actions.find((action) => action === word);
  if (action !== undefined) return action;
  const message = `lanchat ${subcommand} has no action ${quote(word)}`;
  throw new UsageError("unknown-subcommand", message, {
    hint: `Run 'lanchat ${subcommand} --help' for its actions.`,
    ...suggestion(word, actions),
  });
}

/** The error about an action without its file. */
export function missingFile(command: string, example: string): UsageError {
  return new UsageError("missing-value", `lanchat ${command} needs a file`, {
    hint: `Example: lanchat ${command} ${example}`,
  });
}

/** Finds the subcommand that a word names. @throws {UsageError} With code `unknown-subcommand`. */
export function subcommandOf(word: string): Subcommand {
  const subcommand = SUBCOMMANDS.find((subcommand) => subcommand === word);
  if (subcommand !== undefined) return subcommand;
  const message = `lanchat has no command ${quote(word)}`;
  throw new UsageError("unknown-subcommand", message, suggestion(word, SUBCOMMANDS));
}

/** A hint that names the nearest candidate, if it is at most two slips and half of its length away. */
export function suggestion(word: string, candidates: readonly string[]): { hint?: string } {
  const ranked = candidates.map((candidate) => ({
    candidate,
    slips: editDistance(word.toLowerCase(), candidate),
  }));
  const { candidate, slips } = ranked.reduce((best, other) =>
    other.slips < best.slips ? other : best
  );
  return slips <= Math.min(2, candidate.length / 2) ? { hint: `Did you mean ${candidate}?` } : {};
}
