import { assert, assertEquals } from "@std/assert";
import { type Event, HostProgram, type Program } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";

/** A host, and a member that receives nothing while the proxy holds its bytes back. */
interface Scene extends AsyncDisposable {
  readonly host: HostProgram;
  readonly proxy: Proxy;
  readonly bob: Program;
}

/** Sets a scene with hana, who hosts, and bob. */
async function scene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await HostProgram.start(["--name", "hana", "--json"]));
  const proxy = stack.use(await Proxy.open(host.port));
  const address = { address: proxy.address };
  const bob = stack.use(await host.join(["--name", "bob", "--json"], address));
  const moved = stack.move();
  return { host, proxy, bob, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** The kinds of events that a program printed of its messages. */
function fates({ events }: Program): Event["event"][] {
  return events.map(({ event }) => event)
    .filter((kind) => ["sent", "delivered", "failed", "closed"].includes(kind));
}

Deno.test("a message is delivered once every member has it, and not before", async () => {
  await using stage = await scene();
  const { bob, host, proxy } = stage;
  await using ada = await host.join(["--name", "ada", "--json"]);
  await bob.event("joined");
  proxy.hold("toMember");
  await ada.say("for all");
  await ada.tell({ say: "for bob", to: "bob" });
  await ada.event("sent", ({ id }) => id === "2");
  await host.hears("ada", 1);
  // The host's records on the message once hana had it come before hana's next message.
  await host.say("I have it");
  await ada.hears("hana", 1);
  assertEquals(fates(ada), ["sent", "sent"]);
  proxy.release("toMember");
  await ada.event("delivered", ({ id }) => id === "2");
  assertEquals(await bob.hears("ada", 2), ["for all", "for bob"]);
  assertEquals(fates(ada), ["sent", "sent", "delivered", "delivered"]);
});

Deno.test("a message counts as delivered when the last member that lacks it leaves", async () => {
  await using stage = await scene();
  const { bob, host, proxy } = stage;
  await using ada = await host.join(["--name", "ada", "--json"]);
  await bob.event("joined");
  proxy.hold("toMember");
  await ada.say("too late");
  await ada.event("sent");
  await bob.tell({ do: "quit" });
  await ada.event("left");
  assertEquals((await ada.event("delivered")).left, ["bob"]);
  assertEquals(bob.heard("ada"), []);
});

Deno.test("a member that leaves right after a message has it", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  for (let i = 1; i <= 5; i++) {
    await using bot = await host.join(["--name", `bot${i}`, "--json"]);
    await host.say(`question ${i}`);
    await bot.hears("hana", 1);
    await bot.say("answer");
    await bot.endInput();
    await bot.ends(0);
    assertEquals((await host.event("delivered", ({ id }) => id === `${i}`)).left, undefined);
  }
});

Deno.test("--until-delivered ends once every member has every message", async () => {
  await using stage = await scene();
  const { bob, host, proxy } = stage;
  await using ada = await host.join(["--name", "ada", "--until-delivered", "--json"]);
  await using plain = await host.join(["--name", "plain", "--until-delivered"]);
  await bob.event("joined", ({ member }) => member.name === "plain");
  proxy.hold("toMember");
  await ada.say("1", "2");
  await plain.write("3\n4\n");
  await Promise.all([ada, plain].map((member) => member.endInput()));
  await ada.event("sent", ({ id }) => id === "2");
  await host.hears("plain", 2);
  await host.say("I have it");
  await ada.hears("hana", 1);
  await plain.stdout.line(/^hana: I have it$/);
  assertEquals(fates(ada), ["sent", "sent"]);
  assertEquals(host.events.filter(({ event }) => event === "left"), []);
  proxy.release("toMember");
  await Promise.all([ada.ends(0), plain.ends(0)]);
  assertEquals(fates(ada), ["sent", "sent", "delivered", "delivered", "closed"]);
  assertEquals(await bob.hears("ada", 2), ["1", "2"]);
  assertEquals(await bob.hears("plain", 2), ["3", "4"]);
});

Deno.test("--until-delivered ends with status 0 and names the members that are away", async () => {
  await using stage = await scene();
  const { bob, host, proxy } = stage;
  await using ada = await host.join(["--name", "ada", "--until-delivered", "--json"]);
  await using plain = await host.join(["--name", "plain", "--until-delivered"]);
  await bob.event("joined", ({ member }) => member.name === "plain");
  proxy.refuse();
  proxy.cut();
  await host.event("lost");
  await ada.event("lost");
  await plain.stderr.line(/bob is away/);
  await ada.say("1");
  await plain.write("2\n");
  await Promise.all([ada, plain].map((member) => member.endInput()));
  await Promise.all([ada.ends(0), plain.ends(0)]);
  const away = ada.events.flatMap((event) => "away" in event ? [[event.event, event.away]] : []);
  assertEquals(away, [["delivered", ["bob"]], ["kept", ["bob"]]]);
  const line = "lanchat: bob is away. The host keeps your messages for them.";
  assertEquals(plain.stderr.lines.filter((each) => each === line).length, 1);
  await proxy.admit();
  assertEquals([await bob.hears("ada", 1), await bob.hears("plain", 1)], [["1"], ["2"]]);
});

Deno.test("--until-delivered ends with status 1 when its time is over", async () => {
  await using stage = await scene();
  const { host, proxy } = stage;
  const args = ["--until-delivered", "--timeout", "1"];
  await using ada = await host.join(["--name", "ada", ...args, "--json"]);
  await using plain = await host.join(["--name", "plain", ...args]);
  await ada.say("everybody has this");
  await ada.event("delivered");
  proxy.hold("toMember");
  await ada.say("2", "3");
  await plain.write("1\n");
  await Promise.all([ada, plain].map((member) => member.endInput()));
  await Promise.all([ada.ends(1), plain.ends(1)]);
  assertEquals(fates(ada), ["sent", "delivered", "sent", "sent", "closed"]);
  const errors = ada.events.filter((event): event is Event<"error"> => event.event === "error");
  assertEquals(errors.map(({ code, message }) => [code, message]), [
    ["undelivered", "2 of 3 lines were not delivered"],
  ]);
  assert(plain.stderr.lines.includes("lanchat: error: 1 of 1 line was not delivered"));
});

Deno.test("a run without --until-delivered ends once the host has every message", async () => {
  await using stage = await scene();
  const { bob, host, proxy } = stage;
  await using ada = await host.join(["--name", "ada", "--json"]);
  await bob.event("joined");
  proxy.hold("toMember");
  await ada.say("hello");
  await ada.endInput();
  await ada.ends(0);
  assertEquals(fates(ada), ["sent", "closed"]);
  proxy.release("toMember");
  assertEquals(await bob.hears("ada", 1), ["hello"]);
});
