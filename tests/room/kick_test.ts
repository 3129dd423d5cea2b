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
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

interface Lies extends Partial<Kick> {
  readonly signer?: Identity;
  readonly label?: string;
}

let number = 0;

/** What the host says of an identity; each is newer than the one before. */
async function kick(op: number, target: Bytes, lies: Lies = {}): Promise<Bytes> {
  const { label: text = "lanchat/1 kick", signer = HOST, ...rest } = lies;
  const head = encodeKickHead({ roomId: ROOM_ID, target, op, number: ++number, ...rest });
  return concat(head, await signer.sign(concat(label(text), head)));
}

async function openWith(...names: string[]): Promise<[Stage, ...Puppet[]]> {
  const puppets = await Promise.all(names.map((name) => Puppet.create(name)));
  return [await Stage.open({ before: puppets }), ...puppets];
}

/** The host says something. */
async function order(stage: Stage, ...objects: readonly Bytes[]): Promise<void> {
  await stage.relay.deliver(HOST_SESSION, ...objects);
}

/** Who has been given a key from some envelope on. */
function holders(stage: Stage, from: number): string[] {
  return stage.relay.envelopes.all.slice(from)
    .filter(({ object }) => object[0] === ObjectType.SKDM)
    .map(({ object, to }) => `${toHex(to!)} ${decodeSkdm(object).epoch}`);
}

/** Says something, in a new epoch where one is due. */
async function say(stage: Stage, text: string): Promise<void> {
  const said = stage.room.say(text);
  await stage.clock.timer(1000);
  stage.clock.advance(1000);
  await said;
}

for (const [op, reason] of [[KickOp.KICK, "kicked"], [KickOp.BAN, "banned"]] as const) {
  test(`Room gives whoever is ${reason} no key any more, and says both`, async () => {
    const [stage, bob, carol] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
    await stage.room.say("bob may read this");
    const count = stage.relay.envelopes.all.length;
    await order(stage, await kick(op, bob.entry.key));
    const left = await stage.event("left");
    assertEquals([left.member.name, left.reason], ["bob", reason]);
    await stage.event("rekeyed");
    // The relay tells of its own accord that the seat is gone.
    await stage.tell(bob, MemberChange.LEFT, CloseReason.KICKED);
    await say(stage, "bob may not read this");
    assertEquals(holders(stage, count), [`${toHex(carol.session)} 2`]);
    await stage.says(bob, await bob.announce(stage.session, { generation: 2 }));
    await stage.assertStillHears(carol);
    assertEquals(stage.room.members.map(({ name }) => name), ["carol"]);
    await stage.close();
  });
}

test("Room takes all sessions of a kicked identity for gone, and is rekeyed once", async () => {
  const bobs = [await Puppet.create("bob"), await Puppet.create("bob")];
  const stage = await Stage.open({ before: bobs });
  await order(stage, await kick(KickOp.KICK, bobs[0]!.entry.key));
  for (const _ of bobs) assertEquals((await stage.event("left")).reason, "kicked");
  await stage.event("rekeyed");
  assertEquals(stage.room.members, []);
  await stage.close();
});

test("Room lets whoever was kicked come again, with another session", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  await order(stage, await kick(KickOp.KICK, bob.entry.key));
  await stage.event("left");
  await stage.event("rekeyed");
  const again = await Puppet.create("bob");
  assertEquals((await stage.join(again)).name, "bob");
  await stage.assertStillHears(again);
  await stage.close();
});

test("Room shows nobody who is banned, and gives no key, until the ban is lifted", async () => {
  const [stage, carol] = await openWith("carol") as [Stage, Puppet];
  const bob = await Puppet.create("bob");
  await order(stage, await kick(KickOp.BAN, bob.entry.key));
  // A relay that lets it in all the same.
  await stage.tell(bob, MemberChange.JOINED);
  await stage.says(bob, await bob.announce(stage.session));
  await stage.room.say("for carol alone");
  assertEquals(holders(stage, 0), [`${toHex(carol.session)} 1`]);
  await stage.assertStillHears(carol);
  assertEquals(stage.room.members.map(({ name }) => name), ["carol"]);
  await order(stage, await kick(KickOp.UNBAN, bob.entry.key));
  await stage.relay.settle();
  const again = await Puppet.create("bob");
  assertEquals((await stage.join(again)).name, "bob");
  await stage.close();
});

test("Room shows nobody who was there before and is banned, whatever else comes first", async () => {
  const bob = await Puppet.create("bob");
  const stage = await Stage.create();
  await stage.relay.accept({ resumed: false, lastCmid: 0 });
  await stage.relay.resume([bob.entry], 1);
  const ban = await kick(KickOp.BAN, bob.entry.key);
  const announce = await bob.announce(stage.session);
  // In one piece: the announcement must wait for the ban.
  await stage.relay.send({
    type: "batch",
    envelopes: [[HOST_SESSION, ban], [bob.session, announce]].map(([from, object]) => ({
      class: 0,
      direct: false,
      from: from!,
      seq: ++stage.relay.seq,
      object: object!,
    })),
  });
  await stage.relay.settle();
  stage.clock.advance(10_000);
  assertEquals((await stage.event("ready")).members, []);
  await assertFails(stage.room.say("to nobody"), "nobody-here");
  assertEquals(holders(stage, 0), []);
  await stage.close();
});

test("Room obeys nobody but the host, in this room, and nothing that is old", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  const key = bob.entry.key;
  const right = await kick(KickOp.KICK, (await identityOf("dave")).publicKey);
  await order(stage, right);
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
  await order(stage, ...wrong);
  // Nor does anybody else tell it.
  await stage.says(bob, good);
  await stage.assertStillHears(bob);
  // What was in between used nothing up.
  await order(stage, good);
  assertEquals((await stage.event("left")).reason, "banned");
  await stage.event("rekeyed");
  await order(stage, await kick(KickOp.UNBAN, key, { number: 2 }), good);
  // A host is not rid of itself.
  await stage.join(await Puppet.create("host"));
  await stage.tell(await Puppet.create("bob"), MemberChange.JOINED);
  await stage.relay.settle();
  assertEquals(stage.room.members.map(({ key }) => key), [HOST.publicKey]);
  await stage.close();
});

test("Room remembers 256 who are banned, and no more", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  const [dave, eve] = await Promise.all(["dave", "eve"].map((name) => Puppet.create(name)));
  await order(stage, await kick(KickOp.BAN, dave!.entry.key));
  for (let i = 1; i < MAX_DECISIONS; i++) {
    await order(stage, await kick(KickOp.BAN, new Uint8Array(32).fill(i)));
  }
  await order(stage, await kick(KickOp.BAN, eve!.entry.key));
  await stage.tell(dave!, MemberChange.JOINED);
  await stage.says(dave!, await dave!.announce(stage.session));
  assertEquals((await stage.join(eve!)).name, "eve");
  await stage.assertStillHears(bob);
  assertEquals(stage.room.members.map(({ name }) => name), ["bob", "eve"]);
  await stage.close();
});

test("Room cuts off whose seat the relay says is removed, even if the host has not signed why", async () => {
  const [stage, bob, carol] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  await stage.room.say("one");
  const count = stage.relay.envelopes.all.length;
  await stage.tell(bob, MemberChange.LEFT, CloseReason.BANNED);
  assertEquals((await stage.event("left")).reason, "connection-lost");
  await say(stage, "two");
  assertEquals(holders(stage, count), [`${toHex(carol.session)} 2`]);
  await stage.close();
});

test("Room that is locked gives no key to whoever comes, and shows it", async () => {
  const [stage, bob] = await openWith("bob") as [Stage, Puppet];
  stage.room.lock();
  const carol = await Puppet.create("carol");
  await stage.join(carol);
  assertEquals((await stage.event("warning")).code, "key-withheld");
  const shown = stage.room.members.map(({ name, withheld }) => [name, withheld ?? false]);
  assertEquals(shown, [["bob", false], ["carol", true]]);
  await stage.room.say("for bob alone");
  assertEquals(holders(stage, 0), [`${toHex(bob.session)} 1`]);
  await assertFails(stage.room.say("no", { to: "carol" }), "key-withheld");
  await stage.assertStillHears(carol);
  // The same key is the same person: it had the keys before.
  const again = await Puppet.create("bob");
  await stage.join(again);
  await stage.room.say("for both bobs");
  assertEquals(holders(stage, 0).at(-1), `${toHex(again.session)} 1`);
  stage.room.unlock();
  assert(stage.room.members.every(({ withheld }) => withheld === undefined));
  await stage.room.say("for all");
  assertEquals(holders(stage, 0).at(-1), `${toHex(carol.session)} 1`);
  await stage.close();
});

test("Room that is locked gives no key to whoever was named before, and is shown only now", async () => {
  const [stage] = await openWith("bob");
  const mal = await Puppet.create("mal");
  await stage.tell(mal, MemberChange.JOINED);
  await stage.relay.settle();
  stage.room.lock();
  await stage.says(mal, await mal.announce(stage.session));
  await stage.heardBy(mal);
  assertEquals((await stage.event("joined")).member.name, "mal");
  assertEquals((await stage.event("warning")).code, "key-withheld");
  await assertFails(stage.room.say("no", { to: "mal" }), "key-withheld");
  stage.room.admit(mal.identity.publicKey);
  await stage.room.say("for mal too", { to: "mal" });
  // It is let in for good.
  const again = await Puppet.create("mal");
  await stage.join(again);
  assertEquals(stage.room.members.map(({ withheld }) => withheld), Array(3).fill(undefined));
  await stage.close();
});

test("Room that is locked refuses at once what nobody may read", async () => {
  const stage = await Stage.open();
  stage.room.lock();
  const carol = await Puppet.create("carol");
  await stage.join(carol);
  await stage.event("warning");
  await assertFails(stage.room.say("to nobody"), "key-withheld");
  assertEquals(holders(stage, 0), []);
  await stage.close();
});
