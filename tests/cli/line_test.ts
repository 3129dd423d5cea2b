import { assertEquals } from "@std/assert";
import { Line } from "../../lib/cli/line.ts";
import { randomBytes, roomSecrets } from "../../lib/crypto/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { Party } from "../support/party.ts";
import { Proxy } from "../support/proxy.ts";
import { test } from "../support/test.ts";

/** A line to a host, with an invite. */
async function lineTo(port: number, invite: Uint8Array<ArrayBuffer>): Promise<Line> {
  const { publicKey } = await identityOf("host");
  return new Line({
    hosts: ["127.0.0.1"],
    port,
    identity: await identityOf("ada"),
    psk: (await roomSecrets(publicKey, invite)).psk,
    trusts: () => Promise.resolve(true),
    giveUpMs: 0,
  });
}

test("Line says at once that an invite is not accepted, and of one that was when it is certain", async () => {
  const invite = randomBytes(16);
  const party = await Party.open({ invite });
  const other = await Party.open({ invite: randomBytes(16) });
  const astray = await lineTo(other.port, invite);
  await assertFails(astray.connect(), "wrong-invite");
  astray.close();

  await using proxy = await Proxy.open(party.port);
  const line = await lineTo(proxy.port, invite);
  await line.connect();
  // The host has begun another room; a connection that breaks there by chance looks the same.
  proxy.target = other.port;
  for (let i = 0; i < 2; i++) await assertFails(line.connect(), "connection-lost");
  const { exitStatus } = await assertFails(line.connect(), "another-room", "the invite any more");
  assertEquals(exitStatus, 3);
  line.close();
  await Promise.all([party.close(), other.close()]);
});
