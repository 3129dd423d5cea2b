/** Chooses and loads the front end for this process. */
import { environmentVariable } from "../permission.ts";
import type { FrontEnd } from "../session/mod.ts";
import { JsonFrontEnd } from "./json.ts";
import type { Picker, PickerOptions } from "./picker.ts";
import { PlainFrontEnd } from "./plain.ts";

/** What the command line says of the front end. */
export interface FrontEndOptions {
  /** Whether both directions are JSON Lines. */
  readonly json: boolean;
  /** Whether anything that is typed can be sent. */
  readonly typing: boolean;
  /** Whether a terminal is to be given plain lines alone. */
  readonly plain: boolean;
  /** Whether a terminal may ring. */
  readonly notify: boolean;
}

/**
 * The front end for this process: JSON where it is asked for, a prompt where a person can type at a
 * terminal and read there, plain lines elsewhere. Only the one that is needed is loaded.
 */
export async function chooseFrontEnd(options: FrontEndOptions): Promise<FrontEnd> {
  const { json, notify, plain, typing } = options;
  if (json) return new JsonFrontEnd();
  const simple = drawsNothingAnew(plain);
  if (!typing || !Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    const draws = !simple && Deno.stderr.isTerminal();
    return new PlainFrontEnd(undefined, draws ? () => Deno.consoleSize().columns || 80 : undefined);
  }
  if (simple) {
    const { DumbTerminalFrontEnd } = await import("./dumb_terminal.ts");
    return new DumbTerminalFrontEnd({ notify });
  }
  const { TerminalFrontEnd } = await import("./terminal.ts");
  return new TerminalFrontEnd({ notify });
}

/** Offers a choice to the person at the terminal of this process. @param plain As for a front end. */
export async function offerChoice(options: PickerOptions): Promise<Picker> {
  const { Picker } = await import("./picker.ts");
  return new Picker({ ...options, plain: drawsNothingAnew(options.plain) });
}

/** Whether the terminal is one that draws nothing anew, or is to be taken for one. */
function drawsNothingAnew(plain: boolean): boolean {
  // NO_COLOR is known without a permission.
  return plain || Deno.noColor || environmentVariable("TERM") === "dumb";
}
