/**
 * Tests that need programs of the machine beside Deno. If one is missing, the test is ignored and its
 * name says why; `.ci/run` installs them all and accepts no test that is left out.
 *
 * @module
 */

/** Debian packages of the programs whose package has another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  "avahi-browse": "avahi-utils",
  "avahi-publish": "avahi-utils",
  "bsdtar": "libarchive-tools",
  "dbus-daemon": "dbus",
  "ip": "iproute2",
  "nft": "nftables",
  "objdump": "binutils",
  "prlimit": "util-linux",
  "qemu-aarch64": "qemu-user",
  "setpriv": "util-linux",
  "script": "bsdutils",
  "setsid": "util-linux",
  "ssh-keygen": "openssh-client",
  "stty": "coreutils",
  "sysctl": "procps",
  "systemd-analyze": "systemd",
  "tc": "iproute2",
  "umount": "mount",
  "unshare": "util-linux",
};

/** Paths on Debian of programs outside the search path. */
export const BASH_COMPLETION = "/usr/share/bash-completion/bash_completion";

/**
 * Looks for programs that only Linux has, or only Linux has in this form.
 *
 * @param programs Names, or `bash-completion`; none if a test needs only Linux.
 * @returns Why a test cannot have them; `undefined` where it can.
 */
export function missing(...programs: readonly string[]): string | undefined {
  if (Deno.build.os !== "linux") return "it needs Linux";
  const absent = programs.filter((program) => !isThere(program));
  if (absent.length === 0) return undefined;
  const packages = new Set(absent.map((program) => PACKAGES[program] ?? program));
  return `${absent.join(", ")} missing: apt-get install ${[...packages].join(" ")}`;
}

/**
 * Declares a test, and ignores it if there is an obstacle.
 *
 * @param obstacle The result of {@linkcode missing}, or another reason.
 */
export function testUnless(
  obstacle: string | undefined,
  name: string,
  fn: () => void | Promise<void>,
  options: Partial<Deno.TestDefinition> = {},
): void {
  const why = obstacle === undefined ? "" : ` (left out: ${obstacle})`;
  Deno.test({ ...options, name: name + why, ignore: obstacle !== undefined, fn });
}

/** Declares a test of programs on pseudo-terminals, which script(1) of Linux makes. */
export function terminalTest(name: string, fn: () => Promise<void>): void {
  testUnless(missing("script", "dash", "stty"), name, fn);
}

function isThere(program: string): boolean {
  if (program === "bash-completion") return isFile(BASH_COMPLETION);
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  return directories.some((directory) => isFile(`${directory}/${program}`));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
