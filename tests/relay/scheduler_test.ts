import { assert, assertEquals } from "@std/assert";
import {
  FairScheduler,
  type FullSeat,
  SenderQueue,
  TURN_BYTES,
} from "../../lib/relay/scheduler.ts";
import { ENVELOPE_OVERHEAD_BYTES, type MemberEnvelope } from "../../lib/wire/mod.ts";
import { test } from "../support/test.ts";

function envelopes(count: number, bytes: number): MemberEnvelope[] {
  const object = new Uint8Array(bytes - ENVELOPE_OVERHEAD_BYTES);
  return Array.from({ length: count }, (_, i) => ({
    class: 1,
    to: undefined,
    cmid: i + 1,
    object,
  }));
}

/** A scheduler with a queue for each sender, and one receiver that takes as many bytes as it is given space for. */
class Scene {
  readonly queues: readonly SenderQueue[];
  /** The envelopes that were routed, in order. */
  readonly routed: { readonly sender: number; readonly cmid: number }[] = [];
  readonly #scheduler = new FairScheduler();
  readonly #sizes: readonly number[];
  #held: SenderQueue[] = [];
  #space = 0;

  /** @param sizes Of the envelopes of each sender. */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    const full: FullSeat = { hold: (queue) => this.#held.push(queue) };
    this.queues = sizes.map((size, sender) =>
      new SenderQueue(this.#scheduler, ({ cmid }) => {
        if (this.#space < size) return full;
        this.#space -= size;
        this.routed.push({ sender, cmid });
      })
    );
  }

  /** Gives the receiver more space. */
  open(bytes: number): void {
    this.#space += bytes;
    const queues = this.#held;
    this.#held = [];
    this.#scheduler.serve(queues);
  }

  /** Asserts that no sender is ahead of another by more than a turn and the excess of its last envelope. */
  assertFair(): void {
    const ahead = Math.max(...this.bytes) - Math.min(...this.bytes);
    assert(ahead < 2 * TURN_BYTES, `${this.bytes} bytes`);
  }

  /** Bytes of each sender that were routed. */
  get bytes(): number[] {
    return this.#sizes.map((size, sender) =>
      size * this.routed.filter((one) => one.sender === sender).length
    );
  }
}

test("FairScheduler serves all senders alike by bytes, whatever their envelopes and their order", () => {
  const sizes = [300, 16_863, 33_030, 1000];
  const scene = new Scene(sizes);
  scene.queues.forEach((queue, sender) => {
    queue.push(envelopes(Math.ceil(2_000_000 / sizes[sender]!), sizes[sender]!));
  });
  for (let i = 0; i < 20; i++) {
    scene.open(200_000);
    scene.assertFair();
  }
  scene.open(10_000_000);
  for (const [sender, size] of sizes.entries()) {
    const cmids = scene.routed.filter((one) => one.sender === sender).map(({ cmid }) => cmid);
    assertEquals(cmids, Array.from({ length: Math.ceil(2_000_000 / size) }, (_, i) => i + 1));
  }
});

test("FairScheduler gives each sender a turn before the first has another, however little space there is", () => {
  const scene = new Scene([5000, 5000, 5000]);
  for (const queue of scene.queues) queue.push(envelopes(300, 5000));
  for (let i = 0; i < 600; i++) {
    scene.open(5000);
    scene.assertFair();
  }
});

test("FairScheduler routes at once an envelope that no seat holds", () => {
  const scene = new Scene([100]);
  scene.open(1_000_000);
  const [queue] = scene.queues as [SenderQueue];
  assertEquals(queue.push(envelopes(1000, 100)), 100_000);
  assertEquals([scene.routed.length, queue.bytes], [1000, 0]);
});

test("SenderQueue.emptied waits only for held envelopes", async () => {
  const scene = new Scene([100]);
  const [queue] = scene.queues as [SenderQueue];
  await queue.emptied;
  queue.push(envelopes(2, 100));
  let emptied = false;
  const waiting = queue.emptied.then(() => emptied = true);
  scene.open(100);
  await Promise.resolve();
  assertEquals([emptied, queue.bytes], [false, 100]);
  scene.open(100);
  await waiting;
  assertEquals(queue.bytes, 0);
});

test("SenderQueue.clear drops its envelopes, and routes later ones", async () => {
  const scene = new Scene([100]);
  const [queue] = scene.queues as [SenderQueue];
  queue.push(envelopes(2, 100));
  const { emptied } = queue;
  queue.clear();
  await emptied;
  assertEquals([queue.bytes, scene.routed.length], [0, 0]);
  scene.open(1000);
  queue.push(envelopes(1, 100));
  assertEquals([queue.bytes, scene.routed.length], [0, 1]);
});
