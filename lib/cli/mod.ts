/**
 * The command line: parses it and runs the command.
 *
 * @example A command that there is not
 * ```ts
 * import { run } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await run(["jion", "192.168.1.5"]), 2);
 * ```
 * @module
 */
export { run } from "./run.ts";
