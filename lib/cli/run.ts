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
import { openOptionsFile, type OptionsFile } from "./options_file.ts";
import { print, printWrapped, showFailure } from "./print.ts";
import { type Command, COMMANDS } from "./registry.ts";
import { usage } from "./usage.ts";
import { versionLine } from "./version.ts";

/**
 * Runs lanchat.
 *
 * @param args The command line, without the program's name.
 * @returns The exit status, one of `EXIT`.
 */
export async function run(args: readonly string[]): Promise<number> {
  let json = wantsJson(args);
  try {
    const command = parseCommandLine(args, await openOptionsFile());
    json ||= "json" in command && command.json;
    return await runCommand(command);
  } catch (error) {
    return await showFailure(error, json ? new JsonFrontEnd() : new PlainFrontEnd());
  }
}

async function runCommand(command: Command): Promise<number> {
  switch (command.kind) {
    case "start":
      return await start(command.file);
    case "version":
      return await print(`${versionLine()}\n`);
    default:
      return await COMMANDS[command.kind].run(command as never);
  }
}

/** Lets a person choose a room to join or to host; prints the help if there is no terminal. */
async function start(file: OptionsFile): Promise<number> {
  if (!canChoose()) return await printWrapped(`${usage()}\n`);
  const join = parseCommandLine(["join"], file) as JoinCommand;
  const choice = await chooseRoom({ ...join, hosting: true });
  if (choice === "leave") return EXIT.OK;
  if (choice === "host") {
    return await runCommand(parseCommandLine(["serve"], file));
  }
  return await joinInFrontEnd(join, choice);
}
