import { assertEquals } from "@std/assert";
import { MAX_PARKED_BYTES, SerialQueues, type Turn } from "../../lib/room/serial_queue.ts";
import { throwError } from "../support/assert.ts";
import { nextTurn } from "../support/clock.ts";
import { test } from "../support/test.ts";

interface Gate {
  readonly work: () => Promise<void>;
  readonly open: () => void;
}

/** Creates work that ends when it is released. */
function gate(begun: string[], name: string): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    work: () => {
      begun.push(name);
      return promise;
    },
    open: resolve,
  };
}

test("SerialQueues runs the work of one queue in order, and two queues side by side", async () => {
  const queues = new SerialQueues(throwError);
  const begun: string[] = [];
  const [a1, a2, b1] = ["a1", "a2", "b1"].map((name) => gate(begun, name)) as [Gate, Gate, Gate];
  const [a, b] = [queues.queue(), queues.queue()];
  a.push(1, a1.work);
  a.push(1, a2.work);
  b.push(1, b1.work);
  let settled = false;
  const settling = queues.settled().then(() => settled = true);
  await nextTurn();
  assertEquals(begun, ["a1", "b1"]);
  a1.open();
  b1.open();
  await nextTurn();
  assertEquals([begun, settled], [["a1", "b1", "a2"], false]);
  a2.open();
  await settling;
  await queues.settled();
});

test("SerialQueues.settled does not wait for a parked queue", async () => {
  const queues = new SerialQueues(throwError);
  const queue = queues.queue();
  const wait = Promise.withResolvers<void>();
  const begun: string[] = [];
  const after = gate(begun, "after");
  queue.push(1, () => queue.park(wait.promise));
  queue.push(1, after.work);
  await queues.settled();
  queue.push(1, () => Promise.resolve());
  await queues.settled();
  const other = queues.queue();
  const busy = gate(begun, "busy");
  other.push(1, busy.work);
  let settled = false;
  const settling = queues.settled().then(() => settled = true);
  wait.resolve();
  await nextTurn();
  busy.open();
  await nextTurn();
  assertEquals([begun, settled], [["busy", "after"], false]);
  after.open();
  await settling;
});

/** Creates parked queues, and records their work that was done and dropped. */
async function park(count: number) {
  const queues = new SerialQueues(throwError);
  const { promise, resolve } = Promise.withResolvers<void>();
  const parked = Array.from({ length: count }, () => queues.queue());
  for (const queue of parked) queue.push(0, () => queue.park(promise));
  await queues.settled();
  const [done, dropped] = [[] as string[], [] as string[]];
  return {
    parked,
    done,
    dropped,
    push(queue: number, bytes: number, name = `${queue}`): void {
      const work = () => Promise.resolve(done.push(name)).then(() => {});
      parked[queue]!.push(bytes, work, () => dropped.push(name));
    },
    async goOn(): Promise<void> {
      resolve();
      await nextTurn();
      await queues.settled();
    },
  };
}

const PIECE_BYTES = 512;

test("SerialQueue gives work its turn after all earlier work of queues that are not parked", async () => {
  const queues = new SerialQueues(() => {});
  const [ada, bob, carol] = [queues.queue(), queues.queue(), queues.queue()];
  const [slow, parked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const order: string[] = [];
  const inTurn = (name: string) => async (turn: Turn): Promise<void> => {
    await turn();
    order.push(name);
  };
  ada.push(1, () => ada.park(parked.promise).then(() => void order.push("ada 1")));
  bob.push(1, () => slow.promise.then(() => void order.push("bob 2")));
  carol.push(1, inTurn("carol 3"));
  bob.push(1, inTurn("bob 4"));
  ada.push(1, inTurn("ada 5"));
  carol.push(1, inTurn("carol 6"));
  await nextTurn();
  assertEquals(order, []);
  slow.resolve();
  await queues.settled();
  assertEquals(order.splice(0), ["bob 2", "carol 3", "bob 4", "carol 6"]);
  parked.resolve();
  await nextTurn();
  await queues.settled();
  assertEquals(order, ["ada 1", "ada 5"]);
});

test("SerialQueue.push drops work past 8 MiB only in a parked queue", async () => {
  const { parked: [queue], done, dropped, goOn, push } = await park(1);
  push(0, MAX_PARKED_BYTES - 3 * PIECE_BYTES - 1, "most");
  push(0, 2, "too much");
  push(0, 1, "the rest");
  push(0, 1, "more");
  push(0, 0, "nothing");
  assertEquals(dropped, ["too much", "more"]);
  await goOn();
  assertEquals(done, ["most", "the rest", "nothing"]);
  let taken = false;
  queue!.push(MAX_PARKED_BYTES + 1, () => Promise.resolve().then(() => void (taken = true)));
  await nextTurn();
  assertEquals(taken, true);
});

test("SerialQueue.push drops work of the largest parked queue past 64 MiB in all", async () => {
  const { done, dropped, goOn, push } = await park(18);
  const mebibyte = (1 << 20) - PIECE_BYTES;
  for (let queue = 0; queue < 16; queue++) {
    for (let i = 0; i < 4; i++) push(queue, mebibyte, `${queue} ${i}`);
  }
  // The work that parked them counts too.
  assertEquals(dropped, ["15 3"]);
  // Large queues never push work out of a small one; they lose their newest work first.
  push(16, mebibyte, "small");
  push(0, 0, "nothing");
  assertEquals(dropped, ["15 3", "0 3"]);
  // The largest queue loses its own.
  for (let queue = 1; queue < 15; queue++) push(queue, mebibyte, "own");
  assertEquals(dropped.slice(2), Array(14).fill("own"));
  await goOn();
  const expected = Array.from(
    { length: 16 },
    (_, queue) => [0, 1, 2, 3].map((i) => `${queue} ${i}`),
  );
  const kept = [...expected.flat().filter((name) => !dropped.includes(name)), "small", "nothing"];
  assertEquals(done.sort(), kept.sort());
});

test("SerialQueue.push drops no running work, and none that holds nothing", async () => {
  const queues = new SerialQueues(throwError);
  const { promise, resolve } = Promise.withResolvers<void>();
  const dropped: string[] = [];
  const work = Array.from({ length: 8 }, (_, i) => {
    const queue = queues.queue();
    queue.push(MAX_PARKED_BYTES, () => queue.park(promise), () => dropped.push(`${i}`));
    queue.push(0, () => Promise.resolve(), () => dropped.push(`${i} too`));
    return queue;
  });
  const late = queues.queue();
  late.push(0, () => late.park(promise));
  await queues.settled();
  late.push(1, () => Promise.resolve(), () => dropped.push("late"));
  assertEquals([work.length, dropped], [8, ["late"]]);
  resolve();
  await nextTurn();
  await queues.settled();
});
