import { assertEquals } from "@std/assert";
import { BINARY, HostProgram } from "../support/program.ts";

/** Deno's messages about its debugger, open or failed. */
const DEBUGGER = /^Debugger listening|^Failed to start inspector server/m;

Deno.test({
  name: "SIGUSR1 opens no debugger, and the room goes on",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    await using bob = await host.join(["--name", "bob", "--json"]);
    const said: string[] = [];
    const hearAfterSignal = async (): Promise<void> => {
      for (const program of [host, bob]) program.signal("SIGUSR1");
      said.push(`message ${said.length}`);
      await bob.say(said.at(-1)!);
      assertEquals(await host.hears("bob", said.length), said);
    };
    // Deno heeds the signal half a second after its start only; the compiled program has no debugger.
    do await hearAfterSignal(); while (BINARY === undefined && !DEBUGGER.test(host.stderr.text));
    assertEquals(/Debugger listening.*/.exec(host.stderr.text + bob.stderr.text)?.[0], undefined);
    host.signal("SIGTERM");
    await host.ends(0);
  },
});
