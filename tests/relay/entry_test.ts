import { assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { PING_AFTER_MS } from "../../lib/channel/mod.ts";
import { AccessPolicy, Relay } from "../../lib/relay/mod.ts";
import { ENTRY_MS } from "../../lib/relay/relay.ts";
import {
  AcceptStatus,
  CloseReason,
  EnvelopeClass,
  HOST_SESSION,
  KickOp,
  type MemberEnvelope,
  type MemberRecord,
} from "../../lib/wire/mod.ts";
import { ANNOUNCEMENT, ENTRY, ScriptedGuest } from "../support/scripted_guest.ts";
import { closeAtOnce, RelayOnly } from "../support/relay_only.ts";
import { identityOf } from "../support/keys.ts";
import { FakeClock } from "../support/clock.ts";
import { ack, resume } from "../support/records.ts";
import { test } from "../support/test.ts";

const { HOST_ENDS, IDLE, LOST, PROTOCOL, REPLACED } = CloseReason;

/** A guest that has resumed and not yet announced itself. */
async function lurk(
  relayOnly: RelayOnly,
  name: string,
  admitted?: () => void,
): Promise<ScriptedGuest> {
  const guest = relayOnly.knock(name, { ...admitted !== undefined && { admitted } });
  assertEquals((await guest.greeted()).status, AcceptStatus.OK);
  await guest.send(resume());
  return guest;
}

/** The records that a guest received. */
function told({ records }: ScriptedGuest): string[] {
  return records.all.map(({ type }) => type);
}

test("Relay hides the room from a guest that has not announced itself, and the guest from the room", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  let entered = 0;
  const eve = await lurk(relayOnly, "eve", () => entered++);
  eve.listen();
  const bob = await relayOnly.enter("bob");
  await ada.say(["hello"]);
  await ada.say(["for you"], eve);
  await bob.leave();
  await ada.logged("bob left 0");
  await eve.settle();
  assertEquals(told(eve), ["resume"]);
  assertEquals(entered, 0);
  assertEquals(ada.log.all, ["bob joined 0", "bob left 0"]);

  await eve.announce();
  await ada.logged("eve joined 0");
  await eve.settle();
  assertEquals(entered, 1);
  assertEquals(told(eve), ["resume", "roster"]);
  await ada.say(["welcome"]);
  await eve.logged("ada: welcome");
  assertEquals(eve.log.all, ["ada: welcome"]);
  await relayOnly.close();
});

const entry = (change: Partial<MemberEnvelope>): MemberRecord => {
  const envelope = {
    class: EnvelopeClass.CONTROL,
    to: HOST_SESSION,
    cmid: 0,
    object: ANNOUNCEMENT,
  };
  return { type: "batch", envelopes: [{ ...envelope, ...change }] };
};

/** Records that a member may not send first. */
const OTHERS: Record<string, MemberRecord> = {
  "an envelope to the room": entry({ to: undefined }),
  "an announcement to somebody": entry({ to: new Uint8Array(16).fill(1) }),
  "an announcement of class chat": entry({ class: EnvelopeClass.CHAT }),
  "an announcement that is counted": entry({ cmid: 1 }),
  "an announcement that is too short": entry({ object: ANNOUNCEMENT.slice(1) }),
  "an announcement that is too long": entry({ object: new Uint8Array(33_000).fill(0x20) }),
  "another object": entry({ object: new Uint8Array(ANNOUNCEMENT.length).fill(0x21) }),
  "a question": { type: "behind" },
  "an ACK": ack(0),
  "resume() again": resume(),
};

for (const [what, record] of Object.entries(OTHERS)) {
  test(`Relay closes a member that sends ${what} before its announcement`, async () => {
    const relayOnly = new RelayOnly();
    const ada = await relayOnly.enter("ada");
    const eve = await lurk(relayOnly, "eve");
    await eve.send(record);
    assertEquals(await eve.farewell(), PROTOCOL);
    await eve.served;
    await ada.settle();
    assertEquals([told(eve), ada.log.all], [["resume", "close"], []]);
    await relayOnly.close();
  });
}

test("Relay takes envelopes that come in one record with the announcement", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const bob = await lurk(relayOnly, "bob");
  const object = new TextEncoder().encode("hello");
  const first = ENTRY.type === "batch" ? ENTRY.envelopes : [];
  await bob.send({
    type: "batch",
    envelopes: [...first, { class: EnvelopeClass.CHAT, to: undefined, cmid: 7, object }],
  });
  await ada.logged("bob: hello");
  assertEquals(ada.log.all, ["bob joined 0", "bob: hello"]);
  bob.listen();
  await bob.acknowledged(7);
  await relayOnly.close();
});

test("Relay gives up a guest that has not announced itself 60 s after it came, resumed or not", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const eve = await lurk(relayOnly, "eve");
  const mal = relayOnly.knock("mal");
  await mal.greeted();
  for (const guest of [eve, mal]) guest.listen();
  await relayOnly.pass(ENTRY_MS - 1, [ada, eve, mal]);
  assertEquals([told(eve), told(mal)], [["resume"], []]);
  relayOnly.clock.advance(1);
  assertEquals([await eve.farewell(), await mal.farewell()], [IDLE, IDLE]);
  await Promise.all([eve.served, mal.served]);
  assertEquals((await relayOnly.again(eve).greeted()).resumed, false);
  await ada.settle();
  assertEquals(ada.log.all, []);
  await relayOnly.close();
});

test("Relay does not count the time in which its process was stopped", async () => {
  const relayOnly = new RelayOnly();
  const eve = await lurk(relayOnly, "eve");
  eve.listen();
  relayOnly.clock.oversleep(10 * ENTRY_MS);
  await eve.settle();
  await eve.announce();
  await eve.settle();
  assertEquals(told(eve), ["resume", "roster"]);
  await relayOnly.close();
});

test("Relay lets the host's own member take all the time that its keys take", async () => {
  const clock = new FakeClock();
  const relay = new Relay({ clock, maxMembers: 2 });
  const host = new ScriptedGuest(relay, { name: "host", own: true });
  await host.greeted();
  await host.send(resume());
  host.listen();
  for (let i = 0; i < 60; i++) {
    clock.advance(PING_AFTER_MS);
    await host.settle();
  }
  // Nor has it to make room for others.
  const others = ["ada", "bob"].map((name) => new ScriptedGuest(relay, { name }));
  for (const other of others) assertEquals((await other.greeted()).status, AcceptStatus.OK);
  assertEquals(await others[0]!.farewell(), IDLE);
  await host.announce();
  await host.settle();
  assertEquals(told(host), ["resume", "roster"]);
  for (const other of others) other.listen();
  await closeAtOnce(relay, clock);
});

test("Relay whose seats are taken gives up the guest that has been longest without an announcement", async () => {
  const relayOnly = new RelayOnly({ maxMembers: 3 });
  const ada = await relayOnly.enter("ada");
  const [eve, mal] = [await lurk(relayOnly, "eve"), await lurk(relayOnly, "mal")];
  const bob = await relayOnly.enter("bob");
  assertEquals(await eve.farewell(), IDLE);
  await ada.logged("bob joined 0");
  await relayOnly.enter("carol");
  assertEquals(await mal.farewell(), IDLE);
  await ada.logged("carol joined 0");
  assertEquals((await relayOnly.knock("dave").greeted()).status, AcceptStatus.ROOM_FULL);
  await bob.settle();
  await relayOnly.close();
});

test("Relay keeps no seat for a guest that had not announced itself", async () => {
  const relayOnly = new RelayOnly();
  const eve = await lurk(relayOnly, "eve");
  const second = relayOnly.again(eve);
  assertEquals((await second.greeted()).resumed, false);
  assertEquals(await eve.farewell(), REPLACED);
  await second.cut();
  assertEquals((await relayOnly.again(eve).greeted()).resumed, false);
  await relayOnly.close();
});

test("Relay sends a new member the decisions before all else, those made meanwhile too", async () => {
  const identity = await identityOf("host");
  const roomId = new Uint8Array(32);
  const policy = new AccessPolicy({ identity, roomId });
  const before = await policy.decide(KickOp.BAN, new Uint8Array(32).fill(1));
  const relayOnly = new RelayOnly({
    policy,
    former: [{ key: identity.publicKey, nonce: new Uint8Array(16).fill(9) }],
  });
  const objects: Bytes[] = [];
  const eve = relayOnly.knock("eve");
  await eve.greeted();
  await eve.send(resume());
  eve.onEnvelope = ({ object }) => void objects.push(object);
  eve.listen();
  await eve.settle();
  const meanwhile = await policy.decide(KickOp.BAN, new Uint8Array(32).fill(2));
  relayOnly.relay.broadcast(meanwhile);
  await eve.settle();
  assertEquals(objects, []);
  await eve.announce();
  await eve.records.count(4);
  assertEquals(objects, [before, meanwhile]);
  assertEquals(told(eve), ["resume", "roster", "batch", "member"]);
  await relayOnly.close();
});

test("Relay.clear and Relay.close end guests that have not announced themselves as they end members", async () => {
  const identity = await identityOf("host");
  const policy = new AccessPolicy({ identity, roomId: new Uint8Array(32) });
  const relayOnly = new RelayOnly({ policy });
  const [ada, eve] = [await relayOnly.enter("ada"), await lurk(relayOnly, "eve")];
  policy.lock([ada.key]);
  relayOnly.relay.enforcePolicy();
  assertEquals(await eve.farewell(), IDLE);
  policy.unlock();
  const mal = await lurk(relayOnly, "mal");
  const closed = relayOnly.relay.close();
  assertEquals(await mal.farewell(), HOST_ENDS);
  await closed;
  assertEquals(ada.log.all, []);
  await relayOnly.close();
});

test("Relay counts a member as away that comes back and does not resume for 60 s", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  const again = relayOnly.again(bob);
  assertEquals((await again.greeted()).resumed, true);
  again.listen();
  await relayOnly.pass(ENTRY_MS - 1, [ada, again]);
  relayOnly.clock.advance(1);
  assertEquals(await again.farewell(), IDLE);
  await ada.logged(`bob away ${LOST}`);
  await relayOnly.close();
});
