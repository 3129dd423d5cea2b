import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { FAREWELL_MS } from "../../lib/channel/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { SHARE_BYTES } from "../../lib/relay/backpressure.ts";
import { DEFAULT_LIMITS, DRAIN_MS, Relay } from "../../lib/relay/mod.ts";
import {
  AcceptStatus,
  CHANGE_BYTES,
  CloseReason,
  MAX_OBJECT_BYTES,
  MemberChange,
  type MemberRecord,
  NO_TRANSCRIPT,
  type RosterEntry,
} from "../../lib/wire/mod.ts";
import { nextTurn } from "../support/clock.ts";
import { ack, resume } from "../support/records.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

const { HOST_ENDS, IDLE, KICKED, LEAVING, LOST, PROTOCOL, REPLACED, TOO_SLOW } = CloseReason;

function names(roster: readonly RosterEntry[], ...guests: ScriptedGuest[]): string[] {
  return roster.map(({ away, key, nonce }) => {
    const guest = guests.find((guest) => equal(guest.nonce, nonce))!;
    assertEquals(key, guest.key);
    return away ? `(${guest.name})` : guest.name;
  });
}

test("Relay sends a newcomer the roster, and tells all others of the newcomer", async () => {
  const relayOnly = new RelayOnly({ maxMembers: 7 });
  const ada = relayOnly.knock("ada");
  const { instance, ...accept } = await ada.greeted();
  const { OK: status } = AcceptStatus;
  const time = relayOnly.clock.now();
  assertEquals(accept, {
    type: "accept",
    status,
    resumed: false,
    lastCmid: 0,
    maxMembers: 7,
    time,
    keep: DEFAULT_LIMITS.keepSeatMs / 1000,
  });
  assertEquals(await ada.enter(), { nextSeq: 1, queued: 0, roster: [] });
  ada.listen();
  const bob = relayOnly.knock("bob");
  assertEquals((await bob.greeted()).instance, instance);
  await ada.settle();
  assertEquals(ada.log.all, [], "before RESUME nobody is told");
  assertEquals(names((await bob.enter()).roster, ada), ["ada"]);
  const carol = await relayOnly.enter("carol");
  await ada.logged("bob joined 0");
  await ada.logged("carol joined 0");
  const dave = relayOnly.knock("dave");
  assertEquals(names((await dave.enter()).roster, ada, bob, carol), ["ada", "bob", "carol"]);
  assertEquals(new Relay().maxMembers, DEFAULT_LIMITS.maxMembers);
  await relayOnly.close();
});

test("Relay passes on to the room or to one session, and never to the sender", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob, carol] = [
    await relayOnly.enter("ada"),
    await relayOnly.enter("bob"),
    await relayOnly.enter("carol"),
  ];
  await ada.say(["all"]);
  await ada.say(["for bob"], bob);
  await ada.say(["for me"], ada);
  await ada.say(["for nobody"], relayOnly.knock("stranger"));
  await ada.acknowledged(4);
  await bob.say(["end"]);
  await ada.logged("bob: end");
  await carol.logged("bob: end");
  assertEquals(bob.log.all, ["carol joined 0", "ada: all", "ada (direct): for bob"]);
  assertEquals(carol.log.all, ["ada: all", "bob: end"]);
  assertEquals(ada.log.all, ["bob joined 0", "carol joined 0", "bob: end"]);
  await relayOnly.close();
});

test("Relay passes on objects of every size unchanged", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  const objects = [1, 100, 16_833, MAX_OBJECT_BYTES].map((size) => randomBytes(size));
  for (const object of objects) await ada.say([object]);
  await bob.logged(`ada: ${MAX_OBJECT_BYTES} bytes`);
  assertEquals(bob.envelopes.map(({ object }) => object), objects);
  await relayOnly.close();
});

test("Relay tells that a member came before anything from it, and that it left after all", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  for (let i = 0; i < 20; i++) {
    const bob = relayOnly.knock("bob");
    await bob.enter();
    bob.listen();
    void bob.say(["hello"]);
    void bob.say(["goodbye"], ada);
    await bob.leave();
    await ada.logged(`bob left ${LEAVING}`);
    const expected = ["bob joined 0", "bob: hello", "bob (direct): goodbye", "bob left 0"];
    assertEquals(ada.log.all.slice(-4), expected);
  }
  await relayOnly.close();
});

test("Relay answers an end that anybody could have forged with no farewell", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  assertEquals(await bob.hangUp(), undefined);
  await ada.logged(`bob away ${CloseReason.LOST}`);
  await relayOnly.close();
});

test("Relay acknowledges the envelopes of a member", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  bob.acknowledges = false;
  await ada.say(["one", "two"]);
  await ada.say(["three"], bob);
  await ada.acknowledged(3);
  await bob.logged("ada (direct): three");
  await relayOnly.close();
});

test("Relay drops envelopes sent again, and closes a member that leaves one out", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  ada.cmid = 41; // The first of a seat is free.
  await ada.say(["42"]);
  await ada.say(["43"]);
  ada.cmid = 41;
  await ada.say(["42 again", "43 again", "44"]);
  await bob.logged("ada: 44");
  await ada.acknowledged(44); // The repeated envelope has not ended the connection.
  ada.cmid++;
  await ada.say(["46"]);
  assertEquals(await ada.farewell(), PROTOCOL);
  await ada.served;
  await bob.logged(`ada away ${LOST}`);
  assertEquals(bob.log.all, ["ada: 42", "ada: 43", "ada: 44", `ada away ${LOST}`]);
  await relayOnly.close();
});

test("Relay takes a farewell that answers its own for no leave", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [relayOnly.knock("ada"), await relayOnly.enter("bob")];
  await ada.enter();
  await bob.logged("ada joined 0");
  await ada.say(["1"]);
  await bob.logged("ada: 1");
  ada.cmid++;
  await ada.say(["3"]);
  while ((await ada.read())!.type !== "close");
  await ada.leave();
  await bob.logged(`ada away ${LOST}`);
  const again = relayOnly.again(ada);
  assertEquals((await again.greeted()).resumed, true);
  await again.cut();
  assertEquals(bob.log.all, ["ada joined 0", "ada: 1", `ada away ${LOST}`]);
  await relayOnly.close();
});

test("Relay keeps a seat as lost, whatever reason but 0 its member's CLOSE has", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  for (let reason = 1; reason <= CloseReason.IDLE; reason++) {
    const bob = await relayOnly.enter(`bob ${reason}`);
    await bob.leave(reason);
    await ada.logged(`bob ${reason} away ${LOST}`);
  }
  await relayOnly.close();
});

/** Records that no honest member sends: before RESUME, or after it. */
const FAULTS: [string, boolean, MemberRecord][] = [
  ["an envelope before RESUME", false, { type: "batch", envelopes: [anEnvelope()] }],
  ["an ACK before RESUME", false, ack(0)],
  ["a second RESUME", true, resume()],
  ["an envelope of more than 33,000 bytes", true, {
    type: "batch",
    envelopes: [{ ...anEnvelope(), object: new Uint8Array(MAX_OBJECT_BYTES + 1) }],
  }],
  ["an empty envelope", true, {
    type: "batch",
    envelopes: [{ ...anEnvelope(), object: new Uint8Array() }],
  }],
  ["an empty batch", true, { type: "batch", envelopes: [] }],
  ["an envelope of an unknown class", true, {
    type: "batch",
    envelopes: [{ ...anEnvelope(), class: 2 }],
  }],
];

function anEnvelope() {
  return { class: 1, to: undefined, cmid: 1, object: new Uint8Array(1) };
}

for (const [what, resumed, record] of FAULTS) {
  test(`Relay closes a member that sends ${what}, and no other`, async () => {
    const relayOnly = new RelayOnly();
    const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
    const mal = relayOnly.knock("mal");
    await mal.greeted();
    if (resumed) await mal.enter();
    await mal.send(record);
    assertEquals(await mal.farewell(), PROTOCOL);
    await mal.served;
    await ada.say(["still here"]);
    await bob.logged("ada: still here");
    const seen = bob.log.all.filter((line) => line.startsWith("mal"));
    assertEquals(seen, resumed ? ["mal joined 0", `mal away ${LOST}`] : []);
    await relayOnly.close();
  });
}

/** What a member claims to have, who was sent one entry: never sent, or taken the place of on its way. */
const FALSE_CLAIMS: Readonly<Record<string, Omit<Extract<MemberRecord, { type: "ack" }>, "type">>> =
  {
    "more than was ever sent": { seq: 2, transcript: NO_TRANSCRIPT },
    "far more than was ever sent": { seq: 1000, transcript: NO_TRANSCRIPT },
    "a shared frame that was never sent": { seq: 1, transcript: new Uint8Array(32).fill(1) },
  };

for (const [what, claim] of Object.entries(FALSE_CLAIMS)) {
  for (const type of ["ack", "resume"] as const) {
    test(`Relay ends the seat of a member whose ${type.toUpperCase()} claims ${what}, and counts nothing as delivered`, async () => {
      const relayOnly = new RelayOnly();
      const [ada, bob] = [await relayOnly.enter("ada"), relayOnly.knock("bob")];
      await bob.enter();
      bob.acknowledges = false;
      bob.listen();
      await ada.logged("bob joined 0");
      await ada.say(["one"]);
      await bob.logged("ada: one");
      let last = bob;
      if (type === "ack") {
        await bob.send({ type, ...claim });
      } else {
        await bob.cut();
        await ada.logged(`bob away ${LOST}`);
        last = relayOnly.again(bob);
        const { instance } = await last.greeted();
        const { seq: lastSeq, transcript } = claim;
        await last.send({ type, instance, lastSeq, transcript });
      }
      assertEquals(await last.farewell(), PROTOCOL);
      await ada.logged(`bob left ${PROTOCOL}`);
      const { all } = ada.records;
      const left = all.findIndex((record) =>
        record.type === "member" &&
        record.changes.some(({ change }) => change === MemberChange.LEFT)
      );
      const early = all.slice(0, left).filter((record) => record.type === "ack");
      assertEquals(early.map(({ delivered }) => delivered), early.map(() => 0));
      assertEquals((await relayOnly.again(bob).greeted()).resumed, false);
      await relayOnly.close();
    });
  }
}

test("Relay ends the seat of a member that claims another transcript for what it acknowledged before", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await ada.say(["one"]);
  await ada.delivered(1);
  await bob.send(ack(1));
  await bob.settle();
  await bob.send({ ...ack(1), transcript: new Uint8Array(32).fill(1) });
  assertEquals(await bob.farewell(), PROTOCOL);
  await ada.logged(`bob left ${PROTOCOL}`);
  await relayOnly.close();
});

test("Relay ends the seat of a member that acknowledges an entry not yet sent", async () => {
  const relayOnly = new RelayOnly();
  const bob = relayOnly.knock("bob");
  await bob.enter();
  const guests = [];
  for (let i = 0; i < 20; i++) guests.push(await relayOnly.enter(`guest ${i}`));
  await bob.send(ack(20));
  assertEquals(await bob.farewell(), PROTOCOL);
  await guests[0]!.logged(`bob left ${PROTOCOL}`);
  await relayOnly.close();
});

test("Relay keeps a seat for a while after its connection is lost", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await bob.cut();
  await ada.logged(`bob away ${LOST}`);
  const carol = relayOnly.knock("carol");
  assertEquals(names((await carol.enter()).roster, ada, bob), ["ada", "(bob)"]);
  carol.listen();
  await relayOnly.pass(DEFAULT_LIMITS.keepSeatMs - 1, [ada, carol]);
  assertEquals(ada.log.rest(), ["carol joined 0"]);
  relayOnly.clock.advance(1);
  await ada.logged(`bob left ${LOST}`);
  await carol.logged(`bob left ${LOST}`);
  // Its session may come again, but as a new one.
  const again = relayOnly.again(bob);
  assertEquals((await again.greeted()).resumed, false);
  assertEquals((await again.enter()).nextSeq, 1);
  await ada.logged("bob joined 0");
  await relayOnly.close();
});

test("Relay sends a member that comes back exactly the entries that it has not acknowledged", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  bob.acknowledges = false;
  await ada.say(["one", "two"]);
  const carol = await relayOnly.enter("carol");
  await carol.say(["three"]);
  await carol.leave();
  await bob.logged(`carol left ${LEAVING}`);
  assertEquals(bob.lastSeq, 5);
  await bob.say(["from bob"]);
  await bob.acknowledged(1);
  await bob.send(ack(1));
  await bob.settle();
  await bob.cut();
  await ada.logged(`bob away ${LOST}`);
  await ada.say(["four"]);
  await ada.acknowledged(3);

  // It had got as far as the third, but its acknowledgement was lost.
  const again = relayOnly.again(bob);
  const { lastCmid, resumed } = await again.greeted();
  assertEquals([lastCmid, resumed], [1, true]);
  const { nextSeq, queued, roster } = await again.enter({ ...bob.whereabouts, lastSeq: 2 });
  assertEquals([nextSeq, queued, names(roster, ada)], [3, 4, ["ada"]]);
  again.listen();
  await again.logged("ada: four");
  assertEquals(again.log.all, ["carol joined 0", "carol: three", "carol left 0", "ada: four"]);
  await ada.logged("bob back 0");
  again.cmid = 0;
  await again.say(["from bob", "and more"]);
  await ada.logged("bob: and more");
  assertEquals(ada.log.all.filter((line) => line.startsWith("bob: ")), [
    "bob: from bob",
    "bob: and more",
  ]);
  await ada.acknowledged(3);
  await relayOnly.close();
});

test("Relay begins with the first unacknowledged for a member that names no instance", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await ada.say(["one"]);
  await ada.acknowledged(1);
  bob.acknowledges = false;
  await ada.say(["two"]);
  await bob.logged("ada: two");
  await bob.cut();
  const again = relayOnly.again(bob);
  assertEquals((await again.enter()).nextSeq, 2);
  await again.cut();
  // Whatever it claims to have.
  const third = relayOnly.again(bob);
  const instance = randomBytes(8);
  assertEquals((await third.enter({ instance, lastSeq: 2 })).nextSeq, 2);
  await third.cut();
  await relayOnly.close();
});

test("Relay keeps no entry that a member has acknowledged, changes included", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  for (let i = 0; i < 50; i++) {
    const bob = await relayOnly.enter("bob");
    await bob.leave();
  }
  await ada.log.count(100);
  await ada.settle();
  await ada.cut();
  const again = relayOnly.again(ada);
  await again.greeted();
  const { nextSeq } = await again.enter(ada.whereabouts);
  assertEquals([nextSeq, ada.lastSeq], [101, 100]);
  await relayOnly.close();
});

test("Relay moves a seat to its newest connection", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await bob.say(["one"]);
  await ada.logged("bob: one");
  // The relay has not noticed yet that bob's connection is dead.
  const again = relayOnly.again(bob);
  assertEquals((await again.greeted()).lastCmid, 1);
  await bob.send(resume(bob.lastSeq, bob.accept.instance));
  await bob.send(ack(1));
  await bob.say(["too late"]);
  assertEquals(await bob.farewell(), REPLACED);
  await bob.served;
  await ada.say(["two"]);
  assertEquals((await again.enter(bob.whereabouts)).nextSeq, 1);
  again.listen();
  await again.logged("ada: two");
  await again.say(["three"]);
  await ada.logged("bob: three");
  assertEquals(ada.log.all, ["bob joined 0", "bob: one", "bob back 0", "bob: three"]);
  await relayOnly.close();
});

test("Relay keeps the seat of a member that has come back and not resumed yet", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await bob.cut();
  await ada.logged(`bob away ${LOST}`);
  await relayOnly.pass(DEFAULT_LIMITS.keepSeatMs - 1, [ada]);
  const again = relayOnly.again(bob);
  await again.greeted();
  relayOnly.clock.advance(10_000);
  await ada.settle();
  await again.enter(bob.whereabouts);
  await ada.logged("bob back 0");
  again.listen();
  await ada.say(["hello again"]);
  await again.logged("ada: hello again");
  await again.cut();
  await ada.logged(`bob away ${LOST}`);

  // One that never resumes has its whole time from its end on.
  const third = relayOnly.again(bob);
  await third.greeted();
  await relayOnly.pass(30_000, [ada]);
  await third.cut();
  await relayOnly.pass(DEFAULT_LIMITS.keepSeatMs - 1, [ada]);
  assert(!ada.log.all.includes(`bob left ${LOST}`));
  relayOnly.clock.advance(1);
  await ada.logged(`bob left ${LOST}`);
  await relayOnly.close();
});

test("Relay gives up a seat for which over 4 MiB wait, and a connection that has just come back to it", async () => {
  for (const comesBack of [false, true]) {
    const relayOnly = new RelayOnly();
    const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
    await bob.cut();
    await ada.logged(`bob away ${LOST}`);
    const again = comesBack ? relayOnly.again(bob) : undefined;
    await again?.greeted();
    const object = new Uint8Array(MAX_OBJECT_BYTES - 30);
    const fits = Math.floor(DEFAULT_LIMITS.maxQueueBytes / MAX_OBJECT_BYTES);
    for (let i = 0; i < fits; i++) await ada.say([object]);
    await ada.acknowledged(fits);
    assert(!ada.log.all.includes(`bob left ${LOST}`));
    await ada.say([object]);
    await ada.logged(`bob left ${LOST}`);
    await ada.acknowledged(fits + 1);
    if (again !== undefined) assertEquals(await again.farewell(), TOO_SLOW);
    await relayOnly.close();
  }
});

test("Relay gives up a seat without a connection for which too many changes wait", async () => {
  const changes = 4;
  const relayOnly = new RelayOnly({ maxQueueBytes: changes * CHANGE_BYTES });
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await bob.cut();
  await ada.logged(`bob away ${LOST}`);
  for (let i = 0; i < changes; i += 2) await (await relayOnly.enter(`guest ${i}`)).leave();
  await ada.settle();
  assert(!ada.log.all.includes(`bob left ${LOST}`));
  await relayOnly.enter("carol");
  await ada.logged(`bob left ${LOST}`);
  await relayOnly.close();
});

test("Relay tells once that a seat has ended which it gives up while it removes others", async () => {
  const relayOnly = new RelayOnly({ maxQueueBytes: MAX_OBJECT_BYTES + SHARE_BYTES });
  const ada = await relayOnly.enter("ada");
  const slow = await relayOnly.enter("slow");
  const away = await relayOnly.enter("away", slow.key);
  await away.cut();
  await ada.logged(`away away ${LOST}`);
  slow.acknowledges = false;
  const object = new Uint8Array(MAX_OBJECT_BYTES);
  await ada.say([object, object]); // The second waits for the one that is slow.
  await ada.acknowledged(1);
  relayOnly.relay.expel(slow.key, KICKED);
  await relayOnly.enter("carol");
  await ada.logged("carol joined 0");
  assertEquals(ada.log.all.filter((line) => line.includes("left")), [
    `slow left ${KICKED}`,
    `away left ${LOST}`,
  ]);
  await relayOnly.close();
});

test("Relay admits no more than its maximum, members that are away included", async () => {
  const relayOnly = new RelayOnly({ maxMembers: 2 });
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  await bob.cut();
  let admitted = false;
  const carol = relayOnly.knock("carol", { admitted: () => admitted = true });
  assertEquals((await carol.greeted()).status, AcceptStatus.ROOM_FULL);
  assertEquals(await carol.farewell(), IDLE);
  await carol.served;
  assertEquals(admitted, false);
  const again = relayOnly.again(bob);
  await again.enter(bob.whereabouts);
  await again.leave();
  const dave = relayOnly.knock("dave", { admitted: () => admitted = true });
  assertEquals((await dave.greeted()).status, AcceptStatus.OK);
  assertEquals(admitted, false);
  await dave.enter();
  assertEquals(admitted, true);
  await ada.logged("dave joined 0");
  await relayOnly.close();
});

test("Relay reports the end of each seat, whether or not its member had entered", async () => {
  const ended: string[] = [];
  const relayOnly = new RelayOnly({ onSeatEnded: ({ session }) => ended.push(session.join()) });
  const early = relayOnly.knock("early");
  await early.greeted();
  await early.leave();
  const ada = await relayOnly.enter("ada");
  await ada.leave();
  const bob = await relayOnly.enter("bob");
  await bob.cut();
  assertEquals(ended, [early, ada].map(({ session }) => session.join()));
  relayOnly.clock.advance(DEFAULT_LIMITS.keepSeatMs);
  assertEquals(ended.at(-1), bob.session.join());
  await relayOnly.close();
});

test("Relay gives up at once a seat whose member never resumed", async () => {
  const relayOnly = new RelayOnly({ maxMembers: 2 });
  const ada = await relayOnly.enter("ada");
  for (let i = 0; i < 3; i++) {
    const ghost = relayOnly.knock("ghost");
    assertEquals((await ghost.greeted()).status, AcceptStatus.OK);
    await ghost.cut();
  }
  await ada.settle();
  assertEquals(ada.log.all, []);
  await relayOnly.close();
});

test("Relay.close tells every member, and admits no more", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [await relayOnly.enter("ada"), await relayOnly.enter("bob")];
  const waiting = relayOnly.knock("waiting");
  await waiting.greeted();
  const closed = relayOnly.relay.close();
  const late = relayOnly.knock("late");
  const again = relayOnly.again(bob);
  for (const guest of [late, again]) {
    assertEquals(await guest.farewell(), HOST_ENDS);
    assertEquals(guest.records.all, [{ type: "close", reason: HOST_ENDS }]);
  }
  for (const guest of [ada, bob, waiting]) assertEquals(await guest.farewell(), HOST_ENDS);
  await closed;
  await relayOnly.close();
});

test("Relay.close ends though a member never reads, and one is full with what another sends", async () => {
  const relayOnly = new RelayOnly();
  const ada = await relayOnly.enter("ada");
  const bob = relayOnly.knock("bob");
  await bob.enter();
  const object = new Uint8Array(MAX_OBJECT_BYTES);
  for (let i = 0; i < 40; i++) void ada.say([object]);
  await ada.acknowledged(1);
  const closed = relayOnly.relay.close();
  relayOnly.clock.advance(DRAIN_MS);
  assertEquals(await ada.farewell(), HOST_ENDS);
  await nextTurn();
  relayOnly.clock.advance(FAREWELL_MS);
  await closed;
  assertEquals(relayOnly.clock.timers, 0);
});

test("Relay.close waits for no full queue where two members are full with each other", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = [relayOnly.knock("ada"), relayOnly.knock("bob")];
  await ada.enter();
  await bob.enter();
  const object = new Uint8Array(MAX_OBJECT_BYTES);
  for (let i = 0; i < 40; i++) {
    void ada.say([object]);
    void bob.say([object]);
  }
  await nextTurn();
  const closed = relayOnly.relay.close();
  relayOnly.clock.advance(DRAIN_MS);
  await nextTurn();
  relayOnly.clock.advance(FAREWELL_MS);
  await closed;
  assertEquals(relayOnly.clock.timers, 0);
});

test("Relay tells every newcomer, once, of the sessions that ended with the previous process", async () => {
  const former = ["eve", "frank"].map((name) => ({
    name,
    key: randomBytes(32),
    nonce: randomBytes(16),
  }));
  const relayOnly = new RelayOnly({ former });
  for (const options of former) relayOnly.knock(options.name, options);
  const ada = await relayOnly.enter("ada");
  const goodbyes = [`eve left ${HOST_ENDS}`, `frank left ${HOST_ENDS}`];
  await ada.logged(goodbyes[1]!);
  const bob = await relayOnly.enter("bob");
  await bob.logged(goodbyes[1]!);
  await ada.logged("bob joined 0");
  await ada.cut();
  const again = relayOnly.again(ada);
  await again.greeted();
  const { roster } = await again.enter(ada.whereabouts);
  assertEquals(names(roster, bob), ["bob"]);
  again.listen();
  await bob.say(["hello"]);
  await again.logged("bob: hello");
  assertEquals(bob.log.all.slice(0, 2), goodbyes);
  assertEquals([...ada.log.all, ...again.log.all], [...goodbyes, "bob joined 0", "bob: hello"]);
  await relayOnly.close();
});
