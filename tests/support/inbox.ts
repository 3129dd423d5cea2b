/** Things that come in one after the other, and can be waited for. */
export class Inbox<Item> {
  /** All that ever came. */
  readonly all: Item[] = [];
  #taken = 0;
  #came = Promise.withResolvers<void>();

  /** One more comes. */
  push(item: Item): void {
    this.all.push(item);
    this.#came.resolve();
    this.#came = Promise.withResolvers();
  }

  /** The next that was not taken yet. */
  async next(): Promise<Item> {
    while (this.#taken >= this.all.length) await this.#came.promise;
    return this.all[this.#taken++]!;
  }

  /** The next of a kind; what comes before it is skipped. */
  async find<Kind extends Item>(is: (item: Item) => item is Kind): Promise<Kind> {
    while (true) {
      const item = await this.next();
      if (is(item)) return item;
    }
  }

  /** What has come and was not taken. */
  rest(): Item[] {
    const rest = this.all.slice(this.#taken);
    this.#taken = this.all.length;
    return rest;
  }

  /** Waits until so many have come in all. */
  async count(count: number): Promise<void> {
    while (this.all.length < count) await this.#came.promise;
  }
}
