/**
 * The receiver: opens sender keys and messages, and shows the messages.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import {
  Audience,
  type BatchItem,
  BodyKind,
  decodeBatch,
  decodeFileMessage,
  decodeMsg,
  decodeSkdm,
  decodeStatus,
  decodeText,
  type Inner,
  isFileKind,
} from "../wire/mod.ts";
import { warning } from "../session_events.ts";
import { ReceivingChain, refused } from "./chain.ts";
import type { Events, RoomEvent } from "./events.ts";
import type { Link } from "./link.ts";
import type { Parts, RoomOptions } from "./parts.ts";
import { type Peer, type ReceivingState, SILENT_AFTER_MS } from "./peer.ts";
import type { Reconnection } from "./reconnection.ts";
import type { Roster } from "./roster.ts";
import type { Turn } from "./serial_queue.ts";
import { textCost } from "./work_budget.ts";

/** Maximum difference of a sender's clock at which its times are shown, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 600_000;

/** Maximum consecutive wrong sender keys of one member; later ones are not even tried. */
const MAX_BAD_KEYS = 8;

/** Time from the first message without a key to the warning, in milliseconds. */
const UNREAD_MS = 30_000;

/** Opens sender keys and messages, and shows the messages. See PROTOCOL.md §6.3 to §6.6. */
export class Receiver {
  readonly #self: RoomOptions;
  readonly #link: Link;
  readonly #reconnection: Reconnection;
  readonly #roster: Roster;
  readonly #events: Events;
  readonly #clock: Clock;
  /** The chains of the messages opened since the last call of {@linkcode Receiver.prepare}. */
  readonly #opened = new Set<ReceivingChain>();

  /** Creates a receiver. @param reconnection Counts members whose messages could not be read. */
  constructor({ clock, events, link, roster, self }: Parts, reconnection: Reconnection) {
    this.#self = self;
    this.#link = link;
    this.#reconnection = reconnection;
    this.#roster = roster;
    this.#events = events;
    this.#clock = clock;
  }

  /** Derives the keys of the next messages on the chains of those opened since the last call. */
  prepare(): void {
    for (const chain of this.#opened) chain.prepare();
    this.#opened.clear();
  }

  /** Accepts a sender key. @throws {RoomError} If its author did not make it for this member now. */
  async receiveKey(peer: Peer, object: Bytes): Promise<void> {
    const skdm = decodeSkdm(object);
    const state: ReceivingState = peer.receiving;
    const { identity, keys, roomId, session } = this.#self;
    if (peer.announced === undefined) throw refused("sender key", "its author is not known");
    if (!equal(skdm.toKey, identity.publicKey) || !equal(skdm.toSession, session)) {
      throw refused("sender key", "it is for someone else");
    }
    if (
      !equal(skdm.fromSession, peer.session) || !equal(skdm.fromKey, peer.key) ||
      !equal(skdm.roomId, roomId)
    ) {
      throw refused("sender key", "it was made in another place");
    }
    if (!keys.has(skdm.toGeneration)) throw refused("sender key", "it is for a key that is gone");
    if (skdm.epoch <= state.epochs[skdm.audience]!) throw refused("sender key", "it is old");
    if (state.badKeys >= MAX_BAD_KEYS) {
      throw refused("sender key", "too many wrong ones came before");
    }
    const chain = await ReceivingChain.accept(
      skdm,
      peer.announced.verifier,
      this.#self,
      async () => {
        state.badKeys++;
        await peer.budget.spend();
      },
    );
    state.badKeys = 0;
    state.epochs[skdm.audience] = skdm.epoch;
    state.chains[skdm.audience] = chain;
  }

  /**
   * Opens a message and shows it, in its turn among the objects of all peers.
   *
   * @param again Whether it was sent again, and may be for other readers.
   * @returns Whether it says that its author leaves.
   * @throws {RoomError} If it cannot be opened, or was opened before.
   */
  async receiveMessage(
    peer: Peer,
    object: Bytes,
    again: boolean,
    turn: Turn,
  ): Promise<boolean> {
    const msg = decodeMsg(object);
    if (!equal(msg.fromSession, peer.session) || !equal(msg.roomId, this.#self.roomId)) {
      throw refused("message", "it was made in another place");
    }
    const state: ReceivingState = peer.receiving;
    const id = toHex(msg.chainId);
    const chain = state.chains.find((known) => known?.id === id);
    if (chain === undefined) {
      if (!again) {
        this.#reconnection.unread(peer);
        this.#warnWhenKeyMissing(peer);
      }
      throw refused("message", "its sender key is not known");
    }
    const { budget } = peer;
    const { inner, missing } = await chain.open(msg, (keys, derive) => budget.skip(keys, derive));
    this.#opened.add(chain);
    await turn();
    if (!this.#roster.has(peer)) return false;
    this.#showGap(peer, chain.audience, inner.before + msg.index, missing);
    state.keyMissed = false;
    state.unreadSince = undefined;
    if (await this.#roster.check.differs(peer, inner.roster)) {
      const message = `${peer.member!.name} sees other members in this room than you`;
      this.#events.emit(warning("roster-differs", message));
    }
    const direct = chain.audience === Audience.DIRECT;
    await this.#show(peer, inner, direct, again);
    // In a direct message, a leave would make the other members see another room.
    return inner.kind === BodyKind.LEAVE && !direct;
  }

  /** Shows messages that never came. @param total How many were sealed before. @param skipped How many of its chain. */
  #showGap(peer: Peer, audience: number, total: number, skipped: number): void {
    const state: ReceivingState = peer.receiving;
    const expected = state.totals[audience];
    state.totals[audience] = total + 1;
    // Counted over all chains: the end of one of them may be missing.
    const missing = expected === undefined ? skipped : Math.max(skipped, (total - expected) | 0);
    if (missing > 0) this.#events.emitOf(peer, { event: "gap", member: peer.member!, missing });
  }

  async #show(peer: Peer, inner: Inner, direct: boolean, again: boolean): Promise<void> {
    const { at, body, kind } = inner;
    switch (kind) {
      case BodyKind.TEXT:
      case BodyKind.ACTION:
      case BodyKind.BATCH: {
        const items = kind === BodyKind.BATCH ? decodeBatch(body) : [{ kind, text: body }];
        const messages = this.#messages(peer, items, at, direct);
        await this.#awaitBudget(peer, textCost(items.length, body.length), again);
        if (!this.#roster.has(peer)) return;
        for (const message of messages) this.#events.emitOf(peer, message);
        return;
      }
      case BodyKind.STATUS:
        return this.#showStatus(peer, decodeStatus(body));
    }
    if (!isFileKind(kind)) return;
    const message = decodeFileMessage(kind, body);
    await this.#awaitBudget(peer, textCost(1, body.length), again);
    if (this.#roster.has(peer)) this.#events.passFileMessage(peer, message, direct);
  }

  /** Waits until a member's budget has tokens. Messages that waited at the host or are sent again cost nothing. */
  async #awaitBudget(peer: Peer, cost: number, again: boolean): Promise<void> {
    const waited = !this.#link.open || again && this.#roster.moving; // They come at once, and are bounded.
    if (!waited) await peer.budget.show(cost);
  }

  /** Shows a member's status, unless it is the same as before. */
  #showStatus(peer: Peer, text: string): void {
    const state: ReceivingState = peer.receiving;
    if (text === state.status) return;
    state.status = text;
    if (!peer.presence.shown) return;
    this.#events.emitOf(peer, { event: "status", member: peer.member!, text });
  }

  /**
   * Warns once that a member's key is missing. One message proves nothing: a member that was suspended or lost
   * its connection sends messages that it sealed before it could handle this member's ANNOUNCE.
   */
  #warnWhenKeyMissing(peer: Peer): void {
    const state: ReceivingState = peer.receiving;
    const now = this.#clock.elapsed();
    const { introducedAt } = peer.announcing;
    const known = introducedAt !== undefined && now - introducedAt > SILENT_AFTER_MS;
    if (state.keyMissed || !known || peer.member === undefined) return;
    state.unreadSince ??= now;
    if (now - state.unreadSince < UNREAD_MS) return;
    state.keyMissed = true;
    const message = `Cannot read messages from ${peer.member.name}: their key has not arrived`;
    this.#events.emit(warning("messages-missing", message));
  }

  #messages(peer: Peer, items: readonly BatchItem[], at: number, direct: boolean): RoomEvent[] {
    if (items.some(({ text }) => text.length === 0)) throw refused("message", "it is empty");
    const now = this.#clock.now();
    const ageMs = now - at;
    const isCredible = ageMs >= -MAX_CLOCK_SKEW_MS &&
      ageMs <= this.#link.keepMs + MAX_CLOCK_SKEW_MS;
    return items.map(({ kind, text }): RoomEvent => ({
      event: "message",
      from: peer.member!,
      text: decodeText(text),
      kind: kind === BodyKind.ACTION ? "action" : "text",
      private: direct,
      at: isCredible ? at : now,
    }));
  }
}
