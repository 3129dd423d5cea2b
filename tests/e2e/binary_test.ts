import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { BINARY, emptyDirectory, HostProgram, run } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";

/** What the C library and Deno open at the start, and for the name of the account. */
const SYSTEM_FILES = [
  /^\/etc\/ld\.so\.(?:cache|preload)$/,
  /^(?:\/usr)?\/lib(?:64)?\/[^.]*\/lib[\w-]+\.so\.\d+$/,
  /^\/proc\/(?:meminfo|sys\/vm\/overcommit_memory|self\/(?:cgroup|maps|mountinfo))$/,
  /^\/sys\/(?:fs\/cgroup|devices\/system\/cpu)\//,
  /^\/dev\/urandom$/,
  /^\/etc\/(?:nsswitch\.conf|passwd)$/,
];

/** A system call on a file, with its arguments. */
const CALL = /^\d+ +(\w+)\((.*)/;

/** Calls that only look at a file. */
const LOOKS = /^(?:access|faccessat2?|getcwd|l?stat|newfstatat|readlink|readlinkat|statfs|statx)$/;

/** The options of a program that strace(1) watches. */
class Trace {
  readonly #file = `${emptyDirectory()}/trace`;
  readonly env: Readonly<Record<string, string>> = {
    HOME: emptyDirectory(),
    TMPDIR: emptyDirectory(),
    XDG_CONFIG_HOME: "",
  };
  readonly wrapper = (
    command: readonly string[],
  ): string[] => ["strace", "-f", "-e", "trace=%file", "-o", this.#file, ...command];

  /** The calls that the program should not make. */
  faults(): string[] {
    const calls = Deno.readTextFileSync(this.#file).split("\n").filter((line) => CALL.test(line));
    assertMatch(calls[0]!, /execve\(/);
    return calls.slice(1).filter((call) => !this.#isExpected(call));
  }

  #isExpected(line: string): boolean {
    const [, call, rest] = CALL.exec(line)!;
    const paths = [...rest!.matchAll(/"([^"]*)"/g)].map(([, path]) => path!);
    if (call === "execve" || paths.some((path) => path.startsWith(this.env.TMPDIR!))) return false;
    if (LOOKS.test(call!) || paths.every((path) => this.#isOwn(path))) return true;
    return call === "openat" && !/O_(?:WRONLY|RDWR|CREAT)/.test(rest!) &&
      (paths[0] === BINARY || SYSTEM_FILES.some((file) => file.test(paths[0]!)));
  }

  #isOwn(path: string): boolean {
    const parent = `${this.env.HOME}/.config`;
    return path === parent || path.startsWith(`${parent}/lanchat`);
  }
}

if (BINARY !== undefined) {
  testUnless(
    missing("strace"),
    "the compiled program runs no other program, opens only known files, and writes only its own",
    async () => {
      // A code cache would be written at the end of the first run and read at the start of the second.
      const [first, second, hosted, joined] = [new Trace(), new Trace(), new Trace(), new Trace()];
      for (const trace of [first, second]) assertEquals((await run(["id"], trace)).status, 0);
      {
        await using host = await HostProgram.start(["--json", "--no-announce"], hosted);
        await using member = await host.join(["--json", "--name", "ada"], joined);
        await member.say("hello");
        await host.hears("ada", 1);
        await member.endInput();
        await member.ends(0);
        await host.tell({ do: "quit" });
        await host.ends(0);
      }
      for (const trace of [first, second, hosted, joined]) {
        assertEquals(trace.faults(), []);
        assertEquals([...Deno.readDirSync(trace.env.TMPDIR!)], []);
      }
    },
  );

  Deno.test("the compiled program gives no advice on permissions", async () => {
    // Paths that Deno refuses under all permissions, and a home that does not exist.
    const guarded = `/dev/shm/lanchat-${crypto.randomUUID()}`;
    const serve = ["serve", "--host", "127.0.0.1", "--port", "0", "--json"];
    const runs = await Promise.all([
      run([...serve, "--log", guarded]),
      run([...serve, "--identity", guarded]),
      run([...serve, "--allow", "/proc/self/environ"]),
      run(["log", "/proc/self/environ"]),
    ]);
    for (const { stderr, stdout } of runs) {
      assertMatch(stdout + stderr, /hint/);
      assertNotMatch(stdout + stderr, /--allow-/);
    }
    await using host = await HostProgram.start(["--json"], {
      env: { HOME: "home", XDG_CONFIG_HOME: "" },
    });
    const { hint } = await host.event("warning", ({ code }) => code === "temporary-identity");
    assertMatch(hint!, /HOME/);
    assertNotMatch(host.stdout.text, /--allow-/);
  });
}
