import { type Clock, systemClock } from "../clock.ts";
import { environmentVariable } from "../permission.ts";
import { excerpt, sanitizeLine } from "./sanitize.ts";

/** Least time between two notifications, in milliseconds: nobody can make a terminal ring all the time. */
export const NOTIFY_EVERY_MS = 5000;

/** Longest text of a notification, in characters. */
const MAX_LENGTH = 100;

const BELL = "\x07";

/** The terminals that show a notification of the desktop, by TERM_PROGRAM or TERM, and the command for it. */
const TERMINALS: readonly (readonly [terminal: RegExp, command: 9 | 777])[] = [
  [/^iTerm\.app$/, 9],
  [/^xterm-kitty$/, 9],
  [/^(WezTerm|ghostty|xterm-ghostty|foot(-.*)?|rxvt-unicode(-.*)?)$/, 777],
];

/** Rings, and notifies through the desktop where the terminal is known to do that. */
export class Notifier {
  readonly #clock: Clock;
  readonly #command: 9 | 777 | undefined;
  #last = -Infinity;

  /** Finds out which terminal it is. */
  constructor(
    environment: typeof environmentVariable = environmentVariable,
    clock: Clock = systemClock,
  ) {
    this.#clock = clock;
    const names = [environment("TERM_PROGRAM"), environment("TERM")];
    // A multiplexer swallows the command, or shows it as text.
    const direct = environment("TMUX") === undefined;
    this.#command = TERMINALS.find(([terminal]) =>
      direct && names.some((name) => name !== undefined && terminal.test(name))
    )?.[1];
  }

  /** What to write to the terminal to tell somebody of a message; nothing where that was just done. */
  notify(from: string, text: string): string {
    const now = this.#clock.elapsed();
    if (now - this.#last < NOTIFY_EVERY_MS) return "";
    this.#last = now;
    const body = excerpt(sanitizeLine(text), MAX_LENGTH);
    const title = sanitizeLine(from).replaceAll(";", ",");
    switch (this.#command) {
      case 9:
        return `\x1b]9;${title}: ${body}\x1b\\${BELL}`;
      case 777:
        return `\x1b]777;notify;${title};${body}\x1b\\${BELL}`;
      default:
        return BELL;
    }
  }
}
