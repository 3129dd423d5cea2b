import {
  ENVELOPE_OVERHEAD_BYTES,
  envelopeSize,
  MAX_OBJECT_BYTES,
  type MemberEnvelope,
} from "../wire/mod.ts";

/**
 * Bytes of one turn; the next turn of a lane is shorter by what its last envelope had over. A turn of less than
 * the longest envelope might pass nothing on.
 */
export const TURN_BYTES: number = ENVELOPE_OVERHEAD_BYTES + MAX_OBJECT_BYTES;

/** Keeps lanes whose next envelope cannot be passed on yet. */
export interface Holder {
  /** Keeps a lane, to hand it to {@linkcode Intake.serve} later. */
  hold(lane: Lane): void;
}

/** Serves lanes in turns of {@linkcode TURN_BYTES}: deficit round robin. See PROTOCOL.md §5.4. */
export class Intake {
  readonly #due: Lane[] = [];
  #serving = false;

  /** Serves lanes, and all that are due, until each is empty or held. */
  serve(lanes: readonly Lane[]): void {
    this.#due.push(...lanes);
    if (this.#serving) return;
    this.#serving = true;
    for (let lane = this.#due.shift(); lane !== undefined; lane = this.#due.shift()) {
      if (lane.takeTurn()) this.#due.push(lane);
    }
    this.#serving = false;
  }
}

/** The envelopes of one connection that were read and are not passed on yet, in order. */
export class Lane {
  readonly #intake: Intake;
  readonly #pass: (envelope: MemberEnvelope) => Holder | undefined;
  readonly #envelopes: MemberEnvelope[] = [];
  #bytes = 0;
  #credit = 0;
  #emptied: PromiseWithResolvers<void> | undefined;

  /**
   * Makes an empty lane.
   *
   * @param pass Passes an envelope on, or returns what holds it. Must not throw.
   */
  constructor(intake: Intake, pass: (envelope: MemberEnvelope) => Holder | undefined) {
    this.#intake = intake;
    this.#pass = pass;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when nothing waits. */
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
    if (idle) this.#intake.serve([this]);
    return bytes;
  }

  /** Drops what waits: its sender sends it again on its next connection. */
  clear(): void {
    this.#envelopes.length = 0;
    this.#bytes = this.#credit = 0;
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  /** Passes on what one turn allows. @returns Whether another turn is due. */
  takeTurn(): boolean {
    // A turn that was interrupted by a holder goes on.
    if (this.#credit <= 0) this.#credit += TURN_BYTES;
    for (let next = this.#envelopes[0]; next !== undefined; next = this.#envelopes[0]) {
      if (this.#credit <= 0) return true;
      const holder = this.#pass(next);
      if (holder !== undefined) {
        holder.hold(this);
        return false;
      }
      this.#envelopes.shift();
      this.#bytes -= envelopeSize(next.object);
      this.#credit -= envelopeSize(next.object);
    }
    this.#credit = 0;
    this.#emptied?.resolve();
    this.#emptied = undefined;
    return false;
  }
}
