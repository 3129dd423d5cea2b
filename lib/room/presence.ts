/**
 * Presence: the state in which each member is shown.
 *
 * @module
 */
import { type LeaveReason, warning } from "../session_events.ts";
import type { Events } from "./events.ts";
import type { Member, Peer, PresenceState } from "./peer.ts";

/** Shows members as they join, lose their connection, come back and leave. */
export class Presence {
  readonly #events: Events;

  /** Creates one that shows no member. */
  constructor(events: Events) {
    this.#events = events;
  }

  /** Shows this member as ready, with the members that were here before. */
  showReady(me: Member, peers: readonly Peer[]): void {
    for (const peer of peers) {
      const state: PresenceState = peer.presence;
      state.shown = true;
      state.lostShown = peer.out;
    }
    this.#events.emit({ event: "ready", me, members: peers.map((peer) => peer.member!) });
  }

  /** Shows that a member joined, unless it is shown or `ready` will show it. */
  showJoined(peer: Peer): void {
    const state: PresenceState = peer.presence;
    if (state.shown || peer.seat.gone || !this.#events.ready && peer.earlier) return;
    state.shown = true;
    this.#events.emit({ event: "joined", member: peer.member! });
    if (!peer.lockedOut) return;
    const message = `${peer.member!.name} joined after you locked the room and cannot read you`;
    this.#events.emit(warning("key-withheld", message));
  }

  /** Shows that a member lost its connection. */
  showLost(peer: Peer): void {
    const state: PresenceState = peer.presence;
    if (!state.shown || peer.seat.gone || state.lostShown) return;
    state.lostShown = true;
    this.#events.emit({ event: "lost", member: peer.member! });
  }

  /** Shows that a member has its connection back. */
  showBack(peer: Peer): void {
    const state: PresenceState = peer.presence;
    if (!state.lostShown || peer.seat.gone) return;
    state.lostShown = false;
    this.#events.emit({ event: "back", member: peer.member! });
  }

  /** Shows that a member left. */
  showLeft(peer: Peer, reason: LeaveReason): void {
    const state: PresenceState = peer.presence;
    if (!state.shown) return;
    state.shown = false;
    this.#events.emit({ event: "left", member: peer.member!, reason });
  }
}
