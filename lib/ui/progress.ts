/**
 * How far the own messages have come.
 *
 * @example One that the host has, and one that it has not
 * ```ts
 * import { Progress } from "./progress.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const progress = new Progress();
 * progress.say("1");
 * progress.say("2");
 * progress.sent("1");
 * assertEquals(progress.summary, "1 unsent, 1 on the way");
 * progress.over("1");
 * progress.over("2");
 * assertEquals(progress.summary, "");
 * ```
 */
export class Progress {
  readonly #unsent = new Set<string>();
  readonly #underWay = new Set<string>();

  /** What is not over, in words; empty where there is nothing. */
  get summary(): string {
    const counts = [
      [this.#unsent.size, "unsent"],
      [this.#underWay.size, "on the way"],
    ] as const;
    return counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
      .join(", ");
  }

  /** A message was said. */
  say(id: string): void {
    this.#unsent.add(id);
  }

  /** The host has it. */
  sent(id: string): void {
    if (this.#unsent.delete(id)) this.#underWay.add(id);
  }

  /** Everybody has it, or it will not come. */
  over(id: string): void {
    this.#unsent.delete(id);
    this.#underWay.delete(id);
  }
}
