import { assert, assertEquals } from "@std/assert";
import { localChannel } from "../../lib/channel/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import {
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  Relay,
  type RelayOptions,
  SHARE_BYTES,
  STALL_BYTES,
  STALL_MS,
} from "../../lib/relay/mod.ts";
import { Link, type LinkListener } from "../../lib/room/link.ts";
import { CloseReason, ENVELOPE_OVERHEAD_BYTES, EnvelopeClass } from "../../lib/wire/mod.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { ack } from "../support/records.ts";
import { ANNOUNCEMENT, ScriptedGuest } from "../support/scripted_guest.ts";
import { closeAtOnce } from "../support/relay_only.ts";
import { test } from "../support/test.ts";

/** Objects of so many bytes, the overhead of their envelopes included, make counting easy. */
const SIZE = 16_384;
const OBJECT = new Uint8Array(SIZE - ENVELOPE_OVERHEAD_BYTES);
const LINE = `${OBJECT.length} bytes`;

/** The changes by which the others see that the relay closed bob, and gave him up. */
const BOB_AWAY = `bob away ${CloseReason.TOO_SLOW}`;
const BOB_LEFT = `bob left ${CloseReason.TOO_SLOW}`;

/** Objects of one sender that fill its share of a queue. */
const SHARE = SHARE_BYTES / SIZE;

/** Bytes that may be under way in a record between relay and member, and in the stream that carries it. */
const RECORD_BYTES = 65_536;

interface Scene {
  readonly clock: FakeClock;
  readonly relay: Relay;
  /** Sends. */
  readonly ada: ScriptedGuest;
  /** Whether it waits for a call before it reads. */
  readonly bob: ScriptedGuest;
  /** Reads. */
  readonly carol: ScriptedGuest;
}

/** Adds so many members that read; everything queued for bob before is taken. */
async function crowd(scene: Scene, count: number): Promise<ScriptedGuest[]> {
  const { bob, relay } = scene;
  const guests = Array.from(
    { length: count },
    (_, i) => new ScriptedGuest(relay, { name: `guest ${i}` }),
  );
  for (const guest of guests) {
    await guest.enter();
    guest.listen();
    await bob.read();
  }
  await standstill(scene);
  return guests;
}

/** How much the relay has taken of several, in bytes. */
function takenOf(guests: readonly ScriptedGuest[]): number {
  return guests.reduce((sum, guest) => sum + taken(guest), 0);
}

async function open(options: Omit<RelayOptions, "clock"> = {}): Promise<Scene> {
  const clock = new FakeClock();
  const relay = new Relay({ ...options, clock });
  const names = new Map<string, string>();
  const guests = ["ada", "carol", "bob"].map((name) => new ScriptedGuest(relay, { name, names }));
  const [ada, carol, bob] = guests as [ScriptedGuest, ScriptedGuest, ScriptedGuest];
  for (const guest of guests) await guest.enter();
  ada.listen();
  carol.listen();
  return { clock, relay, ada, bob, carol };
}

async function close({ ada, bob, carol, clock, relay }: Scene): Promise<void> {
  for (const guest of [ada, bob, carol]) guest.listen();
  await closeAtOnce(relay, clock);
}

/** Sends so many objects, four to a record, as an honest member does: with 256 KiB under way at most. */
async function burst(guest: ScriptedGuest, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 4) {
    await guest.say(Array(4).fill(OBJECT));
    await guest.acknowledged(guest.cmid - 12);
  }
  await guest.acknowledged(guest.cmid);
}

/** How many objects came. */
function received({ log }: ScriptedGuest): number {
  return log.all.filter((line) => line.endsWith(LINE)).length;
}

/** How much of a guest's the relay has taken, in bytes. */
function taken({ ack }: ScriptedGuest): number {
  return ack.accepted * SIZE;
}

/** Waits until the room is idle. */
async function standstill(scene: Scene): Promise<void> {
  for (let before = -1; before !== scene.ada.records.all.length;) {
    before = scene.ada.records.all.length;
    for (let i = 0; i < 20; i++) await nextTurn();
  }
}

test("Relay holds a sender while a receiver does not read, and loses nothing", async () => {
  const scene = await open();
  const { ada, bob, carol, clock } = scene;
  const count = 400;
  const sent = burst(ada, count);
  await standstill(scene);
  assertEquals(taken(ada), SHARE_BYTES);
  assertEquals(received(carol) * SIZE, taken(ada));
  clock.advance(5000);
  await Promise.all([ada.settle(), carol.settle()]);
  assertEquals(received(carol) * SIZE, taken(ada));
  bob.listen();
  await sent;
  await Promise.all([bob.settle(), carol.settle()]);
  await Promise.all([bob.log.count(count), carol.log.count(1 + count)]);
  assertEquals([received(bob), received(carol)], [count, count]);
  assert(!ada.log.all.includes(BOB_AWAY));
  await close(scene);
});

test("Relay lets a sender go on when some of its share is gone", async () => {
  const scene = await open();
  const { ada, bob } = scene;
  bob.acknowledges = false;
  const sent = burst(ada, 100);
  bob.listen();
  await bob.log.count(SHARE);
  // Taken, but not acknowledged: nothing changes.
  await standstill(scene);
  assertEquals(taken(ada), SHARE_BYTES);
  await bob.send(ack(1));
  await standstill(scene);
  assertEquals(taken(ada), SHARE_BYTES + SIZE);
  bob.acknowledges = true;
  await bob.send(ack(bob.lastSeq));
  await sent;
  await close(scene);
});

test("Relay holds all senders to a full queue until half of it is gone", async () => {
  const scene = await open();
  const { bob } = scene;
  const guests = await crowd(scene, 45);
  bob.acknowledges = false;
  for (const guest of guests) await guest.say(Array(SHARE).fill(OBJECT), bob);
  await standstill(scene);
  assertEquals(takenOf(guests), HIGH_WATER_BYTES + SIZE);
  bob.listen();
  await standstill(scene);
  const first = bob.lastSeq - HIGH_WATER_BYTES / SIZE;
  await bob.send(ack(first + LOW_WATER_BYTES / SIZE - 1));
  await standstill(scene);
  assertEquals(takenOf(guests), HIGH_WATER_BYTES + SIZE);
  await bob.send(ack(first + LOW_WATER_BYTES / SIZE));
  await standstill(scene);
  assertEquals(takenOf(guests), 45 * SHARE_BYTES);
  for (const guest of guests) assertEquals(taken(guest), SHARE_BYTES);
  bob.acknowledges = true;
  await bob.send(ack(bob.lastSeq));
  await close(scene);
});

test("Relay closes a member that does not read for ten seconds, keeps its place, and the others go on", async () => {
  const scene = await open();
  const { ada, bob, carol, clock } = scene;
  const sent = burst(ada, 200);
  await standstill(scene);
  clock.advance(STALL_MS - 1);
  await Promise.all([ada.settle(), carol.settle()]);
  await standstill(scene);
  assert(!ada.log.all.includes(BOB_AWAY));
  clock.advance(1);
  await sent;
  await ada.logged(BOB_AWAY);
  await carol.logged(BOB_AWAY);
  await carol.log.count(2 + 200); // And that bob had joined.
  assertEquals(received(carol), 200);
  assertEquals(await bob.farewell(), CloseReason.TOO_SLOW);
  await bob.served;
  // Its seat is there with all that waits for it.
  const again = new ScriptedGuest(scene.relay, bob);
  const { instance, resumed } = await again.greeted();
  assertEquals(resumed, true);
  await again.enter({ instance, lastSeq: bob.lastSeq });
  again.listen();
  await again.log.count(200 - received(bob));
  assertEquals(received(bob) + received(again), 200);
  assert(!ada.log.all.includes(BOB_LEFT));
  await close({ ...scene, bob: again });
});

test("Relay judges all seats that hold a sender at once, not one after the other", async () => {
  const scene = await open();
  const { ada, bob, clock, relay } = scene;
  const idle = Array.from({ length: 5 }, (_, i) => new ScriptedGuest(relay, { name: `idle ${i}` }));
  for (const guest of idle) await guest.enter();
  const sent = burst(ada, 100);
  await standstill(scene);
  clock.advance(STALL_MS);
  await sent;
  for (const guest of [bob, ...idle]) assertEquals(await guest.farewell(), CloseReason.TOO_SLOW);
  await close(scene);
});

test("Relay keeps a member that takes just enough of a share that refills at once, and not less", async () => {
  for (const enough of [true, false]) {
    const scene = await open();
    const { ada, bob, carol, clock } = scene;
    bob.acknowledges = false;
    bob.listen();
    const sent = burst(ada, 100);
    const rounds = STALL_BYTES / SHARE_BYTES;
    for (let second = 0; second < 3; second++) {
      for (let round = 0; round < rounds; round++) {
        await standstill(scene);
        assertEquals(bob.lastSeq, taken(ada) / SIZE);
        const last = !enough && second === 2 && round === rounds - 1;
        await bob.send(ack(bob.lastSeq - (last ? 1 : 0)));
      }
      await standstill(scene);
      clock.advance(STALL_MS);
      await Promise.all([ada.settle(), carol.settle()]);
    }
    await standstill(scene);
    assertEquals(ada.log.all.includes(BOB_AWAY), !enough);
    if (enough) {
      bob.acknowledges = true;
      await bob.send(ack(bob.lastSeq));
    }
    await sent;
    await close(scene);
  }
});

test("Relay keeps a member that comes back to more than a queue and takes some of it every ten seconds", async () => {
  for (const shares of [[1, 1], [0.99], [1, 0.99]]) {
    const scene = await open();
    const { ada, bob, carol, clock } = scene;
    await bob.cut();
    await burst(ada, 200);
    const again = new ScriptedGuest(scene.relay, bob);
    const { instance } = await again.greeted();
    await again.enter({ instance, lastSeq: 0 });
    again.acknowledges = false;
    again.listen();
    const held = burst(ada, 4);
    await again.log.count(200);
    const need = STALL_BYTES / SIZE;
    let seq = 0;
    for (const share of shares) {
      seq += Math.floor(share * need);
      await again.send(ack(seq));
      await again.settle();
      await standstill(scene);
      assertEquals(ada.ack.accepted, 200);
      clock.advance(STALL_MS);
      await Promise.all([ada.settle(), carol.settle()]);
    }
    if (shares.at(-1) === 1) {
      again.acknowledges = true;
      await again.send(ack(200));
      await held;
      assert(!ada.log.all.includes(BOB_AWAY));
    } else {
      await held;
      await ada.logged(BOB_AWAY);
    }
    await close({ ...scene, bob: again });
  }
});

test("Relay passes on all of a member that leaves while it is held, and then that it left", async () => {
  const scene = await open();
  const { ada, bob, carol } = scene;
  await ada.say(Array(SHARE).fill(OBJECT));
  await ada.say([...Array(3).fill(OBJECT), "farewell"]);
  await standstill(scene);
  const left = ada.leave();
  await standstill(scene);
  assertEquals(received(carol), SHARE);
  bob.listen();
  await left;
  const expected = [LINE, LINE, LINE].map((line) => `ada: ${line}`);
  for (const { log } of [bob, carol]) {
    await log.find((line): line is string => line === "ada left 0");
    assertEquals(log.all.slice(-5), [...expected, "ada: farewell", "ada left 0"]);
  }
  await close(scene);
});

test("Relay keeps nothing of a connection that is held and that another one of its member follows", async () => {
  const scene = await open();
  const { ada, relay } = scene;
  await ada.say(Array(SHARE).fill(OBJECT));
  await ada.say(Array(4).fill(OBJECT));
  await standstill(scene);
  assertEquals(taken(ada), SHARE_BYTES);
  const again = new ScriptedGuest(relay, ada);
  const { lastCmid } = await again.greeted();
  assertEquals(lastCmid, SHARE);
  // Bob still does not read, and yet the relay has finished the earlier connection.
  await ada.served;
  await close({ ...scene, ada: again });
});

test("Relay ends the connection that claims a seat whose queue then grows too long", async () => {
  const scene = await open();
  const { bob, carol, relay } = scene;
  const guests = await crowd(scene, 20);
  for (const guest of guests) {
    for (let i = 0; i < 4; i++) void guest.say(Array(4).fill(OBJECT), bob);
  }
  await standstill(scene);
  // Their messages reach the seat as soon as another connection claims it, and are too many for it.
  const again = new ScriptedGuest(relay, bob);
  await carol.logged(`bob left ${CloseReason.LOST}`);
  assert(!relay.hasSeat(bob.key));
  assertEquals(await again.farewell(), CloseReason.TOO_SLOW);
  await Promise.all([again.served, bob.cut()]);
  await close({ ...scene, bob: again });
});

test("Relay passes on nothing of a member that it has closed as too slow", async () => {
  const clock = new FakeClock();
  const relay = new Relay({ clock });
  const names = new Map<string, string>();
  const guests = ["ada", "bob", "carol"].map((name) => new ScriptedGuest(relay, { name, names }));
  const [ada, bob, carol] = guests as [ScriptedGuest, ScriptedGuest, ScriptedGuest];
  for (const guest of guests) await guest.enter();
  carol.listen();
  // Neither reads, so that both are full with each other, and more waits after that.
  for (const guest of [ada, bob]) {
    for (let i = 0; i < 30; i++) void guest.say(Array(4).fill(OBJECT));
  }
  for (let i = 0; i < 200; i++) await nextTurn();
  clock.advance(STALL_MS);
  for (let i = 0; i < 200; i++) await nextTurn();
  const lines = carol.log.all;
  for (const name of ["ada", "bob"]) {
    const away = lines.indexOf(`${name} away ${CloseReason.TOO_SLOW}`);
    assert(away > 0, `${name} was not closed`);
    assertEquals(lines.slice(away).filter((line) => line.startsWith(`${name}:`)), []);
  }
  for (const guest of [ada, bob]) guest.listen();
  await closeAtOnce(relay, clock);
});

test("Relay forgets changes that were acknowledged", async () => {
  const scene = await open();
  const { bob, relay } = scene;
  const guests = await crowd(scene, 40);
  const lastSeq = bob.lastSeq + 800;
  const reading = (async () => {
    while (bob.lastSeq < lastSeq) await bob.read();
  })();
  for (let i = 0; i < 400; i++) {
    const passer = new ScriptedGuest(relay, { name: "passer" });
    await passer.enter();
    await passer.leave();
  }
  await reading;
  await standstill(scene);
  for (const guest of guests) await guest.say(Array(SHARE).fill(OBJECT), bob);
  await standstill(scene);
  assertEquals(takenOf(guests), HIGH_WATER_BYTES + SIZE);
  await close(scene);
});

test("Relay stops reading a member that sends far more than it may while a receiver is full", async () => {
  const scene = await open();
  const { ada } = scene;
  let written = 0;
  const flood = Promise.all(Array.from({ length: 100 }, async () => {
    await ada.say(Array(4).fill(OBJECT));
    written += 4 * SIZE;
  }));
  await standstill(scene);
  const inbox = 5 << 16;
  assert(written <= SHARE_BYTES + inbox + 4 * RECORD_BYTES, `${written} bytes were read`);
  scene.bob.listen();
  await flood;
  await ada.acknowledged(400);
  await scene.bob.log.count(400);
  assertEquals(received(scene.bob), 400);
  await close(scene);
});

test("Relay counts changes too, and so closes a member that never reads in an idle room", async () => {
  const scene = await open();
  const { ada, bob, clock, relay } = scene;
  const guests = await crowd(scene, HIGH_WATER_BYTES / SHARE_BYTES);
  for (const guest of guests) await guest.say(Array(SHARE).fill(OBJECT), bob);
  await standstill(scene);
  assertEquals(takenOf(guests), HIGH_WATER_BYTES);
  clock.advance(STALL_MS);
  await Promise.all([ada.settle(), scene.carol.settle()]);
  // At the limit it holds no sender; one change more is too much.
  const dave = new ScriptedGuest(relay, { name: "dave" });
  await dave.enter();
  clock.advance(0); // It has had its time.
  await ada.logged(BOB_AWAY);
  assertEquals(await bob.farewell(), CloseReason.TOO_SLOW);
  dave.listen();
  await close(scene);
});

test("Relay passes between two members that burst at each other while neither reads at first", async () => {
  const clock = new FakeClock();
  const relay = new Relay({ clock });
  const count = 300;
  const gate = Promise.withResolvers<void>();
  const sides = ["ada", "bob"].map((name) => {
    const progress = { name, accepted: 0, received: 0, changed: Promise.withResolvers<void>() };
    const change = (): void => {
      progress.changed.resolve();
      progress.changed = Promise.withResolvers();
    };
    const link = new Link(new Uint8Array(32), clock);
    const listener: LinkListener = {
      seated: () => link.enter(ANNOUNCEMENT),
      roster: () => {},
      member: () => {},
      envelope: () => {
        progress.received++;
        change();
      },
      delivered: () => {},
      accepted: (cmid) => {
        progress.accepted = cmid;
        change();
      },
      behind: () => {},
      opened: () => {},
      settled: () => progress.received > 0 ? gate.promise : Promise.resolve(),
    };
    const [mine, theirs] = localChannel();
    return {
      progress,
      link,
      ran: link.run(mine, listener),
      served: relay.serve(theirs, {
        key: randomBytes(32),
        nonce: randomBytes(16),
        session: randomBytes(16),
      }),
    };
  });
  for (let i = 0; i < 20; i++) await nextTurn();
  for (const { link } of sides) {
    for (let i = 0; i < count; i++) {
      link.send({ class: EnvelopeClass.CHAT, to: undefined, object: OBJECT });
    }
  }
  // Both queues are full before anybody takes more than a record.
  for (const { link } of sides) {
    while (link.envelopes.kept.length === 0) await nextTurn();
  }
  let before = -1;
  for (let now = 0; now !== before;) {
    before = now;
    for (let i = 0; i < 20; i++) await nextTurn();
    now = sides.reduce((sum, { link }) => sum + link.envelopes.kept.length, 0);
  }
  assert(before < count, `${before} were taken: no queue was full`);
  gate.resolve();
  for (const { progress } of sides) {
    while (progress.accepted < count || progress.received < count) await progress.changed.promise;
  }
  assertEquals(sides.map(({ progress }) => progress.received), [count, count]);
  await closeAtOnce(relay, clock);
  await Promise.all(sides.flatMap(({ ran, served }) => [ran, served]));
});

/** Has bob not read until the relay closes him as too slow, and come back. */
async function comeBackSlow(scene: Scene): Promise<{ again: ScriptedGuest; sent: Promise<void> }> {
  const { ada, bob, clock, relay } = scene;
  const sent = burst(ada, 100);
  await standstill(scene);
  clock.advance(STALL_MS);
  await ada.logged(BOB_AWAY);
  await bob.farewell();
  await sent;
  const again = new ScriptedGuest(relay, bob);
  const { instance } = await again.greeted();
  again.acknowledges = false;
  await again.enter({ instance, lastSeq: bob.lastSeq });
  return { again, sent: burst(ada, 4) };
}

test("Relay gives up a member that is too slow a second time and has not caught up in between", async () => {
  const scene = await open();
  const { ada, carol, clock, relay } = scene;
  const { again, sent } = await comeBackSlow(scene);
  await standstill(scene);
  assertEquals(taken(ada), 100 * SIZE);
  // A share of ada still waits when all but that is taken.
  again.listen();
  await again.log.count(100 - received(scene.bob));
  await again.send(ack(again.lastSeq - SHARE));
  await standstill(scene);
  clock.advance(STALL_MS);
  await Promise.all([ada.settle(), carol.settle()]);
  clock.advance(STALL_MS);
  await sent;
  await ada.logged(BOB_LEFT);
  assertEquals(await again.farewell(), CloseReason.TOO_SLOW);
  await again.served;
  await carol.log.count(1 + 104 + 3);
  assertEquals(received(carol), 104);
  // Its seat is gone with all that waited for it.
  const third = new ScriptedGuest(relay, again);
  assertEquals((await third.greeted()).resumed, false);
  await third.cut();
  await close({ ...scene, bob: again });
});

test("Relay closes a member that has caught up and is too slow again as if it were the first time", async () => {
  const scene = await open();
  const { ada, carol, clock } = scene;
  const { again, sent } = await comeBackSlow(scene);
  again.listen();
  await again.log.count(100 - received(scene.bob));
  // Less is left than a share.
  await again.send(ack(again.lastSeq - SHARE + 1));
  await standstill(scene);
  clock.advance(STALL_MS);
  await Promise.all([ada.settle(), carol.settle()]);
  clock.advance(STALL_MS);
  await sent;
  await ada.logged(BOB_AWAY);
  assert(!ada.log.all.includes(BOB_LEFT));
  await close({ ...scene, bob: again });
});

test("Relay gives up a member that was too slow and whose queue is too long, as too slow", async () => {
  const scene = await open({ maxQueueBytes: 2 * HIGH_WATER_BYTES });
  const { ada, clock } = scene;
  const fits = 2 * HIGH_WATER_BYTES / SIZE;
  const sent = burst(ada, fits);
  await standstill(scene);
  clock.advance(STALL_MS);
  await sent;
  assert(!ada.log.all.includes(BOB_LEFT));
  await burst(ada, 4);
  await ada.logged(BOB_LEFT);
  await close(scene);
});

test("Relay counts an object once in all its memory, and holds senders when it is full", async () => {
  const objects = 20; // Far less than a queue takes.
  const entries = 2 * 64; // Its bytes in bob's queue and in carol's.
  const scene = await open({ maxMemoryBytes: objects * (SIZE + entries) });
  const { ada, bob, carol, clock } = scene;
  const senders = [ada, ...await crowd(scene, 19)];
  for (const guest of [bob, carol]) guest.acknowledges = false;
  bob.listen();
  for (const sender of senders) await sender.say(Array(SHARE).fill(OBJECT));
  await standstill(scene);
  assertEquals(takenOf(senders), (objects + 1) * SIZE);
  await bob.send(ack(bob.lastSeq));
  await standstill(scene);
  assertEquals(takenOf(senders), (objects + 1) * SIZE, "carol still has it waiting");
  for (const guest of [bob, carol]) guest.acknowledges = true;
  await carol.send(ack(carol.lastSeq));
  await standstill(scene);
  assertEquals(takenOf(senders), 2 * objects * SIZE);
  assert(!ada.log.all.some((line) => line.includes("away")));
  assertEquals(clock.timers, 22, "only those that ask whether the guests are there");
  await close(scene);
});

test("Relay counts the overhead of an object in each queue, however small the object is", async () => {
  const size = ENVELOPE_OVERHEAD_BYTES + 1;
  const entries = 2 * 64; // In bob's queue and in carol's.
  const objects = 100;
  const scene = await open({ maxMemoryBytes: objects * (size + entries) });
  const { ada, bob, carol } = scene;
  for (const guest of [bob, carol]) guest.acknowledges = false;
  bob.listen();
  for (let sent = 0; sent < 4 * objects; sent += 4) await ada.say(Array(4).fill("."));
  await standstill(scene);
  assertEquals(ada.ack.accepted, objects + 1);
  for (const guest of [bob, carol]) guest.acknowledges = true;
  for (const guest of [bob, carol]) await guest.send(ack(guest.lastSeq));
  await ada.acknowledged(4 * objects);
  await close(scene);
});

test("Relay whose memory is full gives up only the largest queue of a member that is away", async () => {
  const scene = await open({ maxMemoryBytes: 20 * SIZE });
  const { ada, bob, carol, relay } = scene;
  const dave = new ScriptedGuest(relay, { name: "dave" });
  await dave.enter();
  dave.listen();
  await Promise.all([ada, carol].map((guest) => guest.settle()));
  await bob.cut();
  await dave.cut();
  await ada.logged(`bob away ${CloseReason.LOST}`);
  await ada.say([OBJECT, OBJECT], dave);
  await ada.say(Array(3).fill(OBJECT), bob);
  await burst(ada, 20);
  await ada.logged(`bob left ${CloseReason.LOST}`);
  await carol.log.find((line): line is string => line === `bob left ${CloseReason.LOST}`);
  assertEquals(received(carol), 20);
  await close(scene);
});

test("Relay whose memory is full closes the member that holds it and takes too little", async () => {
  const scene = await open({ maxMemoryBytes: 20 * SIZE });
  const { ada, clock } = scene;
  const sent = burst(ada, 40);
  await standstill(scene);
  assert(taken(ada) < 30 * SIZE);
  clock.advance(STALL_MS - 1);
  await standstill(scene);
  assert(!ada.log.all.includes(BOB_AWAY));
  clock.advance(1);
  await ada.logged(BOB_AWAY);
  // He is away now, and still has most of it.
  await ada.logged(BOB_LEFT);
  await sent;
  await close(scene);
});

test("Relay slows a member that sends faster than it may, and no other", async () => {
  const scene = await open({ maxRate: 16 * SIZE });
  const { ada, bob, carol, clock } = scene;
  bob.listen();
  const sent = burst(ada, 40);
  await standstill(scene);
  assert(received(bob) <= 20, `${received(bob)} passed at once`);
  await carol.say(["am I slowed?"]);
  await bob.logged("carol: am I slowed?");
  for (let second = 1; second <= 3; second++) {
    clock.advance(1000);
    await standstill(scene);
    assert(received(bob) <= 20 + 16 * second);
  }
  await sent;
  await bob.log.count(41);
  assertEquals(received(bob), 40);
  await close(scene);
});
