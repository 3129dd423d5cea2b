import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { generateWrapKeyPair, SESSION_KEY_BITS, unwrap, type WrapKeyPair } from "../crypto/mod.ts";

/** Age at which a session key is replaced, in milliseconds: the window of PROTOCOL.md §6.1. */
export const SESSION_KEY_MS = 3_600_000;

/** How long the key before stays, for what was wrapped for it and is still on its way. */
export const PREVIOUS_KEY_MS = 180_000;

/** Failed unwraps after which a key is replaced: far fewer than an RSA oracle attack needs. */
const MAX_FAILED_UNWRAPS = 64;

/** Unwraps after which a key is replaced. */
const MAX_UNWRAPS = 8192;

interface Generation {
  readonly number: number;
  readonly pair: WrapKeyPair;
  unwraps: number;
  failed: number;
}

/**
 * The RSA keys that others wrap their sender keys for, made anew in time and kept in memory alone.
 * See PROTOCOL.md §6.1.
 */
export class SessionKeys {
  readonly #generate: () => Promise<WrapKeyPair>;
  readonly #clock: Clock;
  #current: Generation | undefined;
  #previous: Generation | undefined;
  #making: Promise<void> | undefined;
  #cancelRenewal: () => void = () => {};
  #cancelDrop: () => void = () => {};
  #closed = false;

  /** Called whenever a new key is in use, the first included. */
  onRenewed: () => void = () => {};

  /** Begins to make the first key. @param options `generate` makes a 3072-bit key pair. */
  constructor(options: { generate?: () => Promise<WrapKeyPair>; clock?: Clock } = {}) {
    this.#generate = options.generate ?? (() => generateWrapKeyPair(SESSION_KEY_BITS));
    this.#clock = options.clock ?? systemClock;
    this.#renew();
  }

  /** The key in use and its number, from 1; `undefined` until the first is made. */
  get current(): { readonly generation: number; readonly modulus: Bytes } | undefined {
    if (this.#current === undefined) return undefined;
    return { generation: this.#current.number, modulus: this.#current.pair.modulus };
  }

  /** Whether secrets wrapped for a generation can be unwrapped. */
  has(generation: number): boolean {
    return this.#find(generation) !== undefined;
  }

  /** Unwraps a secret; `undefined` if it was not made for that generation and label. */
  async unwrap(generation: number, label: string, wrapped: Bytes): Promise<Bytes | undefined> {
    const key = this.#find(generation);
    if (key === undefined) return undefined;
    key.unwraps++;
    const secret = await unwrap(key.pair, label, wrapped);
    if (secret === undefined) key.failed++;
    const worn = key.unwraps >= MAX_UNWRAPS || key.failed >= MAX_FAILED_UNWRAPS;
    // The key before has its time: what honest members wrapped for it is still on its way.
    if (worn && this.#previous === undefined) this.#renew();
    return secret;
  }

  /** Forgets all keys. */
  close(): void {
    this.#closed = true;
    this.#cancelRenewal();
    this.#cancelDrop();
    this.#current = this.#previous = undefined;
  }

  #find(generation: number): Generation | undefined {
    return [this.#current, this.#previous].find((key) => key?.number === generation);
  }

  #renew(): void {
    this.#making ??= this.#generate().then((pair) => this.#takeIntoUse(pair)).catch(() => {
      // Without a new key the one in use goes on; the next timer tries again.
    }).finally(() => {
      this.#making = undefined;
      this.#cancelRenewal();
      if (this.#closed) return;
      this.#cancelRenewal = this.#clock.after(SESSION_KEY_MS, () => this.#renew());
    });
  }

  #takeIntoUse(pair: WrapKeyPair): void {
    if (this.#closed) return;
    this.#previous = this.#current;
    this.#current = { number: (this.#current?.number ?? 0) + 1, pair, unwraps: 0, failed: 0 };
    this.#cancelDrop();
    this.#cancelDrop = this.#clock.after(PREVIOUS_KEY_MS, () => {
      this.#previous = undefined;
    });
    this.onRenewed();
  }
}
