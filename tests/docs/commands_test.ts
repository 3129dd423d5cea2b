/**
 * Every block of the documents that can be run is run, or a comment before it says why it is not.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { type Machine, Network, networkTest } from "../network/netns.ts";
import { emptyDirectory, Program } from "../support/program.ts";
import { test } from "../support/test.ts";
import { blocksOf, DOCUMENTS, read } from "./documents.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Addresses of the host in the documents. */
const ADDRESSES = ["192.0.2.2", "192.168.1.5"];

const PERMISSIONS = ["--allow-net", "--allow-sys", "--allow-env", "--allow-read", "--allow-write"];

/** Languages of blocks that a person can type or run. */
const RUNNABLE = ["bash", "console", "fish", "powershell", "python", "sh"];

/** The documents whose `console` blocks are screens that another test compares. */
const SCREENS = ["README.md", "docs/VERIFYING.md"];

/** The documents whose scripts `tests/e2e/scripts_test.ts` and `tests/e2e/bots_test.ts` run. */
const SCRIPTS = ["docs/JSON.md", "docs/SCRIPTS.md"];

/** The blocks that can be run and do not say why they are not. */
const BLOCKS = DOCUMENTS.flatMap(blocksOf).filter(({ language, notRun, path, text }) =>
  (RUNNABLE.includes(language) || text.startsWith("$ ")) && notRun === undefined &&
  (language === "console" || !SCRIPTS.includes(path))
);

/** The commands that are run here: each line of a block. */
const RUN = BLOCKS.filter(({ language }) => language === "sh")
  .flatMap(({ text }) => text.trimEnd().split("\n"));

/** Runs a command on a machine to its end. */
async function prepare({ wrapper }: Machine, ...command: string[]): Promise<void> {
  const [executable, ...args] = wrapper(command);
  const { stderr, success } = await new Deno.Command(executable!, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Makes the commands of the documents: lanchat from source, and this Deno, also in place of npx. */
function commands(): string {
  const directory = emptyDirectory();
  const lanchat = [Deno.execPath(), "run", "--no-check", ...PERMISSIONS, `${ROOT}main.ts`];
  const scripts = {
    deno: `exec ${Deno.execPath()} "$@"`,
    lanchat: `exec ${lanchat.join(" ")} "$@"`,
    npx: `test "$1 $2" = "-y deno@${
      read(".dvmrc").trim()
    }" && shift 2 && exec ${Deno.execPath()} "$@"`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    Deno.writeTextFileSync(`${directory}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return directory;
}

/** A command in a shell. */
class Shell implements AsyncDisposable {
  readonly program: Program;

  /** @param path The directory of the commands that the documents call. */
  constructor(command: string, { wrapper }: Machine, path: string) {
    const directory = command.includes("main.ts") ? ROOT : emptyDirectory();
    for (const [file] of command.matchAll(/\breport\.pdf\b/g)) {
      Deno.writeTextFileSync(`${directory}/${file}`, "a report");
    }
    const script = `cd ${directory}\nPATH=${path}:$PATH\n${command}`;
    const shell = ["setsid", ...wrapper(["sh", "-ec", script])];
    this.program = new Program([], { wrapper: () => shell });
  }

  /** Ends all processes of the command that still run. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(-this.program.pid, "SIGKILL");
    } catch {
      // None does.
    }
    await this.program[Symbol.asyncDispose]();
  }
}

test("each block that can be run is run here, is a screen, or says why it is not run", () => {
  const left = BLOCKS.filter(({ language, path }) =>
    language !== "sh" && !(language === "console" && SCREENS.includes(path))
  );
  assertEquals(left.map(({ path, text }) => `${path}: ${text}`), []);
  assert(RUN.length > 0);
});

networkTest("the commands of the documents run", async () => {
  await using network = await Network.open(2);
  const [home, other] = network.machines as [Machine, Machine];
  for (const address of ADDRESSES) {
    await prepare(home, "ip", "address", "add", `${address}/24`, "dev", "eth0");
    const next = `${address.slice(0, -1)}9`;
    await prepare(other, "ip", "address", "add", `${next}/24`, "dev", "eth0");
  }
  await prepare(other, "ip", "route", "add", "default", "dev", "eth0");
  const path = commands();
  const hosting = RUN.filter((command) => / serve\b/.test(command));
  const listening = RUN.filter((command) => command.includes("--listen"));
  for (const command of hosting) {
    await using shell = new Shell(`exec ${command}`, other, path);
    await shell.program.ready();
    shell.program.signal("SIGINT");
    await shell.program.ends(0);
  }
  const options = { wrapper: home.wrapper, permissions: PERMISSIONS };
  await using host = new Program(["serve", "--name", "ada"], options);
  await host.ready();
  const taking = ["--accept-from", "all", "--download-dir", emptyDirectory()];
  const joining = ["join", ADDRESSES[0]!, "--name", "bob", "--listen", ...taking];
  await using bob = new Program(joining, options);
  await bob.ready();
  await using stack = new AsyncDisposableStack();
  const listeners = listening.map((command) => stack.use(new Shell(command, other, path)).program);
  await host.stderr.count(1 + listeners.length, / joined/);
  for (const command of RUN) {
    if (hosting.includes(command) || listening.includes(command)) continue;
    const machine = command.includes("127.0.0.1") ? home : other;
    await using shell = new Shell(command, machine, path);
    await shell.program.endInput();
    await shell.program.ends(0);
  }
  host.signal("SIGINT"); // The room ends, and with it all that still run.
  for (const program of [host, bob, ...listeners]) await program.ends(0);
}, ["setsid"]);
