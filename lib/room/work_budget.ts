import type { Clock } from "../clock.ts";
import { refused } from "./chain.ts";
import type { SerialQueue } from "./serial_queue.ts";
import { type Rate, RateLimiter } from "../rate_limiter.ts";

/** Work that one session may cause. A token is one key derivation: 0.1 to 0.5 ms. */
const SESSION_WORK: Rate = { burst: 2000, perSecond: 250 };

/** Tokens for an unwrap, an announcement or an answer: eight at once, then one a second. */
const SPEND_TOKENS = 250;

/**
 * Keys that are derived for missing messages of all sessions together: more would take over a quarter of a
 * slow core.
 */
export const ALL_SKIPS: Rate = { burst: 4000, perSecond: 500 };

/** Keys that are derived in one turn, in a few milliseconds. */
const SKIPPED_IN_TURN = 64;

/** Text that one session may have shown, as {@linkcode textCost} counts: about what a slow terminal shows. */
const SESSION_TEXT: Rate = { burst: 20_000, perSecond: 20_000 };

/** Text that a member sends: a tenth less, so that others take it without a wait. */
export const OWN_TEXT: Rate = { burst: 10_000, perSecond: 18_000 };

/** Tokens for the texts of one MSG: one for each, and one for each KiB. */
export function textCost(texts: number, bytes: number): number {
  return texts + Math.ceil(bytes / 1024);
}

/** What a session may cause this member to compute and to show. Work over it waits, with the queue parked. */
export class WorkBudget {
  readonly #queue: SerialQueue;
  readonly #work: RateLimiter;
  readonly #skips: RateLimiter;
  readonly #text: RateLimiter;
  readonly #left = new AbortController();
  readonly #ended = new AbortController();

  /** Begins with all of it. @param skips The keys that are derived for missing messages of all sessions. */
  constructor(queue: SerialQueue, skips: RateLimiter, clock: Clock) {
    this.#queue = queue;
    this.#skips = skips;
    this.#work = new RateLimiter(SESSION_WORK, clock);
    this.#text = new RateLimiter(SESSION_TEXT, clock);
  }

  /** Whether an unwrap, an announcement or an answer is due, which then counts. */
  trySpend(): boolean {
    return this.#work.tryTake(SPEND_TOKENS);
  }

  /**
   * Waits until an unwrap, an announcement or an answer is due.
   *
   * @throws {RoomError} If the session leaves meanwhile.
   */
  async spend(): Promise<void> {
    const taken = await this.#take(this.#work, SPEND_TOKENS, this.#left.signal);
    if (!taken) throw refused("object", "its author has left");
  }

  /**
   * Has keys derived for missing messages: a few at a time, when this session has its share and its turn
   * among all sessions. Unless that is done at once, nobody waits for it.
   *
   * @throws {RoomError} If the session leaves meanwhile.
   */
  async skip(keys: number, derive: (keys: number) => Promise<void>): Promise<void> {
    const atOnce = keys <= SKIPPED_IN_TURN && this.#work.msUntil(keys) === 0 &&
      this.#skips.tryTake(keys) && this.#work.tryTake(keys);
    if (atOnce) await derive(keys);
    else await this.#queue.park(this.#skipInTurn(keys, derive));
  }

  /** Waits until text may be shown, also after the session has left. @param cost By {@linkcode textCost}. */
  async show(cost: number): Promise<void> {
    await this.#take(this.#text, cost, this.#ended.signal);
  }

  /** Gives up work that waits, but not text. */
  leave(): void {
    this.#left.abort();
  }

  /** Gives up everything that waits. */
  end(): void {
    this.leave();
    this.#ended.abort();
  }

  async #skipInTurn(keys: number, derive: (keys: number) => Promise<void>): Promise<void> {
    const { signal } = this.#left;
    for (let left = keys; left > 0; left -= SKIPPED_IN_TURN) {
      const few = Math.min(left, SKIPPED_IN_TURN);
      const taken = await this.#work.take(few, signal) && await this.#skips.take(few, signal);
      if (!taken) throw refused("message", "its author has left");
      await derive(few);
    }
  }

  async #take(limiter: RateLimiter, tokens: number, signal: AbortSignal): Promise<boolean> {
    return limiter.tryTake(tokens) || await this.#queue.park(limiter.take(tokens, signal));
  }
}
