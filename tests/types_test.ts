import { assert, assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { test } from "./support/test.ts";

const ROOT = new URL("../", import.meta.url);

/** The modules that the import map names; not data, which has the type of its content. */
const MODULES = Object.keys(config.imports).filter((module) => !module.endsWith(".json"));

/** The functions and classes that lib/types declares, by module. */
async function declarations(): Promise<Map<string, Set<string>>> {
  const declared = new Map<string, Set<string>>();
  for (const file of config.compilerOptions.types) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    for (const part of source.split(/^declare module /m).slice(1)) {
      const [, module] = /^"(.+?)"/.exec(part)!;
      const names = part.matchAll(/^ {2}export (?:function|class|const) (\w+)/gm);
      declared.set(module!, new Set(Array.from(names, ([, name]) => name!)));
    }
  }
  return declared;
}

/** The errors that `deno check` finds in a program under this project's configuration. */
async function typeErrors(source: string): Promise<string[]> {
  const directory = await Deno.makeTempDir({ prefix: "lanchat-types-" });
  try {
    const file = `${directory}/program.ts`;
    await Deno.writeTextFile(file, source);
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", fileURLToPath(new URL("deno.json", ROOT)), file],
      env: { NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stderr).match(/TS\d+ .*/g) ?? [];
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

test("lib/types declares only what the modules export", async () => {
  for (const [module, names] of await declarations()) {
    assert(MODULES.includes(module), module);
    assert(names.size > 0, module);
    const exported = await import(module);
    for (const name of names) assertEquals(typeof exported[name], "function", `${module} ${name}`);
  }
});

// One program for all modules: each `deno check` takes about a second to start the compiler.
test("deno check finds a name that a module of the import map does not export, and a wrong call", async () => {
  const names = MODULES.map((module, i) =>
    `import * as module${i} from ${JSON.stringify(module)};\nmodule${i}.noSuchThing();`
  );
  const calls = [
    [`import { encodeHex } from "@std/encoding";`, `encodeHex(1);`],
    [`import { parseArgs } from "@std/cli/parse-args";`, `parseArgs([], { bolean: ["json"] });`],
    [`import { decode } from "dns-packet";`, `decode("packet");`],
  ].map((lines) => lines.join("\n"));
  const errors = await typeErrors([...names, ...calls].join("\n"));
  assertEquals(errors.map((error) => error.split(" ")[0]), [
    ...MODULES.map(() => "TS2339"),
    "TS2345",
    "TS2561",
    "TS2345",
  ]);
});

test("parseArgs splits a command line", () => {
  const options = { "--": true, alias: { h: "help" }, boolean: ["help"], string: ["name", "_"] };
  assertEquals(parseArgs(["-h", "1", "--name=2", "--", "--x"], options), {
    _: ["1"],
    "--": ["--x"],
    h: true,
    help: true,
    name: "2",
  });
});
