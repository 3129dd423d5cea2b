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
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

const HOUR_MS = 3_600_000;

async function openWith(...names: string[]): Promise<[Stage, ...Puppet[]]> {
  const puppets = await Promise.all(names.map((name) => Puppet.create(name)));
  return [await Stage.open({ before: puppets }), ...puppets];
}

/** The chain and the index of the next MSG. */
async function nextMsg(stage: Stage): Promise<{ chain: string; index: number; object: Bytes }> {
  const { object } = await stage.relay.object(ObjectType.MSG);
  const { chainId, index } = decodeMsg(object);
  return { chain: toHex(chainId), index, object };
}

function skdmsIn(envelopes: readonly MemberEnvelope[]): { to: string; epoch: number }[] {
  return envelopes.filter(({ object }) => object[0] === ObjectType.SKDM)
    .map(({ object, to }) => ({ to: toHex(to!), epoch: decodeSkdm(object).epoch }));
}

/** Says something that needs a new epoch, which has to wait for its time. */
async function sayInNewEpoch(stage: Stage, text: string): Promise<void> {
  const said = stage.room.say(text);
  await stage.clock.timer(1000);
  stage.clock.advance(1000);
  await said;
}

test("Room gives somebody who left nothing to open a later message with", async () => {
  const [stage, bob, carol] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  await stage.room.say("bob may read this");
  for (const { object, to } of stage.relay.envelopes.all) {
    if (object[0] === ObjectType.ANNOUNCE) continue;
    if (to === undefined || toHex(to) === toHex(bob.session)) await bob.take(object);
  }
  assertEquals(bob.held.size, 1);
  const before = await nextMsg(stage);
  assert(await bob.tryAll(before.object, 10) === undefined, "its key is used up");
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  const count = stage.relay.envelopes.all.length;
  await sayInNewEpoch(stage, "bob may not read this");
  const after = await nextMsg(stage);
  assert(after.chain !== before.chain);
  assertEquals(await bob.tryAll(after.object, 20), undefined);
  const skdms = skdmsIn(stage.relay.envelopes.all.slice(count));
  assertEquals(skdms, [{ to: toHex(carol.session), epoch: 2 }]);
  await stage.close();
});

test("Room gives nothing later to somebody who leaves while keys are given", async () => {
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
  const stage = await Stage.open({ before: [bob, carol], identity: slow });
  const said = stage.room.say("for carol alone");
  await signing.promise;
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  gate.resolve();
  await stage.clock.timer(1000);
  stage.clock.advance(1000);
  await said;
  const { object } = await nextMsg(stage);
  for (const { object, to } of stage.relay.envelopes.all) {
    if (object[0] === ObjectType.SKDM && toHex(to!) === toHex(bob.session)) await bob.take(object);
  }
  assertEquals(await bob.tryAll(object, 20), undefined);
  assertEquals(bob.held.size, 1, "of the epoch that nobody used");
  assertEquals(stage.relay.envelopes.all.filter(({ object }) => object[0] === 0x22).length, 1);
  await stage.close();
});

test("Room gives a newcomer the key as it is now, and nothing from before", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  await stage.room.say("one");
  await stage.room.say("two");
  const carol = await Puppet.create("carol");
  await stage.join(carol);
  const count = stage.relay.envelopes.all.length;
  await stage.room.say("three");
  const after = stage.relay.envelopes.all.slice(count);
  assertEquals(skdmsIn(after), [{ to: toHex(carol.session), epoch: 1 }]);
  const texts = [];
  for (const { object } of after) {
    const inner = await carol.take(object);
    if (inner !== undefined) texts.push(new TextDecoder().decode(inner.body));
  }
  assertEquals(texts, ["three"]);
  for (const { object } of stage.relay.envelopes.all.slice(0, count)) {
    if (object[0] === ObjectType.MSG) assertEquals(await carol.tryAll(object, 20), undefined);
  }
  // Bob, who had the key, needs no other.
  assertEquals(skdmsIn(stage.relay.envelopes.all).map(({ to }) => to), [
    toHex(bob.session),
    toHex(carol.session),
  ]);
  await stage.close();
});

test("Room goes on with the same keys while somebody's connection is lost, and with others once it left", async () => {
  const [stage, bob] = await openWith("bob", "carol") as [Stage, Puppet];
  await stage.room.say("one");
  await stage.room.say("psst", { to: "bob" });
  const [room, direct] = [await nextMsg(stage), await nextMsg(stage)];
  const { all } = stage.relay.envelopes;
  let count = all.length;
  await stage.tell(bob, MemberChange.AWAY);
  await stage.event("lost");
  await stage.room.say("two");
  await stage.room.say("psst", { to: "bob" });
  assertEquals([(await nextMsg(stage)).chain, (await nextMsg(stage)).chain], [
    room.chain,
    direct.chain,
  ]);
  await stage.tell(bob, MemberChange.BACK);
  await stage.event("back");
  await stage.room.say("three");
  assertEquals((await nextMsg(stage)).chain, room.chain);
  assertEquals(skdmsIn(all.slice(count)), []);
  await stage.tell(bob, MemberChange.AWAY);
  await stage.tell(bob, MemberChange.LEFT, CloseReason.LOST);
  await stage.event("lost");
  await stage.event("left");
  count = all.length;
  await sayInNewEpoch(stage, "four");
  assert((await nextMsg(stage)).chain !== room.chain);
  assert(skdmsIn(all.slice(count)).every(({ to }) => to !== toHex(bob.session)));
  await stage.close();
});

test("Room gives the key of a chain that begins to who is away, too", async () => {
  const [stage, bob] = await openWith("bob", "carol") as [Stage, Puppet];
  await stage.tell(bob, MemberChange.AWAY);
  await stage.event("lost");
  await stage.room.say("one");
  const texts = [];
  for (const { object, to } of stage.relay.envelopes.all) {
    if (object[0] === ObjectType.ANNOUNCE || (to && !equal(to, bob.session))) continue;
    const inner = await bob.take(object);
    if (inner !== undefined) texts.push(new TextDecoder().decode(inner.body));
  }
  assertEquals(texts, ["one"]);
  await stage.close();
});

test("Room keeps a private chain while others leave", async () => {
  const [stage, bob] = await openWith("bob", "carol", "dave") as [Stage, Puppet];
  await stage.room.say("psst", { to: "carol" });
  const { chain } = await nextMsg(stage);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  await stage.room.say("psst", { to: "carol" });
  assertEquals((await nextMsg(stage)).chain, chain);
  await stage.close();
});

test("Room lets at least a second pass between two epochs, and holds what is said", async () => {
  const puppets = await Promise.all(
    Array.from({ length: 5 }, (_, i) => Puppet.create(`number ${i}`)),
  );
  const stage = await Stage.open({ before: puppets });
  await stage.room.say("first");
  const chains = [(await nextMsg(stage)).chain];
  for (const puppet of puppets.slice(1)) {
    await stage.tell(puppet, MemberChange.LEFT);
    await stage.event("left");
    const said = stage.room.say("next");
    await stage.clock.timer(1000);
    stage.clock.advance(999);
    await stage.relay.settle();
    assertEquals(stage.relay.envelopes.rest(), []);
    stage.clock.advance(1);
    await said;
    chains.push((await nextMsg(stage)).chain);
  }
  assertEquals(new Set(chains).size, 5);
  await stage.close();
});

test("Room begins an epoch where the last is 60 minutes old", async () => {
  const [stage] = await openWith("bob") as [Stage, Puppet];
  await stage.room.say("first");
  const { chain } = await nextMsg(stage);
  for (let heartbeat = 1; heartbeat <= 3; heartbeat++) {
    await stage.clock.timer(60_000);
    await stage.pass(60_000);
    assertEquals((await nextMsg(stage)).chain, chain);
  }
  await stage.pass(HOUR_MS - 180_001);
  await stage.room.say("second");
  const others = stage.relay.envelopes.rest().map(({ object }) => decodeMsg(object));
  assertEquals(new Set(others.map(({ chainId }) => toHex(chainId))), new Set([chain]));
  stage.clock.advance(1);
  await stage.room.say("third");
  const third = await nextMsg(stage);
  assert(third.chain !== chain);
  assertEquals(third.index, 0);
  // The session key is as old, so that another is announced.
  while (
    stage.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.ANNOUNCE).length < 2
  ) {
    await stage.relay.envelopes.count(stage.relay.envelopes.all.length + 1);
  }
  await stage.close();
});

test("Room begins an epoch after 16,384 messages", async () => {
  const [stage] = await openWith("bob") as [Stage, Puppet];
  for (let i = 0; i < 16_384; i++) {
    if (i % 5000 === 0) stage.clock.advance(1000); // Nobody sends more than 18,000 tokens a second.
    await stage.room.say("x");
  }
  await stage.room.say("the last");
  const messages = stage.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.MSG);
  const [first, ...rest] = messages.map(({ object }) => decodeMsg(object));
  assertEquals(messages.length, 16_385);
  assertEquals(rest.at(-2)!.index, 16_383);
  assertEquals(toHex(rest.at(-2)!.chainId), toHex(first!.chainId));
  assertEquals(rest.at(-1)!.index, 0);
  assert(toHex(rest.at(-1)!.chainId) !== toHex(first!.chainId));
  await stage.close();
});

test("Room sends a heartbeat after each 60 s of silence, once it has said something to the room", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  const kinds: number[] = [];
  async function readAll(): Promise<number[]> {
    await stage.relay.settle();
    for (const { object } of stage.relay.envelopes.rest()) {
      if (object[0] === ObjectType.ANNOUNCE) continue;
      const inner = await bob.take(object);
      if (inner !== undefined) kinds.push(inner.kind);
    }
    return kinds;
  }
  const { HEARTBEAT, TEXT } = BodyKind;
  await stage.pass(120_000);
  assertEquals(await readAll(), []);
  await stage.room.say("one");
  await stage.pass(59_000);
  await stage.room.say("two");
  await stage.room.say("private", { to: "bob" });
  await stage.pass(59_999);
  assertEquals(await readAll(), [TEXT, TEXT, TEXT]);
  for (let i = 0; i < 3; i++) {
    await stage.pass(i === 0 ? 1 : 60_000);
    const { object } = await stage.relay.object(ObjectType.MSG);
    assertEquals((await bob.take(object))?.kind, HEARTBEAT);
    await stage.relay.settle();
  }
  await stage.close();
});

test("Room gives newcomers its key before a heartbeat, which goes on with a key that may say no more", async () => {
  const [stage, bob] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  await stage.room.say("one");
  const { chain } = await nextMsg(stage);
  const dave = await Puppet.create("dave");
  await stage.join(dave);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  await stage.pass(60_000);
  await dave.take((await stage.relay.object(ObjectType.SKDM, dave.session)).object);
  const { object } = await stage.relay.object(ObjectType.MSG);
  assertEquals(toHex(decodeMsg(object).chainId), chain);
  assertEquals((await dave.take(object))?.kind, BodyKind.HEARTBEAT);
  // What bob holds opens nothing that is said.
  await stage.room.say("two");
  assert((await nextMsg(stage)).chain !== chain);
  await stage.close();
});

test("Room begins an epoch for a heartbeat where a person asked for new keys", async () => {
  const [stage] = await openWith("bob") as [Stage, Puppet];
  await stage.room.say("one");
  const { chain } = await nextMsg(stage);
  await stage.room.rekey();
  await stage.pass(60_000);
  assert((await nextMsg(stage)).chain !== chain);
  await stage.close();
});

test("Room goes on with heartbeats when somebody comes after it was left alone", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  await stage.room.say("one");
  await nextMsg(stage);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  await stage.pass(120_000);
  assertEquals(stage.relay.envelopes.rest(), []);
  const carol = await Puppet.create("carol");
  await stage.join(carol);
  await stage.pass(60_000);
  await carol.take((await stage.relay.object(ObjectType.SKDM, carol.session)).object);
  assertEquals(
    (await carol.take((await stage.relay.object(ObjectType.MSG)).object))?.kind,
    BodyKind.HEARTBEAT,
  );
  await stage.close();
});

test("Room says goodbye to newcomers too, and with a key that may say no more", async () => {
  const [stage, bob] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  await stage.room.say("one");
  const dave = await Puppet.create("dave");
  await stage.join(dave);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  const left = stage.room.leave();
  await dave.take((await stage.relay.object(ObjectType.SKDM, dave.session)).object);
  assertEquals(
    (await dave.take((await stage.relay.object(ObjectType.MSG)).object))?.kind,
    BodyKind.LEAVE,
  );
  await stage.relay.records.find((record): record is typeof record => record.type === "close");
  await stage.relay.close();
  await left;
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room begins no epoch for a goodbye", async () => {
  const [stage] = await openWith("bob") as [Stage, Puppet];
  await stage.room.say("one");
  await stage.room.rekey();
  await stage.relay.settle();
  const count = stage.relay.envelopes.all.length;
  const left = stage.room.leave();
  await stage.relay.records.find((record): record is typeof record => record.type === "close");
  await stage.relay.close();
  await left;
  assertEquals(stage.relay.envelopes.all.slice(count), []);
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room holds a message for a second at most where the clock is set back", async () => {
  const [stage, bob] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  await stage.room.say("one");
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  stage.clock.set(stage.clock.now() - HOUR_MS);
  const said = stage.room.say("two");
  await stage.clock.timer(1000);
  stage.clock.advance(1000);
  await said;
  await stage.close();
});
