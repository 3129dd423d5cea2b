/** Bytes that may wait in a parked lane; more is refused. */
export const MAX_PARKED_BYTES: number = 1 << 20;

/**
 * Bytes that all parked lanes share evenly. A lane keeps what it holds when others are parked later: 1,337
 * of them, each parked when those before are full, hold less than 96 MiB.
 */
const MAX_PARKED_IN_ALL: number = 1 << 24;

/** What a piece of work takes beside what it holds, in bytes. */
const PIECE_BYTES = 512;

/**
 * Work that is done one after the other in each lane, and side by side between lanes. A lane may be parked;
 * then nobody waits for it.
 */
export class Lanes {
  readonly #parked = { count: 0 };
  #running = 0;
  #waiting: (() => void)[] = [];

  /** A new lane. */
  lane(): Lane {
    return new Lane((change) => {
      this.#running += change;
      if (this.#running > 0) return;
      for (const settled of this.#waiting.splice(0)) settled();
    }, this.#parked);
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
  readonly #allParked: { count: number };
  #tail: Promise<void> = Promise.resolve();
  #pending = 0;
  #bytes = 0;
  #parked = false;

  /** Makes a lane. @param count Counts running work. @param allParked Counts all lanes that are parked. */
  constructor(count: (change: number) => void, allParked: { count: number }) {
    this.#count = count;
    this.#allParked = allParked;
  }

  /**
   * Adds work. @param bytes What it holds. @param work Must not reject.
   *
   * @returns Whether there was room for it; there is always for work that holds nothing.
   */
  push(bytes: number, work: () => Promise<void>): boolean {
    const size = bytes + PIECE_BYTES;
    const limit = Math.min(MAX_PARKED_BYTES, MAX_PARKED_IN_ALL / this.#allParked.count);
    if (bytes > 0 && this.#parked && this.#bytes + size > limit) return false;
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
  async park<Result>(wait: Promise<Result>): Promise<Result> {
    this.#parked = true;
    this.#allParked.count++;
    this.#count(-this.#pending);
    try {
      return await wait;
    } finally {
      this.#parked = false;
      this.#allParked.count--;
      this.#count(this.#pending);
    }
  }
}
