import { assertEquals } from "@std/assert";
import { Line } from "../../lib/cli/line.ts";
import { randomBytes, roomSecrets } from "../../lib/crypto/mod.ts";
import { encodeFrame, encodeM0, M1_BYTES } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { identityOf } from "../support/keys.ts";
import { Impostor } from "../support/impostor.ts";
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

/** How a connection ends behind M1: as a host refuses an invite, later, or by a reset. */
type Ending = "refused" | "late" | "reset";

Deno.test("Line takes an invite for refused by hang-ups alone that come at once, in order, and in a row", async () => {
  const invite = randomBytes(16);
  const party = await Party.open({ invite });
  const clock = new FakeClock();
  const endings: Ending[] = [
    ...["refused", "refused", "late"] as const,
    ...["refused", "refused", "reset"] as const,
    ...["refused", "refused"] as const,
  ];
  const tries = endings.length;
  await using other = new Impostor(async (caller) => {
    const ending = endings.shift();
    const m0 = encodeM0({ invite: true, busy: false, challenge: randomBytes(32) });
    await caller.write(encodeFrame(m0));
    await caller.read(new Uint8Array(4 + M1_BYTES));
    if (ending === "late") clock.advance(2000);
    if (ending === "reset") proxy.reset();
    else caller.close();
  });
  await using proxy = await Proxy.open(party.port);
  const { publicKey } = await identityOf("host");
  const line = new Line({
    hosts: ["127.0.0.1"],
    port: proxy.port,
    identity: await identityOf("ada"),
    psk: (await roomSecrets(publicKey, invite)).psk,
    trusts: () => Promise.resolve(true),
    giveUpMs: 0,
    clock,
  });
  await line.connect();
  proxy.target = Number(other.address.split(":")[1]);
  for (let i = 0; i < tries; i++) await assertFails(line.connect(), "connection-lost");
  await assertFails(line.connect(), "another-room", "the invite any more");
  line.close();
  await party.close();
});
