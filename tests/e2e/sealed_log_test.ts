import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { passphraseKey } from "../../lib/crypto/mod.ts";
import { readLog } from "../../lib/store/mod.ts";
import {
  BINARY,
  emptyDirectory,
  HostProgram,
  Program,
  type ProgramOptions,
  run,
} from "../support/program.ts";
import { terminalTest } from "../support/tools.ts";

const PASSPHRASE = "pässword";

/** A host that all tests of this file may share. */
let host: HostProgram;
Deno.test.beforeAll(async () => {
  host = await HostProgram.start(["--name", "hana", "--json"]);
});
Deno.test.afterAll(() => host[Symbol.asyncDispose]());

/** The options of a sealed log, with the passphrase in the environment. */
function sealing(file: string, passphrase = PASSPHRASE): ProgramOptions {
  return {
    permissions: [
      "--allow-net",
      `--allow-read=${file}`,
      `--allow-write=${file}`,
      "--allow-env=LANCHAT_PASSPHRASE",
    ],
    env: { LANCHAT_PASSPHRASE: passphrase },
  };
}

function joining(file: string, ...args: string[]): string[] {
  return ["join", host.address, "--name", "bob", "--log", file, "--log-encrypted", ...args];
}

/** The own messages of a log. */
function said(log: string): string[] {
  return [...log.matchAll(/^\S+Z > bob: (.*)$/gm)].map(([, text]) => text!);
}

/** Waits until an own message is in a log on the disk, which follows what is shown. */
async function keeps(file: string, text: string): Promise<void> {
  let key: Promise<Bytes> | undefined;
  const unlock = (salt: Bytes): Promise<Bytes> => key ??= passphraseKey(PASSPHRASE, salt);
  const isThere = async (): Promise<boolean> => {
    const { texts } = await readLog(file, unlock);
    return said((await Array.fromAsync(texts)).join("")).includes(text);
  };
  using watcher = Deno.watchFs(file);
  if (await isThere()) return;
  for await (const _ of watcher) if (await isThere()) return;
}

Deno.test("--log-encrypted seals what lanchat log prints, over several runs", async () => {
  const file = `${emptyDirectory()}/a.log`;
  for (const [input, ...args] of [["one\n\x1b[2J\n"], ['{"say":"two"}\n', "--json"]] as const) {
    assertEquals((await run(joining(file, ...args), { ...sealing(file), input })).status, 0);
  }
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  assert(!/bob|hana|one/.test(Deno.readTextFileSync(file)));
  const { status, stderr, stdout } = await run(["log", file], sealing(file));
  assertEquals([status, stderr], [0, ""]);
  assertEquals(said(stdout), ["one", "\\x1b[2J", "two"]);
});

Deno.test("another passphrase ends with status 1 before any connection", async () => {
  const file = `${emptyDirectory()}/a.log`;
  assertEquals((await run(joining(file), { ...sealing(file), input: "one\n" })).status, 0);
  const before = Deno.readFileSync(file);
  const wrong = sealing(file, "password");
  for (const args of [joining(file), ["log", file]]) {
    const { status, stderr, stdout } = await run(args, wrong);
    assertEquals([status, stdout], [1, ""]);
    assertMatch(
      stderr,
      /^lanchat: error: Wrong passphrase for log ".*"\nlanchat: hint: /,
    );
  }
  const json = await run(joining(file, "--json"), wrong);
  assertEquals([json.status, json.stderr], [1, ""]);
  assertEquals(JSON.parse(json.stdout).code, "wrong-passphrase");
  assertEquals(Deno.readFileSync(file), before);
});

Deno.test("the log of a killed run is read and continued, with a warning", async () => {
  const file = `${emptyDirectory()}/a.log`;
  {
    await using member = await host.join(joining(file, "--json").slice(2), sealing(file));
    await member.tell({ say: "one" });
    await member.event("sent");
    await keeps(file, "one");
    member.signal("SIGKILL");
    await member.exited();
  }
  // As if it had been killed in the middle of a write.
  Deno.writeFileSync(file, new Uint8Array([2, 0, 0, 0, 99, 1, 2, 3]), { append: true });
  const warning = /^lanchat: warning: 1 run did not finish this log.*\nlanchat: hint: /;
  const cut = await run(["log", file], sealing(file));
  assertEquals([cut.status, said(cut.stdout)], [0, ["one"]]);
  assertMatch(cut.stderr, warning);

  assertEquals((await run(joining(file), { ...sealing(file), input: "two\n" })).status, 0);
  const whole = await run(["log", file], sealing(file));
  assertEquals([whole.status, said(whole.stdout)], [0, ["one", "two"]]);
  assertMatch(whole.stderr, warning);
});

Deno.test("lanchat log prints the part before an alteration, and ends with status 1", async () => {
  const file = `${emptyDirectory()}/a.log`;
  assertEquals((await run(joining(file), { ...sealing(file), input: "one\n" })).status, 0);
  const bytes = Deno.readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  Deno.writeFileSync(file, bytes);
  const { status, stderr, stdout } = await run(["log", file], sealing(file));
  assertEquals([status, said(stdout)], [1, ["one"]]);
  assertMatch(stderr, /^lanchat: error: Cannot read log ".*" after byte \d+: it was altered\n/);
});

Deno.test("lanchat log prints a plain log, and escapes control characters for a terminal", async () => {
  const file = `${emptyDirectory()}/a.log`;
  const text = "2026-01-01T00:00:00.000Z bob: \x1b[2J\x9b\u202e\xe9\n    more\r\n";
  Deno.writeTextFileSync(file, text);
  const { status, stderr, stdout } = await run(["log", file], sealing(file));
  assertEquals([status, stderr], [0, ""]);
  assertEquals(
    stdout,
    "2026-01-01T00:00:00.000Z bob: \\x1b[2J\\x9b\\u{202e}\xe9\n    more\\x0d\n",
  );
  const missing = await run(["log", `${file}.old`], sealing(`${file}.old`));
  assertEquals([missing.status, missing.stdout], [1, ""]);
  assertMatch(missing.stderr, /^lanchat: error: Cannot read log ".*": No such file/);
});

Deno.test("a sealed log without a terminal and LANCHAT_PASSPHRASE is a clear error", async () => {
  const file = `${emptyDirectory()}/a.log`;
  const { status, stderr } = await run(joining(file), sealing(file, ""));
  assertEquals(status, 1);
  assertMatch(stderr, /error: Cannot ask for a passphrase[^]*hint: .*LANCHAT_PASSPHRASE/);
  if (BINARY !== undefined) return;
  const { permissions } = sealing(file);
  const denied = await run(joining(file), { permissions: permissions!.slice(0, -1) });
  assertEquals(denied.status, 1);
  assertMatch(denied.stderr, /hint: Allow it: deno run --allow-env=LANCHAT_PASSPHRASE/);
});

/** Runs a command between two looks at the state of the terminal, and prints its process id. */
function watched(command: readonly string[]): string[] {
  const script =
    'stty -g; sh -c "echo pid \\$\\$; exec \\"\\$@\\"" sh "$@"; echo "status $?"; stty -g';
  return ["sh", "-c", script, "sh", ...command];
}

/** Asserts that a program in a terminal, once it has ended, has left that as it was. */
async function assertRestored(program: Program, status: number): Promise<void> {
  await program.stdout.has(new RegExp(`status ${status}\\s`));
  await program.status();
  const [before, after] = program.stdout.text.match(/^[\da-f]+(:[\da-f]+)+/gm)!;
  assertEquals(after, before);
}

terminalTest(
  "a terminal asks for the passphrase without showing it, twice for a new log",
  async () => {
    const file = `${emptyDirectory()}/a.log`;
    const options = { ...sealing(file, "of no matter"), terminal: true, wrapper: watched };
    {
      await using member = new Program(joining(file), options);
      await member.stdout.has(/Passphrase for ".*": $/);
      await member.write("päx\x7fssword\r");
      await member.stdout.has(/Repeat it: $/);
      await member.write(`${PASSPHRASE}\r`);
      await member.ready();
      await member.write("hello\r/quit\r");
      await assertRestored(member, 0);
      assert(!/ssw|word/.test(member.stdout.text.replaceAll("assphrase", "")), member.stdout.text);
    }
    await using reader = new Program(["log", file], options);
    await reader.stdout.has(/Passphrase for ".*": $/);
    await reader.write(`${PASSPHRASE}\r`);
    await assertRestored(reader, 0);
    assertMatch(reader.stdout.text, /Z > bob: hello\r?\n/);
    assert(!reader.stdout.text.includes("Repeat it"));
  },
);

terminalTest("a terminal is restored once the passphrase is read", async () => {
  const file = `${emptyDirectory()}/a.log`;
  const options = { ...sealing(file), terminal: true, wrapper: watched };
  await using member = new Program(joining(file, "--json"), options);
  for (const question of [/Passphrase for ".*": $/, /Repeat it: $/]) {
    await member.stdout.has(question);
    await member.write(`${PASSPHRASE}\r`);
  }
  await member.stdout.has(/"event":"ready"/);
  await member.write('{"do": "quit"}\r'); // a line only if the terminal makes a line feed of Enter
  await assertRestored(member, 0);
});

terminalTest("two passphrases that differ, and an empty one, are errors", async () => {
  for (const [first, second] of [["one", "two"], [""]] as const) {
    const file = `${emptyDirectory()}/a.log`;
    const options = { ...sealing(file), terminal: true, wrapper: watched };
    await using member = new Program(joining(file), options);
    await member.stdout.has(/Passphrase for ".*": $/);
    await member.write(`${first}\r`);
    if (second !== undefined) {
      await member.stdout.has(/Repeat it: $/);
      await member.write(`${second}\r`);
    }
    await assertRestored(member, 1);
    assertMatch(
      member.stdout.text,
      /error: Cannot use the passphrase: (?:the two do not match|it is empty)/,
    );
  }
});

terminalTest("Ctrl-C and a signal end the question, and the terminal is restored", async () => {
  for (const end of ["Ctrl-C", "SIGTERM"]) {
    const file = `${emptyDirectory()}/a.log`;
    const options = { ...sealing(file), terminal: true, wrapper: watched };
    await using member = new Program(joining(file), options);
    await member.stdout.has(/Passphrase for ".*": $/);
    if (end === "Ctrl-C") await member.write("abc\x03");
    else Deno.kill(Number(/pid (\d+)/.exec(member.stdout.text)![1]), "SIGTERM");
    await assertRestored(member, 130);
    assert(!member.stdout.text.includes("abc"));
  }
});
