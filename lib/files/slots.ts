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

/** How many places there are, or are free: in all, and of these at most for those who keep them for long. */
interface Places {
  readonly all: number;
  readonly long: number;
}

/** Places that are taken and given back. */
export class Slots {
  #free: Places;
  readonly #waiting: Waiter[] = [];

  /** Creates free places. @param spared Of these, places that are not for those who keep them for long. */
  constructor(count: number, spared = 0) {
    this.#free = { all: count, long: count - spared };
  }

  /** Whether someone waits for a place that is kept for a short time, and given back now. */
  get isWanted(): boolean {
    return this.#next(changed(this.#free, 1, false)) !== undefined;
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
    return granted ? () => this.#giveBack(isLong) : undefined;
  }

  /** The next one who waits and can take one of some free places. */
  #next({ all, long }: Places): Waiter | undefined {
    return all > 0 ? this.#waiting.find(({ isLong }) => !isLong || long > 0) : undefined;
  }

  #grant(): void {
    const next = this.#next(this.#free);
    if (next === undefined) return;
    this.#remove(next);
    this.#free = changed(this.#free, -1, next.isLong);
    next.grant();
  }

  #remove(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  #giveBack(isLong: boolean): void {
    this.#free = changed(this.#free, 1, isLong);
    this.#grant();
  }
}

/** Free places after one more or fewer. @param isLong Whether it is kept for long. */
function changed({ all, long }: Places, by: 1 | -1, isLong: boolean): Places {
  return { all: all + by, long: isLong ? long + by : long };
}
