import { assert, assertEquals, assertMatch } from "@std/assert";
import { Impostor } from "../support/impostor.ts";
import { BINARY, emptyDirectory, HostProgram, run } from "../support/program.ts";
import { missing, terminalTest, testUnless } from "../support/tools.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

function logging(file: string): string[] {
  return ["--allow-net", `--allow-read=${file}`, `--allow-write=${file}`];
}

/** The entries of a log, once each is known to have its time. */
function entries(file: string): string[] {
  const text = Deno.readTextFileSync(file);
  assert(text.endsWith("\n"), text);
  return text.slice(0, -1).split(/\n(?! {4})/).map((entry) => {
    assertMatch(entry, TIME);
    return entry.replace(TIME, "");
  });
}

Deno.test("--log appends shown and sent messages to a file readable only by its owner", async () => {
  const directory = emptyDirectory();
  const [hostLog, pipeLog] = [`${directory}/host.log`, `${directory}/pipe.log`];
  const host = await HostProgram.start(["--name", "hana", "--json", "--log", hostLog], {
    permissions: ["--allow-net", `--allow-write=${hostLog}`],
  });
  await using _host = host;
  const args = ["join", host.address, "--until-delivered", "--log", pipeLog, "--name"];
  for (const [name, input] of [["bob", "one\n\x1b[2J\xffx\u202e\n"], ["carol", "two\n"]] as const) {
    const { status } = await run([...args, name], { input, permissions: logging(pipeLog) });
    assertEquals(status, 0);
  }
  await host.stdout.count(2, /"event":"left"/);
  await host.tell({ say: "nobody\nis here", id: "x" });
  await host.event("failed");
  host.signal("SIGTERM");
  await host.ends(1);

  for (const file of [hostLog, pipeLog]) assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  const said = entries(pipeLog).filter((entry) => entry.startsWith(">"));
  assertEquals(said, ["> bob: one", "> bob: \\x1b[2J\xffx\\u{202e}", "> carol: two"]);
  assert(entries(pipeLog).includes("# You are bob. 1 other here: hana (host)."));

  const all = entries(hostLog);
  assert(all.some((entry) => /^# Listening on port \d+\./.test(entry)));
  const from = all.findIndex((entry) => /^# bob joined/.test(entry));
  assertEquals(
    all.slice(from).map((entry) => entry.replace(/\(tag.*\)/, "(…)")),
    [
      "# bob joined (…)",
      "bob: one",
      "bob: \\x1b[2J\xffx\\u{202e}",
      "# bob left",
      "# carol joined (…)",
      "carol: two",
      "# carol left",
      "> hana: nobody\n      is here",
      "# error: Not delivered: nobody\\x0ais here",
      "# hint: Wait until someone joins; in a pipe, use join --wait SECONDS.",
      "# error: 1 of 1 line was not delivered",
    ],
  );
});

terminalTest(
  "--log at a terminal logs a typed message when it is sent",
  async () => {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    const file = `${emptyDirectory()}/a.log`;
    await using ann = await host.join(["--name", "ann", "--log", file], {
      permissions: logging(file),
      terminal: true,
    });
    await ann.write("/me waves\r/msg hana psst\r");
    await ann.stdout.has(/psst \S*✓✓/);
    await ann.write("/who\r");
    await ann.stdout.has(/hana: host, tag/);
    await host.tell({ say: "bye\nann" });
    await ann.stdout.has(/bye\s+\S*ann/);
    await ann.write("/quit\r");
    await ann.ends(0);
    const all = entries(file).filter((entry) =>
      !/^# (?:hint|warning|Join code|Compare it)/.test(entry)
    );
    assertEquals(all.map((entry) => entry.replace(/\(tag.*\)/, "(…)")), [
      "# You are ann. 1 other here: hana (host).",
      "> * ann waves",
      "> ann to hana (private): psst",
      "# Here: hana (…)",
      "hana: bye\n      ann",
    ]);
  },
);

Deno.test("a moved log continues in a new file, with one warning", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/a.log`;
  await using host = await HostProgram.start(["--name", "hana", "--json", "--log", file], {
    permissions: logging(file),
  });
  await using bob = await host.join(["--name", "bob", "--json"]);
  for (let i = 1; i <= 2; i++) {
    Deno.renameSync(file, `${directory}/moved${i}`);
    await bob.say(`message ${i}`);
    await host.hears("bob", i);
    if (i === 1) await host.event("warning", ({ code }) => code === "log-moved");
  }
  host.signal("SIGTERM");
  await host.ends(0);
  assert(entries(file).includes("bob: message 2"));
  const told = host.events.filter((event) =>
    event.event === "warning" && event.code === "log-moved"
  );
  assertEquals(told.length, 1);
});

Deno.test("a log that cannot be written is an error before any connection", async () => {
  await using listener = new Impostor(() => {});
  const directory = emptyDirectory();
  for (const file of [directory, `${directory}/nowhere/a.log`]) {
    const permissions = ["--allow-net", `--allow-write=${directory}`];
    const args = ["join", listener.address, "--log", file];
    const plain = await run(args, { permissions });
    assertEquals([plain.status, plain.stdout], [1, ""]);
    const [error, hint, ...rest] = plain.stderr.split("\n");
    assert(error!.startsWith(`lanchat: error: Cannot write log "${file}": `), error);
    assertEquals(hint, "lanchat: hint: Name another file with --log.");
    assertEquals(rest, [""]);
    const json = await run([...args, "--json"], { permissions });
    assertEquals([json.status, json.stderr], [1, ""]);
    assertEquals(JSON.parse(json.stdout).code, "log-unwritable");
  }
  assertEquals(listener.callers, 0);
});

Deno.test({
  name: "a log without its permission is an error that names it",
  ignore: BINARY !== undefined,
  async fn() {
    const { status, stderr } = await run(["serve", "--log", "a.log"]);
    assertEquals(status, 1);
    assertMatch(stderr, /error: Cannot write log "a\.log": --allow-write is missing/);
    assertMatch(stderr, /hint: Allow it: deno run --allow-write="a\.log" …/);
  },
});

testUnless(
  missing(),
  "a log that grows too large for the disk is one warning, and the chat goes on",
  async () => {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    const file = `${emptyDirectory()}/a.log`;
    const limit = `trap '' XFSZ; ulimit -f 8; exec "$@"`; // 4 KiB, and no signal beyond it
    await using member = await host.join(["--name", "ann", "--json", "--log", file], {
      permissions: logging(file),
      wrapper: (command) => ["sh", "-c", limit, "sh", ...command],
    });
    await host.event("joined");
    const texts = Array.from({ length: 20 }, (_, i) => `${i} `.padEnd(500, "x"));
    await host.say(...texts);
    assertEquals(await member.hears("hana", texts.length), texts);
    await member.tell({ say: "still here" });
    await host.event("message", ({ text }) => text === "still here");
    await member.tell({ do: "quit" });
    await member.ends(0);

    const warnings = member.events.filter((event) =>
      event.event === "warning" && event.code === "log-unwritable"
    );
    assertEquals(warnings.length, 1, member.stdout.text);
    const logged = entries(file);
    assert(Deno.statSync(file).size <= 4096);
    assertEquals(logged.at(-1), `hana: ${texts[logged.filter((e) => /^hana/.test(e)).length - 1]}`);
  },
);

Deno.test({
  name:
    "--log-max bounds what a member's messages fill of the disk, by moving the log or by stopping",
  ignore: BINARY !== undefined, // It lacks no permission, and never stops.
  async fn() {
    await using host = await HostProgram.start(["--name", "hana", "--json"]);
    const directory = emptyDirectory();
    const [moved, stopped] = [`${directory}/moved.log`, `${directory}/stopped.log`];
    const member = (
      name: string,
      file: string,
      permissions: string[],
    ): ReturnType<typeof host.join> =>
      host.join(["--name", name, "--json", "--log", file, "--log-max", "1"], { permissions });
    const both = [`--allow-read=${directory}`, `--allow-write=${directory}`];
    await using ann = await member("ann", moved, ["--allow-net", ...both]);
    await using bea = await member("bea", stopped, ["--allow-net", `--allow-write=${stopped}`]);
    await host.stdout.count(2, /"event":"joined"/);
    const texts = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(16_384, "\n"));
    await host.say(...texts);
    for (const each of [ann, bea]) {
      assertEquals(await each.hears("hana", texts.length), texts);
      await each.tell({ say: "still here" });
      await host.event("message", ({ text }) => text === "still here");
      await each.tell({ do: "quit" });
      await each.ends(0);
    }

    const warnings = (program: typeof ann): string[] =>
      program.events.flatMap((event) => event.event === "warning" ? [event.code] : []);
    assertEquals(warnings(ann).filter((code) => code.startsWith("log")), []);
    assertEquals(warnings(bea).filter((code) => code.startsWith("log")), ["log-unwritable"]);
    const sizes = [moved, `${moved}.1`, stopped].map((file) => Deno.statSync(file).size);
    assert(sizes.every((size) => size <= 1 << 20), `${sizes}`);
    assertEquals([...Deno.readDirSync(directory)].length, 3);
    const printed = await run(["log", moved], { permissions: both });
    assertEquals(printed.status, 0);
    const last = printed.stdout.trimEnd().split("\n").filter((line) => TIME.test(line));
    assertEquals(last.at(-1)?.replace(TIME, ""), "> ann: still here");
    const heard = last.filter((line) => / hana: \d+$/.test(line));
    assertMatch(heard.at(-1)!, / hana: 39$/);
    assert(heard.length > 15, `${heard.length}`); // More messages than the newer part has.
  },
});
