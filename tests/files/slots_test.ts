import { assertEquals } from "@std/assert";
import { Slots } from "../../lib/files/slots.ts";
import { test } from "../support/test.ts";

/** Takers of places, and the order in which they get them. */
class Takers {
  readonly got: string[] = [];
  readonly #slots: Slots;
  readonly #release = new Map<string, () => void>();

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  async take(name: string, isLong = false, signal = new AbortController().signal): Promise<void> {
    const release = await this.#slots.take(signal, isLong);
    this.got.push(release === undefined ? `${name} left` : name);
    if (release !== undefined) this.#release.set(name, release);
  }

  async release(name: string): Promise<void> {
    this.#release.get(name)!();
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test("Slots gives places in order, and none to one who no longer waits", async () => {
  const slots = new Slots(2);
  const takers = new Takers(slots);
  const abort = new AbortController();
  for (const name of ["a", "b"]) await takers.take(name);
  assertEquals(slots.isWanted, false);
  void takers.take("c", false, abort.signal);
  for (const name of ["d", "e"]) void takers.take(name);
  assertEquals(slots.isWanted, true);
  abort.abort();
  await takers.release("b");
  await takers.release("a");
  assertEquals([takers.got, slots.isWanted], [["a", "b", "c left", "d", "e"], false]);
  await takers.take("f", false, abort.signal);
  assertEquals(takers.got.at(-1), "f left");
});

test("Slots gives one of many that are kept for a short time to one who keeps it for long", async () => {
  const slots = new Slots(3, 2);
  const takers = new Takers(slots);
  for (const name of ["a", "b", "c"]) await takers.take(name);
  void takers.take("long", true);
  assertEquals(slots.isWanted, true);
  await takers.release("b");
  assertEquals(takers.got.at(-1), "long");
  void takers.take("also long", true);
  assertEquals(slots.isWanted, false);
  await takers.release("a");
  assertEquals(takers.got.at(-1), "long");
  await takers.release("long");
  assertEquals(takers.got.at(-1), "also long");
});

test("Slots leaves some places to those who do not keep them for long", async () => {
  const slots = new Slots(3, 1);
  const takers = new Takers(slots);
  for (const name of ["a", "b", "c"]) void takers.take(name, true);
  await settled();
  assertEquals(takers.got, ["a", "b"]);
  await takers.take("d");
  assertEquals(slots.isWanted, false); // The place of "d" is none for "c".
  void takers.take("e");
  assertEquals(slots.isWanted, true);
  await takers.release("d");
  assertEquals(takers.got, ["a", "b", "d", "e"]);
  await takers.release("e");
  await takers.release("a");
  assertEquals(takers.got, ["a", "b", "d", "e", "c"]);
});
