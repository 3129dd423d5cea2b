/** The package for Debian of the compiled program. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { BINARY, emptyDirectory } from "../support/program.ts";
import { makeInCopy } from "../support/release_copy.ts";
import { output } from "../support/release_server.ts";
import { missing, testUnless } from "../support/tools.ts";

if (BINARY !== undefined) {
  testUnless(
    missing("dpkg", "dpkg-deb", "gzip", "lintian", "objdump", "tar", "zip") ??
      (Deno.uid() === 0 ? undefined : "only root may do this"),
    "lintian accepts the .deb, and dpkg installs and removes it, with a program that runs",
    async () => {
      const tasks = ["release:archives", "release:packages"];
      const release = await makeInCopy(tasks, { program: BINARY! });
      const deb = `${release}/lanchat_${config.version}_amd64.deb`;
      assertEquals(await output("lintian", ["--allow-root", "--fail-on=error,warning", deb]), "");
      const root = emptyDirectory();
      await Deno.mkdir(`${root}/var/lib/dpkg`, { recursive: true });
      const force = ["--force-script-chrootless", "--force-depends"];
      await output("dpkg", [`--root=${root}`, ...force, "--install", deb]);
      const version = await output(`${root}/usr/bin/lanchat`, ["--version"]);
      assertStringIncludes(version, `lanchat ${config.version} `);
      await output("dpkg", [`--root=${root}`, ...force, "--remove", "lanchat"]);
      assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["var"]);
    },
  );

  testUnless(
    missing("objdump"),
    "the .deb depends on a C library that has what the program uses",
    async () => {
      const symbols = await output("objdump", ["-T", BINARY!]);
      const used = [...symbols.matchAll(/\(GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
      const template = new URL("../../release/packages/deb/control", import.meta.url);
      const control = await Deno.readTextFile(template);
      assertMatch(control, new RegExp(`^Depends: libc6 \\(>= 2\\.${Math.max(...used)}\\),`, "m"));
    },
  );
}
