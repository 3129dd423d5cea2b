/**
 * The install script of this system with the archive of this system. The release workflow tries it on each system, with
 * the release in the directory that `LANCHAT_RELEASE` names; else it is a release of the compiled program.
 * `tests/release/install_test.ts` tries more, with stand-ins.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { archiveName, programName, TARGETS } from "../../release/binary.ts";
import { BINARY, emptyDirectory, environment } from "../support/program.ts";
import { makeInCopy } from "../support/release_copy.ts";
import {
  output,
  type ReleaseFiles,
  ReleaseServer,
  SigningKey,
  signSums,
  sumLine,
} from "../support/release_server.ts";

const RELEASE = Deno.env.get("LANCHAT_RELEASE") ??
  (BINARY && await makeInCopy(["release:archives", "release:packages"], { program: BINARY }));

const WINDOWS = Deno.build.os === "windows";

/** The shells of this system that can run its script. */
const SHELLS: readonly (readonly string[])[] = WINDOWS
  ? ["powershell", "pwsh"].map((
    shell,
  ) => [shell, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File"])
  : [["sh"]];

/** The script in a release, with another address and key. */
async function scriptFor(address: string, key: string): Promise<string> {
  const name = WINDOWS ? "install.ps1" : "install.sh";
  const script = await Deno.readTextFile(`${RELEASE}/${name}`);
  const file = `${emptyDirectory()}/${name}`;
  await Deno.writeTextFile(
    file,
    script
      .replace(/^(\$Releases = |RELEASES=).*$/m, (_, start) => `${start}'${address}'`)
      .replace(/^(\$Key = |KEY=).*$/m, (_, start) => `${start}'${key}'`),
  );
  return file;
}

if (RELEASE !== undefined) {
  for (const shell of SHELLS) {
    Deno.test(`the script installs and removes the release of this system: ${shell[0]}`, async () => {
      const key = await SigningKey.generate();
      const target = TARGETS.find(({ triple }) => triple === Deno.build.target)!;
      const archive = archiveName(target);
      const bytes = await Deno.readFile(`${RELEASE}/${archive}`);
      const files: ReleaseFiles = new Map([[archive, bytes]]);
      await signSums(key, files, await sumLine(archive, bytes));
      await using server = new ReleaseServer();
      server.add(config.version, files);
      const script = await scriptFor(server.address, key.publicKey);
      const cwd = emptyDirectory();
      const prefix = "ada's place";
      const place = WINDOWS ? ["-Directory", prefix] : ["--prefix", prefix];
      const program = `${cwd}/${prefix}/${WINDOWS ? "" : "bin/"}${programName(target)}`;
      const run = (...args: string[]): Promise<string> =>
        output(shell[0]!, [...shell.slice(1), script, ...place, ...args], {
          cwd,
          env: environment(),
        });
      const fails = async (): Promise<string> => {
        const { message } = await run().then(() => new Error("It did not fail."), (error) => error);
        await Deno.stat(program).then(() => assert(false, "something was installed"), () => {});
        return message;
      };

      const right = files.get("SHA256SUMS.sig")!;
      files.set(
        "SHA256SUMS.sig",
        await (await SigningKey.generate()).sign(files.get("SHA256SUMS")!),
      );
      assertMatch(await fails(), /The signature of SHA256SUMS is wrong/);
      files.set("SHA256SUMS.sig", right);
      files.set(archive, bytes.slice(1));
      assertMatch(await fails(), /The checksum of \S+ is wrong/);
      files.set(archive, bytes);
      server.cut = archive;
      assertMatch(await fails(), /Cannot download |The checksum of \S+ is wrong/);
      server.cut = "";

      assertStringIncludes(await run(), `lanchat ${config.version} is installed in `);
      assertStringIncludes(await output(program, ["--version"]), `lanchat ${config.version} `);
      assertStringIncludes(await run(), ", and is the latest version.");
      const again = await run(WINDOWS ? "-Version" : "--version", `v${config.version}`);
      assertStringIncludes(again, `, in place of ${config.version}.`);
      assertStringIncludes(await run(WINDOWS ? "-Uninstall" : "--uninstall"), "Removed lanchat");
      assertEquals(await Deno.stat(program).then(() => true, () => false), false);
    });
  }
}
