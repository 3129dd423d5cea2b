/** The ids of the messages of one run. */
import { UsageError } from "../errors.ts";

/**
 * The ids of the messages of one run, each used once.
 *
 * An id that a script gave is remembered to the end, at some hundred bytes each; the numbers that are
 * given out otherwise cost nothing.
 *
 * @example Given and own ids
 * ```ts
 * import { MessageIds } from "./message_ids.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const ids = new MessageIds();
 * assertEquals([ids.claim("2"), ids.claim(), ids.claim()], ["2", "1", "3"]);
 * ```
 */
export class MessageIds {
  readonly #given = new Set<string>();
  #next = 1;

  /**
   * Uses an id up.
   *
   * @param id The one wanted; the next free number without.
   * @throws {UsageError} With code `duplicate-id` if it was used before.
   */
  claim(id?: string): string {
    if (id === undefined) return this.#claimNext();
    if (this.#given.has(id) || this.#isPast(id)) {
      throw new UsageError("duplicate-id", `Cannot use id ${JSON.stringify(id)} a second time`);
    }
    this.#given.add(id);
    return id;
  }

  #claimNext(): string {
    while (this.#given.delete(String(this.#next))) this.#next++;
    return String(this.#next++);
  }

  #isPast(id: string): boolean {
    return /^[1-9]\d*$/.test(id) && Number(id) < this.#next;
  }
}
