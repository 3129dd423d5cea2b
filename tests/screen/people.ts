/**
 * Members of a room as processes: at terminals, and as scripts that a test controls.
 *
 * @module
 */
import { type HostProgram, Program } from "../support/program.ts";
import { Pty, type PtyOptions, unwrapped } from "../support/pty.ts";
import { READY } from "./expected.ts";

/** Starts a host at a terminal. */
export async function hostAtTerminal(name: string, options: PtyOptions = {}): Promise<Pty> {
  const where = ["--port", "0", "--host", "127.0.0.1"];
  return await ready(new Pty(["serve", ...where, "--name", name], options));
}

/** Options of {@linkcode memberAtTerminal}. */
export interface MemberOptions extends PtyOptions {
  /** Address to join; by default that of the host. */
  readonly address?: string;
  /** More options of `lanchat join`. */
  readonly args?: readonly string[];
}

/** Starts a member at a terminal, in the room of a script. */
export async function memberAtTerminal(
  host: HostProgram,
  name: string,
  options: MemberOptions = {},
): Promise<Pty> {
  const { address = host.address, args: more = [] } = options;
  const args = ["join", address, "--name", name, ...more];
  const pty = await ready(new Pty(args, options));
  await host.event("joined", ({ member }) => member.name === name);
  return pty;
}

/** Starts a script in the room of a host at a terminal. */
export async function scriptIn(host: Pty, name: string): Promise<Program> {
  // A narrow window breaks the command anywhere; the row after it is indented.
  const text = host.lines.join("\n").replaceAll(/\n(?=\S)/g, "");
  const port = /join 127\.0\.0\.1:(\d+)/.exec(text)![1];
  const program = new Program(["join", `127.0.0.1:${port}`, "--name", name, "--json"]);
  try {
    await program.ready();
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

async function ready(pty: Pty): Promise<Pty> {
  try {
    await pty.until(
      "The prompt",
      ({ lines }) => unwrapped(lines).join("\n").includes(READY) && lines.at(-1) === ">",
    );
    return pty;
  } catch (error) {
    await pty[Symbol.asyncDispose]();
    throw error;
  }
}
