import { assert, assertEquals, assertMatch } from "@std/assert";
import { utf8 } from "../../lib/bytes/mod.ts";
import type { Code } from "../../lib/errors.ts";
import { AcceptStatus, CloseReason, encodeFrame, encodeM0 } from "../../lib/wire/mod.ts";
import { ADMISSION, answer, Impostor, sending } from "../support/impostor.ts";
import { BINARY, type Event, HostProgram, type ProgramOptions, run } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { Pty } from "../support/pty.ts";
import { terminalTest } from "../support/tools.ts";

/** M1 as a frame: all that a host that is not trusted may ever get. */
const M1_FRAME_BYTES = 1517;

/** The output of --version. */
const VERSION = BINARY === undefined
  ? /^lanchat \d+\.\d+\.\d+ \(source, Deno \d+\.\d+\.\d+\)\n$/
  : /^lanchat \d+\.\d+\.\d+ \((?:commit [\da-f]{12,}\+?|unknown commit), Deno \d+\.\d+\.\d+\)\n$/;

/** Runs the program both ways and asserts that it fails in one clear line. */
async function assertFails(
  args: readonly string[],
  code: Code,
  options: ProgramOptions & { status?: number; hint?: RegExp } = {},
): Promise<void> {
  const { hint: expectedHint = /./, status: expected = 1 } = options;
  const [plain, json] = await Promise.all([
    run(args, options),
    run(["--json", ...args], options),
  ]);

  assertEquals(plain.status, expected, plain.stderr);
  assertEquals(plain.stdout, "");
  const lines = plain.stderr.trimEnd().split("\n");
  assert(lines.every((line) => line.startsWith("lanchat: ")), plain.stderr);
  assertEquals(lines.filter((line) => line.startsWith("lanchat: error: ")).length, 1, plain.stderr);
  const [error, hint] = lines.slice(-2);
  assertMatch(error!, /^lanchat: error: \S.*[^.]$/);
  assertMatch(hint!, /^lanchat: hint: \S/);
  assertMatch(hint!, expectedHint);
  assert(!/\bat \S+:\d+:\d+|[A-Z]\w+Error/.test(plain.stderr), plain.stderr);

  assertEquals(json.status, expected, json.stdout);
  assertEquals(json.stderr, "");
  const events: Event[] = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const errors = events.filter((event): event is Event<"error"> => event.event === "error");
  assertEquals(
    errors,
    [{
      event: "error" as const,
      code,
      message: error!.replace("lanchat: error: ", ""),
      hint: hint!.replace("lanchat: hint: ", ""),
    }].map((event) => ({ ...event, message: sameExceptPort(errors[0]?.message, event.message) })),
  );
  const last = events.at(-1)!;
  assert(last.event === "error" || last.event === "closed", json.stdout);
}

/** The first text, if it is the second with another port. */
function sameExceptPort(text: string | undefined, other: string): string {
  const isSame = text?.replace(/:\d+\b/, ":P") === other.replace(/:\d+\b/, ":P");
  return isSame ? text! : other;
}

const USAGE: readonly [line: string, code: Code, hint: RegExp][] = [
  ["--", "unknown-subcommand", /lanchat serve.*lanchat join/],
  ["jion 127.0.0.1", "unknown-subcommand", /Did you mean join\?/],
  ["chat", "unknown-subcommand", /--help/],
  ["serve --prot 1", "unknown-option", /Did you mean --port\?/],
  ["join 127.0.0.1 --frobnicate", "unknown-option", /--help/],
  ["join 127.0.0.1 --relay-only", "unknown-option", /./],
  ["serve --port 1 --port 2", "repeated-option", /once/],
  ["serve --name", "missing-value", /./],
  ["serve --name=", "missing-value", /./],
  ["join 127.0.0.1 twice", "surplus-argument", /./],
  ["serve --relay-only --name ada", "surplus-argument", /./],
  ["serve --port 65536", "bad-port", /0 to 65535/],
  ["serve --port ten", "bad-port", /0 to 65535/],
  ["join 127.0.0.1:0", "bad-port", /1 to 65535/],
  ["join 127.0.0.1 --wait soon", "bad-number", /whole number/],
  ["serve --max-members 1", "bad-number", /2 to 1338/],
  ["join 127.0.0.1 --name a:b", "bad-name", /48 bytes/],
  ["serve --name " + "x".repeat(49), "bad-name", /48 bytes/],
  ["join fe80::1:12345:x", "bad-address", /192\.168/],
  ["join ::1:99999", "bad-address", /\[::1\]:99999/],
  ["serve --host localhost", "bad-address", /IP address/],
  ["join 127.0.0.1 --host-key 123", "bad-fingerprint", /30 digits/],
];

Deno.test("a wrong command line ends with status 2 and a suggestion", async () => {
  for (const [line, code, hint] of USAGE) {
    await assertFails(line.split(" "), code, { status: 2, hint });
  }
});

Deno.test("a wrong command line is found before the network is used", async () => {
  await using listener = new Impostor(() => {});
  await assertFails(["join", listener.address, "--wiat", "1"], "unknown-option", {
    status: 2,
    hint: /--wait/,
  });
  assertEquals(listener.callers, 0);
});

Deno.test("--json works anywhere among the arguments, and nowhere after --", async () => {
  for (
    const line of ["--json jion", "jion --json", "jion --port --json 1", "serve --prot --json"]
  ) {
    const { status, stderr, stdout } = await run(line.split(" "));
    assertEquals([status, stderr], [2, ""]);
    assertEquals(JSON.parse(stdout).event, "error");
  }
  const { stderr, stdout } = await run(["jion", "--", "--json"]);
  assertEquals(stdout, "");
  assertMatch(stderr, /^lanchat: error: /);
});

Deno.test("lanchat without arguments prints one screen of help and ends with status 0", async () => {
  const { status, stderr, stdout } = await run([]);
  assertEquals([status, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assert(lines.length <= 24 && lines.every((line) => line.length <= 80), stdout);
  assert(stdout.endsWith("\n"), stdout);
  assertMatch(stdout, /chat for[^]*Start here:[^]*lanchat serve[^]*lanchat join[^]*--help/);
});

if (BINARY === undefined) { // Whose permissions would let it look for rooms.
  terminalTest(
    "lanchat without arguments at a terminal offers to host if it cannot search for rooms",
    async () => {
      await using person = new Pty([], { permissions: ["--allow-net=127.0.0.1"] });
      await person.showsAll(
        "Cannot look for rooms on this network: --allow-net is missing, or limited to som",
        "e addresses.",
        "A digit joins, h hosts, q quits. By address: lanchat join ADDRESS",
      );
      await person.type("q");
      await person.givesBack();
    },
  );
}

Deno.test("help, --help and --version print to standard output and end with status 0", async () => {
  for (
    const [line, pattern] of [
      ["--help", /Start here:[^]*serve[^]*join[^]*Exit status/],
      ["serve --help", /--relay-only[^]*--max-members/],
      ["join --help", /--host-key[^]*--wait/],
      ["--version", VERSION],
      ["join --version", VERSION],
      ["-h", /Start here:[^]*serve[^]*join[^]*Exit status/],
      ["join -h", /--host-key[^]*--wait/],
      ["help", /Start here:[^]*serve[^]*join[^]*Exit status/],
      ["help join", /--host-key[^]*--wait/],
      ["-V", VERSION],
    ] as const
  ) {
    const { status, stderr, stdout } = await run(line.split(" "));
    assertEquals([status, stderr], [0, ""]);
    assertMatch(stdout, pattern);
  }
});

Deno.test("a host that cannot be reached is one clear line", async () => {
  const unused = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  unused.close();
  await assertFails(["join", `127.0.0.1:${unused.addr.port}`], "connection-refused");
  await assertFails(["join", "no-such-host.invalid"], "name-not-found");
  // TCP has no multicast: the system refuses before anything is sent.
  await assertFails(["join", "224.0.0.1"], "unreachable");
});

Deno.test("a port that is taken, or an address of another machine, is one clear line", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(taken.addr.port);
  await assertFails(["serve", "--host", "127.0.0.1", "--port", port], "port-in-use");
  await assertFails(["serve", "--host", "192.0.2.77", "--port", "0"], "address-unavailable");
});

Deno.test({
  name: "a search for rooms that cannot start is one clear line",
  ignore: BINARY !== undefined,
  async fn() {
    for (const command of ["scan", "join"]) {
      await assertFails([command], "discovery-unavailable", {
        hint: /lanchat join 192/,
        permissions: ["--allow-net=127.0.0.1"],
      });
    }
  },
});

Deno.test({
  name: "a permission that is missing is one clear line",
  ignore: BINARY !== undefined,
  async fn() {
    await assertFails(["serve", "--port", "0"], "permission-denied", { permissions: [] });
    await assertFails(["join", "127.0.0.1"], "permission-denied", { permissions: [] });
    const permissions = ["--allow-net=192.0.2.1"];
    await assertFails(["join", "127.0.0.1"], "permission-denied", { permissions });
  },
});

Deno.test("a port on which something else answers is not lanchat", async () => {
  const page = utf8("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  const answers: ((caller: Deno.TcpConn) => Promise<void> | void)[] = [
    async (caller) => void await caller.write(page),
    async (caller) => void await caller.write(utf8("SSH-2.0-Example\r\n")),
    async (caller) => void await caller.write(new Uint8Array(4096)),
    async (caller) => void await caller.write(greeting("LANCHAT".toLowerCase(), 1)),
    (caller) => caller.close(),
  ];
  for (const answer of answers) {
    await using impostor = new Impostor(answer);
    await assertFails(["join", impostor.address], "not-lanchat");
  }
});

Deno.test("a port on which nothing answers in 15 seconds is not lanchat", async () => {
  await using impostor = new Impostor(() => {});
  await assertFails(["join", impostor.address], "not-lanchat");
});

for (
  const [version, hint] of [
    [0, /: Update lanchat on the other machine\.$/],
    [2, /: Update lanchat on this machine\.$/],
  ] as const
) {
  Deno.test(`a host of version ${version} is one clear line that says who is older`, async () => {
    await using impostor = new Impostor(async (caller) =>
      void await caller.write(greeting("LANCHAT", version))
    );
    await assertFails(["join", impostor.address], "wrong-version", { hint });
  });
}

/** M0 of some protocol and version, as a frame. */
function greeting(magic: string, version: number): Uint8Array {
  const m0 = new Uint8Array(42);
  m0.set(utf8(magic));
  m0.set([version, 1], magic.length);
  return encodeFrame(m0);
}

Deno.test("a host that greets but does not admit is one clear line", async () => {
  const challenge = new Uint8Array(32);
  for (
    const [code, m0] of [
      ["busy", { invite: false, busy: true, challenge }],
      ["needs-invite", { invite: true, busy: false, challenge }],
    ] as const
  ) {
    await using impostor = new Impostor(async (caller) =>
      void await caller.write(encodeFrame(encodeM0(m0)))
    );
    await assertFails(["join", impostor.address, "--no-reconnect"], code);
  }
});

Deno.test("a member tries a busy host again, and says so", async () => {
  const m0 = encodeM0({ invite: false, busy: true, challenge: new Uint8Array(32) });
  await using impostor = new Impostor(async (caller) => {
    await caller.write(encodeFrame(m0));
    caller.close();
  });
  const member = await run(["join", impostor.address, "--give-up-after", "8", "--json"]);
  const events: Event[] = member.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const codes = events.map((event) => "code" in event && `${event.event} ${event.code}`);
  assertEquals(codes.slice(-2), ["warning busy", "error busy"]);
  assertEquals([member.status, member.stderr], [1, ""]);
  assert(impostor.callers >= 2, `${impostor.callers}`);
});

Deno.test("a host that refuses, removes or leaves a member is one clear line", async () => {
  for (
    const [code, reason, records] of [
      ["banned", "refused", [answer(AcceptStatus.BANNED)]],
      ["locked", "refused", [answer(AcceptStatus.LOCKED)]],
      ["kicked", "kicked", [...ADMISSION, { type: "close", reason: CloseReason.KICKED }]],
      ["banned", "kicked", [...ADMISSION, { type: "close", reason: CloseReason.BANNED }]],
      ["too-slow", "connection-lost", [...ADMISSION, {
        type: "close",
        reason: CloseReason.TOO_SLOW,
      }]],
      ["protocol-error", "failed", [...ADMISSION, { type: "close", reason: CloseReason.PROTOCOL }]],
      ["protocol-error", "failed", ADMISSION.toReversed()],
      ["connection-lost", "connection-lost", [...ADMISSION, {
        type: "close",
        reason: CloseReason.IDLE,
      }]],
    ] as const
  ) {
    await using impostor = new Impostor(sending(...records));
    // Without input, join would end before the host's record arrives.
    const args = ["join", impostor.address, "--listen", "--no-reconnect"];
    await assertFails(args, code);
    const { stdout } = await run([...args, "--json"]);
    assertEquals(JSON.parse(stdout.trimEnd().split("\n").at(-1)!), { event: "closed", reason });
  }
});

Deno.test("an altered handshake fails in one clear line", async () => {
  await using host = await HostProgram.start(["--json"]);
  for (const [direction, at] of [["toMember", 46 + 4 + 300], ["toHost", 40]] as const) {
    await using proxy = await Proxy.open(host.port, () => [{ kind: "corrupt", direction, at }]);
    await assertFails(
      ["join", proxy.address],
      direction === "toMember" ? "handshake-failed" : "connection-lost",
    );
  }
});

Deno.test("a connection that is cut during the handshake is one clear line", async () => {
  await using impostor = new Impostor(async (caller) => {
    await caller.write(greeting("LANCHAT", 1));
    await caller.read(new Uint8Array(M1_FRAME_BYTES));
    caller.close();
  });
  await assertFails(["join", impostor.address], "connection-lost");
});

Deno.test("a full room refuses, and admits again once a member has left", async () => {
  await using host = await HostProgram.start(["--max-members", "2", "--json"]);
  await using first = await host.join(["--json"]);
  await assertFails(["join", host.address], "room-full", { hint: /--max-members/ });
  await first.tell({ do: "quit" });
  await first.ends(0);
  await host.event("left");
  await using second = await host.join(["--json"]);
  assertEquals((await second.event("ready")).members.length, 1);
});

Deno.test("another host than the expected one ends join with status 3 before M3", async () => {
  await using host = await HostProgram.start(["--json"]);
  const { fingerprint } = await host.event("listening");
  const other = (fingerprint[0] === "0" ? "1" : "0") + fingerprint.slice(1);
  for (const mode of [[], ["--json"]]) {
    await using proxy = await Proxy.open(host.port);
    const args = ["join", proxy.address, "--host-key", other, ...mode];
    const { status } = await run(args, { input: "nobody may read this\n" });
    assertEquals(status, 3);
    assertEquals(proxy.bytes("toHost"), M1_FRAME_BYTES);
  }
  await assertFails(["join", host.address, "--host-key", other], "host-key-mismatch", {
    status: 3,
    hint: /fingerprint/,
  });
  assertEquals(host.events.filter(({ event }) => event === "joined"), []);
});

Deno.test("the expected host is verified, however its fingerprint is written", async () => {
  await using host = await HostProgram.start(["--json"]);
  const { fingerprint } = await host.event("listening");
  for (const digits of [fingerprint, fingerprint.replaceAll(/\d{5}(?=\d)/g, "$& ")]) {
    await using member = await host.join(["--host-key", digits, "--json"]);
    await member.tell({ do: "quit" });
    await member.ends(0);
    assertEquals((await member.event("ready")).host.verified, true);
    assert(!member.stdout.text.includes("host-unverified"), member.stdout.text);
  }
});

Deno.test("a second SIGINT ends the program at once with status 130", async () => {
  await using host = await HostProgram.start(["--json"]);
  await using member = await host.join(["--json"]);
  await host.event("joined");
  await host.block(member);
  host.signal("SIGINT");
  await member.event("closed", ({ reason }) => reason === "host-closed");
  host.signal("SIGINT");
  assertEquals(await host.exited(), 130);
});
