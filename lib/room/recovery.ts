/**
 * Recovery: after a restart of the host, peers send each other lost objects again.
 *
 * @module
 */
import { type Bytes, equal } from "../bytes/mod.ts";
import { LanchatError } from "../errors.ts";
import {
  decodeAgain,
  decodeNeed,
  encodeAgain,
  encodeNeed,
  EnvelopeClass,
  type MemberEnvelope,
  ObjectType,
} from "../wire/mod.ts";
import { WINDOW_BYTES } from "./envelope_queue.ts";
import { HoldBuffer, type HoldTotal } from "./hold_buffer.ts";
import type { Link } from "./link.ts";
import type { Parts } from "./parts.ts";
import type { Peer, RecoveryState } from "./peer.ts";
import type { Reconnection } from "./reconnection.ts";
import type { Roster } from "./roster.ts";
import type { Sender } from "./sender.ts";
import { Timers } from "./timers.ts";

/** Time that a peer has for the next object of its answer, in milliseconds. */
export const ANSWER_MS = 10_000;

/** Handles an object of a peer. @param again Whether it was sent again, and may be for other readers. */
export type ObjectHandler = (peer: Peer, object: Bytes, again: boolean) => Promise<void>;

/** The objects to send again to one peer. */
export interface Answer {
  /** The round of its NEED. */
  readonly round: number;
  /** The envelopes not sent yet. */
  readonly envelopes: MemberEnvelope[];
}

/**
 * Replaces objects lost with a host process: each member asks every other for those that it still keeps, and holds
 * newer objects of it back meanwhile. See PROTOCOL.md §6.7.
 */
export class Recovery {
  readonly #roster: Roster;
  readonly #reconnection: Reconnection;
  readonly #handle: ObjectHandler;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #timers: Timers;
  readonly #heldTotal: HoldTotal = { bytes: 0 };
  /** The answers that are not sent in full. */
  readonly answers: Map<Peer, Answer> = new Map();
  #rounds = 0;

  /**
   * Creates one with nothing to recover.
   *
   * @param sender Waits for peers that may lack something.
   * @param reconnection Shows the return once no object is held back.
   * @param handle Handles an object in its turn.
   */
  constructor(
    { clock, link, roster }: Parts,
    sender: Sender,
    reconnection: Reconnection,
    handle: ObjectHandler,
  ) {
    this.#link = link;
    this.#roster = roster;
    this.#sender = sender;
    this.#reconnection = reconnection;
    this.#handle = handle;
    this.#timers = new Timers(clock);
  }

  /** Asks a peer for the objects that it keeps, and begins to hold newer ones back. */
  ask(peer: Peer): void {
    const state: RecoveryState = peer.recovery;
    state.round = ++this.#rounds;
    state.held ??= new HoldBuffer(this.#heldTotal); // Objects held before stay held.
    state.askedIn = this.#link.send({
      class: EnvelopeClass.CONTROL,
      to: peer.session,
      object: encodeNeed(state.round),
    }, false);
    this.#awaitAnswer(peer);
  }

  /** Gives a peer time to ask for missing objects; a peer that does not ask lacks none. */
  awaitQuestion(peer: Peer): void {
    this.#timers.after(`question ${peer.id}`, 2 * ANSWER_MS, () => {
      if (peer.delivery.unsettledUntil !== Infinity) return;
      if (peer.seat.away || !this.#link.open) this.awaitQuestion(peer);
      else {
        // The NEED to the peer is queued after all that makes the peer ask.
        this.#sender.delivery.setUnsettled(peer, peer.recovery.askedIn);
        this.#sender.pump();
      }
    });
  }

  /** Cancels the wait for a peer's question. */
  stopAwaitingQuestion(peer: Peer): void {
    this.#timers.cancel(`question ${peer.id}`);
  }

  /** Restarts all waits after a time without a connection. */
  restartWaits(): void {
    for (const peer of this.#roster) {
      if (this.#timers.has(`answer ${peer.id}`)) this.#awaitAnswer(peer);
      if (this.#timers.has(`question ${peer.id}`)) this.awaitQuestion(peer);
    }
  }

  /** Holds an object back. @returns Whether there was room; if not, the wait is over and all held are handled. */
  async hold(peer: Peer, object: Bytes): Promise<boolean> {
    if (peer.recovery.held?.hold(object)) return true;
    await this.conclude(peer);
    return false;
  }

  /** Handles an AGAIN: an object sent again, or the end of an answer. */
  async receiveAgain(peer: Peer, again: Bytes): Promise<void> {
    const { round, object } = decodeAgain(again);
    // Accept a late one too: its object is lost only if a newer one was handled.
    if (peer.recovery.round !== round) return;
    if (peer.recovery.held !== undefined) this.#awaitAnswer(peer);
    if (object === undefined) await this.conclude(peer);
    else await this.#handle(peer, object, true);
  }

  /** Ends the wait for a peer's answer and handles all objects held back. */
  async conclude(peer: Peer): Promise<void> {
    const state: RecoveryState = peer.recovery;
    const { held } = state;
    if (held === undefined) return;
    state.held = undefined;
    this.#timers.cancel(`answer ${peer.id}`);
    for (const object of held.release()) {
      await this.#handle(peer, object, false).catch((error) => {
        if (!(error instanceof LanchatError)) throw error;
      });
    }
    this.#reconnection.showWhenComplete();
  }

  /**
   * Handles a NEED: sends again the kept objects that a peer may read.
   *
   * @param moves How often the room had moved to another host process when the NEED came.
   */
  async receiveNeed(peer: Peer, need: Bytes, moves: number): Promise<void> {
    const round = decodeNeed(need);
    await peer.budget.spend();
    // At another host process the peer asks again. It drops the answer to this NEED, which would count as delivered.
    if (moves !== this.#roster.moves) return;
    // Without a restart the peer cannot lack any object.
    const envelopes = this.#roster.moving
      ? this.#link.envelopes.kept.filter(({ object, to }) => {
        if (peer.withheld && object[0] !== ObjectType.ANNOUNCE) return false;
        return to === undefined || equal(to, peer.session);
      })
      : [];
    // Only the last of several questions counts; it moves to the end of the queue.
    this.answers.delete(peer);
    this.answers.set(peer, { round, envelopes: [...envelopes] });
    this.sendAnswers();
  }

  /** Sends answers, as far as the window has room for them. */
  sendAnswers(): void {
    // Half of the window is left to new messages.
    while (this.#link.envelopes.pendingBytes < WINDOW_BYTES / 2) {
      const [next] = this.answers;
      if (next === undefined) return;
      const [peer, answer] = next;
      const { envelopes, round } = answer;
      const envelope = envelopes.shift();
      // In turns: the last peer would wait for the answers to all others.
      this.answers.delete(peer);
      if (envelope !== undefined) this.answers.set(peer, answer);
      const cmid = this.#link.send({
        class: envelope?.class ?? EnvelopeClass.CONTROL,
        to: peer.session,
        object: encodeAgain({ round, object: envelope?.object }),
      }, false);
      if (envelope === undefined && peer.delivery.unsettledUntil !== undefined) {
        this.#sender.delivery.setUnsettled(peer, cmid);
      }
    }
  }

  /** Cancels the answer to a peer. */
  stopAnswering(peer: Peer): void {
    this.answers.delete(peer);
  }

  /** Cancels all answers: every peer asks again. */
  stopAnsweringAll(): void {
    this.answers.clear();
  }

  /** Cancels all waits and answers. */
  end(): void {
    this.#timers.clear();
    this.answers.clear();
  }

  #awaitAnswer(peer: Peer): void {
    this.#timers.after(`answer ${peer.id}`, ANSWER_MS, () => {
      // Nothing comes without a connection.
      if (!this.#link.open) this.#awaitAnswer(peer);
      else peer.queue.push(0, () => this.conclude(peer));
    });
  }
}
