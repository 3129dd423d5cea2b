/**
 * Work budgets: how much a peer may have this member compute and show.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { refused } from "./chain.ts";
import { type Rate, RateLimiter } from "../rate_limiter.ts";
import type { SerialQueue } from "./serial_queue.ts";

/** Work that one session may cause. A token is one key derivation: 0.1 to 0.5 ms. */
const SESSION_WORK: Rate = { burst: 2000, perSecond: 250 };

/** Tokens for an unwrap, an announcement or an answer: eight at once, then one a second. */
const SPEND_TOKENS = 250;

/** Keys derived for the missing messages of all sessions together: more would take over a quarter of a slow core. */
export const ALL_SKIPS: Rate = { burst: 4000, perSecond: 500 };

/** Keys derived in one turn: a few milliseconds. */
const SKIPPED_IN_TURN = 64;

/** Text of one session shown, in tokens of {@linkcode textCost}: about as fast as a slow terminal shows it. */
const SESSION_TEXT: Rate = { burst: 20_000, perSecond: 20_000 };

/** Text that this member sends: a tenth less, so that others show it without a wait. */
export const OWN_TEXT: Rate = { burst: 10_000, perSecond: 18_000 };

/** Returns the tokens for the texts of one MSG: one for each, and one for each KiB. */
export function textCost(texts: number, bytes: number): number {
  return texts + Math.ceil(bytes / 1024);
}

/** The work that one session may cause. Work past the budget waits with its queue parked. */
export class WorkBudget {
  readonly #queue: SerialQueue;
  readonly #work: RateLimiter;
  readonly #skips: RateLimiter;
  readonly #text: RateLimiter;
  readonly #left = new AbortController();
  readonly #ended = new AbortController();

  /** Creates a full budget. @param skips Limits the keys derived for missing messages of all sessions. */
  constructor(queue: SerialQueue, skips: RateLimiter, clock: Clock) {
    this.#queue = queue;
    this.#skips = skips;
    this.#work = new RateLimiter(SESSION_WORK, clock);
    this.#text = new RateLimiter(SESSION_TEXT, clock);
  }

  /** Spends the tokens of an unwrap, an announcement or an answer, if there are enough. */
  trySpend(): boolean {
    return this.#work.tryTake(SPEND_TOKENS);
  }

  /**
   * Spends the tokens of an unwrap, an announcement or an answer, and waits for them if need be.
   *
   * @throws {RoomError} If the session leaves meanwhile.
   */
  async spend(): Promise<void> {
    const spent = await this.#wait(this.#work, SPEND_TOKENS, this.#left.signal);
    if (!spent) throw refused("object", "its author has left");
  }

  /**
   * Has keys for missing messages derived, a few in a turn, as this budget and that of all sessions allow.
   * The queue is parked unless that needs no wait.
   *
   * @throws {RoomError} If the session leaves meanwhile.
   */
  async skip(keys: number, derive: (keys: number) => Promise<void>): Promise<void> {
    const atOnce = keys <= SKIPPED_IN_TURN && this.#work.msUntil(keys) === 0 &&
      this.#skips.tryTake(keys) && this.#work.tryTake(keys);
    if (atOnce) await derive(keys);
    else await this.#queue.park(this.#skipInTurns(keys, derive));
  }

  /** Waits until text may be shown, even if the session leaves meanwhile. @param cost From {@linkcode textCost}. */
  async show(cost: number): Promise<void> {
    await this.#wait(this.#text, cost, this.#ended.signal);
  }

  /** Cancels waiting work, but not waiting text. */
  leave(): void {
    this.#left.abort();
  }

  /** Cancels all waits. */
  end(): void {
    this.leave();
    this.#ended.abort();
  }

  async #skipInTurns(keys: number, derive: (keys: number) => Promise<void>): Promise<void> {
    const { signal } = this.#left;
    for (let left = keys; left > 0; left -= SKIPPED_IN_TURN) {
      const few = Math.min(left, SKIPPED_IN_TURN);
      const taken = await this.#work.take(few, signal) && await this.#skips.take(few, signal);
      if (!taken) throw refused("message", "its author has left");
      await derive(few);
    }
  }

  async #wait(limiter: RateLimiter, tokens: number, signal: AbortSignal): Promise<boolean> {
    return limiter.tryTake(tokens) || await this.#queue.park(limiter.take(tokens, signal));
  }
}
