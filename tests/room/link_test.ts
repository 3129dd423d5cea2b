import { assert, assertEquals } from "@std/assert";
import { Link, type LinkListener } from "../../lib/room/mod.ts";
import {
  AcceptStatus,
  CloseReason,
  EnvelopeClass,
  type HostRecord,
  type MemberRecord,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { nextTurn, ScriptedRelay } from "../support/stage.ts";
import { test } from "../support/test.ts";

const SESSION = new Uint8Array(16).fill(1);
const ZEROS = new Uint8Array(8);

interface Scene {
  readonly link: Link;
  readonly clock: FakeClock;
  /** What the link told, in order. */
  readonly told: string[];
}

function create(settled: () => Promise<void> = () => Promise.resolve()): Scene {
  const clock = new FakeClock();
  const told: string[] = [];
  const listener: LinkListener = {
    roster: (entries) => told.push(`roster of ${entries.length}`),
    member: ({ change }) => told.push(`change ${change}`),
    envelope: ({ object }) => told.push(`object ${object[0]}`),
    acknowledged: (cmid) => told.push(`acknowledged ${cmid}`),
    opened: () => told.push("opened"),
    settled,
  };
  return { link: new Link(listener, clock), clock, told };
}

/** A connection to a relay that has admitted the link. */
async function connect({ link }: Scene): Promise<{ relay: ScriptedRelay; ran: Promise<number> }> {
  const relay = new ScriptedRelay();
  const ran = link.run(relay.channel);
  ran.catch(() => {});
  await relay.admit([]);
  return { relay, ran };
}

function accept(relay: ScriptedRelay, options: { resumed: boolean; lastCmid: number }): HostRecord {
  const { instance } = relay;
  return { type: "accept", status: AcceptStatus.OK, instance, maxMembers: 9, ...options };
}

/** Queues objects of one byte, and of more. */
function send(link: Link, ...first: number[]): void {
  for (const byte of first) link.send(envelope(byte));
}

function envelope(byte: number, size = 1) {
  return {
    class: EnvelopeClass.CHAT,
    to: undefined,
    object: new Uint8Array(size).fill(byte),
  };
}

async function nextRecord(relay: ScriptedRelay): Promise<MemberRecord> {
  return await relay.records.next();
}

test("Link acknowledges 64 envelopes at once, and fewer after 200 ms", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  const object = new Uint8Array([7]);
  await relay.deliver(SESSION, ...Array(63).fill(object));
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  scene.clock.advance(199);
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  scene.clock.advance(1);
  assertEquals(await nextRecord(relay), { type: "ack", seq: 63 });
  await relay.deliver(SESSION, ...Array(64).fill(object));
  assertEquals(await nextRecord(relay), { type: "ack", seq: 127 });
  // A change counts like an envelope.
  const key = new Uint8Array(32);
  await relay.send({ type: "member", change: 1, reason: 0, session: SESSION, key });
  await relay.deliver(SESSION, object);
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { type: "ack", seq: 129 });
  assertEquals(scene.told.slice(-2), ["change 1", "object 7"]);
  await relay.close();
  assertEquals(scene.clock.timers, 0);
});

test("Link acknowledges nothing that was not shown", async () => {
  let shown = Promise.withResolvers<void>();
  const scene = create(() => shown.promise);
  const { relay } = await connect(scene);
  await relay.deliver(SESSION, new Uint8Array([1]));
  await nextTurn();
  scene.clock.advance(1000);
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  shown.resolve();
  await nextTurn();
  // The timer of the first fires while the second is not shown yet.
  shown = Promise.withResolvers();
  await relay.deliver(SESSION, new Uint8Array([2]));
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { type: "ack", seq: 1 });
  shown.resolve();
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { type: "ack", seq: 2 });
  // The same goes for a change.
  shown = Promise.withResolvers();
  const key = new Uint8Array(32);
  await relay.send({ type: "member", change: 1, reason: 0, session: SESSION, key });
  await nextTurn();
  scene.clock.advance(1000);
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  shown.resolve();
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { type: "ack", seq: 3 });
  await relay.close();
});

test("Link puts no more under way than 256 KiB, and no more into one record than it holds", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  for (let i = 0; i < 1200; i++) scene.link.send(envelope(1, 570));
  assertEquals(scene.link.backlog, 1200 * 600);
  await relay.envelopes.count(437);
  await relay.settle();
  assertEquals(relay.envelopes.all.length, 437);
  await relay.send({ type: "ack", accepted: 100, delivered: 0 });
  await relay.envelopes.count(537);
  await relay.settle();
  assertEquals(relay.envelopes.all.length, 537);
  assertEquals(scene.link.backlog, 1100 * 600);
  relay.acknowledges = true;
  relay.acknowledge();
  await relay.envelopes.count(1200);
  assertEquals(
    relay.envelopes.all.map(({ cmid }) => cmid),
    Array.from({ length: 1200 }, (_, i) => i + 1),
  );
  await relay.close();
});

test("Link sends again after a reconnect what the relay has not taken, byte for byte", async () => {
  const scene = create();
  const first = await connect(scene);
  first.relay.acknowledges = false;
  send(scene.link, 1, 2, 3);
  await first.relay.envelopes.count(3);
  await first.relay.deliver(SESSION, new Uint8Array([9]), new Uint8Array([8]));
  await first.relay.settle();
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");
  send(scene.link, 4);
  scene.told.length = 0;

  const relay = new ScriptedRelay();
  const ran = scene.link.run(relay.channel);
  const { instance } = first.relay;
  // The relay has taken two, of which the acknowledgement was lost.
  await relay.send({ ...accept(relay, { resumed: true, lastCmid: 2 }), instance } as HostRecord);
  assertEquals(await nextRecord(relay), { type: "resume", instance, lastSeq: first.relay.seq });
  assertEquals(scene.told, ["acknowledged 2"]);
  relay.seq = first.relay.seq;
  await nextTurn();
  assertEquals(relay.envelopes.all, [], "before RESUME");
  await relay.send({ type: "resume", nextSeq: relay.seq + 1, queued: 0 });
  await relay.envelopes.count(2);
  assertEquals(relay.envelopes.all, [
    { class: 1, to: undefined, cmid: 3, object: new Uint8Array([3]) },
    { class: 1, to: undefined, cmid: 4, object: new Uint8Array([4]) },
  ]);
  await relay.send({ type: "roster", entries: [] });
  await relay.deliver(SESSION, new Uint8Array([5]));
  await relay.settle();
  assertEquals(scene.told, [
    "acknowledged 2",
    "acknowledged 4",
    "roster of 0",
    "opened",
    "object 5",
    "object 0",
  ]);
  assertEquals(scene.link.backlog, 0);
  await relay.close();
  assertEquals(await ran, CloseReason.HOST_ENDS);
  assertEquals(scene.clock.timers, 0);
});

test("Link begins to count anew at a relay that does not know it any more", async () => {
  const scene = create();
  const first = await connect(scene);
  await first.relay.deliver(SESSION, new Uint8Array([1]));
  await first.relay.settle();
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");
  for (const resumed of [false, true]) {
    const relay = new ScriptedRelay(); // Another instance.
    const ran = scene.link.run(relay.channel);
    await relay.send(accept(relay, { resumed, lastCmid: 0 }));
    assertEquals(await nextRecord(relay), { type: "resume", instance: ZEROS, lastSeq: 0 });
    await relay.send({ type: "resume", nextSeq: 1, queued: 0 });
    await relay.close();
    assertEquals(await ran, CloseReason.HOST_ENDS);
  }
});

/** What a host does that no honest one does, after the first records or in their place. */
const FAULTS: [string, "first" | "second" | "open", (relay: ScriptedRelay) => HostRecord][] = [
  ["another first record than ACCEPT", "first", () => ({ type: "resume", nextSeq: 1, queued: 0 })],
  [
    "an ACCEPT of more than was sent",
    "first",
    (relay) => accept(relay, { resumed: true, lastCmid: 1 }),
  ],
  ["another second record than RESUME", "second", () => ({ type: "roster", entries: [] })],
  ["a RESUME with another number", "second", () => ({ type: "resume", nextSeq: 2, queued: 0 })],
  ["a second ACCEPT", "open", (relay) => accept(relay, { resumed: true, lastCmid: 0 })],
  ["a second RESUME", "open", () => ({ type: "resume", nextSeq: 1, queued: 0 })],
  ["an ACK of what was never sent", "open", () => ({ type: "ack", accepted: 1, delivered: 0 })],
  ["an envelope too many", "open", () => hostBatch(1, 3)],
  ["an envelope again", "open", () => hostBatch(1, 1)],
  ["an envelope of number 0", "open", () => hostBatch(0)],
];

function hostBatch(...seqs: number[]): HostRecord {
  return {
    type: "batch",
    envelopes: seqs.map((seq) => ({
      class: 1,
      direct: false,
      from: SESSION,
      seq,
      object: new Uint8Array([1]),
    })),
  };
}

for (const [what, when, record] of FAULTS) {
  test(`Link breaks off at ${what}`, async () => {
    const { clock, link, told } = create();
    const relay = new ScriptedRelay();
    const ran = link.run(relay.channel);
    const failed = assertFails(ran, "protocol-error");
    if (when !== "first") {
      await relay.send(accept(relay, { resumed: false, lastCmid: 0 }));
      assertEquals((await nextRecord(relay)).type, "resume");
    }
    if (when === "open") await relay.send({ type: "resume", nextSeq: 1, queued: 0 });
    void relay.send(record(relay));
    await failed;
    const { type, reason } = await relay.records.find((sent): sent is Extract<
      typeof sent,
      { type: "close" }
    > => sent.type === "close");
    assertEquals([type, reason], ["close", CloseReason.PROTOCOL]);
    await relay.ended;
    assertEquals(clock.timers, 0);
    assert(!told.includes("roster of 0"));
  });
}

test("Link breaks off where a host acknowledges what waits to be sent", async () => {
  const scene = create();
  const { ran, relay } = await connect(scene);
  relay.acknowledges = false;
  for (let i = 0; i < 20; i++) scene.link.send(envelope(1, 16_000));
  await relay.envelopes.count(17);
  const failed = assertFails(ran, "protocol-error");
  void relay.send({ type: "ack", accepted: 20, delivered: 0 });
  await failed;
  await relay.ended;
});

test("Link.run fails as a lost connection where the host hangs up", async () => {
  for (const admitted of [false, true]) {
    const scene = create();
    const relay = new ScriptedRelay();
    const ran = scene.link.run(relay.channel);
    ran.catch(() => {});
    if (admitted) await relay.admit([]);
    await relay.cut();
    await assertFails(ran, "connection-lost");
    assertEquals(scene.clock.timers, 0);
  }
});

test("Link says no farewell where the connection breaks, as it would give its place up", async () => {
  // Anybody on the way can make it look like an end, or break what is read.
  for (const how of ["hangUp", "cut"] as const) {
    for (const admitted of [false, true]) {
      const scene = create();
      const relay = new ScriptedRelay();
      const ran = scene.link.run(relay.channel);
      ran.catch(() => {});
      if (admitted) await relay.admit([]);
      await relay[how]();
      await assertFails(ran, "connection-lost");
      await relay.ended;
      assertEquals(relay.records.all.filter(({ type }) => type === "close"), []);
      assertEquals(scene.clock.timers, 0);
    }
  }
});

test("Link gives up a host that does not say who is in the room for ten seconds", async () => {
  for (const greeted of [false, true]) {
    const { clock, link } = create();
    const relay = new ScriptedRelay();
    const failed = assertFails(link.run(relay.channel), "protocol-error", "who is in the room");
    if (greeted) {
      await relay.send(accept(relay, { resumed: false, lastCmid: 0 }));
      assertEquals((await nextRecord(relay)).type, "resume");
      await relay.send({ type: "resume", nextSeq: 1, queued: 0 });
    }
    clock.advance(9999);
    await nextTurn();
    clock.advance(1);
    await failed;
    assertEquals(clock.timers, 0);
  }
});

test("Link.close says farewell and does no harm where there is no connection", async () => {
  const scene = create();
  await scene.link.close();
  const { ran, relay } = await connect(scene);
  const closed = scene.link.close();
  assertEquals(await nextRecord(relay), { type: "close", reason: CloseReason.LEAVING });
  await relay.close();
  await closed;
  assertEquals(await ran, CloseReason.HOST_ENDS);
  await scene.link.close();
  assertEquals(scene.clock.timers, 0);
});
