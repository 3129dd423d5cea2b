/** Times of day before the lines of a conversation, and a line for each new day. */
import { type Clock, systemClock } from "../clock.ts";
import type { Theme } from "./theme.ts";
import type { ShownLine } from "./wrap.ts";

/** The mark of a notice; no name may start with it. */
const MARK = "--";

/** The width of a time and the space after it. */
const NO_TIME = " ".repeat(6);

/** Starts a line that a person copies: a command in a notice, or a link. */
const TO_COPY = /^(?: {4}|lanchat:\/\/)/;

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
 * assertEquals(timeline.notice(["bob is back", "hint: say hello"]), [
 *   { head: "12:00 -- ", text: "bob is back" },
 *   { head: "      -- ", text: "hint: say hello" },
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

  /** Formats a notice with the current time. @param sentences Safe to show, without line ends; a command after four spaces and a link are not wrapped. */
  notice(sentences: readonly string[]): ShownLine[] {
    const mark = `${this.#theme.mark(MARK)} `;
    const [first, ...others] = sentences;
    if (first === undefined) return [];
    return [
      ...this.timed(mark, first, this.#clock.now()),
      ...others.map((sentence): ShownLine => ({
        head: NO_TIME + mark,
        text: sentence,
        ...TO_COPY.test(sentence) && { verbatim: true },
      })),
    ];
  }

  /** Formats a line with its time, after the line of its day if that is new. @param at Milliseconds since 1970. */
  timed(head: string, text: string, at: number): ShownLine[] {
    return [...this.day(at), this.line(head, text, at)];
  }

  /** Formats the line of a day, if that is new. @param at Milliseconds since 1970. */
  day(at: number): ShownLine[] {
    const time = new Date(at);
    const dayMs = new Date(time).setHours(0, 0, 0, 0);
    const isLater = dayMs > (this.#dayMs ??= dayMs);
    if (isLater) this.#dayMs = dayMs;
    return isLater ? [{ head: `${this.#theme.mark(MARK)} `, text: dayName(time) }] : [];
  }

  /** Formats a line with its time, without the day. @param at Milliseconds since 1970. */
  line(head: string, text: string, at: number): ShownLine {
    return { head: `${this.#theme.time(timeOfDay(new Date(at)))} ${head}`, text };
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
