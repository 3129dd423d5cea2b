/**
 * What each file of `commands/` exports.
 *
 * @module
 */
import type { Parsed, Subcommand } from "./options.ts";

/** A subcommand: its description for help, completions and manual, and its handler. */
export interface SubcommandEntry<Command extends { readonly kind: Subcommand }> {
  /** A few words about the subcommand. */
  readonly summary: string;
  /** The words after its name, in capitals, as the help shows them; `FILE` is a path. */
  readonly operand?: string;
  /** All values of the first of these words, where they are known. */
  readonly choices?: readonly string[];
  /** The choices that a path follows. */
  readonly fileChoices?: readonly string[];
  /** A line or two more for the help. */
  readonly note?: string;
  /** Command lines that work. */
  readonly examples: readonly string[];
  /**
   * Reads the words after the subcommand's name. Without this method no word may follow.
   *
   * @param words The words.
   * @param given The names of the options that are given.
   * @throws {UsageError} If they are incomplete, contradictory or unknown.
   */
  operands?(
    words: readonly string[],
    given: readonly string[],
  ): Omit<Command, keyof Parsed<Command["kind"]>>;
  /**
   * Runs the subcommand.
   *
   * @returns The exit status.
   * @throws {LanchatError} If it fails before there is a front end to show it.
   */
  run(command: Command): Promise<number>;
}
