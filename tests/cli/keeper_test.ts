import { assertEquals, assertNotEquals } from "@std/assert";
import { toBase64Url } from "../../lib/bytes/mod.ts";
import { Keeper } from "../../lib/cli/keeper.ts";
import { fingerprint, keyTag } from "../../lib/crypto/mod.ts";
import { Door, Relay } from "../../lib/relay/mod.ts";
import type { Member } from "../../lib/room/mod.ts";
import type { KeptDecision } from "../../lib/store/mod.ts";
import type { InviteEvent } from "../../lib/ui/mod.ts";
import { AcceptStatus } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { HOST, ROOM_ID } from "../support/puppet.ts";
import { test } from "../support/test.ts";

const INVITE: InviteEvent = { event: "invite", link: "", links: [], secret: false };

async function memberOf(identity: string, name = identity): Promise<Member> {
  const { publicKey: key } = await identityOf(identity);
  return { name, tag: await keyTag(key), key, session: new Uint8Array(16) };
}

/** A keeper, what it keeps, and its door. */
function open(decisions: readonly KeptDecision[] = []) {
  const kept: (readonly KeptDecision[])[] = [];
  const door = new Door({
    identity: HOST,
    roomId: ROOM_ID,
    decisions: decisions.map(({ object }) => object),
  });
  const keeper = new Keeper({
    hostKey: HOST.publicKey,
    door,
    relay: new Relay({ door }),
    decisions,
    keep: (decisions) => Promise.resolve(void kept.push(decisions)),
    invite: INVITE,
  });
  return { door, keeper, kept };
}

test("Keeper keeps bans by the name that people know, over a restart", async () => {
  const { door, keeper, kept } = open();
  const bob = await memberOf("bob", "bob#abcdefgh");
  await keeper.kick(bob);
  assertEquals([kept, door.statusFor(bob.key)], [[], AcceptStatus.OK]);
  const ban = await keeper.ban(bob);
  assertEquals(ban, { key: toBase64Url(bob.key), tag: bob.tag, name: "bob" });
  const after = open(kept.at(-1));
  assertEquals(await after.keeper.bans(), [ban]);
  assertEquals(after.door.statusFor(bob.key), AcceptStatus.BANNED);
  assertEquals(await after.keeper.unban("bob"), ban);
  assertEquals(await after.keeper.bans(), []);
  assertEquals(after.kept.at(-1)?.map(({ name }) => name), ["bob"], "who comes is told that");
});

test("Keeper lifts a ban by name, tag, fingerprint and key, and only where one is meant", async () => {
  const { keeper } = open();
  const bob = await memberOf("bob");
  const other = await memberOf("other", "bob");
  await keeper.ban(bob);
  await keeper.ban(other);
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
    await keeper.ban(bob);
  }
  await assertFails(keeper.unban("bob"), "no-such-member", "more than one");
  for (const word of ["", "Bob", "carol", "0".repeat(30), "undefined"]) {
    await assertFails(keeper.unban(word), "no-such-member", "nobody");
  }
  assertEquals((await keeper.bans()).length, 2);
});

test("Keeper does not remove whoever has the host's own key", async () => {
  const { keeper, kept } = open();
  const host = { ...await memberOf("bob"), key: HOST.publicKey };
  await assertFails(keeper.kick(host), "no-such-member", "host's own key");
  await assertFails(keeper.ban(host), "no-such-member", "host's own key");
  assertEquals([kept, await keeper.bans()], [[], []]);
});

test("Keeper locks the door and opens it", async () => {
  const { door, keeper } = open();
  const { key } = await memberOf("bob");
  keeper.lock(true);
  assertEquals(door.statusFor(key), AcceptStatus.LOCKED);
  keeper.lock(false);
  assertNotEquals(door.statusFor(key), AcceptStatus.LOCKED);
});
