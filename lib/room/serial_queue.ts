/** Bytes that may wait in a parked queue: more than a seat holds for a member that is away (4 MiB). */
export const MAX_PARKED_BYTES: number = 1 << 23;

/** Bytes that may wait in all parked queues: the largest queue loses what exceeds that. */
const MAX_PARKED_IN_ALL: number = 1 << 26;

/** What a piece of work takes beside what it holds, in bytes. */
const PIECE_BYTES = 512;

/** One piece of work in a queue. */
interface Piece {
  /** What it takes, in bytes. */
  readonly size: number;
  /** Does it. */
  readonly work: () => Promise<void>;
  /** Called if it is dropped; missing for work that holds nothing, which is never dropped. */
  readonly dropped: (() => void) | undefined;
}

/**
 * Work that is done one after the other in each queue, and side by side between queues. A queue may be parked;
 * then nobody waits for it.
 */
export class SerialQueues {
  readonly #parked = new Set<SerialQueue>();
  #running = 0;
  #waiting: (() => void)[] = [];

  /** A new queue. */
  queue(): SerialQueue {
    return new SerialQueue((change) => {
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

/** One queue of {@linkcode SerialQueues}. */
export class SerialQueue {
  readonly #count: (change: number) => void;
  readonly #allParked: Set<SerialQueue>;
  /** What is to be done; the first is under way if the queue is busy. */
  readonly #pieces: Piece[] = [];
  #busy = false;
  #bytes = 0;

  /** Makes a queue. @param count Counts running work. @param allParked All queues that are parked. */
  constructor(count: (change: number) => void, allParked: Set<SerialQueue>) {
    this.#count = count;
    this.#allParked = allParked;
  }

  /**
   * Adds work; there is always room for work that holds nothing.
   *
   * @param bytes What it holds.
   * @param work Must not reject.
   * @param dropped Called if there is no room for it, or none any longer.
   */
  push(bytes: number, work: () => Promise<void>, dropped: () => void = () => {}): void {
    const size = bytes + PIECE_BYTES;
    const parked = this.#allParked.has(this);
    if (bytes > 0 && parked && !this.#makeRoom(size)) return dropped();
    this.#pieces.push({ size, work, dropped: bytes > 0 ? dropped : undefined });
    this.#bytes += size;
    if (!parked) this.#count(1);
    if (!this.#busy) void this.#run();
  }

  /** Waits within a piece of work, with the queue parked meanwhile. */
  async park<Result>(wait: Promise<Result>): Promise<Result> {
    this.#allParked.add(this);
    this.#count(-this.#pieces.length);
    try {
      return await wait;
    } finally {
      this.#allParked.delete(this);
      this.#count(this.#pieces.length);
    }
  }

  async #run(): Promise<void> {
    this.#busy = true;
    await Promise.resolve(); // Whoever adds work goes on first.
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      await piece.work();
      this.#pieces.shift();
      this.#bytes -= piece.size;
      this.#count(-1);
    }
    this.#busy = false;
  }

  /** Finds room in this parked queue, at the cost of larger ones if need be. @returns Whether there is any. */
  #makeRoom(size: number): boolean {
    const needed = this.#bytes + size;
    if (needed > MAX_PARKED_BYTES) return false;
    const queues = [...this.#allParked];
    let all = queues.reduce((sum, queue) => sum + queue.#bytes, size);
    while (all > MAX_PARKED_IN_ALL) {
      const largest = queues.reduce((most, queue) => queue.#bytes > most.#bytes ? queue : most);
      const freed = needed < largest.#bytes ? largest.#dropLast() : 0;
      if (freed === 0) return false;
      all -= freed;
    }
    return true;
  }

  /** Drops the newest work that holds something and is not under way. @returns What it took, in bytes. */
  #dropLast(): number {
    const last = this.#pieces.findLastIndex(({ dropped }) => dropped !== undefined);
    if (last <= 0) return 0;
    const [{ dropped, size }] = this.#pieces.splice(last, 1) as [Piece];
    this.#bytes -= size;
    dropped?.();
    return size;
  }
}
