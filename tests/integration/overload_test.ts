import { assert, assertEquals } from "@std/assert";
import { LightMember } from "../../bench/light_member.ts";
import { Meter } from "../../bench/load.ts";
import { toHex } from "../../lib/bytes/mod.ts";
import { randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { HostKeyRing } from "../../lib/handshake/mod.ts";
import { listen } from "../../lib/net/mod.ts";
import { DEFAULT_LIMITS, Host, Relay } from "../../lib/relay/mod.ts";
import type { HostRecord } from "../../lib/wire/mod.ts";
import { hostHopKey, identityOf, memberHopKey } from "../support/keys.ts";
import { test } from "../support/test.ts";

const SPEAKERS = 6;
const READERS = 4;

/** Messages of each speaker: twice what it may have under way. */
const MESSAGES = 1400;

/** What one member has received from each speaker, by session. */
type Received = Map<string, { count: number; last: number }>;

/** Counts the messages in a record, and checks that those of each speaker are in order. */
function count(record: HostRecord, received: Received): void {
  if (record.type !== "batch") return;
  for (const { from, object } of record.envelopes) {
    const before = received.get(toHex(from)) ?? { count: 0, last: 0 };
    const spokenAt = new DataView(object.buffer, object.byteOffset).getFloat64(1);
    assert(spokenAt >= before.last, "a message came before an earlier one");
    received.set(toHex(from), { count: before.count + 1, last: spokenAt });
  }
}

test("A relay in overload slows its senders evenly, and delivers each message once and in order", async () => {
  const listener = listen({ host: "127.0.0.1", port: 0 });
  const relay = new Relay();
  const host = new Host({
    identity: await identityOf("host"),
    roomId: randomBytes(32),
    psk: zeroKey(),
    relay,
    limits: { ...DEFAULT_LIMITS, maxHandshakes: 1024 },
    keys: new HostKeyRing({ generate: hostHopKey }),
  });
  const greeted: Promise<void>[] = [];
  const served = (async () => {
    for await (const connection of listener.connections) greeted.push(host.greet(connection));
    await Promise.all(greeted);
  })();

  const members: LightMember[] = [];
  const received: Received[] = [];
  /** How many messages of each speaker the relay has accepted, by its place. */
  const accepted = Array.from({ length: SPEAKERS }, () => 0);
  const allAccepted = Promise.withResolvers<void>();
  const allDelivered = Promise.withResolvers<void>();
  /** What the others had accepted when the relay had all of the first. */
  let atFirstEnd: number[] | undefined;

  function take(record: HostRecord, place: number): void {
    count(record, received[place]!);
    if (record.type === "ack" && place < SPEAKERS) {
      accepted[place] = record.accepted;
      if (record.accepted === MESSAGES) atFirstEnd ??= [...accepted];
      if (accepted.every((cmid) => cmid === MESSAGES)) allAccepted.resolve();
    }
    const expected = (SPEAKERS - 1) * SPEAKERS * MESSAGES + READERS * SPEAKERS * MESSAGES;
    const sum = received.reduce((all, one) => all + total(one), 0);
    if (sum === expected) allDelivered.resolve();
  }

  for (let place = 0; place < SPEAKERS + READERS; place++) {
    received.push(new Map());
    members.push(
      await LightMember.enter({
        port: listener.port,
        identity: await identityOf(`member ${place}`),
        keyPair: await memberHopKey(),
        meter: new Meter(),
        isSampled: true,
        isSpeaker: true,
        onRecord: (record) => take(record, place),
        onLost: (reason) => allDelivered.reject(new Error(reason)),
      }),
    );
  }

  const spoken = Array.from({ length: SPEAKERS }, () => 0);
  let refusals = 0;
  while (spoken.some((sum) => sum < MESSAGES)) {
    for (const [place, speaker] of members.slice(0, SPEAKERS).entries()) {
      while (spoken[place]! < MESSAGES && speaker.speak()) spoken[place]!++;
      if (spoken[place]! < MESSAGES) refusals++;
      speaker.flush();
    }
    await new Promise((resolve) => setTimeout(resolve)); // Sockets are read between two turns.
  }
  await Promise.all([allAccepted.promise, allDelivered.promise]);

  assert(refusals > 0, "the relay took all at once: that is no overload");
  const least = Math.min(...atFirstEnd!);
  assert(least > MESSAGES / 2, `when one speaker had all accepted, another had ${least}`);
  for (const one of received) {
    assertEquals(new Set([...one.values()].map((from) => from.count)), new Set([MESSAGES]));
  }
  for (const member of members) member.close();
  listener.close();
  await relay.close(0);
  host.close();
  await served;
});

function total(received: Received): number {
  return received.values().reduce((sum, one) => sum + one.count, 0);
}
