import { assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import { fingerprint, type Identity } from "../../lib/crypto/mod.ts";
import { AccessPolicy, type AccessPolicyOptions } from "../../lib/relay/mod.ts";
import {
  AcceptStatus,
  CloseReason,
  decodeKick,
  HOST_SESSION,
  KickOp,
  MAX_DECISIONS,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { identityOf } from "../support/keys.ts";
import { HOST, ROOM_ID } from "../support/puppet.ts";
import { test } from "../support/test.ts";

const { BANNED, IDLE, KICKED, LEAVING, LOST } = CloseReason;

function newDoor(options: Partial<AccessPolicyOptions> = {}): AccessPolicy {
  return new AccessPolicy({ identity: HOST, roomId: ROOM_ID, clock: new FakeClock(), ...options });
}

/** A key like no other. */
function keyOf(index: number): Bytes {
  return new Uint8Array(32).fill(1).map((byte, i) => i < 2 ? index >> 8 * i & 255 : byte);
}

/** The host's decisions that a guest has received, with their targets. */
function decisions({ envelopes }: ScriptedGuest): [number, Bytes][] {
  return envelopes.filter(({ from }) => equal(from, HOST_SESSION)).map(({ object }) => {
    const { op, target } = decodeKick(object);
    return [op, target];
  });
}

async function statusOf(relayOnly: RelayOnly, name: string, key?: Bytes): Promise<number> {
  return (await relayOnly.knock(name, key && { key }).greeted()).status;
}

test("AccessPolicy numbers decisions upwards, whatever the clock says, and over a restart", async () => {
  const clock = new FakeClock();
  const policy = newDoor({ clock });
  const numbers = [];
  for (const op of [KickOp.KICK, KickOp.BAN, KickOp.UNBAN]) {
    numbers.push(decodeKick(await policy.decide(op, keyOf(1))).number);
  }
  clock.advance(5000);
  numbers.push(decodeKick(await policy.decide(KickOp.BAN, keyOf(2))).number);
  const first = clock.now() - 5000;
  assertEquals(numbers, [first, first + 1, first + 2, first + 5000]);
  // A clock that was set back.
  const again = newDoor({ clock: new FakeClock(), decisions: policy.decisions });
  assertEquals(decodeKick(await again.decide(KickOp.KICK, keyOf(3))).number, first + 5001);
  assertEquals(again.banned, [keyOf(2)]);
});

test("AccessPolicy counts on over a restart from the last kick, which no newcomer gets", async () => {
  const policy = newDoor();
  const { number } = decodeKick(await policy.decide(KickOp.KICK, keyOf(1)));
  const { decisions, lastNumber } = policy;
  assertEquals([decisions, lastNumber], [[], number]);
  const again = newDoor({ clock: new FakeClock(number - 100_000), decisions, lastNumber });
  assertEquals(decodeKick(await again.decide(KickOp.BAN, keyOf(2))).number, number + 1);
});

test("AccessPolicy tells of each identity the last decision, oldest first, and of no kick", async () => {
  const policy = newDoor();
  const [one, two, three] = [keyOf(1), keyOf(2), keyOf(3)];
  await policy.decide(KickOp.BAN, one);
  await policy.decide(KickOp.BAN, two);
  await policy.decide(KickOp.KICK, three);
  await policy.decide(KickOp.UNBAN, one);
  const told = policy.decisions.map((object) => decodeKick(object));
  assertEquals(told.map(({ op, target }) => [op, target]), [[KickOp.BAN, two], [
    KickOp.UNBAN,
    one,
  ]]);
  assertEquals([one, two, three].map((key) => policy.statusFor(key)), [
    AcceptStatus.OK,
    AcceptStatus.BANNED,
    AcceptStatus.OK,
  ]);
});

test("AccessPolicy keeps 256 decisions: the oldest that was lifted goes first, and no ban ever", async () => {
  const policy = newDoor();
  for (let i = 0; i < MAX_DECISIONS; i++) await policy.decide(KickOp.BAN, keyOf(i));
  await assertFails(policy.decide(KickOp.BAN, keyOf(999)), "too-many-bans");
  assertEquals(policy.statusFor(keyOf(999)), AcceptStatus.OK);
  await policy.decide(KickOp.UNBAN, keyOf(7));
  await policy.decide(KickOp.UNBAN, keyOf(5));
  await policy.decide(KickOp.BAN, keyOf(999));
  assertEquals(policy.decisions.length, MAX_DECISIONS);
  const lifted = policy.decisions.map((object) => decodeKick(object))
    .filter(({ op }) => op === KickOp.UNBAN);
  assertEquals(lifted.map(({ target }) => target), [keyOf(5)]);
  await policy.decide(KickOp.BAN, keyOf(5));
  await assertFails(policy.decide(KickOp.BAN, keyOf(7)), "too-many-bans");
});

test("Relay refuses a banned identity, and one that is not on the list, before any seat", async () => {
  const [listed, other] = await Promise.all(["ada", "bob"].map(identityOf)) as [Identity, Identity];
  const allowed = new Set([await fingerprint(listed.publicKey)]);
  const policy = newDoor({ allowed });
  const relayOnly = new RelayOnly({ policy });
  assertEquals(await statusOf(relayOnly, "ada", listed.publicKey), AcceptStatus.OK);
  assertEquals(await statusOf(relayOnly, "bob", other.publicKey), AcceptStatus.NOT_ALLOWED);
  // The host itself need not be on its list.
  assertEquals(await statusOf(relayOnly, "hana", HOST.publicKey), AcceptStatus.OK);
  await policy.decide(KickOp.BAN, listed.publicKey);
  assertEquals(await statusOf(relayOnly, "ada", listed.publicKey), AcceptStatus.BANNED);
  await policy.decide(KickOp.UNBAN, listed.publicKey);
  assertEquals(await statusOf(relayOnly, "ada", listed.publicKey), AcceptStatus.OK);
  await relayOnly.close();
});

test("Relay that is locked admits only identities that the policy names, and ends all other seats", async () => {
  const policy = newDoor();
  const relayOnly = new RelayOnly({ policy });
  const ada = await relayOnly.enter("ada");
  const bob = await relayOnly.enter("bob");
  await bob.leave();
  const silent = await relayOnly.enter("silent");
  const early = relayOnly.knock("early");
  await early.greeted(); // It has a seat, and is not in the room yet.
  policy.lock([ada.key, bob.key]);
  relayOnly.relay.enforcePolicy();
  assertEquals([await silent.farewell(), await early.farewell()], [IDLE, IDLE]);
  await ada.logged(`silent left ${LOST}`);
  await ada.cut();
  assertEquals((await relayOnly.again(ada).greeted()).status, AcceptStatus.OK);
  assertEquals(await statusOf(relayOnly, "bob", bob.key), AcceptStatus.OK);
  assertEquals(await statusOf(relayOnly, "hana", HOST.publicKey), AcceptStatus.OK);
  for (const key of [silent.key, early.key, undefined]) {
    assertEquals(await statusOf(relayOnly, "carol", key), AcceptStatus.LOCKED);
  }
  policy.unlock();
  assertEquals(await statusOf(relayOnly, "carol"), AcceptStatus.OK);
  await relayOnly.close();
});

test("Relay sends a newcomer the decisions before all else, as queued envelopes", async () => {
  const policy = newDoor();
  const bans = [
    await policy.decide(KickOp.BAN, keyOf(1)),
    await policy.decide(KickOp.BAN, keyOf(2)),
  ];
  const former = [{ key: HOST.publicKey, nonce: new Uint8Array(16).fill(9) }];
  const relayOnly = new RelayOnly({ policy, former });
  const ada = relayOnly.knock("ada");
  assertEquals(await ada.enter(), { nextSeq: 1, queued: 2, roster: [] });
  ada.listen();
  await ada.logged(`undefined left ${CloseReason.HOST_ENDS}`);
  assertEquals(ada.envelopes.map(({ object }) => object), bans);
  assertEquals(ada.log.all.length, 3, "the bans come first");
  const bob = await relayOnly.enter("bob");
  await ada.say(["hello"]);
  await bob.logged("ada: hello");
  assertEquals(bob.envelopes.slice(0, 2).map(({ object }) => object), bans);
  // A member that comes back has it already.
  await ada.cut();
  const again = relayOnly.again(ada);
  await again.greeted();
  assertEquals((await again.enter(ada.whereabouts)).nextSeq, ada.lastSeq + 1);
  await relayOnly.close();
});

for (const [op, reason] of [[KickOp.KICK, KICKED], [KickOp.BAN, BANNED]] as const) {
  test(`Relay ends all seats of an identity with CLOSE ${reason}, and tells the others why first`, async () => {
    const policy = newDoor();
    const relayOnly = new RelayOnly({ policy });
    const ada = await relayOnly.enter("ada");
    const bob = await relayOnly.enter("bob");
    const second = relayOnly.knock("second bob", { key: bob.key });
    await second.enter();
    second.listen();
    const away = relayOnly.knock("third bob", { key: bob.key });
    await away.enter();
    await away.cut();
    await ada.logged("third bob away 9");
    relayOnly.relay.broadcast(await policy.decide(op, bob.key));
    relayOnly.relay.expel(bob.key, reason);
    assertEquals([await bob.farewell(), await second.farewell()], [reason, reason]);
    for (const name of ["bob", "second bob", "third bob"]) {
      await ada.logged(`${name} left ${reason}`);
    }
    assertEquals(decisions(ada), [[op, bob.key]]);
    const told = ada.log.all.findIndex((line) => line.startsWith("undefined"));
    assertEquals(told, ada.log.all.indexOf(`bob left ${reason}`) - 1);
    const status = op === KickOp.BAN ? AcceptStatus.BANNED : AcceptStatus.OK;
    const again = await relayOnly.again(bob).greeted();
    assertEquals([again.status, again.resumed], [status, false]);
    await ada.say(["still here"], ada);
    await ada.leave(LEAVING);
    await relayOnly.close();
  });
}
