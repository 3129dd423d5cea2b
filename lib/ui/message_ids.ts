/** The ids of the messages of one run. */
import { UsageError } from "../errors.ts";

/**
 * Ensures that each message of a run has its own id: one that a script gives, or the next free number.
 *
 * Given ids are kept until the end of the run, at some hundred bytes each; numbers take no memory.
 *
 * @example Given ids and numbers
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
   * Claims an id.
   *
   * @param id The requested id; the next free number by default.
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
