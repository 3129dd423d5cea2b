import { assert, assertEquals } from "@std/assert";
import { type Holder, Intake, Lane, TURN_BYTES } from "../../lib/relay/intake.ts";
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

/** An intake with a lane for each sender, that lets through what it is given room for. */
class Scene {
  readonly lanes: readonly Lane[];
  /** IdentityChoice envelopes were passed on, in their order. */
  readonly passed: { readonly sender: number; readonly cmid: number }[] = [];
  readonly #intake = new Intake();
  readonly #sizes: readonly number[];
  #held: Lane[] = [];
  #room = 0;

  /** @param sizes Of the envelopes of each sender. */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    const holder: Holder = { hold: (lane) => this.#held.push(lane) };
    this.lanes = sizes.map((size, sender) =>
      new Lane(this.#intake, ({ cmid }) => {
        if (this.#room < size) return holder;
        this.#room -= size;
        this.passed.push({ sender, cmid });
      })
    );
  }

  /** Lets more bytes through. */
  open(bytes: number): void {
    this.#room += bytes;
    const lanes = this.#held;
    this.#held = [];
    this.#intake.serve(lanes);
  }

  /** Asserts that nobody is ahead of anybody by more than a turn and what its last envelope had more. */
  assertFair(): void {
    const ahead = Math.max(...this.bytes) - Math.min(...this.bytes);
    assert(ahead < 2 * TURN_BYTES, `${this.bytes} bytes`);
  }

  /** Bytes of each sender that were passed on. */
  get bytes(): number[] {
    return this.#sizes.map((size, sender) =>
      size * this.passed.filter((one) => one.sender === sender).length
    );
  }
}

test("Intake serves all senders by bytes, whatever their envelopes and whoever was first", () => {
  const sizes = [300, 16_863, 33_030, 1000];
  const scene = new Scene(sizes);
  scene.lanes.forEach((lane, sender) => {
    lane.push(envelopes(Math.ceil(2_000_000 / sizes[sender]!), sizes[sender]!));
  });
  for (let i = 0; i < 20; i++) {
    scene.open(200_000);
    scene.assertFair();
  }
  scene.open(10_000_000);
  for (const [sender, size] of sizes.entries()) {
    const cmids = scene.passed.filter((one) => one.sender === sender).map(({ cmid }) => cmid);
    assertEquals(cmids, Array.from({ length: Math.ceil(2_000_000 / size) }, (_, i) => i + 1));
  }
});

test("Intake gives a turn to each sender before the first has another, however little goes at once", () => {
  const scene = new Scene([5000, 5000, 5000]);
  for (const lane of scene.lanes) lane.push(envelopes(300, 5000));
  for (let i = 0; i < 600; i++) {
    scene.open(5000);
    scene.assertFair();
  }
});

test("Intake passes what comes on at once where nothing holds it", () => {
  const scene = new Scene([100]);
  scene.open(1_000_000);
  const [lane] = scene.lanes as [Lane];
  assertEquals(lane.push(envelopes(1000, 100)), 100_000);
  assertEquals([scene.passed.length, lane.bytes], [1000, 0]);
});

test("Lane.emptied waits for what is held, and for nothing else", async () => {
  const scene = new Scene([100]);
  const [lane] = scene.lanes as [Lane];
  await lane.emptied;
  lane.push(envelopes(2, 100));
  let emptied = false;
  const waiting = lane.emptied.then(() => emptied = true);
  scene.open(100);
  await Promise.resolve();
  assertEquals([emptied, lane.bytes], [false, 100]);
  scene.open(100);
  await waiting;
  assertEquals(lane.bytes, 0);
});

test("Lane.clear has nothing wait, and passes on what comes later", async () => {
  const scene = new Scene([100]);
  const [lane] = scene.lanes as [Lane];
  lane.push(envelopes(2, 100));
  const { emptied } = lane;
  lane.clear();
  await emptied;
  assertEquals([lane.bytes, scene.passed.length], [0, 0]);
  scene.open(1000);
  lane.push(envelopes(1, 100));
  assertEquals([lane.bytes, scene.passed.length], [0, 1]);
});
