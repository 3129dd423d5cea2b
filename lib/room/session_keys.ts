import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  generateSessionKeyPair,
  publicHalves,
  type PublicSessionKey,
  type SessionKeyPair,
  unwrapChainKey,
  type WrapContext,
  type WrappedKey,
} from "./session_key.ts";

/** Age at which a session key is replaced, in milliseconds: the window of PROTOCOL.md §6.1. */
export const SESSION_KEY_MS = 3_600_000;

/** Delay until another try at a first key that could not be made: without one no member enters a room. */
const FIRST_KEY_RETRY_MS = 1000;

/** How long the key before stays, for what was wrapped for it and is still on its way. */
export const PREVIOUS_KEY_MS = 180_000;

/** Failed unwraps after which a key is replaced: far fewer than an RSA oracle attack needs. */
const MAX_FAILED_UNWRAPS = 64;

/** Unwraps after which a key is replaced. */
const MAX_UNWRAPS = 8192;

interface SessionKey {
  /** The numbers under which it was announced, from the first to the last. */
  readonly first: number;
  last: number;
  readonly pair: SessionKeyPair;
  /** Cancels its end. */
  cancelDrop: () => void;
  /** Once replaced: what is left of {@linkcode PREVIOUS_KEY_MS}, in milliseconds. */
  leftMs: number;
  /** How long that did not count, in milliseconds. */
  heldMs: number;
  /** Since when it does or does not, as `Clock.elapsed` counts. */
  since: number;
  unwraps: number;
  failed: number;
}

const UNUSED = {
  cancelDrop: () => {},
  leftMs: PREVIOUS_KEY_MS,
  heldMs: 0,
  since: 0,
  unwraps: 0,
  failed: 0,
} as const;

/**
 * The session keys that others wrap their sender keys for, replaced in time and kept only in memory.
 * See PROTOCOL.md §6.1.
 */
export class SessionKeys {
  readonly #generate: () => Promise<SessionKeyPair>;
  readonly #clock: Clock;
  #current: SessionKey | undefined;
  readonly #previous = new Set<SessionKey>();
  #making: Promise<void> | undefined;
  /** For how long previous keys may be held in all, in milliseconds; `undefined` while they are not held. */
  #holdMs: number | undefined;
  #cancelRenewal: () => void = () => {};
  #closed = false;

  /** Called whenever a new key is in use, the first included. */
  onRenewed: () => void = () => {};

  /** Begins to make the first key. */
  constructor(options: { generate?: () => Promise<SessionKeyPair>; clock?: Clock } = {}) {
    this.#generate = options.generate ?? generateSessionKeyPair;
    this.#clock = options.clock ?? systemClock;
    this.#renewInTime();
  }

  /** The key in use and the last number it has, from 1; `undefined` until the first is made. */
  get current(): PublicSessionKey & { readonly generation: number } | undefined {
    if (this.#current === undefined) return undefined;
    const { last: generation, pair } = this.#current;
    return { generation, ...publicHalves(pair) };
  }

  /** Whether secrets wrapped for a generation can be unwrapped. */
  has(generation: number): boolean {
    return this.#find(generation) !== undefined;
  }

  /** Unwraps a chain key; `undefined` if it was not wrapped for that generation and in that context. */
  async unwrap(
    generation: number,
    context: WrapContext,
    wrapped: WrappedKey,
  ): Promise<Bytes | undefined> {
    const key = this.#find(generation);
    if (key === undefined) return undefined;
    key.unwraps++;
    const chainKey = await unwrapChainKey(key.pair, context, wrapped);
    if (chainKey === undefined) key.failed++;
    const worn = key.unwraps >= MAX_UNWRAPS || key.failed >= MAX_FAILED_UNWRAPS;
    // The key before has its time: what honest members wrapped for it is still on its way.
    if (worn && this.#previous.size === 0) this.#renewInTime();
    return chainKey;
  }

  /** Gives the key in use one number more, for what is announced with it and is not what it was. */
  addGeneration(): void {
    if (this.#current !== undefined) this.#current.last++;
  }

  /** Makes another key and takes it into use. @throws {Error} If none can be made: the one in use goes on. */
  renew(): Promise<void> {
    this.#making ??= this.#generate().then((pair) => this.#takeIntoUse(pair)).finally(() => {
      this.#making = undefined;
      this.#cancelRenewal();
      if (this.#closed) return;
      const ms = this.#current === undefined ? FIRST_KEY_RETRY_MS : SESSION_KEY_MS;
      this.#cancelRenewal = this.#clock.after(ms, () => this.#renewInTime());
    });
    return this.#making;
  }

  /**
   * Holds previous keys: their time does not count while there is no connection, as what was wrapped for them
   * waits at the host.
   *
   * @param ms For how long one key may be held in all, in milliseconds: as long as the host keeps a seat.
   */
  hold(ms: number): void {
    this.#count();
    this.#holdMs = ms;
    this.#schedule();
  }

  /** Counts the time of previous keys again, once all that waited at the host is handled. */
  release(): void {
    this.#count();
    this.#holdMs = undefined;
    this.#schedule();
  }

  /** Forgets all keys. */
  close(): void {
    this.#closed = true;
    this.#cancelRenewal();
    for (const { cancelDrop } of this.#previous) cancelDrop();
    this.#previous.clear();
    this.#current = undefined;
  }

  #find(generation: number): SessionKey | undefined {
    return [this.#current, ...this.#previous].find((key) =>
      key !== undefined && key.first <= generation && generation <= key.last
    );
  }

  #renewInTime(): void {
    this.renew().catch(() => {}); // The next timer tries again.
  }

  #takeIntoUse(pair: SessionKeyPair): void {
    if (this.#closed) return;
    const before = this.#current;
    const first = (before?.last ?? 0) + 1;
    this.#current = { first, last: first, pair, ...UNUSED };
    if (before !== undefined) this.#keepForAWhile(before);
    this.onRenewed();
  }

  #keepForAWhile(key: SessionKey): void {
    key.since = this.#clock.elapsed();
    this.#previous.add(key);
    this.#schedule();
  }

  /** Notes how much time of previous keys has passed. */
  #count(): void {
    const now = this.#clock.elapsed();
    for (const key of this.#previous) {
      if (this.#holdMs === undefined) key.leftMs -= now - key.since;
      else key.heldMs += now - key.since;
      key.since = now;
    }
  }

  #schedule(): void {
    for (const key of this.#previous) {
      key.cancelDrop();
      const heldMs = Math.max(0, (this.#holdMs ?? 0) - key.heldMs);
      const ms = key.since + key.leftMs + heldMs - this.#clock.elapsed();
      key.cancelDrop = this.#clock.after(Math.max(0, ms), () => this.#previous.delete(key));
    }
  }
}
