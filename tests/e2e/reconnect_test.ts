import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Event, HostProgram, type Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { terminalTest } from "../support/tools.ts";

/** A host, and a member whose connection a test can break. */
interface Scene extends AsyncDisposable {
  readonly host: HostProgram;
  readonly proxy: Proxy;
  readonly ada: Program;
}

/** Sets a scene with hana, who hosts, and ada. @param args Of ada. */
async function scene(args: readonly string[] = ["--json"], terminal = false): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await HostProgram.start(["--name", "hana", "--json"]));
  const proxy = stack.use(await Proxy.open(host.port));
  const ada = stack.use(
    await host.join(["--name", "ada", ...args], { address: proxy.address, terminal }),
  );
  await host.event("joined");
  const moved = stack.move();
  return { host, proxy, ada, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** Breaks the connection, and refuses new ones. */
function breakDown(proxy: Proxy): void {
  proxy.refuse();
  proxy.cut();
}

function named(name: string): (event: { member: { name: string } }) => boolean {
  return ({ member }) => member.name === name;
}

/** The events of some kinds, in their order. */
function only<Kind extends Event["event"]>(program: Program, ...kinds: Kind[]): Event<Kind>[] {
  return program.events.filter((event): event is Event<Kind> =>
    (kinds as Event["event"][]).includes(event.event)
  );
}

Deno.test("a member reconnects after a break, and all messages arrive once and in order", async () => {
  await using stage = await scene();
  const { ada, host, proxy } = stage;
  await using bob = await host.join(["--name", "bob", "--json"]);
  await ada.event("joined", named("bob"));
  await ada.say("before");
  await ada.event("delivered");
  // The host takes this, and ada never learns that.
  proxy.hold("toMember");
  await ada.say("unconfirmed");
  await bob.event("message", ({ text }) => text === "unconfirmed");
  breakDown(proxy);
  const { message, reason } = await ada.event("disconnected");
  assertEquals(reason, "connection-lost");
  assertMatch(message, /^Connection lost(?:.*[^.])?$/);
  await Promise.all([host, bob].map((member) => member.event("lost", named("ada"))));

  await ada.say("meanwhile 1", "meanwhile 2");
  await ada.tell({ do: "who" });
  const { members } = await ada.event("members");
  assertEquals(members.map(({ name }) => name), ["hana", "bob"]);
  await bob.tell({ do: "who" });
  const { members: seen } = await bob.event("members");
  assertEquals(seen.map(({ lost, name }) => [name, lost]), [["hana", undefined], ["ada", true]]);
  await host.say("for ada 1", "for ada 2");
  await host.event("sent", ({ id }) => id === "2");
  await bob.say("for ada 3");
  await bob.event("sent");

  proxy.release("toMember");
  await proxy.admit();
  assertEquals(await ada.event("reconnected"), { event: "reconnected", missed: 3 });
  await Promise.all([host, bob].map((member) => member.event("back", named("ada"))));
  await ada.say("after");
  await ada.event("delivered", ({ id }) => id === "5");
  const said = ["before", "unconfirmed", "meanwhile 1", "meanwhile 2", "after"];
  for (const member of [host, bob]) assertEquals(await member.hears("ada", said.length), said);
  await ada.hears("hana", 2);
  assertEquals(
    only(ada, "message").map(({ text }) => text).sort(),
    ["for ada 1", "for ada 2", "for ada 3"],
  );
  assertEquals(ada.heard("hana"), ["for ada 1", "for ada 2"]);
  for (const kind of ["sent", "delivered"] as const) {
    assertEquals(only(ada, kind).map(({ id }) => id), ["1", "2", "3", "4", "5"]);
  }
  assertEquals(only(ada, "disconnected", "reconnected").length, 2);
  for (const member of [host, bob]) {
    assertEquals(only(member, "lost", "back", "left").map(({ event }) => event), ["lost", "back"]);
    assertEquals(only(member, "joined").filter(named("ada")).length, member === host ? 1 : 0);
  }
  await ada.endInput();
  await ada.ends(0);
  await bob.event("left", named("ada"));
});

Deno.test("a connection that breaks repeatedly loses no message", async () => {
  await using stage = await scene();
  const { ada, host, proxy } = stage;
  const said: string[] = [];
  for (let i = 1; i <= 3; i++) {
    const texts = Array.from({ length: 20 }, (_, j) => `${i}.${j} `.padEnd(500, "."));
    said.push(...texts);
    await ada.say(...texts.slice(0, 10));
    await host.say(`${i}.0`);
    proxy.cut();
    await ada.say(...texts.slice(10));
    await host.say(`${i}.1`);
    await ada.stdout.count(i, /^\{"event":"reconnected"/);
    assertEquals(await host.hears("ada", said.length), said);
    await ada.hears("hana", 2 * i);
  }
  assertEquals(ada.heard("hana"), ["1.0", "1.1", "2.0", "2.1", "3.0", "3.1"]);
  assertEquals(only(ada, "gap", "failed", "error"), []);
});

Deno.test("plain mode prints one line for a lost connection, and one for its return", async () => {
  await using stage = await scene([]);
  const { ada, host, proxy } = stage;
  await using bob = await host.join(["--name", "bob"]);
  await ada.says(/bob joined/);
  const seen = ada.stderr.lines.length;
  breakDown(proxy);
  await ada.says(/Reconnecting/);
  await ada.write("is anybody there?\n");
  await bob.says(/ada is away \(connection lost\); messages wait for them\n/);
  await bob.write("yes\n");
  await host.event("message", ({ text }) => text === "yes");
  await proxy.admit();
  await ada.says(/Reconnected[^\n]*\n/);
  await bob.says(/ada is back\n/);
  await bob.stdout.line(/^ada: is anybody there\?$/);
  await ada.stdout.line(/^bob: yes$/);
  const [lost, back, ...more] = ada.stderr.lines.slice(seen);
  assertMatch(lost!, /^lanchat: Connection lost[^.]*\. Reconnecting\.$/);
  assertEquals(back, "lanchat: Reconnected. 1 message came meanwhile.");
  assertEquals(more, []);
  assertEquals(ada.stdout.lines, ["bob: yes"]);
});

terminalTest("a person at a terminal can keep typing while the connection is lost", async () => {
  await using stage = await scene([], true);
  const { ada, host, proxy } = stage;
  breakDown(proxy);
  await ada.says(/Connection lost\. Reconnecting; keep typing\./);
  await ada.write("still here\r");
  await host.say("hello ada");
  await proxy.admit();
  await ada.says(/Reconnected\. 1 message came meanwhile\./);
  await ada.says(/hana\S*: hello \S*ada/);
  assertEquals(await host.hears("ada", 1), ["still here"]);
  assertEquals(ada.stdout.text.split("Reconnecting").length, 2);
  assertEquals(ada.stdout.text.split("Reconnected").length, 2);
  await ada.write("\x04");
  await ada.ends(0);
});

Deno.test("--no-reconnect ends with the connection", async () => {
  await using stage = await scene(["--no-reconnect", "--json"]);
  const { ada, proxy } = stage;
  proxy.cut();
  await ada.ends(1);
  const [error, closed] = ada.events.slice(-2);
  assertEquals([error], only(ada, "error"));
  assertEquals(only(ada, "error")[0]?.code, "connection-lost");
  assertEquals(closed, { event: "closed", reason: "connection-lost" });
  assertEquals(only(ada, "disconnected", "reconnected"), []);
});

Deno.test("--give-up-after ends with status 1 and what is undelivered, as events", async () => {
  await using stage = await scene(["--give-up-after", "2", "--json"]);
  const { ada, host, proxy } = stage;
  await ada.say("delivered");
  await ada.event("delivered");
  breakDown(proxy);
  await ada.event("disconnected");
  const start = performance.now();
  await ada.say("lost 1", "lost 2", "lost 3");
  await ada.ends(1);
  // The test reads output some time after it is printed.
  assert(performance.now() - start > 1500, `${performance.now() - start}`);
  assertEquals(
    only(ada, "failed"),
    ["2", "3", "4"].map((id) => {
      return { event: "failed", id, code: "not-delivered" };
    }),
  );
  const [gaveUp, undelivered, ...more] = only(ada, "error");
  assertEquals([gaveUp?.code, undelivered?.code, more], ["connection-lost", "undelivered", []]);
  assertMatch(gaveUp!.message, /^Gave up after 2 s: /);
  assertEquals(undelivered!.message, "3 of 4 lines were not delivered");
  assertEquals(ada.events.at(-1), { event: "closed", reason: "connection-lost" });
  assertEquals(host.heard("ada"), ["delivered"]);
});

Deno.test("--give-up-after ends with status 1 and what is undelivered, in plain lines", async () => {
  await using stage = await scene(["--give-up-after", "2"]);
  const { ada, host, proxy } = stage;
  await ada.write("delivered\n");
  await host.event("message");
  // Ada knows what the host accepted only from its answers.
  await host.say("heard");
  await ada.stdout.line(/^hana: heard$/);
  breakDown(proxy);
  await ada.says(/Reconnecting[^\n]*\n/);
  const seen = ada.stderr.lines.length;
  await ada.write("lost 1\nlost 2\n");
  await ada.endInput();
  await ada.ends(1);
  const errors = ada.stderr.lines.slice(seen).filter((line) => !line.includes("hint: "));
  assertMatch(errors[0]!, /^lanchat: error: Gave up after 2 s: /);
  assertEquals(errors.slice(1), [
    "lanchat: error: Cannot deliver line 2 (not-delivered)",
    "lanchat: error: Cannot deliver line 3 (not-delivered)",
    "lanchat: error: 2 of 3 lines were not delivered",
  ]);
});

Deno.test("--give-up-after holds against a listener that accepts connections and sends nothing", async () => {
  await using stage = await scene(["--give-up-after", "3", "--json"]);
  const { ada, proxy } = stage;
  proxy.hold("toMember");
  proxy.cut();
  await ada.event("disconnected");
  const start = performance.now();
  await ada.ends(1);
  // A single handshake may take 15 s.
  assert(performance.now() - start < 12_000, `${performance.now() - start}`);
  const [error] = only(ada, "error");
  assertEquals(error?.message, "Gave up after 3 s: The host doesn't answer");
  assertEquals(ada.events.at(-1), { event: "closed", reason: "connection-lost" });
});

Deno.test("a member at the end of its input stays until delivery, also through a long break", async () => {
  // The time without a connection does not count.
  await using stage = await scene(["--timeout", "1", "--json"]);
  const { ada, host, proxy } = stage;
  breakDown(proxy);
  await ada.event("disconnected");
  await ada.say("1", "2");
  await ada.endInput();
  await proxy.admit();
  await ada.ends(0);
  assertEquals(await host.hears("ada", 2), ["1", "2"]);
  assertEquals(only(ada, "failed", "error"), []);
  assertEquals(ada.events.at(-1), { event: "closed", reason: "end-of-input" });
  await host.event("left", ({ reason }) => reason === "left");
});

Deno.test("a signal at once ends a member that waits for a connection", async () => {
  await using stage = await scene();
  const { ada, proxy } = stage;
  breakDown(proxy);
  await ada.event("disconnected");
  ada.signal("SIGTERM");
  await ada.ends(0);
  assertEquals(ada.events.at(-1), { event: "closed", reason: "signal" });
});

Deno.test("a signal while the connection is lost reports the undelivered messages", async () => {
  await using stage = await scene();
  const { ada, proxy } = stage;
  breakDown(proxy);
  await ada.event("disconnected");
  await ada.say("lost");
  await ada.tell({ do: "who" }); // After the message: its answer shows that the message was read.
  await ada.event("members");
  ada.signal("SIGTERM");
  await ada.ends(1);
  const last = ada.events.slice(-3).map((event) => "code" in event ? event.code : event.event);
  assertEquals(last, ["not-delivered", "undelivered", "closed"]);
});

Deno.test('{"do": "quit"} while the connection is lost leaves once all is delivered', async () => {
  await using stage = await scene();
  const { ada, host, proxy } = stage;
  breakDown(proxy);
  await ada.event("disconnected");
  await ada.say("goodbye");
  await ada.tell({ do: "quit" });
  await proxy.admit();
  await ada.ends(0);
  assertEquals(host.heard("ada"), ["goodbye"]);
  assertEquals(ada.events.at(-1), { event: "closed", reason: "left" });
});
