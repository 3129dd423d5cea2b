import type { Clock } from "../clock.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import type { Roster } from "./roster.ts";
import { Timers } from "./timers.ts";

/** How long the host may take to tell who is behind, in milliseconds. */
const BEHIND_MS = 2000;

/**
 * Bytes that may be sealed before all who are here have what the host before has lost: they hold it back until
 * then, 1 MiB of one member at least.
 */
const MAX_AHEAD_BYTES: number = 1 << 19;

/** Whether what is said to a member waits for it to come back. */
function isOut({ absent, away }: Peer): boolean {
  return absent || away;
}

/** What is delivered, and to whom. */
export interface DeliveryOptions {
  /** Keeps what is not delivered. */
  readonly link: Link;
  /** The messages. */
  readonly outbox: Outbox;
  /** The members. */
  readonly roster: Roster;
  /** The time. */
  readonly clock: Clock;
  /** Called when it may be that more can be sealed. */
  readonly onSettled: () => void;
}

/** How far what this member said has come. See PROTOCOL.md §5.4 and §6.7. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #timers: Timers;
  /** Who may lack what the host before has lost. */
  readonly #owed = new Set<Peer>();
  #acceptedUntil = 0;
  #deliveredUntil = 0;
  #reachedUntil = 0;
  /** As that, but for what may have been lost with a host. */
  #settledUntil = 0;
  /** What was sealed since somebody who is here may lack something, in bytes. */
  #aheadBytes = 0;
  #behind: PromiseWithResolvers<ReadonlySet<Peer>> | undefined;

  /** Begins with nothing sent. */
  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#timers = new Timers(options.clock);
  }

  /** Whether what is sealed now could not be kept, or held back, for those who may lack what is older. */
  get full(): boolean {
    const { link, roster } = this.#options;
    const here = [...this.#owed].some((peer) => !isOut(peer));
    if (here && this.#aheadBytes >= MAX_AHEAD_BYTES) return true;
    return (here || roster.settling && this.#owed.size > 0) && link.keptFull;
  }

  /** Notes what was sealed, in bytes. */
  sealed(bytes: number): void {
    if (this.#owed.size > 0) this.#aheadBytes += bytes;
  }

  /** How far the host has come, as {@linkcode LinkListener} tells it. */
  acknowledged(accepted: number, delivered: number, reached: number): void {
    this.#acceptedUntil = Math.max(this.#acceptedUntil, accepted);
    this.#deliveredUntil = Math.max(this.#deliveredUntil, delivered);
    this.#reachedUntil = Math.max(this.#reachedUntil, reached);
    this.#options.outbox.acknowledged(accepted);
    this.#settle();
  }

  /** Notes what a member lacks. @param until As {@linkcode Peer.owedUntil}. */
  owe(peer: Peer, until: number | undefined): void {
    peer.owedUntil = until;
    if (until !== undefined) this.#owed.add(peer);
    this.#settle();
  }

  /** A member is away now, or has not come to another host process. */
  left(): void {
    this.#settle();
  }

  /** Asks the host who has not got what was said to it last; who may not have it, where it does not tell. */
  async findBehind(): Promise<ReadonlySet<Peer>> {
    const { link, roster } = this.#options;
    const may = roster.readers().filter((peer) => this.#mayLack(peer));
    if (may.length === 0 || !link.open) return new Set(may);
    if (this.#behind === undefined) {
      this.#behind = Promise.withResolvers();
      this.#timers.after("behind", BEHIND_MS, () => this.tellBehind(undefined));
      link.askBehind();
    }
    return await this.#behind.promise;
  }

  /** Tells who asked. @param known Who lacks something that the host has; `undefined` if it does not say. */
  tellBehind(known: ReadonlySet<string> | undefined): void {
    this.#timers.cancel("behind");
    const behind = this.#options.roster.readers().filter((peer) =>
      this.#mayLack(peer) &&
      (known === undefined || known.has(peer.id) || !this.#hostHasAll(peer))
    );
    this.#behind?.resolve(new Set(behind));
    this.#behind = undefined;
  }

  /** Nothing counts as delivered while somebody may lack what the host before has lost. */
  #settle(): void {
    for (const peer of this.#owed) {
      if ((peer.owedUntil ?? 0) <= this.#deliveredUntil) {
        peer.owedUntil = undefined;
        this.#owed.delete(peer);
      }
    }
    const { link, onSettled, outbox } = this.#options;
    if (this.#owed.size === 0) {
      this.#aheadBytes = 0;
      this.#settledUntil = this.#deliveredUntil;
      link.forget(this.#deliveredUntil);
      outbox.delivered(this.#deliveredUntil, () => []);
    }
    this.#settleReached();
    onSettled();
  }

  /** Tells how far what was said has come to all who are here, and who is away and may lack it. */
  #settleReached(): void {
    const out = [...this.#options.roster].filter((peer) => !peer.gone && isOut(peer));
    if (out.length === 0) return;
    for (const peer of this.#owed) {
      if (!isOut(peer) && peer.owedUntil! > this.#reachedUntil) return;
    }
    this.#options.outbox.delivered(
      this.#reachedUntil,
      (cmid, to) =>
        out.filter((peer) => peer.saidFrom <= cmid && (to === undefined || to === peer))
          .map((peer) => peer.member!),
    );
  }

  /** Whether it is not known that a member has what was said to it last. */
  #mayLack(peer: Peer): boolean {
    return peer.saidIn > this.#settledUntil || this.#options.outbox.waitsFor(peer);
  }

  /** Whether this host has all that was said to a member. */
  #hostHasAll(peer: Peer): boolean {
    return peer.saidIn <= this.#acceptedUntil && !this.#owed.has(peer) &&
      !this.#options.outbox.waitsFor(peer);
  }
}
