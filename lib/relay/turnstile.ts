import { type Clock, systemClock } from "../clock.ts";

/** Handshakes under way at once: more would only slow each other down. */
export const MAX_HANDSHAKES = 32;

/** Handshakes under way at once from one address that is not this machine's own. */
export const MAX_HANDSHAKES_PER_ADDRESS = 8;

/** Callers that may wait for a handshake; over it the one that has waited longest is sent away. */
export const MAX_WAITING = 64;

/** How long a caller may wait for its handshake, in milliseconds. */
export const MAX_WAIT_MS = 10_000;

interface Waiting {
  readonly address: string;
  readonly answer: (leave: (() => void) | undefined) => void;
}

/** Lets callers through a few at a time, no address before another. */
export class Turnstile {
  readonly #clock: Clock;
  readonly #inside = new Map<string, number>();
  #count = 0;
  #waiting: Waiting[] = [];

  /** Starts with nobody inside. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * Waits for a place.
   *
   * @param address The caller's IP address.
   * @returns Gives the place back; `undefined` where the caller must be sent away.
   */
  async enter(address: string): Promise<(() => void) | undefined> {
    if (this.#admits(address)) return this.#place(address);
    const { promise, resolve: answer } = Promise.withResolvers<(() => void) | undefined>();
    const waiting = { address, answer };
    this.#waiting.push(waiting);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift()?.answer(undefined);
    const cancel = this.#clock.after(MAX_WAIT_MS, () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      answer(undefined);
    });
    const place = await promise;
    cancel();
    return place;
  }

  #admits(address: string): boolean {
    const limit = isLoopback(address) ? MAX_HANDSHAKES : MAX_HANDSHAKES_PER_ADDRESS;
    return this.#count < MAX_HANDSHAKES && (this.#inside.get(address) ?? 0) < limit;
  }

  #place(address: string): () => void {
    this.#count++;
    this.#inside.set(address, (this.#inside.get(address) ?? 0) + 1);
    return () => {
      this.#count--;
      const left = this.#inside.get(address)! - 1;
      if (left === 0) this.#inside.delete(address);
      else this.#inside.set(address, left);
      this.#admitNext();
    };
  }

  /** Lets one in from the address with the fewest inside; of several, who has waited longest. */
  #admitNext(): void {
    const insideFrom = ({ address }: Waiting): number => this.#inside.get(address) ?? 0;
    const [next] = this.#waiting.filter(({ address }) => this.#admits(address))
      .sort((a, b) => insideFrom(a) - insideFrom(b));
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== next);
    next.answer(this.#place(next.address));
  }
}

/** Whether an address is this machine's own. */
function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
