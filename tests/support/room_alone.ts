/**
 * One real room. Its relay and the other members are scripted by the test.
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
  SessionKeys,
} from "../../lib/room/mod.ts";
import type { SessionKeyPair } from "../../lib/room/session_key.ts";
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

/** Time for which a scripted relay keeps seats by default, in milliseconds. */
export const SCRIPTED_KEEP_MS = 90_000;

/** A fake clock that reports when a timer is set. */
export class WatchedClock extends FakeClock {
  readonly #set = new Inbox<number>();

  override after(ms: number, callback: () => void): () => void {
    const cancel = super.after(ms, callback);
    this.#set.push(ms);
    return cancel;
  }

  /** Waits until a timer of a length is set, after the last one waited for. */
  async timer(ms: number): Promise<void> {
    await this.#set.find((set): set is number => set === ms);
  }
}

/** The relay end of a room's channel, played by the test. */
export class ScriptedRelay {
  /** The room's end. */
  readonly channel: Channel;
  /** The instance of this host process. */
  readonly instance: Bytes;
  /** Every envelope that the room sent. */
  readonly envelopes: Inbox<MemberEnvelope> = new Inbox();
  /** All other records that it sent, except PING. */
  readonly records: Inbox<Exclude<MemberRecord, { type: "batch" }>> = new Inbox();
  /** Whether envelopes are acknowledged at once. */
  acknowledges = true;
  /** Time for which this process keeps seats, in milliseconds. */
  keepMs: number = SCRIPTED_KEEP_MS;
  /** The number of the last envelope or change that was sent. */
  seq = 0;
  #named = 0;
  #entryDue = false;
  #lastCmid = 0;
  readonly #entered = Promise.withResolvers<MemberEnvelope>();
  readonly #writer: WritableStreamDefaultWriter<PlainRecord>;
  /** Resolves when the room has closed its side. */
  readonly ended: Promise<void>;

  /** Creates a connection to a host process. @param instance Its instance; a new process by default. */
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

  /** Resolves to the member's announcement to the host. */
  get entered(): Promise<MemberEnvelope> {
    return this.#entered.promise;
  }

  /** Sends a record, as a shared one if it has a transcript. */
  async send(record: HostRecord): Promise<void> {
    if (record.type === "member") this.seq += record.changes.length;
    if (record.type === "batch") this.seq += record.envelopes.length;
    const shared = "transcript" in record && record.type !== "key" &&
      record.transcript !== undefined && { transcript: record.transcript };
    await this.#writer.write({ ...encodeHostRecord(record), ...shared }).catch(() => {});
  }

  /** Acknowledges envelopes, after all that was sent. */
  async ack(accepted: number, delivered: number, reached: number = delivered): Promise<void> {
    await this.send({ type: "ack", accepted, delivered, reached, seq: this.seq });
  }

  /** Acknowledges all envelopes. */
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
    this.#lastCmid = options.lastCmid;
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

  /** Admits the member after its RESUME and announcement. @param queued Number of things in its queue. */
  async resume(roster: readonly RosterEntry[], queued = 0): Promise<void> {
    assertEquals((await this.records.next()).type, "resume");
    await this.send({ type: "resume", nextSeq: this.seq + 1, queued });
    if (this.#entryDue) await this.entered;
    await this.send({ type: "roster", entries: roster });
    if (this.#lastCmid > 0) await this.ack(this.#lastCmid, 0);
  }

  /** Sends objects of one session, in one record. */
  async deliver(from: Bytes, ...objects: readonly Bytes[]): Promise<void> {
    await this.send({
      type: "batch",
      envelopes: objects.map((object) => ({
        class: 1,
        direct: false,
        from,
        object,
      })),
    });
  }

  /** Waits until the room has handled all that was sent, except in parked queues. */
  async settle(): Promise<void> {
    // An object of no session is dropped, but the link waits for all queues after it.
    await this.deliver(new Uint8Array(16), new Uint8Array(1));
    await this.taken();
  }

  /** Waits until the room's link has received all that was sent. */
  async taken(): Promise<void> {
    const token = randomBytes(8);
    await this.send({ type: "ping", token });
    await this.records.find((record): record is typeof record =>
      record.type === "pong" && equal(record.token, token)
    );
  }

  /** Waits until the room has announced itself to all sessions of the roster. */
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

  /** Ends the room: sends CLOSE 1. */
  async close(): Promise<void> {
    this.acknowledges = false; // No record follows a CLOSE.
    await this.send({ type: "close", reason: CloseReason.HOST_ENDS });
    this.#writer.close().catch(() => {});
    await this.ended;
  }

  /** Ends its side without CLOSE, as an attacker on the path could. */
  async hangUp(): Promise<void> {
    await this.#writer.close();
  }

  /** Breaks the connection. */
  async cut(): Promise<void> {
    await this.#writer.abort(new ChannelError("connection-lost", "cut")).catch(() => {});
  }
}

/** Options of {@linkcode RoomAlone}. */
export interface RoomAloneOptions {
  /** The member's name. */
  readonly name?: string;
  /** Members that are in the room before. */
  readonly before?: readonly Puppet[];
  /** Those of them that do not answer. */
  readonly silent?: readonly Puppet[];
  readonly waitMs?: number;
  readonly identity?: Identity;
  readonly generate?: () => Promise<SessionKeyPair>;
  readonly shown?: () => Promise<void>;
  readonly ignores?: (key: Bytes) => boolean;
  readonly trust?: RoomOptions["trust"];
  readonly onBulk?: RoomOptions["onBulk"];
  readonly onFileMessage?: RoomOptions["onFileMessage"];
  /** Called with each event. */
  readonly onEvent?: (event: RoomEvent, room: Room) => void;
  /** Time for which the relay keeps seats, in milliseconds. */
  readonly keepMs?: number;
  /** Makes the session keys. */
  readonly keys?: (clock: FakeClock) => SessionKeys;
}

/** A real room with its scripted relay and a fake clock. */
export class RoomAlone {
  readonly clock: WatchedClock = new WatchedClock();
  /** The relay's end of the last connection. */
  relay: ScriptedRelay = new ScriptedRelay();
  readonly events: Inbox<RoomEvent> = new Inbox();
  readonly room: Room;
  readonly nonce: Bytes;
  readonly session: Bytes;
  readonly key: Bytes;
  /** The result of the last `Room.run`. */
  ran: Promise<number>;
  #target: Target | undefined;

  private constructor(
    identity: Identity,
    { nonce, session }: TestSession,
    options: RoomAloneOptions,
  ) {
    this.key = identity.publicKey;
    this.nonce = nonce;
    this.session = session;
    const { generate = sessionKey, ignores, name = "ada", onBulk, onEvent, shown, trust, waitMs } =
      options;
    const { onFileMessage } = options;
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
      ...onBulk !== undefined && { onBulk },
      ...onFileMessage !== undefined && { onFileMessage },
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

  /** Creates a room whose member waits to be admitted. */
  static async create(options: RoomAloneOptions = {}): Promise<RoomAlone> {
    const identity = options.identity ?? await identityOf(options.name ?? "ada");
    return new RoomAlone(identity, await sessionOf(ROOM_ID, identity.publicKey), options);
  }

  /** Creates a room that is ready and has exchanged announcements with the members before it. */
  static async open(options: RoomAloneOptions = {}): Promise<RoomAlone> {
    const alone = await RoomAlone.create(options);
    const { before = [], silent = [] } = options;
    await alone.relay.admit(before.map(({ entry }) => entry));
    for (const puppet of before) {
      await alone.heardBy(puppet);
      if (!silent.includes(puppet)) await alone.says(puppet, await puppet.announce(alone.session));
    }
    if (before.length === 0) await alone.clock.timer(0);
    alone.clock.advance(silent.length > 0 ? 10_000 : 0);
    await alone.event("ready");
    return alone;
  }

  /** Cuts the connection. */
  async cut(): Promise<void> {
    await this.relay.cut();
    await this.ran.catch(() => {});
  }

  /** Connects to the same host process or to another. */
  dial(restarted: boolean): void {
    const { instance, keepMs, seq } = this.relay;
    this.relay = new ScriptedRelay(restarted ? undefined : instance);
    if (!restarted) this.relay.seq = seq;
    this.relay.keepMs = keepMs;
    this.ran = this.#run();
  }

  /** Cuts the connection and resumes it at the same process. @param queued Number of things in the queue. */
  async resume(roster: readonly Puppet[], queued = 0): Promise<void> {
    const lastCmid = this.relay.envelopes.all.at(-1)?.cmid ?? 0;
    await this.cut();
    this.dial(false);
    await this.relay.accept({ resumed: true, lastCmid });
    await this.relay.resume(roster.map(({ entry }) => entry), queued);
    await this.relay.taken();
  }

  /** Cuts the connection and connects to another process. @param roster The sessions that came before. */
  async restart(roster: readonly (Puppet | RosterEntry)[]): Promise<void> {
    await this.cut();
    this.dial(true);
    await this.relay.accept({ resumed: false, lastCmid: 0 });
    await this.relay.resume(roster.map((one) => "entry" in one ? one.entry : one));
    await this.relay.taken();
  }

  /** Waits for the room's next NEED to a member. @returns Its round. */
  async asks(puppet: Puppet): Promise<number> {
    return decodeNeed((await this.relay.object(ObjectType.NEED, puppet.session)).object);
  }

  /** Sends objects of a member again, and the end of the answer unless there is more. */
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

  /** The session key for which puppets wrap theirs. */
  get target(): Target {
    return this.#target!;
  }

  /** Waits for the room's next ANNOUNCE to a member. */
  async heardBy(puppet: Puppet): Promise<Target> {
    const { object } = await this.relay.object(ObjectType.ANNOUNCE, puppet.session);
    return this.#target = await targetOf(object);
  }

  /** Sends objects of a member. */
  async says(puppet: Puppet, ...objects: readonly Bytes[]): Promise<void> {
    await this.relay.deliver(puppet.session, ...objects);
  }

  /** Sends a MEMBER record about a member. */
  async tell(puppet: Puppet, change: number, reason: number = CloseReason.LEAVING): Promise<void> {
    const { key, nonce } = puppet.entry;
    await this.relay.send({ type: "member", changes: [{ change, reason, key, nonce }] });
  }

  /** Has a member join; both announce themselves. @returns The member as shown. */
  async join(puppet: Puppet): Promise<Member> {
    await this.tell(puppet, MemberChange.JOINED);
    await this.says(puppet, await puppet.announce(this.session));
    await this.heardBy(puppet);
    return (await this.event("joined")).member;
  }

  /** Returns the next event, which must be of a type. */
  async event<Type extends RoomEvent["event"]>(
    type: Type,
  ): Promise<RoomEvent & { readonly event: Type }> {
    const event = await this.events.next();
    assert(event.event === type, `${Deno.inspect(event)} is not ${type}`);
    return event as RoomEvent & { readonly event: Type };
  }

  /** Returns the text of the next event, which must be a message. */
  async text(): Promise<string> {
    return (await this.event("message")).text;
  }

  /** Asserts that the room still shows a member's messages, and that it showed no other event before. */
  async assertStillHears(puppet: Puppet, epoch = 1000): Promise<void> {
    const chain = await puppet.chain(0, epoch);
    await this.says(puppet, await chain.skdm(this.target), await chain.msg("still here"));
    assertEquals(await this.text(), "still here");
  }

  /** Lets time pass with a live connection. */
  async pass(ms: number): Promise<void> {
    await this.relay.taken();
    for (let left = ms; left > 0; left -= 10_000) {
      this.clock.advance(Math.min(left, 10_000));
      await this.relay.settle();
    }
  }

  /** Ends the host and the room, and asserts that no timer is left. */
  async close(): Promise<void> {
    await this.relay.announced();
    await this.relay.settle();
    await this.relay.close();
    await this.ran.catch(() => {});
    this.room.end("not-delivered");
    assertEquals(this.clock.timers, 0, "timers are left");
  }
}
