import { type Clock, systemClock } from "../clock.ts";
import type { Look } from "./look.ts";

/** What lanchat says of itself begins with it; no name may. */
const MARK = "--";

/** As wide as a time and the space behind it. */
const NO_TIME = " ".repeat(6);

/**
 * Puts the time before what is shown, and a line for each new day.
 *
 * @example A notice of two lines
 * ```ts
 * import { PLAIN_LOOK } from "./look.ts";
 * import { Transcript } from "./transcript.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const noon = new Date(2026, 0, 1, 12).getTime();
 * const clock = { now: () => noon, elapsed: () => 0, after: () => () => {} };
 * const transcript = new Transcript(PLAIN_LOOK, clock);
 * assertEquals(transcript.notice(["bob is back", "hint: greet him"]), [
 *   "12:00 -- bob is back",
 *   "      -- hint: greet him",
 * ]);
 * ```
 */
export class Transcript {
  readonly #look: Look;
  readonly #clock: Clock;
  #dayMs: number | undefined;

  /** Begins with today. */
  constructor(look: Look, clock: Clock = systemClock) {
    this.#look = look;
    this.#clock = clock;
  }

  /** What lanchat says now. @param sentences Safe to show, without line ends. */
  notice(sentences: readonly string[]): string[] {
    const mark = this.#look.mark(MARK);
    const [first, ...others] = sentences;
    if (first === undefined) return [];
    return [
      ...this.timed(`${mark} ${first}`, this.#clock.now()),
      ...others.map((sentence) => `${NO_TIME}${mark} ${sentence}`),
    ];
  }

  /** A line with its time, behind the day's line where it is the first of a later day. @param at Milliseconds since 1970. */
  timed(line: string, at: number): string[] {
    const time = new Date(at);
    const dayMs = new Date(time).setHours(0, 0, 0, 0);
    const isLater = dayMs > (this.#dayMs ??= dayMs);
    if (isLater) this.#dayMs = dayMs;
    const shown = this.line(line, at);
    return isLater ? [`${this.#look.mark(MARK)} ${dayName(time)}`, shown] : [shown];
  }

  /** A line with its time, without the day. @param at Milliseconds since 1970. */
  line(line: string, at: number): string {
    return `${this.#look.time(timeOfDay(new Date(at)))} ${line}`;
  }
}

/** A time of day as `21:05`. */
export function timeOfDay(time: Date): string {
  const [hours, minutes] = [time.getHours(), time.getMinutes()].map((number) =>
    String(number).padStart(2, "0")
  );
  return `${hours}:${minutes}`;
}

function dayName(time: Date): string {
  return time.toLocaleDateString("en-GB", {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  });
}
