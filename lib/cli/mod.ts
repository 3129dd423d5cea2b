/**
 * The command line: what was asked for, and doing it.
 *
 * @example A command that is none
 * ```ts
 * import { parseCommandLine } from "./mod.ts";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => parseCommandLine(["jion", "192.168.1.5"]), Error, "no such command");
 * ```
 * @module
 */
export * from "./args.ts";
export type { Shell, Subcommand } from "./options.ts";
export { run } from "./run.ts";
