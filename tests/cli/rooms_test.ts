import { assertEquals, assertMatch } from "@std/assert";
import { generateIdentity, type Identity, keyTag } from "../../lib/crypto/mod.ts";
import { type KnownTags, roomEvent, tagsOf, targetOf } from "../../lib/cli/rooms.ts";
import type { FoundRoom } from "../../lib/net/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const NO_PEERS: KnownTags = new Map();

async function key(): Promise<Identity["publicKey"]> {
  return (await generateIdentity()).identity.publicKey;
}

/** A room whose host has a tag. */
function room(tag: string): FoundRoom {
  return { instance: `x-${tag}`, tag, port: 1, invite: false, addresses: ["192.0.2.2", "fd00::2"] };
}

test("roomEvent marks known and verified hosts", async () => {
  const known = await KnownPeers.open(undefined);
  const [ada, bob, eve] = [await key(), await key(), await key()];
  await known.seen(ada, { name: "ada" });
  await known.setVerified(bob, true);
  const tags = await tagsOf(known);
  const marks = await Promise.all([ada, bob, eve].map(async (key) => {
    const { known, verified } = roomEvent(room(await keyTag(key)), tags);
    return { known, verified };
  }));
  assertEquals(marks, [
    { known: true, verified: false },
    { known: true, verified: true },
    { known: false, verified: false },
  ]);
});

test("targetOf has all addresses and expects the announced key", async () => {
  const [ada, eve] = [await key(), await key()];
  const tag = await keyTag(ada);
  const { expect, hosts, port } = targetOf(room(tag), NO_PEERS);
  assertEquals([hosts, port], [["192.0.2.2", "fd00::2"], 1]);
  await expect!(ada);
  const error = await assertFails(expect!(eve), "host-key-mismatch", tag);
  assertMatch(error.message, new RegExp(`${await keyTag(eve)}$`));
  assertEquals(error.exitStatus, 3);
});

test("targetOf expects the key of a known host, even if another key has the same tag", async () => {
  const known = await KnownPeers.open(undefined);
  const [ada, eve] = [await key(), await key()];
  await known.seen(ada, {});
  const tag = await keyTag(eve);
  const tags: KnownTags = new Map([[tag, known.all()]]); // As if both keys had this tag.
  const { expect } = targetOf(room(tag), tags);
  await assertFails(expect!(eve), "host-key-mismatch", "has another key");
});
