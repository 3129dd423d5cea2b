import { assert, assertEquals } from "@std/assert";
import { brokerRoom, type Bus, call } from "../../lib/broker/mod.ts";
import { NetError } from "../../lib/errors.ts";
import type { IncomingConnection } from "../../lib/relay/mod.ts";
import { RETRY_MS } from "../../lib/session/backoff.ts";
import { BrokerEntrance } from "../../lib/session/broker_entrance.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { FakeBroker, type FakeBus } from "../support/fake_bus.ts";
import { test } from "../support/test.ts";

const ROOM_ID = new Uint8Array(32);
const ADDRESS = { tls: false, servers: [{ host: "192.0.2.7", port: 4222 }] };
const REFUSED = new NetError("permission-denied", "refused");

/** Longest wait between two tries, in milliseconds. */
const WAIT_MS = 30_000;

/** A host's entrance at a broker in memory. */
class Scene {
  readonly clock: FakeClock = new FakeClock();
  readonly broker: FakeBroker = new FakeBroker();
  readonly lost: string[] = [];
  /** The connections of the host. */
  readonly buses: FakeBus[] = [this.broker.connect()];
  /** What the next connections of the host end with. */
  readonly obstacles: NetError[] = [];
  entrance!: BrokerEntrance;
  callers!: ReadableStreamDefaultReader<IncomingConnection>;
  #next: Promise<ReadableStreamReadResult<IncomingConnection>> | undefined;

  async open(): Promise<this> {
    this.entrance = await BrokerEntrance.open({
      broker: { address: ADDRESS, connect: () => this.#connect() },
      bus: this.buses[0]!,
      roomId: ROOM_ID,
      onLost: ({ message }) => void this.lost.push(message),
      clock: this.clock,
    });
    this.callers = this.entrance.connections.getReader();
    return this;
  }

  /** Has the host wait for a caller. */
  awaitCaller(): Promise<ReadableStreamReadResult<IncomingConnection>> {
    return this.#next ??= this.callers.read();
  }

  /** Has someone call, and perhaps say something, and waits until the host has that. */
  async call({ says = false } = {}): Promise<void> {
    const { clock } = this;
    const next = this.awaitCaller();
    const room = await brokerRoom(ROOM_ID);
    const caller = await call(this.broker.connect(), room, { timeoutMs: 1000, clock });
    const { value } = await next;
    this.#next = undefined;
    if (says) {
      await caller.writable.getWriter().write(new Uint8Array([7]));
      await value!.readable.getReader().read();
    }
    caller.close();
  }

  /** Waits for the next try of the host. */
  async nextTry(): Promise<void> {
    await nextTurn();
    this.clock.advance(WAIT_MS);
    await nextTurn();
  }

  #connect(): Promise<Bus> {
    const obstacle = this.obstacles.shift();
    if (obstacle !== undefined) return Promise.reject(obstacle);
    const bus = this.broker.connect();
    this.buses.push(bus);
    return Promise.resolve(bus);
  }
}

test("BrokerEntrance comes back after the broker was lost, whatever the broker says meanwhile", async () => {
  const scene = await new Scene().open();
  assertEquals(scene.entrance.address, "nats://192.0.2.7:4222/av5t65xoeoz4cq2o");
  await scene.call();
  scene.obstacles.push(new NetError("connection-refused", "nothing listens"), REFUSED);
  const next = scene.callers.read();
  scene.buses[0]!.lose();
  for (let i = 0; i < 3; i++) await scene.nextTry();
  assertEquals([scene.lost, scene.buses.length], [["Broker lost"], 2]);
  const caller = await call(scene.broker.connect(), await brokerRoom(ROOM_ID), {
    timeoutMs: 1000,
    clock: scene.clock,
  });
  assertEquals((await next).done, false);
  caller.close();
  await scene.entrance.close();
  assertEquals((await scene.callers.read()).done, true);
  assert(scene.buses.every(({ isClosed }) => isClosed));
  await nextTurn();
  assertEquals(scene.clock.timers, 0);
});

test("BrokerEntrance reports one reason once, and waits longer, until a caller was heard again", async () => {
  const scene = await new Scene().open();
  const { buses, lost } = scene;
  const lose = async (): Promise<void> => {
    void scene.awaitCaller();
    buses.at(-1)!.lose(REFUSED);
    await nextTurn();
  };
  for (let i = 0; i < 3; i++) {
    await lose();
    await scene.nextTry();
  }
  assertEquals([lost, buses.length], [["refused"], 4]);
  await scene.call();
  await lose();
  scene.clock.advance(RETRY_MS[0]!);
  await nextTurn();
  assertEquals(
    [lost, buses.length],
    [["refused"], 4],
    "who may not answer gets no further than calls",
  );
  await scene.nextTry();
  await scene.call({ says: true });
  await lose();
  scene.clock.advance(RETRY_MS[0]!);
  await nextTurn();
  assertEquals([lost, buses.length], [["refused", "refused"], 6]);
  const end = scene.awaitCaller();
  await scene.entrance.close();
  assertEquals((await end).done, true);
});

test("BrokerEntrance ends while it waits for the broker", async () => {
  const scene = await new Scene().open();
  const next = scene.callers.read();
  scene.buses[0]!.lose();
  await nextTurn();
  await scene.entrance.close();
  assertEquals((await next).done, true);
  assertEquals(scene.clock.timers, 0);
});

test("BrokerEntrance.open fails where the broker does not let the host in", async () => {
  const scene = new Scene();
  scene.buses[0]!.lose(REFUSED);
  await assertFails(scene.open(), "permission-denied");
});
