import { assertEquals, assertMatch } from "@std/assert";
import { generateIdentity, type Identity, keyTag } from "../../lib/crypto/mod.ts";
import { destinationOf, type KnownTags, roomEvent, tagsOf } from "../../lib/cli/rooms.ts";
import type { FoundRoom } from "../../lib/net/mod.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const NOBODY: KnownTags = new Map();

async function key(): Promise<Identity["publicKey"]> {
  return (await generateIdentity()).identity.publicKey;
}

/** A room of a host with a tag. */
function room(tag: string): FoundRoom {
  return { instance: `x-${tag}`, tag, port: 1, invite: false, addresses: ["192.0.2.2", "fd00::2"] };
}

test("roomEvent tells which hosts are known, and which are verified", async () => {
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

test("destinationOf has all addresses, and expects the key that was announced", async () => {
  const [ada, eve] = [await key(), await key()];
  const tag = await keyTag(ada);
  const { expect, hosts, port } = destinationOf(room(tag), NOBODY);
  assertEquals([hosts, port], [["192.0.2.2", "fd00::2"], 1]);
  await expect!(ada);
  const error = await assertFails(expect!(eve), "host-key-mismatch", tag);
  assertMatch(error.message, new RegExp(`${await keyTag(eve)}$`));
  assertEquals(error.exitStatus, 3);
});

test("destinationOf expects of a known host its key, as a tag can be searched for", async () => {
  const known = await KnownPeers.open(undefined);
  const [ada, eve] = [await key(), await key()];
  await known.seen(ada, {});
  const tag = await keyTag(eve);
  const tags: KnownTags = new Map([[tag, known.all()]]); // as if ada's were the same
  const { expect } = destinationOf(room(tag), tags);
  await assertFails(expect!(eve), "host-key-mismatch", "a host that you know was announced");
});
