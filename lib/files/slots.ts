/**
 * Bounds how many things run at once; the others wait in order.
 *
 * @module
 */

/** One that waits for a place. */
interface Waiter {
  readonly isLong: boolean;
  readonly grant: () => void;
}

/** Places that are taken and given back. */
export class Slots {
  #free: number;
  readonly #spared: number;
  readonly #waiting: Waiter[] = [];

  /** Creates free places. @param spared Of these, places that are not for those who keep them for long. */
  constructor(count: number, spared = 0) {
    this.#free = count;
    this.#spared = spared;
  }

  /** Whether someone waits for a place that is given back now. */
  get isWanted(): boolean {
    return this.#next(this.#free + 1) !== undefined;
  }

  /**
   * Takes a place, after all callers before who can take it.
   *
   * @param signal Ends the wait.
   * @param isLong Whether it is kept for long.
   * @returns Gives the place back; `undefined` if the wait was ended.
   */
  async take(signal: AbortSignal, isLong = false): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { isLong, grant: () => resolve(true) };
    const leave = (): void => {
      if (this.#remove(waiter)) resolve(false); // Otherwise the place is granted, and given back later.
    };
    this.#waiting.push(waiter);
    this.#grant();
    signal.addEventListener("abort", leave);
    const granted = await promise;
    signal.removeEventListener("abort", leave);
    return granted ? () => this.#giveBack() : undefined;
  }

  /** The next one who waits and can take one of some free places. */
  #next(free: number): Waiter | undefined {
    return this.#waiting.find(({ isLong }) => free > (isLong ? this.#spared : 0));
  }

  #grant(): void {
    const next = this.#next(this.#free);
    if (next === undefined) return;
    this.#remove(next);
    this.#free--;
    next.grant();
  }

  #remove(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  #giveBack(): void {
    this.#free++;
    this.#grant();
  }
}
