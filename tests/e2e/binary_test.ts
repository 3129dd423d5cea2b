import { assertEquals } from "@std/assert";
import { BINARY, emptyDirectory, run } from "../support/program.ts";

/** Why a test of the compiled program cannot be made here; `undefined` where it can. */
const OBSTACLE: string | undefined = obstacle();

const why = OBSTACLE === undefined ? "" : ` (left out: ${OBSTACLE})`;

Deno.test({
  name: `the compiled program opens nothing in the temporary directory${why}`,
  ignore: OBSTACLE !== undefined,
  async fn() {
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
});

function obstacle(): string | undefined {
  if (BINARY === undefined) return "LANCHAT_BINARY is not set";
  try {
    const { success } = new Deno.Command("strace", { args: ["-V"] }).outputSync();
    return success ? undefined : "strace does not work here";
  } catch (error) {
    return `strace does not start: ${(error as Error).message}`;
  }
}
