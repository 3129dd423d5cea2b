/**
 * The session keys of this member: when each is generated, replaced and deleted.
 *
 * @module
 */
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

/** Delay before the next attempt at a first key, in milliseconds: without one, no member enters a room. */
const FIRST_KEY_RETRY_MS = 1000;

/** Time for which a replaced key is kept, in milliseconds, for SKDMs that are on their way. */
export const PREVIOUS_KEY_MS = 180_000;

/** Failed unwraps after which a key is replaced: far fewer than an attack with an RSA oracle needs. */
const MAX_FAILED_UNWRAPS = 64;

/** Unwraps after which a key is replaced: eight for each of 1,024 members. */
const MAX_UNWRAPS = 8192;

/** A session key and its state. */
interface SessionKey {
  /** The first and last generation under which it was announced. */
  readonly first: number;
  last: number;
  readonly pair: SessionKeyPair;
  /** Cancels its deletion. */
  cancelDrop: () => void;
  /** The rest of {@linkcode PREVIOUS_KEY_MS} after it was replaced, in milliseconds. */
  leftMs: number;
  /** Time for which it was held, in milliseconds. */
  heldMs: number;
  /** When both were last updated, in ms of `Clock.elapsed`. */
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
 * The session keys for which others wrap their sender keys, replaced in time and kept only in memory.
 * See PROTOCOL.md §6.1.
 */
export class SessionKeys {
  readonly #generate: () => Promise<SessionKeyPair>;
  readonly #clock: Clock;
  #current: SessionKey | undefined;
  readonly #previous = new Set<SessionKey>();
  #making: Promise<void> | undefined;
  /** Maximum time for which a previous key is held, in milliseconds; `undefined` while none is held. */
  #holdMs: number | undefined;
  #cancelRenewal: () => void = () => {};
  #closed = false;

  /** Called whenever a new key is in use, also with the first. */
  onRenewed: () => void = () => {};

  /** Starts to generate the first key. */
  constructor(options: { generate?: () => Promise<SessionKeyPair>; clock?: Clock } = {}) {
    this.#generate = options.generate ?? generateSessionKeyPair;
    this.#clock = options.clock ?? systemClock;
    this.#renewOrRetry();
  }

  /** The key in use and its last generation, from 1; `undefined` until the first is generated. */
  get current(): PublicSessionKey & { readonly generation: number } | undefined {
    if (this.#current === undefined) return undefined;
    const { last: generation, pair } = this.#current;
    return { generation, ...publicHalves(pair) };
  }

  /** Whether the key of a generation is kept. */
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
    // Not while a previous key is kept: SKDMs for it are on their way.
    if (worn && this.#previous.size === 0) this.#renewOrRetry();
    return chainKey;
  }

  /** Adds a generation to the key in use: it is announced with another name. */
  addGeneration(): void {
    if (this.#current !== undefined) this.#current.last++;
  }

  /** Replaces the key in use. @throws {Error} If none can be generated: the key stays in use. */
  renew(): Promise<void> {
    this.#making ??= this.#generate().then((pair) => this.#use(pair)).finally(() => {
      this.#making = undefined;
      this.#cancelRenewal();
      if (this.#closed) return;
      const ms = this.#current === undefined ? FIRST_KEY_RETRY_MS : SESSION_KEY_MS;
      this.#cancelRenewal = this.#clock.after(ms, () => this.#renewOrRetry());
    });
    return this.#making;
  }

  /**
   * Holds previous keys: their time stops while there is no connection, because SKDMs for them wait at the host.
   *
   * @param ms Maximum time for which one key is held, in milliseconds: the time for which the host keeps a seat.
   */
  hold(ms: number): void {
    this.#count();
    this.#holdMs = ms;
    this.#schedule();
  }

  /** Lets the time of previous keys pass again, once all that waited at the host is handled. */
  release(): void {
    this.#count();
    this.#holdMs = undefined;
    this.#schedule();
  }

  /** Deletes all keys. */
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

  #renewOrRetry(): void {
    this.renew().catch(() => {}); // The next timer tries again.
  }

  #use(pair: SessionKeyPair): void {
    if (this.#closed) return;
    const before = this.#current;
    const first = (before?.last ?? 0) + 1;
    this.#current = { first, last: first, pair, ...UNUSED };
    if (before !== undefined) this.#keepPrevious(before);
    this.onRenewed();
  }

  #keepPrevious(key: SessionKey): void {
    key.since = this.#clock.elapsed();
    this.#previous.add(key);
    this.#schedule();
  }

  /** Updates the time that previous keys have. */
  #count(): void {
    const now = this.#clock.elapsed();
    for (const key of this.#previous) {
      if (this.#holdMs === undefined) key.leftMs -= now - key.since;
      else key.heldMs += now - key.since;
      key.since = now;
    }
  }

  /** Schedules the deletion of previous keys. */
  #schedule(): void {
    for (const key of this.#previous) {
      key.cancelDrop();
      const heldMs = Math.max(0, (this.#holdMs ?? 0) - key.heldMs);
      const ms = key.since + key.leftMs + heldMs - this.#clock.elapsed();
      key.cancelDrop = this.#clock.after(Math.max(0, ms), () => this.#previous.delete(key));
    }
  }
}
