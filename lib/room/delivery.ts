/**
 * Delivery: how far this member's messages have come.
 *
 * @module
 */
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import type { Parts } from "./parts.ts";
import type { DeliveryState, Peer } from "./peer.ts";
import type { Roster } from "./roster.ts";
import { Timers } from "./timers.ts";

/** Maximum time until the host answers BEHIND, in milliseconds. */
const BEHIND_MS = 2000;

/**
 * Maximum bytes sealed while a connected peer may lack objects that a host process lost: until then the
 * peer holds newer objects back, 1 MiB of one member at least.
 */
const MAX_AHEAD_BYTES: number = 1 << 19;

/** Tracks how far this member's messages have come. See PROTOCOL.md §5.4 and §6.7. */
export class Delivery {
  readonly #link: Link;
  readonly #roster: Roster;
  readonly #outbox: Outbox;
  readonly #timers: Timers;
  /** Peers that may lack objects that a host process lost. */
  readonly #unsettled = new Set<Peer>();
  #acceptedUntil = 0;
  #deliveredUntil = 0;
  #reachedUntil = 0;
  /** As `#deliveredUntil`, except that it stays while a peer is unsettled. */
  #settledUntil = 0;
  /** Bytes sealed since a peer may lack something. */
  #aheadBytes = 0;
  #behind: PromiseWithResolvers<ReadonlySet<Peer>> | undefined;

  /** Creates a tracker of the messages in an outbox. */
  constructor({ clock, link, roster }: Parts, outbox: Outbox) {
    this.#link = link;
    this.#roster = roster;
    this.#outbox = outbox;
    this.#timers = new Timers(clock);
  }

  /** Whether sealing must pause until peers have the messages they may lack: more could not be kept or held back. */
  get full(): boolean {
    const here = [...this.#unsettled].some((peer) => !peer.out);
    if (here && this.#aheadBytes >= MAX_AHEAD_BYTES) return true;
    return (here || this.#roster.justMoved && this.#unsettled.size > 0) &&
      this.#link.envelopes.full;
  }

  /** Notes a sealed MSG. @param readers The peers that it has a text for. */
  sealed(cmid: number, bytes: number, readers: readonly Peer[]): void {
    if (this.#unsettled.size > 0) this.#aheadBytes += bytes;
    for (const { delivery } of readers) {
      const state: DeliveryState = delivery;
      state.saidIn = cmid;
      state.saidFrom = Math.min(state.saidFrom, cmid);
    }
  }

  /** Notes that the host has queued every envelope up to this one. */
  accepted(cmid: number): void {
    this.#acceptedUntil = Math.max(this.#acceptedUntil, cmid);
    this.#outbox.accepted(cmid);
    this.settle();
  }

  /** Notes how far the host has come, in the numbers of {@linkcode LinkListener}. */
  delivered(delivered: number, reached: number): void {
    this.#deliveredUntil = Math.max(this.#deliveredUntil, delivered);
    this.#reachedUntil = Math.max(this.#reachedUntil, reached);
    this.settle();
  }

  /** Notes that a peer has left: it may lack all that is not known to have reached it. */
  left(peer: Peer): void {
    // What a host process lost counts as delivered at the next, though an unsettled peer may lack it.
    const after = this.#unsettled.has(peer) ? this.#settledUntil : this.#deliveredUntil;
    this.#outbox.left(peer, after);
    const state: DeliveryState = peer.delivery;
    state.saidFrom = Infinity;
  }

  /** Notes up to which envelope a peer may lack something. @param until As in `DeliveryState`. */
  setUnsettled(peer: Peer, until: number | undefined): void {
    const state: DeliveryState = peer.delivery;
    state.unsettledUntil = until;
    if (until !== undefined) this.#unsettled.add(peer);
    this.settle();
  }

  /** Finds the peers that lack the last message to them; without an answer of the host, those that may lack it. */
  async findBehind(): Promise<ReadonlySet<Peer>> {
    const candidates = this.#roster.readers().filter((peer) => this.#mayLack(peer));
    if (candidates.length === 0 || !this.#link.open) return new Set(candidates);
    if (this.#behind === undefined) {
      this.#behind = Promise.withResolvers();
      this.#timers.after("behind", BEHIND_MS, () => this.resolveBehind(undefined));
      this.#link.askBehind();
    }
    return await this.#behind.promise;
  }

  /** Resolves {@linkcode Delivery.findBehind}. @param known The sessions that the host named; `undefined` without an answer. */
  resolveBehind(known: ReadonlySet<string> | undefined): void {
    this.#timers.cancel("behind");
    const behind = this.#roster.readers().filter((peer) =>
      this.#mayLack(peer) &&
      (known === undefined || known.has(peer.id) || !this.#hostHasAll(peer))
    );
    this.#behind?.resolve(new Set(behind));
    this.#behind = undefined;
  }

  /**
   * Counts messages as delivered, as far as that is known now; more may be ready to be sealed then. Nothing is
   * forgotten while a peer is unsettled.
   */
  settle(): void {
    for (const peer of this.#unsettled) {
      const state: DeliveryState = peer.delivery;
      if ((state.unsettledUntil ?? 0) <= this.#deliveredUntil) {
        state.unsettledUntil = undefined;
        this.#unsettled.delete(peer);
      }
    }
    if (this.#unsettled.size === 0) {
      this.#aheadBytes = 0;
      this.#settledUntil = this.#deliveredUntil;
      this.#link.envelopes.forget(this.#deliveredUntil);
      this.#outbox.delivered(this.#deliveredUntil, []);
      if (this.#reachedUntil <= this.#deliveredUntil) return; // No one who is out lacks anything.
    }
    const out = [...this.#roster].filter((peer) => !peer.seat.gone && peer.out);
    const lacking = [...this.#unsettled].some((peer) =>
      !peer.out && peer.delivery.unsettledUntil! > this.#reachedUntil
    );
    if (out.length > 0 && !lacking) this.#outbox.delivered(this.#reachedUntil, out);
  }

  /** Whether a peer may lack the last message to it. */
  #mayLack(peer: Peer): boolean {
    return peer.delivery.saidIn > this.#settledUntil || this.#outbox.waitsFor(peer);
  }

  /** Whether this host process has accepted all messages to a peer. */
  #hostHasAll(peer: Peer): boolean {
    return peer.delivery.saidIn <= this.#acceptedUntil && !this.#unsettled.has(peer) &&
      !this.#outbox.waitsFor(peer);
  }
}
