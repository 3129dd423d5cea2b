import { assertEquals } from "@std/assert";
import { toBase64Url } from "../../lib/bytes/mod.ts";
import { Moderator } from "../../lib/session/moderator.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { AccessPolicy } from "../../lib/relay/mod.ts";
import type { Member } from "../../lib/room/mod.ts";
import type { KeptDecision } from "../../lib/store/mod.ts";
import type { InviteEvent } from "../../lib/session_events.ts";
import { AcceptStatus, CloseReason } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { identityOf } from "../support/keys.ts";
import { HOST, ROOM_ID } from "../support/puppet.ts";
import { test } from "../support/test.ts";

const INVITE: InviteEvent = { event: "invite", link: "", links: [], secret: false };

async function memberOf(identity: string, name = identity): Promise<Member> {
  const { publicKey: key } = await identityOf(identity);
  return { name, tag: await keyTag(key), key, session: new Uint8Array(16) };
}

/** A moderator, what it keeps, its policy, and who is at its relay. */
function open(decisions: readonly KeptDecision[] = []) {
  const kept: (readonly KeptDecision[])[] = [];
  const numbers: number[] = [];
  const policy = new AccessPolicy({
    identity: HOST,
    roomId: ROOM_ID,
    decisions: decisions.map(({ object }) => object),
  });
  const relayOnly = new RelayOnly({ policy });
  const moderator = new Moderator({
    hostKey: HOST.publicKey,
    policy,
    relay: relayOnly.relay,
    decisions,
    keep: (decisions, number) => {
      kept.push(decisions);
      numbers.push(number);
      return Promise.resolve();
    },
    invite: INVITE,
  });
  return { policy, relayOnly, moderator, kept, numbers };
}

test("Moderator.kick removes unannounced sessions by their tag", async () => {
  for (const mark of ["", "#"]) {
    const { policy, relayOnly, moderator, kept } = open();
    const { key, tag } = await memberOf("bob");
    const seat = relayOnly.knock("bob", { key });
    await seat.enter();
    await moderator.kick(`${mark}${tag}`, [{ key, tag }]);
    assertEquals(await seat.farewell(), CloseReason.KICKED);
    assertEquals(await moderator.ban(`${mark}${tag}`, [{ key, tag }]), {
      key: toBase64Url(key),
      tag,
    });
    assertEquals(policy.statusFor(key), AcceptStatus.BANNED);
    assertEquals(kept.at(-1)!.map(({ name }) => name), [undefined]);
  }
});

test("Moderator.ban keeps the member's name over a restart", async () => {
  const { policy, relayOnly, moderator, kept, numbers } = open();
  const bob = await memberOf("bob", "bob#abcdefgh");
  const seat = relayOnly.knock("bob", { key: bob.key });
  await seat.enter();
  await moderator.kick(bob.name, [bob]);
  assertEquals(await seat.farewell(), CloseReason.KICKED);
  // A kick is over, but for its number: the next one has to be higher.
  assertEquals([kept, numbers], [[[]], [policy.lastNumber]]);
  assertEquals(policy.statusFor(bob.key), AcceptStatus.OK);
  const ban = await moderator.ban(bob.name, [bob]);
  assertEquals(ban, { key: toBase64Url(bob.key), tag: bob.tag, name: "bob" });
  const after = open(kept.at(-1));
  assertEquals(await after.moderator.bans(), [ban]);
  assertEquals(after.policy.statusFor(bob.key), AcceptStatus.BANNED);
  assertEquals(await after.moderator.unban("bob"), ban);
  assertEquals(await after.moderator.bans(), []);
  assertEquals(after.kept.at(-1)?.map(({ name }) => name), ["bob"], "who comes is told that");
  await relayOnly.close();
});

test("Moderator.unban takes a name, tag, fingerprint or key that matches one ban", async () => {
  const { moderator } = open();
  const bob = await memberOf("bob");
  const other = await memberOf("other", "bob");
  await moderator.ban("bob", [bob]);
  await moderator.ban("bob", [other]);
  const digits = await fingerprint(bob.key);
  const words = [
    bob.tag,
    `bob#${bob.tag}`,
    toBase64Url(bob.key),
    digits,
    digits.replaceAll(/.{5}(?=.)/g, "$& "),
  ];
  for (const word of words) {
    assertEquals((await moderator.unban(word)).tag, bob.tag, word);
    await moderator.ban(word, [bob]);
  }
  await assertFails(moderator.unban("bob"), "no-such-member", "Several bans");
  for (const word of ["", "Bob", "carol", "0".repeat(30), "undefined"]) {
    await assertFails(moderator.unban(word), "no-such-member", "No such ban");
  }
  assertEquals((await moderator.bans()).length, 2);
});

test("Moderator refuses to remove the host's own key", async () => {
  const { relayOnly, moderator, kept } = open();
  const host = { ...await memberOf("bob"), key: HOST.publicKey };
  await relayOnly.knock("hana", { key: HOST.publicKey }).enter();
  await assertFails(moderator.kick("bob", [host]), "no-such-member", "Cannot remove the host");
  await assertFails(moderator.ban("bob", [host]), "no-such-member", "Cannot remove the host");
  await assertFails(
    moderator.ban(toBase64Url(host.key), []),
    "no-such-member",
    "Cannot remove the host",
  );
  assertEquals([kept, await moderator.bans()], [[], []]);
  await relayOnly.close();
});

test("Moderator bans a member that has left by its last name, tag, fingerprint or key, and does not kick it", async () => {
  const { relayOnly, moderator } = open();
  const bob = await memberOf("bob");
  moderator.met({ ...bob, name: "robert" });
  moderator.met(bob);
  for (const word of ["bob", bob.tag, await fingerprint(bob.key), toBase64Url(bob.key)]) {
    assertEquals(await moderator.ban(word, []), {
      key: toBase64Url(bob.key),
      tag: bob.tag,
      name: "bob",
    });
    await moderator.unban("bob");
    await assertFails(moderator.kick(word, []), "no-such-member", "not in the room");
  }
  await assertFails(moderator.ban("robert", []), "no-such-member", "No such member");
  // Whoever is here under a name is meant by it.
  const other = await memberOf("other", "bob");
  assertEquals((await moderator.ban("bob", [other])).tag, other.tag);
  moderator.met(other);
  await assertFails(moderator.ban("bob", []), "no-such-member", "Several members");
  await relayOnly.close();
});

test("Moderator refuses a tag or a fingerprint that is another member's name", async () => {
  const { relayOnly, moderator } = open();
  const bob = await memberOf("bob");
  const digits = await fingerprint(bob.key);
  for (const name of [bob.tag, digits]) {
    const here = [bob, await memberOf("mal", name)];
    await assertFails(moderator.ban(name, here), "no-such-member", "Several members");
  }
  const mal = await memberOf("mal", toBase64Url(bob.key));
  assertEquals((await moderator.ban(mal.name, [mal])).tag, bob.tag);
  await relayOnly.close();
});

test("Moderator removes an identity by its key that was never shown", async () => {
  const { relayOnly, moderator } = open();
  const { key, tag } = await memberOf("silent");
  const word = toBase64Url(key);
  await assertFails(moderator.kick(word, []), "no-such-member", "not in the room");
  const seat = await relayOnly.enter("silent", key);
  await moderator.kick(word, []);
  assertEquals(await seat.farewell(), CloseReason.KICKED);
  assertEquals(await moderator.ban(word, []), { key: word, tag });
  await assertFails(moderator.ban("A".repeat(43), []), "no-such-member", "No such member");
  await relayOnly.close();
});

test("Moderator.lock keeps out identities and seats that were not shown, until unlock", async () => {
  const { policy, relayOnly, moderator } = open();
  const [bob, carol, silent] = await Promise.all(
    ["bob", "carol", "silent"].map((n) => memberOf(n)),
  );
  moderator.met(bob!); // It has left.
  const seat = await relayOnly.enter("silent", silent!.key);
  moderator.lock([carol!]);
  assertEquals(await seat.farewell(), CloseReason.IDLE);
  const { LOCKED, OK } = AcceptStatus;
  assertEquals([bob, carol, silent].map((one) => policy.statusFor(one!.key)), [OK, OK, LOCKED]);
  moderator.unlock();
  assertEquals(policy.statusFor(silent!.key), OK);
  await relayOnly.close();
});
