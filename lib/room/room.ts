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
import { type Code, LanchatError, RoomError } from "../errors.ts";
import {
  Audience,
  type BatchItem,
  BodyKind,
  CloseReason,
  decodeAnnounce,
  decodeBatch,
  decodeMsg,
  decodeSkdm,
  decodeStatus,
  decodeText,
  encodeAnnounceHead,
  EnvelopeClass,
  HOST_SESSION,
  type HostEnvelope,
  type HostRecord,
  type Inner,
  MAX_TEXT_BYTES,
  MemberChange,
  nameProblem,
  ObjectType,
  type RosterEntry,
  statusProblem,
} from "../wire/mod.ts";
import { ReceivingChain, refused } from "./chain.ts";
import { Events, type LeaveReason, type RoomEvent } from "./events.ts";
import { Lanes } from "./lanes.ts";
import { ABSENT_MS, Link } from "./link.ts";
import { imitates, sameName, shownName } from "./names.ts";
import type { Outgoing } from "./outgoing.ts";
import { type Member, type Peer, type Present, SILENT_AFTER_MS, type Trust } from "./peer.ts";
import { ANSWER_MS, Recovery } from "./recovery.ts";
import { Decisions } from "./decisions.ts";
import { Roster } from "./roster.ts";
import { Sender } from "./sender.ts";
import type { SessionKeys } from "./session_keys.ts";
import { Timers } from "./timers.ts";

/** A clock further off than this is not believed, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 600_000;

/** Sender keys of one member that may be wrong, one after the other. */
const MAX_BAD_KEYS = 8;

/** Least time between two announcements that a person asks for, in milliseconds: others take them no faster. */
const MIN_ANNOUNCE_MS = 1000;

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
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The host's identity key, 32 bytes: what it decides counts. */
  readonly hostKey: Bytes;
  /** Proves that the member holds the room's secret, 32 bytes. */
  readonly memberKey: Bytes;
  /** The keys that others wrap theirs for. */
  readonly keys: SessionKeys;
  /** Whose messages, names and statuses are not told of, by identity key. */
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
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #recovery: Recovery;
  readonly #lanes = new Lanes();
  readonly #roster: Roster;
  readonly #events: Events;
  readonly #decisions: Decisions;
  #insiders: ReadonlySet<string> | undefined;
  readonly #timers: Timers;
  /** Since the connection was lost. @param before How many messages were told until then. */
  #return: { before: number; opened: boolean; restarted: boolean } | undefined;
  #name: string;
  #status = "";
  #tag = "";
  #tagged = false;
  #unanswered: Set<Peer> | undefined;
  #ended = false;
  #announceAt = -Infinity;
  #announcing: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<void>();

  /** Prepares to enter a room; `run` enters it. */
  constructor(options: RoomOptions) {
    this.#options = options;
    this.#name = options.name;
    this.#decisions = new Decisions({
      hostKey: options.hostKey,
      roomId: options.roomId,
      lane: this.#lanes.lane(),
      onRemoved: (key, reason) => {
        for (const peer of this.#roster) {
          if (equal(peer.key, key)) this.#leave(peer, reason);
        }
      },
    });
    this.#clock = options.clock ?? systemClock;
    this.#timers = new Timers(this.#clock);
    this.#events = new Events(options);
    this.#roster = new Roster(options, this.#lanes, this.#clock);
    this.#link = new Link({
      roster: (entries, restarted) => this.#onRoster(entries, restarted),
      member: (record) => this.#onMember(record),
      envelope: (envelope) => this.#onEnvelope(envelope),
      acknowledged: (accepted, delivered) => {
        this.#sender.delivery.acknowledged(accepted, delivered);
        this.#recovery.answerMore();
        this.#sender.pump();
      },
      behind: (sessions) => this.#sender.delivery.tellBehind(new Set(sessions.map(toHex))),
      opened: () => {
        if (this.#return !== undefined) this.#return.opened = true;
        this.#recovery.waitAnew();
        this.#showReturn();
        this.#sender.pump();
      },
      settled: async () => {
        await this.#lanes.settled();
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
    options.keys.onRenewed = () => void (this.#announcing = this.#announceDue());
  }

  /** The others whose ANNOUNCE came, in the order in which they joined. */
  get members(): Present[] {
    return this.#roster.announced().map((peer) => peer.member!);
  }

  /** Whether the host has ever let this member in, and said who is there. */
  get entered(): boolean {
    return this.#roster.known;
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
    if (this.#roster.known) {
      this.#return ??= { before: this.#events.messages, opened: false, restarted: false };
    }
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
    const called = this.#roster.called(name);
    const keys = new Set(called.map(({ key }) => toHex(key)));
    return only(keys.size === 1 ? called.slice(0, 1) : called).member!;
  }

  /**
   * The others, with those marked who have not got what was said to them last. That is the host's word;
   * without it (no connection, or no answer in 2 s) whoever may lack something is marked.
   */
  async who(): Promise<Present[]> {
    const behind = await this.#sender.delivery.findBehind();
    return this.#roster.announced().map((peer) => ({
      ...peer.member!,
      ...behind.has(peer) && { behind: true },
    }));
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
    await this.#turnToAnnounce();
    if (this.#ended) throw new RoomError("not-delivered", "Cannot take another name after the end");
    const before = this.me.name;
    if (name !== this.#name) {
      this.#name = name;
      this.#tagged = this.#roster.announced().some((peer) => this.#clashes(peer));
      this.#options.keys.countOn();
      await this.#announceDue();
      if (this.#ended) throw new RoomError("not-delivered", "Cannot take a name after the end");
    }
    this.#events.emit({ type: "renamed", member: this.me, before, own: true });
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
    this.#events.emit({ type: "status", member: this.me, text, own: true });
  }

  /**
   * Gives up the keys in use: what one says from now on is sealed with others, and others wrap theirs
   * for another session key.
   *
   * @returns Resolves when everybody here is told of that.
   */
  async rekey(): Promise<void> {
    this.#sender.expireAll();
    await this.#turnToAnnounce();
    await this.#options.keys.renew();
    await this.#announcing;
  }

  /** Who may read while the room is locked, by key in hexadecimal digits; `undefined` where it is not. */
  get insiders(): ReadonlySet<string> | undefined {
    return this.#insiders;
  }

  /**
   * From now on, whoever comes with another key cannot read what is said here.
   *
   * @param insiders Who can, as {@linkcode Room.insiders} gives them; by default those who are here.
   */
  lock(insiders?: ReadonlySet<string>): void {
    this.#insiders ??= insiders ?? new Set([...this.#roster].map(({ key }) => toHex(key)));
  }

  /** Lets everybody read again. */
  unlock(): void {
    this.#insiders = undefined;
    const before = this.#roster.readers();
    for (const peer of this.#roster) peer.lockedOut = false;
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
    this.#sender.end(code);
    this.#timers.clear();
    this.#roster.clear();
    this.#recovery.end();
    this.#events.end();
    this.#options.keys.close();
  }

  // Who is there.

  #onRoster(entries: readonly RosterEntry[], restarted: boolean): void {
    for (const entry of entries) this.#meet(entry, restarted || !this.#roster.known);
    this.#roster.complete();
    if (restarted) this.#move(entries);
    void this.#announceDue();
  }

  /** Another process has the room now, and nothing of what the one before had queued. */
  #move(entries: readonly RosterEntry[]): void {
    this.#roster.moved();
    this.#recovery.stopAnsweringAll();
    if (this.#return !== undefined) this.#return.restarted = true;
    const here = new Map(entries.map((entry) => [toHex(entry.session), entry]));
    for (const peer of this.#roster) {
      if (peer.gone) continue;
      if (peer.announced !== undefined) this.#sender.delivery.owe(peer, Infinity);
      const entry = here.get(peer.id);
      if (entry !== undefined && equal(entry.key, peer.key)) this.#arrive(peer, entry.away);
      else this.#miss(peer);
    }
  }

  /** A member that was at the host before has not come to this one yet. */
  #miss(peer: Peer): void {
    peer.absent = true;
    this.#roster.setAway(peer, false);
    this.#recovery.stopAwaitingQuestion(peer);
    this.#do(peer, 0, () => this.#answered(peer));
    // Most come at once: to tell of each first that it is lost and then that it is back is no news.
    this.#timers.after(`absent ${peer.id}`, ANSWER_MS, () => {
      this.#do(peer, 0, () => this.#showLost(peer));
      this.#awaitReturn(peer, ABSENT_MS - ANSWER_MS);
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
    peer.absent = false;
    this.#roster.setAway(peer, away);
    this.#timers.cancel(`absent ${peer.id}`);
    this.#recovery.ask(peer);
    this.#recovery.awaitQuestion(peer);
    this.#do(peer, 0, () => {
      if (peer.away) this.#showLost(peer);
      else if (!peer.absent) this.#showBack(peer);
    });
    this.#sender.pump();
  }

  #onMember({ change, reason, session, key }: Extract<HostRecord, { type: "member" }>): void {
    const peer = this.#roster.get(session);
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
          this.#roster.setAway(peer, true);
          this.#showLost(peer);
          this.#answered(peer);
        });
        break;
      case MemberChange.BACK:
        if (peer === undefined) break;
        this.#do(peer, 0, () => {
          this.#roster.setAway(peer, false);
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
    if (this.#decisions.bans(entry.key)) return;
    const peer = this.#roster.admit(entry, earlier);
    if (peer === undefined) return;
    peer.lockedOut = this.#insiders?.has(toHex(entry.key)) === false;
    // It may have been at the host before, and think that it has told this member of itself.
    if (this.#roster.moving) this.#recovery.ask(peer);
  }

  /** Shows a member that can be given keys from now on. Before `ready`, that shows who was earlier. */
  #appear(peer: Peer): void {
    if (peer.shown || peer.gone || peer.announced === undefined) return;
    if (!this.#events.ready && peer.earlier) return;
    peer.shown = true;
    this.#events.emit({ type: "joined", member: peer.member! });
    if (!peer.lockedOut) return;
    const message = `${peer.member!.name} came after you had locked the room, and cannot read you`;
    this.#events.emit({ type: "warning", code: "key-withheld", message });
  }

  #showLost(peer: Peer): void {
    if (!peer.shown || peer.gone || peer.lostShown) return;
    peer.lostShown = true;
    this.#events.emit({ type: "lost", member: peer.member! });
  }

  #showBack(peer: Peer): void {
    if (!peer.lostShown || peer.gone) return;
    peer.lostShown = false;
    this.#events.emit({ type: "back", member: peer.member! });
  }

  #disappear(peer: Peer, reason: LeaveReason): void {
    if (!peer.shown) return;
    peer.shown = false;
    this.#events.emit({ type: "left", member: peer.member!, reason });
  }

  /** Sees to it that a member that is gone can read nothing that is sealed from now on. */
  #revoke(peer: Peer): void {
    peer.leave();
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

  #part(peer: Peer, reason: LeaveReason): void {
    if (!this.#roster.has(peer)) return;
    this.#revoke(peer);
    this.#roster.remove(peer);
    this.#timers.cancel(`absent ${peer.id}`);
    this.#recovery.stopAwaitingQuestion(peer);
    this.#sender.delivery.owe(peer, undefined);
    this.#answered(peer);
    if (peer.announced === undefined) return;
    this.#disappear(peer, reason);
    if (reason === "kicked" || reason === "banned") this.#showRekeyed(peer);
    this.#sender.pump();
  }

  /** Says that there are new keys, once all sessions of an identity are gone that the host has removed. */
  #showRekeyed({ key }: Peer): void {
    const others = [...this.#roster].some((other) => equal(other.key, key));
    if (!others) this.#events.emit({ type: "rekeyed" });
  }

  // Announcing.

  /** Tells this member's key and name to everybody who should have them and has not. */
  async #announceDue(): Promise<void> {
    const key = this.#options.keys.current;
    if (key === undefined || !this.#roster.known || this.#ended) return;
    const due = [...this.#roster].filter((peer) =>
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
    this.#timers.after(`announce ${at}`, at - now, resolve);
    await Promise.race([promise, this.#over.promise]);
  }

  /** Whoever was here before is to answer the first ANNOUNCE; then this member is ready. */
  #awaitAnswers(): Set<Peer> {
    const unanswered = new Set(
      [...this.#roster].filter(({ announced, away, earlier }) =>
        earlier && !away && announced === undefined
      ),
    );
    const silentMs = unanswered.size === 0 ? 0 : SILENT_AFTER_MS;
    this.#timers.after("silent", silentMs, () => this.#becomeReady());
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
    if (this.#events.ready || this.#ended) return;
    this.#timers.cancel("silent");
    this.#events.open(() => this.#showReady());
    this.#sender.start();
  }

  #showReady(): void {
    const earlier = this.#roster.announced().filter((peer) => peer.earlier);
    for (const peer of earlier) {
      peer.shown = true;
      peer.lostShown = peer.away || peer.absent;
    }
    const members = earlier.map((peer) => peer.member!);
    this.#events.emit({ type: "ready", me: this.me, members });
    for (const { key } of this.#unanswered ?? []) {
      const message = `A member has not answered: ${toBase64Url(key)}`;
      this.#events.emit({ type: "warning", code: "member-silent", message });
    }
    if (imitates(this.#name)) this.#warnNameMisleading();
    const clashing = earlier.filter((peer) => this.#clashes(peer));
    for (const peer of clashing) peer.clashShown = true;
    if (clashing.length > 0) this.#warnNameTaken();
    for (const peer of earlier) this.#showTrust(peer);
  }

  // What arrives.

  #onEnvelope({ from, object }: HostEnvelope): void {
    if (equal(from, HOST_SESSION)) return this.#decisions.take(object);
    const peer = this.#roster.get(from);
    if (peer === undefined || !OBJECT_TYPES.has(object[0]!)) return;
    const { obeyed } = this.#decisions;
    this.#do(peer, object.length, async () => {
      await obeyed; // Whoever is banned says nothing any more.
      if (this.#roster.has(peer)) await this.#recovery.receive(peer, object);
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
        this.#events.emit({ type: "warning", code: "internal", message });
      }
    });
  }

  /** Takes an object. @param again Whether it was sent again, and need not be for this member. */
  async #take(peer: Peer, object: Bytes, again: boolean): Promise<void> {
    if (!this.#roster.has(peer)) return;
    switch (object[0]) {
      case ObjectType.ANNOUNCE:
        return await this.#receiveAnnounce(peer, object);
      case ObjectType.SKDM:
        return await this.#receiveSkdm(peer, object);
      case ObjectType.MSG:
        return await this.#receiveMsg(peer, object, again);
    }
  }

  /** Says that the connection is back, once all that was missed has been shown. */
  #showReturn(): void {
    if (this.#return === undefined || !this.#return.opened) return;
    if ([...this.#roster].some(({ question }) => question !== undefined)) return;
    const { before, restarted } = this.#return;
    this.#return = undefined;
    const missed = this.#events.messages - before;
    this.#events.emit({ type: "reconnected", missed, restarted });
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
    if (!this.#roster.has(peer)) return;
    const before = peer.member;
    const renamed = peer.announced !== undefined && peer.announced.name !== announced.name;
    peer.announced = announced;
    peer.tagged = announce.nameTaken || peer.tagged && !renamed;
    if (before === undefined) this.#roster.agreement.changed();
    if (before === undefined || renamed) {
      this.#settleNames(peer, renamed);
      this.#judge(peer, true);
    }
    this.#showName(peer, before?.name);
    await this.#announceDue();
    if (before === undefined && this.#status !== "") this.#sendStatus(peer);
    this.#answered(peer);
    this.#sender.pump();
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
    if (!this.#roster.has(peer)) return;
    this.#showGap(peer, chain.audience, inner.before + msg.index, missing);
    peer.keyMissed = false;
    // To another host process members come one after the other.
    if (!this.#roster.moving && await this.#roster.agreement.breaks(peer, inner.roster)) {
      this.#events.emit({
        type: "warning",
        code: "roster-differs",
        message: `${peer.member!.name} sees other members in this room than you do`,
      });
    }
    await this.#events.roomFor(peer);
    if (!this.#roster.has(peer)) return;
    this.#show(peer, inner, chain.audience === Audience.DIRECT);
  }

  /** @param total How many messages were sealed before this one. @param skipped How many of its chain. */
  #showGap(peer: Peer, audience: number, total: number, skipped: number): void {
    const expected = peer.totals[audience];
    peer.totals[audience] = total + 1;
    // Counted over the chains, as the end of one of them may be missing.
    const missing = expected === undefined ? skipped : Math.max(skipped, (total - expected) | 0);
    if (missing > 0) this.#events.emitOf(peer, { type: "gap", member: peer.member!, missing });
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
    this.#events.emitOf(peer, { type: "status", member: peer.member!, text, own: false });
  }

  /** Says once that a member's key has not come, where it has had the time to send it. */
  #missKey(peer: Peer): void {
    const known = peer.introducedAt !== undefined &&
      this.#clock.elapsed() - peer.introducedAt > SILENT_AFTER_MS;
    if (peer.keyMissed || !known || peer.member === undefined) return;
    peer.keyMissed = true;
    this.#events.emit({
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
    for (const message of messages) this.#events.emitOf(peer, message);
  }

  // Names, and who is trusted under them.

  /** Asks anew what everybody here is, as what is known of others has changed. */
  judgeAnew(): void {
    const before = this.#roster.readers();
    for (const peer of this.#roster.announced()) {
      const { name } = peer.member!;
      this.#judge(peer, false);
      this.#showName(peer, name);
    }
    this.#welcome(before);
  }

  /** Tells those who can read now how this member is, and sends what waited for a reader. */
  #welcome(before: readonly Peer[]): void {
    for (const peer of this.#roster.readers()) {
      if (!before.includes(peer) && this.#status !== "") this.#sendStatus(peer);
    }
    this.#sender.pump();
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
    if (peer.trust === "withheld" && before !== "withheld") this.#sender.expireHeldBy(peer);
  }

  #showTrust(peer: Peer): void {
    if (!peer.shown || peer.trustShown) return;
    peer.trustShown = true;
    const withheld = peer.trust === "withheld";
    this.#events.emit({ type: "key-changed", member: peer.member!, withheld });
  }

  /** Gives the tag to whoever came later to a name that somebody else has, or one like it. */
  #settleNames(peer: Peer, renamed: boolean): void {
    const silent = this.#clock.elapsed() - peer.since >= SILENT_AFTER_MS;
    // In the order in which the host named them, which is the same for all; but who was silent comes last,
    // as does who has taken another name since, or says itself that the name was somebody else's.
    if (renamed || silent || peer.tagged) peer.order = this.#roster.nextOrder();
    const taken = peer.announced!.name;
    for (const other of this.#roster.announced()) {
      if (equal(other.key, peer.key) || !sameName(other.announced!.name, taken)) continue;
      if (other.order < peer.order) peer.tagged = true;
      else this.#tagLater(other);
    }
    if (!this.#clashes(peer)) return;
    if (peer.earlier && !this.#events.ready && !renamed) this.#tagged = true;
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
      this.#events.emit({ type: "renamed", member, before, own: false }); // Who is who, ignored or not.
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
    this.#events.emit({ type: "warning", code: "name-taken", message });
  }

  #warnNameMisleading(): void {
    const message =
      `Your name could be taken for lanchat's own lines: you are shown as ${this.me.name}`;
    this.#events.emit({ type: "warning", code: "name-misleading", message });
  }

  // What is sent.

  /** Sends the own status to the room, or to one who came later. */
  #sendStatus(to: Peer | undefined): Outgoing {
    return this.#sender.send({ kind: BodyKind.STATUS, body: utf8(this.#status), to });
  }
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
