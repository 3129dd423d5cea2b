import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  BROKER_WINDOW_BYTES,
  call,
  FIRST_WINDOW_BYTES,
  HEARTBEAT_MS,
  receiveCallers,
} from "../../lib/broker/mod.ts";
import type { BrokerConnection } from "../../lib/broker/mod.ts";
import { type Bytes, concat, u64, u8 } from "../../lib/bytes/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { FakeBroker } from "../support/fake_bus.ts";
import { test } from "../support/test.ts";

const ROOM = "abcdefghijklmnop";

/** A caller and the host's end of its connection, over a broker in memory. */
async function pair(broker = new FakeBroker(), clock = new FakeClock()) {
  const hostBus = broker.connect();
  const callerBus = broker.connect();
  const reception = receiveCallers(hostBus, ROOM, clock);
  const caller = await call(callerBus, ROOM, { timeoutMs: 1000, clock });
  const callers = reception.connections.getReader();
  const host = (await callers.read()).value!;
  return {
    broker,
    clock,
    hostBus,
    callerBus,
    caller,
    host,
    callers,
    reception,
    async [Symbol.asyncDispose]() {
      caller.close();
      await reception.close();
    },
  };
}

/** A stream of bytes, each of which depends on its place. */
function pattern(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
}

async function readAll(readable: ReadableStream<Bytes>): Promise<Bytes> {
  const chunks: Bytes[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return concat(...chunks);
}

async function send(to: BrokerConnection, bytes: Bytes): Promise<void> {
  const writer = to.writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

/** The bytes of DATA that were published to subjects of a direction. */
function dataBytes(broker: FakeBroker, direction: "up" | "down"): number {
  return broker.published.filter(({ message, subject }) =>
    subject.split(".")[2] === direction && message[16] === 1
  ).reduce((sum, { message }) => sum + message.length - 17, 0);
}

test("BrokerConnection carries bytes both ways, and each direction ends by itself", async () => {
  await using ends = await pair();
  const { caller, host, callers } = ends;
  const [there, back] = [pattern(700_000), pattern(5)];
  const read = readAll(host.readable);
  await send(caller, there);
  assertEquals(await read, there);
  const answer = readAll(caller.readable);
  await send(host, back);
  assertEquals(await answer, back);
  assertEquals(host.remoteAddress, "broker");
  assert(ends.callerBus.isClosed, "the caller's connection to the broker ends with it");
  callers.releaseLock();
});

test("BrokerConnection cuts what is longer than a message of the broker", async () => {
  const broker = new FakeBroker(1000);
  await using ends = await pair(broker);
  const read = readAll(ends.host.readable);
  await send(ends.caller, pattern(10_000));
  assertEquals(await read, pattern(10_000));
  assert(broker.published.every(({ message }) => message.length <= 1000));
});

test("BrokerConnection sends no more than a slow reader has room for, at first a quarter", async () => {
  await using ends = await pair();
  const { broker, caller, host } = ends;
  const sent = send(host, pattern(4 * BROKER_WINDOW_BYTES));
  sent.catch(() => {}); // A failed check below must not hide behind it.
  const reader = caller.readable.getReader();
  let read = 0;
  let most = 0;
  while (read < 4 * BROKER_WINDOW_BYTES) {
    await nextTurn();
    const ahead = dataBytes(broker, "down") - read;
    if (read === 0) assertEquals(ahead, FIRST_WINDOW_BYTES);
    most = Math.max(most, ahead);
    read += (await reader.read()).value!.length;
  }
  assert(most <= BROKER_WINDOW_BYTES && most > BROKER_WINDOW_BYTES / 2, `${most}`);
  await sent;
});

test("BrokerConnection keeps many small messages as few large pieces", async () => {
  await using ends = await pair();
  const { broker, callers, reception } = ends;
  const up = `lanchat.${ROOM}.up.mallory`;
  const mallory = broker.connect();
  const open = concat(u8(1), new Uint8Array(16));
  mallory.publish(up, concat(u64(0), u64(65_536), u8(0), open));
  const { value: host } = await callers.read();
  const bytes = pattern(FIRST_WINDOW_BYTES);
  for (const [i, byte] of bytes.entries()) {
    mallory.publish(up, concat(u64(i + 1), u64(65_536), u8(1), u8(byte)));
  }
  await nextTurn();
  const reader = host!.readable.getReader();
  const pieces: Bytes[] = [];
  for (let read = 0; read < bytes.length;) {
    const { value } = await reader.read();
    pieces.push(value!);
    read += value!.length;
  }
  assertEquals(concat(...pieces), bytes);
  assert(pieces.length <= 256, `${pieces.length} pieces`);
  await reception.close();
});

test("BrokerConnection waits until the broker has taken what was sent", async () => {
  await using ends = await pair();
  const drained = Promise.withResolvers<void>();
  ends.callerBus.full = drained.promise;
  const sent = send(ends.caller, pattern(5));
  await nextTurn();
  assertEquals(dataBytes(ends.broker, "up"), 0);
  drained.resolve();
  ends.callerBus.full = undefined;
  await sent;
  assertEquals(await readAll(ends.host.readable), pattern(5));
});

/** Each is done to the third message of the host. */
const FAULTS: Readonly<Record<string, (message: Bytes) => readonly Bytes[]>> = {
  lost: () => [],
  repeated: (message) => [message, message],
  "of a number that is not next": (message) => [concat(u64(9), message.slice(8))],
  "of less credit than before": (
    message,
  ) => [concat(message.slice(0, 8), u64(0), message.slice(16))],
  "of an unknown kind": (message) => [concat(message.slice(0, 16), u8(4), message.slice(17))],
  "of the kind OPEN": (message) => [concat(message.slice(0, 16), u8(0), message.slice(17))],
  "an END with content": (message) => [concat(message.slice(0, 16), u8(3), message.slice(17))],
  "without content": (message) => [message.slice(0, 17)],
  "too short": (message) => [message.slice(0, 16)],
  empty: () => [new Uint8Array()],
  "more than was granted": (
    message,
  ) => [concat(message.slice(0, 17), new Uint8Array(BROKER_WINDOW_BYTES))],
};

for (const [what, fault] of Object.entries(FAULTS)) {
  test(`BrokerConnection ends by a message that is ${what}, and no other connection does`, async () => {
    await using ends = await pair();
    const { broker, caller, clock, host } = ends;
    const otherBus = broker.connect();
    const other = await call(otherBus, ROOM, { timeoutMs: 1000, clock });
    const otherHost = (await ends.callers.read()).value!;
    const subject = broker.published.find((each) => each.subject.includes(".down."))!.subject;
    let count = 0;
    broker.meddle = (message, to) =>
      to === subject && message[16] === 1 && ++count === 2 ? fault(message) : [message];
    const writer = host.writable.getWriter();
    const failed = assertFails(() => readAll(caller.readable), "connection-lost");
    await writer.write(pattern(10));
    await writer.write(pattern(10));
    await nextTurn();
    clock.advance(2 * HEARTBEAT_MS); // After which a lost last message shows.
    await failed;
    assertEquals((await host.readable.getReader().read()).done, true, "the host learns of it");
    const read = readAll(other.readable);
    await send(otherHost, pattern(100));
    assertEquals(await read, pattern(100));
    other.close();
  });
}

for (const offset of [0, 1, HEARTBEAT_MS / 2, HEARTBEAT_MS - 1]) {
  test(`BrokerConnection finds a lost tail within 4 s, ${offset} ms after a heartbeat`, async () => {
    await using ends = await pair();
    const { broker, caller, clock, host } = ends;
    for (const ms of [HEARTBEAT_MS, offset]) {
      clock.advance(ms);
      await nextTurn();
    }
    broker.meddle = (message) => message[16] === 1 ? [] : [message];
    const writer = host.writable.getWriter();
    for (let i = 0; i < 3; i++) await writer.write(pattern(10));
    await nextTurn();
    const failed = assertFails(() => readAll(caller.readable), "connection-lost");
    clock.advance(2 * HEARTBEAT_MS);
    await failed;
  });
}

test("BrokerConnection ends when the other end gives no sign of life", async () => {
  await using ends = await pair();
  const { broker, clock, caller } = ends;
  const failed = assertFails(() => readAll(caller.readable), "connection-lost");
  for (let i = 0; i < 20; i++) {
    clock.advance(HEARTBEAT_MS);
    await nextTurn();
  }
  broker.meddle = () => [];
  clock.advance(4 * HEARTBEAT_MS);
  const writer = caller.writable.getWriter();
  await writer.write(pattern(1));
  clock.advance(HEARTBEAT_MS);
  await failed;
  await assertFails(() => writer.write(pattern(1)), "connection-lost");
  await writer.closed.catch(() => {});
});

test("BrokerConnection.close ends both streams, also a write that waits for credit", async () => {
  await using ends = await pair();
  const { caller, host } = ends;
  const writing = assertFails(
    () => send(caller, pattern(2 * BROKER_WINDOW_BYTES)),
    "connection-lost",
  );
  await nextTurn();
  caller.close();
  caller.close();
  await writing;
  assertEquals(await readAll(caller.readable), new Uint8Array());
  assertEquals(await readAll(host.readable), pattern(FIRST_WINDOW_BYTES));
});

test("BrokerConnection ends at both ends when the broker is lost", async () => {
  await using ends = await pair();
  const { caller, callerBus, host, hostBus, reception } = ends;
  const both = [caller, host].map((end) =>
    assertFails(() => readAll(end.readable), "connection-lost")
  );
  callerBus.lose();
  hostBus.lose();
  await Promise.all(both);
  assertEquals((await reception.lost).message, "Broker lost");
  assertEquals((await ends.callers.read()).done, true);
});

test("BrokerConnection gives what was written, or ends, whatever happens to the messages", async () => {
  const faults = fc.array(
    fc.tuple(fc.nat(60), fc.constantFrom("lose", "repeat", "swap", "cut"), fc.nat(16)),
    { maxLength: 2 },
  );
  const chunks = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(faults, chunks, async (faults, lengths) => {
      await using ends = await pair(new FakeBroker(50_000));
      const { broker, caller, clock, host } = ends;
      let at = 0;
      let held: Bytes | undefined;
      broker.meddle = (message, subject) => {
        if (!subject.includes(".up.")) return [message];
        const [, fault, length] = faults.find(([index]) => index === at) ?? [];
        at++;
        if (held !== undefined) {
          const before = held;
          held = undefined;
          return [message, before];
        }
        if (fault === "lose") return [];
        if (fault === "repeat") return [message, message];
        if (fault === "cut") return [message.slice(0, length)];
        if (fault === "swap") held = message;
        return held === undefined ? [message] : [];
      };
      const all = pattern(lengths.reduce((sum, length) => sum + length, 0));
      let got: Bytes = new Uint8Array();
      let isEnd = false;
      const reading = (async () => {
        for await (const chunk of host.readable) got = concat(got, chunk);
        isEnd = true;
      })().catch(() => {});
      const writer = caller.writable.getWriter();
      const writing = (async () => {
        let offset = 0;
        for (const length of lengths) {
          await writer.write(all.slice(offset, offset + length));
          offset += length;
        }
        await writer.close();
      })().catch(() => {});
      let isDone = false;
      void Promise.all([reading, writing]).then(() => isDone = true);
      for (let i = 0; i < 20 && !isDone; i++) {
        await nextTurn();
        clock.advance(HEARTBEAT_MS);
      }
      await Promise.all([reading, writing]);
      assertEquals(got, all.slice(0, got.length));
      if (faults.length === 0) assert(isEnd && got.length === all.length);
    }),
    { numRuns: 60 },
  );
});
