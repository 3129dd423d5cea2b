import { assert, assertEquals } from "@std/assert";
import { type Bytes, toBase64Url } from "../../lib/bytes/mod.ts";
import type { RoomEvent } from "../../lib/room/mod.ts";
import {
  type AnnouncedName,
  Audience,
  decodeAnnounce,
  MemberChange,
  ObjectType,
  type SignedAnnounce,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { sessionKey } from "../support/keys.ts";
import { nameOf, Puppet, targetOf } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory, type TestMember } from "../support/rooms_in_memory.ts";

type Renamed = RoomEvent & { readonly event: "renamed" };

/** Returns the changes of names that a member is shown. */
async function renamed(from: TestMember | RoomAlone): Promise<string> {
  const { before, member, own }: Renamed = await from.event("renamed");
  return `${own ? "own " : ""}${before} is ${member.name}`;
}

/** The next ANNOUNCE of a room to a member. */
async function announced(
  alone: RoomAlone,
  puppet: Puppet,
): Promise<SignedAnnounce & AnnouncedName> {
  const { object } = await alone.relay.object(ObjectType.ANNOUNCE, puppet.session);
  return { ...decodeAnnounce(object), ...await nameOf(object) };
}

/** Returns the name under which all members show one, itself included. */
function namesOf(member: TestMember, others: readonly TestMember[]): string[] {
  return [
    member.room.me.name,
    ...others.map(({ room }) => room.find(toBase64Url(member.room.me.key)).name),
  ];
}

test("Room.rename announces the name to all, in order with the messages, and to later members", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  const bob = await rooms.join("bob");
  await ada.event("joined");
  await ada.room.say("one");
  await ada.room.rename("adele");
  assertEquals(await renamed(ada), "own ada is adele");
  await ada.room.say("two");
  await bob.texts.count(2);
  const told = bob.events.all.flatMap((event) =>
    event.event === "message"
      ? [`${event.from.name}: ${event.text}`]
      : event.event === "renamed"
      ? [`${event.before} is ${event.member.name}`]
      : []
  );
  assertEquals(told, ["ada: one", "ada is adele", "adele: two"]);
  const carol = await rooms.join("carol");
  assertEquals(carol.room.members.map(({ name }) => name), ["adele", "bob"]);
  await carol.room.say("psst", { to: "adele" });
  assertEquals(await ada.texts.next(), "psst");
  await rooms.close();
});

test("Room.rename refuses an invalid name, and announces no name that is the same", async () => {
  const alone = await RoomAlone.open({ before: [await Puppet.create("bob")] });
  for (const name of ["", "a#b", "x".repeat(49), " a"]) {
    await assertFails(alone.room.rename(name), "bad-name");
  }
  assertEquals(alone.events.rest(), []);
  const count = alone.relay.envelopes.all.length;
  await alone.room.rename("ada");
  assertEquals(await renamed(alone), "own ada is ada");
  await alone.relay.settle();
  assertEquals(alone.relay.envelopes.all.length, count);
  await alone.close();
});

test("Room.rename runs in turn, once a second, and the last name stays", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const names = ["b", "c", "d"];
  const done = Promise.all(names.map((name) => alone.room.rename(name)));
  for (const i of names.keys()) {
    const { generation, name } = await announced(alone, bob);
    assertEquals([name, generation], [names[i], i + 2]);
    assertEquals(alone.relay.envelopes.rest(), []);
    alone.clock.advance(1000);
  }
  await done;
  assertEquals(alone.room.me.name, "d");
  await alone.close();
});

test("Room.rename fails at once when the room ends", async () => {
  const alone = await RoomAlone.open();
  await alone.room.rename("b");
  const late = assertFails(alone.room.rename("c"), "not-delivered");
  await alone.close();
  await late;
});

test("Room accepts keys that were wrapped for the generation before a new name", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const before = alone.target;
  await alone.room.rename("b");
  await alone.event("renamed");
  const after = await targetOf((await alone.relay.object(ObjectType.ANNOUNCE, bob.session)).object);
  assertEquals(after.modulus, before.modulus);
  const unknown = { ...after, generation: 3 };
  for (const [i, target] of [before, after, unknown].entries()) {
    const chain = await bob.chain(Audience.ROOM, i + 1);
    await alone.says(bob, await chain.skdm(target), await chain.msg(`${i}`));
  }
  assertEquals([await alone.text(), await alone.text()], ["0", "1"]);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room announces a name that changed while a session key was made with both keys", async () => {
  const bob = await Puppet.create("bob");
  let made = await sessionKey();
  let making = Promise.resolve(made);
  const alone = await RoomAlone.open({ before: [bob], generate: () => making });
  const first = made;
  made = await sessionKey();
  const gate = Promise.withResolvers<typeof made>();
  making = gate.promise;
  const rekeyed = alone.room.rekey();
  const named = alone.room.rename("b");
  await alone.clock.timer(1000);
  alone.clock.advance(1000);
  await named;
  gate.resolve(made);
  await rekeyed;
  const told: [number, string, Bytes][] = [];
  for (let i = 0; i < 2; i++) {
    const { generation, modulus, name } = await announced(alone, bob);
    told.push([generation, name, modulus]);
  }
  assertEquals(told, [[2, "b", first.rsa.modulus], [3, "b", made.rsa.modulus]]);
  await alone.close();
});

test("Room tags a member that takes another's name, on both sides and for newcomers", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  const bob = await rooms.join("bob");
  const carol = await rooms.join("carol");
  await Promise.all([ada.event("joined"), bob.event("joined")]);
  // Ada came first of all.
  await ada.room.rename("Bob");
  const { tag } = ada.room.me;
  assertEquals(await renamed(ada), `own ada is Bob#${tag}`);
  assertEquals((await ada.event("warning")).message.includes(`Bob#${tag}`), true);
  assertEquals(await renamed(bob), `ada is Bob#${tag}`);
  assertEquals((await bob.event("warning")).code, "name-taken");
  assertEquals(await renamed(carol), `ada is Bob#${tag}`);
  const dave = await rooms.join("dave");
  await ada.event("joined");
  assertEquals(namesOf(ada, [bob, carol, dave]), Array(4).fill(`Bob#${tag}`));
  assertEquals(namesOf(bob, [ada, carol, dave]), Array(4).fill("bob"));
  // With another name the tag is gone.
  await ada.room.rename("ada");
  for (const one of [bob, carol, dave]) assertEquals(await renamed(one), `Bob#${tag} is ada`);
  assertEquals(namesOf(ada, [bob, carol, dave]), Array(4).fill("ada"));
  await rooms.close();
});

test("Room tags the other member on both sides if two take one name at once", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.room.rename("zoe");
  await alone.event("renamed");
  await alone.says(bob, await bob.announce(alone.session, { generation: 2, name: "zoe" }));
  const { member } = await alone.event("renamed");
  assertEquals([alone.room.me.name, member.name], ["zoe", `zoe#${member.tag}`]);
  assertEquals((await alone.event("warning")).code, "name-taken");
  await alone.close();
});

test("Room tags a member that says that its name is taken, whatever its rank", async () => {
  const [first, second] = [await Puppet.create("bob", "one"), await Puppet.create("bob", "two")];
  const alone = await RoomAlone.create();
  await alone.relay.admit([first.entry, second.entry]);
  await alone.says(first, await first.announce(alone.session, { nameTaken: true }));
  await alone.says(second, await second.announce(alone.session));
  const { members } = await alone.event("ready");
  assertEquals(members.map(({ name }) => name), [`bob#${members[0]!.tag}`, "bob"]);
  await alone.close();
});

test("Room warns once of a member that takes its name again and again", async () => {
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({ before: [mal] });
  for (const [i, name] of ["ada", "mal", "ada", "mal"].entries()) {
    await alone.says(mal, await mal.announce(alone.session, { generation: i + 2, name }));
  }
  await alone.relay.settle();
  const types = alone.events.rest().map(({ event }) => event);
  assertEquals(types, ["renamed", "warning", "renamed", "renamed", "renamed"]);
  await alone.close();
});

test("Room does not warn again of a member that had its name before and takes it again", async () => {
  const bob = await Puppet.create("ada", "bob");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.event("warning");
  for (const [i, name] of ["bob", "ada"].entries()) {
    await alone.says(bob, await bob.announce(alone.session, { generation: i + 2, name }));
  }
  await alone.relay.settle();
  assertEquals(alone.events.rest().map(({ event }) => event), ["renamed", "renamed"]);
  await alone.close();
});

test("Room shows the last of names that change too fast, and makes no other member wait", async () => {
  const [bob, mal] = [await Puppet.create("bob"), await Puppet.create("mal")];
  const alone = await RoomAlone.open({ before: [bob, mal] });
  for (let i = 0; i < 20; i++) {
    const lies = { generation: i + 2, name: `mal ${i}` };
    await alone.says(mal, await mal.announce(alone.session, lies));
  }
  await alone.relay.settle();
  const names = Array.from({ length: 8 }, (_, i) => `mal ${i}`);
  for (const name of names) assertEquals((await alone.event("renamed")).member.name, name);
  await alone.assertStillHears(bob);
  for (let second = 0; second < 10; second++) await alone.pass(1000);
  const more = alone.events.rest();
  assert(more.length <= 2, `${more.length} more`);
  assertEquals(alone.room.members.map(({ name }) => name), ["bob", "mal 19"]);
  await alone.close();
});

test("Room shows the messages but no more names of a member that is gone", async () => {
  const [bob, mal] = [await Puppet.create("bob"), await Puppet.create("mal")];
  const alone = await RoomAlone.open({ before: [bob, mal] });
  const chain = await mal.chain();
  await alone.says(mal, await chain.skdm(alone.target));
  for (let i = 0; i < 7; i++) {
    const lies = { generation: i + 2, name: `mal ${i}` };
    await alone.says(mal, await mal.announce(alone.session, lies));
  }
  await alone.relay.settle();
  assertEquals(alone.events.rest().length, 7);
  // Nothing waits after the first of these when its turn comes.
  for (let i = 7; i < 10; i++) {
    const lies = { generation: i + 2, name: `mal ${i}` };
    await alone.says(mal, await mal.announce(alone.session, lies));
    await alone.relay.settle();
  }
  await alone.says(mal, await chain.msg("last words"));
  await alone.tell(mal, MemberChange.LEFT);
  assertEquals(await alone.text(), "last words");
  assertEquals((await alone.event("left")).member.name, "mal 6");
  await alone.pass(10_000);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room shows few of the thousands of names of a member that is gone", async () => {
  const [bob, mal] = [await Puppet.create("bob"), await Puppet.create("mal")];
  const alone = await RoomAlone.open({ before: [bob, mal] });
  const floods = await Promise.all(
    Array.from({ length: 20 }, (_, record) =>
      Promise.all(Array.from({ length: 50 }, (_, i) => {
        const number = record * 50 + i;
        return mal.announce(alone.session, { generation: number + 2, name: `mal ${number}` });
      }))),
  );
  for (const flood of floods) await alone.says(mal, ...flood);
  await alone.tell(mal, MemberChange.AWAY);
  await alone.relay.settle();
  for (let second = 0; second < 60; second++) await alone.pass(1000);
  const events = alone.events.rest().map(({ event }) => event);
  assertEquals(events.filter((type) => type === "renamed").length <= 10, true);
  assertEquals(events.at(-1), "lost");
  await alone.close();
});

test("Room refuses a replayed name", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const names = ["b", "c"];
  const objects = await Promise.all(
    names.map((name, i) => bob.announce(alone.session, { generation: i + 2, name })),
  );
  await alone.says(bob, ...objects, objects[0]!, objects[1]!, await bob.announce(alone.session));
  await alone.relay.settle();
  assertEquals(alone.events.rest().map(({ event }) => event), ["renamed", "renamed"]);
  assertEquals(alone.room.members.map(({ name }) => name), ["c"]);
  await alone.close();
});

test("Room shows the new name of an ignored member: names must mean the same to all", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob], ignores: () => true });
  await alone.says(bob, await bob.announce(alone.session, { generation: 2, name: "b" }));
  const { before, member } = await alone.event("renamed");
  assertEquals([before, member.name, alone.room.members[0]!.name], ["bob", "b", "b"]);
  await alone.close();
});

test("Room announces a name that changed without a connection, also at another host process", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.cut();
  await alone.room.rename("b");
  await alone.event("renamed");
  alone.dial(false);
  const lastCmid = 1;
  await alone.relay.accept({ resumed: true, lastCmid });
  await alone.relay.resume([bob.entry]);
  assertEquals((await announced(alone, bob)).name, "b");
  await alone.event("reconnected");
  const carol = await Puppet.create("carol");
  await alone.restart([bob, carol]);
  const [round, other] = [await alone.asks(bob), await alone.asks(carol)];
  assertEquals((await announced(alone, carol)).name, "b");
  await alone.says(carol, await carol.announce(alone.session));
  await alone.answers(carol, other, []);
  await alone.event("joined");
  // Bob changed his name; the announcements were lost with the host.
  await alone.answers(bob, round, [
    await bob.announce(alone.session, { generation: 2, name: "bert" }),
  ]);
  assertEquals(await renamed(alone), "bob is bert");
  await alone.event("reconnected");
  await alone.close();
});
