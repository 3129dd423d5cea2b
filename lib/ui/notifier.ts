/** Notifications: the bell of a terminal, and those of the desktop where a terminal can send them. */
import { type Clock, systemClock } from "../clock.ts";
import { environmentVariable } from "../permission.ts";
import { excerpt, sanitizeLine } from "./sanitize.ts";

/** Minimum time between two notifications, in milliseconds, so that no member can ring all the time. */
const NOTIFY_EVERY_MS = 5000;

/** Maximum characters of a notification's text. */
const MAX_LENGTH = 100;

const BELL = "\x07";

/** The OSC command for a desktop notification, by TERM_PROGRAM or TERM. */
const DESKTOP_COMMANDS: readonly (readonly [terminal: RegExp, command: 9 | 777])[] = [
  [/^iTerm\.app$/, 9],
  [/^xterm-kitty$/, 9],
  [/^(WezTerm|ghostty|xterm-ghostty|foot(-.*)?|rxvt-unicode(-.*)?)$/, 777],
];

/** Rings the bell, and sends a desktop notification if the terminal is known to support it. */
export class Notifier {
  readonly #clock: Clock;
  readonly #command: 9 | 777 | undefined;
  #last = -Infinity;

  /** Detects the terminal from its environment. */
  constructor(
    environment: typeof environmentVariable = environmentVariable,
    clock: Clock = systemClock,
  ) {
    this.#clock = clock;
    const names = [environment("TERM_PROGRAM"), environment("TERM")];
    // A multiplexer swallows the command, or shows it as text.
    const direct = environment("TMUX") === undefined;
    this.#command = DESKTOP_COMMANDS.find(([terminal]) =>
      direct && names.some((name) => name !== undefined && terminal.test(name))
    )?.[1];
  }

  /** Formats a notification for the terminal; empty within {@linkcode NOTIFY_EVERY_MS} of the last. */
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
