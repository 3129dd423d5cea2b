/**
 * The options that a file gives by default: one option of the command line a line.
 *
 * @module
 */
import { LanchatError, quote, UsageError } from "../errors.ts";
import type { OptionsFileEvent } from "../session_events.ts";
import { readOptionsFile } from "../store/mod.ts";
import { suggestion } from "./operands.ts";
import { ALL_OPTIONS, optionsOf, type Subcommand } from "./options.ts";

/** A line of the file. */
export interface OptionLine {
  /** The option, with its dashes. */
  readonly name: string;
  /** Its value; empty for a flag. */
  readonly text: string;
  /** The number of the line, from 1. */
  readonly number: number;
}

/** The file of default options. */
export interface OptionsFile extends Pick<OptionsFileEvent, "file" | "state"> {
  /** Its lines. @throws {LanchatError} If the file cannot be used, or one of them is wrong. */
  lines(): readonly OptionLine[];
}

/** No file, as with `--no-config`. */
export const NO_OPTIONS_FILE: OptionsFile = { state: "ignored", lines: () => [] };

/** Reads the file of default options. A faulty one fails when its lines are needed: help does without. */
export async function openOptionsFile(): Promise<OptionsFile> {
  try {
    const { text, ...stored } = await readOptionsFile();
    return { ...stored, lines: () => parseOptionLines(text, stored.file ?? "") };
  } catch (error) {
    const lines = (): never => {
      throw error;
    };
    return { state: "not-allowed", lines };
  }
}

/** An option that the command line or the file gives. */
export interface GivenOption {
  /** Its value; empty for a flag of the file. */
  readonly text: string;
  /** The number of the line of the file; missing if the command line gives it. */
  readonly line?: number;
}

/**
 * Adds to the options of a command line those of the file. The command line wins: it drops each line that it
 * repeats, undoes or excludes. So are those dropped that need an option that is not given.
 *
 * @param undone The options that the command line undoes.
 * @throws {LanchatError} If the file is faulty.
 */
export function withDefaults(
  subcommand: Subcommand,
  texts: ReadonlyMap<string, string>,
  undone: readonly string[],
  file: OptionsFile,
): ReadonlyMap<string, GivenOption> {
  const options = optionsOf(subcommand);
  const typed = options.filter(({ name }) => texts.has(name));
  const given = new Map<string, GivenOption>(
    typed.map(({ name }) => [name, { text: texts.get(name)! }]),
  );
  if (options.length === 1) return given; // Only --help, which needs no file.
  const lines = file.lines().flatMap((line) => {
    const option = options.find(({ name }) => name === line.name);
    if (option === undefined || texts.has(line.name) || undone.includes(line.name)) return [];
    const isExcluded = typed.some(({ excludedBy, name }) =>
      option.excludedBy?.[0] === name || excludedBy?.[0] === option.name
    );
    return isExcluded ? [] : [{ ...line, needs: option.needs?.[0] }];
  });
  for (const { name, needs, number, text } of lines) {
    const isUseful = needs === undefined || texts.has(needs) ||
      lines.some((other) => other.name === needs);
    if (isUseful) given.set(name, { text, line: number });
  }
  return given;
}

/**
 * Parses the text of the file: `--name ada`, `--name=ada` or `--quiet` in each line; a value is all that
 * follows, without quotes. Empty lines and lines that begin with `#` do not count.
 *
 * @throws {UsageError} If a line is wrong; the text names the file and the line.
 */
export function parseOptionLines(text: string, file: string): OptionLine[] {
  const lines = text.split(/\r?\n/)
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== "" && !line.startsWith("#"))
    .map(({ line, number }) => {
      const [, name, text] = /^([^\s=]*)[\s=]?\s*(.*)$/s.exec(line)! as unknown as [
        string,
        string,
        string,
      ];
      return { name, text, number };
    });
  lines.forEach((line, i) =>
    atLine(file, line.number, () => check(line, lines.slice(0, i).map(({ name }) => name)))
  );
  return lines;
}

/** Has an error say which line of the file it is about. @throws {UsageError} */
export function atLine<T>(file: string, number: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LanchatError)) throw error;
    const { code, hint, message } = error;
    throw new UsageError(code, `${quote(file)}, line ${number}: ${message}`, { hint });
  }
}

/** @throws {UsageError} If a line is no option that a file may have, or has a value too many or too few. */
function check({ name, text }: OptionLine, before: readonly string[]): void {
  const allowed = ALL_OPTIONS.filter(({ commandLineOnly }) => !commandLineOnly);
  const option = allowed.find((option) => option.name === name);
  if (option === undefined) {
    const problem = ALL_OPTIONS.some((other) => other.name === name)
      ? `${name} is only for the command line`
      : `lanchat has no option ${quote(name)}`;
    throw new UsageError("unknown-option", problem, {
      hint: "Write one option a line, as in --name ada.",
      ...suggestion(name, allowed.map(({ name }) => name)),
    });
  }
  if (before.includes(name)) throw new UsageError("repeated-option", `${name} is there twice`);
  if (option.type === "flag" && text !== "") {
    throw new UsageError("surplus-argument", `${name} takes no value`, {
      hint: `Write only ${name}.`,
    });
  }
  if (option.type !== "flag" && text === "") {
    throw new UsageError("missing-value", `${name} needs a value`);
  }
}
