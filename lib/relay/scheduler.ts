/**
 * Deficit round robin over the senders: chooses the next envelope to route.
 *
 * @module
 */
import {
  ENVELOPE_OVERHEAD_BYTES,
  envelopeSize,
  MAX_OBJECT_BYTES,
  type MemberEnvelope,
} from "../wire/mod.ts";

/**
 * Bytes of one turn. A sender's next turn is shorter by what its last envelope took beyond this one. With less
 * than the longest envelope, a turn might route nothing.
 */
export const TURN_BYTES: number = ENVELOPE_OVERHEAD_BYTES + MAX_OBJECT_BYTES;

/** A seat that has no space for an envelope. */
export interface FullSeat {
  /** Keeps a sender's queue until there is space, then hands it to {@linkcode FairScheduler.serve}. */
  hold(queue: SenderQueue): void;
}

/** Serves senders in turns of {@linkcode TURN_BYTES}. See PROTOCOL.md §5.4. */
export class FairScheduler {
  readonly #due: SenderQueue[] = [];
  #serving = false;

  /** Serves these queues, and all that are due, until each is empty or held. */
  serve(queues: readonly SenderQueue[]): void {
    this.#due.push(...queues);
    if (this.#serving) return;
    this.#serving = true;
    for (let queue = this.#due.shift(); queue !== undefined; queue = this.#due.shift()) {
      if (queue.takeTurn()) this.#due.push(queue);
    }
    this.#serving = false;
  }
}

/** The envelopes of one connection that were read and not yet routed, in order. */
export class SenderQueue {
  readonly #scheduler: FairScheduler;
  readonly #route: (envelope: MemberEnvelope) => FullSeat | undefined;
  readonly #envelopes: MemberEnvelope[] = [];
  #bytes = 0;
  #credit = 0;
  #emptied: PromiseWithResolvers<void> | undefined;

  /**
   * Makes an empty queue.
   *
   * @param route Routes an envelope, or returns the seat that has no space for it. Must not throw.
   */
  constructor(
    scheduler: FairScheduler,
    route: (envelope: MemberEnvelope) => FullSeat | undefined,
  ) {
    this.#scheduler = scheduler;
    this.#route = route;
  }

  /** Bytes of the envelopes in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when it is empty. */
  get emptied(): Promise<void> {
    if (this.#envelopes.length === 0) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers();
    return this.#emptied.promise;
  }

  /** Adds envelopes. @returns Their bytes. */
  push(envelopes: readonly MemberEnvelope[]): number {
    const idle = this.#envelopes.length === 0;
    const bytes = envelopes.reduce((sum, envelope) => sum + envelopeSize(envelope.object), 0);
    this.#envelopes.push(...envelopes);
    this.#bytes += bytes;
    if (idle) this.#scheduler.serve([this]);
    return bytes;
  }

  /** Drops its envelopes; their sender sends them again on its next connection. */
  clear(): void {
    this.#envelopes.length = 0;
    this.#bytes = 0;
    this.#finish();
  }

  /** Routes as much as one turn allows. @returns Whether another turn is due. */
  takeTurn(): boolean {
    // A turn that a full seat interrupted continues.
    if (this.#credit <= 0) this.#credit += TURN_BYTES;
    for (let next = this.#envelopes[0]; next !== undefined; next = this.#envelopes[0]) {
      if (this.#credit <= 0) return true;
      const full = this.#route(next);
      if (full !== undefined) {
        full.hold(this);
        return false;
      }
      this.#envelopes.shift();
      this.#bytes -= envelopeSize(next.object);
      this.#credit -= envelopeSize(next.object);
    }
    this.#finish();
    return false;
  }

  #finish(): void {
    this.#credit = 0;
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }
}
