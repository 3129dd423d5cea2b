import { type Bytes, equal, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import {
  Audience,
  type BatchItem,
  BodyKind,
  decodeBatch,
  decodeMsg,
  decodeSkdm,
  decodeStatus,
  decodeText,
  type Inner,
} from "../wire/mod.ts";
import { warning } from "../session_events.ts";
import { type Author, ReceivingChain, refused } from "./chain.ts";
import type { Events, RoomEvent } from "./events.ts";
import { type Peer, SILENT_AFTER_MS } from "./peer.ts";
import type { Roster } from "./roster.ts";
import type { SessionKeys } from "./session_keys.ts";
import { textCost } from "./work_budget.ts";

/** A sender's clock that is further off than this is not believed, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 600_000;

/** Sender keys of one member that may be wrong, one after the other. */
const MAX_BAD_KEYS = 8;

/** Time from the first message without its key to one that is said to be missing, in milliseconds. */
const UNREAD_MS = 30_000;

/** Who hears, and what becomes of it. */
export interface ReceiverOptions {
  /** This member, and the keys that others wrap theirs for. */
  readonly self: Author & { readonly keys: SessionKeys };
  /** The members. */
  readonly roster: Roster;
  /** Takes what they say. */
  readonly events: Events;
  /** The time. */
  readonly clock: Clock;
  /** Whether all that waited at the host has come. */
  readonly caughtUp: () => boolean;
  /** How long the host keeps a seat, and what waits in it, in milliseconds. */
  readonly keepMs: () => number;
  /** Called with the sender of a message whose key is not known. */
  readonly onUnread: (peer: Peer) => void;
  /** Called with a member that has said that it leaves. */
  readonly onLeft: (peer: Peer) => void;
}

/** Opens what others say, and tells it. See PROTOCOL.md §6.3 to §6.6. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #roster: Roster;
  readonly #events: Events;
  readonly #clock: Clock;

  /** Begins with nothing heard. */
  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#roster = options.roster;
    this.#events = options.events;
    this.#clock = options.clock;
  }

  /** Takes a sender key. @throws {RoomError} If it is not one that its author made for this member now. */
  async takeKey(peer: Peer, object: Bytes): Promise<void> {
    const skdm = decodeSkdm(object);
    const { identity, keys, roomId, session } = this.#options.self;
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
    const chain = await ReceivingChain.take(
      skdm,
      peer.announced.verifier,
      this.#options.self,
      async () => {
        peer.badKeys++;
        await peer.budget.spend();
      },
    );
    peer.badKeys = 0;
    peer.epochs[skdm.audience] = skdm.epoch;
    peer.chains[skdm.audience] = chain;
  }

  /**
   * Opens a message and tells what it says.
   *
   * @param again Whether it was sent again, and need not be for this member.
   * @throws {RoomError} If it cannot be opened, or was opened before.
   */
  async takeMessage(peer: Peer, object: Bytes, again: boolean): Promise<void> {
    const msg = decodeMsg(object);
    if (!equal(msg.fromSession, peer.session) || !equal(msg.roomId, this.#options.self.roomId)) {
      throw refused("message", "it was made in another place");
    }
    const id = toHex(msg.chainId);
    const chain = peer.chains.find((known) => known?.id === id);
    if (chain === undefined) {
      if (!again) {
        this.#options.onUnread(peer);
        this.#missKey(peer);
      }
      throw refused("message", "its sender key is not known");
    }
    const { budget } = peer;
    const { inner, missing } = await chain.open(msg, (keys, derive) => budget.skip(keys, derive));
    if (!this.#roster.has(peer)) return;
    this.#showGap(peer, chain.audience, inner.before + msg.index, missing);
    peer.keyMissed = false;
    peer.unreadSince = undefined;
    if (await this.#roster.check.breaks(peer, inner.roster)) {
      this.#events.emit(
        warning(
          "roster-differs",
          `${peer.member!.name} sees other members in this room than you do`,
        ),
      );
    }
    await this.#show(peer, inner, chain.audience === Audience.DIRECT, again);
  }

  /** @param total How many messages were sealed before this one. @param skipped How many of its chain. */
  #showGap(peer: Peer, audience: number, total: number, skipped: number): void {
    const expected = peer.totals[audience];
    peer.totals[audience] = total + 1;
    // Counted over the chains, as the end of one of them may be missing.
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
        // What waited at the host, or is sent again, comes at once, and is bounded.
        const waited = !this.#options.caughtUp() || again && this.#roster.moving;
        if (!waited) await peer.budget.show(textCost(items.length, body.length));
        if (!this.#roster.has(peer)) return;
        for (const message of messages) this.#events.emitOf(peer, message);
        return;
      }
      case BodyKind.STATUS:
        return this.#showStatus(peer, decodeStatus(body));
      case BodyKind.LEAVE:
        // To one member alone it would make others see another room.
        if (!direct) this.#options.onLeft(peer);
    }
  }

  /** Shows how a member says it is; who comes may be told twice. */
  #showStatus(peer: Peer, text: string): void {
    if (text === peer.status) return;
    peer.status = text;
    if (!peer.shown) return;
    this.#events.emitOf(peer, { event: "status", member: peer.member!, text });
  }

  /**
   * Says once that a member's key has not come. One message is no proof: a member that was suspended, or
   * whose connection broke, sends what it sealed before it could deal with the ANNOUNCE of this one.
   */
  #missKey(peer: Peer): void {
    const now = this.#clock.elapsed();
    const known = peer.introducedAt !== undefined && now - peer.introducedAt > SILENT_AFTER_MS;
    if (peer.keyMissed || !known || peer.member === undefined) return;
    peer.unreadSince ??= now;
    if (now - peer.unreadSince < UNREAD_MS) return;
    peer.keyMissed = true;
    this.#events.emit(
      warning(
        "messages-missing",
        `Messages of ${peer.member.name} cannot be read as their key has not come`,
      ),
    );
  }

  #messages(peer: Peer, items: readonly BatchItem[], at: number, direct: boolean): RoomEvent[] {
    if (items.some(({ text }) => text.length === 0)) throw refused("message", "it is empty");
    const now = this.#clock.now();
    const ageMs = now - at;
    const isCredible = ageMs >= -MAX_CLOCK_SKEW_MS &&
      ageMs <= this.#options.keepMs() + MAX_CLOCK_SKEW_MS;
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
