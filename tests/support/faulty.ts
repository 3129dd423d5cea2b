// The program with errors in it, which signals bring about.
import { run } from "../../lib/cli/mod.ts";

Deno.addSignalListener("SIGUSR1", () => void Promise.reject(new Error("faulty")));
Deno.addSignalListener("SIGUSR2", () => {
  setTimeout(() => {
    throw new Error("faulty");
  });
});
Deno.exit(await run(Deno.args));
