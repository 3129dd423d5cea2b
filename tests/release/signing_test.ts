/** What the workflow does with a release between its packages and its publication. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { blocksOf, read } from "../docs/documents.ts";
import { emptyDirectory } from "../support/program.ts";
import { makeInCopy } from "../support/release_copy.ts";
import { output, type ReleaseFiles, ReleaseServer, SigningKey } from "../support/release_server.ts";
import { missing, testUnless } from "../support/tools.ts";

const OBSTACLE = missing("curl", "dpkg-deb", "gzip", "sha256sum", "ssh-keygen", "tar", "zip");

const VERSION = "7.0.0";

/** The script of a step of the workflow. */
function step(name: string): string {
  const [, indent, script] = new RegExp(
    `^( +)- name: ${name}\\n(?:\\1  (?! *run:).*\\n)*\\1  run: \\|\\n((?:\\1    .*\\n)+)`,
    "m",
  ).exec(read(".github/workflows/release.yml"))!;
  return script!.replaceAll(`${indent}    `, "");
}

/** Runs the steps that follow the packages, with a key in place of the secret. @returns The files to publish. */
async function signed(cwd: string, key: SigningKey): Promise<ReleaseFiles> {
  const RUNNER_TEMP = emptyDirectory();
  await Deno.writeTextFile(`${RUNNER_TEMP}/NOTES.md`, "");
  const env = { RUNNER_TEMP, SIGNING_KEY: (await Deno.readTextFile(key.file)).trimEnd() };
  for (const name of ["Write the checksums", "Sign the checksums"]) {
    await output("bash", ["-e", "-o", "pipefail", "-c", step(name)], { cwd, env });
  }
  assertEquals([...Deno.readDirSync(RUNNER_TEMP)], []);
  const [, files] = /--notes-file NOTES\.md (.+)/.exec(step("Publish"))!;
  const published = await output("sh", ["-c", `echo ${files}`], { cwd });
  const names = published.trimEnd().split(" ");
  return new Map(names.map((name) => [name, Deno.readFileSync(`${cwd}/${name}`)]));
}

testUnless(
  OBSTACLE,
  "what the workflow publishes can be installed with the script that it publishes",
  async () => {
    const key = await SigningKey.generate();
    const directory = await makeInCopy(["release:archives", "release:packages"], {
      publicKey: key.publicKey,
      version: VERSION,
      stand: (name) => `#!/bin/sh\necho "lanchat ${VERSION} (${name})"\n`,
    });
    const files = await signed(directory, key);
    const sums = new TextDecoder().decode(files.get("SHA256SUMS")).trimEnd().split("\n");
    const listed = sums.map((line) => line.split("  ")[1]);
    assertEquals(listed, [...files.keys()].filter((name) => !name.startsWith("SHA256SUMS")));
    // What docs/INSTALL.md verifies by hand.
    const [block] = blocksOf("docs/INSTALL.md").filter(({ text }) => text.includes("-Y verify"));
    const env = { KEY: key.publicKey };
    const verified = await output("sh", ["-ec", block!.text], { cwd: directory, env });
    assertStringIncludes(verified, `lanchat_${VERSION}_amd64.deb: OK\n`);
    await using server = new ReleaseServer();
    server.add(VERSION, files);
    const home = emptyDirectory();
    const script = (await Deno.readTextFile(`${directory}/install.sh`))
      .replace(/^RELEASES=.*$/m, `RELEASES=${server.address}`)
      .replace(/^KEY=.*$/m, `KEY='${key.publicKey}'`);
    await Deno.writeTextFile(`${home}/install.sh`, script);
    await output("sh", ["install.sh"], { cwd: home, env: { HOME: home } });
    const version = await output(`${home}/.local/bin/lanchat`, ["--version"]);
    assertStringIncludes(version, `lanchat ${VERSION} (`);
  },
);

testUnless(OBSTACLE, "the workflow publishes nothing that another key has signed", async () => {
  const key = await SigningKey.generate();
  const directory = await makeInCopy(["release:archives", "release:packages"], {
    publicKey: key.publicKey,
  });
  const error = await signed(directory, await SigningKey.generate()).then(
    () => "",
    ({ message }) => message,
  );
  assertStringIncludes(error, "Could not verify signature");
});
