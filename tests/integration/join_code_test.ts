import { assert } from "@std/assert";
import { Endpoint, initiate } from "../../lib/channel/mod.ts";
import { randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { HostKeyRing, Initiator } from "../../lib/handshake/mod.ts";
import { type Connection, dial, listen, type Listener } from "../../lib/net/mod.ts";
import { DEFAULT_LIMITS, Host, Relay } from "../../lib/relay/mod.ts";
import {
  CloseReason,
  type HostRecord,
  MEMBER_CODEC,
  type MemberRecord,
} from "../../lib/wire/mod.ts";
import { within } from "../support/deadline.ts";
import { ENTRY } from "../support/scripted_guest.ts";
import { hostHopKey, identityOf, memberHopKey } from "../support/keys.ts";
import { resume } from "../support/records.ts";
import { test } from "../support/test.ts";

/** Handshakes at once, and in a second. */
const MAX_HANDSHAKES = 8;

/** How often a join code is tried: few enough for a test, and more than may be at once. */
const TRIES = 20;

/** Callers that try at the same time. */
const CALLERS = 10;

/** Ways to ask for another join code: the records sent before leaving, if any. */
const WAYS: Record<string, readonly MemberRecord[] | undefined> = {
  "gives each handshake up after M2": undefined,
  "leaves after M3": [],
  "leaves after RESUME": [resume()],
  "leaves once it has announced itself": [resume(), ENTRY],
};

/** A host that real connections lead to. */
async function open(): Promise<AsyncDisposable & { readonly port: number }> {
  const relay = new Relay();
  const host = new Host({
    identity: await identityOf("host"),
    roomId: new Uint8Array(32).fill(1),
    psk: zeroKey(),
    relay,
    limits: { ...DEFAULT_LIMITS, maxHandshakes: MAX_HANDSHAKES, maxPerAddress: MAX_HANDSHAKES },
    keys: new HostKeyRing({ generate: hostHopKey }),
  });
  const listener = listen({ host: "127.0.0.1", port: 0 });
  const accepted = greetAll(listener, host);
  return {
    port: listener.port,
    async [Symbol.asyncDispose](): Promise<void> {
      await relay.close();
      listener.close();
      host.close();
      await accepted;
    },
  };
}

async function greetAll(listener: Listener, host: Host): Promise<void> {
  const greeted: Promise<void>[] = [];
  for await (const caller of listener.connections) greeted.push(host.greet(caller));
  await Promise.all(greeted);
}

/** Gets one more join code. @returns Whether it did. */
async function tryOnce(port: number, says: readonly MemberRecord[] | undefined): Promise<boolean> {
  const connection = await dial("127.0.0.1", port);
  let tried = false;
  try {
    const initiator = new Initiator({
      identity: await identityOf("mallory"),
      nonce: randomBytes(16),
      keyPair: await memberHopKey(),
      psk: zeroKey(),
      trusts: () => {
        tried = true; // M2 was opened.
        return Promise.resolve(says !== undefined);
      },
    });
    await leave(connection, initiator, says ?? []);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
  } finally {
    connection.close();
  }
  return tried;
}

async function leave(
  connection: Connection,
  initiator: Initiator,
  says: readonly MemberRecord[],
): Promise<void> {
  const channel = await initiate(connection, initiator);
  const next = (): undefined => undefined;
  const endpoint = new Endpoint<HostRecord, MemberRecord>(channel, { codec: MEMBER_CODEC, next });
  const records = endpoint.receive();
  await records.next(); // ACCEPT
  for (const record of says) endpoint.send(record);
  await records.return();
  await endpoint.close(CloseReason.LEAVING);
}

for (const [how, says] of Object.entries(WAYS)) {
  test(`Who ${how} gets no more join codes than handshakes are allowed a second`, async () => {
    await using host = await open();
    const start = performance.now();
    let tries = 0;
    const caller = async (): Promise<void> => {
      while (tries < TRIES) if (await tryOnce(host.port, says)) tries++;
    };
    await within(Promise.all(Array.from({ length: CALLERS }, caller)), () => `${tries} tries`);
    const leastMs = (tries - MAX_HANDSHAKES) / MAX_HANDSHAKES * 1000;
    const ms = performance.now() - start;
    // A slow machine takes longer.
    assert(ms >= leastMs, `${tries} tries took ${ms} ms: less than ${leastMs} ms`);
  });
}
