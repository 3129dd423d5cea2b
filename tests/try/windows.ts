/**
 * lanchat on Windows, which Wine plays here: `deno task try:windows`. Wine is in a Debian of its own, because only a
 * newer one has a Wine that runs Deno.
 *
 * @module
 */
import { join } from "node:path";
import { exists } from "../docs/documents.ts";
import { emptyDirectory } from "../support/program.ts";
import { missing } from "../support/tools.ts";
import { cacheDirectory, type Foreign, tryOut } from "./foreign.ts";

/** That Debian. */
const DEBIAN = join(cacheDirectory(), "trixie");

/** What Wine keeps of this Windows. */
const PREFIX = emptyDirectory();

/** Runs a command in that Debian, with its first arguments, which sees the files here under their own names. */
const INSIDE = `
mount --rbind /proc "$0/proc"
mount --rbind /dev "$0/dev"
for directory in "$1" "$2" "$3"; do
  mkdir -p "$0$directory"
  mount --bind "$directory" "$0$directory"
done
shift 3
exec chroot "$0" "$@"`;

/** The directories that it sees: of the sources, of what tests make, and of downloads. */
const SEEN = [Deno.cwd(), join(PREFIX, ".."), cacheDirectory()];

function inside(...command: readonly string[]): string[] {
  return ["unshare", "--mount", "sh", "-ec", INSIDE, DEBIAN, ...SEEN, ...command];
}

function windowsPath(file: string): string {
  return `Z:${file.replaceAll("/", "\\")}`;
}

/** Ends what Wine started for this Windows. */
function shutDown(): void {
  const [program, ...args] = inside("/usr/lib/wine/wineserver", "--kill");
  new Deno.Command(program!, { args, env: { WINEPREFIX: PREFIX } }).outputSync();
}

const SYSTEM: Foreign = {
  name: "Windows",
  npm: "@deno/win32-x64",
  program: "deno.exe",
  obstacle: missing("npm", "unshare", "chroot") ??
    (Deno.uid() === 0 ? undefined : "only root may do this") ??
    (exists(`${DEBIAN}/usr/lib/wine/wine64`)
      ? undefined
      : `Wine is missing: debootstrap --variant=minbase --include=wine64 trixie ${DEBIAN}`),
  emulate: (program, args) => inside("/usr/lib/wine/wine64", windowsPath(program), ...args),
  path: windowsPath,
  env: { WINEDEBUG: "-all", WINEPREFIX: PREFIX, XDG_RUNTIME_DIR: PREFIX },
};

if (SYSTEM.obstacle === undefined) addEventListener("unload", shutDown);
tryOut(SYSTEM);
