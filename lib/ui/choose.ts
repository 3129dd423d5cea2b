import type { FrontEnd } from "./front_end.ts";
import { JsonFrontEnd } from "./json.ts";
import { PlainFrontEnd } from "./plain.ts";

/** What the command line says of the front end. */
export interface FrontEndOptions {
  /** Whether both directions are JSON Lines. */
  readonly json: boolean;
  /** Whether everything is a plain line: nothing is drawn anew, nothing has a colour. */
  readonly plain: boolean;
  /** Whether a bell or a notification of the desktop tells of what comes. */
  readonly notify: boolean;
  /** Whether anything that is typed can be sent. */
  readonly typing: boolean;
}

/**
 * The front end for this process: JSON where it is asked for, a prompt where a person can type at a
 * terminal and read there, plain lines elsewhere and where they are asked for. Only the one that is needed is loaded.
 */
export async function chooseFrontEnd(
  { json, plain, typing }: FrontEndOptions,
): Promise<FrontEnd> {
  if (json) return new JsonFrontEnd();
  if (!plain && typing && Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    const { TerminalFrontEnd } = await import("./terminal.ts");
    return new TerminalFrontEnd();
  }
  return new PlainFrontEnd();
}
