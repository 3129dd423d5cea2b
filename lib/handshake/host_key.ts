/**
 * The RSA key of a host, which many handshakes share, and its replacement by age and use.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  generateWrapKeyPair,
  hmac,
  HOP_KEY_BITS,
  KEY_BYTES,
  randomBytes,
  unwrap,
  type WrapKeyPair,
} from "../crypto/mod.ts";
import { HOST_WRAP_LABEL } from "./schedule.ts";

/** Private operations after which a host key is replaced: far fewer than an RSA oracle attack needs. */
const MAX_OPERATIONS = 64;

/** Age at which a host key is replaced, in milliseconds. */
const MAX_AGE_MS = 600_000;

/** The RSA key of a host, for many connections. */
export class HostKey {
  /** n_R, 256 bytes. */
  readonly modulus: Bytes;
  /** When it was taken into use, as `Clock.elapsed` counts. */
  readonly since: number;
  readonly #pair: WrapKeyPair;
  readonly #rejection = randomBytes(KEY_BYTES);
  #operations = 0;

  /** Takes a key pair into use. */
  constructor(pair: WrapKeyPair, since: number) {
    this.modulus = pair.modulus;
    this.since = since;
    this.#pair = pair;
  }

  /** Number of private operations done with it. */
  get operations(): number {
    return this.#operations;
  }

  /**
   * Unwraps k_I. A ciphertext for another key gives a secret that no other party knows, so that a bad
   * ciphertext and a bad tag after it look the same (RFC 5246 §7.4.7.1 does so for PKCS #1).
   *
   * @param wrapped ct_I, 256 bytes.
   * @returns 32 bytes.
   */
  async unwrap(wrapped: Bytes): Promise<Bytes> {
    this.#operations++;
    const secret = await unwrap(this.#pair, HOST_WRAP_LABEL, wrapped);
    const rejected = await hmac(this.#rejection, wrapped);
    return secret?.length === KEY_BYTES ? secret : rejected;
  }
}

/** Keeps a host key in use and one in reserve, and replaces them by age and by use. */
export class HostKeyRing {
  readonly #generate: () => Promise<WrapKeyPair>;
  readonly #clock: Clock;
  #current: Promise<HostKey>;
  #spare: Promise<WrapKeyPair>;

  /**
   * Starts to generate a key; generates the next one after it, because the host's own member waits for keys too.
   *
   * @param options `generate` makes a key pair of {@linkcode HOP_KEY_BITS} bits.
   */
  constructor(options: { generate?: () => Promise<WrapKeyPair>; clock?: Clock } = {}) {
    this.#generate = options.generate ?? (() => generateWrapKeyPair(HOP_KEY_BITS));
    this.#clock = options.clock ?? systemClock;
    const first = this.#make();
    const next = (): Promise<WrapKeyPair> => this.#make();
    this.#current = this.#takeIntoUse(first);
    this.#spare = first.then(next, next);
    this.#spare.catch(() => {}); // As in `#make`.
  }

  /**
   * Returns the key for a new handshake; waits if none is ready.
   *
   * @throws {Error} If `generate` failed; the next call tries the next key.
   */
  async current(): Promise<HostKey> {
    while (true) {
      const before = this.#current;
      const key = await before.catch((error) => {
        this.#replace(before);
        throw error;
      });
      const age = this.#clock.elapsed() - key.since;
      if (key.operations < MAX_OPERATIONS && age < MAX_AGE_MS) return key;
      this.#replace(before);
    }
  }

  /** Replaces a key, unless another call has replaced it already. */
  #replace(before: Promise<HostKey>): void {
    if (this.#current !== before) return;
    this.#current = this.#takeIntoUse(this.#spare);
    this.#spare = this.#make();
  }

  #make(): Promise<WrapKeyPair> {
    const pair = this.#generate();
    pair.catch(() => {}); // The caller that takes it sees the failure.
    return pair;
  }

  #takeIntoUse(pair: Promise<WrapKeyPair>): Promise<HostKey> {
    const key = pair.then((made) => new HostKey(made, this.#clock.elapsed()));
    key.catch(() => {});
    return key;
  }
}
