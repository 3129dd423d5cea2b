import { assert, assertEquals } from "@std/assert";
import type { Channel } from "../../lib/channel/mod.ts";
import type { LanchatError } from "../../lib/errors.ts";
import { ackDelay, Link, type LinkListener } from "../../lib/room/link.ts";
import {
  AcceptStatus,
  CloseReason,
  ENTRY_CMID,
  ENVELOPE_OVERHEAD_BYTES,
  EnvelopeClass,
  HOST_SESSION,
  type HostRecord,
  MemberChange,
  type MemberRecord,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { ANNOUNCEMENT } from "../support/scripted_guest.ts";
import { Inbox } from "../support/inbox.ts";
import { ack, resume } from "../support/records.ts";
import { SCRIPTED_KEEP_MS, ScriptedRelay } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import type { Bytes } from "../../lib/bytes/mod.ts";

const SESSION = new Uint8Array(16).fill(1);
const ZEROS = new Uint8Array(8);

interface Scene {
  readonly link: Link;
  /** Serves a connection. */
  readonly run: (channel: Channel) => Promise<number>;
  readonly clock: FakeClock;
  /** The calls of the listener, in order. */
  readonly told: string[];
  /** One for each time that the link waits until all that came is handled. */
  readonly waits: Inbox<void>;
}

function create(
  settled: () => Promise<void> = () => Promise.resolve(),
  onBulk?: () => Promise<void>,
): Scene {
  const clock = new FakeClock();
  const told: string[] = [];
  const waits = new Inbox<void>();
  const listener: LinkListener = {
    seated: () => link.enter(ANNOUNCEMENT),
    roster: (entries) => told.push(`roster of ${entries.length}`),
    member: ({ change }) => told.push(`change ${change}`),
    envelope: ({ object }) => told.push(`object ${object[0]}`),
    accepted: (cmid) => told.push(`accepted ${cmid}`),
    delivered: () => {},
    behind: (sessions) => told.push(`${sessions.length} behind`),
    opened: () => told.push("opened"),
    settled: () => {
      waits.push();
      return settled();
    },
  };
  const link = new Link(new Uint8Array(32), clock, onBulk);
  return { link, run: (channel) => link.run(channel, listener), clock, told, waits };
}

/** A connection to a relay that has admitted the link. */
async function connect(
  { run }: Scene,
  relay: ScriptedRelay = new ScriptedRelay(),
): Promise<{ relay: ScriptedRelay; ran: Promise<number> }> {
  const ran = run(relay.channel);
  ran.catch(() => {});
  await relay.admit([]);
  return { relay, ran };
}

function accept(relay: ScriptedRelay, options: { resumed: boolean; lastCmid: number }): HostRecord {
  const { instance } = relay;
  return {
    type: "accept",
    status: AcceptStatus.OK,
    instance,
    maxMembers: 9,
    time: 0,
    keep: 90,
    ...options,
  };
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

test("Link.askBehind asks the host and passes the answer on", async () => {
  const scene = create();
  scene.link.askBehind(); // Does nothing without a connection.
  const { relay, ran } = await connect(scene);
  await relay.settle();
  scene.link.askBehind();
  assertEquals(await nextRecord(relay), { type: "behind" });
  await relay.send({ type: "behind", sessions: [SESSION, SESSION] });
  await relay.settle();
  assertEquals(scene.told.filter((told) => told.endsWith("behind")), ["2 behind"]);
  await relay.close();
  await ran;
});

test("Link sends CREDIT when nothing else waits, so that no one can hold its member up with bulk", async () => {
  const handled = Promise.withResolvers<void>();
  const scene = create(undefined, () => handled.promise);
  const { relay, ran } = await connect(scene);
  await relay.settle();
  const bulk = { from: SESSION, transfer: SESSION, offset: 0, bytes: [new Uint8Array(9)] };
  await relay.send({ type: "bulk", ...bulk });
  await relay.settle();
  handled.resolve();
  for (let byte = 0; byte < 7; byte++) scene.link.send(envelope(byte, 30_000));
  assertEquals(await nextRecord(relay), { type: "credit", taken: 9 });
  assertEquals(relay.envelopes.all.length, 7);
  await relay.close();
  await ran;
});

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
  assertEquals(await nextRecord(relay), ack(63));
  await relay.deliver(SESSION, ...Array(64).fill(object));
  assertEquals(await nextRecord(relay), ack(127));
  // A change counts like an envelope.
  const key = new Uint8Array(32);
  await relay.send({ type: "member", changes: [{ change: 1, reason: 0, key, nonce: SESSION }] });
  await relay.deliver(SESSION, object);
  await scene.waits.count(4);
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), ack(129));
  assertEquals(scene.told.slice(-2), ["change 1", "object 7"]);
  await relay.close();
  assertEquals(scene.clock.timers, 0);
});

test("Link acknowledges 16 KiB at once", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  const object = new Uint8Array(4096 - ENVELOPE_OVERHEAD_BYTES);
  for (let seq = 4; seq <= 12; seq += 4) {
    await relay.deliver(SESSION, object, object, object);
    await nextTurn();
    assertEquals(relay.records.rest(), []);
    await relay.deliver(SESSION, object);
    assertEquals(await nextRecord(relay), ack(seq));
  }
  await relay.close();
  assertEquals(scene.clock.timers, 0);
});

test("Link acknowledges nothing before it was shown", async () => {
  let shown = Promise.withResolvers<void>();
  const scene = create(() => shown.promise);
  const { relay } = await connect(scene);
  await relay.deliver(SESSION, new Uint8Array([1]));
  await scene.waits.next();
  scene.clock.advance(1000);
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  shown.resolve();
  await nextTurn();
  // The timer of the first fires while the second is not shown yet.
  shown = Promise.withResolvers();
  await relay.deliver(SESSION, new Uint8Array([2]));
  await scene.waits.next();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), ack(1));
  shown.resolve();
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), ack(2));
  // The same goes for a change.
  shown = Promise.withResolvers();
  const key = new Uint8Array(32);
  await relay.send({ type: "member", changes: [{ change: 1, reason: 0, key, nonce: SESSION }] });
  await scene.waits.next();
  scene.clock.advance(1000);
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  shown.resolve();
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), ack(3));
  await relay.close();
});

const KEY = new Uint8Array(32);
const TRANSCRIPTS = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
const [FIRST, SECOND, THIRD] = TRANSCRIPTS as [Bytes, Bytes, Bytes];

/** Changes of a session in one record, in a shared frame if there is a transcript after it. */
function changes(transcript: Bytes | undefined, ...kinds: readonly number[]): HostRecord {
  const changes = kinds.map((change) => ({ change, reason: 0, key: KEY, nonce: SESSION }));
  return { type: "member", changes, ...transcript !== undefined && { transcript } };
}

/** A message for the room in a shared frame. */
function sharedBatch(transcript: Bytes, byte: number): HostRecord {
  const envelope = { class: 1, direct: false, from: SESSION, object: new Uint8Array([byte]) };
  return { type: "batch", envelopes: [envelope], transcript };
}

test("Link acknowledges with the transcript after the last shared record that it has handled", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  const acknowledged = async (): Promise<MemberRecord> => {
    await nextTurn();
    scene.clock.advance(200);
    return await nextRecord(relay);
  };
  await relay.deliver(SESSION, new Uint8Array([1]));
  await scene.waits.next();
  assertEquals(await acknowledged(), ack(1));
  await relay.send(changes(FIRST, MemberChange.JOINED));
  await scene.waits.next();
  assertEquals(await acknowledged(), { ...ack(2), transcript: FIRST });
  await relay.deliver(SESSION, new Uint8Array([3]));
  await scene.waits.next();
  assertEquals(await acknowledged(), { ...ack(3), transcript: FIRST });
  await relay.send(sharedBatch(SECOND, 4));
  await relay.send(changes(undefined, MemberChange.AWAY));
  await scene.waits.next();
  await scene.waits.next();
  assertEquals(await acknowledged(), { ...ack(5), transcript: SECOND });
  assertEquals(scene.told.slice(-4), ["change 1", "object 3", "object 4", "change 3"]);
  await relay.close();
});

test("Link acknowledges no shared record that was not shown, nor a part of it", async () => {
  let shown = Promise.withResolvers<void>();
  shown.resolve();
  const scene = create(() => shown.promise);
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  send(scene.link, 1);
  await relay.envelopes.count(1);
  await relay.send(sharedBatch(FIRST, 7));
  await scene.waits.next();
  await nextTurn();
  shown = Promise.withResolvers();
  // The place of an ACK is in its middle: the link waits there.
  await relay.send({ type: "ack", accepted: 1, delivered: 0, reached: 0, seq: 2 });
  await relay.send(changes(SECOND, MemberChange.JOINED, MemberChange.LEFT));
  await scene.waits.next();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { ...ack(1), transcript: FIRST });
  scene.link.acknowledge();
  await nextTurn();
  assertEquals(relay.records.rest(), []);
  shown.resolve();
  await scene.waits.next();
  await nextTurn();
  // At its end it waits, too.
  shown = Promise.withResolvers();
  await relay.send(changes(THIRD, MemberChange.JOINED));
  await scene.waits.next();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { ...ack(3), transcript: SECOND });
  shown.resolve();
  await nextTurn();
  scene.clock.advance(200);
  assertEquals(await nextRecord(relay), { ...ack(4), transcript: THIRD });
  await relay.close();
});

test("Link resumes with the transcript that it has, and with none at another process", async () => {
  const scene = create();
  const first = await connect(scene);
  await first.relay.send(sharedBatch(FIRST, 1));
  await first.relay.deliver(SESSION, new Uint8Array([2]));
  await first.relay.settle();
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");
  const { instance } = first.relay;
  const relay = new ScriptedRelay(instance);
  const ran = scene.run(relay.channel);
  await relay.send(accept(relay, { resumed: true, lastCmid: 0 }));
  const { seq } = first.relay;
  assertEquals(await nextRecord(relay), { ...resume(seq, instance), transcript: FIRST });
  await relay.send({ type: "resume", nextSeq: seq + 1, queued: 0 });
  await relay.send({ type: "roster", entries: [] });
  // What its acknowledgements tell goes on from there.
  await relay.send(hostBatch());
  await relay.taken();
  scene.link.acknowledge();
  assertEquals(await nextRecord(relay), { ...ack(seq + 1), transcript: FIRST });
  await relay.cut();
  await assertFails(ran, "connection-lost");
  const other = new ScriptedRelay();
  const last = scene.run(other.channel);
  await other.send(accept(other, { resumed: false, lastCmid: 0 }));
  assertEquals(await nextRecord(other), resume());
  await other.send({ type: "resume", nextSeq: 1, queued: 0 });
  await other.close();
  assertEquals(await last, CloseReason.HOST_ENDS);
});

test("Link counts each change of a record, and reports each ACK between them in its place", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  send(scene.link, 1);
  await relay.envelopes.count(1);
  scene.told.length = 0;
  await relay.send({ type: "ack", accepted: 1, delivered: 0, reached: 0, seq: 2 });
  await relay.send(changes(undefined, MemberChange.JOINED, MemberChange.AWAY, MemberChange.BACK));
  await relay.taken();
  scene.link.acknowledge();
  assertEquals(await nextRecord(relay), ack(3));
  assertEquals(scene.told, ["change 1", "change 3", "accepted 1", "change 4"]);
  await relay.close();
});

test("ackDelay is 200 ms in a small room, and grows with it up to 2 s", () => {
  assertEquals([0, 25, 26, 100, 250, 1000].map(ackDelay), [200, 200, 208, 800, 2000, 2000]);
});

test("Link acknowledges after the time that is due in a room of its size", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  const sessions = Array.from({ length: 50 }, (_, i) => new Uint8Array(16).fill(i));
  const tell = (change: number, nonces: readonly Bytes[]): Promise<void> =>
    relay.send({
      type: "member",
      changes: nonces.map((nonce) => ({ change, reason: 0, key: KEY, nonce })),
    });
  await tell(MemberChange.JOINED, sessions);
  await relay.taken();
  scene.link.acknowledge();
  assertEquals(await nextRecord(relay), ack(50));
  scene.clock.advance(2000);
  assertEquals(await nextRecord(relay), ack(50));
  for (const [leavers, ms] of [[[], 400], [sessions.slice(0, 20), 240]] as const) {
    if (leavers.length > 0) {
      await tell(MemberChange.LEFT, leavers);
      await relay.taken();
      scene.clock.advance(2000);
      await nextRecord(relay);
    }
    await relay.deliver(SESSION, new Uint8Array([7]));
    await relay.taken();
    scene.clock.advance(ms - 1);
    await nextTurn();
    assertEquals(relay.records.rest(), []);
    scene.clock.advance(1);
    assertEquals(await nextRecord(relay), ack(relay.seq));
  }
  await relay.close();
});

test("Link sends at most 256 KiB before the relay accepts them, and fills no record past its maximum", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  for (let i = 0; i < 1200; i++) scene.link.send(envelope(1, 570));
  assertEquals(scene.link.envelopes.pendingBytes, 1200 * 600);
  await relay.envelopes.count(437);
  await relay.settle();
  assertEquals(relay.envelopes.all.length, 437);
  await relay.ack(100, 0);
  await relay.envelopes.count(537);
  await relay.settle();
  assertEquals(relay.envelopes.all.length, 537);
  assertEquals(scene.link.envelopes.pendingBytes, 1100 * 600);
  relay.acknowledges = true;
  relay.acknowledge();
  await relay.envelopes.count(1200);
  assertEquals(
    relay.envelopes.all.map(({ cmid }) => cmid),
    Array.from({ length: 1200 }, (_, i) => i + 1),
  );
  await relay.close();
});

test("Link sends pending envelopes again after a reconnect, byte for byte", async () => {
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
  relay.acknowledges = false; // Before ROSTER nothing may be.
  const ran = scene.run(relay.channel);
  const { instance } = first.relay;
  // The relay has accepted two, but the acknowledgement was lost.
  await relay.send({ ...accept(relay, { resumed: true, lastCmid: 2 }), instance } as HostRecord);
  assertEquals(await nextRecord(relay), resume(first.relay.seq, instance));
  assertEquals(scene.told, [], "its ACK, which comes again, has the place");
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
  await relay.ack(2, 0);
  await relay.ack(4, 4);
  await relay.deliver(SESSION, new Uint8Array([5]));
  await relay.settle();
  assertEquals(scene.told, [
    "roster of 0",
    "opened",
    "accepted 2",
    "accepted 4",
    "object 5",
    "object 0",
  ]);
  assertEquals(scene.link.envelopes.pendingBytes, 0);
  await relay.close();
  assertEquals(await ran, CloseReason.HOST_ENDS);
  assertEquals(scene.clock.timers, 0);
});

test("Link counts received envelopes from 1 at a relay that does not know it", async () => {
  const scene = create();
  const first = await connect(scene);
  await first.relay.deliver(SESSION, new Uint8Array([1]));
  await first.relay.settle();
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");
  const relay = new ScriptedRelay(); // Another instance.
  const ran = scene.run(relay.channel);
  await relay.send(accept(relay, { resumed: false, lastCmid: 0 }));
  assertEquals(await nextRecord(relay), resume());
  await relay.send({ type: "resume", nextSeq: 1, queued: 0 });
  await relay.close();
  assertEquals(await ran, CloseReason.HOST_ENDS);
});

/** A connection of a link to a relay that lets it in. @returns How far it got. */
async function dial(
  { run }: Scene,
  relay: ScriptedRelay,
  resumed: boolean,
): Promise<"in" | LanchatError> {
  const ran = run(relay.channel);
  const failed: Promise<LanchatError> = ran.then(() => Promise.reject(), (error) => error);
  await relay.accept({ resumed, lastCmid: 0 });
  const entered = relay.resume([]).then(() => relay.settle()).then(() => "in" as const);
  return await Promise.race([entered, failed]);
}

test("Link announces itself first in each new seat, but not in a resumed one", async () => {
  const scene = create();
  const first = await connect(scene);
  const entry = await first.relay.entered;
  assertEquals(entry, {
    class: EnvelopeClass.CONTROL,
    to: HOST_SESSION,
    cmid: ENTRY_CMID,
    object: ANNOUNCEMENT,
  });
  first.relay.acknowledges = false;
  send(scene.link, 1, 2);
  await first.relay.envelopes.count(2);
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");

  const again = new ScriptedRelay(first.relay.instance);
  again.acknowledges = false;
  const resumed = scene.run(again.channel);
  await again.accept({ resumed: true, lastCmid: 1 });
  await again.resume([]);
  await again.envelopes.count(1);
  await again.cut();
  await assertFails(resumed, "connection-lost");

  // Envelopes sealed before follow the announcement.
  const other = new ScriptedRelay();
  const ran = scene.run(other.channel);
  await other.accept({ resumed: false, lastCmid: 0 });
  await other.resume([]);
  await other.envelopes.count(1);
  assertEquals(await other.entered, entry);
  assertEquals(other.envelopes.all.map(({ cmid }) => cmid), [2]);
  await other.close();
  await ran;
  const isEntry = await Promise.race([again.entered, nextTurn()]);
  assertEquals(isEntry, undefined, "announced itself in a seat that it came back to");
});

test("Link sends nothing before its announcement", async () => {
  const clock = new FakeClock();
  const link = new Link(new Uint8Array(32), clock);
  const listener: LinkListener = {
    seated: () => {},
    roster: () => {},
    member: () => {},
    envelope: () => {},
    accepted: () => {},
    delivered: () => {},
    behind: () => {},
    opened: () => {},
    settled: () => Promise.resolve(),
  };
  send(link, 1);
  const relay = new ScriptedRelay();
  const ran = link.run(relay.channel, listener);
  await relay.accept({ resumed: false, lastCmid: 0 });
  const resumed = relay.resume([]);
  for (let i = 0; i < 3; i++) {
    await nextTurn();
    clock.advance(10_000);
  }
  assertEquals(relay.envelopes.all, []);
  link.enter(ANNOUNCEMENT);
  await resumed;
  await relay.envelopes.count(1);
  await relay.close();
  assertEquals(await ran, CloseReason.HOST_ENDS);
  assertEquals(clock.timers, 0);
});

test("Link.run fails with seat-lost if the same process has given up the seat", async () => {
  const scene = create();
  const { ran, relay } = await connect(scene);
  await relay.settle();
  await relay.cut();
  await assertFails(ran, "connection-lost");
  const end = await dial(scene, new ScriptedRelay(relay.instance), false);
  assertEquals(end !== "in" && end.code, "seat-lost");
});

test("Link.run enters again soon after if the process never gave it a seat", async () => {
  for (const [waitMs, expected] of [[60_000, "in"], [60_001, "seat-lost"]] as const) {
    const scene = create();
    const first = new ScriptedRelay();
    const ran = scene.run(first.channel);
    await first.accept({ resumed: false, lastCmid: 0 });
    await first.records.next();
    await first.cut();
    await assertFails(ran, "connection-lost");
    scene.clock.advance(waitMs);
    const second = new ScriptedRelay(first.instance);
    const end = await dial(scene, second, false);
    assertEquals(end === "in" ? end : end.code, expected);
    if (end === "in") await second.close();
    assertEquals(scene.clock.timers, 0);
  }
});

test("Link.run fails with seat-lost at another process 90 s after the last record, by either clock", async () => {
  const clocks: ((clock: FakeClock, ms: number) => void)[] = [
    (clock, ms) => clock.advance(ms),
    (clock, ms) => clock.set(clock.now() + ms), // The machine slept.
  ];
  for (const wait of clocks) {
    for (
      const [waitMs, expected] of [[SCRIPTED_KEEP_MS - 1, "in"], [
        SCRIPTED_KEEP_MS,
        "seat-lost",
      ]] as const
    ) {
      const scene = create();
      const { ran, relay } = await connect(scene);
      await relay.settle();
      scene.clock.advance(1000);
      await relay.settle(); // Heard of again.
      await relay.cut();
      await assertFails(ran, "connection-lost");
      wait(scene.clock, waitMs);
      const second = new ScriptedRelay();
      const end = await dial(scene, second, false);
      assertEquals(end === "in" ? end : end.code, expected);
      if (end === "in") await second.close();
    }
  }
});

test("Link.run fails with seat-lost at an earlier process that still has its seat", async () => {
  const scene = create();
  const { ran, relay } = await connect(scene);
  await relay.cut();
  await assertFails(ran, "connection-lost");
  const second = new ScriptedRelay();
  const failed = assertFails(scene.run(second.channel), "seat-lost");
  await second.accept({ resumed: true, lastCmid: 0 });
  await failed;
});

test("Link.run fails with seat-lost after the shorter keep of two processes", async () => {
  for (const [before, after] of [[60_000, 600_000], [600_000, 60_000]] as const) {
    for (const [waitMs, expected] of [[59_999, "in"], [60_000, "seat-lost"]] as const) {
      const scene = create();
      const first = new ScriptedRelay();
      first.keepMs = before;
      const { ran } = await connect(scene, first);
      await first.settle();
      await first.cut();
      await assertFails(ran, "connection-lost");
      scene.clock.advance(waitMs);
      const second = new ScriptedRelay();
      second.keepMs = after;
      const end = await dial(scene, second, false);
      assertEquals(end === "in" ? end : end.code, expected);
      if (end === "in") await second.close();
    }
  }
});

test("Link.run accepts the first process that it reaches, however late", async () => {
  const scene = create();
  const first = new ScriptedRelay();
  const ran = scene.run(first.channel);
  await first.accept({ resumed: false, lastCmid: 0 });
  await first.cut();
  await assertFails(ran, "connection-lost");
  scene.clock.advance(10 * SCRIPTED_KEEP_MS);
  const second = new ScriptedRelay();
  assertEquals(await dial(scene, second, false), "in");
  await second.close();
});

test("Link.run knows no process before the first, even if its instance is all zeros", async () => {
  const scene = create();
  scene.clock.advance(1);
  const relay = new ScriptedRelay(ZEROS);
  assertEquals(await dial(scene, relay, false), "in");
  await relay.close();
});

test("Link reports a restart until a ROSTER of the new process has come", async () => {
  const restarts: boolean[] = [];
  const clock = new FakeClock();
  const link = new Link(new Uint8Array(32), clock);
  const listener: LinkListener = {
    seated: () => link.enter(ANNOUNCEMENT),
    roster: (_, restarted) => restarts.push(restarted),
    member: () => {},
    envelope: () => {},
    accepted: () => {},
    delivered: () => {},
    behind: () => {},
    opened: () => {},
    settled: () => Promise.resolve(),
  };
  const run = (channel: Channel) => link.run(channel, listener);
  const scene: Scene = { link, run, clock, told: [], waits: new Inbox() };
  const first = await connect(scene);
  await first.relay.settle();
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");
  const second = new ScriptedRelay();
  const ran = run(second.channel);
  await second.accept({ resumed: false, lastCmid: 0 });
  await second.records.next();
  await second.cut();
  await assertFails(ran, "connection-lost");
  // It may have got as far as a seat there.
  let last = second;
  for (let i = 0; i < 2; i++) {
    const relay = new ScriptedRelay(second.instance);
    relay.seq = last.seq;
    assertEquals(await dial(scene, relay, true), "in");
    await relay.cut();
    await nextTurn();
    last = relay;
  }
  assertEquals(restarts, [false, true, false]);
});

test("Link.open is true once all that had waited has come, changes included", async () => {
  const scene = create();
  const first = await connect(scene);
  await first.relay.settle();
  assertEquals(scene.link.open, true);
  await first.relay.cut();
  await assertFails(first.ran, "connection-lost");
  assertEquals(scene.link.open, false);
  const relay = new ScriptedRelay(first.relay.instance);
  relay.seq = first.relay.seq;
  const ran = scene.run(relay.channel);
  await relay.accept({ resumed: true, lastCmid: 0 });
  await relay.resume([], 4); // With the envelope of `settle`.
  scene.told.length = 0;
  await relay.deliver(SESSION, new Uint8Array([1]));
  const key = new Uint8Array(32);
  await relay.send({ type: "member", changes: [{ change: 2, reason: 0, key, nonce: SESSION }] });
  await relay.deliver(SESSION, new Uint8Array([2]));
  await nextTurn();
  assertEquals(scene.link.open, false);
  await relay.settle();
  assertEquals(scene.link.open, true);
  assertEquals(scene.told.slice(-5), ["object 1", "change 2", "object 2", "object 0", "opened"]);
  await relay.close();
  await ran;
});

test("EnvelopeQueue keeps accepted envelopes until they are forgotten, at most 8 MiB", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  const { link } = scene;
  const control = { ...envelope(1, 600), class: EnvelopeClass.CONTROL };
  link.send(control);
  for (let i = 0; i < 599; i++) link.send(envelope(2, 16_000));
  link.send(control, false);
  assertEquals(link.envelopes.kept, []);
  for (let taken = 0; taken < 601;) {
    await relay.envelopes.count(taken + 1);
    taken = relay.envelopes.all.length;
    await relay.ack(taken, 0);
  }
  await relay.settle();
  const { kept } = link.envelopes;
  assert(kept.reduce((sum, { object }) => sum + object.length + 30, 0) <= 1 << 23);
  // Of the messages the oldest are not kept; keys are.
  assertEquals(kept[0]!.cmid, 1);
  assertEquals(
    kept.slice(1).map(({ cmid }) => cmid),
    Array.from(
      { length: kept.length - 1 },
      (_, i) => 602 - kept.length + i,
    ),
  );
  assert(kept.length > 511);
  link.envelopes.forget(590);
  assertEquals(
    link.envelopes.kept.map(({ cmid }) => cmid),
    Array.from({ length: 10 }, (_, i) => 591 + i),
  );
  link.envelopes.forget(1000);
  assertEquals(link.envelopes.kept, []);
  await relay.close();
});

/** Records of a dishonest host, after the first records or in their place. */
const FAULTS: [
  string,
  "first" | "second" | "third" | "open",
  (relay: ScriptedRelay) => HostRecord,
][] = [
  ["another first record than ACCEPT", "first", () => ({ type: "resume", nextSeq: 1, queued: 0 })],
  [
    "an ACCEPT of more than was sent",
    "first",
    (relay) => accept(relay, { resumed: true, lastCmid: 1 }),
  ],
  ["another second record than RESUME", "second", () => ({ type: "roster", entries: [] })],
  ["a RESUME with another number", "second", () => ({ type: "resume", nextSeq: 2, queued: 0 })],
  ["an envelope before ROSTER", "third", () => hostBatch()],
  ["a change before ROSTER", "third", () => joined()],
  ["an ACK before ROSTER", "third", () => hostAck(0, 0)],
  ["a second ROSTER", "open", () => ({ type: "roster", entries: [] })],
  ["a second ACCEPT", "open", (relay) => accept(relay, { resumed: true, lastCmid: 0 })],
  ["a second RESUME", "open", () => ({ type: "resume", nextSeq: 1, queued: 0 })],
  ["an ACK of what was never sent", "open", () => hostAck(1, 0)],
  ["an ACK of more that is delivered than accepted", "open", () => hostAck(0, 1)],
  ["an ACK of more that is reached than accepted", "open", () => hostAck(0, 0, 1)],
  ["an ACK of more that is delivered than reached", "open", () => hostAck(0, 1, 0)],
];

function hostAck(accepted: number, delivered: number, reached = delivered): HostRecord {
  return { type: "ack", accepted, delivered, reached, seq: 0 };
}

function joined(): HostRecord {
  const [key, nonce] = [new Uint8Array(32), new Uint8Array(16)];
  return { type: "member", changes: [{ change: MemberChange.JOINED, reason: 0, key, nonce }] };
}

function hostBatch(): HostRecord {
  const envelope = { class: 1, direct: false, from: SESSION, object: new Uint8Array([1]) };
  return { type: "batch", envelopes: [envelope] };
}

for (const [what, when, record] of FAULTS) {
  test(`Link.run breaks off at ${what}`, async () => {
    const { clock, run, told } = create();
    const relay = new ScriptedRelay();
    const ran = run(relay.channel);
    const failed = assertFails(ran, "protocol-error");
    if (when !== "first") {
      await relay.send(accept(relay, { resumed: false, lastCmid: 0 }));
      assertEquals((await nextRecord(relay)).type, "resume");
    }
    if (when === "third" || when === "open") {
      await relay.send({ type: "resume", nextSeq: 1, queued: 0 });
    }
    if (when === "open") await relay.send({ type: "roster", entries: [] });
    void relay.send(record(relay));
    await failed;
    const { type, reason } = await relay.records.find((sent): sent is Extract<
      typeof sent,
      { type: "close" }
    > => sent.type === "close");
    assertEquals([type, reason], ["close", CloseReason.PROTOCOL]);
    await relay.ended;
    assertEquals(clock.timers, 0);
    const rosters = told.filter((what) => what === "roster of 0");
    assertEquals(rosters.length, when === "open" ? 1 : 0);
  });
}

test("Link.run breaks off at an ACK that comes after later envelopes", async () => {
  const scene = create();
  const { ran, relay } = await connect(scene);
  relay.acknowledges = false;
  send(scene.link, 1, 2);
  await relay.envelopes.count(2);
  await relay.ack(1, 0);
  await relay.deliver(SESSION, new Uint8Array([7]));
  await relay.send({ type: "ack", accepted: 1, delivered: 1, reached: 1, seq: 0 }); // It accepts nothing.
  await relay.settle();
  const failed = assertFails(ran, "protocol-error");
  void relay.send({ type: "ack", accepted: 2, delivered: 1, reached: 1, seq: 0 });
  await failed;
  await relay.ended;
});

test("Link reports each ACK in its place, also between two envelopes of a record", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  send(scene.link, 1, 2, 3);
  await relay.envelopes.count(3);
  scene.told.length = 0;
  await relay.deliver(SESSION, new Uint8Array([11]));
  await relay.send({ type: "ack", accepted: 1, delivered: 0, reached: 0, seq: 1 });
  await relay.send({ type: "ack", accepted: 2, delivered: 0, reached: 0, seq: 3 });
  await relay.send({ type: "ack", accepted: 3, delivered: 0, reached: 0, seq: 5 });
  await relay.send({ type: "ack", accepted: 3, delivered: 3, reached: 3, seq: 5 });
  await relay.taken();
  assertEquals(scene.link.envelopes.pendingBytes, 0, "each counts at once");
  await relay.deliver(SESSION, ...[12, 13, 14].map((byte) => new Uint8Array([byte])));
  const key = new Uint8Array(32);
  await relay.send({ type: "member", changes: [{ change: 1, reason: 0, key, nonce: SESSION }] });
  await relay.settle();
  assertEquals(scene.told, [
    "object 11",
    "accepted 1",
    "object 12",
    "object 13",
    "accepted 2",
    "object 14",
    "change 1",
    "accepted 3",
    "object 0",
  ]);
  await relay.close();
});

test("Link keeps one ACK for each number of accepted envelopes, however many come early", async () => {
  const scene = create();
  const { relay } = await connect(scene);
  relay.acknowledges = false;
  send(scene.link, 1, 2);
  await relay.envelopes.count(2);
  scene.told.length = 0;
  for (let i = 0; i < 100; i++) {
    for (const accepted of [1, 2]) {
      await relay.send({ type: "ack", accepted, delivered: 0, reached: 0, seq: 1 });
    }
  }
  await relay.settle();
  assertEquals(scene.told, ["object 0", "accepted 1", "accepted 2"]);
  await relay.close();
});

test("Link reports ACKs whose place was lost with another process before its ROSTER", async () => {
  const scene = create();
  const { ran, relay: first } = await connect(scene);
  first.acknowledges = false;
  send(scene.link, 1);
  await first.envelopes.count(1);
  await first.send({ type: "ack", accepted: 1, delivered: 0, reached: 0, seq: 5 });
  await first.taken();
  await first.cut();
  await assertFails(ran, "connection-lost");
  scene.told.length = 0;
  const { relay } = await connect(scene);
  await relay.settle();
  assertEquals(scene.told, ["accepted 1", "roster of 0", "opened", "object 0"]);
  await relay.close();
});

test("Link.run breaks off at an ACK of envelopes that were not sent", async () => {
  const scene = create();
  const { ran, relay } = await connect(scene);
  relay.acknowledges = false;
  for (let i = 0; i < 20; i++) scene.link.send(envelope(1, 16_000));
  await relay.envelopes.count(17);
  const failed = assertFails(ran, "protocol-error");
  void relay.ack(20, 0);
  await failed;
  await relay.ended;
});

test("Link.run fails with connection-lost if the host ends without CLOSE", async () => {
  for (const admitted of [false, true]) {
    const scene = create();
    const relay = new ScriptedRelay();
    const ran = scene.run(relay.channel);
    ran.catch(() => {});
    if (admitted) await relay.admit([]);
    await relay.cut();
    await assertFails(ran, "connection-lost");
    assertEquals(scene.clock.timers, 0);
  }
});

test("Link.run returns the reason of a CLOSE among the first records, and answers it", async () => {
  for (const greeted of [false, true]) {
    const { clock, run } = create();
    const relay = new ScriptedRelay();
    const ran = run(relay.channel);
    if (greeted) {
      await relay.send(accept(relay, { resumed: false, lastCmid: 0 }));
      assertEquals((await nextRecord(relay)).type, "resume");
    }
    await relay.close();
    assertEquals(await ran, CloseReason.HOST_ENDS);
    const { type } = relay.records.all.at(-1)!;
    assertEquals(type, "close");
    assertEquals(clock.timers, 0);
  }
});

test("Link sends no CLOSE on a broken connection: it would give up the seat", async () => {
  // An attacker on the path can forge an end, or alter the bytes.
  for (const how of ["hangUp", "cut"] as const) {
    for (const admitted of [false, true]) {
      const scene = create();
      const relay = new ScriptedRelay();
      const ran = scene.run(relay.channel);
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

test("Link.run fails if the host sends no ROSTER for 10 s", async () => {
  for (const greeted of [false, true]) {
    const { clock, run } = create();
    const relay = new ScriptedRelay();
    const failed = assertFails(run(relay.channel), "protocol-error", "did not send the roster");
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

test("Link.close sends CLOSE, and does nothing without a connection", async () => {
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

test("Link acknowledges what it has handled before it leaves, even if an earlier record is still being written", async () => {
  const scene = create();
  const relay = new ScriptedRelay();
  const inner = relay.channel.writable.getWriter();
  inner.closed.catch(() => {});
  let free = Promise.resolve();
  const writable: Channel["writable"] = new WritableStream({
    async write(chunk): Promise<void> {
      await free;
      await inner.write(chunk);
    },
    close: () => inner.close(),
    abort: (reason) => inner.abort(reason),
  });
  const ran = scene.run({ ...relay.channel, writable });
  await relay.admit([]);
  await relay.settle();
  const { promise, resolve } = Promise.withResolvers<void>();
  free = promise;
  send(scene.link, 1);
  await relay.deliver(SESSION, ...Array(64).fill(new Uint8Array([7])));
  while (scene.told.filter((told) => told === "object 7").length < 64) await nextTurn();
  await nextTurn();
  const closed = scene.link.close();
  resolve();
  await relay.records.find((record): record is typeof record => record.type === "close");
  const acks = relay.records.all.filter((record) => record.type === "ack");
  assertEquals(acks.map(({ seq }) => seq), [relay.seq]);
  scene.clock.advance(2000);
  await Promise.allSettled([ran, closed]);
});
