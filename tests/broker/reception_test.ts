import { assert, assertEquals } from "@std/assert";
import {
  brokerRoom,
  call,
  CALL_AGAIN_MS,
  MAX_UNREAD_CALLERS,
  receiveCallers,
  UNREAD_MS,
} from "../../lib/broker/mod.ts";
import { type Bytes, concat, u64, u8 } from "../../lib/bytes/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { FakeBroker } from "../support/fake_bus.ts";
import { test } from "../support/test.ts";

const ROOM = "abcdefghijklmnop";

/** A first message. */
function opening(id: number, { credit = 65_536, number = 0, kind = 0, version = 1 } = {}): Bytes {
  const answerTo = new Uint8Array(16).fill(id);
  return concat(u64(number), u64(credit), u8(kind), u8(version), answerTo);
}

function listening() {
  const broker = new FakeBroker();
  const clock = new FakeClock();
  const bus = broker.connect();
  const reception = receiveCallers(bus, ROOM, clock);
  return { broker, bus, clock, reception, callers: reception.connections.getReader() };
}

test("brokerRoom is a hash under a label of its own", async () => {
  assertEquals(await brokerRoom(new Uint8Array(32)), "av5t65xoeoz4cq2o");
});

test("call finds no host where none listens, or none answers", async () => {
  const broker = new FakeBroker();
  const clock = new FakeClock();
  const bus = broker.connect();
  await assertFails(() => call(bus, ROOM, { timeoutMs: 1000, clock }), "connection-refused");
  assert(bus.isClosed);
  broker.meddle = () => [];
  const waiting = assertFails(
    () => call(broker.connect(), ROOM, { timeoutMs: 1000, clock }),
    "unreachable",
  );
  clock.advance(1000);
  await waiting;
  const stopping = new AbortController();
  const reason = new Error("stopped");
  const stopped = call(broker.connect(), ROOM, { timeoutMs: 1000, clock, signal: stopping.signal })
    .catch((error) => error);
  stopping.abort(reason);
  assertEquals(await stopped, reason);
  const late = call(broker.connect(), ROOM, { timeoutMs: 1000, clock, signal: stopping.signal });
  assertEquals(await late.catch((error) => error), reason);
  assertEquals(clock.timers, 0);
});

test("call is repeated from other subjects until there is an answer, and only that connection stays", async () => {
  const { broker, callers, clock, reception } = listening();
  let lost = 0;
  broker.meddle = (message, subject) => {
    // The first call is lost, and then the answer to the second one.
    const isLost = lost === 0 || lost === 1 && subject.includes(".down.");
    if (isLost) lost++;
    return isLost ? [] : [message];
  };
  const guest = broker.connect();
  const calling = call(guest, ROOM, { timeoutMs: 3 * CALL_AGAIN_MS, clock });
  for (let i = 0; i < 2; i++) {
    await nextTurn();
    clock.advance(CALL_AGAIN_MS);
  }
  const caller = await calling;
  const { value: unanswered } = await callers.read();
  const { value: host } = await callers.read();
  assertEquals((await unanswered!.readable.getReader().read()).done, true);
  const writer = caller.writable.getWriter();
  await writer.write(new Uint8Array([7]));
  assertEquals((await host!.readable.getReader().read()).value, new Uint8Array([7]));
  assert(!guest.isClosed);
  caller.close();
  assert(guest.isClosed);
  const subjects = new Set(broker.published.map(({ subject }) => subject));
  assertEquals([...subjects].filter((subject) => subject.includes(".up.")).length, 3);
  await reception.close();
});

test("call is repeated also if its answer is lost, and what follows comes", async () => {
  const { broker, callers, clock, reception } = listening();
  let isLost = false;
  broker.meddle = (message, subject) => {
    if (isLost || !subject.includes(".down.")) return [message];
    isLost = true;
    return [];
  };
  const greetAll = (async () => {
    while (true) {
      const { value: host } = await callers.read();
      if (host === undefined) return;
      await host.writable.getWriter().write(new Uint8Array([7]));
    }
  })();
  const guest = broker.connect();
  const calling = call(guest, ROOM, { timeoutMs: 2 * CALL_AGAIN_MS, clock });
  calling.catch(() => {}); // A failure must wait until the test awaits it.
  await nextTurn();
  clock.advance(CALL_AGAIN_MS);
  const caller = await calling;
  assertEquals((await caller.readable.getReader().read()).value, new Uint8Array([7]));
  assert(!guest.isClosed);
  caller.close();
  assert(guest.isClosed);
  await reception.close();
  await greetAll;
});

test("call closes the bus when the time is over and its only connection has ended", async () => {
  const { broker, clock, reception } = listening();
  broker.meddle = (message, subject) => subject.includes(".down.") ? [new Uint8Array()] : [message];
  const guest = broker.connect();
  const failed = assertFails(
    call(guest, ROOM, { timeoutMs: CALL_AGAIN_MS - 1, clock }),
    "unreachable",
  );
  failed.catch(() => {});
  await nextTurn();
  assert(!guest.isClosed);
  clock.advance(CALL_AGAIN_MS - 1);
  await failed;
  assert(guest.isClosed);
  await reception.close();
});

test("call ends when its host is gone from the broker", async () => {
  const { broker, bus, callers, clock } = listening();
  const caller = await call(broker.connect(), ROOM, { timeoutMs: 1000, clock });
  await callers.read();
  const failed = assertFails(() => caller.readable.getReader().read(), "connection-refused");
  bus.lose();
  await nextTurn();
  clock.advance(4000);
  await failed;
});

test("receiveCallers takes no first message of another kind, number, version or little credit", async () => {
  const { broker, bus, reception } = listening();
  const guest = broker.connect();
  const wrong = [
    opening(1, { kind: 1 }),
    opening(1, { number: 1 }),
    opening(1, { version: 2 }),
    opening(1, { credit: 65_535 }),
    opening(1).slice(0, -1),
    concat(opening(1), u8(0)),
    new Uint8Array(),
  ];
  for (const message of wrong) guest.publish(`lanchat.${ROOM}.up.x`, message);
  await nextTurn();
  assertEquals(broker.published.length, wrong.length, "there was no answer");
  await reception.close();
  assert(bus.isClosed);
});

test("receiveCallers does not even decode the messages of strangers that are not as long as OPEN", async () => {
  const { broker, reception } = listening();
  for (const length of [0, 1, 33, 35, 1000]) {
    const message = new Uint8Array(length);
    let isRead = false;
    Object.defineProperty(message, "buffer", {
      get() {
        isRead = true;
        return new ArrayBuffer(length);
      },
    });
    broker.deliver(`lanchat.${ROOM}.up.x`, message);
    assert(!isRead, `${length} bytes`);
  }
  await reception.close();
});

test("receiveCallers bounds the callers of whom nothing was read, and takes others when some have ended", async () => {
  const { broker, callers, clock, reception } = listening();
  const guest = broker.connect();
  const open = async (i: number): Promise<number> => {
    guest.publish(`lanchat.${ROOM}.up.${i}`, opening(i));
    await nextTurn();
    return broker.published.filter(({ subject }) => subject.includes(".down.")).length;
  };
  for (let i = 0; i < MAX_UNREAD_CALLERS; i++) assertEquals(await open(i), i + 1);
  assertEquals(await open(MAX_UNREAD_CALLERS), MAX_UNREAD_CALLERS, "one too many");
  const say = (number: number): void =>
    guest.publish(`lanchat.${ROOM}.up.0`, concat(u64(number), u64(65_536), u8(1), u8(7)));
  say(1);
  await nextTurn();
  assertEquals(await open(199), MAX_UNREAD_CALLERS, "what was only sent does not count");
  const { value: first } = await callers.read();
  const { value: second } = await callers.read();
  assertEquals((await first!.readable.getReader().read()).value, new Uint8Array([7]));
  say(2);
  await nextTurn();
  assertEquals(await open(200), MAX_UNREAD_CALLERS + 1, "one was read");
  second!.close();
  assertEquals(
    await open(201),
    MAX_UNREAD_CALLERS + 2,
    "an END: one that ended unread still counts",
  );
  clock.advance(UNREAD_MS);
  assertEquals(await open(202), MAX_UNREAD_CALLERS + 3);
  await reception.close();
  assertEquals(clock.timers, 0);
});

test("receiveCallers counts a first message that it cannot decode as a caller that has ended", async () => {
  const { broker, callers, clock, reception } = listening();
  for (let i = 0; i < MAX_UNREAD_CALLERS; i++) {
    broker.deliver(`lanchat.${ROOM}.up.${i}`, opening(i, { kind: 4 }));
  }
  const answers = (): number => broker.published.length;
  broker.deliver(`lanchat.${ROOM}.up.x`, opening(1));
  assertEquals(answers(), 0);
  clock.advance(UNREAD_MS);
  broker.deliver(`lanchat.${ROOM}.up.x`, opening(1));
  assertEquals(answers(), 1);
  await callers.read();
  await reception.close();
  assertEquals(clock.timers, 0);
});

test("receiveCallers ends a connection that is opened again, and no other", async () => {
  const { broker, callers, clock, reception } = listening();
  const caller = await call(broker.connect(), ROOM, { timeoutMs: 1000, clock });
  const other = await call(broker.connect(), ROOM, { timeoutMs: 1000, clock });
  const { value: host } = await callers.read();
  const { subject, message } = broker.published[0]!;
  const failed = assertFails(() => host!.readable.getReader().read(), "connection-lost");
  broker.connect().publish(subject, message);
  await failed;
  assertEquals((await caller.readable.getReader().read()).done, true);
  const writer = other.writable.getWriter();
  await writer.write(new Uint8Array([1]));
  const { value: otherHost } = await callers.read();
  assertEquals((await otherHost!.readable.getReader().read()).value, new Uint8Array([1]));
  await reception.close();
});

test("receiveCallers answers no two callers at one subject: one could end the other's connection", async () => {
  const { broker, callers, clock, reception } = listening();
  const caller = await call(broker.connect(), ROOM, { timeoutMs: 1000, clock });
  const { value: host } = await callers.read();
  const { subject } = broker.published.find(({ subject }) => subject.includes(".down."))!;
  const answers = (): number => broker.published.filter((each) => each.subject === subject).length;
  const before = answers();
  const { message } = broker.published[0]!;
  broker.connect().publish(`lanchat.${ROOM}.up.mallory`, message);
  await nextTurn();
  assertEquals(answers(), before);
  const writer = host!.writable.getWriter();
  await writer.write(new Uint8Array([7]));
  assertEquals((await caller.readable.getReader().read()).value, new Uint8Array([7]));
  await reception.close();
});
