import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import type { ReceivedBulk } from "../../lib/room/mod.ts";
import { MAX_UNHANDLED_BYTES } from "../../lib/room/bulk_receiver.ts";
import type { HostRecord } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { nextTurn } from "../support/clock.ts";
import { Inbox } from "../support/inbox.ts";
import { seededRandom } from "../support/keys.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone, type ScriptedRelay } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const random = seededRandom(15);
const from = random(16);
const transfer = random(16);

function bulk(offset: number, ...bytes: Bytes[]): HostRecord {
  return { type: "bulk", from, transfer, offset, bytes };
}

/** What the room says that it has handled, each time. */
function credits({ records }: ScriptedRelay): number[] {
  return records.all.flatMap((record) => record.type === "credit" ? [record.taken] : []);
}

/** A handler whose calls a test ends. */
class Handler {
  readonly calls = new Inbox<ReceivedBulk>();
  readonly #ends: PromiseWithResolvers<void>[] = [];

  readonly handle = (chunk: ReceivedBulk): Promise<void> => {
    this.calls.push(chunk);
    const end = Promise.withResolvers<void>();
    this.#ends.push(end);
    return end.promise;
  };

  /** Ends the first call that has not ended. */
  end(): void {
    this.#ends.shift()!.resolve();
  }

  /** Lets the first call that has not ended fail. */
  fail(): void {
    this.#ends.shift()!.reject(new Error("disk on fire"));
  }

  /** Ends all calls. */
  endAll(): void {
    while (this.#ends.length > 0) this.end();
  }
}

test("Room gives bulk to onBulk as it comes, and sends CREDIT for what is handled", async () => {
  const handler = new Handler();
  const alone = await RoomAlone.open({ onBulk: handler.handle });
  const [one, two, three] = [random(5), random(7), random(9)];
  await alone.relay.send(bulk(100, one, two));
  await alone.relay.send(bulk(3, three));
  await nextTurn();
  assertEquals(handler.calls.all, [
    { from, transfer, offset: 100, bytes: one },
    { from, transfer, offset: 105, bytes: two },
    { from, transfer, offset: 3, bytes: three },
  ]);
  assertEquals(credits(alone.relay), []);
  // Of a record in two parts, once both are handled.
  for (const taken of [undefined, 12, 21]) {
    handler.end();
    await nextTurn();
    assertEquals(credits(alone.relay).at(-1), taken);
  }
  await alone.close();
});

test("Room sends one CREDIT for all that is handled at once", async () => {
  const handler = new Handler();
  const alone = await RoomAlone.open({ onBulk: handler.handle });
  for (let i = 0; i < 9; i++) await alone.relay.send(bulk(i, random(1)));
  handler.endAll();
  await nextTurn();
  assertEquals(credits(alone.relay), [9]);
  await alone.close();
});

test("Room reads messages while onBulk is busy", async () => {
  const bob = await Puppet.create("bob");
  const handler = new Handler();
  const alone = await RoomAlone.open({ before: [bob], onBulk: handler.handle });
  await alone.relay.send(bulk(0, random(1000)));
  await alone.assertStillHears(bob);
  assertEquals(credits(alone.relay), []);
  handler.endAll();
  await alone.close();
});

test("Room shows a fault in onBulk as a warning, and goes on", async () => {
  const handler = new Handler();
  const alone = await RoomAlone.open({ onBulk: handler.handle });
  await alone.relay.send(bulk(0, random(5)));
  await nextTurn();
  handler.fail();
  const { message } = await alone.event("warning");
  assert(message.includes("disk on fire"), message);
  await nextTurn();
  assertEquals(credits(alone.relay), [5]);
  const thrown = await RoomAlone.open({
    onBulk: () => {
      throw new Error("at once");
    },
  });
  await thrown.relay.send(bulk(0, random(5)));
  await thrown.event("warning");
  await alone.close();
  await thrown.close();
});

test("Room drops what comes while 8 MiB are not handled, however small the pieces", async () => {
  const size = 1 << 18;
  for (const [piece, most] of [[size, MAX_UNHANDLED_BYTES / size], [1, 8192]] as const) {
    const handler = new Handler();
    const alone = await RoomAlone.open({ onBulk: handler.handle });
    const bytes = new Uint8Array(piece);
    for (let i = 0; i < most + 10; i++) await alone.relay.send(bulk(i * piece, bytes));
    await nextTurn();
    const kept = handler.calls.all.length;
    assert(kept <= most && kept > 0.95 * most, `${kept} calls`);
    assertEquals(credits(alone.relay).at(-1), (most + 10 - kept) * piece);
    handler.endAll();
    await nextTurn();
    assertEquals(credits(alone.relay).at(-1), (most + 10) * piece);
    await alone.relay.send(bulk(0, bytes));
    await nextTurn();
    assertEquals(handler.calls.all.length, kept + 1);
    handler.endAll();
    await alone.close();
  }
});

test("Room counts what is handled on each connection from 0", async () => {
  const handler = new Handler();
  const alone = await RoomAlone.open({ onBulk: handler.handle });
  await alone.relay.send(bulk(0, random(100)));
  await alone.relay.send(bulk(100, random(50)));
  await nextTurn();
  handler.end();
  await nextTurn();
  assertEquals(credits(alone.relay), [100]);
  await alone.resume([]);
  handler.end();
  await nextTurn();
  assertEquals(credits(alone.relay), []);
  await alone.relay.send(bulk(100, random(50)));
  await nextTurn();
  handler.end();
  await nextTurn();
  assertEquals(credits(alone.relay), [50]);
  await alone.close();
});

test("Room refuses bulk and CREDIT before the ROSTER", async () => {
  for (const record of [bulk(0, random(1)), { type: "credit", taken: 0, flows: [] } as const]) {
    const alone = await RoomAlone.create();
    await alone.relay.accept({ resumed: false, lastCmid: 0 });
    await alone.relay.send({ type: "resume", nextSeq: 1, queued: 0 });
    await alone.relay.send(record);
    await assertFails(alone.ran, "protocol-error", "ROSTER must come first");
    alone.room.end("not-delivered");
  }
});
