/** The packages that a release makes of its archives, as far as their own tools can judge them here. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { archiveName, packageName, type Target, TARGETS } from "../../release/binary.ts";
import { emptyDirectory } from "../support/program.ts";
import { makeInCopy, OWNER } from "../support/release_copy.ts";
import { output, sumLine } from "../support/release_server.ts";
import { missing, testUnless } from "../support/tools.ts";

const { version } = config;

const TASKS = ["release:archives", "release:packages"];

const OBSTACLE = missing("dpkg-deb", "gzip", "ssh-keygen", "tar", "zip");

const REPOSITORY = `https://github.com/${OWNER}/lanchat`;

const AUR = `lanchat-bin-${version}-1.src.tar.gz`;

const DEB = `lanchat_${version}_amd64.deb`;

/** What the release has, made once. */
const RELEASE = OBSTACLE === undefined ? await makeInCopy(TASKS) : "";

function target(name: string): Target {
  return TARGETS.find((target) => target.name === name)!;
}

/** Where a package finds the archive of a target, and its checksum. */
async function expected(name: string): Promise<{ url: string; sha256: string }> {
  const archive = archiveName(target(name));
  const line = await sumLine(archive, await Deno.readFile(`${RELEASE}/${archive}`));
  return {
    url: `${REPOSITORY}/releases/download/v${version}/${archive}`,
    sha256: line.split(" ", 1)[0]!,
  };
}

/** Unpacks the source package of the Arch User Repository. @returns Its directory. */
async function unpackedAur(): Promise<string> {
  const directory = emptyDirectory();
  await output("tar", ["-xzf", `${RELEASE}/${AUR}`, "-C", directory]);
  return `${directory}/lanchat-bin`;
}

testUnless(
  OBSTACLE,
  "deno task release:packages makes all files, always in the same bytes",
  async () => {
    const names = [...Deno.readDirSync(RELEASE)].map(({ name }) => name).sort();
    assertEquals(
      names,
      [
        ...TARGETS.map(archiveName),
        ...["allowed_signers", "install.ps1", "install.sh", "lanchat.json", "lanchat.rb"],
        ...[AUR, DEB, `lanchat_${version}_arm64.deb`],
      ].sort(),
    );
    const again = await makeInCopy(TASKS, { timeZone: "Asia/Tokyo" });
    for (const name of names) {
      const [first, second] = [RELEASE, again].map((place) =>
        Deno.readFileSync(`${place}/${name}`)
      );
      assertEquals(second, first, name);
    }
  },
);

testUnless(OBSTACLE, "the manifest for Scoop names the archive for Windows", async () => {
  const manifest = JSON.parse(await Deno.readTextFile(`${RELEASE}/lanchat.json`));
  const { sha256, url } = await expected("windows-x64");
  const directory = packageName(target("windows-x64"));
  assertEquals(manifest.architecture, {
    "64bit": { url, hash: sha256, extract_dir: directory },
  });
  assertEquals([manifest.version, manifest.license, manifest.bin], [version, "MIT", "lanchat.exe"]);
  const later = manifest.autoupdate.architecture["64bit"];
  assertEquals(later.url.replaceAll("$version", version), url);
  assertEquals(later.extract_dir.replaceAll("$version", version), directory);
});

testUnless(
  OBSTACLE ?? missing("ruby"),
  "the formula for Homebrew takes and installs the files of each archive",
  async () => {
    const stub = fileURLToPath(new URL("formula.rb", import.meta.url));
    const formula = `${RELEASE}/lanchat.rb`;
    assertMatch(await output("ruby", ["-wc", formula]), /^Syntax OK$/m);
    for (const name of ["macos-arm64", "macos-x64", "linux-arm64", "linux-x64"]) {
      const [system, processor] = name.split("-");
      const args = [stub, formula, system!, processor === "x64" ? "intel" : "arm"];
      const { installed, ...fields } = JSON.parse(await output("ruby", args));
      assertEquals([fields.version, fields.homepage], [version, REPOSITORY]);
      const { sha256, url } = await expected(name);
      assertEquals([fields.url, fields.sha256], [url, sha256]);
      const archive = `${RELEASE}/${archiveName(target(name))}`;
      const files = (await output("tar", ["-tzf", archive])).trimEnd().split("\n")
        .map((path) => path.slice(path.indexOf("/") + 1));
      assertEquals(Object.keys(installed).filter((file) => !files.includes(file)), []);
      assertEquals(Object.values(installed), [
        "bin/lanchat",
        "man1/lanchat.1",
        "bash_completion/lanchat",
        "zsh_completion/_lanchat",
        "fish_completion/lanchat.fish",
      ]);
    }
  },
);

testUnless(
  OBSTACLE ?? missing("shellcheck"),
  "shellcheck finds no fault in PKGBUILD and the scripts of the .deb",
  async () => {
    const directory = emptyDirectory();
    await output("dpkg-deb", ["--control", `${RELEASE}/${DEB}`, directory]);
    await output("shellcheck", ["postinst", "prerm", "postrm"], { cwd: directory });
    // makepkg reads the variables, and sets others.
    const exclude = "--exclude=SC2034,SC2154,SC2164";
    await output("shellcheck", ["--shell=bash", exclude, "PKGBUILD"], { cwd: await unpackedAur() });
  },
);

testUnless(
  OBSTACLE ?? missing("makepkg", "bsdtar", "fakeroot", "setpriv") ??
    (Deno.uid() === 0 ? undefined : "only root may do this"),
  "makepkg builds the package of the AUR from the archive, and agrees with .SRCINFO",
  async () => {
    // makepkg refuses to run as root, and to start without a pacman, which it does not use here.
    const open = await Deno.makeTempDir({ prefix: "lanchat-makepkg-" });
    try {
      const aur = await unpackedAur();
      await Deno.copyFile(
        `${RELEASE}/${archiveName(TARGETS[0]!)}`,
        `${aur}/${archiveName(TARGETS[0]!)}`,
      );
      const copy = 'cp -R "$0" "$1/build" && chown -R 54321 "$1"';
      await output("sh", ["-c", copy, aur, open]);
      const makepkg = (...args: string[]): Promise<string> =>
        output("setpriv", [
          ...["--reuid=54321", "--regid=54321", "--clear-groups"],
          ...["env", `HOME=${open}`, "PACMAN=true", "PKGEXT=.pkg.tar", "makepkg", ...args],
        ], { cwd: `${open}/build` });
      assertEquals(await makepkg("--printsrcinfo"), await Deno.readTextFile(`${aur}/.SRCINFO`));
      await makepkg("--nodeps");
      const built = `${open}/build/lanchat-bin-${version}-1-x86_64.pkg.tar`;
      const files = (await output("tar", ["-tf", built])).trimEnd().split("\n");
      assertEquals(files.filter((path) => !path.startsWith(".") && !path.endsWith("/")).sort(), [
        "usr/bin/lanchat",
        "usr/lib/systemd/system/lanchat.service",
        "usr/share/bash-completion/completions/lanchat",
        "usr/share/fish/vendor_completions.d/lanchat.fish",
        "usr/share/licenses/lanchat-bin/LICENSE",
        "usr/share/man/man1/lanchat.1.gz",
        "usr/share/zsh/site-functions/_lanchat",
      ]);
      const program = await output("tar", ["-xOf", built, "usr/bin/lanchat"]);
      assertEquals(program, "linux-x64");
      const unit = await output("tar", ["-xOf", built, "usr/lib/systemd/system/lanchat.service"]);
      assertStringIncludes(unit, "\nExecStart=/usr/bin/lanchat ");
    } finally {
      await Deno.remove(open, { recursive: true });
    }
  },
);

testUnless(
  OBSTACLE,
  "the .deb has the files of the archive, of root, and its service the program",
  async () => {
    for (
      const [architecture, name] of [["amd64", "linux-x64"], ["arm64", "linux-arm64"]] as const
    ) {
      const deb = `${RELEASE}/lanchat_${version}_${architecture}.deb`;
      const listed = (await output("dpkg-deb", ["--contents", deb])).trimEnd().split("\n")
        .filter((line) => line.startsWith("-"))
        .map((line) => `${line.slice(0, 20)} ${line.split(" ").at(-1)}`);
      assertEquals(listed.sort(), [
        "-rw-r--r-- root/root ./usr/lib/systemd/system/lanchat.service",
        "-rw-r--r-- root/root ./usr/share/bash-completion/completions/lanchat",
        "-rw-r--r-- root/root ./usr/share/doc/lanchat/changelog.gz",
        "-rw-r--r-- root/root ./usr/share/doc/lanchat/copyright",
        "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/lanchat.fish",
        "-rw-r--r-- root/root ./usr/share/lintian/overrides/lanchat",
        "-rw-r--r-- root/root ./usr/share/man/man1/lanchat.1.gz",
        "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_lanchat",
        "-rwxr-xr-x root/root ./usr/bin/lanchat",
      ]);
      const fields = await output("dpkg-deb", ["--field", deb, "Version", "Architecture"]);
      assertEquals(fields, `Version: ${version}\nArchitecture: ${architecture}\n`);
      const directory = emptyDirectory();
      await output("dpkg-deb", ["--extract", deb, directory]);
      assertEquals(await Deno.readTextFile(`${directory}/usr/bin/lanchat`), name);
      const unit = `${directory}/usr/lib/systemd/system/lanchat.service`;
      assertStringIncludes(await Deno.readTextFile(unit), "\nExecStart=/usr/bin/lanchat ");
    }
  },
);

testUnless(
  OBSTACLE,
  "deno task release:packages refuses to start before the key is set",
  async () => {
    const error = await makeInCopy(TASKS, { publicKey: "ssh-ed25519 KEY" }).then(
      () => "",
      ({ message }) => message,
    );
    assertMatch(error, /Set the owner and the key in release\/publisher\.ts/);
  },
);
