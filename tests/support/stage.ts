/**
 * One real room between a relay and members that a test plays itself.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import { type Channel, localChannel } from "../../lib/channel/mod.ts";
import { type Identity, randomBytes } from "../../lib/crypto/mod.ts";
import { ChannelError } from "../../lib/errors.ts";
import {
  type Member,
  Room,
  type RoomEvent,
  type RoomOptions,
  type SessionKeyPair,
  SessionKeys,
} from "../../lib/room/mod.ts";
import {
  AcceptStatus,
  CloseReason,
  decodeMemberRecord,
  decodeNeed,
  encodeAgain,
  encodeHostRecord,
  ENTRY_CMID,
  type HostRecord,
  MemberChange,
  type MemberEnvelope,
  type MemberRecord,
  ObjectType,
  type PlainRecord,
  type RosterEntry,
} from "../../lib/wire/mod.ts";
import { FakeClock } from "./clock.ts";
import { Inbox } from "./inbox.ts";
import { identityOf, sessionKey, sessionOf, type TestSession } from "./keys.ts";
import { HOST, MEMBER_KEY, type Puppet, ROOM_ID, type Target, targetOf } from "./puppet.ts";

/** How long a scripted host keeps seats unless told otherwise, in milliseconds. */
export const STAGE_KEEP_MS = 90_000;

/** A fake clock on which one can wait for a timer to be set. */
export class StageClock extends FakeClock {
  readonly #set = new Inbox<number>();

  override after(ms: number, callback: () => void): () => void {
    const cancel = super.after(ms, callback);
    this.#set.push(ms);
    return cancel;
  }

  /** Waits until a timer of that length is set, counting from the last that was waited for. */
  async timer(ms: number): Promise<void> {
    await this.#set.find((set): set is number => set === ms);
  }
}

/** Resolves when everything has happened that needs nothing but its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The other end of a room's channel. */
export class ScriptedRelay {
  /** For the room. */
  readonly channel: Channel;
  /** What this process calls itself. */
  readonly instance: Bytes;
  /** Every envelope that the room sent. */
  readonly envelopes: Inbox<MemberEnvelope> = new Inbox();
  /** All else that it sent, PING apart. */
  readonly records: Inbox<Exclude<MemberRecord, { type: "batch" }>> = new Inbox();
  /** Whether envelopes are acknowledged as they come. */
  acknowledges = true;
  /** How long this process keeps seats, in milliseconds. */
  keepMs: number = STAGE_KEEP_MS;
  /** The number of the last envelope or change that was sent. */
  seq = 0;
  #named = 0;
  #entryDue = false;
  readonly #entered = Promise.withResolvers<MemberEnvelope>();
  readonly #writer: WritableStreamDefaultWriter<PlainRecord>;
  /** Resolves when the room has closed its side. */
  readonly ended: Promise<void>;

  /** A connection to a process. @param instance What it calls itself; a new one if there is none. */
  constructor(instance: Bytes = randomBytes(8)) {
    this.instance = instance;
    const [theirs, mine] = localChannel();
    this.channel = theirs;
    this.#writer = mine.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.ended = this.#read(mine.readable).catch(() => {});
  }

  async #read(readable: ReadableStream<PlainRecord>): Promise<void> {
    for await (const plain of readable) {
      const record = decodeMemberRecord(plain);
      if (record.type === "ping") {
        void this.send({ type: "pong", token: record.token });
      } else if (record.type === "batch" && record.envelopes[0]!.cmid === ENTRY_CMID) {
        this.#entered.resolve(record.envelopes[0]!);
      } else if (record.type === "batch") {
        for (const envelope of record.envelopes) this.envelopes.push(envelope);
        if (this.acknowledges) this.acknowledge();
      } else {
        this.records.push(record);
      }
    }
  }

  /** Resolves to what the member says to the host as it enters a new seat. */
  get entered(): Promise<MemberEnvelope> {
    return this.#entered.promise;
  }

  /** Sends a record. */
  async send(record: HostRecord): Promise<void> {
    if (record.type === "member") this.seq++;
    await this.#writer.write(encodeHostRecord(record)).catch(() => {});
  }

  /** Acknowledges what came, behind all that was sent. */
  async ack(accepted: number, delivered: number, reached: number = delivered): Promise<void> {
    await this.send({ type: "ack", accepted, delivered, reached, seq: this.seq });
  }

  /** Acknowledges all that came. */
  acknowledge(): void {
    const accepted = this.envelopes.all.at(-1)?.cmid ?? 0;
    void this.ack(accepted, accepted);
  }

  /** Admits the room's member. */
  async admit(roster: readonly RosterEntry[]): Promise<void> {
    this.#named = roster.length;
    await this.accept({ resumed: false, lastCmid: 0 });
    await this.resume(roster);
  }

  /** Answers the handshake. */
  async accept(options: { resumed: boolean; lastCmid: number }): Promise<void> {
    const { instance } = this;
    const { OK: status } = AcceptStatus;
    this.#entryDue = !options.resumed;
    await this.send({
      type: "accept",
      status,
      instance,
      maxMembers: 1024,
      time: 0,
      keep: this.keepMs / 1000,
      ...options,
    });
  }

  /** Lets the member in, once it has said where it was and who it is. @param queued How much waits for it. */
  async resume(roster: readonly RosterEntry[], queued = 0): Promise<void> {
    assertEquals((await this.records.next()).type, "resume");
    await this.send({ type: "resume", nextSeq: this.seq + 1, queued });
    if (this.#entryDue) await this.entered;
    await this.send({ type: "roster", entries: roster });
  }

  /** Sends objects of one session, in one record. */
  async deliver(from: Bytes, ...objects: readonly Bytes[]): Promise<void> {
    await this.send({
      type: "batch",
      envelopes: objects.map((object) => ({
        class: 1,
        direct: false,
        from,
        seq: ++this.seq,
        object,
      })),
    });
  }

  /** Waits until the room has dealt with all that was sent, what waits in a parked queue apart. */
  async settle(): Promise<void> {
    // What nobody sent counts for nothing, but all queues are waited for behind it.
    await this.deliver(new Uint8Array(16), new Uint8Array(1));
    await this.taken();
  }

  /** Waits until the room's link has taken all that was sent. */
  async taken(): Promise<void> {
    const token = randomBytes(8);
    await this.send({ type: "ping", token });
    await this.records.find((record): record is typeof record =>
      record.type === "pong" && equal(record.token, token)
    );
  }

  /** Waits until the room has announced itself to all whom the roster named. */
  async announced(): Promise<void> {
    const { all } = this.envelopes;
    while (all.filter(({ object }) => object[0] === ObjectType.ANNOUNCE).length < this.#named) {
      await this.envelopes.count(all.length + 1);
    }
  }

  /** The next envelope with an object of a type, for a session if one is given. */
  async object(type: number, to?: Bytes): Promise<MemberEnvelope> {
    return await this.envelopes.find((envelope): envelope is MemberEnvelope =>
      envelope.object[0] === type &&
      (to === undefined || (envelope.to !== undefined && equal(envelope.to, to)))
    );
  }

  /** Ends the connection as a host that ends does. */
  async close(): Promise<void> {
    this.acknowledges = false; // Nothing follows a CLOSE.
    await this.send({ type: "close", reason: CloseReason.HOST_ENDS });
    this.#writer.close().catch(() => {});
    await this.ended;
  }

  /** Ends its own side without a word, as anybody on the way could make it look. */
  async hangUp(): Promise<void> {
    await this.#writer.close();
  }

  /** Breaks the connection. */
  async cut(): Promise<void> {
    await this.#writer.abort(new ChannelError("connection-lost", "cut")).catch(() => {});
  }
}

/** What a stage is set up with. */
export interface StageOptions {
  /** The room's own name. */
  readonly name?: string;
  /** Who is there before. */
  readonly before?: readonly Puppet[];
  /** Those of them that do not answer. */
  readonly silent?: readonly Puppet[];
  readonly waitMs?: number;
  readonly identity?: Identity;
  readonly generate?: () => Promise<SessionKeyPair>;
  readonly shown?: () => Promise<void>;
  readonly ignores?: (key: Bytes) => boolean;
  readonly trust?: RoomOptions["trust"];
  /** What happens beside its being noted. */
  readonly onEvent?: (event: RoomEvent, room: Room) => void;
  /** How long the host keeps seats, in milliseconds. */
  readonly keepMs?: number;
  /** Makes the session keys. */
  readonly keys?: (clock: FakeClock) => SessionKeys;
}

/** A room, its relay and its clock. */
export class Stage {
  readonly clock: StageClock = new StageClock();
  /** The relay's end of the last connection. */
  relay: ScriptedRelay = new ScriptedRelay();
  readonly events: Inbox<RoomEvent> = new Inbox();
  readonly room: Room;
  readonly nonce: Bytes;
  readonly session: Bytes;
  readonly key: Bytes;
  /** The end of the room's last `run`. */
  ran: Promise<number>;
  #target: Target | undefined;

  private constructor(identity: Identity, { nonce, session }: TestSession, options: StageOptions) {
    this.key = identity.publicKey;
    this.nonce = nonce;
    this.session = session;
    const { generate = sessionKey, ignores, name = "ada", onEvent, shown, trust, waitMs } = options;
    this.room = new Room({
      identity,
      name,
      nonce,
      session,
      roomId: ROOM_ID,
      hostKey: HOST.publicKey,
      memberKey: MEMBER_KEY,
      keys: options.keys?.(this.clock) ?? new SessionKeys({ generate, clock: this.clock }),
      emit: (event) => {
        this.events.push(event);
        onEvent?.(event, this.room);
      },
      clock: this.clock,
      ...waitMs !== undefined && { waitMs },
      ...shown !== undefined && { shown },
      ...ignores !== undefined && { ignores },
      ...trust !== undefined && { trust },
    });
    if (options.keepMs !== undefined) this.relay.keepMs = options.keepMs;
    this.ran = this.#run();
  }

  #run(): Promise<number> {
    const ran = this.room.run(this.relay.channel);
    ran.catch(() => {});
    return ran;
  }

  /** A room whose member waits to be admitted. */
  static async create(options: StageOptions = {}): Promise<Stage> {
    const identity = options.identity ?? await identityOf(options.name ?? "ada");
    return new Stage(identity, await sessionOf(ROOM_ID, identity.publicKey), options);
  }

  /** A room whose member is ready, and with whom those before have exchanged their announcements. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const stage = await Stage.create(options);
    const { before = [], silent = [] } = options;
    await stage.relay.admit(before.map(({ entry }) => entry));
    for (const puppet of before) {
      await stage.heardBy(puppet);
      if (!silent.includes(puppet)) await stage.says(puppet, await puppet.announce(stage.session));
    }
    if (before.length === 0) await stage.clock.timer(0);
    stage.clock.advance(silent.length > 0 ? 10_000 : 0);
    await stage.event("ready");
    return stage;
  }

  /** The connection breaks. */
  async cut(): Promise<void> {
    await this.relay.cut();
    await this.ran.catch(() => {});
  }

  /** A connection to the same process, which has kept the member's place, or to another. */
  dial(restarted: boolean): void {
    const { instance, keepMs, seq } = this.relay;
    this.relay = new ScriptedRelay(restarted ? undefined : instance);
    if (!restarted) this.relay.seq = seq;
    this.relay.keepMs = keepMs;
    this.ran = this.#run();
  }

  /** The connection breaks, and comes back to the same process. @param queued How much waits. */
  async resume(roster: readonly Puppet[], queued = 0): Promise<void> {
    const lastCmid = this.relay.envelopes.all.at(-1)?.cmid ?? 0;
    await this.cut();
    this.dial(false);
    await this.relay.accept({ resumed: true, lastCmid });
    await this.relay.resume(roster.map(({ entry }) => entry), queued);
    await this.relay.taken();
  }

  /** The connection breaks, and another process has taken the room over. @param roster Who came before. */
  async restart(roster: readonly (Puppet | RosterEntry)[]): Promise<void> {
    await this.cut();
    this.dial(true);
    await this.relay.accept({ resumed: false, lastCmid: 0 });
    await this.relay.resume(roster.map((one) => "entry" in one ? one.entry : one));
    await this.relay.taken();
  }

  /** The room's next question to a member for what it keeps. @returns Its round. */
  async asks(puppet: Puppet): Promise<number> {
    return decodeNeed((await this.relay.object(ObjectType.NEED, puppet.session)).object);
  }

  /** A member sends objects again, and then, unless there is more to come, that this was all. */
  async answers(
    puppet: Puppet,
    round: number,
    objects: readonly Bytes[],
    more = false,
  ): Promise<void> {
    const again = objects.map((object) => encodeAgain({ round, object }));
    if (!more) again.push(encodeAgain({ round, object: undefined }));
    await this.says(puppet, ...again);
  }

  /** How others wrap keys for the room's member. */
  get target(): Target {
    return this.#target!;
  }

  /** The room's next ANNOUNCE to a member. */
  async heardBy(puppet: Puppet): Promise<Target> {
    const { object } = await this.relay.object(ObjectType.ANNOUNCE, puppet.session);
    return this.#target = await targetOf(object);
  }

  /** Sends objects of a member. */
  async says(puppet: Puppet, ...objects: readonly Bytes[]): Promise<void> {
    await this.relay.deliver(puppet.session, ...objects);
  }

  /** Tells of a member. */
  async tell(puppet: Puppet, change: number, reason: number = CloseReason.LEAVING): Promise<void> {
    const { key, nonce } = puppet.entry;
    await this.relay.send({ type: "member", change, reason, key, nonce });
  }

  /** A member joins, and both announce themselves. @returns As whom the room shows it. */
  async join(puppet: Puppet): Promise<Member> {
    await this.tell(puppet, MemberChange.JOINED);
    await this.says(puppet, await puppet.announce(this.session));
    await this.heardBy(puppet);
    return (await this.event("joined")).member;
  }

  /** The next event, which must be of that type. */
  async event<Type extends RoomEvent["event"]>(
    type: Type,
  ): Promise<RoomEvent & { readonly event: Type }> {
    const event = await this.events.next();
    assert(event.event === type, `${Deno.inspect(event)} is not ${type}`);
    return event as RoomEvent & { readonly event: Type };
  }

  /** The next event, which must be a message. @returns Its text. */
  async text(): Promise<string> {
    return (await this.event("message")).text;
  }

  /** Asserts that a member still gets through, and that nothing was shown before. */
  async assertStillHears(puppet: Puppet, epoch = 1000): Promise<void> {
    const chain = await puppet.chain(0, epoch);
    await this.says(puppet, await chain.skdm(this.target), await chain.msg("still here"));
    assertEquals(await this.text(), "still here");
  }

  /** Lets time pass while the relay is heard of. */
  async pass(ms: number): Promise<void> {
    await this.relay.taken();
    for (let left = ms; left > 0; left -= 10_000) {
      this.clock.advance(Math.min(left, 10_000));
      await this.relay.settle();
    }
  }

  /** The host ends; so does the room, with nothing left behind. */
  async close(): Promise<void> {
    await this.relay.announced();
    await this.relay.settle();
    await this.relay.close();
    await this.ran.catch(() => {});
    this.room.end("not-delivered");
    assertEquals(this.clock.timers, 0, "timers are left");
  }
}
