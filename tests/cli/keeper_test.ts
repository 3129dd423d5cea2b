import { assertEquals } from "@std/assert";
import { toBase64Url } from "../../lib/bytes/mod.ts";
import { Keeper } from "../../lib/cli/keeper.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { Door } from "../../lib/relay/mod.ts";
import type { Member } from "../../lib/room/mod.ts";
import type { KeptDecision } from "../../lib/store/mod.ts";
import type { InviteEvent } from "../../lib/ui/mod.ts";
import { AcceptStatus, CloseReason } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Inn } from "../support/inn.ts";
import { identityOf } from "../support/keys.ts";
import { HOST, ROOM_ID } from "../support/puppet.ts";
import { test } from "../support/test.ts";

const INVITE: InviteEvent = { event: "invite", link: "", links: [], secret: false };

async function memberOf(identity: string, name = identity): Promise<Member> {
  const { publicKey: key } = await identityOf(identity);
  return { name, tag: await keyTag(key), key, session: new Uint8Array(16) };
}

/** A keeper, what it keeps, its door, and who is at its relay. */
function open(decisions: readonly KeptDecision[] = []) {
  const kept: (readonly KeptDecision[])[] = [];
  const numbers: number[] = [];
  const door = new Door({
    identity: HOST,
    roomId: ROOM_ID,
    decisions: decisions.map(({ object }) => object),
  });
  const inn = new Inn({ door });
  const keeper = new Keeper({
    hostKey: HOST.publicKey,
    door,
    relay: inn.relay,
    decisions,
    keep: (decisions, number) => {
      kept.push(decisions);
      numbers.push(number);
      return Promise.resolve();
    },
    invite: INVITE,
  });
  return { door, inn, keeper, kept, numbers };
}

test("Keeper removes by the tag, as it is shown, those who have not said who they are", async () => {
  for (const mark of ["", "#"]) {
    const { door, inn, keeper, kept } = open();
    const { key, tag } = await memberOf("bob");
    const seat = inn.knock("bob", { key });
    await seat.enter();
    await keeper.kick(`${mark}${tag}`, [{ key, tag }]);
    assertEquals(await seat.farewell(), CloseReason.KICKED);
    assertEquals(await keeper.ban(`${mark}${tag}`, [{ key, tag }]), { key: toBase64Url(key), tag });
    assertEquals(door.statusFor(key), AcceptStatus.BANNED);
    assertEquals(kept.at(-1)!.map(({ name }) => name), [undefined]);
  }
});

test("Keeper keeps bans by the name that people know, over a restart", async () => {
  const { door, inn, keeper, kept, numbers } = open();
  const bob = await memberOf("bob", "bob#abcdefgh");
  const seat = inn.knock("bob", { key: bob.key });
  await seat.enter();
  await keeper.kick(bob.name, [bob]);
  assertEquals(await seat.farewell(), CloseReason.KICKED);
  // A kick is over, but for its number: the next one has to be higher.
  assertEquals([kept, numbers], [[[]], [door.lastNumber]]);
  assertEquals(door.statusFor(bob.key), AcceptStatus.OK);
  const ban = await keeper.ban(bob.name, [bob]);
  assertEquals(ban, { key: toBase64Url(bob.key), tag: bob.tag, name: "bob" });
  const after = open(kept.at(-1));
  assertEquals(await after.keeper.bans(), [ban]);
  assertEquals(after.door.statusFor(bob.key), AcceptStatus.BANNED);
  assertEquals(await after.keeper.unban("bob"), ban);
  assertEquals(await after.keeper.bans(), []);
  assertEquals(after.kept.at(-1)?.map(({ name }) => name), ["bob"], "who comes is told that");
  await inn.close();
});

test("Keeper lifts a ban by name, tag, fingerprint and key, and only where one is meant", async () => {
  const { keeper } = open();
  const bob = await memberOf("bob");
  const other = await memberOf("other", "bob");
  await keeper.ban("bob", [bob]);
  await keeper.ban("bob", [other]);
  const digits = await fingerprint(bob.key);
  const words = [
    bob.tag,
    `bob#${bob.tag}`,
    toBase64Url(bob.key),
    digits,
    digits.replaceAll(/.{5}(?=.)/g, "$& "),
  ];
  for (const word of words) {
    assertEquals((await keeper.unban(word)).tag, bob.tag, word);
    await keeper.ban(word, [bob]);
  }
  await assertFails(keeper.unban("bob"), "no-such-member", "more than one");
  for (const word of ["", "Bob", "carol", "0".repeat(30), "undefined"]) {
    await assertFails(keeper.unban(word), "no-such-member", "nobody");
  }
  assertEquals((await keeper.bans()).length, 2);
});

test("Keeper does not remove whoever has the host's own key", async () => {
  const { inn, keeper, kept } = open();
  const host = { ...await memberOf("bob"), key: HOST.publicKey };
  await inn.knock("hana", { key: HOST.publicKey }).enter();
  await assertFails(keeper.kick("bob", [host]), "no-such-member", "host's own key");
  await assertFails(keeper.ban("bob", [host]), "no-such-member", "host's own key");
  await assertFails(keeper.ban(toBase64Url(host.key), []), "no-such-member", "host's own key");
  assertEquals([kept, await keeper.bans()], [[], []]);
  await inn.close();
});

test("Keeper bans who has left, by the last name, tag, fingerprint and key, and kicks nobody who has", async () => {
  const { inn, keeper } = open();
  const bob = await memberOf("bob");
  keeper.met({ ...bob, name: "robert" });
  keeper.met(bob);
  for (const word of ["bob", bob.tag, await fingerprint(bob.key), toBase64Url(bob.key)]) {
    assertEquals(await keeper.ban(word, []), {
      key: toBase64Url(bob.key),
      tag: bob.tag,
      name: "bob",
    });
    await keeper.unban("bob");
    await assertFails(keeper.kick(word, []), "no-such-member", "nobody here");
  }
  await assertFails(keeper.ban("robert", []), "no-such-member", "nobody");
  // Whoever is here under a name is meant by it.
  const other = await memberOf("other", "bob");
  assertEquals((await keeper.ban("bob", [other])).tag, other.tag);
  keeper.met(other);
  await assertFails(keeper.ban("bob", []), "no-such-member", "more than one");
  await inn.close();
});

test("Keeper takes a tag or a fingerprint that is another's name for neither of the two", async () => {
  const { inn, keeper } = open();
  const bob = await memberOf("bob");
  const digits = await fingerprint(bob.key);
  for (const name of [bob.tag, digits]) {
    const here = [bob, await memberOf("mal", name)];
    await assertFails(keeper.ban(name, here), "no-such-member", "more than one");
  }
  const mal = await memberOf("mal", toBase64Url(bob.key));
  assertEquals((await keeper.ban(mal.name, [mal])).tag, bob.tag);
  await inn.close();
});

test("Keeper removes by the key who was never shown", async () => {
  const { inn, keeper } = open();
  const { key, tag } = await memberOf("silent");
  const word = toBase64Url(key);
  await assertFails(keeper.kick(word, []), "no-such-member", "nobody here");
  const seat = await inn.enter("silent", key);
  await keeper.kick(word, []);
  assertEquals(await seat.farewell(), CloseReason.KICKED);
  assertEquals(await keeper.ban(word, []), { key: word, tag });
  await assertFails(keeper.ban("A".repeat(43), []), "no-such-member", "nobody");
  await inn.close();
});

test("Keeper locks out whoever was not shown so far, silent seats as well, until it unlocks", async () => {
  const { door, inn, keeper } = open();
  const [bob, carol, silent] = await Promise.all(
    ["bob", "carol", "silent"].map((n) => memberOf(n)),
  );
  keeper.met(bob!); // It has left.
  const seat = await inn.enter("silent", silent!.key);
  keeper.lock([carol!]);
  assertEquals(await seat.farewell(), CloseReason.IDLE);
  const { LOCKED, OK } = AcceptStatus;
  assertEquals([bob, carol, silent].map((one) => door.statusFor(one!.key)), [OK, OK, LOCKED]);
  keeper.unlock();
  assertEquals(door.statusFor(silent!.key), OK);
  await inn.close();
});
