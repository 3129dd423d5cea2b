/**
 * Serial queues: the objects of one peer are handled in order, and peers wait for each other only where the order
 * of all shows.
 *
 * @module
 */

/** Maximum bytes held by one parked queue: more than a seat holds for an away member (4 MiB). */
export const MAX_PARKED_BYTES: number = 1 << 23;

/** Maximum bytes held by all parked queues: past it, the largest queue loses its newest work. */
const MAX_PARKED_TOTAL_BYTES: number = 1 << 26;

/** Bytes counted for a piece of work beside the bytes that it holds. */
const WORK_OVERHEAD_BYTES = 512;

/** Resolves once all work that was added before, in any queue that is not parked, is done. */
export type Turn = () => Promise<void>;

/** One piece of work in a queue. */
interface Work {
  /** Bytes counted for it. */
  readonly size: number;
  /** Its number among the work of all queues. */
  readonly order: number;
  /** Does it. */
  readonly run: (turn: Turn) => Promise<void> | void;
  /** Called if it is dropped; `undefined` for work that holds nothing and is never dropped. */
  readonly onDropped: (() => void) | undefined;
}

/** State that all queues of a {@linkcode SerialQueues} share. */
interface Shared {
  /** All parked queues. */
  readonly parked: Set<SerialQueue>;
  /** All queues that have work and are not parked. */
  readonly busy: Set<SerialQueue>;
  /** Number of the last work. */
  lastOrder: number;
  /** Counts work that is not parked. */
  readonly count: (change: number) => void;
  /** Called with an error that work threw. */
  readonly onError: (error: unknown) => void;
  /** Whether work that has not started is skipped. */
  ended: boolean;
}

/**
 * Queues that run side by side; each runs its work in order. A queue can be parked while it waits: then
 * {@linkcode SerialQueues.settled} does not wait for it.
 */
export class SerialQueues {
  readonly #shared: Shared;
  #running = 0;
  #waiting: (() => void)[] = [];

  /** Creates queues. @param onError Called with an error that work threw; the queue goes on. */
  constructor(onError: (error: unknown) => void) {
    this.#shared = {
      parked: new Set(),
      busy: new Set(),
      lastOrder: 0,
      count: (change) => {
        this.#running += change;
        if (this.#running > 0) return;
        for (const settled of this.#waiting.splice(0)) settled();
      },
      onError,
      ended: false,
    };
  }

  /** Creates a queue. */
  queue(): SerialQueue {
    return new SerialQueue(this.#shared);
  }

  /** Resolves once all work outside parked queues is done. */
  settled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  /** Skips all work that has not started. */
  end(): void {
    this.#shared.ended = true;
  }
}

/** One queue of {@linkcode SerialQueues}. */
export class SerialQueue {
  readonly #shared: Shared;
  /** Pending work; the first is running if the queue is busy. */
  readonly #works: Work[] = [];
  #busy = false;
  #bytes = 0;
  /** Resolves the turn that its first work waits for. */
  #onTurn: (() => void) | undefined;

  /** Creates a queue. */
  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /**
   * Adds work. Work that holds nothing is never dropped.
   *
   * @param bytes Bytes that the work holds.
   * @param onDropped Called if the queue is parked and has no room for it.
   */
  push(
    bytes: number,
    run: (turn: Turn) => Promise<void> | void,
    onDropped: () => void = () => {},
  ): void {
    const size = bytes + WORK_OVERHEAD_BYTES;
    const parked = this.#shared.parked.has(this);
    if (bytes > 0 && parked && !this.#makeRoom(size)) return onDropped();
    const order = ++this.#shared.lastOrder;
    this.#works.push({ size, order, run, onDropped: bytes > 0 ? onDropped : undefined });
    this.#bytes += size;
    if (!parked) {
      this.#shared.busy.add(this);
      this.#shared.count(1);
    }
    if (!this.#busy) void this.#run();
  }

  /** Awaits a promise from within running work; the queue is parked meanwhile. */
  async park<Result>(wait: Promise<Result>): Promise<Result> {
    const { busy, count, parked } = this.#shared;
    parked.add(this);
    busy.delete(this);
    this.#passTurn();
    count(-this.#works.length);
    try {
      return await wait;
    } finally {
      parked.delete(this);
      busy.add(this);
      count(this.#works.length);
    }
  }

  async #run(): Promise<void> {
    this.#busy = true;
    await Promise.resolve(); // The caller of push goes on first.
    for (let work = this.#works[0]; work !== undefined; work = this.#works[0]) {
      try {
        if (!this.#shared.ended) await work.run(() => this.#turn());
      } catch (error) {
        this.#shared.onError(error);
      }
      this.#works.shift();
      this.#bytes -= work.size;
      if (this.#works.length === 0) this.#shared.busy.delete(this);
      this.#passTurn();
      this.#shared.count(-1);
    }
    this.#busy = false;
  }

  /** Waits until the first work of this queue is the first of all. */
  #turn(): Promise<void> {
    if (this.#first === this) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onTurn = resolve;
    return promise;
  }

  /** Gives the turn to the queue with the first work of all. */
  #passTurn(): void {
    const first = this.#first;
    if (first === undefined) return;
    first.#onTurn?.();
    first.#onTurn = undefined;
  }

  /** The queue with the first work of all that are not parked. */
  get #first(): SerialQueue | undefined {
    let first: SerialQueue | undefined;
    for (const queue of this.#shared.busy) {
      if (first === undefined || queue.#works[0]!.order < first.#works[0]!.order) first = queue;
    }
    return first;
  }

  /** Makes room in this parked queue, if need be by dropping work of larger ones. @returns Whether there is room. */
  #makeRoom(size: number): boolean {
    const needed = this.#bytes + size;
    if (needed > MAX_PARKED_BYTES) return false;
    const queues = [...this.#shared.parked];
    let total = queues.reduce((sum, queue) => sum + queue.#bytes, size);
    while (total > MAX_PARKED_TOTAL_BYTES) {
      const largest = queues.reduce((most, queue) => queue.#bytes > most.#bytes ? queue : most);
      const freed = needed < largest.#bytes ? largest.#dropLast() : 0;
      if (freed === 0) return false;
      total -= freed;
    }
    return true;
  }

  /** Drops the newest work that holds bytes and is not running. @returns The bytes freed. */
  #dropLast(): number {
    const last = this.#works.findLastIndex(({ onDropped }) => onDropped !== undefined);
    if (last <= 0) return 0;
    const [{ onDropped, size }] = this.#works.splice(last, 1) as [Work];
    this.#bytes -= size;
    onDropped?.();
    return size;
  }
}
