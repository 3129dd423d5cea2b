import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { BodyKind, decodeMsg, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

const { MSG, SKDM } = ObjectType;

async function open(): Promise<{ stage: Stage; bob: Puppet; carol: Puppet }> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  return { bob, carol, stage: await Stage.open({ before: [bob, carol] }) };
}

test("Room seals nothing before all has come that had waited, so that who left meanwhile reads nothing", async () => {
  const { bob, carol, stage } = await open();
  await stage.room.say("one");
  const before = decodeMsg((await stage.relay.object(MSG)).object);
  const chain = await bob.chain();
  const waiting = [await chain.skdm(stage.target), await chain.msg("farewell")];
  await stage.cut();
  const said = stage.room.say("two");
  stage.clock.advance(1000);
  stage.dial(false);
  await stage.relay.accept({ resumed: true, lastCmid: before.index + 5 });
  // Two objects, two that `settle` sends, and a leave.
  await stage.relay.resume([carol.entry], 5);
  await stage.relay.settle();
  await stage.says(bob, ...waiting);
  assertEquals(await stage.text(), "farewell");
  await stage.relay.settle();
  assertEquals(stage.relay.envelopes.all, []);
  await stage.tell(bob, MemberChange.LEFT);
  assertEquals((await stage.event("left")).member.name, "bob");
  await said;
  const { missed, restarted } = await stage.event("reconnected");
  assertEquals([missed, restarted], [1, false]);
  const after = decodeMsg((await stage.relay.object(MSG)).object);
  assert(!equal(after.chainId, before.chainId));
  const keys = stage.relay.envelopes.all.filter(({ object }) => object[0] === SKDM);
  assertEquals(keys.map(({ to }) => to), [carol.session]);
  await stage.close();
});

test("Room carries what is said over several connections, once each and in order", async () => {
  const { bob, carol, stage } = await open();
  stage.relay.acknowledges = false;
  const said = [];
  const first = stage.relay;
  for (const text of ["one", "two"]) {
    said.push(stage.room.say(text));
    await first.object(MSG);
  }
  const cmids = first.envelopes.all.filter(({ object }) => object[0] === MSG).map(({ cmid }) =>
    cmid
  );
  await stage.cut();
  said.push(stage.room.say("three"));
  stage.dial(false);
  // The first had been taken.
  await stage.relay.accept({ resumed: true, lastCmid: cmids[0]! });
  await stage.relay.resume([bob.entry, carol.entry]);
  await Promise.all(said);
  const sent = [
    ...first.envelopes.all.filter(({ cmid }) => cmid <= cmids[0]!),
    ...stage.relay.envelopes.all,
  ];
  const texts = [];
  for (const { object, to } of sent) {
    if (object[0] !== MSG && !(object[0] === SKDM && equal(to!, bob.session))) continue;
    const inner = await bob.take(object);
    if (inner?.kind === BodyKind.TEXT) texts.push(new TextDecoder().decode(inner.body));
  }
  assertEquals(texts, ["one", "two", "three"]);
  assertEquals(sent.map(({ cmid }) => cmid), sent.map((_, i) => i + 1));
  await stage.close();
});

test("Room tells how much it missed only of what came while it was away", async () => {
  const { bob, carol, stage } = await open();
  const chain = await bob.chain();
  await stage.says(bob, await chain.skdm(stage.target), await chain.msg("before"));
  await stage.text();
  const missed = [await chain.msg("one"), await chain.msg("two")];
  await stage.resume([bob, carol], 2);
  await stage.says(bob, ...missed);
  assertEquals([await stage.text(), await stage.text()], ["one", "two"]);
  assertEquals((await stage.event("reconnected")).missed, 2);
  await stage.says(bob, await chain.msg("after"));
  assertEquals(await stage.text(), "after");
  await stage.resume([bob, carol]);
  assertEquals((await stage.event("reconnected")).missed, 0);
  await stage.close();
});

test("Room meets who came while it was away, and says so once", async () => {
  const { bob, carol, stage } = await open();
  const dave = await Puppet.create("dave");
  await stage.resume([bob, carol, dave], 2);
  await stage.join(dave);
  await stage.event("reconnected");
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  assertEquals(stage.room.members.length, 3);
  await stage.close();
});

test("Room.end fails what no connection has taken", async () => {
  const { stage } = await open();
  await stage.cut();
  const said = assertFails(stage.room.say("into the void"), "seat-lost");
  stage.room.end("seat-lost");
  await said;
  assertEquals(stage.clock.timers, 0);
});
