import { assertEquals } from "@std/assert";
import { openRoomSecrets, randomBytes, roomSecrets } from "../../lib/crypto/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { RoomOverSockets } from "../support/over_sockets.ts";
import { test } from "../support/test.ts";

test("A room for invited people admits only callers that know its secret", async () => {
  const invite = randomBytes(16);
  const { publicKey } = await identityOf("host");
  const sockets = await RoomOverSockets.open({ invite });
  const ada = await sockets.join("ada");
  const nonce = randomBytes(16);
  const open = { name: "mal", nonce, secrets: await openRoomSecrets(publicKey) };
  await assertFails(sockets.call(open), "needs-invite");
  const wrong = { name: "mal", nonce, secrets: await roomSecrets(publicKey, randomBytes(16)) };
  await assertFails(sockets.call(wrong), "connection-lost");
  // A caller with only the relay's secrets is admitted, but is no member.
  const { psk } = await roomSecrets(publicKey, invite);
  const { memberKey } = await openRoomSecrets(publicKey);
  const spy = await sockets.call({ name: "mal", nonce, secrets: { psk, memberKey } });
  const bob = await sockets.join("bob");
  await ada.room.say("for bob and the host");
  assertEquals(await bob.texts.next(), "for bob and the host");
  assertEquals(bob.room.members.map(({ name }) => name), ["hana", "ada"]);
  spy.connection.close();
  await sockets.close();
});
