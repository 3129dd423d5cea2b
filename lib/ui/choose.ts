/** Chooses and loads the front end for this process. */
import { environmentVariable } from "../permission.ts";
import type { FrontEnd } from "../session/mod.ts";
import { JsonFrontEnd } from "./json.ts";
import type { Files } from "./paths.ts";
import type { Picker, PickerOptions } from "./picker.ts";
import { PlainFrontEnd } from "./plain.ts";

/** The options of the command line for the front end. */
export interface FrontEndOptions {
  /** Whether input and output are JSON Lines. */
  readonly json: boolean;
  /** Whether the command takes input. */
  readonly typing: boolean;
  /** Whether a terminal gets only plain lines. */
  readonly plain: boolean;
  /** Whether a terminal rings at first. */
  readonly notify: boolean;
  /** Whether a terminal gets a title. */
  readonly title: boolean;
  /** The room's name, if the host gave it one. */
  readonly room?: string | undefined;
  /** Whether this run joins by an invite that no one enters without. */
  readonly joinsByInvite?: boolean | undefined;
  /** Whether a terminal hides joins and leaves at first, and a pipe shows only messages and errors. */
  readonly quiet: boolean;
  /** The only reader of every line of a pipe; all members without. */
  readonly to?: string | undefined;
  /** Whether files are all that this run is about. */
  readonly onlyFiles?: boolean | undefined;
  /** The files that a path means which a person types. */
  readonly files?: Files | undefined;
}

/**
 * Creates the front end for this process: JSON if requested, a prompt if a person types and reads at a
 * terminal, plain lines otherwise. Only this front end is loaded.
 */
export async function chooseFrontEnd(options: FrontEndOptions): Promise<FrontEnd> {
  const { files, joinsByInvite, json, notify, onlyFiles, plain, quiet, room, title, to, typing } =
    options;
  if (json) return new JsonFrontEnd();
  if (!typing || !Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    const redraws = onlyFiles === true && Deno.stderr.isTerminal() && !isPlainTerminal(plain);
    return new PlainFrontEnd(undefined, { quiet, to, onlyFiles, redraws });
  }
  if (isPlainTerminal(plain)) {
    const { DumbTerminalFrontEnd } = await import("./dumb_terminal.ts");
    return new DumbTerminalFrontEnd({ notify, quiet, room, joinsByInvite, files });
  }
  const { TerminalFrontEnd } = await import("./terminal.ts");
  // NO_COLOR can be read without a permission.
  const colors = !Deno.noColor;
  return new TerminalFrontEnd({ colors, notify, quiet, room, joinsByInvite, files, title });
}

/** Creates a picker on the terminal of this process. */
export async function offerChoice(options: PickerOptions): Promise<Picker> {
  const { Picker } = await import("./picker.ts");
  return new Picker({ ...options, plain: isPlainTerminal(options.plain) });
}

/** Whether the terminal gets only plain lines: as requested, or because it cannot redraw. */
function isPlainTerminal(plain: boolean): boolean {
  return plain || environmentVariable("TERM") === "dumb";
}
