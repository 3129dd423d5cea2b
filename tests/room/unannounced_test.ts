import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes/mod.ts";
import { keyTag } from "../../lib/crypto/mod.ts";
import { BodyKind, encodeBatch, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

/** Sessions of one key that the relay makes up. */
async function phantoms(count: number): Promise<Puppet[]> {
  return await Promise.all(Array.from({ length: count }, () => Puppet.create("phantom")));
}

test("Room shows a session that does not say who it is after 10 s, by its tag, and gives it no key", async () => {
  const bob = await Puppet.create("bob");
  const eve = await Puppet.create("eve");
  const stage = await Stage.open({ before: [bob] });
  await stage.tell(eve, MemberChange.JOINED);
  await stage.pass(9_999);
  assertEquals([stage.events.rest(), stage.room.strangers], [[], []]);
  stage.clock.advance(1);
  const { here, left, leftCount } = await stage.event("unannounced");
  const name = `#${await keyTag(eve.entry.key)}`;
  assertEquals([here.map(({ name }) => name), left, leftCount], [[name], [], 0]);
  await stage.tell(eve, MemberChange.AWAY);
  await stage.relay.settle();
  const who = await stage.room.who();
  assertEquals(
    who.map(({ lost, name, unannounced }) => [name, lost, unannounced]),
    [["bob", false, undefined], [name, true, true]],
  );
  assertEquals(stage.room.members.map(({ name }) => name), ["bob"]);
  await stage.room.say("for bob");
  const keys = stage.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.SKDM);
  assertEquals(keys.map(({ to }) => to), [bob.session]);
  // Once it says who it is, it joins like anybody else.
  await stage.says(eve, await eve.announce(stage.session));
  assertEquals((await stage.event("joined")).member.name, "eve");
  assertEquals(stage.room.strangers, []);
  await stage.close();
});

test("Room shows a newcomer those too who are away and cannot say who they are", async () => {
  const bob = await Puppet.create("bob");
  const away = await Puppet.create("away");
  const stage = await Stage.create();
  await stage.relay.admit([bob.entry, { ...away.entry, away: true }]);
  await stage.heardBy(bob);
  await stage.says(bob, await bob.announce(stage.session));
  await stage.event("ready");
  await stage.pass(10_000);
  const { here } = await stage.event("unannounced");
  assertEquals(here.map(({ key, lost }) => [key, lost]), [[away.entry.key, true]]);
  await stage.tell(away, MemberChange.LEFT);
  await stage.pass(10_000);
  const { left } = await stage.event("unannounced");
  assertEquals(left.map(({ key }) => key), [away.entry.key]);
  await stage.close();
});

test("Room tells of a session that leaves before it has said who it is, whenever that is", async () => {
  const stage = await Stage.open();
  const eve = await Puppet.create("eve");
  await stage.tell(eve, MemberChange.JOINED);
  await stage.tell(eve, MemberChange.LEFT);
  const { here, left, leftCount } = await stage.event("unannounced");
  const name = `#${await keyTag(eve.entry.key)}`;
  assertEquals([here, left.map(({ name }) => name), leftCount], [[], [name], 1]);
  await stage.pass(60_000);
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room tells of a flood of sessions in one report each 10 s, and misses none", async () => {
  const stage = await Stage.open();
  for (const phantom of await phantoms(1000)) {
    await stage.tell(phantom, MemberChange.JOINED);
    await stage.tell(phantom, MemberChange.LEFT);
  }
  const stay = await phantoms(100);
  for (const phantom of stay) await stage.tell(phantom, MemberChange.JOINED);
  await stage.relay.settle();
  const reports = [];
  let [here, left] = [0, 0];
  while (here < stay.length || left < 1000) {
    const report = await stage.event("unannounced");
    reports.push(report);
    here += report.here.length;
    left += report.leftCount;
    await stage.pass(10_000);
  }
  assertEquals([here, left], [stay.length, 1000]);
  assert(reports.length <= 3, `${reports.length} reports`);
  assert(reports.every(({ left }) => left.length <= 16));
  await stage.close();
});

test("Room gives those time to say who they are who came while it was suspended", async () => {
  const bob = await Puppet.create("bob");
  const stage = await Stage.open();
  await stage.tell(bob, MemberChange.JOINED);
  await stage.relay.settle();
  // The timers of a program that goes on come before what has arrived for it.
  stage.clock.oversleep(15_000);
  await stage.says(bob, await bob.announce(stage.session));
  assertEquals((await stage.event("joined")).member.name, "bob");
  await stage.pass(30_000);
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room does not call those strangers whose word waits at the host for the connection", async () => {
  const bob = await Puppet.create("bob");
  const stage = await Stage.open();
  await stage.tell(bob, MemberChange.JOINED);
  await stage.relay.settle();
  await stage.cut();
  stage.clock.advance(15_000);
  stage.dial(false);
  await stage.relay.accept({ resumed: true, lastCmid: 0 });
  await stage.relay.resume([bob.entry], 1);
  await stage.says(bob, await bob.announce(stage.session));
  assertEquals((await stage.event("joined")).member.name, "bob");
  await stage.event("reconnected");
  await stage.pass(30_000);
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room shows a session that left and is named again, though it takes nothing from it", async () => {
  const bob = await Puppet.create("bob");
  const eve = await Puppet.create("eve");
  const stage = await Stage.open({ before: [bob, eve] });
  await stage.tell(eve, MemberChange.LEFT);
  assertEquals((await stage.event("left")).member.name, "eve");
  await stage.tell(eve, MemberChange.JOINED);
  await stage.says(eve, await eve.announce(stage.session, { generation: 9 }));
  await stage.relay.settle();
  await stage.pass(10_000);
  const { here } = await stage.event("unannounced");
  assertEquals(here.map(({ key }) => key), [eve.entry.key]);
  assertEquals(stage.room.strangers.map(({ key }) => key), [eve.entry.key]);
  assertEquals(stage.room.members.map(({ name }) => name), ["bob"]);
  await stage.tell(eve, MemberChange.LEFT);
  await stage.pass(10_000);
  assertEquals((await stage.event("unannounced")).leftCount, 1);
  assertEquals(stage.room.strangers, []);
  await stage.close();
});

test("Room shows a session that says that it leaves, and stays", async () => {
  const bob = await Puppet.create("bob");
  const eve = await Puppet.create("eve");
  const stage = await Stage.open({ before: [bob, eve] });
  for (const puppet of [bob, eve]) {
    const chain = await puppet.chain(0, 1);
    await stage.says(
      puppet,
      await chain.skdm(stage.target),
      await chain.msg("", { kind: BodyKind.LEAVE }),
    );
  }
  await stage.event("left");
  await stage.event("left");
  await stage.tell(bob, MemberChange.LEFT);
  await stage.pass(10_000);
  const { here, leftCount } = await stage.event("unannounced");
  assertEquals([here.map(({ key }) => key), leftCount], [[eve.entry.key], 0]);
  await stage.close();
});

test("Room shows a session that is named again while its last words wait to be shown", async () => {
  const eve = await Puppet.create("eve");
  const stage = await Stage.open({ before: [eve] });
  const chain = await eve.chain(0, 1);
  await stage.says(eve, await chain.skdm(stage.target));
  const item = { kind: BodyKind.TEXT, text: utf8("x") };
  const batch = encodeBatch(Array.from({ length: 256 }, () => item));
  // More than a session may have shown at once.
  for (let i = 0; i < 79; i++) {
    await stage.says(eve, await chain.msg(batch, { kind: BodyKind.BATCH }));
  }
  await stage.relay.settle();
  await stage.tell(eve, MemberChange.LEFT);
  await stage.tell(eve, MemberChange.JOINED);
  await stage.relay.settle();
  assertEquals(stage.events.rest().some(({ event }) => event === "left"), false);
  await stage.pass(1000);
  while ((await stage.events.next()).event !== "left");
  await stage.pass(10_000);
  assertEquals((await stage.event("unannounced")).here.map(({ key }) => key), [eve.entry.key]);
  await stage.close();
});
