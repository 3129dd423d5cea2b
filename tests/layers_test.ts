import { assertEquals } from "@std/assert";
import { test } from "./support/test.ts";

/** The folders and files of lib/: each may import itself and what stands before it. */
const LAYERS = [
  "errors.ts",
  "clock.ts",
  "rate_limiter.ts",
  "address.ts",
  "permission.ts",
  "bounded_map.ts",
  "session_events.ts",
  "bytes",
  "crypto",
  "wire",
  "handshake",
  "channel",
  "room",
  "relay",
  "store",
  "net",
  "session",
  "ui",
  "cli",
];

/** What one folder alone may touch. */
const RESERVED = [
  { folder: "crypto", what: "WebCrypto", pattern: /\bsubtle\b|node:crypto/ },
  {
    folder: "net",
    what: "sockets",
    pattern: /\bDeno\.(?:listen|connect)|node:(?:net|http|tls|dgram|dns)/,
  },
];

/** A module of the program, named by its path from the root. */
interface Module {
  readonly path: string;
  readonly source: string;
  readonly imports: readonly string[];
}

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

const ROOT = new URL("../", import.meta.url).href;

/** All modules of the program, with what they import for its code or its types. */
async function modulesOf(entry: string): Promise<Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: new URL(ROOT),
    stderr: "inherit",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
  return await Promise.all(
    modules.filter(({ specifier }) => isOwn(specifier)).map(
      async ({ specifier, local, dependencies = [] }) => ({
        path: specifier.slice(ROOT.length),
        source: await Deno.readTextFile(local!),
        imports: dependencies.flatMap(({ code, type }) => [code?.specifier, type?.specifier])
          .filter((target) => target !== undefined && isOwn(target))
          .map((target) => target!.slice(ROOT.length)),
      }),
    ),
  );
}

/** Whether it is code of this repository; deno.json, of which the version is read, is not. */
function isOwn(specifier: string): boolean {
  return specifier.startsWith(ROOT) && specifier.endsWith(".ts") && !isDeclaration(specifier);
}

/** Whether a file only declares the types of outside modules. */
function isDeclaration(file: string): boolean {
  return file.endsWith(".d.ts");
}

/** The folder or file of lib/ that a module belongs to; `undefined` for one outside. */
function layerOf(path: string): string | undefined {
  return path.startsWith("lib/") ? path.split("/")[1] : undefined;
}

/** What is wrong with a program, one line each. */
function faults(modules: readonly Module[]): string[] {
  return modules.flatMap((module) => [
    ...importFaults(module),
    ...RESERVED.filter(({ folder, pattern }) =>
      layerOf(module.path) !== folder && pattern.test(module.source)
    ).map(({ what, folder }) => `${module.path} touches ${what}, which only ${folder} may`),
    ...layerOf(module.path) === "relay" && reaches(modules, module.path, "room")
      ? [`${module.path} reaches room`]
      : [],
  ]);
}

function importFaults({ path, imports }: Module): string[] {
  const layer = layerOf(path);
  const rank = layer === undefined ? LAYERS.length : LAYERS.indexOf(layer);
  if (rank < 0) return [`${path} is in no known layer`];
  return imports.flatMap((target) => {
    const other = layerOf(target);
    if (other === layer) return [];
    if (other === undefined || LAYERS.indexOf(other) > rank) {
      return [`${path} may not import ${target}`];
    }
    if (target !== `lib/${other}` && target !== `lib/${other}/mod.ts`) {
      return [`${path} imports ${target} past its mod.ts`];
    }
    return [];
  });
}

/** Whether a module imports a folder, itself or through others. */
function reaches(modules: readonly Module[], from: string, folder: string): boolean {
  const seen = new Set([from]);
  for (const path of seen) {
    if (layerOf(path) === folder) return true;
    const module = modules.find((module) => module.path === path);
    module?.imports.forEach((target) => seen.add(target));
  }
  return false;
}

/** All TypeScript files of a folder. */
function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(`${folder}${name}/`) : [`${folder}${name}`]
  );
}

test("lib: each folder imports only those before it, and only their mod.ts", async () => {
  const modules = await modulesOf("main.ts");
  assertEquals(faults(modules), []);
  assertEquals(
    modules.map(({ path }) => path).filter((path) => path.startsWith("lib/")).sort(),
    filesOf("lib/").filter((file) => !isDeclaration(file)).sort(),
    "a module is no part of the program",
  );
});

test("lib: what breaks the order is found", () => {
  const module = (path: string, imports: string[] = [], source = ""): Module => ({
    path,
    imports,
    source,
  });
  const found = faults([
    module("main.ts", ["lib/cli/mod.ts", "lib/cli/run.ts"]),
    module("lib/clock.ts", ["lib/errors.ts"]),
    module("lib/crypto/hash.ts", ["lib/bytes/mod.ts"], "crypto.subtle.digest"),
    module("lib/net/dial.ts", [], "Deno.connect({ port })"),
    module("lib/room/mod.ts", ["lib/room/room.ts"]),
    module("lib/wire/frame.ts", ["lib/channel/mod.ts"]),
    module("lib/store/place.ts", ["lib/bytes/hex.ts", "tests/support/keys.ts"]),
    module("lib/cli/run.ts", [], "const { subtle } = crypto; Deno.listen({ port });"),
    module("lib/channel/mod.ts", ["lib/room/mod.ts"]),
    module("lib/relay/host.ts", ["lib/channel/mod.ts"]),
    module("lib/other/mod.ts"),
  ]);
  assertEquals(found, [
    "main.ts imports lib/cli/run.ts past its mod.ts",
    "lib/wire/frame.ts may not import lib/channel/mod.ts",
    "lib/store/place.ts imports lib/bytes/hex.ts past its mod.ts",
    "lib/store/place.ts may not import tests/support/keys.ts",
    "lib/cli/run.ts touches WebCrypto, which only crypto may",
    "lib/cli/run.ts touches sockets, which only net may",
    "lib/channel/mod.ts may not import lib/room/mod.ts",
    "lib/relay/host.ts reaches room",
    "lib/other/mod.ts is in no known layer",
  ]);
});
