import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal, toHex, utf8 } from "../../lib/bytes/mod.ts";
import { randomBytes, sha256 } from "../../lib/crypto/mod.ts";
import {
  type FileContents,
  type FileMember,
  type FilePort,
  type FileSource,
  LEAF_BYTES,
  memoryFile,
  type OutgoingChunk,
  SEALED_UNIT_BYTES,
  type TransferEvent,
  Transfers,
} from "../../lib/files/mod.ts";
import { UnitFlows } from "../../lib/files/flows.ts";
import { Slots } from "../../lib/files/slots.ts";
import type { FileMessage, WantRange } from "../../lib/wire/mod.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { testBytes } from "../support/file_room.ts";
import { Inbox } from "../support/inbox.ts";
import { test } from "../support/test.ts";

/** A flow that a test can hold up. */
class HeldFlow {
  readonly chunks: OutgoingChunk[] = [];
  readonly #done = Promise.withResolvers<void>();
  #held: PromiseWithResolvers<void> | undefined;

  /** Resolves when all of it is written. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** The units that went over it. */
  get units(): number[] {
    return this.chunks.map(({ offset }) => offset / SEALED_UNIT_BYTES);
  }

  hold(): void {
    this.#held = Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
  }

  open(): WritableStream<OutgoingChunk> {
    return new WritableStream({
      write: async (chunk) => {
        await this.#held?.promise;
        this.chunks.push(chunk);
      },
      close: () => this.#done.resolve(),
    });
  }
}

/** One sender, and receivers that the test plays. */
class Sender implements FilePort {
  readonly self = {
    roomId: new Uint8Array(32),
    key: new Uint8Array(32),
    session: new Uint8Array(16),
  };
  readonly transfers: Transfers<FileMember>;
  readonly events: Inbox<TransferEvent<FileMember>> = new Inbox();
  readonly sent: Inbox<FileMessage> = new Inbox();
  readonly flows: Inbox<HeldFlow> = new Inbox();
  readonly members: FileMember[] = [];
  /** The numbers of the flows, from 0 on, that are held from their beginning. */
  readonly held = new Set<number>();

  constructor() {
    this.transfers = new Transfers<FileMember>(this, {
      clock: new FakeClock(),
      downloadDirectory: "unused",
      onEvent: (event) => this.events.push(event),
    });
  }

  send(message: FileMessage): Promise<void> {
    this.sent.push(message);
    return Promise.resolve();
  }

  openFlow(): WritableStream<OutgoingChunk> {
    const flow = new HeldFlow();
    if (this.held.has(this.flows.all.length)) flow.hold();
    this.flows.push(flow);
    return flow.open();
  }

  /** Waits until so many flows were opened. */
  async opened(count: number): Promise<HeldFlow[]> {
    await this.flows.count(count);
    return this.flows.all;
  }

  /** Offers files to so many members. @returns Has one of them want units. */
  async offers(
    source: FileSource,
    members: number,
  ): Promise<(member: number, ranges: readonly WantRange[]) => void> {
    for (let i = 0; i < members; i++) {
      const member = { name: `${i}`, key: await sha256(utf8(`${i}`)), session: randomBytes(16) };
      this.members.push(member);
      this.transfers.joined(member);
    }
    this.transfers.offer(source);
    const offer = await this.sent.find((one): one is FileMessage & { readonly kind: "offer" } =>
      one.kind === "offer"
    );
    return (member, ranges) => {
      const want = { kind: "want", transfer: offer.transfer, ranges } as const;
      this.transfers.received(want, this.members[member]!, true);
    };
  }
}

/** Numbers from 0 on. */
function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** A file whose units, with the node of the tree, are so many. */
function fileOf(units: number): { readonly name: string; readonly contents: FileContents } {
  return { name: "film", contents: memoryFile("film", testBytes((units - 1) * LEAF_BYTES - 100)) };
}

test("Transfers has a flow for each 60 receivers, of which a slow one slows no other", async () => {
  const sender = new Sender();
  sender.held.add(1);
  const units = 100;
  const want = await sender.offers(fileOf(units), 130);
  for (const member of numbers(130)) want(member, [{ first: 0, count: units }]);
  const [first, slow, last] = await sender.opened(3) as [HeldFlow, HeldFlow, HeldFlow];
  await Promise.all([first.done, last.done]);
  assertEquals(slow.chunks, []);
  slow.release();
  await slow.done;
  for (const { units: sent } of [first, slow, last]) assertEquals(sent, numbers(units));
  assertEquals([first, slow, last].map(({ chunks }) => chunks[0]!.to.length), [60, 60, 10]);
  for (const [i, { bytes }] of first.chunks.entries()) {
    assert(last.chunks[i]!.bytes === bytes, "sealed twice");
    assert(equal(slow.chunks[i]!.bytes, bytes), "sealed otherwise");
  }
  assertEquals((await sender.opened(3)).length, 3);
  await sender.transfers.close();
});

test("Transfers reads files once for all who receive at first, whichever flow is ahead", async () => {
  const units = 200;
  const { contents, name } = fileOf(units);
  let reads = 0;
  const counted: FileContents = {
    ...contents,
    readAt: (...at) => {
      reads++;
      return contents.readAt(...at);
    },
  };
  const sender = new Sender();
  for (const flow of numbers(3)) sender.held.add(flow);
  const want = await sender.offers({ name, contents: counted }, 130);
  const hashing = reads;
  for (const member of numbers(130)) want(member, [{ first: 0, count: units }]);
  const flows = await sender.opened(3);
  for (let lead = 1; lead < units / 10; lead++) {
    const ahead = flows[lead % 3]!;
    ahead.release();
    while (ahead.units.length < 10 * lead) await nextTurn();
    ahead.hold();
  }
  for (const flow of flows) flow.release();
  await Promise.all(flows.map(({ done }) => done));
  assertEquals(reads - hashing, 26, "the first leaf, and 25 blocks of eight");
  await sender.transfers.close();
});

test("Transfers reads a stream on while a flow of other receivers stands", async () => {
  const sender = new Sender();
  sender.held.add(0);
  const stream = new Blob([testBytes(20 * LEAF_BYTES)]).stream();
  const want = await sender.offers({ name: "log", stream }, 61);
  for (const member of numbers(61)) want(member, [{ first: 0, count: Number.MAX_SAFE_INTEGER }]);
  const [slow, fast] = await sender.opened(2) as [HeldFlow, HeldFlow];
  await fast.done;
  slow.release();
  await slow.done;
  assertEquals(fast.units, numbers(21));
  assertEquals(slow.units, numbers(21));
  await sender.transfers.close();
});

test("Transfers sends what a receiver wants again while its last flow still ends", async () => {
  const units = 40;
  const { contents, name } = fileOf(units);
  let reading: Promise<void> = Promise.resolve();
  const slow: FileContents = {
    files: contents.files,
    close: () => contents.close(),
    async readAt(file: number, offset: number, into: Bytes): Promise<void> {
      await reading;
      await contents.readAt(file, offset, into);
    },
  };
  const sender = new Sender();
  const want = await sender.offers({ name, contents: slow }, 1);
  want(0, [{ first: 0, count: units }]);
  const [shared] = await sender.opened(1);
  await shared!.done;
  const disk = Promise.withResolvers<void>();
  reading = disk.promise;
  want(0, [{ first: 10, count: 30 }]);
  await sender.opened(2);
  want(0, []);
  want(0, [{ first: 10, count: 30 }]);
  const [, , own] = await sender.opened(3);
  disk.resolve();
  await own!.done;
  assertEquals(own!.units, numbers(40).slice(10));
  await sender.transfers.close();
});

/** Flows to sessions of which each has had the first unit, so that what it wants now was lost. */
class Repeats {
  readonly units = 1000;
  readonly sessions: readonly Bytes[];
  /** What was sent, in order. */
  readonly sent: { readonly unit: number; readonly to: readonly Bytes[] }[] = [];
  /** How often each unit was sealed. */
  readonly seals = new Map<number, number>();
  /** Called after each chunk; its flow goes on once that resolves. */
  onChunk: (unit: number, to: readonly Bytes[]) => void | Promise<void> = () => {};
  readonly flows: UnitFlows;
  readonly clock = new FakeClock();

  constructor(sessions: number, slots: Slots) {
    this.sessions = numbers(sessions).map((i) => new Uint8Array(16).fill(i));
    this.flows = new UnitFlows({
      port: { openFlow: () => this.#open() },
      transfer: new Uint8Array(16),
      sealer: {
        units: this.units,
        headUnits: 1,
        isStream: false,
        begin: () => (unit) => {
          this.seals.set(unit, (this.seals.get(unit) ?? 0) + 1);
          return Promise.resolve(new Uint8Array(1));
        },
        close: () => Promise.resolve(),
      },
      slots,
      clock: this.clock,
      onUnreadable: () => {},
    });
  }

  static async of(sessions: number, slots = 48): Promise<Repeats> {
    const repeats = new Repeats(sessions, new Slots(slots));
    repeats.begin(1);
    await nextTurn(); // Then the first flow is over.
    repeats.sent.length = 0;
    return repeats;
  }

  /** Has all sessions want the first units. */
  begin(units: number): void {
    for (const [i, session] of this.sessions.entries()) {
      this.want(i, 0, units);
      this.flows.grant(toHex(session));
    }
  }

  want(session: number, first: number, count: number): void {
    this.flows.want(this.sessions[session]!, [{ first, count }]);
  }

  /** The units that a session got. */
  of(session: number): number[] {
    const units = this.sent.filter(({ to }) => to.includes(this.sessions[session]!));
    return units.map(({ unit }) => unit).sort((a, b) => a - b);
  }

  #open(): WritableStream<OutgoingChunk> {
    return new WritableStream({
      write: async ({ offset, to }) => {
        const unit = offset / SEALED_UNIT_BYTES;
        this.sent.push({ unit, to });
        await this.onChunk(unit, to);
      },
    });
  }
}

test("UnitFlows serves a session in its turn although others want without end", async () => {
  const repeats = await Repeats.of(3, 2);
  const served = Promise.withResolvers<void>();
  repeats.onChunk = (unit, [to]) => {
    const session = repeats.sessions.indexOf(to!);
    // Each begins where no other one is near.
    if (session < 2 && repeats.sent.length < 10_000) repeats.want(session, 1 + 300 * session, 600);
    if (session === 2 && unit === 910) served.resolve();
  };
  repeats.want(0, 1, 200);
  repeats.want(1, 300, 400);
  repeats.want(2, 900, 11);
  await served.promise;
  assert(repeats.sent.length < 200, `${repeats.sent.length}`);
  repeats.flows.halt();
});

test("UnitFlows ends the turn of a session that is slow, and sends the rest in the next ones", async () => {
  const repeats = await Repeats.of(2, 1);
  const all = Promise.withResolvers<void>();
  repeats.onChunk = (unit) => {
    if (unit < 900) repeats.clock.advance(6000);
    if (repeats.sent.length === 51) all.resolve();
  };
  repeats.want(0, 1, 40);
  repeats.want(1, 900, 11);
  await all.promise;
  const order = repeats.sent.map(({ unit }) => unit);
  assertEquals(order.slice(0, 14), [1, 2, ...numbers(911).slice(900), 3]);
  assertEquals(repeats.of(0), numbers(41).slice(1));
});

test("UnitFlows leaves some places to what was lost, however many receive at first", async () => {
  const slots = new Slots(4, 2);
  const firsts = new Repeats(180, slots);
  const held = Promise.withResolvers<void>();
  firsts.onChunk = () => held.promise;
  firsts.begin(10);
  await nextTurn();
  assertEquals(firsts.sent.map(({ to, unit }) => [unit, to.length]), [[0, 60], [0, 60]]);
  firsts.flows.halt();
  held.resolve();
});

test("UnitFlows seals what several sessions lack once for all of them", async () => {
  const repeats = await Repeats.of(5);
  const all = [0, 1, 2, 3, 4];
  const done = Promise.withResolvers<void>();
  repeats.onChunk = () => {
    // The others say a bit later what they lack.
    if (repeats.sent.length === 31) {
      for (const session of all.slice(1)) repeats.want(session, 100, 200);
    }
    if (all.every((session) => repeats.of(session).length === 200)) done.resolve();
  };
  repeats.want(0, 100, 200);
  await done.promise;
  for (const session of all) assertEquals(repeats.of(session), numbers(300).slice(100));
  const seals = [...repeats.seals.values()].reduce((sum, count) => sum + count, -1);
  assert(seals < 250, `${seals} seals`);
});

test("UnitFlows lets no session wait for units that only others lack", async () => {
  const repeats = await Repeats.of(3);
  const released = Promise.withResolvers<void>();
  const got = Promise.withResolvers<void>();
  repeats.onChunk = async (unit, to) => {
    if (to.includes(repeats.sessions[0]!) && unit > 120) await released.promise;
    if (repeats.of(1).length === 31 && repeats.of(2).length === 1) got.resolve();
  };
  repeats.want(0, 100, 800);
  repeats.flows.want(repeats.sessions[1]!, [{ first: 100, count: 21 }, { first: 700, count: 10 }]);
  repeats.want(2, 899, 1);
  await got.promise;
  assertEquals(repeats.of(1), [...numbers(121).slice(100), ...numbers(710).slice(700)]);
  released.resolve();
  repeats.flows.halt();
});
