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
import { type Block, blocksOf, DOCUMENTS } from "./documents.ts";

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
const BLOCKS = DOCUMENTS.flatMap(blocksOf).filter(({ language, notRun, path }) =>
  RUNNABLE.includes(language) && notRun === undefined &&
  (language === "console" || !SCRIPTS.includes(path))
);

/** The blocks that are run here. */
const RUN = BLOCKS.filter(({ language }) => language === "sh");

/** Runs a command on a machine to its end. */
async function prepare({ wrapper }: Machine, ...command: string[]): Promise<void> {
  const [executable, ...args] = wrapper(command);
  const { stderr, success } = await new Deno.Command(executable!, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Makes the commands of the documents: lanchat from source, and Deno in place of npx. */
function commands(): string {
  const directory = emptyDirectory();
  const lanchat = [Deno.execPath(), "run", "--no-check", ...PERMISSIONS, `${ROOT}main.ts`];
  const scripts = {
    lanchat: `exec ${lanchat.join(" ")} "$@"`,
    npx: `test "$1 $2" = "-y deno@2.9.6" && shift 2 && exec ${Deno.execPath()} "$@"`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    Deno.writeTextFileSync(`${directory}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return directory;
}

/** A block in a shell that stops at the first failure. */
class Shell implements AsyncDisposable {
  readonly program: Program;

  /** @param prefix Stands before the block. */
  constructor({ text }: Block, { wrapper }: Machine, path: string, prefix = "") {
    const directory = text.includes("main.ts") ? ROOT : emptyDirectory();
    const script = `cd ${directory}\nPATH=${path}:$PATH\n${prefix}${text}`;
    const command = ["setsid", ...wrapper(["sh", "-ec", script])];
    this.program = new Program([], { wrapper: () => command });
  }

  /** Ends all processes of the block that still run. */
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
  const screens = BLOCKS.filter(({ language, path }) =>
    language === "console" && SCREENS.includes(path)
  );
  const left = BLOCKS.filter((block) => ![...RUN, ...screens].includes(block));
  assertEquals(left.map(({ path, text }) => `${path}: ${text}`), []);
  assert(RUN.length > 0);
});

networkTest("the shell blocks of the documents run", async () => {
  await using network = await Network.open(2);
  const [home, other] = network.machines as [Machine, Machine];
  for (const address of ADDRESSES) {
    await prepare(home, "ip", "address", "add", `${address}/24`, "dev", "eth0");
    const next = `${address.slice(0, -1)}9`;
    await prepare(other, "ip", "address", "add", `${next}/24`, "dev", "eth0");
  }
  await prepare(other, "ip", "route", "add", "default", "dev", "eth0");
  const path = commands();
  const hosting = RUN.filter(({ text }) => / serve\b/.test(text));
  const listening = RUN.filter(({ text }) => text.includes("--listen"));
  for (const block of hosting) {
    await using shell = new Shell(block, other, path, "exec ");
    await shell.program.ready();
    shell.program.signal("SIGINT");
    await shell.program.ends(0);
  }
  const options = { wrapper: home.wrapper, permissions: PERMISSIONS };
  await using host = new Program(["serve", "--name", "ada"], options);
  await host.ready();
  await using bob = new Program(["join", ADDRESSES[0]!, "--name", "bob", "--listen"], options);
  await bob.ready();
  await using stack = new AsyncDisposableStack();
  const listeners = listening.map((block) => stack.use(new Shell(block, other, path)).program);
  await host.stderr.count(1 + listeners.length, / joined/);
  for (const block of RUN) {
    if (hosting.includes(block) || listening.includes(block)) continue;
    await using shell = new Shell(block, other, path);
    await shell.program.endInput();
    await shell.program.ends(0);
  }
  host.signal("SIGINT"); // The room ends, and with it all that still run.
  for (const program of [host, bob, ...listeners]) await program.ends(0);
}, ["setsid"]);
