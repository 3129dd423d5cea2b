/**
 * `install.sh` against releases on the loopback interface, and as much of `install.ps1` as can be tested without
 * PowerShell.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { archiveName, TARGETS } from "../../release/binary.ts";
import { RELEASE_KEY, RELEASES } from "../../release/publisher.ts";
import { read } from "../docs/documents.ts";
import { emptyDirectory } from "../support/program.ts";
import {
  makeRelease,
  output,
  type ReleaseFiles,
  ReleaseServer,
  SigningKey,
  signSums,
  sumLine,
} from "../support/release_server.ts";
import { missing, testUnless } from "../support/tools.ts";

const SCRIPT = read("install.sh");

const POWERSHELL = read("install.ps1");

/** The programs that the script runs, beside those that download. */
const TOOLS = [
  ...["awk", "cat", "dirname", "grep", "gzip", "head", "mkdir", "mktemp", "mv", "rm"],
  ...["sha256sum", "ssh-keygen", "tar", "tr"],
];

const OBSTACLE = missing("curl", "unshare", "wget", ...TOOLS);

/** What is installed, below the prefix. */
const INSTALLED = [
  "bin/lanchat",
  "share/bash-completion/completions/lanchat",
  "share/fish/vendor_completions.d/lanchat.fish",
  "share/man/man1/lanchat.1",
  "share/zsh/site-functions/_lanchat",
];

const OLD = "0.9.0";

const NEW = "0.10.0";

/** The archive for Linux on x64. */
const ARCHIVE = `lanchat-${NEW}-linux-x64.tar.gz`;

const KEY = OBSTACLE === undefined ? await SigningKey.generate() : undefined!;

/** The files in a directory and below, by their paths from there. */
function filesIn(directory: string, below = ""): string[] {
  return [...Deno.readDirSync(`${directory}/${below}`)].flatMap(({ isDirectory, name }) =>
    isDirectory ? filesIn(directory, `${below}${name}/`) : [`${below}${name}`]
  ).sort();
}

/** The result of a run of the script. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server with two releases, and a machine with a home, a few programs, and a script that has their address and key. */
class Setting implements AsyncDisposable {
  readonly server = new ReleaseServer();
  readonly home: string = emptyDirectory();
  readonly prefix: string = `${this.home}/.local`;
  /** The programs of the machine: its search path. */
  readonly tools: string = emptyDirectory();
  /** The script. */
  script = SCRIPT
    .replace(/^RELEASES=.*$/m, `RELEASES=${this.server.address}`)
    .replace(/^KEY=.*$/m, `KEY='${KEY.publicKey}'`);
  readonly #ran = `${emptyDirectory()}/ran`;

  /** @param downloaders The programs of the machine that download. */
  static async open(...downloaders: readonly string[]): Promise<Setting> {
    const setting = new Setting();
    for (const tool of [...TOOLS, ...downloaders]) {
      const path = await output("sh", ["-c", `command -v ${tool}`]);
      await Deno.symlink(path.trim(), `${setting.tools}/${tool}`);
    }
    setting.plays("Linux", "x86_64");
    for (const version of [OLD, NEW]) {
      const lines = (name: string) =>
        `#!/bin/sh\necho ran >>${setting.#ran}\necho "lanchat ${version} (commit ${name}, Deno 2)"\n`;
      setting.server.add(version, await makeRelease(KEY, version, ({ name }) => lines(name)));
    }
    return setting;
  }

  /** The files of the latest release. */
  get files(): ReleaseFiles {
    return this.server.files(NEW);
  }

  /** Makes a script that stands in for a program. */
  pretend(program: string, script: string): void {
    Deno.writeTextFileSync(`${this.tools}/${program}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Lets the machine be of a kind. */
  plays(system: string, machine: string): void {
    this.pretend("uname", `case $1 in -s) echo '${system}' ;; *) echo '${machine}' ;; esac`);
  }

  /** Runs the script. */
  async run(
    args: readonly string[] = [],
    wrapper: (command: readonly string[]) => readonly string[] = (command) => command,
    path: string = this.tools,
  ): Promise<Result> {
    const file = `${this.tools}/../install-${crypto.randomUUID()}.sh`;
    await Deno.writeTextFile(file, this.script);
    const environment = ["/usr/bin/env", "-i", `HOME=${this.home}`, `PATH=${path}`];
    const [program, ...rest] = wrapper([...environment, "/bin/sh", file, ...args]);
    const { code, stderr, stdout } = await new Deno.Command(program!, { args: rest }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Runs the script, which must install. @returns What it printed. */
  async installs(...args: readonly string[]): Promise<string> {
    const { code, stderr, stdout } = await this.run(args);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(filesIn(this.prefix), INSTALLED);
    return stdout;
  }

  /** Runs the script, which must refuse before it runs or installs something. */
  async refuses(expected: RegExp, ...args: readonly string[]): Promise<void> {
    const { code, stderr, stdout } = await this.run(args);
    assertEquals([code, stdout], [1, ""], stderr);
    assertMatch(stderr, expected);
    this.assertUntouched();
  }

  /** Checks that nothing was run or installed. */
  assertUntouched(): void {
    assertEquals(filesIn(this.home), []);
    assertEquals(this.hasRun, false);
  }

  /** Whether a program of a release has run. */
  get hasRun(): boolean {
    try {
      return Deno.statSync(this.#ran).isFile;
    } catch {
      return false;
    }
  }

  /** Ends the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

/** Declares a test of the script on a machine with curl. */
function installTest(name: string, fn: (setting: Setting) => Promise<void>): void {
  testUnless(OBSTACLE, `install.sh ${name}`, async () => {
    await using setting = await Setting.open("curl");
    await fn(setting);
  });
}

installTest("installs the latest version, and says how to find it", async (setting) => {
  assertEquals(
    await setting.installs(),
    `lanchat ${NEW} is installed in ${setting.prefix}/bin.\n` +
      "To find it, add this line to ~/.profile, and log in again:\n" +
      `  export PATH="${setting.prefix}/bin:$PATH"\n`,
  );
  assertEquals(setting.server.asked, [
    "/latest/download/SHA256SUMS",
    `/download/v${NEW}/SHA256SUMS`,
    "/latest/download/SHA256SUMS.sig",
    `/download/v${NEW}/SHA256SUMS.sig`,
    `/download/v${NEW}/${ARCHIVE}`,
  ]);
  const program = await Deno.stat(`${setting.prefix}/bin/lanchat`);
  assertEquals(program.mode! & 0o777, 0o755);
  assertMatch(await output(`${setting.prefix}/bin/lanchat`, ["--version"]), /linux-x64/);
});

installTest(
  "names another lanchat that comes first, and the next step if none does",
  async (setting) => {
    const bin = `${setting.prefix}/bin`;
    const found = await setting.run([], undefined, `${setting.tools}:${bin}`);
    assertEquals(found.stdout.split("\n")[1], "To begin, type: lanchat");
    setting.pretend("lanchat", "exit 1");
    const hidden = await setting.run(["--version", NEW], undefined, `${setting.tools}:${bin}`);
    assertEquals(
      hidden.stdout.split("\n")[1],
      `Another lanchat comes first on your PATH: ${setting.tools}/lanchat`,
    );
  },
);

for (
  const { name, uname: [system, machine], translated } of [
    { name: "linux-x64", uname: ["Linux", "x86_64"] },
    { name: "linux-arm64", uname: ["Linux", "aarch64"] },
    { name: "macos-x64", uname: ["Darwin", "x86_64"], translated: 0 },
    { name: "macos-arm64", uname: ["Darwin", "x86_64"], translated: 1 },
    { name: "macos-arm64", uname: ["Darwin", "arm64"] },
  ] as const
) {
  installTest(`takes ${name} for ${system} on ${machine}`, async (setting) => {
    setting.plays(system, machine);
    if (translated !== undefined) setting.pretend("sysctl", `echo ${translated}`);
    assert(TARGETS.some((target) => target.name === name));
    await setting.installs();
    assertEquals(
      setting.server.asked.at(-1),
      `/download/v${NEW}/lanchat-${NEW}-${name}.tar.gz`,
    );
  });
}

installTest("refuses a system without a binary", async (setting) => {
  setting.plays("FreeBSD", "amd64");
  await setting.refuses(/error: There is no binary for FreeBSD on amd64\.\n.*from source/);
  assertEquals(setting.server.asked, []);
});

installTest("updates an old version, and leaves the latest one alone", async (setting) => {
  assertMatch(await setting.installs("--version", OLD), /^lanchat 0\.9\.0 is installed/);
  assertMatch(
    await setting.installs(),
    /^lanchat 0\.10\.0 is installed in .*, in place of 0\.9\.0\.\n/,
  );
  const before = setting.server.asked.length;
  assertMatch(
    await setting.installs(),
    /^lanchat 0\.10\.0 is installed in .*, and is the latest version\.\n$/,
  );
  assert(!setting.server.asked.slice(before).some((path) => path.endsWith(".tar.gz")));
});

installTest("goes back to an older version only if that is wanted", async (setting) => {
  await setting.installs();
  setting.server.latest = OLD;
  const { code, stderr } = await setting.run();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /\(0\.9\.0\) is older than the installed lanchat \(0\.10\.0\)\.\n.*--version 0\.9\.0/,
  );
  assertMatch(await setting.installs("--version", `v${OLD}`), /, in place of 0\.10\.0\.\n/);
});

installTest("refuses a version under the name of another", async (setting) => {
  setting.server.add("9.9.9", setting.files);
  await setting.refuses(
    /version 0\.10\.0 under the name of 9\.9\.9\. Nothing/,
    "--version",
    "9.9.9",
  );
});

installTest("refuses an archive with another checksum", async (setting) => {
  setting.files.set(ARCHIVE, setting.server.files(OLD).get(`lanchat-${OLD}-linux-x64.tar.gz`)!);
  await setting.refuses(
    /error: The checksum of lanchat-0\.10\.0-linux-x64\.tar\.gz is wrong\. Nothing/,
  );
});

for (
  const [name, forge] of [
    ["by another key", async (sums) => await (await SigningKey.generate()).sign(sums)],
    ["of another file", async () => await KEY.sign(new TextEncoder().encode("another file"))],
    ["for another purpose", async (sums) => await KEY.sign(sums, "git")],
    ["that is none", () => Promise.resolve(new TextEncoder().encode("none\n"))],
    ["that is empty", () => Promise.resolve(new Uint8Array())],
  ] as readonly (readonly [string, (sums: Uint8Array) => Promise<Uint8Array>])[]
) {
  installTest(`refuses a signature ${name}`, async (setting) => {
    setting.files.set("SHA256SUMS.sig", await forge(setting.files.get("SHA256SUMS")!));
    await setting.refuses(
      /error: The signature of SHA256SUMS is wrong \(.+\)\. Nothing was installed\.\n$/,
    );
    assert(!setting.server.asked.some((path) => path.endsWith(".tar.gz")));
  });
}

installTest("refuses checksums that were changed", async (setting) => {
  const sums = setting.files.get("SHA256SUMS")!;
  sums[0]! ^= 1;
  await setting.refuses(/error: The signature of SHA256SUMS is wrong/);
});

installTest("refuses a release without a signature, or without a binary", async (setting) => {
  setting.files.delete("SHA256SUMS.sig");
  await setting.refuses(/error: Cannot download http\S+SHA256SUMS\.sig\n/);
  await signSums(KEY, setting.files, "");
  await setting.refuses(/error: The release has no binary for linux-x64\.\n/);
});

for (const downloader of ["curl", "wget"]) {
  testUnless(
    OBSTACLE,
    `install.sh installs with only ${downloader}, and refuses what was cut off`,
    async () => {
      await using setting = await Setting.open(downloader);
      for (const name of ["SHA256SUMS", "SHA256SUMS.sig", ARCHIVE]) {
        setting.server.cut = name;
        await setting.refuses(
          new RegExp(`error: Cannot download http\\S+/${RegExp.escape(name)}\n$`),
        );
      }
      setting.server.cut = "";
      await setting.installs();
    },
  );
}

testUnless(OBSTACLE, "install.sh says that there is neither curl nor wget", async () => {
  await using setting = await Setting.open();
  await setting.refuses(/error: Cannot download: there is neither curl nor wget\.\n/);
});

installTest("stops without ssh-keygen or a program for checksums", async (setting) => {
  for (const tool of ["ssh-keygen", "sha256sum"]) {
    const path = `${setting.tools}/${tool}`;
    await Deno.rename(path, `${path}-`);
    await setting.refuses(
      /error: Cannot verify the release: .*(?:ssh-keygen|sha256sum).*\. Nothing/,
    );
    await Deno.rename(`${path}-`, path);
  }
  assertEquals(setting.server.asked, []);
});

installTest("takes shasum where sha256sum is missing", async (setting) => {
  const sum = await Deno.realPath(`${setting.tools}/sha256sum`);
  await Deno.remove(`${setting.tools}/sha256sum`);
  setting.pretend("shasum", `[ "$*" = "-a 256" ] && exec ${sum}`);
  await setting.installs();
});

installTest("refuses a program that does not run here", async (setting) => {
  const files = await makeRelease(KEY, "9.9.9", () => "#!/nowhere\n");
  setting.server.add("9.9.9", files);
  await setting.refuses(/error: lanchat 9\.9\.9 does not run on this system\. Nothing.*\n.*glibc/);
});

testUnless(
  OBSTACLE ?? (Deno.uid() === 0 ? undefined : "only root may do this"),
  "install.sh says that it cannot write",
  async () => {
    await using setting = await Setting.open("curl");
    const mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"';
    const { code, stderr } = await setting.run(
      [],
      (command) => ["unshare", "--mount", "sh", "-c", mount, setting.home, ...command],
    );
    assertEquals(code, 1);
    assertMatch(stderr, /error: Cannot write into .*\/\.local\n.*--prefix/);
    setting.assertUntouched();
    assertEquals(setting.server.asked, []);
  },
);

installTest("removes what it installed, and keeps the identity", async (setting) => {
  await setting.refuses(/error: lanchat is not installed in .*\/bin\.\n/, "--uninstall");
  await setting.installs();
  const kept = `${setting.home}/.config/lanchat`;
  await Deno.mkdir(kept, { recursive: true });
  await Deno.writeTextFile(`${kept}/identity.json`, "");
  await Deno.writeTextFile(`${setting.prefix}/bin/other`, "");
  const { code, stderr, stdout } = await setting.run(["--uninstall"]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `Removed lanchat from ${setting.prefix}.\n` +
      `Your identity and the people you have met are still in ${kept}.\n`,
  );
  assertEquals(filesIn(setting.home), [".config/lanchat/identity.json", ".local/bin/other"]);
});

installTest("installs below another prefix, also one with spaces", async (setting) => {
  const prefix = `${setting.home}/für alle/1`;
  assertEquals((await setting.run(["--prefix", prefix])).code, 0);
  assertEquals(filesIn(prefix), INSTALLED);
  assertEquals((await setting.run(["--uninstall", "--prefix", prefix])).code, 0);
  assertEquals(filesIn(prefix), []);
});

installTest("runs from a pipe, too", async (setting) => {
  const piped = (...args: string[]): Promise<Result> =>
    setting.run(args, (command) => {
      const at = command.indexOf("/bin/sh");
      const line = 'exec "$@" <"$0"';
      return ["sh", "-c", line, command[at + 1]!, ...command.slice(0, at + 1), "-s", "--", ...args];
    });
  assertEquals((await piped()).code, 0);
  assertEquals(filesIn(setting.prefix), INSTALLED);
  assertEquals((await piped("--uninstall")).code, 0);
  assertEquals(filesIn(setting.prefix), []);
});

installTest("refuses what it does not know", async (setting) => {
  await setting.refuses(/error: Unknown option: --update\n/, "--update");
  await setting.refuses(/error: --prefix needs a value\.\n/, "--prefix");
  const { stdout } = await setting.run(["--help"]);
  assertMatch(stdout, /^Usage: sh install\.sh /m);
  setting.script = setting.script.replace(/^KEY=.*$/m, "KEY='ssh-ed25519 KEY'");
  await setting.refuses(/error: There is no release yet\.\n/);
  assertEquals(setting.server.asked, []);
});

installTest("does nothing if it was cut off", async (setting) => {
  const lines = setting.script.trimEnd().split("\n");
  for (let count = 1; count < lines.length; count++) {
    setting.script = lines.slice(0, count).join("\n");
    await setting.run();
  }
  setting.assertUntouched();
  assertEquals(setting.server.asked, []);
});

testUnless(missing("shellcheck"), "shellcheck finds no fault in install.sh", async () => {
  await output("shellcheck", ["install.sh"], { cwd: new URL("../../", import.meta.url) });
});

Deno.test("install.sh, install.ps1 and release/publisher.ts have one owner, address and key", () => {
  const [, shell] = /\n\n# To be set .*\n([^]*?)\n\n/.exec(SCRIPT)!;
  const [, power] = /\n\n# To be set .*\n([^]*?)\n\n/.exec(POWERSHELL)!;
  const [, owner] = /^https:\/\/github\.com\/(.+)\/lanchat\/releases$/.exec(RELEASES)!;
  const address = (variable: string) => `https://github.com/${variable}/lanchat/releases`;
  assertEquals(shell!.split("\n"), [
    `OWNER=${owner}`,
    `RELEASES=${address("$OWNER")}`,
    `KEY='${RELEASE_KEY}'`,
  ]);
  assertEquals(power!.split("\n"), [
    `$Owner = '${owner}'`,
    `$Releases = "${address("$Owner")}"`,
    `$Key = '${RELEASE_KEY}'`,
  ]);
});

/** Steps of an installation, in their order: what each script says there. */
const STEPS: readonly (readonly [shell: string, power: string])[] = [
  ["case $KEY in", "$Key.StartsWith("],
  ["has ssh-keygen", "Get-Command -CommandType Application ssh-keygen"],
  ["download SHA256SUMS ", "Get-ReleaseFile 'SHA256SUMS' "],
  ["download SHA256SUMS.sig ", "Get-ReleaseFile 'SHA256SUMS.sig' "],
  ["verify_signature", "Confirm-Signature "],
  ["The release has no binary", "The release has no binary"],
  ["old=$(version_of", "$old = Get-ProgramVersion "],
  ["and is the latest version", "and is the latest version"],
  ["is older than the installed", "is older than the installed"],
  ["under the name of", "under the name of"],
  ['download "$archive"', 'Get-ReleaseFile "$package.zip"'],
  ["verify_checksum ", "Confirm-Checksum "],
  ["tar -xzf", "ExtractToDirectory("],
  ['version_of "$unpacked', '(Get-ProgramVersion "$work'],
  ["put lanchat", "Move-Item "],
  ["path_hint", "Write-PathHint"],
];

Deno.test("install.sh and install.ps1 do the same steps in the same order", () => {
  const [, shell] = /^install\(\) \{\n([^]*?)^\}/m.exec(SCRIPT)!;
  const [, power] = /^function Install-Lanchat \{\n([^]*?)^\}/m.exec(POWERSHELL)!;
  for (const [script, column] of [[shell!, 0], [power!, 1]] as const) {
    let at = -1;
    for (const step of STEPS) {
      const next = script.indexOf(step[column]);
      assert(next > at, `${step[column]} is missing, or too early`);
      at = next;
    }
  }
});

Deno.test("install.ps1 does nothing if it was cut off", () => {
  const inside = /<#[^]*?#>\n|^param\([^]*?^\)\n|^function [^]*?^\}\n|^#.*\n|^\n/gm;
  assertMatch(POWERSHELL.replaceAll(inside, ""), /^(?:\$\w+ = .*\n)+try \{\n {2}Invoke-Main\n\}/);
});

Deno.test("install.ps1 is in ASCII, which Windows PowerShell reads in any code page", () => {
  assertMatch(POWERSHELL, /^[\n\x20-\x7e]*$/);
});

testUnless(OBSTACLE, "install.ps1 has ssh-keygen verify what install.sh does", async () => {
  const [, command] = /cmd\.exe \/d \/c '(.+)'/.exec(POWERSHELL)!;
  const [, signer] = /allowed_signers", "(.+)\$Key`n"/.exec(POWERSHELL)!;
  const directory = emptyDirectory();
  const sums = new TextEncoder().encode("sums\n");
  await Deno.writeTextFile(
    `${directory}/allowed_signers`,
    `${signer!.replaceAll("`", "")}${KEY.publicKey}\n`,
  );
  await Deno.writeFile(`${directory}/SHA256SUMS`, sums);
  const verify = async (signature: Uint8Array): Promise<string> => {
    await Deno.writeFile(`${directory}/SHA256SUMS.sig`, signature);
    const { code, stdout } = await new Deno.Command("sh", {
      args: ["-c", command!],
      cwd: directory,
    }).output();
    return `${code}: ${new TextDecoder().decode(stdout)}`;
  };
  assertMatch(await verify(await KEY.sign(sums)), /^0: Good "lanchat-release" signature/);
  assertMatch(await verify(await KEY.sign(sums, "git")), /^255: /);
  assertMatch(await verify(await (await SigningKey.generate()).sign(sums)), /^255: /);
});

Deno.test("install.ps1 finds the archive for Windows among the checksums", async () => {
  const [, name] = /^\$Target = '(.+)'$/m.exec(POWERSHELL)!;
  const [, pattern] = /^ +\$pattern = "(.+)"$/m.exec(POWERSHELL)!;
  const lines = await Promise.all(
    TARGETS.map((target) => sumLine(archiveName(target), new Uint8Array())),
  );
  const found = lines.map((line) =>
    new RegExp(pattern!.replace("$Target", name!)).exec(line.trimEnd())?.slice(2)
  ).filter((groups) => groups !== undefined);
  const { version } = JSON.parse(read("deno.json"));
  assertEquals(found, [[`lanchat-${version}-windows-x64`, version]]);
});
