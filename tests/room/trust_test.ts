import { assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import type { Trust } from "../../lib/room/mod.ts";
import { publicHalves } from "../../lib/room/session_key.ts";
import { decodeAgain, encodeNeed, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone, type RoomAloneOptions } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory } from "../support/rooms_in_memory.ts";

/** Verdicts on keys; all other keys are fine. */
class Verdicts {
  readonly #verdicts: { readonly key: Bytes; readonly name: string; trust: Trust }[] = [];
  /** The questions. */
  readonly asked: string[] = [];

  readonly judge: NonNullable<RoomAloneOptions["trust"]> = ({ key, name }) => {
    this.asked.push(name);
    return this.#verdicts.find((one) => one.name === name && equal(one.key, key))?.trust ?? "fine";
  };

  set(puppet: Puppet, trust: Trust, name = puppet.name): void {
    this.#verdicts.unshift({ key: puppet.identity.publicKey, name, trust });
  }
}

/** Returns the members that were given keys, and how often. */
function keysFor(alone: RoomAlone, puppet: Puppet): number {
  return alone.relay.envelopes.all.filter(({ object, to }) =>
    object[0] === ObjectType.SKDM && to !== undefined && equal(to, puppet.session)
  ).length;
}

/** Returns the texts that a member can read. */
async function read(alone: RoomAlone, puppet: Puppet): Promise<string[]> {
  const texts = [];
  for (const { object, to } of alone.relay.envelopes.all) {
    if (object[0] === ObjectType.SKDM && equal(to!, puppet.session)) await puppet.take(object);
    if (object[0] !== ObjectType.MSG) continue;
    const inner = await puppet.take(object).catch(() => undefined);
    if (inner !== undefined) texts.push(new TextDecoder().decode(inner.body));
  }
  return texts;
}

/** Opens a room with bob, and with mal, whose name is bob too and who has a verdict. */
async function open(
  trust: Trust,
  where: "before" | "after",
): Promise<{ alone: RoomAlone; bob: Puppet; mal: Puppet; verdicts: Verdicts }> {
  const verdicts = new Verdicts();
  const bob = await Puppet.create("carol", "bob");
  const mal = await Puppet.create("bob", "mal");
  verdicts.set(mal, trust);
  const before = where === "before" ? [bob, mal] : [bob];
  const alone = await RoomAlone.open({ before, trust: verdicts.judge });
  if (where === "after") await alone.join(mal);
  return { alone, bob, mal, verdicts };
}

for (const where of ["before", "after"] as const) {
  test(`Room gives no key to a withheld member, shows it, and reads its messages (${where})`, async () => {
    const { alone, bob, mal } = await open("withheld", where);
    const { member, withheld } = await alone.event("key-changed");
    assertEquals([member.name, withheld], [`bob#${member.tag}`, true]);
    assertEquals(alone.room.members.map((one) => [one.name, one.withheld ?? false]), [
      ["carol", false],
      [`bob#${member.tag}`, true],
    ]);
    await alone.room.say("not for mal");
    await alone.room.setStatus("nor this");
    assertEquals([keysFor(alone, bob), keysFor(alone, mal)], [1, 0]);
    assertEquals([await read(alone, bob), await read(alone, mal)], [
      ["not for mal", "nor this"],
      [],
    ]);
    await alone.event("status");
    await alone.assertStillHears(mal);
    await alone.close();
  });

  test(`Room tags a member with a changed key, and gives it keys (${where})`, async () => {
    const { alone, mal } = await open("changed", where);
    const { member, withheld } = await alone.event("key-changed");
    assertEquals([member.name, withheld], [`bob#${member.tag}`, false]);
    await alone.room.say("for all");
    assertEquals(await read(alone, mal), ["for all"]);
    assertEquals(alone.events.rest(), []);
    await alone.close();
  });
}

test("Room.say refuses a private message to a withheld member, with the reason", async () => {
  const { alone, mal } = await open("withheld", "before");
  const { member } = await alone.event("key-changed");
  await assertFails(alone.room.say("psst", { to: member.name }), "key-withheld");
  assertEquals(keysFor(alone, mal), 0);
  await alone.close();
});

test("Room sends no waiting message to a member that is withheld meanwhile", async () => {
  const verdicts = new Verdicts();
  const silent = await Puppet.create("silent");
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.create({ trust: verdicts.judge });
  await alone.relay.admit([silent.entry, bob.entry]);
  await alone.says(bob, await bob.announce(alone.session));
  await alone.relay.settle();
  const said = alone.room.say("psst", { to: "bob" }); // Held until the room is ready.
  verdicts.set(bob, "withheld");
  alone.room.judgeAll();
  await alone.says(silent, await silent.announce(alone.session));
  await assertFails(said, "key-withheld");
  assertEquals((await alone.event("ready")).members.length, 2);
  assertEquals((await alone.event("key-changed")).withheld, true);
  await alone.close();
});

test("Room.say refuses a message if all other members are withheld", async () => {
  const verdicts = new Verdicts();
  const mal = await Puppet.create("bob", "mal");
  verdicts.set(mal, "withheld");
  const alone = await RoomAlone.open({ before: [mal], trust: verdicts.judge });
  await assertFails(alone.room.say("anybody?"), "key-withheld");
  await alone.tell(mal, MemberChange.LEFT);
  await alone.event("key-changed");
  await alone.event("left");
  await assertFails(alone.room.say("anybody?"), "nobody-here");
  await alone.close();
});

test("Room gives a member keys from the next message on once it is no longer withheld", async () => {
  const { alone, bob, mal, verdicts } = await open("withheld", "before");
  await alone.event("key-changed");
  await alone.room.setStatus("away");
  await alone.room.say("before");
  verdicts.set(mal, "fine");
  alone.room.judgeAll();
  await alone.room.say("after");
  assertEquals(await read(alone, bob), ["away", "before", "after"]);
  assertEquals((await read(alone, mal)).sort(), ["after", "away"]);
  // It keeps the tag as long as it has the name, which was another member's before.
  const { name, tag, withheld } = alone.room.members[1]!;
  assertEquals([name, withheld], [`bob#${tag}`, undefined]);
  await alone.event("status");
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room uses no chain whose key a member holds that is withheld for its new name", async () => {
  const { alone, bob, mal, verdicts } = await open("fine", "before");
  await alone.room.say("for both");
  await alone.room.say("for mal", { to: "bob" });
  verdicts.set(mal, "withheld", "ada lovelace");
  await alone.says(mal, await mal.announce(alone.session, { name: "ada lovelace", generation: 2 }));
  const { member } = await alone.event("renamed");
  assertEquals(member.name, `ada lovelace#${member.tag}`);
  assertEquals((await alone.event("key-changed")).withheld, true);
  await alone.pass(1000); // The minimum time between two epochs.
  await alone.room.say("for bob alone");
  assertEquals(await read(alone, mal), ["for both", "for mal"]);
  assertEquals(await read(alone, bob), ["for both", "for bob alone"]);
  // Without an earlier key, no new keys are needed.
  const keys = keysFor(alone, bob);
  verdicts.set(mal, "withheld", "lovelace");
  await alone.says(mal, await mal.announce(alone.session, { name: "lovelace", generation: 3 }));
  await alone.event("renamed");
  await alone.event("key-changed");
  await alone.room.say("for bob again");
  assertEquals([keysFor(alone, bob), (await read(alone, mal)).length], [keys, 2]);
  // Under another name it is as good as anybody.
  await alone.says(mal, await mal.announce(alone.session, { name: "mal", generation: 4 }));
  assertEquals((await alone.event("renamed")).member.name, "mal");
  await alone.room.say("for both again");
  assertEquals((await read(alone, mal)).at(-1), "for both again");
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room.judgeAll withholds keys at once from a member with the name of a newly verified one", async () => {
  const { alone, mal, verdicts } = await open("fine", "before");
  await alone.room.say("one");
  verdicts.set(mal, "withheld");
  alone.room.judgeAll();
  const { before, member } = await alone.event("renamed");
  assertEquals([before, member.name], ["bob", `bob#${member.tag}`]);
  await alone.event("key-changed");
  alone.room.judgeAll(); // Nothing is shown twice.
  await alone.pass(1000);
  await alone.room.say("two");
  assertEquals(await read(alone, mal), ["one"]);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room judges a member once under each name, not at each new session key", async () => {
  const { alone, mal, verdicts } = await open("withheld", "before");
  await alone.event("key-changed");
  const renewed = await Puppet.create("bob", "mal");
  const lies = { generation: 2, ...publicHalves(renewed.keys) };
  await alone.says(mal, await mal.announce(alone.session, lies));
  await alone.relay.settle();
  assertEquals([verdicts.asked, alone.events.rest()], [["carol", "bob"], []]);
  await alone.room.say("not for mal");
  assertEquals(keysFor(alone, mal), 0);
  await alone.close();
});

test("Room reports a message as delivered, and no member behind, though a withheld one is present", async () => {
  const rooms = new RoomsInMemory();
  const mal = await rooms.join("bob", { identity: "mal" });
  const carol = await rooms.join("carol");
  const trust = ({ name }: { name: string }): Trust => name === "bob" ? "withheld" : "fine";
  const ada = await rooms.join("ada", { trust });
  const { delivered } = await ada.room.say("for carol");
  assertEquals(await delivered, { away: [], left: [] });
  assertEquals(carol.texts.all, ["for carol"]);
  assertEquals(mal.texts.all, []);
  assertEquals((await ada.room.who()).map(({ behind }) => behind), [undefined, undefined]);
  await mal.room.say("for all");
  assertEquals(await ada.texts.next(), "for all");
  // All see the same room: there is no warning, and all are shown to all.
  assertEquals([mal, carol, ada].map(({ room }) => room.members.length), [2, 2, 2]);
  await rooms.close();
});

test("Room sends a withheld member only its own ANNOUNCE again", async () => {
  const verdicts = new Verdicts();
  const bob = await Puppet.create("carol", "bob");
  const mal = await Puppet.create("bob", "mal");
  verdicts.set(mal, "withheld");
  const alone = await RoomAlone.create({ trust: verdicts.judge });
  alone.relay.acknowledges = false; // All is kept.
  await alone.relay.admit([bob.entry, mal.entry]);
  for (const puppet of [bob, mal]) await alone.says(puppet, await puppet.announce(alone.session));
  await alone.event("ready");
  const said = alone.room.say("kept");
  await Promise.all([alone.relay.object(ObjectType.MSG), alone.relay.announced()]);
  const accepted = alone.relay.envelopes.all.at(-1)!.cmid;
  await alone.relay.ack(accepted, 0);
  await said;
  await alone.restart([bob, mal]);
  const again = async (puppet: Puppet): Promise<(number | undefined)[]> => {
    await alone.says(puppet, encodeNeed(1));
    const types = [];
    while (true) {
      const { object } = await alone.relay.object(ObjectType.AGAIN, puppet.session);
      const { object: inner } = decodeAgain(object);
      if (inner === undefined) return types;
      types.push(inner[0]);
    }
  };
  const { ANNOUNCE, MSG, SKDM } = ObjectType;
  assertEquals(await again(bob), [ANNOUNCE, SKDM, MSG]);
  assertEquals(await again(mal), [ANNOUNCE]);
  await alone.relay.close();
  await alone.ran;
  alone.room.end("not-delivered");
});
