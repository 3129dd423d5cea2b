/**
 * What a release tries on each system, of the binary that `LANCHAT_BINARY` names.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { BINARY, HostProgram, type ProgramOptions, run } from "../support/program.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** Runs the source instead of the binary, with the home of this process, where Deno has its cache. */
const FROM_SOURCE: ProgramOptions = {
  env: { HOME: Deno.env.get("HOME")! },
  wrapper: ([, ...args]) => [Deno.execPath(), "run", "--no-check", "--allow-net", MAIN, ...args],
};

if (BINARY !== undefined) {
  Deno.test("the compiled program has the version of deno.json", async () => {
    const { stdout } = await run(["--version"]);
    assertMatch(stdout, /^lanchat .* \(.*commit.*, Deno [\d.]+\)\n$/);
    assertEquals(stdout.split(" ")[1], config.version);
  });

  // One may have ML-KEM in its runtime, and the other from a package.
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
