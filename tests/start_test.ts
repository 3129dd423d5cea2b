import { assertEquals } from "@std/assert";
import { test } from "./support/test.ts";

/** Outside modules that each run loads; every other one would make each start slower. */
const LOADED = [
  "node:buffer",
  "node:dgram",
  "node:os",
  "node:path",
  "node:process",
  "npm:deno-std",
  "npm:unhomoglyph",
];

interface Info {
  readonly roots: readonly [string];
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/** The modules that a module imports at once, itself or through others. */
async function loadedWith(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    stderr: "inherit",
  }).output();
  const { modules, redirects, roots } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
  const loaded = new Set(roots);
  for (const specifier of loaded) {
    const { dependencies = [] } = modules.find((module) => module.specifier === specifier) ?? {};
    for (const { code, isDynamic = false } of dependencies) {
      const target = isDynamic ? undefined : code?.specifier;
      if (target !== undefined) loaded.add(redirects[target] ?? target);
    }
  }
  return [...loaded];
}

test("main.ts loads no outside module that most runs need not", async () => {
  const outside = (await loadedWith("main.ts"))
    .filter((specifier) => !specifier.startsWith("file:"))
    .map((specifier) => specifier.replace(/^npm:\/?/, "npm:").replace(/@.*$/, ""));
  assertEquals([...new Set(outside)].sort(), LOADED);
});

test("no module runs a loop at the start for which V8 loads its compiler, 4 MiB of memory", async () => {
  const imports = ["cli/mod.ts", "ui/terminal.ts"]
    .map((module) => `await import(${JSON.stringify(import.meta.resolve(`../lib/${module}`))});`);
  const program = `data:application/javascript,${encodeURIComponent(imports.join(""))}`;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-all",
      "--config=deno.json",
      "--v8-flags=--trace-opt",
      program,
    ],
    stderr: "inherit",
  }).output();
  assertEquals([new TextDecoder().decode(stdout), success], ["", true]);
});

test("no module makes a segmenter of texts at the start, which takes 10 ms", async () => {
  const imports = ["cli/mod.ts", "ui/terminal.ts", "broker/mod.ts"]
    .map((module) => `await import(${JSON.stringify(import.meta.resolve(`../lib/${module}`))});`);
  const refusal = "Intl.Segmenter = class { constructor() { throw new Error('too early'); } };";
  const program = `data:application/javascript,${encodeURIComponent(refusal + imports.join(""))}`;
  const { stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", "--config", "deno.json", program],
  }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
});
