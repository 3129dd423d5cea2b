/** A queue of items that a test can wait for. */
export class Inbox<Item> {
  /** All items so far. */
  readonly all: Item[] = [];
  #taken = 0;
  #came = Promise.withResolvers<void>();

  /** Adds an item. */
  push(item: Item): void {
    this.all.push(item);
    this.#came.resolve();
    this.#came = Promise.withResolvers();
  }

  /** Takes the next item. */
  async next(): Promise<Item> {
    while (this.#taken >= this.all.length) await this.#came.promise;
    return this.all[this.#taken++]!;
  }

  /** Takes the next item of a kind, and skips those before it. */
  async find<Kind extends Item>(is: (item: Item) => item is Kind): Promise<Kind> {
    while (true) {
      const item = await this.next();
      if (is(item)) return item;
    }
  }

  /** The items that were not taken. */
  rest(): Item[] {
    const rest = this.all.slice(this.#taken);
    this.#taken = this.all.length;
    return rest;
  }

  /** Waits until the number of all items reaches a count. */
  async count(count: number): Promise<void> {
    while (this.all.length < count) await this.#came.promise;
  }
}
