/**
 * `lanchat serve` hosts a room.
 *
 * @module
 */
import { runInFrontEnd } from "../in_front_end.ts";
import type { Parsed } from "../options.ts";
import { serve } from "../serve.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat serve`. */
export type ServeCommand = Parsed<"serve">;

/** `lanchat serve`. */
export const SERVE: SubcommandEntry<ServeCommand> = {
  summary: "host a room, and chat in it",
  examples: [
    "lanchat serve --name ada",
    "lanchat serve --invite",
    "lanchat serve --relay-only --port 0 --json",
  ],
  run: (command) =>
    runInFrontEnd(command, !command.relayOnly, (...session) => serve(command, ...session)),
};
