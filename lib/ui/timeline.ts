/** Times of day before the lines of a conversation, and a line for each new day. */
import { type Clock, systemClock } from "../clock.ts";
import type { Theme } from "./theme.ts";

/** The mark of a notice; no name may start with it. */
const MARK = "--";

/** The width of a time and the space after it. */
const NO_TIME = " ".repeat(6);

/**
 * Adds times to lines, and a line for each new day.
 *
 * @example A notice of two lines
 * ```ts
 * import { PLAIN_THEME } from "./theme.ts";
 * import { Timeline } from "./timeline.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const noon = new Date(2026, 0, 1, 12).getTime();
 * const clock = { now: () => noon, elapsed: () => 0, after: () => () => {} };
 * const timeline = new Timeline(PLAIN_THEME, clock);
 * assertEquals(timeline.notice(["bob is back", "hint: greet him"]), [
 *   "12:00 -- bob is back",
 *   "      -- hint: greet him",
 * ]);
 * ```
 */
export class Timeline {
  readonly #theme: Theme;
  readonly #clock: Clock;
  /** Start of the latest day, in milliseconds since 1970. */
  #dayMs: number | undefined;

  /** Starts with the day of the first line. */
  constructor(theme: Theme, clock: Clock = systemClock) {
    this.#theme = theme;
    this.#clock = clock;
  }

  /** Formats a notice with the current time. @param sentences Safe to show, without line ends. */
  notice(sentences: readonly string[]): string[] {
    const mark = this.#theme.mark(MARK);
    const [first, ...others] = sentences;
    if (first === undefined) return [];
    return [
      ...this.timed(`${mark} ${first}`, this.#clock.now()),
      ...others.map((sentence) => `${NO_TIME}${mark} ${sentence}`),
    ];
  }

  /** Formats a line with its time, after the line of its day if that is new. @param at Milliseconds since 1970. */
  timed(line: string, at: number): string[] {
    const time = new Date(at);
    const dayMs = new Date(time).setHours(0, 0, 0, 0);
    const isLater = dayMs > (this.#dayMs ??= dayMs);
    if (isLater) this.#dayMs = dayMs;
    const shown = this.line(line, at);
    return isLater ? [`${this.#theme.mark(MARK)} ${dayName(time)}`, shown] : [shown];
  }

  /** Formats a line with its time, without the day. @param at Milliseconds since 1970. */
  line(line: string, at: number): string {
    return `${this.#theme.time(timeOfDay(new Date(at)))} ${line}`;
  }
}

/** Formats a time of day as `21:05`. */
export function timeOfDay(time: Date): string {
  return [time.getHours(), time.getMinutes()]
    .map((number) => String(number).padStart(2, "0"))
    .join(":");
}

function dayName(time: Date): string {
  return time.toLocaleDateString("en-GB", {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  });
}
