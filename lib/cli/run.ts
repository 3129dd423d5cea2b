/**
 * Runs a command line.
 *
 * @module
 */
import { EXIT } from "../errors.ts";
import { JsonFrontEnd, PlainFrontEnd } from "../ui/mod.ts";
import { parseCommandLine, wantsJson } from "./args.ts";
import { canChoose, chooseRoom } from "./choose_room.ts";
import { type JoinCommand, joinInFrontEnd } from "./commands/join.ts";
import { print, showFailure } from "./print.ts";
import { type Command, COMMANDS } from "./registry.ts";
import { usage, VERSION } from "./usage.ts";

/**
 * Runs lanchat.
 *
 * @param args The command line, without the program's name.
 * @returns The exit status, one of `EXIT`.
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(parseCommandLine(args));
  } catch (error) {
    return await showFailure(error, wantsJson(args) ? new JsonFrontEnd() : new PlainFrontEnd());
  }
}

async function runCommand(command: Command): Promise<number> {
  switch (command.kind) {
    case "start":
      return await start();
    case "version":
      return await print(`lanchat ${VERSION}\n`);
    default:
      return await COMMANDS[command.kind].run(command as never);
  }
}

/** Lets a person choose a room to join or to host; prints the help if there is no terminal. */
async function start(): Promise<number> {
  if (!canChoose()) return await print(`${usage()}\n`);
  const choice = await chooseRoom({ hosting: true, plain: false });
  if (choice === "leave") return EXIT.OK;
  if (choice === "host") return await runCommand(parseCommandLine(["serve"]));
  return await joinInFrontEnd(parseCommandLine(["join"]) as JoinCommand, choice);
}
