import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { BINARY, emptyDirectory, type Event, Program, run } from "../support/program.ts";
import { Pty } from "../support/pty.ts";
import { terminalTest } from "../support/tools.ts";

/** The permissions to keep an identity. */
const permissions = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

const PASSPHRASE = "correct horse";

/** The program with the keys of Windows. */
const NODE_KEYS = fileURLToPath(new URL("../support/node_keys.ts", import.meta.url));

/** The identity that `lanchat id` prints as JSON Lines. */
async function identity(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Event<"identity">> {
  const { status, stderr, stdout } = await run(["id", ...args, "--json"], { permissions, env });
  assertEquals([status, stderr], [0, ""], stdout);
  const [shown, closed, ...more] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([closed, more], [{ event: "closed", reason: "done" }, []]);
  return shown;
}

/** How often a passphrase was asked for. */
function questions(lines: readonly string[]): number {
  return lines.filter((line) => /(?:Passphrase for ".*"|Try again):$/.test(line)).length;
}

Deno.test("lanchat id shows, moves and replaces an identity", async () => {
  const home = emptyDirectory();
  const own = ["--identity", `${home}/me.json`];
  const first = await identity(own);
  assertEquals([first.event, first.file, first.protected], ["identity", own[1], false]);
  const text = await run(["id", ...own], { permissions });
  assertEquals(text, {
    status: 0,
    stderr: "",
    stdout: `fingerprint ${first.fingerprint.match(/.{5}/g)!.join(" ")}\n` +
      `tag ${first.tag}\nkept in ${own[1]}\nnot protected by a passphrase\n`,
  });

  const copy = `${home}/copy.json`;
  const exported = await run(["id", "export", copy, ...own], { permissions });
  assertMatch(
    exported.stdout,
    /^A copy of your identity is in .*\nIt has no passphrase: anyone who reads it can pose/,
  );
  for (const action of [["new"], ["import", copy]]) {
    const { status, stderr } = await run(["id", ...action, ...own], { permissions });
    assertEquals(status, 1);
    assertMatch(stderr, /: not confirmed\nlanchat: hint: Save a copy/);
  }
  assertNotEquals((await identity(["new", "--yes", ...own])).key, first.key);
  assertEquals(await identity(["import", copy, "--yes", ...own]), first);
});

Deno.test("a profile is another identity, in the platform's own place", async () => {
  const config = emptyDirectory();
  const env = { XDG_CONFIG_HOME: config };
  const work = await identity(["--profile", "work"], env);
  assertEquals(work.file, `${config}/lanchat/profiles/work/identity.json`);
  assertNotEquals((await identity([], env)).key, work.key);
});

Deno.test("an identity under a passphrase opens with the one in the environment", async () => {
  const own = ["--identity", `${emptyDirectory()}/me.json`];
  const first = await identity(own);
  const right = { LANCHAT_ID_PASSPHRASE: PASSPHRASE };
  const sealed = { ...first, protected: true };
  const renewed = { LANCHAT_NEW_ID_PASSPHRASE: PASSPHRASE };
  assertEquals(await identity(["--passphrase", ...own], renewed), sealed);
  {
    await using host = new Program([
      "serve",
      "--port",
      "0",
      "--host",
      "127.0.0.1",
      "--json",
      ...own,
    ], {
      permissions,
      env: right,
    });
    assertEquals((await host.event("listening")).fingerprint, first.fingerprint);
  }
  const failures: [Record<string, string>, string][] = [
    [{ LANCHAT_ID_PASSPHRASE: "wrong" }, "wrong-passphrase"],
    [{}, "no-passphrase"],
  ];
  for (const [env, code] of failures) {
    const { status, stdout } = await run(["join", "127.0.0.1:1", "--json", ...own], {
      permissions,
      env,
    });
    assertEquals([status, JSON.parse(stdout).code], [1, code]);
  }
  const other = { LANCHAT_ID_PASSPHRASE: "battery staple" };
  const changed = { ...right, LANCHAT_NEW_ID_PASSPHRASE: other.LANCHAT_ID_PASSPHRASE };
  assertEquals(await identity(["--passphrase", ...own], changed), sealed);
  assertEquals(await identity(["--no-passphrase", ...own], other), first);
});

terminalTest("a passphrase stays hidden after a stop of the program", async () => {
  const own = ["--identity", `${emptyDirectory()}/me.json`];
  const script = (command: string): string =>
    `modes=$(stty -g); ${command}; stty $modes; printf '\\n$'; read enter; fg %1 >/dev/null`;
  await using id = new Pty(["id", "--passphrase", ...own], { permissions, script });
  await id.says(/^New passphrase for ".*":$/);
  id.signal("SIGSTOP");
  await id.shows("$");
  await id.type("\n");
  await id.until("The question, again", () => id.written.split("New passphrase").length === 3);
  await id.type(`${PASSPHRASE}\r`);
  await id.says(/^Repeat it:$/);
  await id.type(`${PASSPHRASE}\r`);
  await id.says(/^protected by a passphrase$/);
  await id.givesBack();
  assert(!id.written.includes("horse"), id.written);
});

terminalTest(
  "a terminal asks for the passphrase before the chat begins, three times at most",
  async () => {
    const own = ["--identity", `${emptyDirectory()}/me.json`];
    {
      await using id = new Pty(["id", "--passphrase", ...own], { permissions });
      await id.says(/^New passphrase for ".*":$/);
      await id.type(`${PASSPHRASE}\r`);
      await id.says(/^Repeat it:$/);
      await id.type(`${PASSPHRASE}\r`);
      await id.says(/^protected by a passphrase$/);
      await id.givesBack();
      assert(!id.written.includes("horse"), id.written);
    }
    const serving = ["serve", "--name", "ada", "--port", "0", "--host", "127.0.0.1", ...own];
    {
      await using host = new Pty(serving, { permissions });
      await host.says(/^Passphrase for ".*":$/);
      await host.type("wrong\r");
      await host.says(/^Wrong passphrase\. Try again:$/);
      await host.type(`${PASSPHRASE}\r`);
      await host.says(/You are ada, the host/);
      await host.type("\x04");
      await host.givesBack();
    }
    await using host = new Pty(serving, { permissions });
    for (let asked = 1; asked <= 3; asked++) {
      await host.until(`question ${asked}`, ({ lines }) => asked === questions(lines));
      await host.type("wrong\r");
    }
    await host.says(/error: Wrong passphrase for identity file/);
    await host.givesBack(1);
  },
);

if (BINARY === undefined) {
  terminalTest(
    "a passphrase is read through the key reader for Windows, only to the end of its line",
    async () => {
      const options = { permissions, main: NODE_KEYS };
      const own = ["--identity", `${emptyDirectory()}/me.json`];
      {
        await using id = new Pty(["id", "--passphrase", ...own], options);
        await id.says(/^New passphrase for ".*":$/);
        await id.type("p\u00e4ss\rp\u00e4ss\r"); // At once: the second line is left to the second question.
        await id.says(/^protected by a passphrase$/);
        await id.givesBack();
      }
      const serving = ["serve", "--name", "ada", "--port", "0", "--host", "127.0.0.1", ...own];
      await using host = new Pty(serving, options);
      await host.says(/^Passphrase for ".*":$/);
      await host.type("p\u00e4ss\rna\u00efve");
      await host.says(/You are ada, the host/);
      await host.shows("> na\u00efve");
      await host.type("\x03");
      await host.givesBack();
    },
  );
}

terminalTest("lanchat id new asks for the word at a terminal", async () => {
  const own = ["--identity", `${emptyDirectory()}/me.json`];
  const { fingerprint } = await identity(own);
  for (const [word, status] of [["yes", 1], ["new", 0], ["\x03", 130]] as const) {
    await using id = new Pty(["id", "new", ...own], { permissions });
    await id.says(/^Type new to continue:$/);
    await id.type(word === "\x03" ? word : `${word}\r`);
    assertEquals(await id.status(), status);
    if (status === 1) assertEquals((await identity(own)).fingerprint, fingerprint);
  }
  assertNotEquals((await identity(own)).fingerprint, fingerprint);
});

Deno.test({
  name: "lanchat id without its permissions says which are missing",
  ignore: BINARY !== undefined,
  async fn() {
    const { status, stderr } = await run(["id"], { permissions: [] });
    assertEquals(status, 1);
    assertMatch(
      stderr,
      /: --allow-env is missing\nlanchat: hint: .* --allow-env --allow-read --allow-write /,
    );
  },
});
