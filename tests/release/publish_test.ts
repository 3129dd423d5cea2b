import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import jsr from "../../jsr.json" with { type: "json" };
import { emptyDirectory } from "../support/program.ts";
import { StdMirror } from "../support/std_mirror.ts";
import { test } from "../support/test.ts";

const ROOT = new URL("../../", import.meta.url);

/** The packages of `@std` that npm has. */
const STD = new URL("../", import.meta.resolve("@std/assert"));

/** Runs Deno in the root. @returns What it printed; an error has all that it printed to stderr, too. */
async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, errors);
  return printed! + errors;
}

/** Runs Deno with jsr.json, a mirror for JSR, and an empty cache but for the packages of npm. */
async function denoWithJsr(command: readonly string[], ...args: string[]): Promise<string> {
  await using mirror = new StdMirror(STD);
  const cache = emptyDirectory();
  await Deno.symlink(new URL("../../../", STD), `${cache}/npm`);
  return await deno([...command, "--import-map=jsr.json", "--no-lock", ...args], {
    DENO_DIR: cache,
    JSR_URL: mirror.url,
  });
}

/** Checks what a dry run printed: no warning, and only what users of the package need. */
function assertPublishes(printed: string): void {
  const files = printed.matchAll(/^ +(file:.+) \(.+\)$/gm);
  const names = Array.from(files, ([, url]) => url!.slice(ROOT.href.length).split("/", 1)[0]!);
  assertEquals([...new Set(names)].sort(), [...config.publish.include, "deno.json"].sort());
  assertEquals(printed.match(/^(?:warning|error).*/gm), null);
  assertMatch(printed, /^Success Dry run complete$/m);
}

test("jsr.json names the modules of deno.json, those of @std by their packages", () => {
  const modules = Object.entries(config.imports).map(([name, target]) => {
    const [, std, module] = /^(@std\/\w+)(\/.+)?$/.exec(name) ?? [];
    return [name, std === undefined ? target : `jsr:${std}@1${module ?? ""}`];
  });
  assertEquals(jsr, { imports: Object.fromEntries(modules) });
});

test("the program, and each module of @std, runs from JSR", async () => {
  assertMatch(await denoWithJsr(["run", "--allow-net"], "main.ts", "--version"), /^lanchat /);
  const modules = Object.keys(jsr.imports).filter((name) => name.startsWith("@std/"));
  const program = `${emptyDirectory()}/program.ts`;
  const imports = modules.map((name) => `await import(${JSON.stringify(name)});`);
  await Deno.writeTextFile(program, `${imports.join("\n")}\nconsole.log("done");\n`);
  assertMatch(await denoWithJsr(["run"], program), /^done$/m);
});

test("deno publish finds nothing wrong, with npm and with JSR", async () => {
  const publish = ["publish", "--dry-run", "--allow-dirty"];
  assertPublishes(await deno(publish));
  assertPublishes(await denoWithJsr(publish));
});
