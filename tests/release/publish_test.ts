import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { emptyDirectory } from "../support/program.ts";
import { StdMirror } from "../support/std_mirror.ts";
import { test } from "../support/test.ts";

const ROOT = new URL("../../", import.meta.url);

/** The packages of `@std` that npm has. */
const STD = new URL("../", import.meta.resolve("@std/assert"));

/** Runs Deno in the root. @returns What it printed; an error has all that it printed to stderr, too. */
async function deno(args: readonly string[], env?: Record<string, string>): Promise<string> {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, errors);
  return printed! + errors;
}

/** Checks what a dry run printed: no warning, and only what users of the package need. */
function assertPublishes(printed: string): void {
  const files = printed.matchAll(/^ +(file:.+) \(.+\)$/gm);
  const names = Array.from(files, ([, url]) => url!.slice(ROOT.href.length).split("/", 1)[0]!);
  assertEquals([...new Set(names)].sort(), [...config.publish.include, "deno.json"].sort());
  assertEquals(printed.match(/^(?:warning|error).*/gm), null);
  assertMatch(printed, /^Success Dry run complete$/m);
}

test("deno publish finds nothing wrong", async () => {
  assertPublishes(await deno(["publish", "--dry-run", "--allow-dirty"]));
});

test("deno task ok:jsr finds nothing wrong with @std from a mirror of JSR", async () => {
  await using mirror = new StdMirror(STD);
  // A cache without modules of JSR, and with the packages of npm.
  const cache = emptyDirectory();
  await Deno.symlink(new URL("../../../", STD), `${cache}/npm`);
  assertPublishes(await deno(["task", "ok:jsr"], { DENO_DIR: cache, JSR_URL: mirror.url }));
});
