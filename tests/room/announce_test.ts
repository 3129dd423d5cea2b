import { assertEquals } from "@std/assert";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import { quote } from "../../lib/errors.ts";
import { publicHalves } from "../../lib/room/session_key.ts";
import { MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { identityOf, sessionKey } from "../support/keys.ts";
import { type AnnounceLies, Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

/** Asserts that only bob is given a key, and that both can read each other. */
async function assertOnlyBobCounts(alone: RoomAlone, bob: Puppet): Promise<void> {
  const said = alone.room.say("for bob alone");
  const message = await alone.relay.object(ObjectType.MSG);
  await said;
  const keys = alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.SKDM);
  assertEquals(keys.map(({ to }) => to), [bob.session]);
  await bob.take(keys[0]!.object);
  const inner = await bob.take(message.object);
  assertEquals(new TextDecoder().decode(inner?.body), "for bob alone");
  assertEquals(alone.room.members.map(({ name }) => name), ["bob"]);
  await alone.assertStillHears(bob);
}

/** Has a session join with an ANNOUNCE that must be refused. */
async function assertRefused(announceOf: (mal: Puppet, session: Bytes) => Promise<Bytes>) {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.tell(mal, MemberChange.JOINED);
  await alone.says(mal, await announceOf(mal, alone.session));
  await alone.relay.settle();
  await assertOnlyBobCounts(alone, bob);
  assertEquals(alone.events.rest(), []);
  // Nothing was sent to its author either.
  const told = alone.relay.envelopes.all.filter(({ to }) =>
    to?.every((b, i) => b === mal.session[i])
  );
  assertEquals(told, []);
  await alone.close();
}

function refusal(name: string, lies: () => AnnounceLies | Promise<AnnounceLies>): void {
  test(`Room refuses an ANNOUNCE ${name}`, async () => {
    const told = await lies();
    await assertRefused((mal, session) => mal.announce(session, told));
  });
}

refusal("of another room", () => ({ roomId: randomBytes(32) }));
refusal("with the signature of somebody else", async () => ({ signer: await identityOf("eve") }));
refusal("without the room's secret", () => ({ memberKey: randomBytes(32) }));
refusal("for another session", () => ({ seen: randomBytes(16) }));
refusal("of another session than its sender's", () => ({ nonce: randomBytes(16) }));
refusal("of another identity than the host named", async () => {
  const eve = await identityOf("eve");
  return { key: eve.publicKey, signer: eve };
});
refusal("of generation 0", () => ({ generation: 0 }));
refusal("whose modulus is even", () => ({
  modulus: new Uint8Array(256).fill(0xff).fill(0xfe, 255),
}));
refusal("whose modulus is too small", () => ({
  modulus: new Uint8Array(256).fill(0xff).fill(0x7f, 0, 1),
}));
// The coefficient 3329, which stands for 0: the first of a pair of bytes and a half, and the second.
for (const [index, bytes] of [[0x01, 0x0d, 0x00], [0x00, 0x10, 0xd0]].entries()) {
  refusal(`whose ML-KEM key has coefficient ${index} out of range`, async () => {
    const { kem } = await sessionKey();
    const kemKey = kem.publicKey.slice();
    kemKey.set(bytes);
    return { kemKey };
  });
}
refusal("whose name is sealed under another key", () => ({ nameKey: randomBytes(32) }));
refusal("whose name says that it is longer than it may be", () => ({
  field: (honest) => honest.with(0, 50),
}));
refusal("whose name has something behind it", () => ({ field: (honest) => honest.with(49, 1) }));
for (
  const name of ["", "a:b", "a#b", "a\\b", "\x1b[31mred", "\u202eevil", "z\u200bw", " a", "e\u0301"]
) {
  refusal(`with the name ${quote(name)}`, () => ({ name }));
}
refusal("with a name that is taken twice", () => ({ name: "bob#", nameTaken: true }));
refusal("with no name that is taken", () => ({ name: "", nameTaken: true }));
refusal("with a name of 49 bytes", () => ({ name: "x".repeat(49) }));
refusal("with a name that is not UTF-8", () => ({
  name: "abc",
  field: (honest) => honest.with(1, 0xff),
}));

test("Room refuses an ANNOUNCE whose name is bound to another head", async () => {
  // The first of two announcements names the second's sealed name its own.
  await assertRefused(async (mal, session) => {
    const other = await mal.announce(session, { generation: 2 });
    return await mal.announce(session, {
      untagged: (honest) => concat(honest.slice(0, 1541), other.slice(1541, 1619)),
    });
  });
});

test("Room opens no name before its author proves the room's secret", async () => {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.tell(mal, MemberChange.JOINED);
  const stranger = await mal.announce(alone.session, { memberKey: randomBytes(32) });
  const impostor = await mal.announce(alone.session, { signer: bob.identity });
  let opened = 0;
  const { subtle } = crypto;
  subtle.decrypt = (...args) => {
    opened++;
    return SubtleCrypto.prototype.decrypt.apply(subtle, args);
  };
  try {
    await alone.says(mal, stranger, impostor);
    await alone.relay.settle();
    assertEquals(opened, 0);
    await alone.says(mal, await mal.announce(alone.session));
    await alone.relay.settle();
    assertEquals(opened, 1);
  } finally {
    delete (subtle as Partial<SubtleCrypto>).decrypt; // The prototype has the original.
  }
  await alone.close();
});

for (const half of ["modulus", "kemKey"] as const) {
  test(`Room refuses an ANNOUNCE in which the relay replaced the ${half}`, async () => {
    const eve = await Puppet.create("eve");
    await assertRefused(async (mal, session) => {
      const announce = await mal.announce(session);
      announce.set(publicHalves(eve.keys)[half], half === "modulus" ? 85 : 341);
      return announce;
    });
  });
}

test("Room refuses an ANNOUNCE with any bit flipped", async () => {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.tell(mal, MemberChange.JOINED);
  const honest = await mal.announce(alone.session);
  for (let bit = 0; bit < honest.length * 8; bit += 37) await alone.says(mal, flip(honest, bit));
  await alone.says(mal, honest.slice(0, -1), new Uint8Array([...honest, 0]), honest.slice(0, 1));
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  // The unaltered one is still accepted.
  await alone.says(mal, honest);
  assertEquals((await alone.event("joined")).member.name, "mal");
  await alone.close();
});

test("Room refuses a replayed ANNOUNCE and one of an older generation", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const second = await Puppet.create("bob");
  const renewed = { generation: 2, ...publicHalves(second.keys) };
  await alone.says(bob, await bob.announce(alone.session, renewed));
  for (const generation of [1, 2]) {
    await alone.says(bob, await bob.announce(alone.session, { generation }));
  }
  await alone.relay.settle();
  // Keys are wrapped for the newest session key.
  const said = alone.room.say("hi");
  const { object } = await alone.relay.object(ObjectType.SKDM);
  await said;
  const holder = new Puppet("bob", bob.identity, bob, second.keys);
  await holder.take(object);
  assertEquals(holder.held.size, 1);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room refuses an ANNOUNCE of a session that has left", async () => {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.join(mal);
  await alone.tell(mal, MemberChange.LEFT);
  assertEquals((await alone.event("left")).reason, "left");
  await alone.tell(mal, MemberChange.JOINED);
  await alone.says(mal, await mal.announce(alone.session, { generation: 2 }));
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await assertOnlyBobCounts(alone, bob);
  await alone.close();
});

test("Room refuses an ANNOUNCE made for its earlier session", async () => {
  const bob = await Puppet.create("bob");
  const earlier = await RoomAlone.open({ before: [bob] });
  const old = await bob.announce(earlier.session);
  await earlier.close();

  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry]);
  await alone.heardBy(bob);
  await alone.says(bob, old);
  await alone.relay.settle();
  assertEquals([alone.room.members, alone.events.all], [[], []]);
  await alone.says(bob, await bob.announce(alone.session));
  assertEquals((await alone.event("ready")).members.length, 1);
  await assertOnlyBobCounts(alone, bob);
  await alone.close();
});

test("Room drops objects of a session that the host never named", async () => {
  const bob = await Puppet.create("bob");
  const ghost = await Puppet.create("ghost");
  const alone = await RoomAlone.open({ before: [bob] });
  const chain = await ghost.chain();
  await alone.says(
    ghost,
    await ghost.announce(alone.session),
    await chain.skdm(alone.target),
    await chain.msg("boo"),
  );
  await alone.relay.settle();
  await assertOnlyBobCounts(alone, bob);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room gives no key to a session that cannot prove the room's secret", async () => {
  const bob = await Puppet.create("bob");
  const ghost = await Puppet.create("ghost");
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, ghost.entry]);
  await alone.heardBy(bob);
  await alone.says(bob, await bob.announce(alone.session));
  await alone.says(ghost, await ghost.announce(alone.session, { memberKey: randomBytes(32) }));
  await alone.relay.settle();
  alone.clock.advance(10_000);
  assertEquals((await alone.event("ready")).members.map(({ name }) => name), ["bob"]);
  assertEquals((await alone.event("unannounced")).here.map(({ key }) => key), [ghost.entry.key]);
  await assertOnlyBobCounts(alone, bob);
  await alone.close();
});

test("Room shows a member before it gives the member a key", async () => {
  const bob = await Puppet.create("bob");
  const carol = await Puppet.create("carol");
  const order: string[] = [];
  const alone = await RoomAlone.open({
    before: [bob],
    onEvent: (event, room) => {
      if (event.event !== "joined") return;
      const given = alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.SKDM);
      order.push(`${given.length} keys`);
      void room.say("welcome");
    },
  });
  await alone.join(carol);
  await alone.relay.object(ObjectType.MSG);
  assertEquals(order, ["0 keys"]);
  await alone.close();
});
