import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Code } from "../../lib/errors.ts";
import {
  BINARY,
  emptyDirectory,
  type Event,
  HostProgram,
  Program,
  type ProgramOptions,
} from "../support/program.ts";
import { memberHopKey } from "../support/keys.ts";
import { Proxy } from "../support/proxy.ts";
import { SilentSeat } from "../support/silent_seat.ts";

/** The permissions for a host to keep its identity and its room. */
const KEEPING = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

const HANA = ["--name", "hana", "--json"];

/** A home in which a host may keep its identity and its room. */
function home(): { readonly options: ProgramOptions; readonly room: string } {
  const directory = emptyDirectory();
  return {
    options: { env: { HOME: directory, XDG_CONFIG_HOME: directory }, permissions: KEEPING },
    room: `${directory}/lanchat/identity.room.json`,
  };
}

/** Kills a host, and refuses connections meanwhile. */
async function kill(host: HostProgram, ...proxies: readonly Proxy[]): Promise<void> {
  for (const proxy of proxies) proxy.refuse();
  host.signal("SIGKILL");
  await host.exited();
}

/** Lets members connect to another host process. */
async function lead(host: HostProgram, ...proxies: readonly Proxy[]): Promise<void> {
  for (const proxy of proxies) {
    proxy.target = host.port;
    await proxy.admit();
  }
}

/** The events of some kinds, in their order. */
function only<Kind extends Event["event"]>(program: Program, ...kinds: Kind[]): Event<Kind>[] {
  return program.events.filter((event): event is Event<Kind> =>
    (kinds as Event["event"][]).includes(event.event)
  );
}

Deno.test("a stranger that saw the roster takes no session at a restarted host", async () => {
  const { options } = home();
  await using before = await HostProgram.start(HANA, options);
  await using way = await Proxy.open(before.port);
  const address = { address: way.address };
  await using ada = await before.join(["--name", "ada", "--json"], address);
  await using bob = await before.join(["--name", "bob", "--json"], address);
  await ada.event("joined");
  using visit = await SilentSeat.enter(before.port);
  assertEquals(visit.roster.length, 3);
  await kill(before, way);
  await Promise.all([ada, bob].map((member) => member.event("disconnected")));

  await using after = await HostProgram.start(HANA, options);
  // It is there before all others, with each nonce that it has seen.
  using claims = new DisposableStack();
  for (const { nonce } of visit.roster) claims.use(await SilentSeat.enter(after.port, nonce));
  await lead(after, way);
  await Promise.all([ada, bob].map((member) => member.event("reconnected")));
  await bob.say("still me");
  assertEquals((await ada.event("message")).text, "still me");
  // Only the host's own previous member is gone.
  const left = [ada, bob].map((program) => only(program, "left").map(({ member }) => member.name));
  assertEquals(left, [["hana"], ["hana"]]);
});

Deno.test("a killed and restarted host receives its members' names and statuses", async () => {
  const { options } = home();
  await using before = await HostProgram.start(HANA, options);
  await using way = await Proxy.open(before.port);
  const address = { address: way.address };
  await using ada = await before.join(["--name", "ada", "--json"], address);
  await using bob = await before.join(["--name", "bob", "--json"], address);
  await ada.event("joined");
  await ada.tell({ do: "nick", name: "adele" });
  await ada.tell({ do: "status", text: "at lunch" });
  await bob.event("status");
  await kill(before, way);
  await Promise.all([ada, bob].map((member) => member.event("disconnected")));
  await bob.tell({ do: "nick", name: "bert" }); // It reaches no member yet.
  await bob.event("renamed", ({ own }) => own === true);

  await using after = await HostProgram.start(HANA, options);
  await lead(after, way);
  assertEquals((await after.event("status")).text, "at lunch");
  await after.event("joined", ({ member }) => member.name === "bert");
  const { before: name, member } = await ada.event("renamed", ({ own }) => own === undefined);
  assertEquals([name, member.name], ["bob", "bert"]);
  await ada.event("reconnected");
  await bob.tell({ do: "who" });
  const { members } = await bob.event("members");
  const adele = members.find(({ name }) => name === "adele");
  assertEquals(adele!.status, "at lunch");
});

Deno.test("a host admits no one before its own member is in the room", async () => {
  await memberHopKey(); // It takes a while.
  // Of several, one surely is still about to enter when it listens.
  await Promise.all(Array.from({ length: 6 }, async () => {
    await using host = new Program(["serve", "--host", "127.0.0.1", "--port", "0", ...HANA]);
    const { port } = await host.event("listening");
    using early = await SilentSeat.enter(port);
    assertEquals(early.roster.length, 1);
  }));
});

Deno.test("a killed and restarted host regains its members and all their messages", async () => {
  const { options } = home();
  await using before = await HostProgram.start(HANA, options);
  await using left = await Proxy.open(before.port);
  await using right = await Proxy.open(before.port);
  const address = { address: left.address };
  await using ada = await before.join(["--name", "ada", "--json"], address);
  await using bob = await before.join(["--name", "bob", "--json"], { address: right.address });
  await ada.event("joined");
  await ada.say("delivered");
  await ada.event("delivered");
  // The host has ada's messages and loses them; bob's never leave his machine.
  right.hold("toMember");
  right.hold("toHost");
  await ada.say("taken along 1", "taken along 2");
  await ada.event("sent", ({ id }) => id === "3");
  await bob.say("under way");
  await kill(before, left, right);
  right.release("toMember");
  right.release("toHost");
  await Promise.all([ada, bob].map((member) => member.event("disconnected")));
  await ada.say("meanwhile");
  await bob.say("meanwhile");

  await using after = await HostProgram.start(HANA, options);
  assertEquals((await after.event("ready")).key, (await before.event("ready")).key);
  await lead(after, left, right);
  for (const [name, member] of [["ada", ada], ["bob", bob]] as const) {
    const { joinCode } = await member.event("reconnected");
    assertMatch(joinCode!, /^\d{10}$/);
    const joined = await after.event("joined", (event) => event.member.name === name);
    assertEquals(joined.joinCode, joinCode);
    assertNotEquals(joinCode, (await member.event("ready")).joinCode);
    assertEquals(joined.member.session, (await member.event("ready")).session);
  }
  // A member that is not known yet gets no sender key.
  for (const member of [ada, bob]) {
    await member.event("joined", (event) => event.member.name === "hana");
  }
  await ada.say("after");
  await bob.say("after");
  const said = {
    ada: ["delivered", "taken along 1", "taken along 2", "meanwhile", "after"],
    bob: ["under way", "meanwhile", "after"],
  };
  await ada.stdout.count(5, /^\{"event":"delivered"/);
  await bob.stdout.count(3, /^\{"event":"delivered"/);
  assertEquals(await bob.hears("ada", 5), said.ada);
  assertEquals(await ada.hears("bob", 3), said.bob);
  // The host's own member is a new one, which joined after the earlier messages were sealed: it may not read them.
  await Promise.all(
    ["ada", "bob"].map((name) =>
      after.event("message", ({ from, text }) => from.name === name && text === "after")
    ),
  );
  await after.say("here again");
  await Promise.all([ada, bob].map((member) => member.hears("hana", 1)));
  for (const [member, ids] of [[ada, "12345"], [bob, "123"]] as const) {
    assertEquals(only(member, "sent").map(({ id }) => id), [...ids]);
    assertEquals(only(member, "delivered").map(({ id }) => id), [...ids]);
    assertEquals(only(member, "gap", "failed", "error"), []);
    // The host's own member is another one; the two have not left each other.
    const changes = only(member, "left", "lost", "back").map((event) => event.member.name);
    assertEquals(new Set(changes), new Set(["hana"]));
  }
});

Deno.test("members print in plain lines that the host restarted, and the join code", async () => {
  const { options } = home();
  await using before = await HostProgram.start(HANA, options);
  await using proxy = await Proxy.open(before.port);
  await using ada = await before.join(["--name", "ada"], { address: proxy.address });
  await kill(before, proxy);
  await ada.says(/Reconnecting/);
  await using after = await HostProgram.start(HANA, options);
  await lead(after, proxy);
  const { joinCode } = await after.event("joined");
  const code = `${joinCode!.slice(0, 5)} ${joinCode!.slice(5)}`;
  await ada.says(
    new RegExp(`Reconnected\\.\\nlanchat: The host restarted\\. Join code ${code}\\.`),
  );
});

/** Waits until a member stops because it finds another room. */
async function stops(ada: Program, undelivered: boolean): Promise<void> {
  await ada.ends(3);
  const [error, ...more] = only(ada, "error");
  assertEquals(error?.code, "another-room");
  assertMatch(error!.message, /^The host has a different /);
  assertMatch(error!.hint!, /join again/);
  assertEquals(more.map(({ code }) => code), undelivered ? ["undelivered"] : []);
  assertEquals(ada.events.at(-1), { event: "closed", reason: "failed" });
}

Deno.test("another host at the address, or one whose room was not kept, ends its members with status 3", async () => {
  const kept = home();
  for (const another of [true, false]) {
    await using before = await HostProgram.start(HANA, kept.options);
    await using proxy = await Proxy.open(before.port);
    const address = { address: proxy.address };
    await using ada = await before.join(["--name", "ada", "--json"], address);
    await using bob = await before.join(["--name", "bob", "--json"], address);
    await using plain = await before.join(["--name", "plain"], address);
    await kill(before, proxy);
    await Promise.all([ada, bob].map((member) => member.event("disconnected")));
    await plain.says(/Reconnecting/);
    await ada.say("for another room");
    await ada.endInput();
    if (!another) Deno.removeSync(kept.room);
    const { options } = another ? home() : kept;
    await using after = await HostProgram.start(HANA, options);
    await lead(after, proxy);
    await Promise.all([stops(ada, true), stops(bob, false), plain.ends(3)]);
    const [error, hint] = plain.stderr.lines.slice(-2);
    assertMatch(error!, /^lanchat: error: The host has a different (key|room) /);
    assertMatch(hint!, /^lanchat: hint: .*join again/);
    assertEquals(only(after, "joined", "message"), []);
  }
});

Deno.test({
  name: "a host that may not keep its identity is another one after a restart",
  ignore: BINARY !== undefined,
  async fn() {
    await using before = await HostProgram.start(HANA);
    assertEquals(only(before, "warning").map(({ code }) => code), ["temporary-identity"]);
    await using proxy = await Proxy.open(before.port);
    await using ada = await before.join(["--json"], { address: proxy.address });
    await kill(before, proxy);
    await using after = await HostProgram.start(HANA);
    await lead(after, proxy);
    await stops(ada, false);
  },
});

/** Asserts that a host that cannot use its room file says so and ends. */
async function assertDamaged(
  args: readonly string[],
  options: ProgramOptions,
  file: string,
): Promise<void> {
  await using host = new Program(["serve", "--port", "0", ...args], options);
  await host.ends(1);
  const [error] = only(host, "error");
  assertEquals(error?.code, "room-damaged");
  assert(error!.message.includes(file), error!.message);
  assertMatch(error!.hint!, /another room/);
  assertEquals([host.events, host.stderr.text], [[error], ""]);
}

Deno.test("a room file that is damaged ends a host with status 1, and stays as it is", async () => {
  const { options, room } = home();
  {
    await using host = await HostProgram.start(HANA, options);
    host.signal("SIGTERM");
    await host.ends(0);
  }
  const whole = Deno.readTextFileSync(room);
  for (const text of ["", "{}\n", whole.slice(0, -9)]) {
    Deno.writeTextFileSync(room, text);
    for (const args of [HANA, ["--relay-only", "--json"]]) {
      await assertDamaged(args, options, room);
    }
    assertEquals(Deno.readTextFileSync(room), text);
  }
  Deno.removeSync(room);
  Deno.mkdirSync(room);
  await assertDamaged(HANA, options, room);
  assert(Deno.statSync(room).isDirectory);
});

/** Asserts that a host warns that its room, and what else, is not kept, and that one can talk in it. */
async function assertUnkept(
  file: string,
  permissions: readonly string[],
  ...others: readonly Code[]
): Promise<void> {
  const args = [...HANA, "--identity", file];
  await using host = await HostProgram.start(args, { permissions });
  const warnings = only(host, "warning");
  assertEquals(warnings.map(({ code }) => code), [...others, "room-unwritable"]);
  const warning = warnings.at(-1);
  assertMatch(warning!.message, /^Cannot save the room in [^:]*(: .*|missing)$/);
  assertMatch(warning!.hint!, /a restart makes a new room/);
  await using ada = await host.join(["--name", "ada", "--json"]);
  await ada.say("hello");
  assertEquals(await host.hears("ada", 1), ["hello"]);
  host.signal("SIGTERM");
  await Promise.all([host.ends(0), ada.ends(0)]);
}

Deno.test("a host whose room cannot be kept says so, and works", async () => {
  const directory = emptyDirectory();
  const short = `${directory}/me.json`;
  {
    await using host = await HostProgram.start([...HANA, "--identity", short], {
      permissions: KEEPING,
    });
    host.signal("SIGTERM");
    await host.ends(0);
  }
  // The name of the identity file fits, that of a draft of the room file does not.
  const long = `${directory}/${"x".repeat(240)}.json`;
  Deno.renameSync(short, long);
  await assertUnkept(long, KEEPING);
  // With the room of the short name, and a lock for each name.
  assertEquals([...Deno.readDirSync(directory)].length, 4);
});

Deno.test({
  name: "a host that may only use its identity file says that the room is not kept",
  ignore: BINARY !== undefined,
  async fn() {
    const file = `${emptyDirectory()}/me.json`;
    const permissions = ["--allow-net", `--allow-read=${file}`, `--allow-write=${file}`];
    await assertUnkept(file, permissions, "peers-unwritable");
  },
});
