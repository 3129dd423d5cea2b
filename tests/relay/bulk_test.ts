import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, equal } from "../../lib/bytes/mod.ts";
import type { Channel } from "../../lib/channel/mod.ts";
import { type Connection, dial, listen } from "../../lib/net/mod.ts";
import { BULK_SHARE_BYTES, BULK_STALL_MS, BULK_TURN_BYTES } from "../../lib/relay/bulk_queue.ts";
import {
  CloseReason,
  type HostRecord,
  MAX_BULK_BYTES,
  MAX_FLOW_BYTES,
  MAX_FLOWS,
} from "../../lib/wire/mod.ts";
import { channelOver, sharingPair } from "../support/channel.ts";
import { nextTurn } from "../support/clock.ts";
import { seededNumbers } from "../support/faults.ts";
import { RelayOnly } from "../support/relay_only.ts";
import type { ScriptedGuest } from "../support/scripted_guest.ts";
import { test } from "../support/test.ts";

/** Bytes of a record that a sender sends. */
const PIECE_BYTES = 65_536;

/** What a relay sends on a connection before the first CREDIT: the smallest window. */
const MIN_WINDOW_BYTES = 1 << 14;

const MIB = 1 << 20;

type Bulk = Extract<HostRecord, { type: "bulk" }>;
type Credit = Extract<HostRecord, { type: "credit" }>;

/** Bytes that repeat after 251: two pieces are alike only if their positions are as far apart. */
const PATTERN: Bytes = Uint8Array.from({ length: 251 + MAX_BULK_BYTES }, (_, i) => i % 251);

/** The bytes of every flow from a position on. */
function bytesAt(position: number, length: number): Bytes {
  return PATTERN.subarray(position % 251, position % 251 + length);
}

/** A flow of a sender that waits for credit as an honest member does. */
class TestFlow {
  readonly number: number;
  readonly transfer: Bytes;
  /** Bytes sent. */
  sent = 0;
  readonly #sender: ScriptedGuest;
  readonly #to: readonly ScriptedGuest[];

  constructor(sender: ScriptedGuest, number: number, ...to: readonly ScriptedGuest[]) {
    this.#sender = sender;
    this.number = number;
    this.transfer = new Uint8Array(16).fill(number);
    this.#to = to;
  }

  /** Whether it goes over a connection. */
  isFrom(sender: ScriptedGuest): boolean {
    return this.#sender === sender;
  }

  /** The last credit for it: bytes passed on. */
  get passed(): number {
    return creditsOf(this.#sender).flatMap(({ flows }) => flows)
      .findLast(({ flow }) => flow === this.number)?.passed ?? 0;
  }

  /** Sends one record, whether there is credit or not. */
  async push(length: number = PIECE_BYTES): Promise<void> {
    const { number: flow, sent: offset, transfer } = this;
    const bytes = bytesAt(offset, length);
    this.sent += length;
    const to = this.#to.map(({ session }) => session);
    await this.#sender.send({ type: "bulk", flow, transfer, offset, to, bytes: [bytes] });
  }

  /** Sends so many bytes; as many as may wait at the relay are under way. */
  async send(bytes: number): Promise<void> {
    for (const end = this.sent + bytes; this.sent < end;) {
      await this.push(Math.min(PIECE_BYTES, end - this.sent));
      while (this.sent - this.passed > MAX_FLOW_BYTES / 4) await this.#credited();
    }
  }

  /** Waits until all of it is passed on. */
  async done(): Promise<void> {
    while (this.passed < this.sent) await this.#credited();
  }

  async #credited(): Promise<void> {
    const { records } = this.#sender;
    await records.count(records.all.length + 1);
  }
}

/** What a guest received, by transfer: where each stretch without a gap begins and ends. */
class Received {
  readonly stretches: [from: number, to: number][][] = [];

  constructor(guest: ScriptedGuest) {
    guest.onBulk = (bulk) => this.#take(bulk);
  }

  /** Bytes received of a flow. */
  bytes(flow: number): number {
    return this.of(flow).reduce((sum, [from, to]) => sum + to - from, 0);
  }

  /** The stretches of a flow. */
  of(flow: number): [from: number, to: number][] {
    return this.stretches[flow] ?? [];
  }

  #take({ bytes, offset, transfer }: Bulk): void {
    const flow = transfer[0]!;
    const all = concat(...bytes);
    assert(equal(all, bytesAt(offset, all.length)), "other bytes");
    const stretches = this.stretches[flow] ??= [];
    const last = stretches.at(-1);
    if (last?.[1] === offset) last[1] += all.length;
    else stretches.push([offset, offset + all.length]);
  }
}

function creditsOf({ records }: ScriptedGuest): Credit[] {
  return records.all.filter((record) => record.type === "credit");
}

/** Waits until the room is idle. */
async function standstill(...guests: readonly ScriptedGuest[]): Promise<void> {
  const count = (): number => guests.reduce((sum, { records }) => sum + records.all.length, 0);
  for (let before = -1; before !== count();) {
    before = count();
    for (let i = 0; i < 20; i++) await nextTurn();
  }
}

/** Brings in members that read. */
async function gather(relayOnly: RelayOnly, ...names: string[]): Promise<ScriptedGuest[]> {
  const guests = [];
  for (const name of names) guests.push(await relayOnly.enter(name));
  return guests;
}

test("Relay passes bulk on to its receivers, with its sender's session and in order, over sealed channels", async () => {
  const relayOnly = new RelayOnly();
  const guests: ScriptedGuest[] = [];
  for (const name of ["ada", "bob", "carol", "dave"]) {
    const guest = relayOnly.knock(name, { channels: sharingPair() });
    await guest.enter();
    guest.listen();
    guests.push(guest);
  }
  const [ada, bob, carol, dave] = guests as [
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  const received = [bob, carol].map((guest) => new Received(guest));
  const flow = new TestFlow(ada, 3, bob, carol, bob);
  await flow.send(2_000_001);
  await flow.done();
  await standstill(...guests);
  for (const { stretches } of received) {
    assertEquals(stretches.flat(), [[0, 2_000_001]]);
  }
  const bulk = bob.records.all.filter((record) => record.type === "bulk");
  assert(
    bulk.every(({ from, transfer }) => equal(from, ada.session) && equal(transfer, flow.transfer)),
  );
  assertEquals([ada.bulkBytes, dave.bulkBytes], [0, 0]);
  assertEquals(creditsOf(ada).at(-1)!.taken, 2_000_001);
  assert(creditsOf(ada).length <= 2_000_001 / PIECE_BYTES * 2, "too many CREDITs");
  await relayOnly.close();
});

test("Relay goes at the pace of the fastest receiver; one that falls 8 MiB behind misses what follows", async () => {
  const relayOnly = new RelayOnly();
  const [ada, fast, slow] = await gather(relayOnly, "ada", "fast", "slow") as [
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  const [all, part] = [new Received(fast), new Received(slow)];
  slow.credits = false;
  const flow = new TestFlow(ada, 1, slow, fast);
  await flow.send(12 * MIB);
  await flow.done();
  await standstill(fast);
  assertEquals(all.of(1), [[0, 12 * MIB]]);
  assertEquals(part.of(1), [[0, MIN_WINDOW_BYTES]]);
  slow.credits = true;
  await slow.credit();
  await standstill(slow);
  const [[from, to]] = part.of(1) as [[number, number]];
  assertEquals([from, part.of(1).length], [0, 1]);
  assert(Math.abs(to - BULK_SHARE_BYTES) <= PIECE_BYTES, `${to} bytes`);
  await flow.send(MIB);
  await flow.done();
  await standstill(fast, slow);
  assertEquals([all.of(1), part.of(1)[1]], [[[0, 13 * MIB]], [12 * MIB, 13 * MIB]]);
  await relayOnly.close();
});

test("Relay serves 10 senders to one receiver alike", async () => {
  const relayOnly = new RelayOnly();
  const [bob, ...senders] = await gather(relayOnly, "bob", ..."0123456789") as [
    ScriptedGuest,
    ...ScriptedGuest[],
  ];
  const received = new Received(bob);
  const flows = senders.map((sender, i) => new TestFlow(sender, i, bob));
  const reached = Promise.withResolvers<void>();
  const { onBulk } = bob;
  bob.onBulk = (bulk) => {
    onBulk(bulk);
    const bytes = flows.map(({ number }) => received.bytes(number));
    const ahead = Math.max(...bytes) - Math.min(...bytes);
    // The first pieces come before all of them wait.
    assert(ahead <= MAX_BULK_BYTES + 4 * BULK_TURN_BYTES, `${bytes} bytes`);
    if (Math.min(...bytes) >= MIB) reached.resolve();
  };
  const sent = flows.map((flow) => flow.send(2 * MIB));
  await reached.promise;
  await Promise.all(sent);
  await standstill(bob);
  for (const { number } of flows) assertEquals(received.of(number), [[0, 2 * MIB]]);
  await relayOnly.close();
});

test("Relay sends a message before the bulk that waits", async () => {
  const relayOnly = new RelayOnly();
  const [ada, eve] = await gather(relayOnly, "ada", "eve") as [ScriptedGuest, ScriptedGuest];
  const bob = relayOnly.knock("bob", { channels: sharingPair({ capacity: 1 }) });
  await bob.enter();
  const carol = relayOnly.knock("carol", { channels: sharingPair() });
  await carol.enter();
  carol.listen();
  const flows = [1, 2, 3, 4].map((number) => new TestFlow(ada, number, bob));
  for (const flow of flows) void flow.send(16 * MIB);
  while (bob.bulkBytes < 4 * MIB) await bob.read();
  for (let round = 1; round <= 5; round++) {
    await standstill(ada, eve);
    await eve.say([`message ${round}`]);
    // It waits from when it is sealed, for carol and bob at once.
    await carol.logged(`eve: message ${round}`);
    const before = bob.bulkBytes;
    while (bob.log.all.at(-1) !== `eve: message ${round}`) await bob.read();
    // One frame at each of four stations, and short ones in the 64 KiB that may wait to be decoded.
    const waited = bob.bulkBytes - before;
    assert(waited <= 4 * MAX_BULK_BYTES + 65_536, `${waited} bytes came before`);
    const sent = flows.reduce((sum, flow) => sum + flow.sent, 0);
    assert(sent - bob.bulkBytes > 10 * MAX_BULK_BYTES, "nothing waited");
    for (let i = 0; i < 10; i++) await bob.read();
  }
  await relayOnly.close();
});

test("Relay gives nothing to members that are away, not in the room or unknown, nor to the sender itself", async () => {
  const relayOnly = new RelayOnly();
  const [ada, away] = await gather(relayOnly, "ada", "away") as [ScriptedGuest, ScriptedGuest];
  const outside = relayOnly.knock("outside");
  await outside.greeted();
  await away.cut();
  await ada.logged(`away away ${CloseReason.LOST}`);
  const unknown = { session: new Uint8Array(16).fill(1) } as ScriptedGuest;
  const flow = new TestFlow(ada, 1, away, outside, unknown, ada);
  await flow.push();
  await flow.done();
  const back = relayOnly.again(away);
  await back.enter(away.whereabouts);
  back.listen();
  await outside.enter();
  outside.listen();
  await standstill(ada, back, outside);
  assertEquals([ada, back, outside].map(({ bulkBytes }) => bulkBytes), [0, 0, 0]);
  await relayOnly.close();
});

test("Relay holds a sender whose only receiver takes nothing, and drops what waits after 10 s", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = await gather(relayOnly, "ada", "bob") as [ScriptedGuest, ScriptedGuest];
  bob.credits = false;
  const flow = new TestFlow(ada, 1, bob);
  const sent = flow.send(2 * MIB);
  await standstill(ada);
  assertEquals([flow.passed, flow.sent < 2 * MIB], [MIN_WINDOW_BYTES, true]);
  const held = flow.sent;
  await ada.say(["still here"]);
  await bob.logged("ada: still here");
  await relayOnly.pass(BULK_STALL_MS, [ada, bob]);
  await relayOnly.pass(BULK_STALL_MS, [ada, bob]);
  await standstill(ada);
  assert(flow.passed >= held);
  await relayOnly.pass(BULK_STALL_MS, [ada, bob]);
  await sent;
  assertEquals(bob.bulkBytes, MIN_WINDOW_BYTES);
  await relayOnly.close();
});

test("Relay keeps no more bulk than its memory allows, and drops that of the longest shares", async () => {
  const maxBulkBytes = 6 * MIB;
  const relayOnly = new RelayOnly({ maxBulkBytes });
  const [ada, bob, ...others] = await gather(relayOnly, "ada", "bob", ..."abcdef") as [
    ScriptedGuest,
    ScriptedGuest,
    ...ScriptedGuest[],
  ];
  const [senders, stuck] = [others.slice(0, 3), others.slice(3)];
  for (const guest of stuck) guest.credits = false;
  const floods = senders.map((sender, i) => new TestFlow(sender, 10 + i, ...stuck));
  for (let i = 0; i < 4 * MIB / PIECE_BYTES; i++) {
    for (const flood of floods) await flood.push();
  }
  const received = new Received(bob);
  const flow = new TestFlow(ada, 1, bob);
  await flow.send(4 * MIB);
  await flow.done();
  await standstill(bob);
  assertEquals(received.of(1), [[0, 4 * MIB]]);
  for (const guest of stuck) {
    guest.credits = true;
    await guest.credit();
  }
  await standstill(...stuck);
  for (const { bulkBytes } of stuck) {
    assert(bulkBytes <= maxBulkBytes + senders.length * MIN_WINDOW_BYTES, `${bulkBytes} bytes`);
  }
  await relayOnly.close();
});

test("Relay closes a sender that does not wait for credit, and harms no other", async () => {
  const relayOnly = new RelayOnly();
  const [ada, mallory, bob] = await gather(relayOnly, "ada", "mallory", "bob") as [
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  const stuck = await relayOnly.enter("stuck");
  stuck.credits = false;
  const received = new Received(bob);
  const flood = new TestFlow(mallory, 2, stuck);
  for (let i = 0; i < 2 * MAX_FLOW_BYTES / MAX_BULK_BYTES; i++) await flood.push(MAX_BULK_BYTES);
  await standstill(mallory);
  assertEquals(mallory.records.all.some(({ type }) => type === "close"), false);
  await flood.push(MIN_WINDOW_BYTES + 1);
  assertEquals(await mallory.farewell(), CloseReason.PROTOCOL);
  const flow = new TestFlow(ada, 1, bob);
  await flow.send(MIB);
  await flow.done();
  await standstill(bob);
  assertEquals(received.of(1), [[0, MIB]]);
  await relayOnly.close();
});

test("Relay closes a sender of which too many flows wait, but not one whose flows come and go", async () => {
  const relayOnly = new RelayOnly();
  const [ada, mallory, bob] = await gather(relayOnly, "ada", "mallory", "bob") as [
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  for (let number = 0; number < 1000; number++) {
    const flow = new TestFlow(ada, number, bob);
    await flow.push(1000);
    await flow.done();
  }
  bob.credits = false;
  await new TestFlow(mallory, 0, bob).push(MIN_WINDOW_BYTES);
  await standstill(mallory);
  for (let number = 0; number < 2 * MAX_FLOWS; number++) {
    await new TestFlow(mallory, number, bob).push(1);
  }
  await mallory.settle();
  await new TestFlow(mallory, 1000, bob).push(1);
  assertEquals(await mallory.farewell(), CloseReason.PROTOCOL);
  await relayOnly.close();
});

test("Relay closes a receiver that credits more than it got, and harms no sender", async () => {
  const relayOnly = new RelayOnly();
  const [ada, mallory, bob] = await gather(relayOnly, "ada", "mallory", "bob") as [
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  const received = new Received(bob);
  mallory.credits = false;
  const flow = new TestFlow(ada, 1, bob, mallory);
  await flow.send(MIB);
  await mallory.credit(MIN_WINDOW_BYTES + 1);
  assertEquals(await mallory.farewell(), CloseReason.PROTOCOL);
  await flow.send(MIB);
  await flow.done();
  await standstill(bob);
  assertEquals(received.of(1), [[0, 2 * MIB]]);
  await relayOnly.close();
});

test("Relay passes what waits for a receiver whose connection is lost, and sends nothing of it to the next", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = await gather(relayOnly, "ada", "bob") as [ScriptedGuest, ScriptedGuest];
  bob.credits = false;
  const flow = new TestFlow(ada, 1, bob);
  for (let i = 0; i < 10; i++) await flow.push();
  await standstill(bob);
  await bob.cut();
  await flow.done();
  const back = relayOnly.again(bob);
  await back.enter(bob.whereabouts);
  back.listen();
  const received = new Received(back);
  const start = flow.sent;
  await flow.send(MIB);
  await standstill(back);
  assertEquals(received.of(1), [[start, start + MIB]]);
  await relayOnly.close();
});

test("Relay starts over with windows and counts when a new connection takes a seat over", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = await gather(relayOnly, "ada", "bob") as [ScriptedGuest, ScriptedGuest];
  bob.credits = false;
  const flow = new TestFlow(ada, 1, bob);
  for (let i = 0; i < 10; i++) await flow.push();
  await standstill(bob);
  const next = relayOnly.again(bob);
  await next.enter(bob.whereabouts);
  next.listen();
  assertEquals(await bob.farewell(), CloseReason.REPLACED);
  await flow.done();
  const ada2 = relayOnly.again(ada);
  await ada2.enter(ada.whereabouts);
  ada2.listen();
  const received = new Received(next);
  const again = new TestFlow(ada2, 1, next);
  await again.send(MIB);
  await again.done();
  await standstill(next);
  assertEquals(received.of(1), [[0, MIB]]);
  assertEquals(creditsOf(ada2).at(-1), {
    type: "credit",
    taken: MIB,
    flows: [{ flow: 1, passed: MIB }],
  });
  await relayOnly.close();
});

test("Relay sends a member that it removes no more bulk, and no one what a removed member sent", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob, carol] = await gather(relayOnly, "ada", "bob", "carol") as [
    ScriptedGuest,
    ScriptedGuest,
    ScriptedGuest,
  ];
  for (const guest of [bob, carol]) guest.credits = false;
  const [toBob, toCarol] = [new TestFlow(ada, 1, bob), new TestFlow(ada, 2, carol)];
  for (const flow of [toBob, toCarol]) for (let i = 0; i < 10; i++) await flow.push();
  await standstill(bob, carol);
  relayOnly.relay.expel(bob.key, CloseReason.KICKED);
  assertEquals(await bob.farewell(), CloseReason.KICKED);
  assertEquals(bob.bulkBytes, MIN_WINDOW_BYTES);
  await toBob.done();
  relayOnly.relay.expel(ada.key, CloseReason.BANNED);
  await carol.credit();
  await standstill(carol);
  assertEquals(carol.bulkBytes, MIN_WINDOW_BYTES);
  await relayOnly.close();
});

test("Relay drops all bulk when the room ends, and waits only for messages", async () => {
  const relayOnly = new RelayOnly();
  const [ada, bob] = await gather(relayOnly, "ada", "bob") as [ScriptedGuest, ScriptedGuest];
  bob.credits = false;
  const flow = new TestFlow(ada, 1, bob);
  for (let i = 0; i < 10; i++) await flow.push();
  await standstill(bob);
  await ada.say(["good night"]);
  const closed = relayOnly.relay.close();
  await bob.credit();
  await flow.push();
  assertEquals(await bob.farewell(), CloseReason.HOST_ENDS);
  await closed;
  assertEquals([bob.bulkBytes, bob.log.all.at(-1)], [MIN_WINDOW_BYTES, "ada: good night"]);
  assertEquals(relayOnly.clock.timers, 0);
});

for (const seed of [1, 2, 3]) {
  test(`Relay passes or drops every byte while members stall, lose connections and come back, with seed ${seed}`, async () => {
    const random = seededNumbers(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const relayOnly = new RelayOnly({ maxBulkBytes: 3 * MIB });
    const guests = await gather(relayOnly, ..."abcde");
    const flows: TestFlow[] = [];
    let number = 0;
    for (let step = 0; step < 300; step++) {
      const i = below(guests.length);
      const guest = guests[i]!;
      const kind = below(20);
      if (kind === 0) {
        await guest.cut();
        const back = relayOnly.again(guest);
        await back.enter(guest.whereabouts);
        back.listen();
        guests[i] = back;
      } else if (kind === 1) {
        guest.credits = !guest.credits;
        if (guest.credits) await guest.credit();
      } else if (kind === 2) {
        await guest.say([`step ${step}`]);
      } else if (kind === 3) {
        await relayOnly.pass(BULK_STALL_MS, guests);
      } else {
        const to = guests.filter(() => random() < 0.5);
        const flow = new TestFlow(guest, ++number, ...to, guests[below(guests.length)]!);
        flows.push(flow);
        await flow.push(1 + below(PIECE_BYTES));
        // As with an honest member, few flows wait at the relay.
        if (flows.filter((one) => one.isFrom(guest) && one.passed < one.sent).length > 30) {
          await relayOnly.pass(BULK_STALL_MS, guests);
          await relayOnly.pass(BULK_STALL_MS, guests);
        }
      }
    }
    for (const guest of guests) {
      guest.credits = true;
      await guest.credit();
    }
    await standstill(...guests);
    for (const flow of flows) {
      if (guests.some((guest) => flow.isFrom(guest))) assertEquals(flow.passed, flow.sent);
    }
    for (const guest of guests) assert(!guest.records.all.some(({ type }) => type === "close"));
    await relayOnly.close();
  });
}

test("Relay passes 64 MiB on over sockets", async () => {
  const relayOnly = new RelayOnly();
  await using sockets = new Sockets();
  const guests: ScriptedGuest[] = [];
  for (const name of ["ada", "bob"]) {
    const guest = relayOnly.knock(name, { channels: await sockets.pair() });
    await guest.enter();
    guest.listen();
    guests.push(guest);
  }
  const [ada, bob] = guests as [ScriptedGuest, ScriptedGuest];
  const received = new Received(bob);
  const flow = new TestFlow(ada, 1, bob);
  await flow.send(64 * MIB);
  await flow.done();
  while (bob.bulkBytes < 64 * MIB) await bob.records.count(bob.records.all.length + 1);
  assertEquals(received.of(1), [[0, 64 * MIB]]);
  await relayOnly.close();
});

/** Channels over sockets on 127.0.0.1. */
class Sockets implements AsyncDisposable {
  readonly #listener = listen({ host: "127.0.0.1", port: 0 });
  readonly #accepted = this.#listener.connections.getReader();
  readonly #connections: Connection[] = [];

  /** A channel of a member, and that of its host. */
  async pair(): Promise<[Channel, Channel]> {
    const mine = await dial("127.0.0.1", this.#listener.port);
    const { value: theirs } = await this.#accepted.read();
    this.#connections.push(mine, theirs!);
    const [toHost, toMember] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    return [
      channelOver(mine, toHost, toMember, { takesShared: true }),
      channelOver(theirs!, toMember, toHost, { carriesShared: true }),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    this.#accepted.releaseLock();
    this.#listener.close();
    await Promise.resolve();
  }
}
