/**
 * A room as `serve` and `join` make one, in one process: the program's own pipeline from connection to room,
 * over sockets or through memory.
 *
 * @module
 */
import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import {
  type Channel,
  initiate,
  localChannel,
  SharedFrame,
  type Transport,
} from "../../lib/channel/mod.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { openRoomSecrets, randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { HostKeyRing, Initiator } from "../../lib/handshake/mod.ts";
import { dial, listen, type Listener } from "../../lib/net/mod.ts";
import { Host, type IncomingConnection, type ProvenSession, Relay } from "../../lib/relay/mod.ts";
import type { PlainRecord } from "../../lib/wire/mod.ts";
import { within } from "./deadline.ts";
import { duplex } from "./duplex.ts";
import { Inbox } from "./inbox.ts";
import { hostHopKey, identityOf, memberHopKey } from "./keys.ts";
import { openShared } from "./shared_frames.ts";
import { test } from "./test.ts";
import { type MemberOptions, TestMember } from "./rooms_in_memory.ts";

/** The traffic at one point, by direction, as chunks or records. */
export interface Traffic<Item> {
  readonly toHost: Item[];
  readonly toMember: Item[];
}

/** A connection as a member holds it. */
export interface Line extends Transport {
  close(): void;
}

/** A member of a {@linkcode WholePipeline}. */
export type PipelineMember = TestMember & {
  /** The end of its room's `run`, which closes its connection. */
  readonly ran: Promise<number | Error>;
  /** Breaks its connection. */
  readonly cut: () => void;
};

/** How a member joins. */
export interface AttendantOptions extends MemberOptions {
  /** Wraps its connection. */
  readonly through?: (line: Line) => Line;
}

/** A relay that reports each record it receives and sends, one in a shared frame for each member that gets it. */
export class OpenRelay extends Relay {
  /** By session, in hexadecimal digits. */
  readonly records: Map<string, Traffic<PlainRecord>> = new Map();
  /** Called with every record, and with the session of the member that sends or receives it. */
  onRecord: (record: PlainRecord, direction: keyof Traffic<never>, session: Bytes) => void =
    () => {};

  /** The records between the relay and one member. */
  with({ session }: { readonly session: Bytes }): Traffic<PlainRecord> {
    return this.records.get(toHex(session))!;
  }

  override async serve(
    channel: Channel,
    guest: ProvenSession,
    admitted?: () => void,
  ): Promise<void> {
    const traffic: Traffic<PlainRecord> = { toHost: [], toMember: [] };
    this.records.set(toHex(guest.session), traffic);
    const noting = (direction: keyof Traffic<never>) => (record: PlainRecord): void => {
      traffic[direction].push(record);
      this.onRecord(record, direction, guest.session);
    };
    const { carriesShared } = channel;
    const readable = note(channel.readable, noting("toHost"));
    const toMember = noting("toMember");
    const writable = noteWritten(channel.writable, (one: PlainRecord | SharedFrame) => {
      toMember(one instanceof SharedFrame ? openShared(one) : one);
    });
    await super.serve({ readable, writable, carriesShared }, guest, admitted);
  }
}

/** Options of a {@linkcode WholePipeline}. */
export interface HallOptions {
  readonly maxMembers?: number;
  /** The relay's and the host's; not the members'. */
  readonly clock?: Clock;
  /** Whether connections are pipes in memory instead of sockets. */
  readonly inMemory?: boolean;
}

/** A host and its members. */
export class WholePipeline {
  readonly relay: OpenRelay;
  readonly host: Host;
  readonly roomId: Bytes = randomBytes(32);
  /** Every byte that the host read and wrote, by connection, in the order in which they came. */
  readonly calls: Inbox<Traffic<Bytes>> = new Inbox();
  /** The source address of the next callers. */
  remoteAddress = "127.0.0.1";
  readonly #memberKey: Bytes;
  readonly #listener: Listener | undefined;
  readonly #ends: Promise<unknown>[] = [];
  readonly #accepted: Promise<void>;

  private constructor(
    identity: Awaited<ReturnType<typeof identityOf>>,
    memberKey: Bytes,
    options: HallOptions,
  ) {
    const { clock = systemClock, inMemory = false, maxMembers } = options;
    this.#memberKey = memberKey;
    this.relay = new OpenRelay({ clock, ...maxMembers !== undefined && { maxMembers } });
    this.host = new Host({
      identity,
      roomId: this.roomId,
      psk: zeroKey(),
      relay: this.relay,
      keys: new HostKeyRing({ generate: hostHopKey, clock }),
      clock,
    });
    this.#listener = inMemory ? undefined : listen({ host: "127.0.0.1", port: 0 });
    this.#accepted = this.#accept();
  }

  /** Creates a room without members. */
  static async open(options: HallOptions = {}): Promise<WholePipeline> {
    const identity = await identityOf("host");
    const { memberKey } = await openRoomSecrets(identity.publicKey);
    return new WholePipeline(identity, memberKey, options);
  }

  /** Connects to the host. */
  async dial(): Promise<Line> {
    if (this.#listener !== undefined) return await dial("127.0.0.1", this.#listener.port);
    const [mine, { close, readable, writable }] = duplex();
    this.#greet({ close, readable, writable });
    return mine;
  }

  /** Joins the host's own member, without a connection. */
  async sit(name = "hana"): Promise<PipelineMember> {
    const [mine, relays] = localChannel();
    const member = await this.#member(name, { identity: "host" });
    const { key, nonce, session } = member;
    this.#ends.push(this.relay.serve(relays, { key, nonce, session, own: true }));
    return await this.#attend(member, mine, () => {});
  }

  /** Joins a member and waits until it is ready. */
  async join(name: string, options: AttendantOptions = {}): Promise<PipelineMember> {
    const member = await this.enter(name, options);
    await Promise.race([
      member.ready,
      member.ran.then((end) => {
        throw new Error(`${name} did not get in: ${end}`);
      }),
    ]);
    return member;
  }

  /** Joins a member, which may be refused. */
  async enter(name: string, options: AttendantOptions = {}): Promise<PipelineMember> {
    const { identity = name, through = (line) => line } = options;
    const nonce = randomBytes(16);
    const line = through(await this.dial());
    const initiator = new Initiator({
      identity: await identityOf(identity),
      nonce,
      keyPair: await memberHopKey(),
      psk: zeroKey(),
      trusts: () => Promise.resolve(true),
    });
    const channel = await initiate(line, initiator).catch((error) => {
      line.close();
      throw error;
    });
    const member = await this.#member(name, { nonce, ...options });
    return this.#attend(member, channel, () => line.close());
  }

  /** Ends the room with a farewell to every member, and releases all resources. */
  async close(): Promise<void> {
    this.#listener?.close();
    this.host.close();
    await this.relay.close();
    await this.#accepted;
    await Promise.all(this.#ends);
  }

  async #member(name: string, options: MemberOptions): Promise<TestMember> {
    const { roomId } = this;
    return await TestMember.create(name, {
      roomId,
      memberKey: this.#memberKey,
      ...options,
    });
  }

  #attend(member: TestMember, channel: Channel, cut: () => void): PipelineMember {
    const ran = member.run(channel).finally(() => {
      member.room.end("not-delivered");
      cut();
    });
    this.#ends.push(ran);
    return Object.assign(member, { ran, cut });
  }

  async #accept(): Promise<void> {
    if (this.#listener === undefined) return;
    for await (const connection of this.#listener.connections) this.#greet(connection);
  }

  #greet({ close, readable, writable }: Omit<IncomingConnection, "remoteAddress">): void {
    const traffic: Traffic<Bytes> = { toHost: [], toMember: [] };
    this.calls.push(traffic);
    const greeted = this.host.greet({
      readable: note(readable, (chunk) => void traffic.toHost.push(chunk.slice())),
      writable: noteWritten(writable, (chunk) => void traffic.toMember.push(chunk.slice())),
      remoteAddress: this.remoteAddress,
      close,
    });
    this.#ends.push(greeted);
  }
}

/** Declares a test with a deadline: an open socket would let it wait forever. */
export function hallTest(name: string, fn: () => Promise<void>): void {
  test(name, () => within(fn(), () => "something did not come"));
}

/** Sends texts as fast as the room takes them; resolves when the host has them all. */
export async function sayAll({ room }: PipelineMember, texts: readonly string[]): Promise<void> {
  const said: Promise<unknown>[] = [];
  for (const text of texts) {
    await room.writable();
    said.push(room.say(text));
  }
  await Promise.all(said);
}

/** The texts that a member received, by the sender's name. */
export function heard({ events }: PipelineMember): Record<string, string[]> {
  const texts: Record<string, string[]> = {};
  for (const event of events.all) {
    if (event.event === "message") (texts[event.from.name] ??= []).push(event.text);
  }
  return texts;
}

/** Holds back the bytes that arrive at a member. */
export class Gate {
  #shut: PromiseWithResolvers<void> | undefined;

  /** A line through this gate. */
  readonly through = ({ close, readable, writable }: Line): Line => ({
    close,
    writable,
    readable: readable.pipeThrough(
      new TransformStream<Bytes, Bytes>({
        transform: async (chunk, controller) => {
          await this.#shut?.promise;
          controller.enqueue(chunk);
        },
      }),
    ),
  });

  /** Holds back all bytes. */
  shut(): void {
    this.#shut ??= Promise.withResolvers();
  }

  /** Releases all bytes. */
  open(): void {
    this.#shut?.resolve();
    this.#shut = undefined;
  }
}

/** A stream that shows each chunk when it is read. */
function note<Chunk>(readable: ReadableStream<Chunk>, see: (chunk: Chunk) => void) {
  const reader = readable.getReader();
  return new ReadableStream<Chunk>({
    async pull(controller): Promise<void> {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      see(value);
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** A stream that shows each chunk when it is written. */
function noteWritten<Chunk>(writable: WritableStream<Chunk>, see: (chunk: Chunk) => void) {
  const writer = writable.getWriter();
  writer.closed.catch(() => {}); // The next write shows it.
  return new WritableStream<Chunk>({
    start(controller): void {
      // A write under way would keep `abort` from being called.
      controller.signal.addEventListener("abort", () => {
        writer.abort(controller.signal.reason).catch(() => {});
      });
    },
    write(chunk): Promise<void> {
      see(chunk);
      return writer.write(chunk);
    },
    close: () => writer.close(),
  });
}
