import { assertEquals, assertNotEquals } from "@std/assert";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import { openRoomSecrets, roomSecrets, zeroKey } from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const hostKey = fromHex(vectors.hop.host_ik);
const root = fromHex(vectors.hop.root);

test("roomSecrets gives the known answer", async () => {
  const { psk, memberKey } = await roomSecrets(hostKey, root);
  assertEquals(toHex(psk), vectors.hop.psk);
  assertEquals(toHex(memberKey), vectors.hop.member_key);
});

test("roomSecrets depends on the host's key and on the root", async () => {
  const secrets = await roomSecrets(hostKey, root);
  for (
    const other of [
      await roomSecrets(flip(hostKey, 0), root),
      await roomSecrets(hostKey, flip(root, 0)),
    ]
  ) {
    assertNotEquals(other.psk, secrets.psk);
    assertNotEquals(other.memberKey, secrets.memberKey);
  }
});

test("openRoomSecrets has a zero psk, and the member key of a zero root", async () => {
  const secrets = await openRoomSecrets(hostKey);
  assertEquals(secrets.psk, zeroKey());
  const { memberKey } = await roomSecrets(hostKey, new Uint8Array(16));
  assertEquals(secrets.memberKey, memberKey);
});
