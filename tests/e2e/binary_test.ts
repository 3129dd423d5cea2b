import { assertEquals } from "@std/assert";
import { BINARY, emptyDirectory, run } from "../support/program.ts";
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
}
