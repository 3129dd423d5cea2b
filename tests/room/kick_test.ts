import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, toHex } from "../../lib/bytes/mod.ts";
import { type Identity, label } from "../../lib/crypto/mod.ts";
import {
  CloseReason,
  decodeSkdm,
  encodeKickHead,
  HOST_SESSION,
  type Kick,
  KickOp,
  MAX_DECISIONS,
  MemberChange,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { HOST, Puppet, ROOM_ID } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

interface Lies extends Partial<Kick> {
  readonly signer?: Identity;
  readonly label?: string;
}

let number = 0;

/** Makes a decision of the host about an identity; each is newer than the last. */
async function kick(op: number, target: Bytes, lies: Lies = {}): Promise<Bytes> {
  const { label: text = "lanchat/1 kick", signer = HOST, ...rest } = lies;
  const head = encodeKickHead({ roomId: ROOM_ID, target, op, number: ++number, ...rest });
  return concat(head, await signer.sign(concat(label(text), head)));
}

async function openWith(...names: string[]): Promise<[RoomAlone, ...Puppet[]]> {
  const puppets = await Promise.all(names.map((name) => Puppet.create(name)));
  return [await RoomAlone.open({ before: puppets }), ...puppets];
}

/** The host says something. */
async function order(alone: RoomAlone, ...objects: readonly Bytes[]): Promise<void> {
  await alone.relay.deliver(HOST_SESSION, ...objects);
}

/** Returns the members that were given a key from an envelope on. */
function holders(alone: RoomAlone, from: number): string[] {
  return alone.relay.envelopes.all.slice(from)
    .filter(({ object }) => object[0] === ObjectType.SKDM)
    .map(({ object, to }) => `${toHex(to!)} ${decodeSkdm(object).epoch}`);
}

/** Says something, in a new epoch where one is due. */
async function say(alone: RoomAlone, text: string): Promise<void> {
  const said = alone.room.say(text);
  await alone.clock.timer(1000);
  alone.clock.advance(1000);
  await said;
}

for (const [op, reason] of [[KickOp.KICK, "kicked"], [KickOp.BAN, "banned"]] as const) {
  test(`Room gives no key to a member that is ${reason}, and shows that it left and that keys are new`, async () => {
    const [alone, bob, carol] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
    await alone.room.say("bob may read this");
    const count = alone.relay.envelopes.all.length;
    await order(alone, await kick(op, bob.entry.key));
    const left = await alone.event("left");
    assertEquals([left.member.name, left.reason], ["bob", reason]);
    await alone.event("rekeyed");
    // The relay tells of its own accord that the seat is gone.
    await alone.tell(bob, MemberChange.LEFT, CloseReason.KICKED);
    await say(alone, "bob may not read this");
    assertEquals(holders(alone, count), [`${toHex(carol.session)} 2`]);
    await alone.says(bob, await bob.announce(alone.session, { generation: 2 }));
    await alone.assertStillHears(carol);
    assertEquals(alone.room.members.map(({ name }) => name), ["carol"]);
    await alone.close();
  });
}

test("Room removes all sessions of a kicked identity and rekeys once", async () => {
  const bobs = [await Puppet.create("bob"), await Puppet.create("bob")];
  const alone = await RoomAlone.open({ before: bobs });
  await order(alone, await kick(KickOp.KICK, bobs[0]!.entry.key));
  for (const _ of bobs) assertEquals((await alone.event("left")).reason, "kicked");
  await alone.event("rekeyed");
  assertEquals(alone.room.members, []);
  await alone.close();
});

test("Room admits a kicked identity with another session", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  await order(alone, await kick(KickOp.KICK, bob.entry.key));
  await alone.event("left");
  await alone.event("rekeyed");
  const again = await Puppet.create("bob");
  assertEquals((await alone.join(again)).name, "bob");
  await alone.assertStillHears(again);
  await alone.close();
});

test("Room shows no banned identity and gives it no key until the ban is lifted", async () => {
  const [alone, carol] = await openWith("carol") as [RoomAlone, Puppet];
  const bob = await Puppet.create("bob");
  await order(alone, await kick(KickOp.BAN, bob.entry.key));
  // A relay that lets it in all the same.
  await alone.tell(bob, MemberChange.JOINED);
  await alone.says(bob, await bob.announce(alone.session));
  await alone.room.say("for carol alone");
  assertEquals(holders(alone, 0), [`${toHex(carol.session)} 1`]);
  await alone.assertStillHears(carol);
  assertEquals(alone.room.members.map(({ name }) => name), ["carol"]);
  await order(alone, await kick(KickOp.UNBAN, bob.entry.key));
  await alone.relay.settle();
  const again = await Puppet.create("bob");
  assertEquals((await alone.join(again)).name, "bob");
  await alone.close();
});

test("Room shows no banned identity that was in the room before, in any order of arrival", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.create();
  await alone.relay.accept({ resumed: false, lastCmid: 0 });
  await alone.relay.resume([bob.entry], 1);
  const ban = await kick(KickOp.BAN, bob.entry.key);
  const announce = await bob.announce(alone.session);
  // In one piece: the announcement must wait for the ban.
  await alone.relay.send({
    type: "batch",
    envelopes: [[HOST_SESSION, ban], [bob.session, announce]].map(([from, object]) => ({
      class: 0,
      direct: false,
      from: from!,
      seq: ++alone.relay.seq,
      object: object!,
    })),
  });
  await alone.relay.settle();
  alone.clock.advance(10_000);
  assertEquals((await alone.event("ready")).members, []);
  await assertFails(alone.room.say("to nobody"), "nobody-here");
  assertEquals(holders(alone, 0), []);
  await alone.close();
});

test("Room obeys only new decisions of the host for this room", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  const key = bob.entry.key;
  const right = await kick(KickOp.KICK, (await identityOf("dave")).publicKey);
  await order(alone, right);
  const wrong = [
    await kick(KickOp.BAN, key, { signer: await identityOf("bob") }),
    await kick(KickOp.BAN, key, { signer: await identityOf("carol") }),
    await kick(KickOp.BAN, key, { roomId: new Uint8Array(32) }),
    await kick(KickOp.BAN, key, { label: "lanchat/1 skdm" }),
    await kick(KickOp.BAN, key, { number: 1 }),
    await kick(KickOp.BAN, key, { number: 0 }),
    await kick(KickOp.BAN, key, { op: 0 }),
    await kick(KickOp.BAN, key, { op: 4 }),
    await kick(KickOp.BAN, HOST.publicKey),
    right,
  ];
  const good = await kick(KickOp.BAN, key);
  for (let bit = 0; bit < good.length * 8; bit += 37) wrong.push(flip(good, bit));
  wrong.push(good.slice(1), good.slice(0, -1), concat(good, new Uint8Array(1)));
  await order(alone, ...wrong);
  // Nor does anybody else tell it.
  await alone.says(bob, good);
  await alone.assertStillHears(bob);
  // The objects in between used up nothing.
  await order(alone, good);
  assertEquals((await alone.event("left")).reason, "banned");
  await alone.event("rekeyed");
  await order(alone, await kick(KickOp.UNBAN, key, { number: 2 }), good);
  // A host is not rid of itself.
  await alone.join(await Puppet.create("host"));
  await alone.tell(await Puppet.create("bob"), MemberChange.JOINED);
  await alone.relay.settle();
  assertEquals(alone.room.members.map(({ key }) => key), [HOST.publicKey]);
  await alone.close();
});

test("Room remembers at most 256 bans", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  const [dave, eve] = await Promise.all(["dave", "eve"].map((name) => Puppet.create(name)));
  await order(alone, await kick(KickOp.BAN, dave!.entry.key));
  for (let i = 1; i < MAX_DECISIONS; i++) {
    await order(alone, await kick(KickOp.BAN, new Uint8Array(32).fill(i)));
  }
  await order(alone, await kick(KickOp.BAN, eve!.entry.key));
  await alone.tell(dave!, MemberChange.JOINED);
  await alone.says(dave!, await dave!.announce(alone.session));
  assertEquals((await alone.join(eve!)).name, "eve");
  await alone.assertStillHears(bob);
  assertEquals(alone.room.members.map(({ name }) => name), ["bob", "eve"]);
  await alone.close();
});

test("Room removes a session that the relay reports as kicked, even without the host's signature", async () => {
  const [alone, bob, carol] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  await alone.room.say("one");
  const count = alone.relay.envelopes.all.length;
  await alone.tell(bob, MemberChange.LEFT, CloseReason.BANNED);
  assertEquals((await alone.event("left")).reason, "connection-lost");
  await say(alone, "two");
  assertEquals(holders(alone, count), [`${toHex(carol.session)} 2`]);
  await alone.close();
});

test("Room.lock gives no key to identities that come later, and shows that", async () => {
  const [alone, bob] = await openWith("bob") as [RoomAlone, Puppet];
  alone.room.lock();
  const carol = await Puppet.create("carol");
  await alone.join(carol);
  assertEquals((await alone.event("warning")).code, "key-withheld");
  const shown = alone.room.members.map(({ name, withheld }) => [name, withheld ?? false]);
  assertEquals(shown, [["bob", false], ["carol", true]]);
  await alone.room.say("for bob alone");
  assertEquals(holders(alone, 0), [`${toHex(bob.session)} 1`]);
  await assertFails(alone.room.say("no", { to: "carol" }), "key-withheld");
  await alone.assertStillHears(carol);
  // The same key is the same person: it had the keys before.
  const again = await Puppet.create("bob");
  await alone.join(again);
  await alone.room.say("for both bobs");
  assertEquals(holders(alone, 0).at(-1), `${toHex(again.session)} 1`);
  alone.room.unlock();
  assert(alone.room.members.every(({ withheld }) => withheld === undefined));
  await alone.room.say("for all");
  assertEquals(holders(alone, 0).at(-1), `${toHex(carol.session)} 1`);
  await alone.close();
});

test("Room.lock gives no key to an identity that was named before and announces itself later", async () => {
  const [alone] = await openWith("bob");
  const mal = await Puppet.create("mal");
  await alone.tell(mal, MemberChange.JOINED);
  await alone.relay.settle();
  alone.room.lock();
  await alone.says(mal, await mal.announce(alone.session));
  await alone.heardBy(mal);
  assertEquals((await alone.event("joined")).member.name, "mal");
  assertEquals((await alone.event("warning")).code, "key-withheld");
  await assertFails(alone.room.say("no", { to: "mal" }), "key-withheld");
  alone.room.admit(mal.identity.publicKey);
  await alone.room.say("for mal too", { to: "mal" });
  // It is let in for good.
  const again = await Puppet.create("mal");
  await alone.join(again);
  assertEquals(alone.room.members.map(({ withheld }) => withheld), Array(3).fill(undefined));
  await alone.close();
});

test("Room.say refuses a message at once if the lock leaves it no reader", async () => {
  const alone = await RoomAlone.open();
  alone.room.lock();
  const carol = await Puppet.create("carol");
  await alone.join(carol);
  await alone.event("warning");
  await assertFails(alone.room.say("to nobody"), "key-withheld");
  assertEquals(holders(alone, 0), []);
  await alone.close();
});
