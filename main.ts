import { run } from "./lib/cli/mod.ts";

// Ends a read of standard input that is under way, which nothing else can.
Deno.exit(await run(Deno.args));
