import type { FrontEnd } from "./front_end.ts";
import { JsonFrontEnd } from "./json.ts";
import { PlainFrontEnd } from "./plain.ts";

/** What the command line says of the front end. */
export interface FrontEndOptions {
  /** Whether both directions are JSON Lines. */
  readonly json: boolean;
  /** Whether anything that is typed can be sent. */
  readonly typing: boolean;
}

/**
 * The front end for this process: JSON where it is asked for, a prompt where a person can type at a
 * terminal and read there, plain lines elsewhere. Only the one that is needed is loaded.
 */
export async function chooseFrontEnd({ json, typing }: FrontEndOptions): Promise<FrontEnd> {
  if (json) return new JsonFrontEnd();
  if (typing && Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    const { TerminalFrontEnd } = await import("./terminal.ts");
    return new TerminalFrontEnd();
  }
  return new PlainFrontEnd();
}
