import { type Bytes, equal, toHex, utf8 } from "../bytes/mod.ts";
import type { Channel } from "../channel/mod.ts";
import { type Clock, deadline, systemClock } from "../clock.ts";
import type { Identity } from "../crypto/mod.ts";
import { type Code, LanchatError, RoomError } from "../errors.ts";
import { type LeaveReason, type MessageKind, warning } from "../session_events.ts";
import {
  BodyKind,
  CloseReason,
  HOST_SESSION,
  type HostEnvelope,
  MAX_TEXT_BYTES,
  MemberChange,
  nameProblem,
  ObjectType,
  statusProblem,
} from "../wire/mod.ts";
import { Announcer } from "./announcer.ts";
import { Bans, Decisions } from "./decisions.ts";
import { Events, type RoomEvent } from "./events.ts";
import { SerialQueues } from "./serial_queue.ts";
import { Link, type NamedChange, type NamedSession } from "./link.ts";
import { Naming } from "./naming.ts";
import type { Outgoing } from "./outbox.ts";
import { LOST_AFTER_MS, type Member, type Peer, type Present, type Trust } from "./peer.ts";
import { Receiver } from "./receiver.ts";
import { ANSWER_MS, Recovery } from "./recovery.ts";
import { MOVE_MS, Roster } from "./roster.ts";
import { Sender } from "./sender.ts";
import type { SessionKeys } from "./session_keys.ts";
import { Timers } from "./timers.ts";
import { Unannounced } from "./unannounced.ts";

/** What may be in an envelope. */
const OBJECT_TYPES: ReadonlySet<number> = new Set(Object.values(ObjectType));

/** What a member brings into a room. */
export interface RoomOptions {
  /** Who the member is. */
  readonly identity: Identity;
  /** Its first name, as `nameProblem` allows it. */
  readonly name: string;
  /** Its session, 16 bytes. */
  readonly session: Bytes;
  /** What it follows from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The host's identity key, 32 bytes: what it decides counts. */
  readonly hostKey: Bytes;
  /** Proves that the member holds the room's secret, 32 bytes. */
  readonly memberKey: Bytes;
  /** The keys that others wrap theirs for. */
  readonly keys: SessionKeys;
  /** Whose messages and statuses are not told of, by identity key; who is here, and by which name, always is. */
  readonly ignores?: (key: Bytes) => boolean;
  /** What a member is under its name, without the tag; asked when it comes and when it takes another. */
  readonly trust?: (member: { readonly key: Bytes; readonly name: string }) => Trust;
  /** Takes what happens, in order. */
  readonly emit: (event: RoomEvent) => void;
  /** Resolves when what was emitted has been shown: nothing more is taken from the host before. */
  readonly shown?: () => Promise<void>;
  /** What the host has decided, kept over the sessions of a program; by default nothing is known. */
  readonly bans?: Bans;
  /** After so many that came and went this member begins another session; 65,536 by default. */
  readonly maxBurned?: number;
  /** How long a message waits for a first reader, in milliseconds. */
  readonly waitMs?: number;
  /** The time. */
  readonly clock?: Clock;
}

/**
 * A member's end-to-end side: who is there, who may read, and what is said. What passes the host is
 * sealed here and opened here. See PROTOCOL.md §6.
 */
export class Room {
  readonly #options: RoomOptions;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #queues = new SerialQueues();
  readonly #decisions: Decisions;
  readonly #events: Events;
  readonly #roster: Roster;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #recovery: Recovery;
  readonly #receiver: Receiver;
  readonly #naming: Naming;
  readonly #announcer: Announcer;
  readonly #unannounced: Unannounced;
  #insiders: Set<string> | undefined;
  #return: Return | undefined;
  #status = "";
  #ended = false;

  /** Prepares to enter a room; `run` enters it. */
  constructor(options: RoomOptions) {
    this.#options = options;
    this.#decisions = new Decisions({
      hostKey: options.hostKey,
      roomId: options.roomId,
      bans: options.bans ?? new Bans(),
      queue: this.#queues.queue(),
      onRemoved: (key, reason) => {
        for (const peer of this.#roster) {
          if (equal(peer.key, key)) this.#leave(peer, reason);
        }
      },
    });
    this.#clock = options.clock ?? systemClock;
    this.#timers = new Timers(this.#clock);
    this.#events = new Events({ ...options, onFull: () => this.#open() });
    this.#roster = new Roster({
      me: options,
      hostKey: options.hostKey,
      queues: this.#queues,
      clock: this.#clock,
      maxBurned: options.maxBurned,
    });
    this.#link = new Link(options.roomId, {
      seated: () => void this.#announcer.enter(),
      roster: (entries, restarted) => this.#onRoster(entries, restarted),
      member: (record) => this.#onMember(record),
      envelope: (envelope) => this.#onEnvelope(envelope),
      acknowledged: (accepted, delivered, reached) => {
        this.#sender.delivery.acknowledged(accepted, delivered, reached);
        this.#recovery.answerMore();
        this.#sender.pump();
      },
      behind: (sessions) => this.#sender.delivery.tellBehind(new Set(sessions.map(toHex))),
      opened: () => {
        options.keys.release();
        if (this.#return !== undefined) this.#return.opened = true;
        this.#recovery.waitAnew();
        this.#showReturn();
        this.#sender.pump();
      },
      settled: async () => {
        await this.#queues.settled();
        await options.shown?.();
      },
    }, this.#clock);
    this.#sender = new Sender({
      author: options,
      link: this.#link,
      roster: this.#roster,
      clock: this.#clock,
      waitMs: options.waitMs ?? 0,
    });
    this.#recovery = new Recovery({
      link: this.#link,
      roster: this.#roster,
      delivery: this.#sender.delivery,
      clock: this.#clock,
    }, {
      take: (peer, object, again) => this.#take(peer, object, again),
      late: (peer) => this.#do(peer, 0, () => this.#recovery.conclude(peer)),
      concluded: () => this.#showReturn(),
    });
    this.#receiver = new Receiver({
      self: options,
      roster: this.#roster,
      events: this.#events,
      clock: this.#clock,
      caughtUp: () => this.#link.open,
      keepMs: () => this.#link.keepMs,
      onUnread: (peer) => {
        if (this.#return !== undefined && peer.since >= this.#return.since) {
          this.#return.unread.add(peer);
        }
      },
      onLeft: (peer) => this.#takeLeave(peer),
    });
    this.#naming = new Naming({
      self: options,
      name: options.name,
      roster: this.#roster,
      events: this.#events,
      clock: this.#clock,
      trust: options.trust,
      onWithheld: (peer) => this.#sender.expireHeldBy(peer),
    });
    this.#unannounced = new Unannounced({
      events: this.#events,
      link: this.#link,
      clock: this.#clock,
    });
    this.#announcer = new Announcer({
      self: options,
      naming: this.#naming,
      roster: this.#roster,
      link: this.#link,
      clock: this.#clock,
      onAnswered: () => this.#becomeReady(),
    });
  }

  /** The others whose ANNOUNCE came, in the order in which they joined. */
  get members(): Present[] {
    return this.#roster.announced().map((peer) => peer.member!);
  }

  /** Sessions that have not announced themselves within 10 s; members give them no keys. */
  get strangers(): Present[] {
    return this.#roster.strangers();
  }

  /** Whether the host has ever let this member in, and said who is there. */
  get entered(): boolean {
    return this.#roster.known;
  }

  /** Oneself, as others see it. */
  get me(): Member {
    return this.#naming.me;
  }

  /**
   * Serves a connection to the room until it ends. The next call goes on where the one before ended, if
   * the host has kept this member's place, or another process of the same host has taken the room over.
   *
   * @returns Why the host closed it: one of `CloseReason`.
   * @throws {LanchatError} If the host refuses, breaks the protocol, or the connection is lost; with code
   * `seat-lost` if it has not kept the place, or so many have come and gone that this session can take in
   * nobody new: only another room, with another session, can go on.
   */
  async run(channel: Channel): Promise<number> {
    if (this.#roster.known) {
      this.#return ??= {
        before: this.#events.messages,
        since: this.#clock.elapsed(),
        unread: new Set(),
        opened: false,
        restarted: false,
      };
    }
    if (this.#return !== undefined) this.#return.opened = false;
    await this.#naming.prepare();
    try {
      return await this.#link.run(channel);
    } finally {
      if (!this.#ended) this.#options.keys.hold(this.#link.keepMs);
    }
  }

  /**
   * Finds one of the others; of several sessions with one key the first.
   *
   * @param name Its name as shown, `name#tag`, or its key in base64url.
   * @throws {RoomError} `no-such-member`
   */
  find(name: string): Present {
    const called = this.#roster.called(name);
    const keys = new Set(called.map(({ key }) => toHex(key)));
    return only(keys.size === 1 ? called.slice(0, 1) : called).member!;
  }

  /**
   * The others and the strangers, with those marked who have not got what was said to them last. That is the host's word;
   * without it (no connection, or no answer in 2 s) whoever may lack something is marked.
   */
  async who(): Promise<Present[]> {
    const behind = await this.#sender.delivery.findBehind();
    const members = this.#roster.announced().map((peer) => ({
      ...peer.member!,
      ...behind.has(peer) && { behind: true as const },
    }));
    return [...members, ...this.strangers];
  }

  /** Resolves when another message can be taken. */
  writable(): Promise<void> {
    return this.#sender.writable();
  }

  /**
   * Sends a message; resolves once the host has it and the keys to it, for everybody it is for. What it
   * resolves to tells later whether everybody has it or is gone.
   *
   * @param text 1 to 16,384 bytes of UTF-8.
   * @param options `to` names one member, as for {@linkcode Room.find}.
   * @throws {RoomError} `empty-message`, `message-too-long`, `no-such-member`, `nobody-here`,
   * `key-withheld` where nobody it is for is given a key, or `not-delivered`.
   */
  async say(
    text: string,
    options: { kind?: MessageKind; to?: string | undefined } = {},
  ): Promise<{ readonly delivered: Promise<readonly Member[] | undefined> }> {
    const body = utf8(text);
    if (body.length === 0) throw new RoomError("empty-message", "Cannot send an empty message");
    if (body.length > MAX_TEXT_BYTES) {
      throw new RoomError(
        "message-too-long",
        `Cannot send message as it has ${body.length} bytes: ${MAX_TEXT_BYTES} are allowed`,
      );
    }
    const to = options.to === undefined ? undefined : only(this.#roster.called(options.to));
    const kind = options.kind === "action" ? BodyKind.ACTION : BodyKind.TEXT;
    const { delivered, done } = this.#sender.send({ kind, body, to });
    await done.promise;
    return { delivered: delivered.promise };
  }

  /**
   * Takes another name; the newest of those who have it is shown with a tag.
   *
   * @param name 1 to 48 bytes, as `nameProblem` allows it.
   * @returns Resolves when everybody here is told of it.
   * @throws {RoomError} `bad-name`, or `not-delivered` after the end.
   */
  async rename(name: string): Promise<void> {
    const problem = nameProblem(name);
    if (problem !== undefined) {
      throw new RoomError("bad-name", `Cannot take the name as ${problem}`);
    }
    await this.#announcer.turn();
    if (this.#ended) throw new RoomError("not-delivered", "Cannot take another name after the end");
    const before = this.me.name;
    if (name !== this.#naming.name) {
      this.#naming.rename(name);
      this.#options.keys.countOn();
      await this.#announcer.sendDue();
      if (this.#ended) throw new RoomError("not-delivered", "Cannot take a name after the end");
    }
    this.#events.emit({ event: "renamed", member: this.me, before, own: true });
    this.#naming.warn();
  }

  /**
   * Tells everybody here, and who comes later, how one is; resolves once the host has it.
   *
   * @param text At most 200 bytes of UTF-8 in one line; empty to take it back.
   * @throws {RoomError} `bad-status`, or as for {@linkcode Room.say}.
   */
  async setStatus(text: string): Promise<void> {
    const problem = statusProblem(text);
    if (problem !== undefined) {
      throw new RoomError("bad-status", `Cannot tell status as ${problem}`);
    }
    this.#status = text;
    await this.#sendStatus(undefined).done.promise;
    this.#events.emit({ event: "status", member: this.me, text, own: true });
  }

  /**
   * Gives up the keys in use: what one says from now on is sealed with others, and others wrap theirs
   * for another session key.
   *
   * @returns Resolves when everybody here is told of that.
   */
  async rekey(): Promise<void> {
    this.#sender.expireAll();
    await this.#announcer.renew();
  }

  /** Who may read while the room is locked, by key in hexadecimal digits; `undefined` where it is not. */
  get insiders(): ReadonlySet<string> | undefined {
    return this.#insiders;
  }

  /**
   * From now on, nobody with another key can read what is said here.
   *
   * @param insiders Who can, as {@linkcode Room.insiders} gives them; by default {@linkcode Room.members}.
   */
  lock(insiders?: ReadonlySet<string>): void {
    this.#insiders ??= new Set(insiders ?? this.#roster.announced().map(({ key }) => toHex(key)));
    for (const peer of this.#roster) peer.lockedOut = !this.#insiders.has(toHex(peer.key));
  }

  /** Lets everybody read again. */
  unlock(): void {
    this.#insiders = undefined;
    this.#letRead([...this.#roster]);
  }

  /** Lets an identity read that came after {@linkcode Room.lock}. */
  admit(key: Bytes): void {
    this.#insiders?.add(toHex(key));
    this.#letRead([...this.#roster].filter((peer) => equal(peer.key, key)));
  }

  /** Asks anew what everybody here is, as what is known of others has changed. */
  judgeAnew(): void {
    const before = this.#roster.readers();
    this.#naming.judgeAnew();
    this.#welcome(before);
  }

  #letRead(peers: readonly Peer[]): void {
    const before = this.#roster.readers();
    for (const peer of peers) peer.lockedOut = false;
    this.#welcome(before);
  }

  /**
   * Leaves: tells the others behind what waits to be sent, and ends `run`.
   *
   * @param farewellMs How long the host may take to have it all, in milliseconds.
   */
  async leave(farewellMs = 1000): Promise<void> {
    if (this.#events.ready && !this.#ended && this.#link.open) {
      const goodbye = this.#sender.send({
        kind: BodyKind.LEAVE,
        body: new Uint8Array(),
        to: undefined,
      });
      await deadline(this.#clock, farewellMs, goodbye.done.promise.catch(() => {}));
    }
    await this.#link.close();
  }

  /** Gives everything up that is not sent and every key. @param code Of the messages that nobody has got. */
  end(code: Code): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#announcer.end();
    this.#unannounced.end();
    this.#sender.end(code);
    this.#timers.clear();
    this.#roster.clear();
    this.#recovery.end();
    this.#options.keys.close();
  }

  // Who is there.

  #onRoster(entries: readonly NamedSession[], restarted: boolean): void {
    for (const entry of entries) this.#meet(entry, restarted || !this.#roster.known);
    this.#roster.complete();
    if (restarted) this.#move(entries);
    void this.#announcer.sendDue();
  }

  /** Another process has the room now, and nothing of what the one before had queued. */
  #move(entries: readonly NamedSession[]): void {
    this.#roster.moved(this.#link.keepMs);
    this.#timers.after("moved", MOVE_MS, () => this.#sender.pump());
    this.#recovery.stopAnsweringAll();
    if (this.#return !== undefined) this.#return.restarted = true;
    const here = new Map(entries.map((entry) => [toHex(entry.session), entry]));
    for (const peer of this.#roster) {
      if (peer.gone) continue;
      if (peer.announced !== undefined) this.#sender.delivery.owe(peer, Infinity);
      const entry = here.get(peer.id);
      if (entry !== undefined) this.#arrive(peer, entry.away);
      else this.#miss(peer);
    }
    this.#sender.delivery.left();
  }

  /** A member that was at the host before has not come to this one yet. */
  #miss(peer: Peer): void {
    if (peer.absent) return; // Its time began at the process before.
    this.#roster.setAbsent(peer, true);
    peer.away = false;
    this.#recovery.stopAwaitingQuestion(peer);
    this.#do(peer, 0, () => this.#announcer.answered(peer));
    const { keepMs } = this.#link;
    if (keepMs < LOST_AFTER_MS) return this.#awaitReturn(peer, keepMs);
    this.#timers.after(`absent ${peer.id}`, LOST_AFTER_MS, () => {
      this.#do(peer, 0, () => this.#showLost(peer));
      this.#awaitReturn(peer, keepMs - LOST_AFTER_MS);
    });
  }

  #awaitReturn(peer: Peer, ms: number): void {
    this.#timers.after(`absent ${peer.id}`, ms, () => {
      // That it has come may wait at the host for the connection to be back.
      if (this.#link.open) this.#leave(peer, "connection-lost");
      else this.#awaitReturn(peer, ANSWER_MS);
    });
  }

  /** A member that was at the host before is at this one: what the one before lost is asked for. */
  #arrive(peer: Peer, away: boolean): void {
    this.#roster.setAbsent(peer, false);
    peer.away = away;
    this.#timers.cancel(`absent ${peer.id}`);
    this.#recovery.ask(peer);
    this.#recovery.awaitQuestion(peer);
    this.#do(peer, 0, () => {
      if (peer.away) this.#showLost(peer);
      else if (!peer.absent) this.#showBack(peer);
    });
    this.#sender.pump();
  }

  #onMember(record: NamedChange): void {
    const { change, reason, session } = record;
    const peer = this.#roster.get(session);
    switch (change) {
      case MemberChange.JOINED:
        if (peer?.absent) this.#arrive(peer, false);
        else this.#meetOne({ ...record, away: false });
        break;
      case MemberChange.LEFT:
        if (peer === undefined) break;
        peer.named = undefined;
        this.#go(peer, reason);
        break;
      case MemberChange.AWAY:
        if (peer === undefined) break;
        peer.away = true;
        this.#do(peer, 0, () => {
          this.#showLost(peer);
          this.#announcer.answered(peer);
        });
        this.#sender.delivery.left();
        break;
      case MemberChange.BACK:
        if (peer === undefined) break;
        peer.away = false;
        this.#do(peer, 0, () => this.#showBack(peer));
        break;
    }
  }

  /** A member has left, or the relay has ended its seat. */
  #go(peer: Peer, reason: number): void {
    if (reason !== CloseReason.KICKED && reason !== CloseReason.BANNED) {
      return this.#leave(peer, leaveReason(reason));
    }
    // That the host wanted it, it has signed before; should that be missing, the member is gone all the same.
    this.#revoke(peer);
    void this.#decisions.obeyed.then(() => this.#leave(peer, "connection-lost"));
  }

  /** Meets one that the host did not name together with others. */
  #meetOne(entry: NamedSession, lingers = false): void {
    this.#meet(entry, false, lingers);
    this.#roster.check.changed();
  }

  #meet(entry: NamedSession, earlier: boolean, lingers = false): void {
    if (this.#decisions.bans(entry.key)) return;
    const leaving = this.#roster.get(entry.session);
    if (leaving?.gone) leaving.named = entry;
    const peer = this.#roster.admit(entry, earlier);
    if (peer === undefined) return;
    peer.lingers = lingers;
    this.#unannounced.named(peer);
    peer.lockedOut = this.#insiders?.has(toHex(entry.key)) === false;
    // It may have been at the host before, and think that it has told this member of itself.
    if (this.#roster.moving && !peer.burned) this.#recovery.ask(peer);
  }

  #showLost(peer: Peer): void {
    if (!peer.shown || peer.gone || peer.lostShown) return;
    peer.lostShown = true;
    this.#events.emit({ event: "lost", member: peer.member! });
  }

  #showBack(peer: Peer): void {
    if (!peer.lostShown || peer.gone) return;
    peer.lostShown = false;
    this.#events.emit({ event: "back", member: peer.member! });
  }

  #disappear(peer: Peer, reason: LeaveReason): void {
    if (!peer.shown) return;
    peer.shown = false;
    this.#events.emit({ event: "left", member: peer.member!, reason });
  }

  /** Sees to it that a member that is gone can read nothing that is sealed from now on. */
  #revoke(peer: Peer): void {
    this.#roster.leave(peer);
    this.#recovery.stopAnswering(peer);
    this.#sender.revoke(peer);
  }

  /** A member is gone; its last messages are still to be shown. */
  #leave(peer: Peer, reason: LeaveReason): void {
    this.#revoke(peer);
    this.#do(peer, 0, async () => {
      await this.#recovery.conclude(peer);
      this.#part(peer, reason);
    });
  }

  /** A member has said that it leaves. As long as the host names its session, somebody is there. */
  #takeLeave(peer: Peer): void {
    const named = !peer.gone && !peer.absent;
    this.#part(peer, "left");
    if (named) this.#meetOne(peer, true);
  }

  #part(peer: Peer, reason: LeaveReason): void {
    if (!this.#roster.has(peer)) return;
    this.#revoke(peer);
    this.#roster.remove(peer);
    if (peer.named !== undefined) this.#meetOne(peer.named);
    this.#timers.cancel(`absent ${peer.id}`);
    this.#recovery.stopAwaitingQuestion(peer);
    this.#sender.delivery.owe(peer, undefined);
    this.#announcer.answered(peer);
    if (peer.announced === undefined) return this.#unannounced.left(peer);
    this.#disappear(peer, reason);
    if (reason === "kicked" || reason === "banned") this.#showRekeyed(peer);
    this.#sender.pump();
  }

  /** Says that there are new keys, once all sessions of an identity are gone that the host has removed. */
  #showRekeyed({ key }: Peer): void {
    const others = [...this.#roster].some((other) => equal(other.key, key));
    if (!others) this.#events.emit({ event: "rekeyed" });
  }

  /** Everybody has answered, or has had the time to. */
  #becomeReady(): void {
    if (this.#ended) return;
    this.#open();
    this.#sender.start();
  }

  #open(): void {
    this.#events.open(() => this.#showReady());
  }

  #showReady(): void {
    const earlier = this.#roster.announced().filter((peer) => peer.earlier);
    for (const peer of earlier) {
      peer.shown = true;
      peer.lostShown = peer.away || peer.absent;
    }
    const members = earlier.map((peer) => peer.member!);
    this.#events.emit({ event: "ready", me: this.me, members });
    this.#naming.showEarlier(earlier);
  }

  // What arrives.

  #onEnvelope({ from, object }: HostEnvelope): void {
    if (equal(from, HOST_SESSION)) return this.#decisions.take(object);
    const peer = this.#roster.get(from);
    if (peer === undefined || peer.burned || !OBJECT_TYPES.has(object[0]!)) return;
    const { obeyed } = this.#decisions;
    const announces = object[0] === ObjectType.ANNOUNCE ? 1 : 0;
    peer.announcements += announces;
    const taken = (): void => {
      peer.announcements -= announces;
    };
    this.#do(peer, object.length, async () => {
      taken();
      await obeyed; // Whoever is banned says nothing any more.
      if (this.#roster.has(peer)) await this.#recovery.receive(peer, object);
    }, taken);
  }

  /**
   * Does something in a peer's queue; what no honest member sends is dropped there.
   *
   * @param dropped Called if there is no room for it.
   */
  #do(
    peer: Peer,
    bytes: number,
    work: () => Promise<void> | void,
    dropped?: () => void,
  ): void {
    peer.queue.push(bytes, async () => {
      try {
        if (!this.#ended) await work();
      } catch (error) {
        if (error instanceof LanchatError) return;
        const message = `Cannot take what a member sent: ${error}`;
        this.#events.emit(warning("internal", message));
      }
    }, dropped);
  }

  /** Takes an object. @param again Whether it was sent again, and need not be for this member. */
  async #take(peer: Peer, object: Bytes, again: boolean): Promise<void> {
    if (!this.#roster.has(peer)) return;
    switch (object[0]) {
      case ObjectType.ANNOUNCE:
        return await this.#takeAnnouncement(peer, object);
      case ObjectType.SKDM:
        return await this.#receiver.takeKey(peer, object);
      case ObjectType.MSG:
        return await this.#receiver.takeMessage(peer, object, again);
    }
  }

  async #takeAnnouncement(peer: Peer, object: Bytes): Promise<void> {
    const { announced, nameTaken } = await this.#announcer.check(peer, object);
    if (!this.#roster.has(peer)) return;
    const isNew = peer.announced === undefined;
    this.#unannounced.announced(peer);
    this.#naming.learn(peer, announced, nameTaken); // That it is here is told before it is given a key.
    await this.#announcer.sendDue();
    if (isNew && this.#status !== "") this.#sendStatus(peer);
    this.#announcer.answered(peer);
    this.#sender.pump();
  }

  /** Says that the connection is back, once all that was missed has been shown. */
  #showReturn(): void {
    if (this.#return === undefined || !this.#return.opened) return;
    if ([...this.#roster].some(({ question }) => question !== undefined)) return;
    const { before, restarted } = this.#return;
    const unread = [...this.#return.unread].flatMap(({ member }) => member?.name ?? []);
    this.#return = undefined;
    const missed = this.#events.messages - before;
    this.#events.emit({
      event: "reconnected",
      missed,
      restarted,
      ...unread.length > 0 && { unread },
    });
  }

  /** Tells those who can read now how this member is, and sends what waited for a reader. */
  #welcome(before: readonly Peer[]): void {
    for (const peer of this.#roster.readers()) {
      if (!before.includes(peer) && this.#status !== "") this.#sendStatus(peer);
    }
    this.#sender.pump();
  }

  /** Sends the own status to the room, or to one who came later. */
  #sendStatus(to: Peer | undefined): Outgoing {
    return this.#sender.send({ kind: BodyKind.STATUS, body: utf8(this.#status), to });
  }
}

/** A connection after the first, until it is said to be back. */
interface Return {
  /** How many messages were told before it. */
  readonly before: number;
  /** When the first try began, as `Clock.elapsed` counts. */
  readonly since: number;
  /** Members that joined meanwhile and said something: they had no key of this one to wrap theirs for. */
  readonly unread: Set<Peer>;
  /** Whether all has arrived that had waited for it. */
  opened: boolean;
  /** Whether another host process has taken the room over. */
  restarted: boolean;
}

/** @throws {RoomError} `no-such-member` unless there is exactly one. */
function only([first, ...others]: readonly Peer[]): Peer {
  if (first !== undefined && others.length === 0) return first;
  throw new RoomError(
    "no-such-member",
    first === undefined
      ? "Cannot find the member as nobody here has that name"
      : "Cannot find the member as several here have that name",
  );
}

function leaveReason(reason: number): LeaveReason {
  switch (reason) {
    case CloseReason.LEAVING:
      return "left";
    case CloseReason.TOO_SLOW:
      return "too-slow";
    default:
      return "connection-lost";
  }
}
