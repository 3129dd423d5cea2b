/**
 * The membership state machine. A session is named by the host, announces itself, may be away (its connection
 * is lost) or absent (it has not reached a restarted host), is gone, and is removed.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import type { Channel } from "../channel/mod.ts";
import type { LeaveReason } from "../session_events.ts";
import {
  CloseReason,
  HOST_SESSION,
  type HostEnvelope,
  MemberChange,
  ObjectType,
} from "../wire/mod.ts";
import type { Announcer } from "./announcer.ts";
import { Decisions } from "./decisions.ts";
import type { Events } from "./events.ts";
import type { Link, LinkListener, NamedChange, NamedSession } from "./link.ts";
import type { Naming } from "./naming.ts";
import type { Parts, RoomOptions } from "./parts.ts";
import { LOST_AFTER_MS, type Peer, type Present } from "./peer.ts";
import type { Presence } from "./presence.ts";
import { Receiver } from "./receiver.ts";
import { Reconnection } from "./reconnection.ts";
import { ANSWER_MS, Recovery } from "./recovery.ts";
import { MOVE_MS, type Roster } from "./roster.ts";
import type { Sender } from "./sender.ts";
import type { SerialQueues, Turn } from "./serial_queue.ts";
import { Timers } from "./timers.ts";
import { Unannounced } from "./unannounced.ts";

const OBJECT_TYPES: ReadonlySet<number> = new Set(Object.values(ObjectType));

/** The parts of a room that {@linkcode Membership} uses and does not create. */
export interface MembershipParts {
  /** Sends and checks announcements. */
  readonly announcer: Announcer;
  /** Names members. */
  readonly naming: Naming;
  /** Shows members. */
  readonly presence: Presence;
  /** Run the handling of peers' objects. */
  readonly queues: SerialQueues;
  /** Sends messages. */
  readonly sender: Sender;
}

/** Keeps the members of the room, by the host's records and the peers' objects. See PROTOCOL.md §6. */
export class Membership implements LinkListener {
  readonly #self: RoomOptions;
  readonly #queues: SerialQueues;
  readonly #naming: Naming;
  readonly #link: Link;
  readonly #roster: Roster;
  readonly #events: Events;
  readonly #sender: Sender;
  readonly #presence: Presence;
  readonly #announcer: Announcer;
  readonly #timers: Timers;
  readonly #decisions: Decisions;
  readonly #reconnection: Reconnection;
  readonly #recovery: Recovery;
  readonly #receiver: Receiver;
  readonly #unannounced: Unannounced;

  /** Creates the membership of a room that is not entered. */
  constructor(parts: Parts, { announcer, naming, presence, queues, sender }: MembershipParts) {
    const { clock, events, link, roster, self } = parts;
    this.#self = self;
    this.#queues = queues;
    this.#link = link;
    this.#roster = roster;
    this.#events = events;
    this.#sender = sender;
    this.#presence = presence;
    this.#naming = naming;
    this.#announcer = announcer;
    this.#timers = new Timers(clock);
    this.#decisions = new Decisions(self, queues.queue(), (key, reason) => {
      for (const peer of roster) if (equal(peer.key, key)) this.#leave(peer, reason);
    });
    this.#reconnection = new Reconnection(parts);
    this.#recovery = new Recovery(
      parts,
      sender,
      this.#reconnection,
      (peer, object, again) => this.#handle(peer, object, again),
    );
    this.#receiver = new Receiver(parts, this.#reconnection);
    this.#unannounced = new Unannounced(parts);
  }

  /** The sessions reported as unannounced. */
  get strangers(): Present[] {
    return this.#unannounced.strangers;
  }

  /** Serves a connection until it ends, as {@linkcode Link.run} does. */
  async run(channel: Channel): Promise<number> {
    if (this.#roster.entered) this.#reconnection.begin();
    await this.#naming.computeTag();
    try {
      return await this.#link.run(channel, this);
    } finally {
      this.#self.keys.hold(this.#link.keepMs);
    }
  }

  /** Deletes all sessions and cancels all waits. */
  end(): void {
    this.#unannounced.end();
    this.#timers.clear();
    this.#roster.clear();
    this.#recovery.end();
  }

  // Records of the host.

  /** Announces this member to the host. */
  seated(): void {
    void this.#announcer.enterRoom();
  }

  /** Adds the sessions of a ROSTER. */
  roster(entries: readonly NamedSession[], restarted: boolean): void {
    for (const entry of entries) this.#add(entry, restarted || !this.#roster.entered);
    this.#roster.enter();
    if (restarted) this.#move(entries);
    void this.#announcer.sendDue();
  }

  /** Applies a change of one session. */
  member(record: NamedChange): void {
    const { change, reason, session } = record;
    const peer = this.#roster.get(session);
    if (change === MemberChange.JOINED) {
      if (peer?.absent) this.#setPresent(peer, false);
      else this.#addOne({ ...record, away: false });
    }
    if (peer === undefined) return;
    switch (change) {
      case MemberChange.LEFT:
        this.#roster.unname(peer);
        this.#receiveLeft(peer, reason);
        break;
      case MemberChange.AWAY:
        this.#roster.setAway(peer, true);
        peer.queue.push(0, () => {
          this.#presence.showLost(peer);
          this.#announcer.answered(peer);
        });
        this.#sender.delivery.settle();
        this.#sender.pump();
        break;
      case MemberChange.BACK:
        this.#roster.setAway(peer, false);
        peer.queue.push(0, () => this.#presence.showBack(peer));
        break;
    }
  }

  /** Queues an object of a peer, or handles a decision of the host. */
  envelope({ from, object }: HostEnvelope): void {
    if (equal(from, HOST_SESSION)) return this.#decisions.receive(object);
    const peer = this.#roster.get(from);
    if (peer === undefined || peer.seat.burned || !OBJECT_TYPES.has(object[0]!)) return;
    if (object[0] === ObjectType.ANNOUNCE) return this.#queueAnnouncement(peer, object);
    if (object[0] === ObjectType.NEED) return this.#queueQuestion(peer, object);
    const { applied } = this.#decisions;
    peer.queue.push(object.length, (turn) => this.#receive(peer, object, applied, turn));
  }

  /** Counts envelopes as accepted, and sends more. */
  accepted(cmid: number): void {
    this.#sender.delivery.accepted(cmid);
    this.#sender.pump();
  }

  /** Counts envelopes as delivered, and sends more. */
  delivered(delivered: number, reached: number): void {
    this.#sender.delivery.delivered(delivered, reached);
    if (this.#recovery.answers.size > 0) this.#recovery.sendAnswers();
    this.#sender.pump();
  }

  /** Notes which sessions lack messages of this member. */
  behind(sessions: readonly Bytes[]): void {
    this.#sender.delivery.resolveBehind(new Set(sessions.map(toHex)));
  }

  /** Shows the return and sends messages: all that waited at the host has come. */
  opened(): void {
    this.#self.keys.release();
    this.#reconnection.opened();
    this.#recovery.restartWaits();
    this.#reconnection.showWhenComplete();
    this.#sender.pump();
  }

  /** Resolves once all that came is handled and shown. */
  async settled(): Promise<void> {
    await this.#queues.settled();
    await this.#self.shown?.();
    this.#receiver.prepare(); // Not before: what is shown would wait for it.
  }

  // Objects of peers.

  #queueAnnouncement(peer: Peer, object: Bytes): void {
    const { applied } = this.#decisions;
    const dequeued = (): void => this.#announcer.dequeued(peer);
    this.#announcer.queued(peer);
    peer.queue.push(object.length, (turn) => {
      dequeued();
      return this.#receive(peer, object, applied, turn);
    }, dequeued);
  }

  #queueQuestion(peer: Peer, need: Bytes): void {
    const { applied } = this.#decisions;
    const { moves } = this.#roster;
    peer.queue.push(need.length, async () => {
      await applied;
      if (this.#roster.has(peer)) await this.#recovery.receiveNeed(peer, need, moves);
    });
  }

  /**
   * Receives an object in its turn. All but answers wait while the peer is held back.
   *
   * @param applied Resolves once all earlier decisions of the host are applied.
   * @param turn Resolves once all earlier objects of other peers are handled.
   */
  async #receive(
    peer: Peer,
    object: Bytes,
    applied: Promise<void>,
    turn: Turn,
  ): Promise<void> {
    await applied;
    if (!this.#roster.has(peer)) return; // It may be banned.
    if (object[0] === ObjectType.AGAIN) return await this.#recovery.receiveAgain(peer, object);
    if (peer.recovery.held !== undefined && await this.#recovery.hold(peer, object)) return;
    await this.#handle(peer, object, false, turn);
  }

  /**
   * Handles an object.
   *
   * @param again Whether it was sent again, and may be for other readers.
   * @param turn As in {@linkcode Membership.#receive}; an object sent again has no turn.
   */
  async #handle(peer: Peer, object: Bytes, again: boolean, turn: Turn = now): Promise<void> {
    if (!this.#roster.has(peer)) return;
    switch (object[0]) {
      case ObjectType.ANNOUNCE:
        return await this.#receiveAnnouncement(peer, object, turn);
      case ObjectType.SKDM:
        return await this.#receiver.receiveKey(peer, object);
      case ObjectType.MSG:
        if (await this.#receiver.receiveMessage(peer, object, again, turn)) {
          this.#receiveLeave(peer);
        }
    }
  }

  async #receiveAnnouncement(peer: Peer, object: Bytes, turn: Turn): Promise<void> {
    const { announced, nameTaken } = await this.#announcer.check(peer, object);
    await turn();
    if (!this.#roster.has(peer)) return;
    const isNew = peer.announced === undefined;
    this.#unannounced.announced(peer);
    this.#naming.accept(peer, announced, nameTaken); // It is shown before it is given a key.
    await this.#announcer.sendDue();
    if (isNew) this.#sender.sendStatus(peer);
    this.#announcer.answered(peer);
    this.#sender.pump();
  }

  // Sessions that come.

  /** Adds a session that the host did not name together with others. */
  #addOne(entry: NamedSession, lingers = false): void {
    this.#add(entry, false, lingers);
    this.#roster.recordChange();
  }

  #add(entry: NamedSession, earlier: boolean, lingers = false): void {
    if (this.#decisions.bans(entry.key)) return;
    const peer = this.#roster.admit(entry, earlier, lingers);
    if (peer === undefined) return;
    this.#unannounced.named(peer);
    // It may know this member from the previous host process, and not announce itself again.
    if (this.#roster.moving && !peer.seat.burned) this.#recovery.ask(peer);
  }

  /** Moves to another host process, which lost the queues of the previous one. */
  #move(entries: readonly NamedSession[]): void {
    this.#roster.move(this.#link.keepMs);
    this.#timers.after("moved", MOVE_MS, () => this.#sender.pump());
    this.#recovery.stopAnsweringAll();
    this.#reconnection.restarted();
    const here = new Map(entries.map((entry) => [toHex(entry.session), entry]));
    for (const peer of this.#roster) {
      if (peer.seat.gone) continue;
      if (peer.announced !== undefined) this.#sender.delivery.setUnsettled(peer, Infinity);
      const entry = here.get(peer.id);
      if (entry !== undefined) this.#setPresent(peer, entry.away);
      else this.#setAbsent(peer);
    }
    this.#sender.delivery.settle();
    this.#sender.pump();
  }

  /** Notes that a session of the previous host process has reached this one, and asks it for lost objects. */
  #setPresent(peer: Peer, away: boolean): void {
    this.#roster.setAbsent(peer, false);
    this.#roster.setAway(peer, away);
    this.#timers.cancel(`absent ${peer.id}`);
    this.#recovery.ask(peer);
    this.#recovery.awaitQuestion(peer);
    peer.queue.push(0, () => {
      if (peer.seat.away) this.#presence.showLost(peer);
      else if (!peer.absent) this.#presence.showBack(peer);
    });
    this.#sender.pump();
  }

  /** Notes that a session of the previous host process has not reached this one. */
  #setAbsent(peer: Peer): void {
    if (peer.absent) return; // Its time began at an earlier process.
    this.#roster.setAbsent(peer, true);
    this.#roster.setAway(peer, false);
    this.#recovery.stopAwaitingQuestion(peer);
    peer.queue.push(0, () => this.#announcer.answered(peer));
    const { keepMs } = this.#link;
    if (keepMs < LOST_AFTER_MS) return this.#awaitReturn(peer, keepMs);
    this.#timers.after(`absent ${peer.id}`, LOST_AFTER_MS, () => {
      peer.queue.push(0, () => this.#presence.showLost(peer));
      this.#awaitReturn(peer, keepMs - LOST_AFTER_MS);
    });
  }

  #awaitReturn(peer: Peer, ms: number): void {
    this.#timers.after(`absent ${peer.id}`, ms, () => {
      // Its MEMBER joined may wait at the host for this member's connection.
      if (this.#link.open) this.#leave(peer, "connection-lost");
      else this.#awaitReturn(peer, ANSWER_MS);
    });
  }

  // Sessions that leave.

  /** Applies MEMBER left. */
  #receiveLeft(peer: Peer, reason: number): void {
    if (reason !== CloseReason.KICKED && reason !== CloseReason.BANNED) {
      return this.#leave(peer, leaveReason(reason));
    }
    // The host's signed decision comes first; without it the session is gone all the same.
    this.#revoke(peer);
    void this.#decisions.applied.then(() => this.#leave(peer, "connection-lost"));
  }

  /** Removes a session that is gone, once its last messages are shown. */
  #leave(peer: Peer, reason: LeaveReason): void {
    this.#revoke(peer);
    peer.queue.push(0, async () => {
      await this.#recovery.conclude(peer);
      this.#remove(peer, reason);
    });
  }

  /** Removes a session that announced that it leaves. If the host still names it, it stays as a stranger. */
  #receiveLeave(peer: Peer): void {
    const { absent, key, nonce, seat, session, tag } = peer;
    const named = !seat.gone && !absent;
    this.#remove(peer, "left");
    if (named) this.#addOne({ key, nonce, session, tag, away: seat.away }, true);
  }

  /** Keeps everything sealed from now on from a session. */
  #revoke(peer: Peer): void {
    this.#roster.leave(peer);
    this.#recovery.stopAnswering(peer);
    this.#sender.delivery.left(peer);
    this.#sender.revoke(peer);
  }

  #remove(peer: Peer, reason: LeaveReason): void {
    if (!this.#roster.has(peer)) return;
    this.#revoke(peer);
    this.#roster.remove(peer);
    if (peer.seat.namedAgain !== undefined) this.#addOne(peer.seat.namedAgain);
    this.#timers.cancel(`absent ${peer.id}`);
    this.#recovery.stopAwaitingQuestion(peer);
    this.#sender.delivery.setUnsettled(peer, undefined);
    this.#sender.pump();
    this.#announcer.answered(peer);
    if (peer.announced === undefined) return this.#unannounced.left(peer);
    this.#presence.showLeft(peer, reason);
    if (reason === "kicked" || reason === "banned") this.#showRekeyed(peer);
  }

  /** Shows that keys are new, once all sessions of an identity that the host removed are gone. */
  #showRekeyed({ key }: Peer): void {
    const others = [...this.#roster].some((other) => equal(other.key, key));
    if (!others) this.#events.emit({ event: "rekeyed" });
  }
}

/** The turn of an object that has none: it is handled at once. */
const now: Turn = () => Promise.resolve();

/** Returns the reason to show for a reason of MEMBER left. */
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
