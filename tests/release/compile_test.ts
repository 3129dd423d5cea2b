import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { cp } from "node:fs/promises";
import { toHex } from "../../lib/bytes/mod.ts";
import { emptyDirectory } from "../support/program.ts";
import { test } from "../support/test.ts";

/** What a compilation reads. */
const SOURCES = ["deno.json", "deno.lock", "lib", "main.ts", "release"];

/** Compiles a copy of the sources. @returns The hash of the binary, and what the task printed. */
async function compile(
  directory: string,
  env: Record<string, string> = {},
): Promise<{ hash: string; printed: string }> {
  for (const name of SOURCES) {
    await cp(new URL(`../../${name}`, import.meta.url), `${directory}/${name}`, {
      recursive: true,
    });
  }
  const { stderr, stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "compile"],
    cwd: directory,
    // The real base of a binary would be downloaded. On Deno itself, it is none that runs lanchat.
    env: { NO_COLOR: "1", DENORT_BIN: Deno.execPath(), ...env },
  }).output();
  const decoder = new TextDecoder();
  const printed = decoder.decode(stderr) + decoder.decode(stdout);
  assert(success, printed);
  const files = [...Deno.readDirSync(`${directory}/dist`)].map(({ name }) => name);
  assertEquals(files.length, 1, `${files}`);
  const binary = await Deno.readFile(`${directory}/dist/${files[0]}`);
  return { hash: toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", binary))), printed };
}

test("deno task compile makes the same bytes in another directory at another time", async () => {
  const first = emptyDirectory();
  const second = `${emptyDirectory()}/under/an é`;
  const [{ hash, printed }, other, later] = [
    await compile(first),
    await compile(second),
    await compile(first, { SOURCE_DATE_EPOCH: "1700000000" }),
  ];
  assertEquals(other.hash, hash);
  assertNotEquals(later.hash, hash, "the time is no part of the binary");
  assertMatch(
    printed,
    /^dist.lanchat.*: .* [01]\.\d MB of it lanchat, in \d+ modules; starts in \d+ ms$/m,
  );
  const embedded = /^Embedded Files\n\n.*\n([^]*?)\n\nFiles/m.exec(printed)![1]!.split("\n");
  for (const line of embedded) assertMatch(line, /^[├└]── [\w-]+\.js \(/);
});
