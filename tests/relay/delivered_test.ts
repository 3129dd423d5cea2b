import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DEFAULT_LIMITS } from "../../lib/relay/mod.ts";
import { QueuedEnvelope, QueueMemory } from "../../lib/relay/queued_envelope.ts";
import { FairScheduler } from "../../lib/relay/scheduler.ts";
import { Seat } from "../../lib/relay/seat.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { ack } from "../support/records.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { RelayOnly } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

const GUEST = {
  key: new Uint8Array(32),
  nonce: new Uint8Array(16),
  session: new Uint8Array(16),
};

/** A room in which only the first member still acknowledges by itself. */
async function gather(...names: string[]): Promise<[RelayOnly, ...ScriptedGuest[]]> {
  const relayOnly = new RelayOnly();
  const guests = [];
  for (const name of names) guests.push(await relayOnly.enter(name));
  for (const guest of guests) await guest.settle();
  for (const guest of guests.slice(1)) guest.acknowledges = false;
  return [relayOnly, ...guests];
}

/** Acknowledges everything that a guest received. */
async function acknowledge(guest: ScriptedGuest, lines: string): Promise<void> {
  await guest.logged(lines);
  await guest.send(ack(guest.lastSeq));
  await guest.settle();
}

/** The ACKs of a guest's own envelopes, once the room is idle. */
async function told(guest: ScriptedGuest): Promise<[accepted: number, delivered: number]> {
  await guest.settle();
  await nextTurn();
  return [guest.ack.accepted, guest.ack.delivered];
}

test("Relay reports an envelope delivered once every receiver has acknowledged it, and not before", async () => {
  const [relayOnly, ada, bob, carol] = await gather("ada", "bob", "carol") as [
    RelayOnly,
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  await ada.say(["one", "two"]);
  await ada.acknowledged(2);
  assertEquals(await told(ada), [2, 0]);
  await acknowledge(bob, "ada: two");
  assertEquals(await told(ada), [2, 0]);
  await carol.logged("ada: two");
  await carol.send(ack(carol.lastSeq - 1));
  await ada.delivered(1);
  assertEquals(await told(ada), [2, 1]);
  await carol.send(ack(carol.lastSeq));
  await ada.delivered(2);
  await relayOnly.close();
});

test("Relay reports no envelope delivered before all earlier ones of the member are", async () => {
  const [relayOnly, ada, bob, carol] = await gather("ada", "bob", "carol") as [
    RelayOnly,
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  await ada.say(["for bob"], bob);
  await ada.say(["for carol"], carol);
  await acknowledge(carol, "ada (direct): for carol");
  assertEquals(await told(ada), [2, 0]);
  await acknowledge(bob, "ada (direct): for bob");
  await ada.delivered(2);
  await relayOnly.close();
});

test("Relay reports an envelope without a receiver delivered at once", async () => {
  const [relayOnly, ada] = await gather("ada") as [RelayOnly, ScriptedGuest];
  await ada.say(["is anybody here?"]);
  await ada.say(["and you?"], { session: new Uint8Array(16).fill(1) });
  await ada.delivered(2);
  await relayOnly.close();
});

test("Relay reports an envelope delivered whose receivers have it or are gone", async () => {
  const [relayOnly, ada, bob, carol] = await gather("ada", "bob", "carol") as [
    RelayOnly,
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  await ada.say(["one"]);
  await acknowledge(bob, "ada: one");
  assertEquals(await told(ada), [1, 0]);
  await carol.leave();
  await ada.delivered(1);
  await relayOnly.close();
});

test("Relay tells a member who left before it reports what only that member lacked as delivered", async () => {
  const [relayOnly, ada, bob] = await gather("ada", "bob") as [
    RelayOnly,
    ScriptedGuest,
    ScriptedGuest,
  ];
  await ada.say(["one"]);
  await bob.logged("ada: one");
  assertEquals(await told(ada), [1, 0]);
  const before = ada.records.all.length;
  await bob.leave();
  await ada.delivered(1);
  const news = ada.records.all.slice(before);
  const left = news.findIndex(({ type }) => type === "member");
  const delivered = news.findIndex((record) => record.type === "ack" && record.delivered === 1);
  assert(left >= 0 && left < delivered, Deno.inspect(news));
  await relayOnly.close();
});

test("Relay delays the delivered report for a member that is away until it has the envelope or is given up", async () => {
  for (const comesBack of [true, false]) {
    const [relayOnly, ada, bob] = await gather("ada", "bob") as [
      RelayOnly,
      ScriptedGuest,
      ScriptedGuest,
    ];
    await ada.say(["one"]);
    await bob.logged("ada: one");
    await bob.cut();
    await ada.say(["two"]);
    await ada.acknowledged(2);
    assertEquals(await told(ada), [2, 0]);
    if (comesBack) {
      const again = relayOnly.again(bob);
      // It says that it has the first.
      await again.greeted();
      await again.enter({ instance: again.accept.instance, lastSeq: bob.lastSeq });
      await ada.delivered(1);
      assertEquals(await told(ada), [2, 1]);
      again.listen();
    } else {
      await relayOnly.pass(DEFAULT_LIMITS.keepSeatMs, [ada]);
    }
    await ada.delivered(2);
    await relayOnly.close();
  }
});

test("Relay tells a member that comes back how much was delivered meanwhile", async () => {
  const [relayOnly, ada, bob] = await gather("ada", "bob") as [
    RelayOnly,
    ScriptedGuest,
    ScriptedGuest,
  ];
  await ada.say(["one", "two", "three"]);
  await bob.logged("ada: three");
  await ada.acknowledged(3);
  await ada.cut();
  await bob.send(ack(bob.lastSeq - 1));
  await bob.settle();
  const again = relayOnly.again(ada);
  await again.greeted();
  await again.enter(ada.whereabouts);
  again.listen();
  await again.acknowledged(3);
  assertEquals(again.ack.delivered, 2);
  await relayOnly.close();
});

test("Relay reports no more delivered than it has accepted, however it is counted", async () => {
  const [relayOnly, ada, bob] = await gather("ada", "bob") as [
    RelayOnly,
    ScriptedGuest,
    ScriptedGuest,
  ];
  bob.acknowledges = true;
  ada.cmid = 41; // The first of a seat is free.
  for (let i = 0; i < 50; i++) await ada.say([`${i}`, `and ${i}`]);
  await ada.delivered(141);
  const acks = ada.records.all.filter((record) => record.type === "ack");
  for (const { accepted, delivered } of acks) assert(delivered <= accepted);
  for (const [i, { delivered }] of acks.entries()) {
    assert(delivered >= (acks[i - 1]?.delivered ?? 0));
  }
  await relayOnly.close();
});

test("Seat keeps no delivered envelope, even while an earlier one is under way", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const seat = new Seat(GUEST, {
    scheduler: new FairScheduler(),
    clock: new FakeClock(),
    onStalled: () => {},
  });
  const memory = new QueueMemory(Infinity);
  function pass(cmid: number): { object: WeakRef<Uint8Array>; release: () => void } {
    const object = new Uint8Array(1000);
    const envelope = { class: 1, to: undefined, cmid, object };
    const queued = new QueuedEnvelope(envelope, seat, memory);
    seat.accept(cmid);
    return { object: new WeakRef(object), release: () => queued.removeReceiver(false) };
  }
  const first = pass(1);
  const later = Array.from({ length: 100 }, (_, i) => {
    const { object, release } = pass(i + 2);
    release();
    return object;
  });
  assertEquals(seat.next(), { type: "ack", accepted: 101, delivered: 0, reached: 0, seq: 0 });
  await nextTurn(); // A reference that was looked at stays until then.
  collect();
  assertEquals(later.filter((object) => object.deref() !== undefined).length, 0);
  first.release();
  assertEquals(seat.next(), { type: "ack", accepted: 101, delivered: 101, reached: 101, seq: 0 });
  assertEquals(seat.next(), undefined);
});
