import { assertEquals } from "@std/assert";
import { askHost } from "../../lib/cli/ask_host.ts";
import { generateIdentity, zeroKey } from "../../lib/crypto/mod.ts";
import { HostKeyRing } from "../../lib/handshake/mod.ts";
import { Host } from "../../lib/relay/mod.ts";
import { AcceptStatus } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { duplex } from "../support/duplex.ts";
import { greeting } from "../support/impostor.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { hostHopKey } from "../support/keys.ts";
import { test } from "../support/test.ts";

test("askHost returns the host's answer to a newcomer without being announced to members", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const { identity } = await generateIdentity();
  const { clock, relay } = relayOnly;
  const host = new Host({
    identity,
    roomId: new Uint8Array(32).fill(1),
    psk: zeroKey(),
    relay,
    keys: new HostKeyRing({ generate: hostHopKey, clock }),
    onAdmitted() {
      throw new Error("it was to go before that");
    },
    clock,
  });
  const [mine, theirs] = duplex();
  const greeted = host.greet({ ...theirs, remoteAddress: "192.0.2.1" });
  const { accept, key } = await askHost({ ...mine, remoteAddress: "192.0.2.2" }, 60_000);
  assertEquals(key, identity.publicKey);
  assertEquals([accept!.status, accept!.time], [AcceptStatus.OK, clock.now()]);
  await greeted;

  await relayOnly.enter("bob");
  await ada.logged("bob joined 0");
  assertEquals(ada.log.all, ["bob joined 0"]);
  clock.advance(1000); // The host frees the place of an aborted handshake.
  host.close();
  await relayOnly.close();
});

test("askHost distinguishes a silent host that has greeted from another program", async () => {
  const clock = new FakeClock();
  const [mine, theirs] = duplex();
  const asked = assertFails(
    askHost({ ...mine, remoteAddress: "192.0.2.2" }, 3000, clock),
    "handshake-stalled",
  );
  await theirs.writable.getWriter().write(greeting());
  await theirs.readable.getReader().read();
  clock.advance(3000);
  await asked;
  theirs.close();
});
