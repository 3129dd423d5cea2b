import { type Bytes, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
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
import type { Delivery } from "./delivery.ts";
import { type Link, WINDOW_BYTES } from "./link.ts";
import type { Peer } from "./peer.ts";
import { type Held, HoldBuffer } from "./hold_buffer.ts";
import type { Roster } from "./roster.ts";
import { Timers } from "./timers.ts";

/** How long a member may take to send again what it was asked for, in milliseconds. */
export const ANSWER_MS = 10_000;

/** What a recovery tells the room. */
export interface RecoveryListener {
  /** It is an object's turn. @param again Whether it was sent again, and need not be for this member. */
  take(peer: Peer, object: Bytes, again: boolean): Promise<void>;
  /** A member has not answered in time: {@linkcode Recovery.conclude} is due, in its queue. */
  late(peer: Peer): void;
  /** A member has answered, or is not waited for any more. */
  concluded(): void;
}

/** Between whom something is sent again. */
export interface RecoveryOptions {
  /** The way to the host. */
  readonly link: Link;
  /** The members. */
  readonly roster: Roster;
  /** Is told who lacks what until when. */
  readonly delivery: Delivery;
  /** The time. */
  readonly clock: Clock;
}

/** What a member is to be sent again. */
interface Answer {
  /** The number of its question. */
  readonly round: number;
  /** What is left of it. */
  readonly envelopes: MemberEnvelope[];
}

/**
 * Heals what was lost with a host process: each member asks every other for what it still keeps for it,
 * and takes nothing newer from it before. See PROTOCOL.md §6.7.
 */
export class Recovery {
  readonly #link: Link;
  readonly #roster: Roster;
  readonly #delivery: Delivery;
  readonly #listener: RecoveryListener;
  readonly #timers: Timers;
  /** What waits for answers. */
  readonly #held: Held = { bytes: 0 };
  readonly #answers = new Map<Peer, Answer>();
  #rounds = 0;

  /** Begins with nothing lost. */
  constructor(options: RecoveryOptions, listener: RecoveryListener) {
    this.#link = options.link;
    this.#roster = options.roster;
    this.#delivery = options.delivery;
    this.#listener = listener;
    this.#timers = new Timers(options.clock);
  }

  /** Asks a member for what it still keeps for this one. */
  ask(peer: Peer): void {
    peer.round = ++this.#rounds;
    peer.question ??= new HoldBuffer(this.#held); // What waits already goes on waiting.
    peer.askedIn = this.#link.send({
      class: EnvelopeClass.CONTROL,
      to: peer.session,
      object: encodeNeed(peer.round),
    }, false);
    this.#awaitAnswer(peer);
  }

  /** A member has its time to ask what it lacks; who does not, lacks nothing. */
  awaitQuestion(peer: Peer): void {
    this.#timers.after(`owed ${peer.id}`, 2 * ANSWER_MS, () => {
      if (peer.owedUntil !== Infinity) return;
      if (peer.away || !this.#link.open) this.awaitQuestion(peer);
      else this.#delivery.owe(peer, peer.askedIn); // It lies behind all that tells the member to ask.
    });
  }

  /** It is not waited for what a member lacks, as it is not here. */
  stopAwaitingQuestion(peer: Peer): void {
    this.#timers.cancel(`owed ${peer.id}`);
  }

  /** What could not come while there was no connection has its whole time again. */
  waitAnew(): void {
    for (const peer of this.#roster) {
      if (this.#timers.has(`answer ${peer.id}`)) this.#awaitAnswer(peer);
      if (this.#timers.has(`owed ${peer.id}`)) this.awaitQuestion(peer);
    }
  }

  /** Takes an object that arrived: all but what is asked and answered goes on when it is its turn. */
  async receive(peer: Peer, object: Bytes): Promise<void> {
    switch (object[0]) {
      case ObjectType.NEED:
        return await this.#receiveNeed(peer, decodeNeed(object));
      case ObjectType.AGAIN: {
        const { round, object: inner } = decodeAgain(object);
        // Late as it may be: where nothing newer came, nothing of it is lost.
        if (peer.round !== round) return;
        if (peer.question !== undefined) this.#awaitAnswer(peer);
        return inner === undefined
          ? await this.conclude(peer)
          : await this.#listener.take(peer, inner, true);
      }
    }
    if (peer.question?.hold(object)) return;
    await this.conclude(peer);
    await this.#listener.take(peer, object, false);
  }

  /** Nothing more is sent again: now comes what waited for that. */
  async conclude(peer: Peer): Promise<void> {
    const { question } = peer;
    if (question === undefined) return;
    peer.question = undefined;
    this.#timers.cancel(`answer ${peer.id}`);
    for (const object of question.release()) {
      await this.#listener.take(peer, object, false).catch((error) => {
        if (!(error instanceof LanchatError)) throw error;
      });
    }
    this.#listener.concluded();
  }

  /** Sends again what was asked for, as far as there is room for it. */
  answerMore(): void {
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
      if (envelope === undefined && peer.owedUntil !== undefined) {
        this.#delivery.owe(peer, cmid);
      }
    }
  }

  /** A member is sent nothing again any more. */
  stopAnswering(peer: Peer): void {
    this.#answers.delete(peer);
  }

  /** Nobody is, as everybody asks anew. */
  stopAnsweringAll(): void {
    this.#answers.clear();
  }

  /** Waits for nothing any more. */
  end(): void {
    this.#timers.clear();
    this.#answers.clear();
  }

  #awaitAnswer(peer: Peer): void {
    this.#timers.after(`answer ${peer.id}`, ANSWER_MS, () => {
      // Nothing comes while there is no connection.
      if (!this.#link.open) this.#awaitAnswer(peer);
      else this.#listener.late(peer);
    });
  }

  async #receiveNeed(peer: Peer, round: number): Promise<void> {
    await peer.budget.spend();
    // Without a restart there is nothing that the asker could lack.
    const envelopes = this.#roster.moving
      ? this.#link.kept.filter(({ object, to }) => {
        if (peer.withheld && object[0] !== ObjectType.ANNOUNCE) return false;
        return to === undefined || equal(to, peer.session);
      })
      : [];
    // Of several questions the last one counts, and waits for its turn anew.
    this.#answers.delete(peer);
    this.#answers.set(peer, { round, envelopes: [...envelopes] });
    this.answerMore();
  }
}
