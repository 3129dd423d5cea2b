import { assertEquals } from "@std/assert";
import { Lanes, MAX_PARKED_BYTES } from "../../lib/room/lanes.ts";
import { nextTurn } from "../support/stage.ts";
import { test } from "../support/test.ts";

interface Gate {
  readonly work: () => Promise<void>;
  readonly open: () => void;
}

/** Work that ends when it is told to. */
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

test("Lanes does the work of one lane in its order, and of two side by side", async () => {
  const lanes = new Lanes();
  const begun: string[] = [];
  const [a1, a2, b1] = ["a1", "a2", "b1"].map((name) => gate(begun, name)) as [Gate, Gate, Gate];
  const [a, b] = [lanes.lane(), lanes.lane()];
  assertEquals([a.push(1, a1.work), a.push(1, a2.work), b.push(1, b1.work)], [true, true, true]);
  let settled = false;
  const settling = lanes.settled().then(() => settled = true);
  await nextTurn();
  assertEquals(begun, ["a1", "b1"]);
  a1.open();
  b1.open();
  await nextTurn();
  assertEquals([begun, settled], [["a1", "b1", "a2"], false]);
  a2.open();
  await settling;
  await lanes.settled();
});

test("Lanes waits for no lane that is parked, until it goes on", async () => {
  const lanes = new Lanes();
  const lane = lanes.lane();
  const wait = Promise.withResolvers<void>();
  const begun: string[] = [];
  const after = gate(begun, "after");
  lane.push(1, () => lane.park(wait.promise));
  lane.push(1, after.work);
  await lanes.settled();
  lane.push(1, () => Promise.resolve());
  await lanes.settled();
  const other = lanes.lane();
  const busy = gate(begun, "busy");
  other.push(1, busy.work);
  let settled = false;
  const settling = lanes.settled().then(() => settled = true);
  wait.resolve();
  await nextTurn();
  busy.open();
  await nextTurn();
  assertEquals([begun, settled], [["busy", "after"], false]);
  after.open();
  await settling;
});

test("Lane.push refuses what is over 1 MiB behind a parked piece of work alone", async () => {
  const lanes = new Lanes();
  const lane = lanes.lane();
  const wait = Promise.withResolvers<void>();
  const nothing = () => Promise.resolve();
  assertEquals(lane.push(2 * MAX_PARKED_BYTES, nothing), true);
  await lanes.settled();
  lane.push(0, () => lane.park(wait.promise));
  await lanes.settled();
  assertEquals(lane.push(MAX_PARKED_BYTES - 2048, nothing), true);
  assertEquals([lane.push(2048, nothing), lane.push(0, nothing)], [false, true]);
  // Small pieces take more than their bytes.
  const taken = Array.from({ length: 10 }, () => lane.push(1, nothing));
  assertEquals(taken.filter((fits) => fits).length < 4, true);
  wait.resolve();
  await nextTurn();
  await lanes.settled();
  assertEquals(lane.push(MAX_PARKED_BYTES + 1, nothing), true);
  await lanes.settled();
});

test("Lane.push gives each of many parked lanes an even part of 16 MiB", async () => {
  const lanes = new Lanes();
  const wait = Promise.withResolvers<void>();
  const parked = Array.from({ length: 64 }, () => lanes.lane());
  for (const lane of parked) lane.push(0, () => lane.park(wait.promise));
  await lanes.settled();
  for (const lane of parked) {
    let count = 0;
    while (lane.push(50_000, () => Promise.resolve())) count++;
    assertEquals(count, 5);
  }
  wait.resolve();
  await nextTurn();
  await lanes.settled();
});
