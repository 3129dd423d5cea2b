import { assert, assertEquals } from "@std/assert";
import { toHex } from "../../lib/bytes/mod.ts";
import { QueuedEnvelope, QueueMemory } from "../../lib/relay/queued_envelope.ts";
import { FairScheduler } from "../../lib/relay/scheduler.ts";
import { Seat } from "../../lib/relay/seat.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

const GUEST = {
  key: new Uint8Array(32),
  nonce: new Uint8Array(16),
  session: new Uint8Array(16),
};

/** A source with no ACKs of its own. */
const SOURCE = { id: "", session: new Uint8Array(16) };

/** The records that a member has to get, in order. */
function drain(seat: Seat): ReturnType<Seat["next"]>[] {
  const records: ReturnType<Seat["next"]>[] = [];
  for (let next = seat.next(); next !== undefined; next = seat.next()) records.push(next);
  return records;
}

test("Seat acknowledges in one ACK the envelopes between two entries, and before the later entry", () => {
  const seat = new Seat(GUEST, {
    scheduler: new FairScheduler(),
    clock: new FakeClock(),
    onStalled: () => {},
  });
  const deliver = (byte: number): void => {
    const envelope = { class: 1, to: undefined, cmid: 1, object: new Uint8Array([byte]) };
    seat.deliver(new QueuedEnvelope(envelope, SOURCE, new QueueMemory(Infinity)));
  };
  deliver(1);
  seat.accept(7);
  seat.accept(8);
  deliver(2);
  deliver(3);
  seat.accept(9);
  for (const cmid of [7, 8]) {
    seat.acks.reach(cmid);
    seat.acks.settle(cmid);
  }
  const [first, second, batch, ...more] = drain(seat);
  assertEquals(first, { type: "ack", accepted: 8, delivered: 8, reached: 8, seq: 1 });
  assertEquals(second, { type: "ack", accepted: 9, delivered: 8, reached: 8, seq: 3 });
  assert(batch !== undefined && "envelopes" in batch);
  assertEquals(batch.envelopes.map(({ object }) => object[0]), [1, 2, 3]);
  assertEquals(more, []);
  deliver(4);
  seat.acks.reach(9);
  seat.acks.settle(9);
  // An ACK that accepts no envelope keeps the place of the last accepted one.
  assertEquals(seat.next(), { type: "ack", accepted: 9, delivered: 9, reached: 9, seq: 3 });
});

/**
 * The room's order as one member can show it: its received envelopes, and its own at their places.
 *
 * @param connections Of that member, the first one first.
 */
function shown(...connections: readonly ScriptedGuest[]): string[] {
  const lines: { readonly seq: number; readonly line: string }[] = [];
  const [guest] = connections as [ScriptedGuest];
  let [seen, own] = [0, 0];
  for (const record of connections.flatMap(({ records }) => records.all)) {
    if (record.type === "member") seen += record.changes.length;
    if (record.type === "batch") {
      for (const { from, object } of record.envelopes) {
        lines.push({ seq: ++seen, line: `${toHex(from)}: ${new TextDecoder().decode(object)}` });
      }
    }
    if (record.type !== "ack") continue;
    if (record.accepted > own) assertEquals(record.seq >= seen, true, "an ACK came too late");
    for (; own < record.accepted; own++) {
      lines.push({ seq: record.seq + 0.5, line: `${toHex(guest.session)}: ${own + 1}` });
    }
  }
  return lines.sort((one, other) => one.seq - other.seq).map(({ line }) => line);
}

test("Relay tells each sender where its envelopes stand: all can show the same order", async () => {
  const relayOnly = new RelayOnly();
  const guests = [];
  for (const name of ["ada", "bob", "carol", "dave"]) guests.push(await relayOnly.enter(name));
  const speakers = guests.slice(0, 3);
  for (let i = 0; i < 20; i++) {
    const said = speakers.map(async (guest, which) => {
      for (let turn = 0; turn < (i * (which + 1)) % 4; turn++) await nextTurn();
      await guest.say([`${guest.cmid + 1}`, `${guest.cmid + 2}`]);
    });
    if (i % 3 === 0) await Promise.all(said);
  }
  for (const guest of speakers) await guest.delivered(40);
  const orders = guests.map((guest) => shown(guest));
  assertEquals(orders[3]?.length, 120);
  for (const order of orders) assertEquals(order, orders[3]);
  await relayOnly.close();
});

test("Relay tells a member that comes back where its envelopes stand of which it lost the ACK", async () => {
  const relayOnly = new RelayOnly();
  const [bob, ada] = [await relayOnly.enter("bob"), relayOnly.knock("ada")];
  await ada.enter();
  for (let i = 1; i <= 5; i++) {
    await ada.say([`${i}`]);
    await bob.log.count(1 + i);
    await bob.say([`${i}`]);
    await bob.acknowledged(i);
  }
  await ada.cut();
  const again = relayOnly.again(ada);
  await again.greeted();
  assertEquals(again.accept.lastCmid, 5);
  await again.enter(ada.whereabouts);
  again.listen();
  await again.log.count(5);
  assertEquals(shown(ada, again), shown(bob));
  await relayOnly.close();
});

test("Relay lets all show the same order though their connections are cut again and again", async () => {
  const relayOnly = new RelayOnly();
  const connections: ScriptedGuest[][] = [];
  for (const name of ["ada", "bob", "carol"]) connections.push([await relayOnly.enter(name)]);
  const observer = await relayOnly.enter("dave");
  for (let round = 0; round < 30; round++) {
    for (const [which, own] of connections.entries()) {
      const guest = own.at(-1)!;
      void guest.say([`${guest.cmid + 1}`, `${guest.cmid + 2}`]);
      for (let turn = 0; turn < (round * (which + 3)) % 5; turn++) await nextTurn();
      if ((round + which) % 4 > 0) continue;
      await guest.cut();
      const again = relayOnly.again(guest);
      await again.greeted();
      await again.enter(guest.whereabouts);
      again.listen();
      own.push(again);
    }
  }
  for (const own of connections) {
    const guest = own.at(-1)!;
    await guest.say([`${guest.cmid + 1}`]);
    await guest.delivered(guest.cmid);
    await guest.settle();
  }
  await observer.settle();
  const order = shown(observer);
  for (const own of connections) assertEquals(shown(...own), order);
  await relayOnly.close();
});

test("Relay has all members learn of a seat that is given up in the same place", async () => {
  const relayOnly = new RelayOnly({ maxQueueBytes: 40_000 });
  const [anna, sam, bert, cara] = [
    await relayOnly.enter("anna"),
    await relayOnly.enter("sam"),
    await relayOnly.enter("bert"),
    await relayOnly.enter("cara"),
  ];
  await bert.cut();
  for (const guest of [anna, sam, cara]) await guest.logged("bert away 9");
  for (const size of [20_000, 19_000, 2000]) await sam.say([new Uint8Array(size)]);
  await sam.say(["last"]);
  for (const guest of [anna, cara]) await guest.logged("sam: last");
  const places = [anna, cara].map(({ log }) => log.all.slice(-5));
  assertEquals(places[0], places[1]);
  assertEquals(places[0]!.slice(-3), ["sam: 2000 bytes", "bert left 9", "sam: last"]);
  await relayOnly.close();
});
