import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BINARY,
  type Event,
  HostProgram,
  type Program,
  run,
  UNVERIFIED,
} from "../support/program.ts";

/** Texts that honest members must never print. */
const ALARMS = /without a name|messages-missing|roster-differs|internal/;

/** Lines without those on the identity, which a compiled binary keeps and `main.ts` may not. */
function notices(program: Program): string[] {
  return program.stderr.lines.filter((line) => !/identity/i.test(line));
}

/** The messages that a program received: sender and text. */
function messages(program: Program): string[] {
  return program.events
    .filter((event): event is Event<"message"> => event.event === "message")
    .map(({ from, text }) => `${from.name}: ${text}`);
}

Deno.test("two members in plain mode print exactly these lines", async () => {
  await using host = await HostProgram.start(["--name", "hana"]);
  await using bob = await host.join(["--name", "bob"]);
  await host.stderr.line(/bob joined/);
  await host.write("hello bob\n");
  await bob.stdout.line(/hello/);
  await bob.write("hello hana\nbye\n");
  await bob.endInput();
  await bob.ends(0);
  await host.stderr.line(/bob left/);
  host.signal("SIGINT");
  await host.ends(0);

  assertEquals(host.stdout.text, "bob: hello hana\nbob: bye\n");
  assertEquals(bob.stdout.text, "hana: hello bob\n");
  const code = /Join code (\d{5} \d{5})\./.exec(bob.stderr.text)?.[1];
  assertEquals(notices(bob), [
    "lanchat: You are bob. 1 other here: hana (host).",
    `lanchat: Join code ${code}.`,
    "lanchat: Compare it in person or by phone; if it differs, someone is in between.",
    `lanchat: warning: ${UNVERIFIED}`,
    "lanchat: hint: Compare the join code with the person at the host, or join with --host-key.",
  ]);
  const [listening, fingerprint, link, ...others] = notices(host);
  assert(
    listening!.startsWith(`lanchat: Listening on port ${host.port}. Others join with: `) &&
      listening!.endsWith(` join ${host.address}`),
    listening,
  );
  assertMatch(fingerprint!, /^lanchat: The room's fingerprint is \d{5}( \d{5}){5}\.$/);
  assertMatch(
    link!,
    new RegExp(
      `^lanchat: Invite link \\(leads to no other host\\): lanchat://${host.address}/#[\\w-]{70}$`,
    ),
  );
  assertEquals(others.map((line) => line.replace(/tag [a-z2-7]{8}/, "tag T")), [
    "lanchat: You are hana. No one else is here.",
    `lanchat: bob joined (tag T, join code ${code})`,
    "lanchat: bob left",
  ]);
});

Deno.test("three members, two of them scripts, read the messages addressed to them", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using bob = await host.join(["--name", "bob", "--listen"]);
  await using carol = await host.join(["--name", "carol", "--json"]);
  await host.event("joined", ({ member }) => member.name === "carol");
  await carol.tell({ say: "to everybody" });
  await carol.tell({ say: "to bob alone", to: "bob" });
  await carol.tell({ say: "two\nlines \\ \x07" });
  await host.event("message", ({ text }) => text.startsWith("two"));
  await bob.stdout.line(/two/);
  await host.tell({ say: "the end" });
  await bob.stdout.line(/the end/);
  await carol.event("message", ({ text }) => text === "the end");

  assertEquals(bob.stdout.lines, [
    "carol: to everybody",
    "carol (private): to bob alone",
    "carol: two\\nlines \\\\ \\x07",
    "hana: the end",
  ]);
  assertEquals(messages(host), ["carol: to everybody", "carol: two\nlines \\ \x07"]);
  assertEquals(messages(carol), ["hana: the end"]);
});

Deno.test("ten members that join at once receive each other's messages", async () => {
  await using host = await HostProgram.start(["--name", "m0", "--json"]);
  await using stack = new AsyncDisposableStack();
  const join = async (...args: string[]): Promise<Program> => stack.use(await host.join(args));
  const [scripts, pipes] = await Promise.all([
    Promise.all([1, 2, 3, 4, 5].map((i) => join("--name", `m${i}`, "--json"))),
    Promise.all([6, 7, 8, 9].map((i) => join("--name", `m${i}`))),
  ]);
  scripts.unshift(host);
  // A member that is not known yet is no reader yet.
  await Promise.all(scripts.map((script) => knows(script, 9)));
  await Promise.all(pipes.map((pipe) => knowsInWords(pipe, 9)));

  await Promise.all(scripts.map((script, i) => script.tell({ say: `I am ${i}` })));
  await Promise.all(pipes.map((pipe, i) => pipe.write(`I am ${6 + i}\n`)));
  await Promise.all(scripts.map((script) => script.stdout.count(9, /"event":"message"/)));
  await Promise.all(pipes.map((pipe) => pipe.stdout.count(9)));
  const heard = [...scripts.map(messages), ...pipes.map(({ stdout }) => stdout.lines)];
  for (const [i, lines] of heard.entries()) {
    const others = heard.keys().filter((other) => other !== i);
    assertEquals(lines.toSorted(), [...others.map((other) => `m${other}: I am ${other}`)]);
  }

  await Promise.all(scripts.slice(1).map((script) => script.tell({ do: "quit" })));
  await Promise.all(pipes.map((pipe) => pipe.endInput()));
  for (const guest of [...scripts.slice(1), ...pipes]) await guest.ends(0);
  await host.stdout.count(9, /"event":"left".*"reason":"left"/);
  for (const { stderr, stdout } of [...scripts, ...pipes]) {
    assert(!ALARMS.test(stdout.text + stderr.text), stdout.text + stderr.text);
  }
});

/** Waits until a script knows so many others. */
async function knows(script: Program, count: number): Promise<void> {
  const { members } = await script.event("ready");
  await script.stdout.count(count - members.length, /"event":"joined"/);
}

/** Waits until a program in plain mode has named so many others. */
async function knowsInWords(pipe: Program, count: number): Promise<void> {
  const [, members = 0] = /(\d+) others? here/.exec(await pipe.stderr.line(/^lanchat: You are /)) ??
    [];
  await pipe.stderr.count(count - Number(members), / joined \(tag /);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} to a member takes it out of the room in order`, async () => {
    await using host = await HostProgram.start(["--json"]);
    await using script = await host.join(["--name", "script", "--json"]);
    await using pipe = await host.join(["--name", "pipe"]);
    for (const [member, name] of [[script, "script"], [pipe, "pipe"]] as const) {
      member.signal(signal);
      await member.ends(0);
      const { reason } = await host.event("left", ({ member }) => member.name === name);
      assertEquals(reason, "left");
    }
    assertEquals(script.events.at(-1), { event: "closed", reason: "signal" });
  });

  Deno.test(`${signal} to the host ends the room in order for all`, async () => {
    await using host = await HostProgram.start(["--json"]);
    await using script = await host.join(["--json"]);
    await using pipe = await host.join(["--listen"]);
    host.signal(signal);
    await host.ends(0);
    assertEquals(host.events.at(-1), { event: "closed", reason: "signal" });
    await script.ends(0);
    assertEquals(script.events.at(-1), { event: "closed", reason: "host-closed" });
    await pipe.ends(0);
    assertEquals(pipe.stderr.lines.at(-1), "lanchat: The host closed the room. lanchat ends.");
  });

  Deno.test(`${signal} to a relay ends the room in order for all`, async () => {
    await using relay = await HostProgram.start(["--relay-only", "--json"]);
    await using member = await relay.join(["--json"]);
    relay.signal(signal);
    await relay.ends(0);
    assertEquals(relay.events.at(-1), { event: "closed", reason: "signal" });
    await member.ends(0);
    assertEquals(member.events.at(-1), { event: "closed", reason: "host-closed" });
  });
}

Deno.test("a killed member has lost the connection, and the others continue", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using pipe = await host.join(["--name", "pipe"]);
  await using victim = await host.join(["--name", "victim", "--json"]);
  await host.event("joined", ({ member }) => member.name === "victim");
  victim.signal("SIGKILL");
  await victim.status();
  await host.event("lost", ({ member }) => member.name === "victim");
  await pipe.stderr.line(/^lanchat: victim is away \(connection lost\)/);
  await host.tell({ say: "still here?" });
  await pipe.stdout.line(/^hana: still here\?$/);
});

Deno.test("a killed host leaves members that do not reconnect with an error and status 1", async () => {
  await using host = await HostProgram.start(["--json"]);
  await using script = await host.join(["--json", "--no-reconnect"]);
  await using pipe = await host.join(["--listen", "--no-reconnect"]);
  host.signal("SIGKILL");
  await script.ends(1);
  assertEquals(script.events.at(-2), {
    event: "error",
    code: "connection-lost",
    message: (script.events.at(-2) as Event<"error">).message,
    hint: "Join again when the network is back.",
  });
  assertEquals(script.events.at(-1), { event: "closed", reason: "connection-lost" });
  await pipe.ends(1);
  assertMatch(pipe.stderr.lines.at(-2)!, /^lanchat: error: /);
  assertEquals(pipe.stderr.lines.at(-1), "lanchat: hint: Join again when the network is back.");
});

Deno.test({
  name: "a room is reached over IPv6 and over IPv4",
  ignore: !Deno.networkInterfaces().some(({ address }) => address === "::1"),
  async fn() {
    await using host = await HostProgram.start(["--host", "::", "--no-announce", "--json"]);
    for (const [address, name] of [["[::1]", "six"], ["127.0.0.1", "four"]] as const) {
      const args = ["join", `${address}:${host.port}`, "--name", name];
      const { status } = await run(args, { input: "hello\n" });
      assertEquals(status, 0);
      await host.event("message", ({ from }) => from.name === name);
    }
  },
});

Deno.test("serve lists no address without the permission to read it", async () => {
  await using host = await HostProgram.start(["--host", "0.0.0.0", "--no-announce", "--json"]);
  const { addresses } = await host.event("listening");
  if (BINARY === undefined) {
    assertEquals(addresses, []);
    await host.event("warning", ({ code }) => code === "addresses-hidden");
  } else {
    assertEquals(addresses, ownAddresses().filter((address) => !address.includes(":")));
  }
});

Deno.test({
  name: "serve lists the machine's addresses under --allow-sys",
  ignore: BINARY !== undefined,
  async fn() {
    const permissions = ["--allow-net", "--allow-sys"];
    await using host = await HostProgram.start(["--host", "::", "--no-announce", "--json"], {
      permissions,
    });
    const { addresses } = await host.event("listening");
    assertEquals(addresses.map((address) => address.replace(/%.*/, "")).toSorted(), ownAddresses());
    assert(!host.stdout.text.includes("addresses-hidden"));
  },
});

/** This machine's addresses but for those that lead back to it. */
function ownAddresses(): string[] {
  return Deno.networkInterfaces()
    .map(({ address }) => address)
    .filter((address) => !address.startsWith("127.") && address !== "::1")
    .sort();
}
