import { assertEquals, assertStringIncludes } from "@std/assert";
import { delimiter, dirname } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { blocksOf } from "../docs/documents.ts";
import { emptyDirectory, environment } from "../support/program.ts";
import { output } from "../support/release_server.ts";
import { test } from "../support/test.ts";

const ROOT = new URL("../../", import.meta.url);

/** The arguments of Deno that install lanchat from source, as a document has them. */
function argumentsIn(path: string): string[] {
  const [line, ...others] = blocksOf(path).map(({ text }) => text.trimEnd())
    .filter((text) => / install --global /.test(text));
  assertEquals(others, []);
  return line!.slice(line!.indexOf(" install ")).trim().split(" ");
}

test("lanchat from source is installed, runs elsewhere, and is removed, as the documents say", async () => {
  const args = argumentsIn("docs/INSTALL.md");
  assertEquals(argumentsIn("README.md"), args);
  const root = emptyDirectory();
  const env = { DENO_INSTALL_ROOT: root };
  await output(Deno.execPath(), args, { cwd: ROOT, env });
  const program = `${root}/bin/lanchat${Deno.build.os === "windows" ? ".cmd" : ""}`;
  // It finds Deno by its name.
  const PATH = `${dirname(Deno.execPath())}${delimiter}${Deno.env.get("PATH")}`;
  const elsewhere = { cwd: emptyDirectory(), env: { ...environment(), PATH } };
  const version = await output(program, ["--version"], elsewhere);
  assertStringIncludes(version, `lanchat ${config.version} (source, `);
  // It has the permissions to keep an identity.
  assertStringIncludes(await output(program, ["id"], elsewhere), "\nkept in ");
  await output(Deno.execPath(), ["uninstall", "--global", "lanchat"], { env });
  assertEquals([...Deno.readDirSync(`${root}/bin`)].map(({ name }) => name), []);
});
