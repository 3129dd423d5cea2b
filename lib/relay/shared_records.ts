/**
 * Seals what goes to all members once, for the frames that all of them get. See PROTOCOL.md §5.5.
 *
 * @module
 */
import { type SharedFrame, SharedSealer } from "../channel/mod.ts";
import type { Clock } from "../clock.ts";
import {
  encodeHostRecord,
  type HostEnvelope,
  MAX_CHANGES,
  MAX_PAYLOAD_BYTES,
  MemberChange,
} from "../wire/mod.ts";
import { QueuedChange } from "./queued_change.ts";
import type { QueuedEnvelope } from "./queued_envelope.ts";

/** Bytes of frames that are kept for seats that have not sent them yet. */
const KEPT_BYTES: number = 1 << 20;

/** Time after which they are dropped at the next look, in milliseconds: with them goes the secret that opens them. */
const KEPT_MS = 10_000;

/**
 * Least time from one frame to the next, for each connection and at most, in milliseconds: what comes meanwhile goes
 * in one frame. So the work of a large room grows with its messages up to a bound, and a lone message never waits.
 */
const SPACING_MS = 0.2;
const MAX_SPACING_MS = 100;

/** An entry of the queues of all seats. */
export type SharedItem = QueuedEnvelope | QueuedChange;

/** Consecutive entries in one shared frame. */
export interface SharedBatch {
  readonly items: readonly SharedItem[];
  readonly frame: SharedFrame;
}

/** What is known of an entry's shared frame: it is being sealed, or it is there. */
export type Sharing = "sealing" | SharedBatch;

/** Seals the entries of a room in their order, as many as wait in one frame. */
export class SharedRecords {
  readonly #sealer: SharedSealer;
  readonly #clock: Clock;
  readonly #onSealed: () => number;
  /** What waits to be sealed, and `undefined` where a fresh key is due. */
  readonly #waiting: (SharedItem | undefined)[] = [];
  #sealing = false;
  /** When the next frame may be sealed that is not full. */
  #nextAt = 0;
  #endPause: (() => void) | undefined;
  /** The newest batches, whose frames are kept. */
  #kept: { readonly batch: SharedBatch; readonly since: number }[] = [];
  #keptBytes = 0;
  #cancelLook: (() => void) | undefined;
  #ended = false;

  /**
   * Starts without a key.
   *
   * @param onSealed Called when entries have got their frame. Returns how many connections can take it.
   */
  constructor(clock: Clock, onSealed: () => number) {
    this.#sealer = new SharedSealer({ clock });
    this.#clock = clock;
    this.#onSealed = onSealed;
  }

  /** Seals an entry after all before. */
  add(item: SharedItem): void {
    item.sharing = "sealing";
    this.#push(item);
  }

  /** Seals what is added from now on under a fresh key: a change of members went another way. */
  renew(): void {
    this.#push(undefined);
  }

  /** Drops the frames that are kept, and keeps none from now on. */
  end(): void {
    this.#ended = true;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#endPause?.();
    while (this.#kept.length > 0) this.#drop();
  }

  #push(item: SharedItem | undefined): void {
    this.#waiting.push(item);
    if (!this.#sealing) void this.#run();
    else if (this.#isFull) this.#endPause?.();
  }

  async #run(): Promise<void> {
    this.#sealing = true;
    while (this.#waiting.length > 0) {
      await this.#pause();
      if (this.#waiting[0] === undefined) {
        this.#waiting.shift();
        this.#sealer.renew();
        continue;
      }
      const items = this.#waiting.splice(0, countOfNext(this.#waiting)) as SharedItem[];
      await this.#seal(items).catch(() => {
        this.#sealer.renew(); // A change among them may need it.
        for (const item of items) item.sharing = undefined; // Each seat seals them itself.
      });
      const spacing = Math.min(this.#onSealed() * SPACING_MS, MAX_SPACING_MS);
      this.#nextAt = this.#clock.elapsed() + Math.floor(spacing);
    }
    this.#sealing = false;
  }

  /** Waits until the next frame is due, or full. */
  async #pause(): Promise<void> {
    const ms = this.#nextAt - this.#clock.elapsed();
    if (ms <= 0 || this.#isFull || this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(ms, resolve);
    this.#endPause = resolve;
    await promise;
    this.#endPause = undefined;
    cancel();
  }

  /** Whether more waits than fits into one frame. */
  get #isFull(): boolean {
    return countOfNext(this.#waiting) < this.#waiting.length;
  }

  async #seal(items: readonly SharedItem[]): Promise<void> {
    const changes = items.filter((item) => item instanceof QueuedChange);
    const left = changes.some(({ change }) => change === MemberChange.LEFT);
    const joined = changes.some(({ change }) => change === MemberChange.JOINED);
    const record = encodeHostRecord(
      changes.length > 0
        ? { type: "member", changes }
        : { type: "batch", envelopes: items as readonly HostEnvelope[] },
    );
    const batch = { items, frame: await this.#sealer.seal(record, joined && !left) };
    if (left) this.#sealer.renew();
    for (const item of items) item.sharing = batch;
    this.#keep(batch);
  }

  #keep(batch: SharedBatch): void {
    if (this.#ended) return; // It was being sealed.
    this.#kept.push({ batch, since: this.#clock.elapsed() });
    this.#keptBytes += batch.frame.size;
    while (this.#keptBytes > KEPT_BYTES) this.#drop();
    this.#cancelLook ??= this.#clock.after(KEPT_MS, () => this.#look());
  }

  #look(): void {
    const before = this.#clock.elapsed() - KEPT_MS;
    while (this.#kept[0] !== undefined && this.#kept[0].since <= before) this.#drop();
    this.#cancelLook = this.#kept.length > 0
      ? this.#clock.after(KEPT_MS, () => this.#look())
      : undefined;
  }

  #drop(): void {
    const { frame, items } = this.#kept.shift()!.batch;
    this.#keptBytes -= frame.size;
    for (const item of items) item.sharing = undefined;
  }
}

/**
 * The number of the entries that go into the next frame: they are of one kind, fit, and are for the same members.
 * So nothing but departures may follow a departure: a session that has left has the key of this frame.
 */
function countOfNext(items: readonly (SharedItem | undefined)[]): number {
  const first = items[0];
  const areChanges = first instanceof QueuedChange;
  let bytes = 0;
  let left = false;
  const end = items.findIndex((item, i) => {
    if (item === undefined) return true;
    if (item instanceof QueuedChange) {
      if (!areChanges || i >= MAX_CHANGES || left && item.change !== MemberChange.LEFT) return true;
      left ||= item.change === MemberChange.LEFT;
      return false;
    }
    bytes += item.bytes;
    return areChanges || bytes > MAX_PAYLOAD_BYTES;
  });
  return end < 0 ? items.length : end;
}
