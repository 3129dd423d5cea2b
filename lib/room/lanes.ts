/** Bytes that may wait in a parked lane; what comes over it is refused. */
export const MAX_PARKED_BYTES: number = 1 << 18;

/** What a piece of work takes beside what it holds, in bytes. */
const PIECE_BYTES = 512;

/**
 * Work that is done one after the other in each lane, and side by side between lanes. A lane may be parked;
 * then nobody waits for it.
 */
export class Lanes {
  #running = 0;
  #waiting: (() => void)[] = [];

  /** A new lane. */
  lane(): Lane {
    return new Lane((change) => {
      this.#running += change;
      if (this.#running > 0) return;
      for (const settled of this.#waiting.splice(0)) settled();
    });
  }

  /** Resolves when all work that is not parked is done. */
  settled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }
}

/** One lane of {@linkcode Lanes}. */
export class Lane {
  readonly #count: (change: number) => void;
  #tail: Promise<void> = Promise.resolve();
  #pending = 0;
  #bytes = 0;
  #parked = false;

  /** Makes a lane that counts its running work through `count`. */
  constructor(count: (change: number) => void) {
    this.#count = count;
  }

  /**
   * Adds work. @param bytes What it holds. @param work Must not reject.
   *
   * @returns Whether there was room for it; there is always for work that holds nothing.
   */
  push(bytes: number, work: () => Promise<void>): boolean {
    const size = bytes + PIECE_BYTES;
    if (bytes > 0 && this.#parked && this.#bytes + size > MAX_PARKED_BYTES) return false;
    this.#pending++;
    this.#bytes += size;
    if (!this.#parked) this.#count(1);
    this.#tail = this.#tail.then(work).finally(() => {
      this.#pending--;
      this.#bytes -= size;
      this.#count(-1);
    });
    return true;
  }

  /** Waits within a piece of work, with the lane parked meanwhile. */
  async park(wait: Promise<void>): Promise<void> {
    this.#parked = true;
    this.#count(-this.#pending);
    await wait;
    this.#parked = false;
    this.#count(this.#pending);
  }
}
