import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal, toHex } from "../../lib/bytes/mod.ts";
import type { Identity } from "../../lib/crypto/mod.ts";
import {
  BodyKind,
  CloseReason,
  decodeMsg,
  decodeSkdm,
  MemberChange,
  type MemberEnvelope,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { identityOf } from "../support/keys.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const HOUR_MS = 3_600_000;

async function openWith(...names: string[]): Promise<[RoomAlone, ...Puppet[]]> {
  const puppets = await Promise.all(names.map((name) => Puppet.create(name)));
  return [await RoomAlone.open({ before: puppets }), ...puppets];
}

/** The chain and the index of the next MSG. */
async function nextMsg(alone: RoomAlone): Promise<{ chain: string; index: number; object: Bytes }> {
  const { object } = await alone.relay.object(ObjectType.MSG);
  const { chainId, index } = decodeMsg(object);
  return { chain: toHex(chainId), index, object };
}

function skdmsIn(envelopes: readonly MemberEnvelope[]): { to: string; epoch: number }[] {
  return envelopes.filter(({ object }) => object[0] === ObjectType.SKDM)
    .map(({ object, to }) => ({ to: toHex(to!), epoch: decodeSkdm(object).epoch }));
}

/** Says something that needs a new epoch, which has to wait for its time. */
async function sayInNewEpoch(alone: RoomAlone, text: string): Promise<void> {
  const said = alone.room.say(text);
  await alone.clock.timer(1000);
  alone.clock.advance(1000);
  await said;
}

test("Room gives a member that left no key to later messages", async () => {
  const [alone, bob, carol] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  await alone.room.say("bob may read this");
  for (const { object, to } of alone.relay.envelopes.all) {
    if (object[0] === ObjectType.ANNOUNCE) continue;
    if (to === undefined || toHex(to) === toHex(bob.session)) await bob.take(object);
  }
  assertEquals(bob.held.size, 1);
  const before = await nextMsg(alone);
  assert(await bob.tryAll(before.object, 10) === undefined, "its key is used up");
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  const count = alone.relay.envelopes.all.length;
  await sayInNewEpoch(alone, "bob may not read this");
  const after = await nextMsg(alone);
  assert(after.chain !== before.chain);
  assertEquals(await bob.tryAll(after.object, 20), undefined);
  const skdms = skdmsIn(alone.relay.envelopes.all.slice(count));
  assertEquals(skdms, [{ to: toHex(carol.session), epoch: 2 }]);
  await alone.close();
});

test("Room gives no later key to a member that leaves while keys are sent", async () => {
  const ada = await identityOf("ada");
  const gate = Promise.withResolvers<void>();
  const signing = Promise.withResolvers<void>();
  const slow: Identity = {
    publicKey: ada.publicKey,
    sign: async (message) => {
      if (new TextDecoder().decode(message).startsWith("lanchat/1 skdm\0")) {
        signing.resolve();
        await gate.promise;
      }
      return await ada.sign(message);
    },
  };
  const [bob, carol] = await Promise.all(["bob", "carol"].map((name) => Puppet.create(name))) as [
    Puppet,
    Puppet,
  ];
  const alone = await RoomAlone.open({ before: [bob, carol], identity: slow });
  const said = alone.room.say("for carol alone");
  await signing.promise;
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  gate.resolve();
  await alone.clock.timer(1000);
  alone.clock.advance(1000);
  await said;
  const { object } = await nextMsg(alone);
  for (const { object, to } of alone.relay.envelopes.all) {
    if (object[0] === ObjectType.SKDM && toHex(to!) === toHex(bob.session)) await bob.take(object);
  }
  assertEquals(await bob.tryAll(object, 20), undefined);
  assertEquals(bob.held.size, 1, "of the epoch that nobody used");
  assertEquals(alone.relay.envelopes.all.filter(({ object }) => object[0] === 0x22).length, 1);
  await alone.close();
});

test("Room gives a newcomer the present key, which opens no earlier message", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  await alone.room.say("one");
  await alone.room.say("two");
  const carol = await Puppet.create("carol");
  await alone.join(carol);
  const count = alone.relay.envelopes.all.length;
  await alone.room.say("three");
  const after = alone.relay.envelopes.all.slice(count);
  assertEquals(skdmsIn(after), [{ to: toHex(carol.session), epoch: 1 }]);
  const texts = [];
  for (const { object } of after) {
    const inner = await carol.take(object);
    if (inner !== undefined) texts.push(new TextDecoder().decode(inner.body));
  }
  assertEquals(texts, ["three"]);
  for (const { object } of alone.relay.envelopes.all.slice(0, count)) {
    if (object[0] === ObjectType.MSG) assertEquals(await carol.tryAll(object, 20), undefined);
  }
  // Bob had the key and needs no other.
  assertEquals(skdmsIn(alone.relay.envelopes.all).map(({ to }) => to), [
    toHex(bob.session),
    toHex(carol.session),
  ]);
  await alone.close();
});

test("Room keeps its keys while a member is away, and replaces them once it left", async () => {
  const [alone, bob] = await openWith("bob", "carol") as [RoomAlone, Puppet];
  await alone.room.say("one");
  await alone.room.say("psst", { to: "bob" });
  const [room, direct] = [await nextMsg(alone), await nextMsg(alone)];
  const { all } = alone.relay.envelopes;
  let count = all.length;
  await alone.tell(bob, MemberChange.AWAY);
  await alone.event("lost");
  await alone.room.say("two");
  await alone.room.say("psst", { to: "bob" });
  assertEquals([(await nextMsg(alone)).chain, (await nextMsg(alone)).chain], [
    room.chain,
    direct.chain,
  ]);
  await alone.tell(bob, MemberChange.BACK);
  await alone.event("back");
  await alone.room.say("three");
  assertEquals((await nextMsg(alone)).chain, room.chain);
  assertEquals(skdmsIn(all.slice(count)), []);
  await alone.tell(bob, MemberChange.AWAY);
  await alone.tell(bob, MemberChange.LEFT, CloseReason.LOST);
  await alone.event("lost");
  await alone.event("left");
  count = all.length;
  await sayInNewEpoch(alone, "four");
  assert((await nextMsg(alone)).chain !== room.chain);
  assert(skdmsIn(all.slice(count)).every(({ to }) => to !== toHex(bob.session)));
  await alone.close();
});

test("Room gives the key of a new chain to away members too", async () => {
  const [alone, bob] = await openWith("bob", "carol") as [RoomAlone, Puppet];
  await alone.tell(bob, MemberChange.AWAY);
  await alone.event("lost");
  await alone.room.say("one");
  const texts = [];
  for (const { object, to } of alone.relay.envelopes.all) {
    if (object[0] === ObjectType.ANNOUNCE || (to && !equal(to, bob.session))) continue;
    const inner = await bob.take(object);
    if (inner !== undefined) texts.push(new TextDecoder().decode(inner.body));
  }
  assertEquals(texts, ["one"]);
  await alone.close();
});

test("Room keeps a private chain while other members leave", async () => {
  const [alone, bob] = await openWith("bob", "carol", "dave") as [RoomAlone, Puppet];
  await alone.room.say("psst", { to: "carol" });
  const { chain } = await nextMsg(alone);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  await alone.room.say("psst", { to: "carol" });
  assertEquals((await nextMsg(alone)).chain, chain);
  await alone.close();
});

test("Room begins an epoch at most once a second, and holds messages meanwhile", async () => {
  const puppets = await Promise.all(
    Array.from({ length: 5 }, (_, i) => Puppet.create(`number ${i}`)),
  );
  const alone = await RoomAlone.open({ before: puppets });
  await alone.room.say("first");
  const chains = [(await nextMsg(alone)).chain];
  for (const puppet of puppets.slice(1)) {
    await alone.tell(puppet, MemberChange.LEFT);
    await alone.event("left");
    const said = alone.room.say("next");
    await alone.clock.timer(1000);
    alone.clock.advance(999);
    await alone.relay.settle();
    assertEquals(alone.relay.envelopes.rest(), []);
    alone.clock.advance(1);
    await said;
    chains.push((await nextMsg(alone)).chain);
  }
  assertEquals(new Set(chains).size, 5);
  await alone.close();
});

test("Room begins an epoch when the last is 60 minutes old", async () => {
  const [alone] = await openWith("bob") as [RoomAlone, Puppet];
  await alone.room.say("first");
  const { chain } = await nextMsg(alone);
  for (let heartbeat = 1; heartbeat <= 3; heartbeat++) {
    await alone.clock.timer(60_000);
    await alone.pass(60_000);
    assertEquals((await nextMsg(alone)).chain, chain);
  }
  await alone.pass(HOUR_MS - 180_001);
  await alone.room.say("second");
  const others = alone.relay.envelopes.rest().map(({ object }) => decodeMsg(object));
  assertEquals(new Set(others.map(({ chainId }) => toHex(chainId))), new Set([chain]));
  alone.clock.advance(1);
  await alone.room.say("third");
  const third = await nextMsg(alone);
  assert(third.chain !== chain);
  assertEquals(third.index, 0);
  // The session key is as old, so that another is announced.
  while (
    alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.ANNOUNCE).length < 2
  ) {
    await alone.relay.envelopes.count(alone.relay.envelopes.all.length + 1);
  }
  await alone.close();
});

test("Room begins an epoch after 16,384 messages", async () => {
  const [alone] = await openWith("bob") as [RoomAlone, Puppet];
  for (let i = 0; i < 16_384; i++) {
    if (i % 5000 === 0) alone.clock.advance(1000); // A member sends at most 18,000 tokens a second.
    await alone.room.say("x");
  }
  await alone.room.say("the last");
  const messages = alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.MSG);
  const [first, ...rest] = messages.map(({ object }) => decodeMsg(object));
  assertEquals(messages.length, 16_385);
  assertEquals(rest.at(-2)!.index, 16_383);
  assertEquals(toHex(rest.at(-2)!.chainId), toHex(first!.chainId));
  assertEquals(rest.at(-1)!.index, 0);
  assert(toHex(rest.at(-1)!.chainId) !== toHex(first!.chainId));
  await alone.close();
});

test("Room sends a heartbeat after each 60 s of silence, from its first message to the room on", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  const kinds: number[] = [];
  async function readAll(): Promise<number[]> {
    await alone.relay.settle();
    for (const { object } of alone.relay.envelopes.rest()) {
      if (object[0] === ObjectType.ANNOUNCE) continue;
      const inner = await bob.take(object);
      if (inner !== undefined) kinds.push(inner.kind);
    }
    return kinds;
  }
  const { HEARTBEAT, TEXT } = BodyKind;
  await alone.pass(120_000);
  assertEquals(await readAll(), []);
  await alone.room.say("one");
  await alone.pass(59_000);
  await alone.room.say("two");
  await alone.room.say("private", { to: "bob" });
  await alone.pass(59_999);
  assertEquals(await readAll(), [TEXT, TEXT, TEXT]);
  for (let i = 0; i < 3; i++) {
    await alone.pass(i === 0 ? 1 : 60_000);
    const { object } = await alone.relay.object(ObjectType.MSG);
    assertEquals((await bob.take(object))?.kind, HEARTBEAT);
    await alone.relay.settle();
  }
  await alone.close();
});

test("Room gives newcomers its key before a heartbeat, which may use a stale chain", async () => {
  const [alone, bob] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  await alone.room.say("one");
  const { chain } = await nextMsg(alone);
  const dave = await Puppet.create("dave");
  await alone.join(dave);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  await alone.pass(60_000);
  await dave.take((await alone.relay.object(ObjectType.SKDM, dave.session)).object);
  const { object } = await alone.relay.object(ObjectType.MSG);
  assertEquals(toHex(decodeMsg(object).chainId), chain);
  assertEquals((await dave.take(object))?.kind, BodyKind.HEARTBEAT);
  // Bob's keys open no later message.
  await alone.room.say("two");
  assert((await nextMsg(alone)).chain !== chain);
  await alone.close();
});

test("Room begins an epoch for a heartbeat after a person asked for new keys", async () => {
  const [alone] = await openWith("bob") as [RoomAlone, Puppet];
  await alone.room.say("one");
  const { chain } = await nextMsg(alone);
  await alone.room.rekey();
  await alone.pass(60_000);
  assert((await nextMsg(alone)).chain !== chain);
  await alone.close();
});

test("Room sends heartbeats again when a member comes after it was alone", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  await alone.room.say("one");
  await nextMsg(alone);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  await alone.pass(120_000);
  assertEquals(alone.relay.envelopes.rest(), []);
  const carol = await Puppet.create("carol");
  await alone.join(carol);
  await alone.pass(60_000);
  await carol.take((await alone.relay.object(ObjectType.SKDM, carol.session)).object);
  assertEquals(
    (await carol.take((await alone.relay.object(ObjectType.MSG)).object))?.kind,
    BodyKind.HEARTBEAT,
  );
  await alone.close();
});

test("Room.leave reaches newcomers too, and may use a stale chain", async () => {
  const [alone, bob] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  await alone.room.say("one");
  const dave = await Puppet.create("dave");
  await alone.join(dave);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  const left = alone.room.leave();
  await dave.take((await alone.relay.object(ObjectType.SKDM, dave.session)).object);
  assertEquals(
    (await dave.take((await alone.relay.object(ObjectType.MSG)).object))?.kind,
    BodyKind.LEAVE,
  );
  await alone.relay.records.find((record): record is typeof record => record.type === "close");
  await alone.relay.close();
  await left;
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room.leave begins no epoch", async () => {
  const [alone] = await openWith("bob") as [RoomAlone, Puppet];
  await alone.room.say("one");
  await alone.room.rekey();
  await alone.relay.settle();
  const count = alone.relay.envelopes.all.length;
  const left = alone.room.leave();
  await alone.relay.records.find((record): record is typeof record => record.type === "close");
  await alone.relay.close();
  await left;
  assertEquals(alone.relay.envelopes.all.slice(count), []);
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room holds a message for at most a second if the clock is set back", async () => {
  const [alone, bob] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  await alone.room.say("one");
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  alone.clock.set(alone.clock.now() - HOUR_MS);
  const said = alone.room.say("two");
  await alone.clock.timer(1000);
  alone.clock.advance(1000);
  await said;
  await alone.close();
});
