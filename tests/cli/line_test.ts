import { assertEquals } from "@std/assert";
import { Line } from "../../lib/cli/line.ts";
import { randomBytes, roomSecrets } from "../../lib/crypto/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { Party } from "../support/party.ts";
import { Proxy } from "../support/proxy.ts";

// Its session key is still being made when this ends.
Deno.test("Line says at once that an invite is not accepted, and of one that was when it is certain", async () => {
  const invite = randomBytes(16);
  const party = await Party.open({ invite });
  const other = await Party.open({ invite: randomBytes(16) });
  await using proxy = await Proxy.open(other.port);
  const { publicKey } = await identityOf("host");
  const line = new Line({
    hosts: ["127.0.0.1"],
    port: proxy.port,
    identity: await identityOf("ada"),
    psk: (await roomSecrets(publicKey, invite)).psk,
    trusts: () => Promise.resolve(true),
    giveUpMs: 0,
  });
  await assertFails(line.connect(), "wrong-invite");
  proxy.target = party.port;
  await line.connect();
  // The host has begun another room; a connection that breaks there by chance looks the same.
  proxy.target = other.port;
  for (let i = 0; i < 2; i++) await assertFails(line.connect(), "connection-lost");
  const { exitStatus } = await assertFails(line.connect(), "another-room", "the invite any more");
  assertEquals(exitStatus, 3);
  line.close();
  await Promise.all([party.close(), other.close()]);
});
