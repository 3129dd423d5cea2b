/**
 * Bounds how many things run at once; the others wait in order.
 *
 * @module
 */

/** Places that are taken and given back. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** Creates free places. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Whether someone waits for a place. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Takes a place, after all callers before.
   *
   * @param signal Ends the wait.
   * @returns Gives the place back; `undefined` if the wait was ended.
   */
  async take(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#free > 0) this.#free--;
    else if (!await this.#turn(signal)) return undefined;
    return () => this.#giveBack();
  }

  async #turn(signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const grant = (): void => resolve(true);
    const leave = (): void => {
      const at = this.#waiting.indexOf(grant);
      if (at < 0) return; // The place is granted, and given back later.
      this.#waiting.splice(at, 1);
      resolve(false);
    };
    this.#waiting.push(grant);
    signal.addEventListener("abort", leave);
    const granted = await promise;
    signal.removeEventListener("abort", leave);
    return granted;
  }

  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
