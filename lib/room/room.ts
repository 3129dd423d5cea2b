import { type Bytes, concat, equal, toBase64Url, toHex, utf8 } from "../bytes/mod.ts";
import type { Channel } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  hmac,
  hmacVerify,
  type Identity,
  isModulus,
  keyTag,
  label,
  SESSION_KEY_BITS,
  Verifier,
  WrapKey,
} from "../crypto/mod.ts";
import { type Code, LanchatError, RoomError, WireError } from "../errors.ts";
import {
  Audience,
  type BatchItem,
  BodyKind,
  CloseReason,
  decodeAgain,
  decodeAnnounce,
  decodeBatch,
  decodeMsg,
  decodeNeed,
  decodeSkdm,
  decodeStatus,
  decodeText,
  encodeAgain,
  encodeAnnounceHead,
  encodeBatch,
  encodeNeed,
  EnvelopeClass,
  HOST_SESSION,
  type HostEnvelope,
  type HostRecord,
  type Inner,
  MAX_ROSTER_ENTRIES,
  MAX_TEXT_BYTES,
  MemberChange,
  type MemberEnvelope,
  nameProblem,
  ObjectType,
  type RosterEntry,
  statusProblem,
} from "../wire/mod.ts";
import { Agreement } from "./agreement.ts";
import { type Author, ReceivingChain, refused, SendingChain } from "./chain.ts";
import { Lanes } from "./lanes.ts";
import { ABSENT_MS, Link, WINDOW_BYTES } from "./link.ts";
import { imitates, sameName, shownName } from "./names.ts";
import { isText, type NewOutgoing, Outbox, type Outgoing } from "./outgoing.ts";
import { type Member, Peer, type Present, rosterHash, type Trust } from "./peer.ts";
import { type Held, Question } from "./question.ts";
import { Decisions } from "./decisions.ts";
import type { SessionKeys } from "./session_keys.ts";

/** How long the first ANNOUNCE of a member is waited for, in milliseconds. */
export const SILENT_AFTER_MS = 10_000;

/** How long the host may take to tell who is behind, in milliseconds. */
const BEHIND_MS = 2000;

/** Messages of one epoch. */
const MAX_EPOCH_MESSAGES = 16_384;

/** Age of an epoch, in milliseconds. */
const MAX_EPOCH_MS = 3_600_000;

/** Least time between two epochs of one audience, in milliseconds. */
const MIN_EPOCH_MS = 1000;

/** Silence after which one heartbeat shows whether the last messages arrived, in milliseconds. */
const HEARTBEAT_AFTER_MS = 30_000;

/** What `to` is taken for a key by: a name that looks like one never gets what is meant for the key. */
const KEY = /^[\w-]{43}$/;

/** A clock further off than this is not believed, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 600_000;

/** Sessions that have left and may not come back; beyond them nobody new is taken in. */
const MAX_BURNED = 65_536;

/** How long a member may take to send again what it was asked for, in milliseconds. */
const ANSWER_MS = 10_000;

/** Events that are held before `ready` until whoever causes more has to wait. */
const MAX_HELD = 256;

/** Sender keys of one member that may be wrong, one after the other. */
const MAX_BAD_KEYS = 8;

/** Least time between two announcements that a person asks for, in milliseconds: others take them no faster. */
const MIN_ANNOUNCE_MS = 1000;

/** What may be in an envelope. */
const OBJECT_TYPES: ReadonlySet<number> = new Set(Object.values(ObjectType));

/** Sender keys that are wrapped side by side. */
const WRAPS_AT_ONCE = 8;

/** Why a member is gone. */
export type LeaveReason = "left" | "connection-lost" | "kicked" | "banned" | "too-slow";

/** What happens in a room. */
export type RoomEvent =
  | { readonly type: "ready"; readonly me: Member; readonly members: readonly Present[] }
  | { readonly type: "joined"; readonly member: Member }
  | { readonly type: "left"; readonly member: Member; readonly reason: LeaveReason }
  /** The host has removed somebody: what is said from now on is sealed with new keys. */
  | { readonly type: "rekeyed" }
  | { readonly type: "lost"; readonly member: Present }
  | { readonly type: "back"; readonly member: Present }
  | {
    readonly type: "renamed";
    readonly member: Member;
    /** Its name before, as it was shown. */
    readonly before: string;
    /** Whether it is oneself. */
    readonly own: boolean;
  }
  | {
    readonly type: "status";
    readonly member: Member;
    /** How it says it is, in one line; empty where it takes that back. */
    readonly text: string;
    /** Whether it is oneself. */
    readonly own: boolean;
  }
  | {
    /** A member has the name of somebody who is known, and another key. */
    readonly type: "key-changed";
    readonly member: Member;
    /** Whether it therefore gets no key. */
    readonly withheld: boolean;
  }
  | { readonly type: "gap"; readonly member: Member; readonly missing: number }
  | { readonly type: "reconnected"; readonly missed: number; readonly restarted: boolean }
  | {
    readonly type: "message";
    readonly from: Member;
    readonly text: string;
    readonly kind: "text" | "action";
    readonly private: boolean;
    readonly at: number;
  }
  | { readonly type: "warning"; readonly code: Code; readonly message: string };

/** What a member brings into a room. */
export interface RoomOptions {
  /** Who the member is. */
  readonly identity: Identity;
  /** Its first name, as `nameProblem` allows it. */
  readonly name: string;
  /** Its session, 16 bytes. */
  readonly session: Bytes;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The host's identity key, 32 bytes: what it decides counts. */
  readonly hostKey: Bytes;
  /** Proves that the member holds the room's secret, 32 bytes. */
  readonly memberKey: Bytes;
  /** The keys that others wrap theirs for. */
  readonly keys: SessionKeys;
  /** Whose messages and statuses are not told of, by identity key; who is who, and here, always is. */
  readonly ignores?: (key: Bytes) => boolean;
  /** What a member is under its name, without the tag; asked when it comes and when it takes another. */
  readonly trust?: (member: { readonly key: Bytes; readonly name: string }) => Trust;
  /** Takes what happens, in order. */
  readonly emit: (event: RoomEvent) => void;
  /** Resolves when what was emitted has been shown: nothing more is taken from the host before. */
  readonly shown?: () => Promise<void>;
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
  readonly #author: Author;
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #lanes = new Lanes();
  readonly #outbox = new Outbox();
  readonly #peers = new Map<string, Peer>();
  readonly #burned = new Set<string>();
  readonly #decisions: Decisions;
  #insiders: Set<string> | undefined;
  readonly #chains = new Map<string, SendingChain>();
  readonly #epochs = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  readonly #timers = new Map<string, () => void>();
  readonly #agreement: Agreement;
  readonly #owed = new Set<Peer>();
  readonly #held: Held = { bytes: 0 };
  readonly #answers = new Map<Peer, Answer>();
  #acceptedUntil = 0;
  #deliveredUntil = 0;
  /** As that, but for what may have been lost with a host. */
  #settledUntil = 0;
  #behind: PromiseWithResolvers<ReadonlySet<Peer>> | undefined;
  #rounds = 0;
  #movedAt: number | undefined;
  #return: { missed: number; opened: boolean; restarted: boolean } | undefined;
  #joinedCount = 0;
  #name: string;
  #status = "";
  #tag = "";
  #tagged = false;
  #rosterKnown = false;
  #unanswered: Set<Peer> | undefined;
  #ready = false;
  #aloneSince: number | undefined;
  #pumping = false;
  #pumpAgain = false;
  #ended = false;
  #announceAt = -Infinity;
  #announcing: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<void>();
  readonly #readied = Promise.withResolvers<void>();
  readonly #early: RoomEvent[] = [];

  /** Prepares to enter a room; `run` enters it. */
  constructor(options: RoomOptions) {
    this.#options = options;
    this.#name = options.name;
    this.#author = options;
    this.#decisions = new Decisions({
      hostKey: options.hostKey,
      roomId: options.roomId,
      lane: this.#lanes.lane(),
      onRemoved: (key, reason) => {
        for (const peer of this.#peers.values()) {
          if (equal(peer.key, key)) this.#leave(peer, reason);
        }
      },
    });
    this.#clock = options.clock ?? systemClock;
    this.#agreement = new Agreement(() => {
      const { identity, roomId, session } = options;
      const me = { key: identity.publicKey, session };
      // Who is away cannot announce itself to those who come meanwhile; others here know it already.
      const others = [...this.#peers.values()].filter(({ announced, away, gone }) =>
        (announced !== undefined || away) && !gone
      );
      return rosterHash(roomId, [me, ...others]);
    }, this.#clock);
    this.#link = new Link({
      roster: (entries, restarted) => this.#onRoster(entries, restarted),
      member: (record) => this.#onMember(record),
      envelope: (envelope) => this.#onEnvelope(envelope),
      acknowledged: (accepted, delivered) => {
        this.#acceptedUntil = Math.max(this.#acceptedUntil, accepted);
        this.#deliveredUntil = Math.max(this.#deliveredUntil, delivered);
        this.#outbox.acknowledged(accepted);
        this.#settleDelivered();
        this.#answerMore();
        this.#pump();
      },
      behind: (sessions) => this.#tellBehind(new Set(sessions.map(toHex))),
      opened: () => {
        if (this.#return !== undefined) this.#return.opened = true;
        this.#waitAnew();
        this.#showReturn();
        this.#pump();
      },
      settled: async () => {
        await this.#lanes.settled();
        await options.shown?.();
      },
    }, this.#clock);
    options.keys.onRenewed = () => void (this.#announcing = this.#announceDue());
  }

  /** The others whose ANNOUNCE came, in the order in which they joined. */
  get members(): Present[] {
    return this.#announced().map((peer) => peer.member!);
  }

  /** Whether the host has ever let this member in, and said who is there. */
  get entered(): boolean {
    return this.#rosterKnown;
  }

  /** Oneself, as others see it. */
  get me(): Member {
    const { identity, session } = this.#options;
    const shown = shownName(this.#name, this.#tag, this.#tagged);
    return { name: shown, tag: this.#tag, key: identity.publicKey, session };
  }

  /**
   * Serves a connection to the room until it ends. The next call goes on where the one before ended, if
   * the host has kept this member's place, or another process of the same host has taken the room over.
   *
   * @returns Why the host closed it: one of `CloseReason`.
   * @throws {LanchatError} If the host refuses, breaks the protocol, or the connection is lost; with code
   * `seat-lost` if it has not kept the place: only another room, with another session, can go on.
   */
  async run(channel: Channel): Promise<number> {
    if (this.#rosterKnown) this.#return ??= { missed: 0, opened: false, restarted: false };
    if (this.#return !== undefined) this.#return.opened = false;
    this.#tag = await keyTag(this.#options.identity.publicKey);
    return await this.#link.run(channel);
  }

  /**
   * Finds one of the others; of several sessions with one key the first.
   *
   * @param name Its name as shown, `name#tag`, or its key in base64url.
   * @throws {RoomError} `no-such-member`
   */
  find(name: string): Present {
    const called = this.#called(name);
    const keys = new Set(called.map(({ key }) => toHex(key)));
    return only(keys.size === 1 ? called.slice(0, 1) : called).member!;
  }

  /**
   * The others, with those marked who have not got what was said to them last. That is the host's word;
   * without it (no connection, or no answer in 2 s) whoever may lack something is marked.
   */
  async who(): Promise<Present[]> {
    const behind = await this.#findBehind();
    return this.#announced().map((peer) => ({
      ...peer.member!,
      ...behind.has(peer) && { behind: true },
    }));
  }

  /** Resolves when another message can be taken. */
  writable(): Promise<void> {
    return this.#outbox.writable();
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
    options: { kind?: "text" | "action"; to?: string | undefined } = {},
  ): Promise<{ readonly delivered: Promise<boolean> }> {
    const body = utf8(text);
    if (body.length === 0) throw new RoomError("empty-message", "Cannot send an empty message");
    if (body.length > MAX_TEXT_BYTES) {
      throw new RoomError(
        "message-too-long",
        `Cannot send message as it has ${body.length} bytes: ${MAX_TEXT_BYTES} are allowed`,
      );
    }
    const to = options.to === undefined ? undefined : only(this.#called(options.to));
    const kind = options.kind === "action" ? BodyKind.ACTION : BodyKind.TEXT;
    const { delivered, done } = this.#send({ kind, body, to });
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
    await this.#turnToAnnounce();
    if (this.#ended) throw new RoomError("not-delivered", "Cannot take another name after the end");
    const before = this.me.name;
    if (name !== this.#name) {
      this.#name = name;
      this.#tagged = this.#announced().some((peer) => this.#clashes(peer));
      this.#options.keys.countOn();
      await this.#announceDue();
      if (this.#ended) throw new RoomError("not-delivered", "Cannot take a name after the end");
    }
    this.#emit({ type: "renamed", member: this.me, before, own: true });
    if (imitates(name)) this.#warnNameMisleading();
    if (this.#tagged) this.#warnNameTaken();
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
    this.#emit({ type: "status", member: this.me, text, own: true });
  }

  /**
   * Gives up the keys in use: what one says from now on is sealed with others, and others wrap theirs
   * for another session key.
   *
   * @returns Resolves when everybody here is told of that.
   */
  async rekey(): Promise<void> {
    for (const chain of this.#chains.values()) chain.stale = true;
    await this.#turnToAnnounce();
    await this.#options.keys.renew();
    await this.#announcing;
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
    this.#insiders ??= new Set(insiders ?? this.#announced().map(({ key }) => toHex(key)));
    for (const peer of this.#peers.values()) peer.lockedOut = !this.#insiders.has(toHex(peer.key));
  }

  /** Lets everybody read again. */
  unlock(): void {
    this.#insiders = undefined;
    this.#letRead([...this.#peers.values()]);
  }

  /** Lets an identity read that came after {@linkcode Room.lock}. */
  admit(key: Bytes): void {
    this.#insiders?.add(toHex(key));
    this.#letRead([...this.#peers.values()].filter((peer) => equal(peer.key, key)));
  }

  #letRead(peers: readonly Peer[]): void {
    const before = this.#readers();
    for (const peer of peers) peer.lockedOut = false;
    this.#welcome(before);
  }

  /**
   * Leaves: tells the others behind what waits to be sent, and ends `run`.
   *
   * @param farewellMs How long the host may take to have it all, in milliseconds.
   */
  async leave(farewellMs = 1000): Promise<void> {
    if (this.#ready && !this.#ended && this.#link.open) {
      const goodbye = this.#send({ kind: BodyKind.LEAVE, body: new Uint8Array(), to: undefined });
      const late = Promise.withResolvers<void>();
      const cancel = this.#clock.after(farewellMs, late.resolve);
      await Promise.race([goodbye.done.promise.catch(() => {}), late.promise]);
      cancel();
    }
    await this.#link.close();
  }

  /** Gives everything up that is not sent and every key. @param code Of the messages that nobody has got. */
  end(code: Code): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#over.resolve();
    this.#tellBehind(undefined);
    this.#outbox.refuseAll(code, "the connection to the room has ended");
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#chains.clear();
    for (const peer of this.#peers.values()) peer.leave();
    this.#peers.clear();
    this.#answers.clear();
    this.#readied.resolve();
    this.#options.keys.close();
  }

  // Who is there.

  #onRoster(entries: readonly RosterEntry[], restarted: boolean): void {
    for (const entry of entries) this.#meet(entry, restarted || !this.#rosterKnown);
    this.#rosterKnown = true;
    if (restarted) this.#move(entries);
    void this.#announceDue();
  }

  /** Another process has the room now, and nothing of what the one before had queued. */
  #move(entries: readonly RosterEntry[]): void {
    this.#movedAt = this.#clock.elapsed();
    this.#answers.clear(); // Everybody asks anew.
    if (this.#return !== undefined) this.#return.restarted = true;
    const here = new Map(entries.map((entry) => [toHex(entry.session), entry]));
    for (const peer of this.#peers.values()) {
      if (peer.gone) continue;
      if (peer.announced !== undefined) {
        peer.owedUntil = Infinity;
        this.#owed.add(peer);
      }
      const entry = here.get(peer.id);
      if (entry !== undefined && equal(entry.key, peer.key)) this.#arrive(peer, entry.away);
      else this.#miss(peer);
    }
  }

  /** A member that was at the host before has not come to this one yet. */
  #miss(peer: Peer): void {
    peer.absent = true;
    this.#setAway(peer, false);
    this.#cancel(`owed ${peer.id}`);
    this.#do(peer, 0, () => this.#answered(peer));
    // Most come at once: to tell of each first that it is lost and then that it is back is no news.
    this.#after(`absent ${peer.id}`, ANSWER_MS, () => {
      this.#do(peer, 0, () => this.#showLost(peer));
      this.#awaitReturn(peer, ABSENT_MS - ANSWER_MS);
    });
  }

  #awaitReturn(peer: Peer, ms: number): void {
    this.#after(`absent ${peer.id}`, ms, () => {
      // That it has come may wait at the host for the connection to be back.
      if (this.#link.open) this.#leave(peer, "connection-lost");
      else this.#awaitReturn(peer, ANSWER_MS);
    });
  }

  /** A member that was at the host before is at this one: what the one before lost is asked for. */
  #arrive(peer: Peer, away: boolean): void {
    peer.absent = false;
    this.#setAway(peer, away);
    this.#cancel(`absent ${peer.id}`);
    this.#ask(peer);
    this.#awaitQuestion(peer);
    this.#do(peer, 0, () => {
      if (peer.away) this.#showLost(peer);
      else if (!peer.absent) this.#showBack(peer);
    });
    this.#pump();
  }

  #onMember({ change, reason, session, key }: Extract<HostRecord, { type: "member" }>): void {
    const peer = this.#peers.get(toHex(session));
    switch (change) {
      case MemberChange.JOINED:
        if (peer === undefined) this.#meet({ session, key, away: false }, false);
        else if (peer.absent && equal(peer.key, key)) this.#arrive(peer, false);
        break;
      case MemberChange.LEFT:
        if (peer !== undefined) this.#go(peer, reason);
        break;
      case MemberChange.AWAY:
        if (peer === undefined) break;
        this.#do(peer, 0, () => {
          this.#setAway(peer, true);
          this.#showLost(peer);
          this.#answered(peer);
        });
        break;
      case MemberChange.BACK:
        if (peer === undefined) break;
        this.#do(peer, 0, () => {
          this.#setAway(peer, false);
          this.#showBack(peer);
        });
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

  #meet(entry: RosterEntry, earlier: boolean): void {
    // What is said from there is the host's own word.
    if (this.#decisions.bans(entry.key) || equal(entry.session, HOST_SESSION)) return;
    const id = toHex(entry.session);
    // A room in which nobody new can be told from somebody of the past admits nobody any more.
    if (this.#burned.has(id) || this.#burned.size >= MAX_BURNED || this.#peers.has(id)) return;
    if (equal(entry.session, this.#options.session)) return;
    if (this.#peers.size >= MAX_ROSTER_ENTRIES) {
      throw new WireError(`Cannot take member as ${MAX_ROSTER_ENTRIES} are in the room already`);
    }
    const order = this.#joinedCount++;
    const peer = new Peer(entry, order, earlier, this.#lanes.lane(), this.#clock);
    peer.lockedOut = this.#insiders?.has(toHex(entry.key)) === false;
    this.#peers.set(id, peer);
    if (entry.away) this.#agreement.changed();
    // It may have been at the host before, and think that it has told this member of itself.
    if (this.#moving()) this.#ask(peer);
  }

  /** Whether those who were at the host before may still be on their way to this one. */
  #moving(): boolean {
    return this.#movedAt !== undefined && this.#clock.elapsed() - this.#movedAt < 2 * ABSENT_MS;
  }

  /** Shows a member that can be given keys from now on. Before `ready`, that shows who was earlier. */
  #appear(peer: Peer): void {
    if (peer.shown || peer.gone || peer.announced === undefined) return;
    if (!this.#ready && peer.earlier) return;
    peer.shown = true;
    this.#emit({ type: "joined", member: peer.member! });
    if (!peer.lockedOut) return;
    const message = `${peer.member!.name} came after you had locked the room, and cannot read you`;
    this.#emit({ type: "warning", code: "key-withheld", message });
  }

  #showLost(peer: Peer): void {
    if (!peer.shown || peer.gone || peer.lostShown) return;
    peer.lostShown = true;
    this.#emit({ type: "lost", member: peer.member! });
  }

  #showBack(peer: Peer): void {
    if (!peer.lostShown || peer.gone) return;
    peer.lostShown = false;
    this.#emit({ type: "back", member: peer.member! });
  }

  #disappear(peer: Peer, reason: LeaveReason): void {
    if (!peer.shown) return;
    peer.shown = false;
    this.#emit({ type: "left", member: peer.member!, reason });
  }

  /** Sees to it that a member that is gone can read nothing that is sealed from now on. */
  #revoke(peer: Peer): void {
    peer.leave();
    this.#answers.delete(peer);
    this.#epochs.delete(peer.id);
    this.#totals.delete(peer.id);
    this.#expireChainsOf(peer);
    this.#chains.delete(peer.id);
  }

  /** What a member holds the key of is used no more. */
  #expireChainsOf(peer: Peer): void {
    for (const chain of this.#chains.values()) {
      if (chain.holders.has(peer.id)) chain.stale = true;
    }
  }

  /** A member is gone; its last messages are still to be shown. */
  #leave(peer: Peer, reason: LeaveReason): void {
    this.#revoke(peer);
    this.#do(peer, 0, async () => {
      await this.#conclude(peer);
      this.#part(peer, reason);
    });
  }

  #part(peer: Peer, reason: LeaveReason): void {
    if (!this.#present(peer)) return;
    this.#revoke(peer);
    this.#peers.delete(peer.id);
    this.#cancel(`absent ${peer.id}`);
    this.#cancel(`owed ${peer.id}`);
    this.#owe(peer, undefined);
    this.#answered(peer);
    if (peer.announced !== undefined || peer.away) this.#agreement.changed();
    if (peer.announced === undefined) return;
    this.#burned.add(peer.id);
    this.#disappear(peer, reason);
    if (reason === "kicked" || reason === "banned") this.#showRekeyed(peer);
    this.#pump();
  }

  /** Says that there are new keys, once all sessions of an identity are gone that the host has removed. */
  #showRekeyed({ key }: Peer): void {
    const others = [...this.#peers.values()].some((other) => equal(other.key, key));
    if (!others) this.#emit({ type: "rekeyed" });
  }

  #setAway(peer: Peer, away: boolean): void {
    peer.away = away;
    if (peer.announced === undefined) this.#agreement.changed();
  }

  #present(peer: Peer): boolean {
    return this.#peers.get(peer.id) === peer;
  }

  /** Everybody whose ANNOUNCE came, in the order in which they joined. */
  #announced(): Peer[] {
    return [...this.#peers.values()].filter(({ announced, gone }) =>
      announced !== undefined && !gone
    );
  }

  /** Those of them who are given keys. */
  #readers(): Peer[] {
    return this.#announced().filter(({ withheld }) => !withheld);
  }

  /** Whoever a name or a key may mean. */
  #called(name: string): Peer[] {
    return this.#announced().filter(({ announced, key, member }) => {
      if (KEY.test(name)) return name === toBase64Url(key);
      return name === member!.name || name === `${announced!.name}#${announced!.tag}`;
    });
  }

  // Announcing.

  /** Tells this member's key and name to everybody who should have them and has not. */
  async #announceDue(): Promise<void> {
    const key = this.#options.keys.current;
    if (key === undefined || !this.#rosterKnown || this.#ended) return;
    const due = [...this.#peers.values()].filter((peer) =>
      (peer.earlier || peer.announced !== undefined) && peer.told < key.generation
    );
    for (const peer of due) peer.told = key.generation;
    this.#unanswered ??= this.#awaitAnswers();
    for (const peer of due) {
      // Where more has happened meanwhile it is told that.
      if (peer.told === key.generation) await this.#announce(peer, key);
    }
  }

  /** Waits until the others would take another announcement without a delay. */
  async #turnToAnnounce(): Promise<void> {
    const now = this.#clock.elapsed();
    const at = Math.max(now, this.#announceAt);
    this.#announceAt = at + MIN_ANNOUNCE_MS;
    if (at === now) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#after(`announce ${at}`, at - now, resolve);
    await Promise.race([promise, this.#over.promise]);
  }

  /** Whoever was here before is to answer the first ANNOUNCE; then this member is ready. */
  #awaitAnswers(): Set<Peer> {
    const unanswered = new Set(
      [...this.#peers.values()].filter(({ announced, away, earlier }) =>
        earlier && !away && announced === undefined
      ),
    );
    const silentMs = unanswered.size === 0 ? 0 : SILENT_AFTER_MS;
    this.#after("silent", silentMs, () => this.#becomeReady());
    return unanswered;
  }

  async #announce(
    peer: Peer,
    { generation, modulus }: { generation: number; modulus: Bytes },
  ): Promise<void> {
    const { identity, memberKey, roomId, session } = this.#options;
    const head = encodeAnnounceHead({
      roomId,
      key: identity.publicKey,
      session,
      generation,
      modulus,
      name: this.#name,
      nameTaken: this.#tagged,
      seen: peer.session,
    });
    const tagged = concat(head, await hmac(memberKey, label("lanchat/1 member"), head));
    const signature = await identity.sign(concat(label("lanchat/1 announce"), tagged));
    const object = concat(tagged, signature);
    this.#link.send({ class: EnvelopeClass.CONTROL, to: peer.session, object });
    peer.introducedAt = this.#clock.elapsed();
    peer.introduced.resolve();
  }

  #answered(peer: Peer): void {
    if (this.#unanswered?.delete(peer) && this.#unanswered.size === 0) this.#becomeReady();
  }

  #becomeReady(): void {
    if (this.#ready || this.#ended) return;
    this.#ready = true;
    this.#timers.get("silent")?.();
    const earlier = this.#announced().filter((peer) => peer.earlier);
    for (const peer of earlier) {
      peer.shown = true;
      peer.lostShown = peer.away || peer.absent;
    }
    const members = earlier.map((peer) => peer.member!);
    this.#options.emit({ type: "ready", me: this.me, members });
    for (const { key } of this.#unanswered ?? []) {
      this.#options.emit({
        type: "warning",
        code: "member-silent",
        message: `A member has not answered: ${toBase64Url(key)}`,
      });
    }
    if (imitates(this.#name)) this.#warnNameMisleading();
    const clashing = earlier.filter((peer) => this.#clashes(peer));
    for (const peer of clashing) peer.clashShown = true;
    if (clashing.length > 0) this.#warnNameTaken();
    for (const peer of earlier) this.#showTrust(peer);
    for (const event of this.#early.splice(0)) this.#options.emit(event);
    this.#readied.resolve();
    this.#pump();
  }

  // What arrives.

  #onEnvelope({ from, object }: HostEnvelope): void {
    if (equal(from, HOST_SESSION)) return this.#decisions.take(object);
    const peer = this.#peers.get(toHex(from));
    if (peer === undefined || !OBJECT_TYPES.has(object[0]!)) return;
    const { obeyed } = this.#decisions;
    this.#do(peer, object.length, async () => {
      await obeyed; // Whoever is banned says nothing any more.
      await this.#receive(peer, object);
    });
  }

  /** Does something in a peer's lane; what no honest member sends is dropped there. */
  #do(peer: Peer, bytes: number, work: () => Promise<void> | void): void {
    peer.lane.push(bytes, async () => {
      try {
        if (!this.#ended) await work();
      } catch (error) {
        if (error instanceof LanchatError) return;
        const message = `Cannot take what a member sent: ${error}`;
        this.#emit({ type: "warning", code: "internal", message });
      }
    });
  }

  async #receive(peer: Peer, object: Bytes): Promise<void> {
    if (!this.#present(peer)) return;
    switch (object[0]) {
      case ObjectType.NEED:
        return await this.#receiveNeed(peer, decodeNeed(object));
      case ObjectType.AGAIN: {
        const { round, object: inner } = decodeAgain(object);
        // Late as it may be: where nothing newer came, nothing of it is lost.
        if (peer.round !== round) return;
        if (peer.question !== undefined) this.#awaitAnswer(peer);
        return inner === undefined
          ? await this.#conclude(peer)
          : await this.#take(peer, inner, true);
      }
    }
    if (peer.question?.hold(object)) return;
    await this.#conclude(peer);
    await this.#take(peer, object, false);
  }

  /** Takes an object. @param again Whether it was sent again, and need not be for this member. */
  async #take(peer: Peer, object: Bytes, again: boolean): Promise<void> {
    if (!this.#present(peer)) return;
    switch (object[0]) {
      case ObjectType.ANNOUNCE:
        return await this.#receiveAnnounce(peer, object);
      case ObjectType.SKDM:
        return await this.#receiveSkdm(peer, object);
      case ObjectType.MSG:
        return await this.#receiveMsg(peer, object, again);
    }
  }

  // What another host process has lost.

  /** Asks a member for what it still keeps for this one. */
  #ask(peer: Peer): void {
    peer.round = ++this.#rounds;
    peer.question ??= new Question(this.#held); // What waits already goes on waiting.
    peer.askedIn = this.#link.send({
      class: EnvelopeClass.CONTROL,
      to: peer.session,
      object: encodeNeed(peer.round),
    }, false);
    this.#awaitAnswer(peer);
  }

  #awaitAnswer(peer: Peer): void {
    this.#after(`answer ${peer.id}`, ANSWER_MS, () => {
      // Nothing comes while there is no connection.
      if (!this.#link.open) this.#awaitAnswer(peer);
      else this.#do(peer, 0, () => this.#conclude(peer));
    });
  }

  /** A member has its time to ask what it lacks; who does not, lacks nothing. */
  #awaitQuestion(peer: Peer): void {
    this.#after(`owed ${peer.id}`, 2 * ANSWER_MS, () => {
      if (peer.owedUntil !== Infinity) return;
      if (peer.away || !this.#link.open) this.#awaitQuestion(peer);
      else this.#owe(peer, peer.askedIn); // It lies behind all that tells the member to ask.
    });
  }

  /** What could not come while there was no connection has its whole time again. */
  #waitAnew(): void {
    for (const peer of this.#peers.values()) {
      if (this.#timers.has(`answer ${peer.id}`)) this.#awaitAnswer(peer);
      if (this.#timers.has(`owed ${peer.id}`)) this.#awaitQuestion(peer);
    }
  }

  /** Nothing more is sent again: now comes what waited for that. */
  async #conclude(peer: Peer): Promise<void> {
    const { question } = peer;
    if (question === undefined) return;
    peer.question = undefined;
    this.#cancel(`answer ${peer.id}`);
    for (const object of question.release()) {
      await this.#take(peer, object, false).catch((error) => {
        if (!(error instanceof LanchatError)) throw error;
      });
    }
    this.#showReturn();
  }

  async #receiveNeed(peer: Peer, round: number): Promise<void> {
    await peer.mayWork();
    // Without a restart there is nothing that the asker could lack.
    const envelopes = this.#moving()
      ? this.#link.kept.filter(({ object, to }) => {
        if (peer.withheld && object[0] !== ObjectType.ANNOUNCE) return false;
        return to === undefined || equal(to, peer.session);
      })
      : [];
    // Of several questions the last one counts, and waits for its turn anew.
    this.#answers.delete(peer);
    this.#answers.set(peer, { round, envelopes: [...envelopes] });
    this.#answerMore();
  }

  /** Sends again what was asked for, as far as there is room for it. */
  #answerMore(): void {
    // Half of the window is left to what is said now.
    while (this.#link.backlog < WINDOW_BYTES / 2) {
      const [next] = this.#answers;
      if (next === undefined) return;
      const [peer, answer] = next;
      const { envelopes, round } = answer;
      const envelope = envelopes.shift();
      // One after the other, or whoever is last would wait for the answers to all others.
      this.#answers.delete(peer);
      if (envelope !== undefined) this.#answers.set(peer, answer);
      const cmid = this.#link.send({
        class: envelope?.class ?? EnvelopeClass.CONTROL,
        to: peer.session,
        object: encodeAgain({ round, object: envelope?.object }),
      }, false);
      if (envelope === undefined && peer.owedUntil !== undefined) this.#owe(peer, cmid);
    }
  }

  #owe(peer: Peer, until: number | undefined): void {
    peer.owedUntil = until;
    this.#settleDelivered();
  }

  /** Nothing counts as delivered while somebody may lack what the host before has lost. */
  #settleDelivered(): void {
    for (const peer of this.#owed) {
      if ((peer.owedUntil ?? 0) <= this.#deliveredUntil) {
        peer.owedUntil = undefined;
        this.#owed.delete(peer);
      }
    }
    if (this.#owed.size > 0) return;
    this.#settledUntil = this.#deliveredUntil;
    this.#link.forget(this.#deliveredUntil);
    this.#outbox.delivered(this.#deliveredUntil);
    this.#pump();
  }

  async #findBehind(): Promise<ReadonlySet<Peer>> {
    const may = this.#readers().filter((peer) => this.#mayLack(peer));
    if (may.length === 0 || !this.#link.open) return new Set(may);
    if (this.#behind === undefined) {
      this.#behind = Promise.withResolvers();
      this.#after("behind", BEHIND_MS, () => this.#tellBehind(undefined));
      this.#link.askBehind();
    }
    return await this.#behind.promise;
  }

  /** Whether it is not known that a member has what was said to it last. */
  #mayLack(peer: Peer): boolean {
    return peer.saidIn > this.#settledUntil || this.#outbox.waitsFor(peer);
  }

  /** Tells who asked. @param known Who lacks something that the host has; `undefined` if it does not say. */
  #tellBehind(known: ReadonlySet<string> | undefined): void {
    this.#cancel("behind");
    const behind = this.#readers().filter((peer) =>
      this.#mayLack(peer) &&
      (known === undefined || known.has(peer.id) || !this.#hostHasAll(peer))
    );
    this.#behind?.resolve(new Set(behind));
    this.#behind = undefined;
  }

  /** Whether this host has all that was said to a member. */
  #hostHasAll(peer: Peer): boolean {
    return peer.saidIn <= this.#acceptedUntil && !this.#owed.has(peer) &&
      !this.#outbox.waitsFor(peer);
  }

  /** Says that the connection is back, once all that was missed has been shown. */
  #showReturn(): void {
    if (this.#return === undefined || !this.#return.opened) return;
    if ([...this.#peers.values()].some(({ question }) => question !== undefined)) return;
    const { missed, restarted } = this.#return;
    this.#return = undefined;
    this.#emit({ type: "reconnected", missed, restarted });
  }

  async #receiveAnnounce(peer: Peer, object: Bytes): Promise<void> {
    const announce = decodeAnnounce(object);
    const { memberKey, roomId, session } = this.#options;
    if (
      !equal(announce.roomId, roomId) || !equal(announce.session, peer.session) ||
      !equal(announce.key, peer.key) || !equal(announce.seen, session)
    ) {
      throw refused("announcement", "it was made for another place");
    }
    if (announce.generation <= (peer.announced?.generation ?? 0)) {
      throw refused("announcement", "a newer one is known");
    }
    if (!isModulus(announce.modulus, SESSION_KEY_BITS)) {
      throw refused("announcement", "its session key is not acceptable");
    }
    const verifier = await Verifier.import(announce.key);
    const signed = concat(label("lanchat/1 announce"), announce.signed);
    if (!await verifier?.verify(signed, announce.signature)) {
      throw refused("announcement", "its signature is wrong");
    }
    const { memberTag, tagged } = announce;
    if (!await hmacVerify(memberKey, memberTag, label("lanchat/1 member"), tagged)) {
      throw refused("announcement", "its author does not hold the room's secret");
    }
    // As many new names as it likes, but at its own cost.
    if (peer.announced !== undefined) await peer.mayWork();
    const announced = {
      generation: announce.generation,
      name: announce.name,
      tag: await keyTag(announce.key),
      verifier: verifier!,
      wrapKey: await WrapKey.import(announce.modulus),
    };
    if (!this.#present(peer)) return;
    const before = peer.member;
    const renamed = peer.announced !== undefined && peer.announced.name !== announced.name;
    peer.announced = announced;
    peer.tagged = announce.nameTaken || peer.tagged && !renamed;
    if (before === undefined) this.#agreement.changed();
    if (before === undefined || renamed) {
      this.#settleNames(peer, renamed);
      this.#judge(peer, true);
    }
    this.#showName(peer, before?.name);
    await this.#announceDue();
    if (before === undefined && this.#status !== "") this.#sendStatus(peer);
    this.#answered(peer);
    this.#pump();
  }

  async #receiveSkdm(peer: Peer, object: Bytes): Promise<void> {
    const skdm = decodeSkdm(object);
    const { identity, keys, roomId, session } = this.#options;
    if (peer.announced === undefined) throw refused("sender key", "its author is not known");
    if (!equal(skdm.toKey, identity.publicKey) || !equal(skdm.toSession, session)) {
      throw refused("sender key", "it is for somebody else");
    }
    if (
      !equal(skdm.fromSession, peer.session) || !equal(skdm.fromKey, peer.key) ||
      !equal(skdm.roomId, roomId)
    ) {
      throw refused("sender key", "it was made in another place");
    }
    if (!keys.has(skdm.toGeneration)) throw refused("sender key", "it is for a key that is gone");
    if (skdm.epoch <= peer.epochs[skdm.audience]!) throw refused("sender key", "it is old");
    if (peer.badKeys >= MAX_BAD_KEYS) throw refused("sender key", "too many before were wrong");
    const chain = await ReceivingChain.take(skdm, peer.announced.verifier, keys, async () => {
      peer.badKeys++;
      await peer.mayWork();
    });
    peer.badKeys = 0;
    peer.epochs[skdm.audience] = skdm.epoch;
    peer.chains[skdm.audience] = chain;
  }

  async #receiveMsg(peer: Peer, object: Bytes, again: boolean): Promise<void> {
    const msg = decodeMsg(object);
    if (!equal(msg.fromSession, peer.session) || !equal(msg.roomId, this.#options.roomId)) {
      throw refused("message", "it was made in another place");
    }
    const id = toHex(msg.chainId);
    const chain = peer.chains.find((known) => known?.id === id);
    if (chain === undefined) {
      if (!again) this.#missKey(peer);
      throw refused("message", "its sender key is not known");
    }
    const { inner, missing } = await chain.open(msg, () => peer.mayWork());
    if (!this.#present(peer)) return;
    this.#showGap(peer, chain.audience, inner.before + msg.index, missing);
    peer.keyMissed = false;
    // To another host process members come one after the other.
    if (!this.#moving() && await this.#agreement.breaks(peer, inner.roster)) {
      this.#emit({
        type: "warning",
        code: "roster-differs",
        message: `${peer.member!.name} sees other members in this room than you do`,
      });
    }
    if (!this.#ready && this.#early.length >= MAX_HELD) await peer.lane.park(this.#readied.promise);
    if (!this.#present(peer)) return;
    this.#show(peer, inner, chain.audience === Audience.DIRECT);
  }

  /** @param total How many messages were sealed before this one. @param skipped How many of its chain. */
  #showGap(peer: Peer, audience: number, total: number, skipped: number): void {
    const expected = peer.totals[audience];
    peer.totals[audience] = total + 1;
    // Counted over the chains, as the end of one of them may be missing.
    const missing = expected === undefined ? skipped : Math.max(skipped, (total - expected) | 0);
    if (missing > 0) this.#emitOf(peer, { type: "gap", member: peer.member!, missing });
  }

  #show(peer: Peer, { at, body, kind }: Inner, direct: boolean): void {
    switch (kind) {
      case BodyKind.TEXT:
      case BodyKind.ACTION:
        return this.#showAll(peer, [{ kind, text: body }], at, direct);
      case BodyKind.BATCH:
        return this.#showAll(peer, decodeBatch(body), at, direct);
      case BodyKind.STATUS:
        return this.#showStatus(peer, decodeStatus(body));
      case BodyKind.LEAVE:
        // To one member alone it would make others see another room.
        if (!direct) this.#part(peer, "left");
    }
  }

  /** Shows how a member says it is; who comes may be told twice. */
  #showStatus(peer: Peer, text: string): void {
    if (text === peer.status) return;
    peer.status = text;
    if (!peer.shown) return;
    this.#emitOf(peer, { type: "status", member: peer.member!, text, own: false });
  }

  /** Says once that a member's key has not come, where it has had the time to send it. */
  #missKey(peer: Peer): void {
    const known = peer.introducedAt !== undefined &&
      this.#clock.elapsed() - peer.introducedAt > SILENT_AFTER_MS;
    if (peer.keyMissed || !known || peer.member === undefined) return;
    peer.keyMissed = true;
    this.#emit({
      type: "warning",
      code: "messages-missing",
      message: `Messages of ${peer.member.name} cannot be read as their key has not come`,
    });
  }

  #showAll(peer: Peer, items: readonly BatchItem[], at: number, direct: boolean): void {
    if (items.some(({ text }) => text.length === 0)) throw refused("message", "it is empty");
    const now = this.#clock.now();
    const messages = items.map(({ kind, text }): RoomEvent => ({
      type: "message",
      from: peer.member!,
      text: decodeText(text),
      kind: kind === BodyKind.ACTION ? "action" : "text",
      private: direct,
      at: Math.abs(at - now) <= MAX_CLOCK_SKEW_MS ? at : now,
    }));
    for (const message of messages) this.#emitOf(peer, message);
    if (this.#return !== undefined && !this.#ignores(peer)) this.#return.missed += messages.length;
  }

  // Names, and who is trusted under them.

  /** Asks anew what everybody here is, as what is known of others has changed. */
  judgeAnew(): void {
    const before = this.#readers();
    for (const peer of this.#announced()) {
      const { name } = peer.member!;
      this.#judge(peer, false);
      this.#showName(peer, name);
    }
    this.#welcome(before);
  }

  /** Tells those who can read now how this member is, and sends what waited for a reader. */
  #welcome(before: readonly Peer[]): void {
    for (const peer of this.#readers()) {
      if (!before.includes(peer) && this.#status !== "") this.#sendStatus(peer);
    }
    this.#pump();
  }

  /** Finds out what a member is under its name. @param isNew Whether it has it only now. */
  #judge(peer: Peer, isNew: boolean): void {
    const before = isNew ? "fine" : peer.trust;
    const { key } = peer;
    const trust = this.#options.trust?.({ key, name: peer.announced!.name }) ?? "fine";
    // As a tag stays with a name, so does this, but for the key.
    peer.trust = trust === "fine" && before !== "fine" ? "changed" : trust;
    if (isNew || peer.trust !== before) {
      peer.trustShown = peer.trust === "fine" || before === "withheld";
    }
    if (peer.trust === "withheld" && before !== "withheld") this.#expireChainsOf(peer);
  }

  #showTrust(peer: Peer): void {
    if (!peer.shown || peer.trustShown) return;
    peer.trustShown = true;
    const withheld = peer.trust === "withheld";
    this.#emit({ type: "key-changed", member: peer.member!, withheld });
  }

  /** Gives the tag to whoever came later to a name that somebody else has, or one like it. */
  #settleNames(peer: Peer, renamed: boolean): void {
    const silent = this.#clock.elapsed() - peer.since >= SILENT_AFTER_MS;
    // In the order in which the host named them, which is the same for all; but who was silent comes last,
    // as does who has taken another name since, or says itself that the name was somebody else's.
    if (renamed || silent || peer.tagged) peer.order = this.#joinedCount++;
    const taken = peer.announced!.name;
    for (const other of this.#announced()) {
      if (equal(other.key, peer.key) || !sameName(other.announced!.name, taken)) continue;
      if (other.order < peer.order) peer.tagged = true;
      else this.#tagLater(other);
    }
    if (!this.#clashes(peer)) return;
    if (peer.earlier && !this.#ready && !renamed) this.#tagged = true;
    else peer.tagged = true;
  }

  /** Whoever was heard of first may have come later. */
  #tagLater(peer: Peer): void {
    const { name } = peer.member!;
    peer.tagged = true;
    this.#showName(peer, name);
  }

  #clashes(peer: Peer): boolean {
    const { publicKey } = this.#options.identity;
    return sameName(this.#name, peer.announced!.name) && !equal(publicKey, peer.key);
  }

  /** Shows who has come, or by what name a member goes now. @param before By which it went. */
  #showName(peer: Peer, before: string | undefined): void {
    const member = peer.member!;
    if (before === undefined) this.#appear(peer);
    else if (peer.shown && member.name !== before) {
      this.#emit({ type: "renamed", member, before, own: false }); // Who is who, ignored or not.
    }
    this.#showTrust(peer);
    if (!peer.shown || peer.clashShown || !this.#clashes(peer)) return;
    peer.clashShown = true; // Whoever takes it again and again is told of by its names alone.
    this.#warnNameTaken();
  }

  #warnNameTaken(): void {
    const message = this.#tagged
      ? `Somebody else here has your name already, or one like it: you are shown as ${this.me.name}`
      : `Somebody else has your name now, or one like it: you are ${this.me.name}, the other is ` +
        "shown with a tag";
    this.#emit({ type: "warning", code: "name-taken", message });
  }

  #warnNameMisleading(): void {
    const message =
      `Your name could be taken for lanchat's own lines: you are shown as ${this.me.name}`;
    this.#emit({ type: "warning", code: "name-misleading", message });
  }

  /** Emits what a member does, unless it is ignored. */
  #emitOf(peer: Peer, event: RoomEvent): void {
    if (!this.#ignores(peer)) this.#emit(event);
  }

  #ignores({ key }: Peer): boolean {
    return this.#options.ignores?.(key) ?? false;
  }

  /** Emits what happens; before `ready` it is held, so that `ready` comes first. */
  #emit(event: RoomEvent): void {
    if (this.#ready) this.#options.emit(event);
    else this.#early.push(event);
  }

  // What is sent.

  #send(message: NewOutgoing): Outgoing {
    if (this.#ended) throw new RoomError("not-delivered", "Cannot send message after the end");
    const outgoing = this.#outbox.push(message);
    this.#pump();
    return outgoing;
  }

  /** Sends the own status to the room, or to one who came later. */
  #sendStatus(to: Peer | undefined): Outgoing {
    return this.#send({ kind: BodyKind.STATUS, body: utf8(this.#status), to });
  }

  /** Sends what can be sent, one MSG after the other. */
  #pump(): void {
    this.#pumpAgain = true;
    if (!this.#pumping && this.#ready) void this.#runPump();
  }

  async #runPump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#pumpAgain && !this.#ended) {
        this.#pumpAgain = false;
        while (!this.#ended && await this.#sendNext());
      }
    } catch (error) {
      this.#outbox.refuseAll("internal", `of a fault: ${error}`);
    } finally {
      this.#pumping = false;
    }
  }

  /** Sends one MSG, or finds why the next cannot go. @returns Whether to go on at once. */
  async #sendNext(): Promise<boolean> {
    if (this.#outbox.head === undefined) return false;
    if (!this.#link.open || this.#link.backlog >= WINDOW_BYTES) return false;
    // What is sealed now could not be kept for those who may lack it.
    if (this.#owed.size > 0 && this.#link.keptFull) return false;
    const roster = await this.#agreement.current();
    const head = this.#outbox.head;
    if (head === undefined || !this.#link.open) return false;
    const chain = this.#chains.get(head.to?.id ?? "");
    const usable = chain !== undefined && !this.#due(chain);
    if (head.kind === BodyKind.HEARTBEAT || head.kind === BodyKind.LEAVE) {
      if (usable) await this.#seal(chain, roster);
      else this.#outbox.take().forEach(({ done }) => done.resolve());
      return true;
    }
    const audience = this.#audience(head.to);
    if (audience.length === 0) return this.#nobodyReads(head);
    // Nobody could take it now; whoever does not come back is gone in time.
    if (head.to === undefined && audience.every(({ absent }) => absent)) return false;
    this.#aloneSince = undefined;
    if (!usable) return await this.#beginChain(head.to, chain);
    const lacking = audience.filter((peer) => !chain.holders.has(peer.id));
    if (lacking.length > 0) await this.#giveKeys(chain, lacking.slice(0, WRAPS_AT_ONCE));
    else await this.#seal(chain, roster);
    return true;
  }

  #audience(to: Peer | undefined): Peer[] {
    if (to === undefined) return this.#readers();
    return this.#readers().includes(to) ? [to] : [];
  }

  #nobodyReads({ kind, to }: Outgoing): boolean {
    if (kind === BodyKind.STATUS) {
      this.#outbox.take().forEach(({ done }) => done.resolve()); // Who comes later is told.
      return true;
    }
    if (to !== undefined) {
      if (this.#present(to) && !to.gone) {
        this.#outbox.refuseHead("key-withheld", "that member is given no key");
      } else {
        this.#outbox.refuseHead("no-such-member", "that member has left");
      }
      return true;
    }
    const now = this.#clock.elapsed();
    this.#aloneSince ??= now;
    const patience = this.#aloneSince + (this.#options.waitMs ?? 0);
    const left = Math.max(patience, this.#expectedUntil()) - now;
    if (left > 0) {
      this.#after("wait", left, () => this.#pump());
      return false;
    }
    if (this.#announced().length > 0) {
      this.#outbox.refuseHead("key-withheld", "nobody else here is given a key");
    } else {
      this.#outbox.refuseHead("nobody-here", "nobody else is in the room");
    }
    return true;
  }

  /** Until when a first reader may be on its way: one who just joined, or comes to another host process. */
  #expectedUntil(): number {
    const newest = [...this.#peers.values()]
      .filter(({ announced, gone }) => announced === undefined && !gone)
      .map(({ since }) => since);
    return Math.max(this.#movedAt ?? -Infinity, ...newest) + SILENT_AFTER_MS;
  }

  /** Begins an epoch for an audience. @returns Whether it was time for one. */
  async #beginChain(to: Peer | undefined, before: SendingChain | undefined): Promise<boolean> {
    const id = to?.id ?? "";
    const now = this.#clock.elapsed();
    const wait = before === undefined ? 0 : before.since + MIN_EPOCH_MS - now;
    if (wait > 0) {
      this.#after("epoch", wait, () => this.#pump());
      return false;
    }
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    this.#epochs.set(id, epoch);
    const audience = to === undefined ? Audience.ROOM : Audience.DIRECT;
    const total = before?.total ?? this.#totals.get(id) ?? 0;
    this.#totals.set(id, total);
    const chain = await SendingChain.begin(this.#author, {
      audience,
      epoch,
      since: now,
      before: total,
    });
    if (to === undefined || this.#present(to)) this.#chains.set(id, chain);
    return true;
  }

  #due(chain: SendingChain): boolean {
    return chain.stale || chain.index >= MAX_EPOCH_MESSAGES ||
      this.#clock.elapsed() - chain.since >= MAX_EPOCH_MS;
  }

  async #giveKeys(chain: SendingChain, peers: readonly Peer[]): Promise<void> {
    // Before anything is awaited: whoever leaves meanwhile has had the key.
    for (const peer of peers) chain.holders.add(peer.id);
    const objects = await Promise.all(peers.map(({ announced, key, session }) =>
      chain.wrapFor({
        key,
        session,
        generation: announced!.generation,
        wrapKey: announced!.wrapKey,
      }).catch(() => undefined)
    ));
    await Promise.all(peers.map(({ introduced }) => introduced.promise));
    objects.forEach((object, i) => {
      if (object === undefined) return; // Its key is none: it cannot be given one.
      this.#link.send({ class: EnvelopeClass.CONTROL, to: peers[i]!.session, object });
    });
  }

  /** Seals the head and what may share its MSG. Nothing is awaited between choosing and sealing. */
  async #seal(chain: SendingChain, roster: Bytes): Promise<void> {
    const audience = this.#audience(this.#outbox.head!.to); // All of it has the key.
    const messages = this.#outbox.take();
    const [first] = messages as [Outgoing];
    const { body, kind, to } = first;
    const batch = messages.length > 1;
    const object = await chain.seal({
      roster,
      at: this.#clock.now(),
      kind: batch ? BodyKind.BATCH : kind,
      body: batch ? encodeBatch(messages.map((one) => ({ kind: one.kind, text: one.body }))) : body,
    });
    if (this.#ended) return;
    const cmid = this.#link.send({ class: EnvelopeClass.CHAT, to: to?.session, object });
    this.#outbox.sent(cmid);
    for (const peer of isText(first) ? audience : []) peer.saidIn = cmid;
    if (to === undefined && kind !== BodyKind.HEARTBEAT) {
      this.#after("heartbeat", HEARTBEAT_AFTER_MS, () => {
        this.#send({ kind: BodyKind.HEARTBEAT, body: new Uint8Array(), to: undefined });
      });
    }
  }

  /** Sets one of the room's timers, in place of the one of that name. */
  #after(name: string, ms: number, callback: () => void): void {
    this.#cancel(name);
    const due = (): void => {
      this.#timers.delete(name);
      callback();
    };
    this.#timers.set(name, this.#clock.after(ms, due));
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}

/** What a member is to be sent again. */
interface Answer {
  /** The number of its question. */
  readonly round: number;
  /** What is left of it. */
  readonly envelopes: MemberEnvelope[];
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
