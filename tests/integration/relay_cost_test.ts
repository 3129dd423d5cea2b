import { assert } from "@std/assert";
import { LightMember } from "../../bench/light_member.ts";
import { Meter } from "../../bench/load.ts";
import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { HostKeyRing } from "../../lib/handshake/mod.ts";
import { type Connection, listen, type Listener } from "../../lib/net/mod.ts";
import { DEFAULT_LIMITS, Host } from "../../lib/relay/mod.ts";
import { decodeMemberRecord, type HostRecord, type PlainRecord } from "../../lib/wire/mod.ts";
import { CryptoWork } from "../support/crypto_work.ts";
import { hostHopKey, identityOf, memberHopKey } from "../support/keys.ts";
import { RoomsInMemory, type TestMember } from "../support/rooms_in_memory.ts";
import { test } from "../support/test.ts";
import { OpenRelay, type Traffic } from "../support/whole_pipeline.ts";

/** What something costs the host, acknowledgements included. */
interface Cost {
  /** WebCrypto operations; those of a joining member too, until it has entered. */
  readonly crypto: number;
  /** Records received and sent. */
  readonly records: number;
  /** Writes to sockets. */
  readonly writes: number;
  /** Bytes written. */
  readonly bytes: number;
}

/** A clock without the timers that look for silence: on a busy machine they would add PINGs to what is counted. */
const SHORT_TIMERS: Clock = {
  ...systemClock,
  after: (ms, callback) => ms < 5000 ? systemClock.after(ms, callback) : () => {},
};

/** A host over sockets, and members that use no WebCrypto once they have entered. */
class CountedRoom {
  readonly #work: CryptoWork;
  readonly #relay = new OpenRelay({ clock: SHORT_TIMERS });
  readonly #listener: Listener = listen({ host: "127.0.0.1", port: 0 });
  readonly #host: Host;
  readonly #members: LightMember[] = [];
  readonly #served: Promise<void>;
  /** By session, the last entry that its member has acknowledged. */
  readonly #acknowledged = new Map<string, number>();
  /** Entries that the members have been sent. */
  #entries = 0;
  #delivered = 0;
  #records = 0;
  #writes = 0;
  #bytes = 0;
  #check: () => void = () => {};

  private constructor(work: CryptoWork, identity: Awaited<ReturnType<typeof identityOf>>) {
    this.#work = work;
    this.#host = new Host({
      identity,
      roomId: randomBytes(32),
      psk: zeroKey(),
      relay: this.#relay,
      limits: { ...DEFAULT_LIMITS, maxHandshakes: 1024 },
      keys: new HostKeyRing({ generate: hostHopKey }),
    });
    this.#relay.onRecord = (record, direction, session) => this.#note(record, direction, session);
    this.#served = this.#accept();
  }

  static async open(work: CryptoWork): Promise<CountedRoom> {
    return new CountedRoom(work, await identityOf("host"));
  }

  /** Joins members, and waits until all others have acknowledged that. */
  async join(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.#enter();
    await this.#settled();
  }

  async #enter(): Promise<void> {
    const member = await LightMember.enter({
      port: this.#listener.port,
      identity: await identityOf(`member ${this.#members.length}`),
      keyPair: await memberHopKey(),
      meter: new Meter(),
      isSampled: true,
      isSpeaker: true,
      onRecord: (record) => this.#noteAck(record),
      onLost: () => {},
    });
    this.#entries += this.#members.length;
    this.#members.push(member);
  }

  /** Has the first member say a line, and waits until it is delivered to all. */
  async say(): Promise<void> {
    const [speaker] = this.#members;
    speaker!.speak();
    speaker!.flush();
    this.#entries += this.#members.length - 1;
    await this.#until(() => this.#delivered === 1);
    await this.#settled();
  }

  /** Has the last member leave, and waits until all others have acknowledged that. */
  async leave(): Promise<void> {
    const member = this.#members.pop()!;
    member.leave();
    this.#entries += this.#members.length;
    await this.#settled();
    member.close();
  }

  /** What something costs. */
  async costOf(happen: () => Promise<void>): Promise<Cost> {
    const before = this.#spent();
    await happen();
    const after = this.#spent();
    return {
      crypto: after.crypto - before.crypto,
      records: after.records - before.records,
      writes: after.writes - before.writes,
      bytes: after.bytes - before.bytes,
    };
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const member of this.#members) member.close();
    await this.#relay.close(0);
    this.#host.close();
    await this.#served;
  }

  #spent(): Cost {
    return {
      crypto: this.#work.operations.length,
      records: this.#records,
      writes: this.#writes,
      bytes: this.#bytes,
    };
  }

  async #accept(): Promise<void> {
    const greeted: Promise<void>[] = [];
    for await (const connection of this.#listener.connections) {
      greeted.push(this.#host.greet({ ...connection, writable: this.#counted(connection) }));
    }
    await Promise.all(greeted);
  }

  #counted({ writable }: Connection): WritableStream<Uint8Array> {
    const writer = writable.getWriter();
    return new WritableStream({
      write: async (bytes) => {
        this.#writes++;
        this.#bytes += bytes.length;
        await writer.write(bytes);
      },
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    });
  }

  #note(record: PlainRecord, direction: keyof Traffic<never>, session: Bytes): void {
    this.#records++;
    if (direction === "toMember") return;
    const decoded = decodeMemberRecord(record);
    if (decoded.type === "ack") this.#acknowledged.set(toHex(session), decoded.seq);
    this.#check();
  }

  #noteAck(record: HostRecord): void {
    if (record.type === "ack") this.#delivered = record.delivered;
    this.#check();
  }

  /** Waits until all entries are acknowledged. */
  #settled(): Promise<void> {
    return this.#until(() =>
      this.#acknowledged.values().reduce((sum, seq) => sum + seq, 0) === this.#entries
    );
  }

  async #until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#check = () => holds() && resolve();
    this.#check();
    await promise;
  }
}

/** The costs at a host with some members before the join, and one more after it. */
async function costsWith(count: number): Promise<Record<"join" | "message" | "leave", Cost>> {
  await using work = new CryptoWork();
  const room = await CountedRoom.open(work);
  await room.join(count);
  const join = await room.costOf(() => room.join());
  const message = await room.costOf(() => room.say());
  const leave = await room.costOf(() => room.leave());
  await room.close();
  return { join, message, leave };
}

const UNITS = ["crypto", "records", "writes", "bytes"] as const;

/** Derivations of tokens for a frame: a page has 128, and a REKEY can take one, too. */
const PAGES = 1 / 64;

/** The highest costs: a fixed part, and a part for each member beside the one that speaks, comes or goes. */
const COSTS: Readonly<Record<"join" | "message" | "leave", { fixed: Cost; each: Cost }>> = {
  join: {
    fixed: { crypto: 106, records: 6, writes: 6, bytes: 1995 },
    each: { crypto: 1 + PAGES, records: 2, writes: 1, bytes: 157 },
  },
  message: {
    fixed: { crypto: 8, records: 4, writes: 3, bytes: 199 },
    each: { crypto: 1 + PAGES, records: 2, writes: 1, bytes: 372 },
  },
  leave: {
    fixed: { crypto: 5, records: 3, writes: 2, bytes: 115 },
    each: { crypto: 1 + PAGES, records: 2, writes: 1, bytes: 79 },
  },
};

test("Host: a message, a join and a leave cost no more than docs/PERFORMANCE.md says", async () => {
  for (const members of [10, 50, 200]) {
    // The one that comes and goes is not among those before the join.
    const others = members - 1;
    for (const [what, cost] of Object.entries(await costsWith(others))) {
      const { each, fixed } = COSTS[what as keyof typeof COSTS];
      for (const unit of UNITS) {
        const most = fixed[unit] + others * each[unit];
        const found = `${what} at ${members} members: ${cost[unit]} ${unit} instead of ${most}`;
        assert(cost[unit] <= most, found);
      }
    }
  }
});

test("Room: a message and the first one cost no more WebCrypto than docs/PERFORMANCE.md says", async () => {
  await using work = new CryptoWork();
  for (const readers of [2, 5]) {
    const hall = new RoomsInMemory();
    const members: TestMember[] = [];
    for (let i = 0; i <= readers; i++) members.push(await hall.join(`member ${i}`));
    const [author, ...others] = members;
    const say = async (): Promise<number> => {
      await work.take();
      const { delivered } = await author!.room.say("hello");
      await Promise.all(others.map(({ texts }) => texts.next()));
      await delivered;
      return (await work.take()).length;
    };
    const first = await say();
    const second = await say();
    await hall.close();
    assert(first <= 12 + 28 * readers, `${first} operations for the first message`);
    assert(second <= 5 + 5 * readers, `${second} operations for a message`);
  }
});
