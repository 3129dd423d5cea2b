import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes/mod.ts";
import { keyTag } from "../../lib/crypto/mod.ts";
import { BodyKind, encodeBatch, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

/** Sessions of one key that the relay makes up. */
async function phantoms(count: number): Promise<Puppet[]> {
  return await Promise.all(Array.from({ length: count }, () => Puppet.create("phantom")));
}

test("Room reports a session that is unannounced after 10 s by its tag, and gives it no key", async () => {
  const bob = await Puppet.create("bob");
  const eve = await Puppet.create("eve");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.tell(eve, MemberChange.JOINED);
  await alone.pass(9_999);
  assertEquals([alone.events.rest(), alone.room.strangers], [[], []]);
  alone.clock.advance(1);
  const { here, left, leftCount } = await alone.event("unannounced");
  const name = `#${await keyTag(eve.entry.key)}`;
  assertEquals([here.map(({ name }) => name), left, leftCount], [[name], [], 0]);
  await alone.tell(eve, MemberChange.AWAY);
  await alone.relay.settle();
  const who = await alone.room.who();
  assertEquals(
    who.map(({ lost, name, unannounced }) => [name, lost, unannounced]),
    [["bob", false, undefined], [name, true, true]],
  );
  assertEquals(alone.room.members.map(({ name }) => name), ["bob"]);
  await alone.room.say("for bob");
  const keys = alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.SKDM);
  assertEquals(keys.map(({ to }) => to), [bob.session]);
  // Once it announces itself, it joins like any other member.
  await alone.says(eve, await eve.announce(alone.session));
  assertEquals((await alone.event("joined")).member.name, "eve");
  assertEquals(alone.room.strangers, []);
  await alone.close();
});

test("Room reports unannounced sessions to a newcomer even if they are away", async () => {
  const bob = await Puppet.create("bob");
  const away = await Puppet.create("away");
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, { ...away.entry, away: true }]);
  await alone.heardBy(bob);
  await alone.says(bob, await bob.announce(alone.session));
  await alone.event("ready");
  await alone.pass(10_000);
  const { here } = await alone.event("unannounced");
  assertEquals(here.map(({ key, lost }) => [key, lost]), [[away.entry.key, true]]);
  await alone.tell(away, MemberChange.LEFT);
  await alone.pass(10_000);
  const { left } = await alone.event("unannounced");
  assertEquals(left.map(({ key }) => key), [away.entry.key]);
  await alone.close();
});

test("Room reports a session that leaves without an ANNOUNCE, early or late", async () => {
  const alone = await RoomAlone.open();
  const eve = await Puppet.create("eve");
  await alone.tell(eve, MemberChange.JOINED);
  await alone.tell(eve, MemberChange.LEFT);
  const { here, left, leftCount } = await alone.event("unannounced");
  const name = `#${await keyTag(eve.entry.key)}`;
  assertEquals([here, left.map(({ name }) => name), leftCount], [[], [name], 1]);
  await alone.pass(60_000);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room reports a flood of sessions once in 10 s, and counts all", async () => {
  const alone = await RoomAlone.open();
  for (const phantom of await phantoms(1000)) {
    await alone.tell(phantom, MemberChange.JOINED);
    await alone.tell(phantom, MemberChange.LEFT);
  }
  const stay = await phantoms(100);
  for (const phantom of stay) await alone.tell(phantom, MemberChange.JOINED);
  await alone.relay.settle();
  const reports = [];
  let [here, left] = [0, 0];
  while (here < stay.length || left < 1000) {
    const report = await alone.event("unannounced");
    reports.push(report);
    here += report.here.length;
    left += report.leftCount;
    await alone.pass(10_000);
  }
  assertEquals([here, left], [stay.length, 1000]);
  assert(reports.length <= 3, `${reports.length} reports`);
  assert(reports.every(({ left }) => left.length <= 16));
  await alone.close();
});

test("Room gives sessions that came while it was suspended time to announce themselves", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open();
  await alone.tell(bob, MemberChange.JOINED);
  await alone.relay.settle();
  // After a suspension, timers fire before waiting input is read.
  alone.clock.oversleep(15_000);
  await alone.says(bob, await bob.announce(alone.session));
  assertEquals((await alone.event("joined")).member.name, "bob");
  await alone.pass(30_000);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room reports no session whose ANNOUNCE waits at the host for the connection", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open();
  await alone.tell(bob, MemberChange.JOINED);
  await alone.relay.settle();
  await alone.cut();
  alone.clock.advance(15_000);
  alone.dial(false);
  await alone.relay.accept({ resumed: true, lastCmid: 0 });
  await alone.relay.resume([bob.entry], 1);
  await alone.says(bob, await bob.announce(alone.session));
  assertEquals((await alone.event("joined")).member.name, "bob");
  await alone.event("reconnected");
  await alone.pass(30_000);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room reports a session that left and is named again, and drops its objects", async () => {
  const bob = await Puppet.create("bob");
  const eve = await Puppet.create("eve");
  const alone = await RoomAlone.open({ before: [bob, eve] });
  await alone.tell(eve, MemberChange.LEFT);
  assertEquals((await alone.event("left")).member.name, "eve");
  await alone.tell(eve, MemberChange.JOINED);
  await alone.says(eve, await eve.announce(alone.session, { generation: 9 }));
  await alone.relay.settle();
  await alone.pass(10_000);
  const { here } = await alone.event("unannounced");
  assertEquals(here.map(({ key }) => key), [eve.entry.key]);
  assertEquals(alone.room.strangers.map(({ key }) => key), [eve.entry.key]);
  assertEquals(alone.room.members.map(({ name }) => name), ["bob"]);
  await alone.tell(eve, MemberChange.LEFT);
  await alone.pass(10_000);
  assertEquals((await alone.event("unannounced")).leftCount, 1);
  assertEquals(alone.room.strangers, []);
  await alone.close();
});

test("Room reports a session that says that it leaves, and stays", async () => {
  const bob = await Puppet.create("bob");
  const eve = await Puppet.create("eve");
  const alone = await RoomAlone.open({ before: [bob, eve] });
  for (const puppet of [bob, eve]) {
    const chain = await puppet.chain(0, 1);
    await alone.says(
      puppet,
      await chain.skdm(alone.target),
      await chain.msg("", { kind: BodyKind.LEAVE }),
    );
  }
  await alone.event("left");
  await alone.event("left");
  await alone.tell(bob, MemberChange.LEFT);
  await alone.pass(10_000);
  const { here, leftCount } = await alone.event("unannounced");
  assertEquals([here.map(({ key }) => key), leftCount], [[eve.entry.key], 0]);
  await alone.close();
});

test("Room reports a session that is named again while its last messages wait to be shown", async () => {
  const eve = await Puppet.create("eve");
  const alone = await RoomAlone.open({ before: [eve] });
  const chain = await eve.chain(0, 1);
  await alone.says(eve, await chain.skdm(alone.target));
  const item = { kind: BodyKind.TEXT, text: utf8("x") };
  const batch = encodeBatch(Array.from({ length: 256 }, () => item));
  // More than a session may have shown at once.
  for (let i = 0; i < 79; i++) {
    await alone.says(eve, await chain.msg(batch, { kind: BodyKind.BATCH }));
  }
  await alone.relay.settle();
  await alone.tell(eve, MemberChange.LEFT);
  await alone.tell(eve, MemberChange.JOINED);
  await alone.relay.settle();
  assertEquals(alone.events.rest().some(({ event }) => event === "left"), false);
  await alone.pass(1000);
  while ((await alone.events.next()).event !== "left");
  await alone.pass(10_000);
  assertEquals((await alone.event("unannounced")).here.map(({ key }) => key), [eve.entry.key]);
  await alone.close();
});
