import { assert, assertEquals, assertMatch } from "@std/assert";
import { concat, utf8 } from "../../lib/bytes/mod.ts";
import {
  BINARY,
  commandLine,
  emptyDirectory,
  HostProgram,
  Program,
  run,
} from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";

const MAX_BYTES = 16_384;

/** A host that all tests of this file may share: each has a member of another name. */
let host: HostProgram;
Deno.test.beforeAll(async () => {
  host = await HostProgram.start(["--name", "hana", "--json"]);
});
Deno.test.afterAll(() => host[Symbol.asyncDispose]());

/** The texts that the host received from a member. */
function heard(name: string): string[] {
  const texts: string[] = [];
  for (const event of host.events) {
    if (event.event === "message" && event.from.name === name) texts.push(event.text);
  }
  return texts;
}

/** Waits until a member has left, after all its messages. */
async function gone(name: string): Promise<void> {
  await host.event("left", ({ member }) => member.name === name);
}

/** Pipes an input into `lanchat join`. */
async function pipe(
  name: string,
  input: string | Uint8Array,
  ...args: string[]
): Promise<{ status: number; stdout: string; stderr: string }> {
  const end = await run(["join", host.address, "--name", name, ...args], { input });
  await gone(name);
  return end;
}

/** The lines about errors, without their hints. */
function errors(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line.startsWith("lanchat: error: "));
}

Deno.test("every line is a message, also one that looks like a command", async () => {
  const lines = [
    "hello",
    "/quit",
    "//x",
    '{"say":"x"}',
    "  spaces  ",
    "é 你好 👋",
    "\ta\x00b\x1b[2J",
    "\\n",
  ];
  const { status, stdout } = await pipe("lines", lines.map((line) => `${line}\n`).join(""));
  assertEquals([status, stdout], [0, ""]);
  assertEquals(heard("lines"), lines);
});

Deno.test("one CR is dropped, empty lines are skipped, and the last line needs no line feed", async () => {
  const { status } = await pipe("ends", "\n\r\none\r\n\ntwo\r\r\n \nt\rhree\n\nfour");
  assertEquals(status, 0);
  assertEquals(heard("ends"), ["one", "two\r", " ", "t\rhree", "four"]);
  await pipe("lastcr", "one\r");
  assertEquals(heard("lastcr"), ["one"]);
});

Deno.test("empty input leaves nothing undelivered", async () => {
  const { status, stderr } = await pipe("nothing", "");
  assertEquals(status, 0);
  assertEquals(errors(stderr), []);
  assertEquals((await pipe("blank", "\n\r\n\n")).status, 0);
});

Deno.test("a line of 16,384 bytes is sent, one byte more is refused, and later lines are sent", async () => {
  const longest = "x".repeat(MAX_BYTES);
  const { status, stderr } = await pipe(
    "long",
    `${longest}\r\nx${longest}\n${"y".repeat(1e6)}\nlast`,
  );
  assertEquals(status, 1);
  assertEquals(heard("long"), [longest, "last"]);
  assertEquals(errors(stderr), [
    "lanchat: error: Cannot send line 2: over 16384 bytes",
    "lanchat: error: Cannot send line 3: over 16384 bytes",
    "lanchat: error: 2 of 4 lines were not delivered",
  ]);
});

Deno.test("the limit counts bytes, and nothing is cut", async () => {
  const longest = "é".repeat(MAX_BYTES / 2);
  const { status } = await pipe(
    "bytes",
    `${longest}\na${longest}\n${"👋".repeat(MAX_BYTES / 4)}\n`,
  );
  assertEquals(status, 1);
  assertEquals(heard("bytes"), [longest, "👋".repeat(MAX_BYTES / 4)]);
});

Deno.test("a line that is not UTF-8 is refused, and later lines are sent", async () => {
  const invalid = [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]];
  const input = concat(
    ...invalid.map((bytes, i) => concat(new Uint8Array(bytes), utf8(`\n${i}\n`))),
  );
  const { status, stderr } = await pipe("utf8", input);
  assertEquals(status, 1);
  assertEquals(heard("utf8"), ["0", "1", "2", "3"]);
  assertEquals(errors(stderr), [
    "lanchat: error: Cannot send line 1: not UTF-8",
    "lanchat: error: Cannot send line 3: not UTF-8",
    "lanchat: error: Cannot send line 5: not UTF-8",
    "lanchat: error: Cannot send line 7: not UTF-8",
    "lanchat: error: 4 of 8 lines were not delivered",
  ]);
  assertEquals(stderr.match(/hint: Send UTF-8 text/g)?.length, 1);
});

Deno.test("the summary counts undelivered lines among all", async () => {
  const good = "good\n".repeat(7);
  const { status, stderr } = await pipe(
    "count",
    concat(utf8(good), new Uint8Array([255, 10, 254, 10, 253])),
  );
  assertEquals(status, 1);
  assertEquals(
    stderr.trimEnd().split("\n").at(-1),
    "lanchat: error: 3 of 10 lines were not delivered",
  );
});

Deno.test("control characters are escaped in the output", async () => {
  await using reader = await host.join(["--name", "reader", "--listen"]);
  await host.tell({ say: "a\\b\nc\t\x1b]0;x\x07\x85\x9b\u202e\u2066\u200b\ufeff\u{e0041}end" });
  assertEquals(
    await reader.stdout.line(/end$/),
    "hana: a\\\\b\\nc\\x09\\x1b]0;x\\x07\\x85\\x9b\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{e0041}end",
  );
});

Deno.test("a line to an empty room fails at once, and --wait waits for the first member", async () => {
  await using relay = await HostProgram.start(["--relay-only", "--json"]);
  const alone = await run(["join", relay.address], { input: "hello\n" });
  assertEquals(alone.status, 1);
  assertEquals(errors(alone.stderr), [
    "lanchat: error: Cannot deliver line 1 (nobody-here)",
    "lanchat: error: 1 of 1 line was not delivered",
  ]);
  assertMatch(alone.stderr, /hint: Wait until someone joins/);

  await using waiting = await relay.join(["--name", "waiting", "--wait", "600"]);
  await waiting.write("are you there?\n");
  await waiting.endInput();
  await using reader = await relay.join(["--listen"]);
  assertEquals(await reader.stdout.line(/./), "waiting: are you there?");
  await waiting.ends(0);

  reader.signal("SIGTERM");
  await reader.ends(0);
  const late = await run(["join", relay.address, "--wait", "1"], { input: "hello\n" });
  assertEquals(late.status, 1);
  assertMatch(late.stderr, /1 of 1 line was not delivered/);
});

Deno.test("--to sends each line only to the member with that name, name#tag or key", async () => {
  await using bob = await host.join(["--name", "bob", "--json"]);
  const { key, tag } = await bob.event("ready");
  for (const [i, to] of ["bob", `bob#${tag}`, key].entries()) {
    const log = `${emptyDirectory()}/to.log`;
    const { status, stderr } = await run(
      ["join", host.address, "--name", `private${i}`, "--to", to, "--quiet", "--log", log],
      { input: "one\ntwo\n", permissions: ["--allow-net", "--allow-write"] },
    );
    assertEquals([status, stderr], [0, ""]);
    await gone(`private${i}`);
    assertEquals(await bob.hears(`private${i}`, 2), ["one", "two"]);
    assertEquals(heard(`private${i}`), []);
    assertMatch(Deno.readTextFileSync(log), /> private\d to (bob\S*|.{43}) \(private\): one\n/);
  }
});

Deno.test("--to sends nothing if the member is not there, and leaves its input unread", async () => {
  const input = "secret\n".repeat(3);
  const args = ["join", host.address, "--name", "lonely", "--to", "nora"];
  const { status, stdout } = await run(args, { input, wrapper: withRest });
  assertEquals([status, stdout], [0, input]); // The status is that of cat.
  const { status: failed, stderr } = await run([...args, "--quiet", "--wait", "1"], { input });
  assertEquals(failed, 1);
  assertEquals(stderr.split("\n"), [
    'lanchat: error: Cannot send to "nora": no single member here has that name',
    "lanchat: hint: Check the name; --wait SECONDS waits for them.",
    "",
  ]);
  assertEquals(heard("lonely"), []);
});

Deno.test("--to is refused at a terminal, where /msg does the same", async () => {
  const args = ["join", host.address, "--name", "typist", "--to", "bob"];
  await using member = new Program(args, { terminal: true });
  await member.ends(2);
  assertMatch(member.stdout.text, /error: Cannot use --to at a terminal\r?\n.*\/msg NAME TEXT/);
});

Deno.test("--to with --wait waits for the member, and never takes another for it", async () => {
  await using waiting = await host.join(["--name", "patient", "--to", "nora", "--wait", "600"]);
  await waiting.write("hello nora\n");
  await using _other = await host.join(["--name", "norbert", "--json"]);
  await waiting.stderr.line(/norbert joined/);
  await using nora = await host.join(["--name", "nora", "--json"]);
  assertEquals(await nora.hears("patient", 1), ["hello nora"]);
  await nora.tell({ do: "quit" });
  await nora.ends(0);
  await waiting.stderr.line(/nora left/);
  await using _impostor = await host.join(["--name", "nora", "--json"]);
  await waiting.stderr.line(/nora\S* joined .*|nora joined/);
  await waiting.write("are you still there?\n");
  await waiting.endInput();
  await waiting.ends(1);
  assertEquals(
    errors(waiting.stderr.text)[0],
    "lanchat: error: Cannot deliver line 2 (no-such-member)",
  );
  assertEquals(heard("patient"), []);
});

Deno.test("--timeout bounds the wait for the host's acknowledgement", async () => {
  await using proxy = await Proxy.open(host.port);
  await using member = new Program(["join", proxy.address, "--name", "slow", "--timeout", "1"]);
  await member.ready();
  proxy.hold("toMember");
  await member.write("one\ntwo\n");
  await member.endInput();
  await member.ends(1);
  assertEquals(
    errors(member.stderr.text).at(-1),
    "lanchat: error: 2 of 2 lines were not delivered",
  );
});

Deno.test("--listen ignores input and stays until a signal ends it", async () => {
  await using member = await host.join(["--name", "ears", "--listen"]);
  await member.write("nobody hears this\n");
  await member.endInput();
  await host.tell({ say: "still there?" });
  await member.stdout.line(/^hana: still there\?$/);
  member.signal("SIGINT");
  await member.ends(0);
  await gone("ears");
  assertEquals(heard("ears"), []);
});

Deno.test("standard input is not read before the room is ready", async () => {
  await using full = await HostProgram.start(["--max-members", "2", "--relay-only", "--json"]);
  await using _first = await full.join();
  await using _second = await full.join();
  const input = "not to be lost\n".repeat(100);
  for (
    const args of [["join", "127.0.0.1:1"], ["join", full.address], [
      "serve",
      "--host",
      "192.0.2.77",
    ]]
  ) {
    assertEquals((await run(args, { input, wrapper: withRest })).stdout, input);
  }
});

/** A command that at its end prints the input that the program left unread. */
function withRest(command: readonly string[]): readonly string[] {
  return ["sh", "-c", '"$@" 2>/dev/null; cat', "sh", ...command];
}

Deno.test("a closed standard output ends the program quietly with status 1", async () => {
  for (const mode of [[], ["--json"]]) {
    await using room = await HostProgram.start(["--name", "hana"]);
    await using member = await room.join(["--listen", ...mode]);
    await room.stderr.line(/joined/);
    const before = member.stderr.text;
    await member.stdout.close();
    await room.write("is anybody there?\n");
    await member.ends(1);
    assertEquals(member.stderr.text, before);
    await room.stderr.line(/ left$/);

    await using second = await room.join(["--name", "second"]);
    await room.stdout.close();
    await second.write("hello\n");
    await room.ends(1);
    assertEquals(errors(room.stderr.text), []);
  }
});

Deno.test("serve sends its input lines, and the end of input changes nothing", async () => {
  await using room = await HostProgram.start(["--name", "hana"]);
  await using member = await room.join(["--name", "bob"]);
  await room.stderr.line(/bob joined/);
  await room.write("/who\r\n\n");
  await room.write(new Uint8Array([0xff, 0x0a]));
  await room.write("last");
  await room.endInput();
  assertEquals(await member.stdout.count(2), ["hana: /who", "hana: last"]);
  await member.write("still there?\n");
  await room.stdout.line(/^bob: still there\?$/);
  room.signal("SIGTERM");
  // One of its three lines was none.
  await room.ends(1);
  assertEquals(room.stderr.lines.at(-1), "lanchat: error: 1 of 3 lines were not delivered");
});

Deno.test("serve delivers no line that it reads in an empty room", async () => {
  await using room = await HostProgram.start();
  await room.write("hello?\n");
  await room.stderr.line(/^lanchat: error: Cannot deliver line 1 \(nobody-here\)$/);
  room.signal("SIGINT");
  await room.ends(1);
});

Deno.test("a relay ignores its input and prints no message", async () => {
  await using relay = await HostProgram.start(["--relay-only"]);
  await relay.write("nobody hears this\n");
  await relay.endInput();
  await using one = await relay.join(["--name", "one"]);
  await using two = await relay.join(["--name", "two"]);
  await one.stderr.line(/two joined/);
  await one.write("hello\n");
  await two.stdout.line(/^one: hello$/);
  relay.signal("SIGTERM");
  await relay.ends(0);
  assertEquals(two.stdout.text, "one: hello\n");
  assertEquals(relay.stdout.text, "");
  assert(!/joined|hello|here/.test(relay.stderr.text), relay.stderr.text);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} with something undelivered ends with status 1`, async () => {
    await using relay = await HostProgram.start(["--relay-only", "--json"]);
    await using member = await relay.join(["--json", "--wait", "600"]);
    await member.tell({ say: "is anybody there?" });
    await member.tell({ do: "who" });
    await member.event("members");
    member.signal(signal);
    await member.ends(1);
    assertEquals(member.events.slice(-3), [
      { event: "failed", id: "1", code: "not-delivered" },
      { event: "error", code: "undelivered", message: "1 of 1 line was not delivered" },
      { event: "closed", reason: "signal" },
    ]);
  });
}

Deno.test("a host that ends in order leaves status 1 at a member with pending messages", async () => {
  await using relay = await HostProgram.start(["--relay-only", "--json"]);
  await using member = await relay.join(["--json", "--wait", "600"]);
  await member.tell({ say: "is anybody there?" });
  await member.tell({ do: "who" });
  await member.event("members");
  relay.signal("SIGINT");
  await relay.ends(0);
  await member.ends(1);
  assertEquals(member.events.at(-1), { event: "closed", reason: "host-closed" });
  assertEquals(member.events.at(-3), { event: "failed", id: "1", code: "not-delivered" });
});

Deno.test("the shell's own pipes work too", async () => {
  const file = `${emptyDirectory()}/input`;
  Deno.writeTextFileSync(file, "from a file\n");
  const command = commandLine(["join", host.address, "--name", "shell"]).join(" ");
  const { code } = await new Deno.Command("sh", {
    args: ["-c", `${command} < ${file} > ${file}.out 2> ${file}.err`],
    ...BINARY !== undefined && { env: { XDG_CONFIG_HOME: emptyDirectory() } },
  }).output();
  assertEquals(code, 0);
  await gone("shell");
  assertEquals(heard("shell"), ["from a file"]);
});
