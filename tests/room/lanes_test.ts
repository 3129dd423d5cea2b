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
  a.push(1, a1.work);
  a.push(1, a2.work);
  b.push(1, b1.work);
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

/** Lanes that are parked until they are told to go on, and what of their work was dropped. */
async function park(count: number) {
  const lanes = new Lanes();
  const { promise, resolve } = Promise.withResolvers<void>();
  const parked = Array.from({ length: count }, () => lanes.lane());
  for (const lane of parked) lane.push(0, () => lane.park(promise));
  await lanes.settled();
  const [done, dropped] = [[] as string[], [] as string[]];
  return {
    parked,
    done,
    dropped,
    push(lane: number, bytes: number, name = `${lane}`): void {
      const work = () => Promise.resolve(done.push(name)).then(() => {});
      parked[lane]!.push(bytes, work, () => dropped.push(name));
    },
    async goOn(): Promise<void> {
      resolve();
      await nextTurn();
      await lanes.settled();
    },
  };
}

const PIECE_BYTES = 512;

test("Lane.push drops what is over 8 MiB behind a parked piece of work alone", async () => {
  const { parked: [lane], done, dropped, goOn, push } = await park(1);
  push(0, MAX_PARKED_BYTES - 3 * PIECE_BYTES - 1, "most");
  push(0, 2, "too much");
  push(0, 1, "the rest");
  push(0, 1, "more");
  push(0, 0, "nothing");
  assertEquals(dropped, ["too much", "more"]);
  await goOn();
  assertEquals(done, ["most", "the rest", "nothing"]);
  let taken = false;
  lane!.push(MAX_PARKED_BYTES + 1, () => Promise.resolve().then(() => void (taken = true)));
  await nextTurn();
  assertEquals(taken, true);
});

test("Lane.push takes room from the largest parked lane where all are over 64 MiB", async () => {
  const { done, dropped, goOn, push } = await park(18);
  const mebibyte = (1 << 20) - PIECE_BYTES;
  for (let lane = 0; lane < 16; lane++) {
    for (let i = 0; i < 4; i++) push(lane, mebibyte, `${lane} ${i}`);
  }
  // What they were parked with takes a little, too.
  assertEquals(dropped, ["15 3"]);
  // A small lane is squeezed by no number of large ones; what is newest in these goes first.
  push(16, mebibyte, "small");
  push(0, 0, "nothing");
  assertEquals(dropped, ["15 3", "0 3"]);
  // The largest lane loses its own.
  for (let lane = 1; lane < 15; lane++) push(lane, mebibyte, "own");
  assertEquals(dropped.slice(2), Array(14).fill("own"));
  await goOn();
  const expected = Array.from({ length: 16 }, (_, lane) => [0, 1, 2, 3].map((i) => `${lane} ${i}`));
  const kept = [...expected.flat().filter((name) => !dropped.includes(name)), "small", "nothing"];
  assertEquals(done.sort(), kept.sort());
});

test("Lane.push drops nothing that is under way, and nothing that holds nothing", async () => {
  const lanes = new Lanes();
  const { promise, resolve } = Promise.withResolvers<void>();
  const dropped: string[] = [];
  const work = Array.from({ length: 8 }, (_, i) => {
    const lane = lanes.lane();
    lane.push(MAX_PARKED_BYTES, () => lane.park(promise), () => dropped.push(`${i}`));
    lane.push(0, () => Promise.resolve(), () => dropped.push(`${i} too`));
    return lane;
  });
  const late = lanes.lane();
  late.push(0, () => late.park(promise));
  await lanes.settled();
  late.push(1, () => Promise.resolve(), () => dropped.push("late"));
  assertEquals([work.length, dropped], [8, ["late"]]);
  resolve();
  await nextTurn();
  await lanes.settled();
});
