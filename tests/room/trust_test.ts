import { assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import { publicHalves, type Trust } from "../../lib/room/mod.ts";
import { decodeAgain, encodeNeed, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage, type StageOptions } from "../support/stage.ts";
import { test } from "../support/test.ts";
import { World } from "../support/world.ts";

/** What a room is told of keys; everybody else is fine. */
class Verdicts {
  readonly #verdicts: { readonly key: Bytes; readonly name: string; trust: Trust }[] = [];
  /** What was asked. */
  readonly asked: string[] = [];

  readonly judge: NonNullable<StageOptions["trust"]> = ({ key, name }) => {
    this.asked.push(name);
    return this.#verdicts.find((one) => one.name === name && equal(one.key, key))?.trust ?? "fine";
  };

  set(puppet: Puppet, trust: Trust, name = puppet.name): void {
    this.#verdicts.unshift({ key: puppet.identity.publicKey, name, trust });
  }
}

/** Who was given keys, and how often. */
function keysFor(stage: Stage, puppet: Puppet): number {
  return stage.relay.envelopes.all.filter(({ object, to }) =>
    object[0] === ObjectType.SKDM && to !== undefined && equal(to, puppet.session)
  ).length;
}

/** What a member can read of all that was sent. */
async function read(stage: Stage, puppet: Puppet): Promise<string[]> {
  const texts = [];
  for (const { object, to } of stage.relay.envelopes.all) {
    if (object[0] === ObjectType.SKDM && equal(to!, puppet.session)) await puppet.take(object);
    if (object[0] !== ObjectType.MSG) continue;
    const inner = await puppet.take(object).catch(() => undefined);
    if (inner !== undefined) texts.push(new TextDecoder().decode(inner.body));
  }
  return texts;
}

/** Bob, and mal, who calls itself bob as well; that has a verdict. */
async function open(
  trust: Trust,
  where: "before" | "after",
): Promise<{ stage: Stage; bob: Puppet; mal: Puppet; verdicts: Verdicts }> {
  const verdicts = new Verdicts();
  const bob = await Puppet.create("carol", "bob");
  const mal = await Puppet.create("bob", "mal");
  verdicts.set(mal, trust);
  const before = where === "before" ? [bob, mal] : [bob];
  const stage = await Stage.open({ before, trust: verdicts.judge });
  if (where === "after") await stage.join(mal);
  return { stage, bob, mal, verdicts };
}

for (const where of ["before", "after"] as const) {
  test(`Room gives a member that is withheld no key, shows it, and is read by it (${where})`, async () => {
    const { stage, bob, mal } = await open("withheld", where);
    const { member, withheld } = await stage.event("key-changed");
    assertEquals([member.name, withheld], [`bob#${member.tag}`, true]);
    assertEquals(stage.room.members.map((one) => [one.name, one.withheld ?? false]), [
      ["carol", false],
      [`bob#${member.tag}`, true],
    ]);
    await stage.room.say("not for mal");
    await stage.room.setStatus("nor this");
    assertEquals([keysFor(stage, bob), keysFor(stage, mal)], [1, 0]);
    assertEquals([await read(stage, bob), await read(stage, mal)], [
      ["not for mal", "nor this"],
      [],
    ]);
    await stage.event("status");
    await stage.assertStillHears(mal);
    await stage.close();
  });

  test(`Room tags a member whose key has changed, and gives it keys (${where})`, async () => {
    const { stage, mal } = await open("changed", where);
    const { member, withheld } = await stage.event("key-changed");
    assertEquals([member.name, withheld], [`bob#${member.tag}`, false]);
    await stage.room.say("for all");
    assertEquals(await read(stage, mal), ["for all"]);
    assertEquals(stage.events.rest(), []);
    await stage.close();
  });
}

test("Room says nothing private to a member that is withheld, and says why", async () => {
  const { stage, mal } = await open("withheld", "before");
  const { member } = await stage.event("key-changed");
  await assertFails(stage.room.say("psst", { to: member.name }), "key-withheld");
  assertEquals(keysFor(stage, mal), 0);
  await stage.close();
});

test("Room sends nothing that waits for a member that is withheld meanwhile", async () => {
  const verdicts = new Verdicts();
  const silent = await Puppet.create("silent");
  const bob = await Puppet.create("bob");
  const stage = await Stage.create({ trust: verdicts.judge });
  await stage.relay.admit([silent.entry, bob.entry]);
  await stage.says(bob, await bob.announce(stage.session));
  await stage.relay.settle();
  const said = stage.room.say("psst", { to: "bob" }); // Not before all are there.
  verdicts.set(bob, "withheld");
  stage.room.judgeAll();
  await stage.says(silent, await silent.announce(stage.session));
  await assertFails(said, "key-withheld");
  assertEquals((await stage.event("ready")).members.length, 2);
  assertEquals((await stage.event("key-changed")).withheld, true);
  await stage.close();
});

test("Room refuses what nobody could read, as everybody else is withheld", async () => {
  const verdicts = new Verdicts();
  const mal = await Puppet.create("bob", "mal");
  verdicts.set(mal, "withheld");
  const stage = await Stage.open({ before: [mal], trust: verdicts.judge });
  await assertFails(stage.room.say("anybody?"), "key-withheld");
  await stage.tell(mal, MemberChange.LEFT);
  await stage.event("key-changed");
  await stage.event("left");
  await assertFails(stage.room.say("anybody?"), "nobody-here");
  await stage.close();
});

test("Room gives a member keys from the next message on once it is withheld no more", async () => {
  const { stage, bob, mal, verdicts } = await open("withheld", "before");
  await stage.event("key-changed");
  await stage.room.setStatus("away");
  await stage.room.say("before");
  verdicts.set(mal, "fine");
  stage.room.judgeAll();
  await stage.room.say("after");
  assertEquals(await read(stage, bob), ["away", "before", "after"]);
  assertEquals((await read(stage, mal)).sort(), ["after", "away"]);
  // It keeps the tag as long as it has the name: who had that before is somebody else.
  const { name, tag, withheld } = stage.room.members[1]!;
  assertEquals([name, withheld], [`bob#${tag}`, undefined]);
  await stage.event("status");
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room seals nothing more with keys of a member that is withheld for its new name", async () => {
  const { stage, bob, mal, verdicts } = await open("fine", "before");
  await stage.room.say("for both");
  await stage.room.say("for mal", { to: "bob" });
  verdicts.set(mal, "withheld", "ada lovelace");
  await stage.says(mal, await mal.announce(stage.session, { name: "ada lovelace", generation: 2 }));
  const { member } = await stage.event("renamed");
  assertEquals(member.name, `ada lovelace#${member.tag}`);
  assertEquals((await stage.event("key-changed")).withheld, true);
  await stage.pass(1000); // Least time between two epochs.
  await stage.room.say("for bob alone");
  assertEquals(await read(stage, mal), ["for both", "for mal"]);
  assertEquals(await read(stage, bob), ["for both", "for bob alone"]);
  // Nobody needs new keys where it had none.
  const keys = keysFor(stage, bob);
  verdicts.set(mal, "withheld", "lovelace");
  await stage.says(mal, await mal.announce(stage.session, { name: "lovelace", generation: 3 }));
  await stage.event("renamed");
  await stage.event("key-changed");
  await stage.room.say("for bob again");
  assertEquals([keysFor(stage, bob), (await read(stage, mal)).length], [keys, 2]);
  // Under another name it is as good as anybody.
  await stage.says(mal, await mal.announce(stage.session, { name: "mal", generation: 4 }));
  assertEquals((await stage.event("renamed")).member.name, "mal");
  await stage.room.say("for both again");
  assertEquals((await read(stage, mal)).at(-1), "for both again");
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room withholds keys at once from whoever has the name of somebody verified since", async () => {
  const { stage, mal, verdicts } = await open("fine", "before");
  await stage.room.say("one");
  verdicts.set(mal, "withheld");
  stage.room.judgeAll();
  const { before, member } = await stage.event("renamed");
  assertEquals([before, member.name], ["bob", `bob#${member.tag}`]);
  await stage.event("key-changed");
  stage.room.judgeAll(); // What was said is not said again.
  await stage.pass(1000);
  await stage.room.say("two");
  assertEquals(await read(stage, mal), ["one"]);
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room asks what a member is once under each name, not at each new session key", async () => {
  const { stage, mal, verdicts } = await open("withheld", "before");
  await stage.event("key-changed");
  const renewed = await Puppet.create("bob", "mal");
  const lies = { generation: 2, ...publicHalves(renewed.keys) };
  await stage.says(mal, await mal.announce(stage.session, lies));
  await stage.relay.settle();
  assertEquals([verdicts.asked, stage.events.rest()], [["carol", "bob"], []]);
  await stage.room.say("not for mal");
  assertEquals(keysFor(stage, mal), 0);
  await stage.close();
});

test("Room says that a message is delivered, and nobody behind, though one that is there cannot read", async () => {
  const world = new World();
  const mal = await world.join("bob", { identity: "mal" });
  const carol = await world.join("carol");
  const trust = ({ name }: { name: string }): Trust => name === "bob" ? "withheld" : "fine";
  const ada = await world.join("ada", { trust });
  const { delivered } = await ada.room.say("for carol");
  assertEquals(await delivered, []);
  assertEquals(carol.texts.all, ["for carol"]);
  assertEquals(mal.texts.all, []);
  assertEquals((await ada.room.who()).map(({ behind }) => behind), [undefined, undefined]);
  await mal.room.say("for all");
  assertEquals(await ada.texts.next(), "for all");
  // All see the same room: nobody is warned of another, and all are shown to all.
  assertEquals([mal, carol, ada].map(({ room }) => room.members.length), [2, 2, 2]);
  await world.close();
});

test("Room sends a member that is withheld nothing again but who it is itself", async () => {
  const verdicts = new Verdicts();
  const bob = await Puppet.create("carol", "bob");
  const mal = await Puppet.create("bob", "mal");
  verdicts.set(mal, "withheld");
  const stage = await Stage.create({ trust: verdicts.judge });
  stage.relay.acknowledges = false; // So that all is kept.
  await stage.relay.admit([bob.entry, mal.entry]);
  for (const puppet of [bob, mal]) await stage.says(puppet, await puppet.announce(stage.session));
  await stage.event("ready");
  const said = stage.room.say("kept");
  await stage.relay.object(ObjectType.MSG);
  const accepted = stage.relay.envelopes.all.at(-1)!.cmid;
  await stage.relay.ack(accepted, 0);
  await said;
  await stage.restart([bob, mal]);
  const again = async (puppet: Puppet): Promise<(number | undefined)[]> => {
    await stage.says(puppet, encodeNeed(1));
    const types = [];
    while (true) {
      const { object } = await stage.relay.object(ObjectType.AGAIN, puppet.session);
      const { object: inner } = decodeAgain(object);
      if (inner === undefined) return types;
      types.push(inner[0]);
    }
  };
  const { ANNOUNCE, MSG, SKDM } = ObjectType;
  assertEquals(await again(bob), [ANNOUNCE, SKDM, MSG]);
  assertEquals(await again(mal), [ANNOUNCE]);
  await stage.relay.close();
  await stage.ran;
  stage.room.end("not-delivered");
});
