import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { BINARY, emptyDirectory, HostProgram, run } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";

if (BINARY !== undefined) {
  testUnless(
    missing("strace"),
    "the compiled program opens nothing in the temporary directory",
    async () => {
      const [temporary, traces] = [emptyDirectory(), emptyDirectory()];
      const env = { TMPDIR: temporary };
      // A cache would be written at the end of the first run and read at the start of the second.
      for (const trace of [`${traces}/first`, `${traces}/second`]) {
        const wrapper = (
          command: readonly string[],
        ): string[] => ["strace", "-f", "-e", "trace=%file", "-o", trace, ...command];
        assertEquals((await run(["id"], { env, wrapper })).status, 0);
        const calls = (await Deno.readTextFile(trace)).split("\n");
        assertEquals(calls.filter((call) => call.includes(temporary)), []);
      }
      assertEquals([...Deno.readDirSync(temporary)], []);
    },
  );

  Deno.test("the compiled program gives no advice on permissions", async () => {
    // Paths that Deno refuses under all permissions, and a home that does not exist.
    const guarded = `/dev/shm/lanchat-${crypto.randomUUID()}`;
    const serve = ["serve", "--host", "127.0.0.1", "--port", "0", "--json"];
    const runs = await Promise.all([
      run([...serve, "--log", guarded]),
      run([...serve, "--identity", guarded]),
      run([...serve, "--allow", "/proc/self/environ"]),
      run(["log", "/proc/self/environ"]),
    ]);
    for (const { stderr, stdout } of runs) {
      assertMatch(stdout + stderr, /hint/);
      assertNotMatch(stdout + stderr, /--allow-/);
    }
    await using host = await HostProgram.start(["--json"], {
      env: { HOME: "home", XDG_CONFIG_HOME: "" },
    });
    const { hint } = await host.event("warning", ({ code }) => code === "temporary-identity");
    assertMatch(hint!, /HOME/);
    assertNotMatch(host.stdout.text, /--allow-/);
  });
}
