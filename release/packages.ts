/**
 * Makes packages of the archives, and all that a release has beside these: `deno task release:packages`, after
 * `deno task release:archives`. The templates are in `release/packages`. One source always gives the same bytes.
 *
 * @module
 */
import { dirname, join } from "node:path";
import config from "../deno.json" with { type: "json" };
import { toHex } from "../lib/bytes/mod.ts";
import { archiveName, packageName, type Target, TARGETS } from "./binary.ts";
import { ALLOWED_SIGNERS, checkPublisher, MAINTAINER, RELEASES, REPOSITORY } from "./publisher.ts";
import { ARCHIVES, DIST, GNU_TAR_FLAGS, ROOT, runIn, sourceTime } from "./source.ts";

const { version } = config;

/** What replaces each `@NAME@` of a template. */
type Values = ReadonlyMap<string, string>;

/** A file of an archive in a package. */
interface Place {
  readonly from: string;
  readonly to: string;
}

/** The architectures of Debian that have a package. */
const DEBIAN: ReadonlyMap<string, string> = new Map([
  ["linux-x64", "amd64"],
  ["linux-arm64", "arm64"],
]);

/** Where the package for Debian has the files of an archive. */
const PLACES: readonly Place[] = [
  { from: "lanchat", to: "usr/bin/lanchat" },
  { from: "lanchat.service", to: "usr/lib/systemd/system/lanchat.service" },
  { from: "lanchat.1", to: "usr/share/man/man1/lanchat.1" },
  { from: "completions/lanchat.bash", to: "usr/share/bash-completion/completions/lanchat" },
  { from: "completions/lanchat.fish", to: "usr/share/fish/vendor_completions.d/lanchat.fish" },
  { from: "completions/_lanchat", to: "usr/share/zsh/vendor-completions/_lanchat" },
];

/** The files of the package for Debian that Debian wants compressed. */
const COMPRESSED = ["usr/share/man/man1/lanchat.1", "usr/share/doc/lanchat/changelog"];

/** The programs of the package for Debian, and the scripts that dpkg runs. */
const EXECUTABLE = ["usr/bin/lanchat", "DEBIAN/postinst", "DEBIAN/postrm", "DEBIAN/prerm"];

/** Where the files of the package for Debian that are made from templates go. */
const DEBIAN_TEMPLATES: Readonly<Record<string, string>> = {
  changelog: "usr/share/doc/lanchat/changelog",
  control: "DEBIAN/control",
  copyright: "usr/share/doc/lanchat/copyright",
  "lintian-overrides": "usr/share/lintian/overrides/lanchat",
  postinst: "DEBIAN/postinst",
  postrm: "DEBIAN/postrm",
  prerm: "DEBIAN/prerm",
};

/** Fills a template. @throws {Error} If it names a value that is not there. */
async function filled(template: string, values: Values): Promise<string> {
  const text = await Deno.readTextFile(join(ROOT, "release/packages", template));
  return text.replaceAll(/@([A-Z\d_]+)@/g, (_, name) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`${template}: no value for ${name}`);
    return value;
  });
}

/** The values that all templates may name. */
async function commonValues(time: number): Promise<Map<string, string>> {
  const license = await Deno.readTextFile(join(ROOT, "LICENSE"));
  // In a file of Debian, each line of a text is indented, and an empty one is a dot.
  const terms = license.trimEnd().split("\n").slice(4).map((line) => ` ${line || "."}`);
  const values = new Map([
    ["DATE", new Date(time * 1000).toUTCString().replace("GMT", "+0000")],
    ["LICENSE", terms.join("\n")],
    ["MAINTAINER", MAINTAINER],
    ["RELEASES", RELEASES],
    ["REPOSITORY", REPOSITORY],
    ["VERSION", version],
  ]);
  for (const target of TARGETS) {
    const suffix = target.name.replace("-", "_").toUpperCase();
    values.set(`PACKAGE_${suffix}`, packageName(target));
    values.set(`SHA256_${suffix}`, await sha256(join(ARCHIVES, archiveName(target))));
    values.set(`URL_${suffix}`, `${RELEASES}/download/v${version}/${archiveName(target)}`);
  }
  return values;
}

async function sha256(file: string): Promise<string> {
  const bytes = await Deno.readFile(file);
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Makes the source package of the Arch User Repository: what `makepkg --source` makes. */
async function makeAur(values: Values, work: string, time: number): Promise<void> {
  const directory = "lanchat-bin";
  await Deno.mkdir(join(work, directory));
  const files = [`${directory}/PKGBUILD`, `${directory}/.SRCINFO`];
  for (const file of files) {
    const text = await filled(file.slice(directory.length + 1).replace(".", ""), values);
    await write(join(work, file), text, time);
  }
  const archive = join(ARCHIVES, `${directory}-${version}-1.src.tar.gz`);
  await runIn(work, "tar", ...GNU_TAR_FLAGS, "--file", archive, ...files);
}

/** Makes the package for Debian of a target. */
async function makeDebian(target: Target, values: Values, work: string, time: number) {
  const architecture = DEBIAN.get(target.name)!;
  const root = join(work, architecture);
  const unpacked = join(work, packageName(target));
  await runIn(work, "tar", "-xzf", join(ARCHIVES, archiveName(target)));
  for (const { from, to } of PLACES) {
    await Deno.mkdir(dirname(join(root, to)), { recursive: true });
    await Deno.rename(join(unpacked, from), join(root, to));
  }
  const service = join(root, "usr/lib/systemd/system/lanchat.service");
  const unit = await Deno.readTextFile(service);
  await Deno.writeTextFile(service, unit.replace("/usr/local/bin/", "/usr/bin/"));
  const { size } = await Deno.stat(join(root, "usr/bin/lanchat"));
  const own = new Map([
    ...values,
    ["ARCHITECTURE", architecture],
    ["INSTALLED_SIZE", `${Math.ceil(size / 1024)}`],
  ]);
  for (const [template, path] of Object.entries(DEBIAN_TEMPLATES)) {
    const mode = EXECUTABLE.includes(path) ? 0o755 : 0o644;
    await write(join(root, path), await filled(`deb/${template}`, own), time, mode);
  }
  await runIn(root, "gzip", "-9n", ...COMPRESSED);
  const file = join(ARCHIVES, `lanchat_${version}_${architecture}.deb`);
  // gzip, because older versions of dpkg do not know zstd, and the bytes of xz depend on the number of cores.
  await runIn(work, "dpkg-deb", "--root-owner-group", "-Zgzip", "--build", root, file);
}

/** Writes a file with its time and mode, and makes its directory. */
async function write(file: string, text: string, time: number, mode = 0o644): Promise<void> {
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeTextFile(file, text);
  await Deno.chmod(file, mode);
  await Deno.utime(file, time, time);
}

checkPublisher();
Deno.umask(0o022);
const time = await sourceTime();
// For dpkg-deb.
Deno.env.set("SOURCE_DATE_EPOCH", `${time}`);
const values = await commonValues(time);
const work = await Deno.makeTempDir({ dir: DIST, prefix: "packages-" });
try {
  for (const name of ["lanchat.json", "lanchat.rb"]) {
    await Deno.writeTextFile(join(ARCHIVES, name), await filled(name, values));
  }
  for (const name of ["install.ps1", "install.sh"]) {
    await Deno.copyFile(join(ROOT, name), join(ARCHIVES, name));
  }
  await Deno.writeTextFile(join(ARCHIVES, "allowed_signers"), ALLOWED_SIGNERS);
  await makeAur(values, work, time);
  for (const target of TARGETS) {
    if (DEBIAN.has(target.name)) await makeDebian(target, values, work, time);
  }
} finally {
  await Deno.remove(work, { recursive: true });
}
