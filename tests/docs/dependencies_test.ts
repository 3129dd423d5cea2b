/** docs/DEPENDENCIES.md and jsr.json have each module of the import map. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import jsr from "../../jsr.json" with { type: "json" };
import { test } from "../support/test.ts";
import { read, sourcesOf, spansOf } from "./documents.ts";

const MODULES = Object.keys(config.imports);

const DOCUMENT = read("docs/DEPENDENCIES.md");

/** The rows of the table. */
const ROWS = [...DOCUMENT.matchAll(/^\| `.+$/gm)].map(([row]) => {
  const [module, why, reaches, folders, license, maintainer] = row.split("|").slice(1)
    .map((cell) => cell.trim());
  return {
    module: module!.slice(1, -1),
    why: why!,
    reaches: reaches!,
    folders: spansOf(folders!),
    license: license!,
    maintainer: maintainer!,
  };
});

/** The folders with code, as far as the table names them. */
const FOLDERS = [
  ...[...Deno.readDirSync(new URL("../../lib/", import.meta.url))]
    .filter(({ isDirectory, name }) => isDirectory && name !== "types")
    .map(({ name }) => `lib/${name}`).sort(),
  "bench",
  "release",
  "tests",
];

const SOURCES = FOLDERS.map((folder) => ({
  folder,
  // Without the examples in comments.
  source: sourcesOf(folder).map(read).join("\n").replaceAll(/^ *\*.*$/gm, ""),
}));

/** The folders that import a module. */
function importersOf(module: string): string[] {
  const pattern = new RegExp(
    String.raw`^[^"\n\`]*(?:from |import\()"${RegExp.escape(module)}"`,
    "m",
  );
  return SOURCES.filter(({ source }) => pattern.test(source)).map(({ folder }) => folder);
}

/** The license that a package names. */
async function licenseOf(module: string): Promise<string> {
  const path = import.meta.resolve(module);
  const [root] = /^.+\/\d+\.\d+\.\d+\//.exec(path)!;
  const { license } = JSON.parse(await Deno.readTextFile(new URL("package.json", root)));
  return license.replace(/^\((.+)\)$/, "$1");
}

test("docs/DEPENDENCIES.md has the modules of the import map, and where they are imported", () => {
  assertEquals(
    ROWS.map(({ folders, module }) => [module, ...folders]),
    MODULES.map((module) => [module, ...importersOf(module)]),
  );
});

test("docs/DEPENDENCIES.md says why each module is there, what reaches it, its license and maintainer", async () => {
  for (const { folders, license, maintainer, module, reaches, why } of ROWS) {
    assert(why !== "" && maintainer !== "", module);
    const inProgram = folders.filter((folder) => folder.startsWith("lib/"));
    assert(inProgram.length <= 1, `the program imports ${module} in ${inProgram}`);
    assertEquals(reaches !== "", inProgram.length === 1, module);
    assertEquals(license, await licenseOf(module), module);
  }
});

test("docs/DEPENDENCIES.md names each package of deno.lock, which has its hash", () => {
  const { npm } = JSON.parse(read("deno.lock")) as {
    readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
  };
  const spans = spansOf(DOCUMENT);
  for (const [key, { integrity }] of Object.entries(npm)) {
    assertMatch(integrity, /^sha512-/, key);
    const name = key.slice(0, key.lastIndexOf("@"));
    assert(spans.some((span) => `${span}/`.startsWith(`${name}/`)), name);
  }
});

test("jsr.json names the modules of deno.json, those of @std by their packages", () => {
  const modules = Object.entries(config.imports).map(([name, target]) => {
    const [, std, module] = /^(@std\/\w+)(\/.+)?$/.exec(name) ?? [];
    return [name, std === undefined ? target : `jsr:${std}@1${module ?? ""}`];
  });
  assertEquals(jsr, { imports: Object.fromEntries(modules) });
});
