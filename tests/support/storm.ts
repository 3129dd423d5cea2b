/**
 * A room whose connections break and whose host is killed while members send.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Bytes, toHex } from "../../lib/bytes/mod.ts";
import { initiate, type SecureChannel } from "../../lib/channel/mod.ts";
import { Backoff } from "../../lib/session/backoff.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { openRoomSecrets, randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { HostKeyRing, Initiator } from "../../lib/handshake/mod.ts";
import { type Connection, dial, listen } from "../../lib/net/mod.ts";
import { Host, Relay } from "../../lib/relay/mod.ts";
import { Room, type RoomEvent, type RoomOptions, SessionKeys } from "../../lib/room/mod.ts";
import { within } from "./deadline.ts";
import { type FaultKind, seededNumbers } from "./faults.ts";
import {
  hostHopKey,
  identityOf,
  memberHopKey,
  sessionKey,
  sessionOf,
  type TestSession,
} from "./keys.ts";
import { Proxy } from "./proxy.ts";

/** The faults of a single connection. */
const FAULTS: readonly FaultKind[] = [
  "cut",
  "cut",
  "reset",
  "corrupt",
  "duplicate",
  "stall",
  "delay",
  "split",
  "coalesce",
];

/** Factor by which reconnection is faster than in the program. */
const HASTE = 25;

/** Options of a storm. */
export interface StormOptions {
  readonly seed: number;
  readonly members: number;
  /** Number of messages of all members together. */
  readonly messages: number;
  /** Faults of single connections. */
  readonly faults: number;
  /** Number of kills of the host. */
  readonly restarts: number;
}

/** Statistics of a storm. */
export interface StormReport {
  /** Occurrences of each fault. */
  readonly struck: Readonly<Partial<Record<FaultKind, number>>>;
  /** Connections of all members. */
  readonly connections: number;
}

/** Runs a storm until every member has every message; fails unless each log is right. */
export async function storm(options: StormOptions): Promise<StormReport> {
  const sea = await Sea.open(options);
  try {
    return await within(sea.sail(), () => sea.explain());
  } finally {
    await sea.close();
  }
}

/** The host's process, which can be killed. */
export class Harbour {
  /** Where it listens. */
  readonly port: number;
  readonly #relay = new Relay();
  readonly #listener = listen({ host: "127.0.0.1", port: 0 });
  readonly #host: Host;
  readonly #connections = new Set<Connection>();
  readonly #accepted: Promise<void>;

  constructor(identity: Identity, roomId: Bytes) {
    const keys = new HostKeyRing({ generate: hostHopKey });
    this.#host = new Host({ identity, roomId, psk: zeroKey(), relay: this.#relay, keys });
    this.port = this.#listener.port;
    this.#accepted = this.#accept();
  }

  /** Kills the host without a farewell; its queues are lost. */
  async kill(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    this.#host.close();
    await this.#relay.close(0);
    await this.#accepted;
  }

  async #accept(): Promise<void> {
    const greeted: Promise<void>[] = [];
    for await (const connection of this.#listener.connections) {
      this.#connections.add(connection);
      greeted.push(
        this.#host.greet(connection).finally(() => this.#connections.delete(connection)),
      );
    }
    await Promise.all(greeted);
  }
}

type Identity = Awaited<ReturnType<typeof identityOf>>;

/** Options of a sailor. */
export interface SailorOptions {
  readonly name: string;
  readonly roomId: Bytes;
  readonly hostKey: Bytes;
  readonly memberKey: Bytes;
  /** Called with each shown text and the session of its sender. */
  readonly hear: (from: string, text: string) => void;
  /** Called with each event. */
  readonly onEvent?: (event: RoomEvent) => void;
  /** What takes the files of others. */
  readonly files?: Pick<RoomOptions, "onBulk" | "onFileMessage">;
}

/** One member, which reconnects after every lost connection. */
export class Sailor {
  readonly name: string;
  readonly nonce: Bytes;
  readonly session: Bytes;
  readonly room: Room;
  readonly proxy: Proxy;
  readonly ready: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Events that must not happen. */
  readonly alarms: string[] = [];
  readonly #identity: Identity;
  readonly #stopped = new AbortController();
  #connection: Connection | undefined;
  #sailing: Promise<void> | undefined;

  private constructor(
    proxy: Proxy,
    identity: Identity,
    { nonce, session }: TestSession,
    options: SailorOptions,
  ) {
    const { files, hear, hostKey, memberKey, name, onEvent, roomId } = options;
    this.name = name;
    this.nonce = nonce;
    this.session = session;
    this.proxy = proxy;
    this.#identity = identity;
    this.room = new Room({
      identity,
      name,
      nonce,
      session,
      roomId,
      hostKey,
      memberKey,
      keys: new SessionKeys({ generate: sessionKey }),
      ...files,
      emit: (event) => {
        onEvent?.(event);
        if (event.event === "message") {
          hear(toHex(event.from.session), event.text);
        } else if (event.event === "ready") {
          this.ready.resolve();
        } else if (event.event === "gap" || event.event === "warning" || event.event === "left") {
          this.alarms.push(`${name}: ${Deno.inspect(event)}`);
        }
      },
    });
  }

  /** Creates a member that has not entered yet. */
  static async create(port: number, options: SailorOptions): Promise<Sailor> {
    const identity = await identityOf(options.name);
    const session = await sessionOf(options.roomId, identity.publicKey);
    return new Sailor(await Proxy.open(port), identity, session, options);
  }

  /** Enters, and reconnects until it is stopped. */
  sail(random: () => number): void {
    const backoff = new Backoff({
      giveUpMs: Infinity,
      signal: this.#stopped.signal,
      random,
      clock: hasty,
    });
    this.#sailing = (async () => {
      while (!this.#stopped.signal.aborted) {
        try {
          const channel = await backoff.retry(() => this.#connect());
          backoff.succeeded();
          await this.room.run(channel);
        } catch (error) {
          if ((error as { code?: string }).code === "seat-lost") this.alarms.push(`${error}`);
        }
        this.#connection?.close();
      }
    })();
  }

  /** Sends a text. @param sent Called once the host has it. @returns Resolves once all members have it. */
  async say(text: string, to: Sailor | undefined, sent: () => void): Promise<void> {
    const { delivered } = await this.room.say(text, { to: to?.name });
    sent();
    if (!await delivered) this.alarms.push(`${this.name}: not delivered: ${text}`);
  }

  /** Ends without a farewell. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#connection?.close();
    await this.#sailing;
    this.room.end("not-delivered");
    await this.proxy[Symbol.asyncDispose]();
  }

  async #connect(): Promise<SecureChannel> {
    const [host, port] = this.proxy.address.split(":") as [string, string];
    this.#connection = await dial(host, Number(port), { signal: this.#stopped.signal });
    const initiator = new Initiator({
      identity: this.#identity,
      nonce: this.nonce,
      keyPair: await memberHopKey(),
      psk: zeroKey(),
      trusts: () => Promise.resolve(true),
    });
    const connection = this.#connection;
    const late = setTimeout(() => connection.close(), 2000);
    try {
      return await initiate(connection, initiator);
    } catch (cause) {
      connection.close();
      throw new HandshakeError("handshake-failed", "The storm was stronger", { cause });
    } finally {
      clearTimeout(late);
    }
  }
}

/** The system's clock, with shorter waits. */
export const hasty: Clock = {
  ...systemClock,
  after: (ms, callback) => systemClock.after(ms / HASTE, callback),
};

/** Applies a fault to a connection. @param below Gives a number from 0 to below its argument. */
export function harm(proxy: Proxy, below: (limit: number) => number): void {
  const kind = FAULTS[below(FAULTS.length)]!;
  const where = { direction: below(2) === 0 ? "toHost" : "toMember", at: 0 } as const;
  const [ms, length, size] = [1 + below(200), 1 + below(2000), 1 + below(100)];
  switch (kind) {
    case "cut":
    case "reset":
    case "corrupt":
      return proxy.inject({ kind, ...where });
    case "duplicate":
      return proxy.inject({ kind, length, ...where });
    case "stall":
    case "delay":
      return proxy.inject({ kind, ms, ...where });
    case "split":
      return proxy.inject({ kind, length, size, ...where });
    case "coalesce":
      return proxy.inject({ kind, length, ms, ...where });
  }
}

/** One member's log, and its messages confirmed as sent. */
class Log {
  readonly heard: Map<string, string[]> = new Map();
  readonly sent: { readonly to: Sailor | undefined; readonly text: string }[] = [];

  readonly hear = (from: string, text: string): void => {
    const texts = this.heard.get(from) ?? [];
    texts.push(text);
    this.heard.set(from, texts);
  };
}

class Sea {
  readonly #options: StormOptions;
  readonly #random: () => number;
  readonly #identity: Identity;
  readonly #roomId = randomBytes(32);
  readonly #logs = new Map<Sailor, Log>();
  #harbour: Harbour;
  #said = 0;
  #acts: { readonly at: number; readonly act: () => Promise<void> | void }[] = [];
  #acting: Promise<void> = Promise.resolve();

  private constructor(options: StormOptions, identity: Identity) {
    this.#options = options;
    this.#random = seededNumbers(options.seed);
    this.#identity = identity;
    this.#harbour = new Harbour(identity, this.#roomId);
  }

  static async open(options: StormOptions): Promise<Sea> {
    const identity = await identityOf("host");
    const sea = new Sea(options, identity);
    const { publicKey: hostKey } = identity;
    const { memberKey } = await openRoomSecrets(hostKey);
    for (let i = 0; i < options.members; i++) {
      const log = new Log();
      const { hear } = log;
      const who = { name: `sailor${i}`, roomId: sea.#roomId, hostKey, memberKey, hear };
      sea.#logs.set(await Sailor.create(sea.#harbour.port, who), log);
    }
    return sea;
  }

  async sail(): Promise<StormReport> {
    for (const sailor of this.#sailors) {
      sailor.sail(this.#random);
      await sailor.ready.promise;
    }
    this.#plan();
    const share = Math.floor(this.#options.messages / this.#sailors.length);
    await Promise.all(this.#sailors.map((sailor) => this.#talk(sailor, share)));
    await this.#acting;
    this.#check();
    const struck: Partial<Record<FaultKind, number>> = {};
    for (const { proxy } of this.#sailors) {
      for (const [kind, count] of Object.entries(proxy.faults) as [FaultKind, number][]) {
        struck[kind] = (struck[kind] ?? 0) + count;
      }
    }
    const connections = this.#sailors.reduce((sum, { proxy }) => sum + proxy.connections, 0);
    return { struck, connections };
  }

  explain(): string {
    return [...this.#logs].map(([{ alarms, name }, { heard, sent }]) => {
      const count = [...heard.values()].reduce((sum, { length }) => sum + length, 0);
      return [`${name}: sent ${sent.length}, heard ${count}`, ...alarms].join("\n");
    }).join("\n");
  }

  get #sailors(): Sailor[] {
    return [...this.#logs.keys()];
  }

  async close(): Promise<void> {
    await Promise.all(this.#sailors.map((sailor) => sailor.stop()));
    await this.#harbour.kill();
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** Sets an action for the moment when a number of messages is sent. */
  #plan(): void {
    const { faults, messages, restarts } = this.#options;
    const at = (): number => this.#below(messages * 0.9);
    const acts = [
      ...Array.from({ length: faults }, () => ({ at: at(), act: () => this.#harm() })),
      ...Array.from({ length: restarts }, () => ({ at: at(), act: () => this.#restart() })),
    ];
    this.#acts = acts.sort((a, b) => a.at - b.at);
  }

  #harm(): void {
    harm(this.#sailors[this.#below(this.#sailors.length)]!.proxy, (limit) => this.#below(limit));
  }

  async #restart(): Promise<void> {
    await this.#harbour.kill();
    this.#harbour = new Harbour(this.#identity, this.#roomId);
    for (const { proxy } of this.#sailors) proxy.target = this.#harbour.port;
  }

  /** Sends a number of messages, some of them to only one member. */
  async #talk(sailor: Sailor, count: number): Promise<void> {
    const { sent } = this.#logs.get(sailor)!;
    const others = this.#sailors.filter((other) => other !== sailor);
    const said: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      await sailor.room.writable();
      const to = this.#below(10) === 0 ? others[this.#below(others.length)] : undefined;
      const text = `${sailor.name} ${i}`;
      const saying = sailor.say(text, to, () => void sent.push({ to, text }));
      saying.catch(() => {}); // If the storm fails, report that, not the unsent messages.
      said.push(saying);
      this.#note();
      // Now and then a pause until all have it, so that the weather catches up with the talk.
      if (this.#below(40) === 0) await saying;
    }
    await Promise.all(said);
  }

  #note(): void {
    this.#said++;
    while (this.#acts.length > 0 && this.#acts[0]!.at <= this.#said) {
      const { act } = this.#acts.shift()!;
      this.#acting = this.#acting.then(act);
    }
  }

  /** Asserts that each log is the merge of the messages confirmed to their senders. */
  #check(): void {
    assertEquals(this.#sailors.flatMap(({ alarms }) => alarms), []);
    for (const [reader, { heard }] of this.#logs) {
      for (const [sender, { sent }] of this.#logs) {
        if (sender === reader) continue;
        const expected = sent.filter(({ to }) => to === undefined || to === reader);
        assertEquals(
          heard.get(toHex(sender.session)) ?? [],
          expected.map(({ text }) => text),
          `what ${reader.name} heard of ${sender.name}`,
        );
      }
    }
  }
}
