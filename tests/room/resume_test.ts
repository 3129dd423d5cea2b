import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { BodyKind, decodeMsg, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const { MSG, SKDM } = ObjectType;

async function open(): Promise<{ alone: RoomAlone; bob: Puppet; carol: Puppet }> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  return { bob, carol, alone: await RoomAlone.open({ before: [bob, carol] }) };
}

test("Room seals nothing before all that waited has come, so that members that left read nothing", async () => {
  const { bob, carol, alone } = await open();
  await alone.room.say("one");
  const before = decodeMsg((await alone.relay.object(MSG)).object);
  const chain = await bob.chain();
  const waiting = [await chain.skdm(alone.target), await chain.msg("farewell")];
  await alone.cut();
  const said = alone.room.say("two");
  alone.clock.advance(1000);
  alone.dial(false);
  await alone.relay.accept({ resumed: true, lastCmid: before.index + 5 });
  // Two objects, two that `settle` sends, and a leave.
  await alone.relay.resume([carol.entry], 5);
  await alone.relay.settle();
  await alone.says(bob, ...waiting);
  assertEquals(await alone.text(), "farewell");
  await alone.relay.settle();
  assertEquals(alone.relay.envelopes.all, []);
  await alone.tell(bob, MemberChange.LEFT);
  assertEquals((await alone.event("left")).member.name, "bob");
  await said;
  const { missed, restarted } = await alone.event("reconnected");
  assertEquals([missed, restarted], [1, false]);
  const after = decodeMsg((await alone.relay.object(MSG)).object);
  assert(!equal(after.chainId, before.chainId));
  const keys = alone.relay.envelopes.all.filter(({ object }) => object[0] === SKDM);
  assertEquals(keys.map(({ to }) => to), [carol.session]);
  await alone.close();
});

test("Room delivers messages over several connections, each once and in order", async () => {
  const { bob, carol, alone } = await open();
  alone.relay.acknowledges = false;
  const said = [];
  const first = alone.relay;
  for (const text of ["one", "two"]) {
    said.push(alone.room.say(text));
    await first.object(MSG);
  }
  const cmids = first.envelopes.all.filter(({ object }) => object[0] === MSG).map(({ cmid }) =>
    cmid
  );
  await alone.cut();
  said.push(alone.room.say("three"));
  alone.dial(false);
  // The first had been accepted.
  await alone.relay.accept({ resumed: true, lastCmid: cmids[0]! });
  await alone.relay.resume([bob.entry, carol.entry]);
  await Promise.all(said);
  const sent = [
    ...first.envelopes.all.filter(({ cmid }) => cmid <= cmids[0]!),
    ...alone.relay.envelopes.all,
  ];
  const texts = [];
  for (const { object, to } of sent) {
    if (object[0] !== MSG && !(object[0] === SKDM && equal(to!, bob.session))) continue;
    const inner = await bob.take(object);
    if (inner?.kind === BodyKind.TEXT) texts.push(new TextDecoder().decode(inner.body));
  }
  assertEquals(texts, ["one", "two", "three"]);
  assertEquals(sent.map(({ cmid }) => cmid), sent.map((_, i) => i + 1));
  await alone.close();
});

test("Room counts as missed only the messages that came while it was away", async () => {
  const { bob, carol, alone } = await open();
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target), await chain.msg("before"));
  await alone.text();
  const missed = [await chain.msg("one"), await chain.msg("two")];
  await alone.resume([bob, carol], 2);
  await alone.says(bob, ...missed);
  assertEquals([await alone.text(), await alone.text()], ["one", "two"]);
  assertEquals((await alone.event("reconnected")).missed, 2);
  await alone.says(bob, await chain.msg("after"));
  assertEquals(await alone.text(), "after");
  await alone.resume([bob, carol]);
  assertEquals((await alone.event("reconnected")).missed, 0);
  await alone.close();
});

test("Room shows members that joined while it was away, once", async () => {
  const { bob, carol, alone } = await open();
  const dave = await Puppet.create("dave");
  await alone.resume([bob, carol, dave], 2);
  await alone.join(dave);
  await alone.event("reconnected");
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  assertEquals(alone.room.members.length, 3);
  await alone.close();
});

test("Room.end refuses messages that no connection has carried", async () => {
  const { alone } = await open();
  await alone.cut();
  const said = assertFails(alone.room.say("into the void"), "seat-lost");
  alone.room.end("seat-lost");
  await said;
  assertEquals(alone.clock.timers, 0);
});

test("Room.say resolves at another process if an earlier one accepted the message", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.relay.settle();
  alone.relay.acknowledges = false;
  const said = alone.room.say("accepted");
  const { cmid } = await alone.relay.object(ObjectType.MSG);
  await alone.cut();
  alone.dial(false);
  await alone.relay.accept({ resumed: true, lastCmid: cmid });
  assertEquals((await alone.relay.records.next()).type, "resume");
  // It ends before it repeats its ACKs.
  await alone.restart([]);
  await said;
  await alone.close();
});
