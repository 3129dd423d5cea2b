/**
 * Notices that the other side of a transfer is silent, and tells it that this side is not. See PROTOCOL.md §6.10.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** Time between two signs of life, in milliseconds. */
const SIGN_EVERY_MS = 60_000;

/** Signs of life without any answer, after which the other side counts as silent. */
const MAX_UNHEARD = 5;

/** How long that takes, in words. */
export const SILENCE = "5 minutes";

/** Dependencies of {@linkcode SilenceWatch}. */
export interface SilenceWatchOptions {
  /** The time. */
  readonly clock: Clock;
  /** Sends a sign of life. Resolves once the host has accepted it: without a connection, no one is silent. */
  readonly sign: () => Promise<void>;
  /** Called once the other side is silent. */
  readonly onSilent: () => void;
}

/** Watches the other side while something of it is due. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  /** Signs of life since the other side was heard. */
  #unheard = 0;
  /** Whether the connection of the other side is lost: the host says when they are gone. */
  #lost = false;
  #cancel: (() => void) | undefined;

  /** Does not watch yet. */
  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  /** Watches from now on. */
  start(): void {
    if (this.#cancel === undefined) this.#await();
  }

  /** Notes that the other side was heard. */
  heard(): void {
    this.#unheard = 0;
  }

  /** Notes whether the connection of the other side is lost: then nothing counts. */
  set lost(lost: boolean) {
    this.#lost = lost;
  }

  /** Watches no longer: nothing is due. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#unheard = 0;
  }

  #await(): void {
    const cancel = this.#options.clock.after(SIGN_EVERY_MS, () => this.#due(cancel));
    this.#cancel = cancel;
  }

  /** @param wait What has ended; another one may have begun before the sign is accepted. */
  async #due(wait: () => void): Promise<void> {
    const { onSilent, sign } = this.#options;
    if (!this.#lost && this.#unheard === MAX_UNHEARD) {
      this.stop();
      return onSilent();
    }
    const isAccepted = !this.#lost && await sign().then(() => true, () => false);
    if (this.#cancel !== wait) return;
    if (isAccepted) this.#unheard++;
    this.#await();
  }
}
