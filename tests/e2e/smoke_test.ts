/**
 * What a release tries on each system, of the binary that `LANCHAT_BINARY` names.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { hasWebCryptoKem } from "../../lib/crypto/kem.ts";
import { BINARY, HostProgram, type ProgramOptions, run } from "../support/program.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** What only a runtime with ML-KEM has: lanchat uses another one of its sizes. */
const RUNTIME_KEM = "ML-KEM-512";

/** Runs the source instead of the binary, with the home of this process, where Deno has its cache. */
const FROM_SOURCE: ProgramOptions = {
  env: { HOME: Deno.env.get("HOME")! },
  wrapper: ([, ...args]) => [Deno.execPath(), "run", "--no-check", "--allow-net", MAIN, ...args],
};

if (BINARY !== undefined) {
  Deno.test("the compiled program has the version of deno.json, and ML-KEM", async () => {
    const { stdout } = await run(["--version"]);
    assertMatch(stdout, /^lanchat .* \(.*commit.*, Deno [\d.]+\)\n$/);
    assertEquals(stdout.split(" ")[1], config.version);
    const bytes = await Deno.readFile(BINARY!);
    const inRuntime = new TextDecoder("latin1").decode(bytes).includes(RUNTIME_KEM);
    console.log(`${stdout.trimEnd()}: ML-KEM of ${inRuntime ? "its runtime" : "a package"}`);
    if (stdout.includes(`Deno ${Deno.version.deno})`)) assertEquals(inRuntime, hasWebCryptoKem);
  });

  // They may differ in where they have ML-KEM from.
  for (
    const [name, hosting, joining] of [
      ["the source joins a room of the compiled program", {}, FROM_SOURCE],
      ["the compiled program joins a room of the source", FROM_SOURCE, {}],
    ] as const
  ) {
    Deno.test(`${name}, and they chat`, async () => {
      await using host = await HostProgram.start(["--json", "--name", "ada"], hosting);
      await using member = await host.join(["--json", "--name", "bob"], joining);
      await host.say("hello");
      await member.say("hello too");
      assertEquals(await member.hears("ada", 1), ["hello"]);
      assertEquals(await host.hears("bob", 1), ["hello too"]);
    });
  }
}
