import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { QueuedChange } from "../../lib/relay/queued_change.ts";
import { QueuedEnvelope, QueueMemory } from "../../lib/relay/queued_envelope.ts";
import {
  type SharedBatch,
  type SharedItem,
  SharedRecords,
} from "../../lib/relay/shared_records.ts";
import {
  CloseReason,
  encodeHostRecord,
  EnvelopeClass,
  type HostRecord,
  MAX_CHANGES,
  MAX_PAYLOAD_BYTES,
  MemberChange,
} from "../../lib/wire/mod.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { Inbox } from "../support/inbox.ts";
import { openShared } from "../support/shared_frames.ts";
import { test } from "../support/test.ts";

const { AWAY, JOINED, LEFT } = MemberChange;

function envelope(size = 1): QueuedEnvelope {
  const said = {
    class: EnvelopeClass.CHAT,
    to: undefined,
    cmid: 1,
    object: new Uint8Array(size).fill(size),
  };
  const source = { id: "", session: new Uint8Array(16) };
  return new QueuedEnvelope(said, source, new QueueMemory(Infinity));
}

function change(kind: number, key: Bytes = new Uint8Array(32)): QueuedChange {
  const nonce = new Uint8Array(16);
  return new QueuedChange({ change: kind, reason: CloseReason.LEAVING, key, nonce });
}

/** A change that cannot be sealed. */
function broken(kind: number): QueuedChange {
  return change(kind, null as never);
}

/** Shared records, and the items that they have sealed. @param connections Those that can take them. */
function create(
  connections = 3,
): { shared: SharedRecords; sealed: Inbox<void>; clock: FakeClock } {
  const sealed = new Inbox<void>();
  const clock = new FakeClock();
  const shared = new SharedRecords(clock, () => {
    sealed.push();
    return connections;
  });
  return { shared, sealed, clock };
}

/** Waits until the sealing of what was added has begun: that takes no turn of the event loop. */
async function begun(): Promise<void> {
  for (let i = 0; i < 5; i++) await undefined;
}

/** Adds items, the first of which goes alone: the others come while it is sealed. @returns Their batches, in order. */
async function sealAll(...items: readonly SharedItem[]): Promise<SharedBatch[]> {
  const { sealed, shared } = create();
  shared.add(items[0]!);
  await begun();
  for (const item of items.slice(1)) shared.add(item);
  while (items.some(({ sharing }) => sharing === "sealing")) await sealed.next();
  return batchesOf(items);
}

function batchesOf(items: readonly SharedItem[]): SharedBatch[] {
  return [...new Set(items.map(batchOf))];
}

function batchOf({ sharing }: SharedItem): SharedBatch {
  assert(typeof sharing === "object");
  return sharing;
}

function counts(batches: readonly SharedBatch[]): number[] {
  return batches.map(({ items }) => items.length);
}

test("SharedRecords seals in one frame what waits while another is sealed", async () => {
  const items = [envelope(1), envelope(2), envelope(3), envelope(4)];
  const batches = await sealAll(...items);
  assertEquals(counts(batches), [1, 3]);
  assertEquals(batches.flatMap((batch) => batch.items), items);
  for (const { frame, items } of batches) {
    const record: HostRecord = { type: "batch", envelopes: items as QueuedEnvelope[] };
    const { payload, type } = openShared(frame);
    assertEquals({ payload, type }, encodeHostRecord(record));
  }
});

test("SharedRecords has no shared frame for an item before it is sealed, and tells when it is", async () => {
  const { sealed, shared } = create();
  const [one, two] = [envelope(), envelope()];
  shared.add(one);
  await begun();
  shared.add(two);
  assertEquals([one, two].map(({ sharing }) => sharing), ["sealing", "sealing"]);
  await sealed.next();
  assertEquals(batchOf(one).items, [one]);
  assertEquals(two.sharing, "sealing");
  await sealed.next();
  assertEquals(batchOf(two).items, [two]);
  assertEquals(sealed.rest(), []);
});

test("SharedRecords puts envelopes and changes in frames of their own", async () => {
  const batches = await sealAll(
    envelope(),
    envelope(),
    change(AWAY),
    change(AWAY),
    envelope(),
    change(AWAY),
  );
  assertEquals(counts(batches), [1, 1, 2, 1, 1]);
});

test("SharedRecords fills no frame past the maximum of a record", async () => {
  const half = MAX_PAYLOAD_BYTES / 2 - 30;
  assertEquals(counts(await sealAll(envelope(), envelope(half), envelope(half))), [1, 2]);
  const over = [envelope(), envelope(half), envelope(half + 2)];
  assertEquals(counts(await sealAll(...over)), [1, 1, 1]);
  const changes = Array.from({ length: MAX_CHANGES + 1 }, () => change(AWAY));
  assertEquals(counts(await sealAll(envelope(), ...changes)), [1, MAX_CHANGES, 1]);
});

test("SharedRecords lets only departures follow a departure in its frame, and a fresh key after it", async () => {
  const batches = await sealAll(
    envelope(),
    change(JOINED),
    change(LEFT),
    change(LEFT),
    change(JOINED),
    change(LEFT),
    change(AWAY),
    envelope(),
  );
  assertEquals(counts(batches), [1, 3, 2, 1, 1]);
  const places = batches.map(({ frame }) => frame.before);
  // Each of the first three has another secret; the last ones go on under a key.
  assertEquals(places.map(({ counter }) => counter), [0, 1, 0, 0, 1]);
  const secrets = places.map(({ secret }) => secret.join());
  assertEquals(secrets.map((secret) => secrets.indexOf(secret)), [0, 0, 2, 3, 3]);
  for (const { frame } of batches) assertEquals(frame.end, frame.transcript, "none has a REKEY");
});

test("SharedRecords rekeys after a frame that tells of newcomers", async () => {
  const [first, joined, next] = await sealAll(
    envelope(),
    change(JOINED),
    change(JOINED),
    envelope(),
  ) as [SharedBatch, SharedBatch, SharedBatch];
  assertEquals(joined.items.length, 2);
  assertNotEquals(joined.frame.end, joined.frame.transcript);
  assertEquals(next.frame.before.transcript, joined.frame.end);
  assertEquals(first.frame.before.secret, joined.frame.before.secret);
  assertNotEquals(next.frame.before.secret, joined.frame.before.secret);
});

test("SharedRecords keeps frames of 1 MiB, the newest", async () => {
  const items = Array.from({ length: 40 }, () => envelope(32_000));
  const { sealed, shared } = create();
  for (const item of items) shared.add(item);
  while (items.at(-1)!.sharing === "sealing") await sealed.next();
  const dropped = items.findIndex(({ sharing }) => sharing !== undefined);
  assert(dropped > 0);
  assertEquals(items.slice(dropped).filter(({ sharing }) => sharing === undefined), []);
  const kept = batchesOf(items.slice(dropped));
  const bytes = kept.reduce((sum, { frame }) => sum + frame.size, 0);
  assert(bytes <= 1 << 20 && bytes > (1 << 20) - 65_600, `${bytes} bytes`);
});

test("SharedRecords keeps a frame for 10 s to 20 s", async () => {
  const { clock, sealed, shared } = create();
  const [one, two] = [envelope(), envelope()];
  shared.add(one);
  await sealed.next();
  clock.advance(1);
  shared.add(two);
  await sealed.next();
  clock.advance(9998);
  assert(batchOf(one) !== batchOf(two));
  clock.advance(1);
  assertEquals(one.sharing, undefined);
  assertEquals(batchOf(two).items, [two]);
  clock.advance(10_000);
  assertEquals(two.sharing, undefined);
  assertEquals(clock.timers, 0);
  // The order of records goes on: their place does not depend on frames that are kept.
  const three = envelope();
  shared.add(three);
  await sealed.next();
  assertEquals(batchOf(three).frame.before.counter, 2);
  shared.end();
  assertEquals(clock.timers, 0);
});

test("SharedRecords.end drops all frames, and leaves no timer for what is being sealed", async () => {
  const { clock, sealed, shared } = create();
  const items = [envelope(), envelope(), envelope()];
  shared.add(items[0]!);
  await sealed.next();
  shared.add(items[1]!);
  await begun();
  shared.add(items[2]!);
  shared.end();
  assertEquals(items[0]!.sharing, undefined);
  await sealed.next();
  await sealed.next();
  assertEquals(clock.timers, 0);
});

test("SharedRecords.renew gives what is added after it another key than all before", async () => {
  for (const waiting of [0, 1, 2]) {
    const { sealed, shared } = create();
    const before = Array.from({ length: waiting + 1 }, () => envelope());
    if (waiting === 0) {
      // Nothing is being sealed any longer.
      shared.add(before[0]!);
      await sealed.next();
    } else {
      for (const item of before) shared.add(item);
    }
    shared.renew();
    const after = [envelope(), envelope()];
    for (const item of after) shared.add(item);
    while (after.some(({ sharing }) => sharing === "sealing")) await sealed.next();
    const former = before.map((item) => batchOf(item).frame.before.secret.join());
    for (const item of after) {
      const { frame, items } = batchOf(item);
      assert(!former.includes(frame.before.secret.join()), `while ${waiting} wait`);
      assert(items.every((one) => after.includes(one as QueuedEnvelope)), "a frame across it");
    }
  }
});

test("SharedRecords leaves to the seats what it cannot seal, and goes on with a fresh key", async () => {
  for (const kind of [LEFT, JOINED, AWAY]) {
    const { sealed, shared } = create();
    const items = [envelope(), broken(kind), envelope()] as const;
    for (const item of items) shared.add(item);
    for (let i = 0; i < items.length; i++) await sealed.next();
    const [one, two, three] = items;
    assertEquals(two.sharing, undefined);
    const [before, after] = [one, three].map((item) => batchOf(item).frame.before);
    assertNotEquals(before!.secret, after!.secret);
  }
});

test("SharedRecords seals a lone entry at once, and what follows in a large room together", async () => {
  const { clock, sealed, shared } = create(100);
  const items = [envelope(1), envelope(2), envelope(3)];
  shared.add(items[0]!);
  await sealed.next();
  shared.add(items[1]!);
  clock.advance(19);
  shared.add(items[2]!);
  await nextTurn();
  assertEquals(items.map(({ sharing }) => sharing === "sealing"), [false, true, true]);
  clock.advance(1);
  await sealed.next();
  assertEquals(counts(batchesOf(items)), [1, 2]);
  clock.advance(20);
  const later = envelope(4);
  shared.add(later);
  await sealed.next();
  assertEquals(batchOf(later).items, [later]);
  shared.end();
});

test("SharedRecords does not wait when more has come than fits into a frame, nor over 100 ms", async () => {
  const { clock, sealed, shared } = create(1000);
  const first = envelope();
  shared.add(first);
  await sealed.next();
  const large = [envelope(30_000), envelope(30_000), envelope(30_000)];
  for (const item of large) shared.add(item);
  await sealed.next();
  assertEquals(large.map(({ sharing }) => sharing === "sealing"), [false, false, true]);
  clock.advance(99);
  await nextTurn();
  assertEquals(large[2]!.sharing, "sealing");
  clock.advance(1);
  await sealed.next();
  assertEquals(batchOf(large[2]!).items, [large[2]!]);
  shared.end();
});

test("SharedRecords.end leaves no wait for what comes after it", async () => {
  const { clock, sealed, shared } = create(100);
  const items = [envelope(), envelope(), envelope()];
  shared.add(items[0]!);
  await sealed.next();
  shared.add(items[1]!);
  await begun();
  shared.end();
  await begun();
  shared.add(items[2]!);
  await sealed.next();
  await sealed.next();
  assertEquals(items.map(({ sharing }) => sharing === "sealing"), [false, false, false]);
  assertEquals(clock.timers, 0);
});
