/**
 * `lanchat completions` prints a completion script for a shell.
 *
 * @module
 */
import { CODES, quote, UsageError } from "../../errors.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { print } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** The shells that lanchat has completions for. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** A shell that lanchat has completions for. */
export type Shell = typeof SHELLS[number];

/** A parsed `lanchat completions`. */
export type CompletionsCommand = Parsed<"completions"> & { readonly shell: Shell };

/** `lanchat completions`. */
export const COMPLETIONS: SubcommandEntry<CompletionsCommand> = {
  summary: "print completions for a shell",
  operand: "SHELL",
  choices: SHELLS,
  note: "SHELL is bash, zsh, fish or powershell.",
  examples: [
    "lanchat completions bash >> ~/.bashrc",
    "lanchat completions fish > ~/.config/fish/completions/lanchat.fish",
  ],
  operands([word, ...words]) {
    if (word === undefined) {
      throw new UsageError("missing-value", "lanchat completions needs a shell", {
        hint: CODES["unknown-shell"].hint,
      });
    }
    const shell = SHELLS.find((shell) => shell === word);
    if (shell === undefined) {
      const message = `lanchat has no completions for ${quote(word)}`;
      throw new UsageError("unknown-shell", message);
    }
    refuseSurplus("completions", words);
    return { shell };
  },
  async run({ shell }) {
    // The script has all subcommands, this one too, so that a static import would be a cycle.
    const { completionScript } = await import("../completion_script.ts");
    return await print(completionScript(shell));
  },
};
