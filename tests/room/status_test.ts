import { assertEquals } from "@std/assert";
import { toBase64Url, utf8 } from "../../lib/bytes/mod.ts";
import { Audience, BodyKind, decodeText, type Inner, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory } from "../support/rooms_in_memory.ts";

/** Returns the next message that a puppet reads, with the keys before it. */
async function reads(alone: RoomAlone, puppet: Puppet): Promise<Inner> {
  while (true) {
    const { object, to } = await alone.relay.envelopes.next();
    if (object[0] === ObjectType.ANNOUNCE) continue;
    if (to !== undefined && toBase64Url(to) !== toBase64Url(puppet.session)) continue;
    const inner = await puppet.take(object);
    if (inner !== undefined) return inner;
  }
}

test("Room.setStatus sends the status to all in order, and to later members until it is cleared", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  const bob = await rooms.join("bob");
  await ada.event("joined");
  await ada.room.setStatus("at lunch");
  const own = await ada.event("status");
  assertEquals([own.text, own.own, own.member.name], ["at lunch", true, "ada"]);
  const { member, text } = await bob.event("status");
  assertEquals([member.name, text, bob.room.find("ada").status], ["ada", "at lunch", "at lunch"]);
  await ada.room.say("a message does not end it");
  await bob.texts.next();

  const carol = await rooms.join("carol");
  await ada.event("joined");
  // It may come before carol is ready, and is no news then.
  const { members } = await carol.event("ready");
  const told = members.find(({ name }) => name === "ada")!.status;
  assertEquals(told ?? (await carol.event("status")).text, "at lunch");
  assertEquals(carol.room.find("ada").status, "at lunch");
  await ada.room.setStatus("");
  for (const other of [bob, carol]) {
    assertEquals((await other.event("status")).text, "");
    assertEquals("status" in other.room.find("ada"), false);
  }
  const dave = await rooms.join("dave");
  await ada.event("joined");
  await ada.room.say("nothing more is told", { to: "dave" });
  await dave.texts.next();
  for (const { events } of [bob, carol, dave]) {
    assertEquals(events.rest().filter(({ event }) => event === "status"), []);
  }
  await rooms.close();
});

test("Room.setStatus resolves once the host has accepted it, or at once without other members", async () => {
  const alone = await RoomAlone.open();
  await alone.room.setStatus("alone");
  assertEquals((await alone.event("status")).text, "alone");
  const bob = await Puppet.create("bob");
  await alone.join(bob);
  const inner = await reads(alone, bob);
  assertEquals([inner.kind, decodeText(inner.body)], [BodyKind.STATUS, "alone"]);

  alone.relay.acknowledges = false;
  const told = alone.room.setStatus("not alone");
  assertEquals(decodeText((await reads(alone, bob)).body), "not alone");
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  alone.relay.acknowledge();
  await told;
  assertEquals((await alone.event("status")).text, "not alone");
  await alone.close();
});

test("Room.setStatus shares no MSG with messages, and keeps its order among them", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const done = [alone.room.say("one"), alone.room.setStatus("s"), alone.room.say("two")];
  const kinds = [];
  for (const _ of done) kinds.push((await reads(alone, bob)).kind);
  assertEquals(kinds, [BodyKind.TEXT, BodyKind.STATUS, BodyKind.TEXT]);
  await Promise.all(done);
  await alone.close();
});

test("Room.setStatus refuses a text that is too long or not one line", async () => {
  const alone = await RoomAlone.open();
  for (const text of ["x".repeat(201), "a\nb"]) {
    await assertFails(alone.room.setStatus(text), "bad-status");
  }
  assertEquals(alone.events.rest(), []);
  await alone.close();
  await assertFails(alone.room.setStatus("late"), "not-delivered");
});

test("Room shows a new status from either chain, and drops a malformed one", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const [chain, direct] = [await bob.chain(), await bob.chain(Audience.DIRECT)];
  await alone.says(bob, await chain.skdm(alone.target), await direct.skdm(alone.target));
  const status = { kind: BodyKind.STATUS };
  const bodies = ["x".repeat(201), "a\nb", "\u2028"].map(utf8);
  for (const body of [...bodies, new Uint8Array([0xff]), utf8("")]) {
    await alone.says(bob, await chain.msg(body, status));
  }
  await alone.says(
    bob,
    await direct.msg("away", status),
    await chain.msg("away", status),
    await chain.msg("", status),
    await chain.msg("still heard"),
  );
  assertEquals([(await alone.event("status")).text, (await alone.event("status")).text], [
    "away",
    "",
  ]);
  assertEquals(await alone.text(), "still heard");
  await alone.close();
});

test("Room shows no status of an ignored member", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob], ignores: () => true });
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  await alone.says(bob, await chain.msg("away", { kind: BodyKind.STATUS }));
  await alone.relay.settle();
  assertEquals([alone.events.rest(), alone.room.find("bob").status], [[], "away"]);
  await alone.close();
});

test("Room sends its status to new members at another host process, and knows that of the others", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  await alone.says(bob, await chain.msg("bob is away", { kind: BodyKind.STATUS }));
  await alone.event("status");
  await alone.room.setStatus("ada is away");
  await alone.event("status");
  const carol = await Puppet.create("carol");
  await alone.restart([bob, carol]);
  for (const puppet of [bob, carol]) await alone.answers(puppet, await alone.asks(puppet), []);
  await alone.says(carol, await carol.announce(alone.session));
  const inner = await reads(alone, carol);
  assertEquals([inner.kind, decodeText(inner.body)], [BodyKind.STATUS, "ada is away"]);
  assertEquals(alone.room.find("bob").status, "bob is away");
  await alone.relay.settle();
  await alone.close();
});
