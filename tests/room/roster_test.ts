import { assertEquals } from "@std/assert";
import { type Bytes, equal, fromHex } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { rosterHash } from "../../lib/room/mod.ts";
import { decodeSkdm, HOST_SESSION, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { type OwnChain, Puppet, ROOM_ID } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";
import { World } from "../support/world.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

test("rosterHash matches the known answer, whatever the order", async () => {
  const { fromKey, fromSession, roomId, toKey, toSession } = decodeSkdm(fromHex(vectors.e2e.skdm));
  const members = [{ key: fromKey, session: fromSession }, { key: toKey, session: toSession }];
  assertEquals(await rosterHash(roomId, members), fromHex(vectors.e2e.roster));
  assertEquals(await rosterHash(roomId, members.reverse()), fromHex(vectors.e2e.roster));
});

interface Scene {
  readonly stage: Stage;
  readonly bob: Puppet;
  readonly chain: OwnChain;
  /** The hash of a room of ada and these. */
  readonly of: (...puppets: readonly Puppet[]) => Promise<Bytes>;
  /** Bob says something with that roster. @returns The codes of the warnings before it. */
  readonly reports: (roster: Bytes) => Promise<string[]>;
}

async function open(): Promise<Scene> {
  const bob = await Puppet.create("bob");
  const stage = await Stage.open({ before: [bob] });
  const chain = await bob.chain();
  await stage.says(bob, await chain.skdm(stage.target));
  const me = { key: stage.key, session: stage.session };
  return {
    stage,
    bob,
    chain,
    of: (...puppets) => rosterHash(ROOM_ID, [me, ...puppets.map(({ entry }) => entry)]),
    reports: async (roster) => {
      await stage.says(bob, await chain.msg("something", { roster }));
      await stage.relay.settle();
      const events = stage.events.rest();
      assertEquals(events.at(-1)?.type, "message");
      return events.flatMap((event) => event.type === "warning" ? [event.code] : []);
    },
  };
}

test("Room takes nobody for a member who is said to be where the host itself speaks", async () => {
  const bob = await Puppet.create("bob");
  const stage = await Stage.create();
  await stage.relay.accept({ resumed: false, lastCmid: 0 });
  const { key } = (await Puppet.create("mal")).entry;
  await stage.relay.resume([bob.entry, { session: HOST_SESSION, key, away: false }]);
  await stage.says(bob, await bob.announce(stage.session));
  // It is not waited for.
  assertEquals((await stage.event("ready")).members.map(({ name }) => name), ["bob"]);
  await stage.close();
});

test("Room warns where a member sees another roster for 10 s, once", async () => {
  const { bob, of, reports, stage } = await open();
  assertEquals(await reports(await of(bob)), []);
  assertEquals(await reports(randomBytes(16)), []);
  await stage.pass(9999);
  assertEquals(await reports(randomBytes(16)), []);
  stage.clock.advance(1);
  assertEquals(await reports(randomBytes(16)), ["roster-differs"]);
  await stage.pass(60_000);
  assertEquals(await reports(randomBytes(16)), []);
  // Once they agree, it begins anew.
  assertEquals(await reports(await of(bob)), []);
  assertEquals(await reports(randomBytes(16)), []);
  await stage.pass(10_000);
  assertEquals(await reports(randomBytes(16)), ["roster-differs"]);
  await stage.close();
});

test("Room bears with a member that has not heard of a change yet", async () => {
  const { bob, of, reports, stage } = await open();
  const carol = await Puppet.create("carol");
  const before = await of(bob);
  assertEquals(await reports(before), []);
  await stage.join(carol);
  assertEquals(await reports(before), []);
  await stage.pass(9000);
  assertEquals(await reports(before), []);
  assertEquals(await reports(await of(bob, carol)), []);
  await stage.tell(carol, MemberChange.LEFT);
  await stage.event("left");
  assertEquals(await reports(await of(bob, carol)), []);
  await stage.pass(60_000);
  assertEquals(await reports(before), []);
  await stage.close();
});

test("Room warns where the relay keeps somebody from a member for ever", async () => {
  const { bob, of, reports, stage } = await open();
  const before = await of(bob);
  assertEquals(await reports(before), []);
  await stage.join(await Puppet.create("carol"));
  // Bob, who is never told of carol, is still where this room was before.
  await stage.pass(10_000);
  assertEquals(await reports(before), []);
  await stage.pass(10_000);
  assertEquals(await reports(before), ["roster-differs"]);
  await stage.close();
});

test("Room does not take two moments of change for one lasting difference", async () => {
  const { bob, of, reports, stage } = await open();
  const carol = await Puppet.create("carol");
  const dave = await Puppet.create("dave");
  // Each time bob hears of the newcomer a moment earlier.
  assertEquals(await reports(await of(bob, carol)), []);
  stage.clock.advance(1);
  await stage.join(carol);
  await stage.pass(15_000);
  assertEquals(await reports(await of(bob, carol, dave)), []);
  stage.clock.advance(1);
  await stage.join(dave);
  assertEquals(await reports(await of(bob, carol, dave)), []);
  await stage.close();
});

test("Room counts who is away though it cannot announce itself, as the others here do", async () => {
  const [bob, carol, dave] = await Promise.all(
    ["bob", "carol", "dave"].map((name) => Puppet.create(name)),
  ) as [Puppet, Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([bob.entry, { ...carol.entry, away: true }, dave.entry]);
  const target = await stage.heardBy(bob);
  for (const puppet of [bob, dave]) await stage.says(puppet, await puppet.announce(stage.session));
  const { members } = await stage.event("ready");
  assertEquals(members.map(({ name }) => name), ["bob", "dave"]);
  const chain = await bob.chain();
  await stage.says(bob, await chain.skdm(target));
  const me = { key: stage.key, session: stage.session };
  const of = (...puppets: readonly Puppet[]): Promise<Bytes> =>
    rosterHash(ROOM_ID, [me, ...puppets.map(({ entry }) => entry)]);
  async function reports(roster: Bytes): Promise<string[]> {
    await stage.says(bob, await chain.msg("something", { roster }));
    await stage.relay.settle();
    return stage.events.rest().flatMap((event) => event.type === "warning" ? [event.code] : []);
  }
  const all = await of(bob, carol, dave);
  assertEquals(await reports(all), []);
  await stage.pass(20_000);
  assertEquals(await reports(all), []);
  // What this member says itself tells of the same room.
  await stage.room.say("hello");
  const reported = [];
  for (const { object, to } of stage.relay.envelopes.all) {
    const mine = to === undefined || equal(to, bob.session);
    const inner = mine && object[0] !== ObjectType.ANNOUNCE ? await bob.take(object) : undefined;
    if (inner !== undefined) reported.push(inner.roster);
  }
  assertEquals(reported, [all]);
  // Once it is there it counts when it has announced itself, and no sooner; and not when it is gone.
  await stage.tell(carol, MemberChange.BACK);
  await stage.pass(20_000);
  assertEquals(await reports(await of(bob, dave)), []);
  await stage.pass(20_000);
  assertEquals(await reports(await of(bob, dave)), []);
  await stage.tell(carol, MemberChange.AWAY);
  await stage.relay.settle();
  assertEquals(await reports(all), []);
  await stage.tell(carol, MemberChange.LEFT);
  await stage.pass(20_000);
  assertEquals(await reports(await of(bob, dave)), []);
  await stage.pass(20_000);
  assertEquals(await reports(await of(bob, dave)), []);
  await stage.close();
});

test("Room warns of nothing while members come, talk and go", async () => {
  const world = new World();
  const ada = await world.join("ada");
  for (const name of ["bob", "carol", "dave"]) {
    const member = await world.join(name);
    await Promise.all([member.room.say("hello"), ada.room.say(`hello ${name}`)]);
    await member.texts.next();
    if (name !== "carol") await member.room.leave();
  }
  await ada.texts.count(3);
  assertEquals(ada.events.all.filter(({ type }) => type === "warning"), []);
  await world.close();
});
