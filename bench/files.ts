/**
 * Measures files: see file_load.ts. It writes 4 GiB into the temporary folder.
 *
 * @module
 */
import { measureFiles } from "./file_load.ts";
import { table } from "./report.ts";

console.log(table("Files", "times raw TCP's speed", await measureFiles()));
Deno.exit();
