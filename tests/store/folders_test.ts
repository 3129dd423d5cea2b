import { assert, assertEquals } from "@std/assert";
import { isAbsolute } from "node:path";
import { absolutePath, homeDirectory, listFolder } from "../../lib/store/mod.ts";
import { test } from "../support/test.ts";

test("listFolder lists names in order, and says which are folders, or links to one", async () => {
  const root = await Deno.makeTempDir();
  await Deno.mkdir(`${root}/b`);
  await Deno.writeTextFile(`${root}/a`, "");
  await Deno.symlink("b", `${root}/c`);
  await Deno.symlink("nowhere", `${root}/d`);
  assertEquals(
    listFolder(root).map(({ isFolder, name }) => `${name}${isFolder ? "/" : ""}`),
    ["a", "b/", "c/", "d"],
  );
  assertEquals(listFolder(`${root}/a`), []);
  assertEquals(listFolder(`${root}/none`), []);
  await Deno.remove(root, { recursive: true });
});

test("homeDirectory is the one that the system's variables name", () => {
  const of = (os: typeof Deno.build.os, value?: string): string | undefined =>
    homeDirectory({ os, env: () => value });
  assertEquals(of("linux", "/home/ada"), "/home/ada");
  assertEquals(of("linux", ""), undefined);
  assertEquals(of("windows"), undefined);
  assertEquals(of("windows", "/Users/ada/AppData/Roaming"), "/Users/ada");
});

test("absolutePath begins a relative path at the current directory", () => {
  assert(isAbsolute(absolutePath("in")));
  assertEquals(absolutePath("/tmp/in"), "/tmp/in");
});
