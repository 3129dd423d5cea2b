import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { read } from "../docs/documents.ts";
import { BINARY, emptyDirectory, run } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";

/** A place where the binary keeps its identity, and says where. */
const WORKS = /^fingerprint [^]*\nkept in .*identity\.json\nnot protected by a passphrase\n$/;

/** Where and how `lanchat id` runs. */
interface Place {
  readonly name: string;
  /** Why it cannot be tried here. */
  readonly obstacle?: string | undefined;
  /** Puts the binary and its home there, and wraps its command; may replace it. */
  wrapper(command: readonly string[], home: string): readonly string[];
  /** What it prints if it works. */
  readonly stdout?: RegExp;
  /** The one error that it prints otherwise, and its hint. */
  readonly stderr?: RegExp;
}

/** An account without a name. */
const OTHER = 54321;

/** Directories that every user may enter; removed at the end. */
const open: string[] = [];
addEventListener(
  "unload",
  () => open.forEach((path) => Deno.removeSync(path, { recursive: true })),
);

const PLACES: readonly Place[] = [
  {
    name: "an empty directory",
    wrapper: (command) => inDirectory(emptyDirectory(), command),
    stdout: WORKS,
  },
  {
    name: "a directory whose name has spaces and letters beyond ASCII, under such a name",
    wrapper([, ...args]) {
      const directory = `${emptyDirectory()}/für dich и 你`;
      Deno.mkdirSync(directory);
      Deno.copyFileSync(BINARY!, `${directory}/lan chät`);
      return inDirectory(directory, ["env", `HOME=${directory}`, "./lan chät", ...args]);
    },
    stdout: /\nkept in .*für dich и 你\/\.config\/lanchat\/identity\.json\n/,
  },
  {
    name: "a read-only file system",
    obstacle: missing("unshare", "mount") ?? unlessRoot(),
    wrapper: (command, home) => [
      ...["unshare", "--mount", "sh", "-c"],
      'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
      ...[home, ...command],
    ],
    stderr: /Cannot create identity file ".*": Read-only file system\n.*read-only/,
  },
  {
    name: "an environment without HOME",
    wrapper: (command) => ["env", "-u", "HOME", ...command],
    stderr: /Cannot keep an identity: HOME is not set\n.*Set HOME/,
  },
  {
    name: "an empty environment",
    wrapper: (command) => ["env", "-i", ...command],
    stderr: /Cannot keep an identity: HOME is not set\n.*Set HOME/,
  },
  {
    name: "the environment that cron sets, without a terminal",
    obstacle: missing("setsid"),
    wrapper: (command, home) => [
      ...["setsid", "env", "-i", `HOME=${home}`, "LOGNAME=ada", "SHELL=/bin/sh"],
      ...["PATH=/usr/bin:/bin", ...command],
    ],
    stdout: WORKS,
  },
  {
    name: "the home of another user",
    obstacle: missing("setpriv") ?? unlessRoot(),
    wrapper: (command) => asOther(command),
    stderr: /Cannot create identity file ".*": Permission denied\n.*Make the directory yours/,
  },
  {
    name: "the home of an account without a name",
    obstacle: missing("setpriv") ?? unlessRoot(),
    wrapper: (command) => asOther(command, OTHER),
    stdout: WORKS,
  },
  ...["/nowhere", "/dev/null", "/etc/hostname"].map((directory) => ({
    name: `an environment where TMPDIR is ${directory}`,
    wrapper: (command: readonly string[]) => ["env", `TMPDIR=${directory}`, ...command],
    stdout: WORKS,
  })),
];

function inDirectory(directory: string, command: readonly string[]): readonly string[] {
  return ["sh", "-c", 'cd "$0" && exec "$@"', directory, ...command];
}

/** Runs a copy of the binary as another user. @param owner Owner of the home. */
function asOther([, ...args]: readonly string[], owner = 0): readonly string[] {
  const directory = Deno.makeTempDirSync({ prefix: "lanchat-open-" });
  open.push(directory);
  Deno.chmodSync(directory, 0o755);
  Deno.chownSync(directory, owner, owner);
  Deno.copyFileSync(BINARY!, `${directory}/lanchat`);
  return [
    ...["setpriv", `--reuid=${OTHER}`, `--regid=${OTHER}`, "--clear-groups"],
    ...["env", `HOME=${directory}`, `${directory}/lanchat`, ...args],
  ];
}

function unlessRoot(): string | undefined {
  return Deno.uid() === 0 ? undefined : "only root may do this";
}

if (BINARY !== undefined) {
  for (const { name, obstacle, stderr, stdout, wrapper } of PLACES) {
    testUnless(obstacle, `the compiled program works or says why in ${name}`, async () => {
      const home = emptyDirectory();
      const result = await run(["id"], {
        env: { HOME: home, XDG_CONFIG_HOME: "" },
        wrapper: (command) => wrapper(command, home),
      });
      assertEquals(result.status, stdout === undefined ? 1 : 0, result.stderr);
      assertMatch(result.stdout, stdout ?? /^$/);
      assertMatch(result.stderr, stderr ?? /^$/);
      if (stderr === undefined) return;
      assertMatch(result.stderr, /^lanchat: error: [^\n]*\nlanchat: hint: [^\n]*\n$/);
    });
  }

  // Deno ends here before lanchat starts.
  for (
    const [name, text, script] of [
      ["a directory that was deleted", "No such file or directory", 'rmdir "$PWD" && exec "$@"'],
      ["an environment with an empty TMPDIR", "Could not convert path to URL", 'TMPDIR= exec "$@"'],
    ] as const
  ) {
    Deno.test(`docs/TROUBLESHOOTING.md explains the end of the compiled program in ${name}`, async () => {
      const { status, stderr } = await run(["id"], {
        wrapper: (command) => inDirectory(emptyDirectory(), ["sh", "-c", script, "-", ...command]),
      });
      assertEquals([status === 0, stderr.includes(text)], [false, true], stderr);
      assertStringIncludes(read("docs/TROUBLESHOOTING.md"), `"${text}"`);
    });
  }
}
