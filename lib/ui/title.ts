/** The title of the terminal's window. */
import { excerpt, sanitizeLine } from "./sanitize.ts";

/** Maximum characters of the room's name. */
const MAX_ROOM = 40;

/** Maximum number of unread messages that is shown exactly. */
const MAX_UNREAD = 99;

/** Saves the title on the terminal's stack, and restores it (XTWINOPS). */
const [SAVE, RESTORE] = ["\x1b[22;0t", "\x1b[23;0t"];

/**
 * Makes the control sequences for a title with the room's name and the number of unread messages. It
 * contains no other text from outside.
 *
 * @example A room with an unread message
 * ```ts
 * import { WindowTitle } from "./title.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const title = new WindowTitle("tea");
 * assertEquals(title.take(), "\x1b[22;0t\x1b]0;tea - lanchat\x07");
 * assertEquals(title.update(1), "\x1b]0;(1) tea - lanchat\x07");
 * assertEquals(title.update(1), "");
 * assertEquals(title.release(), "\x1b]0;\x07\x1b[23;0t");
 * ```
 */
export class WindowTitle {
  readonly #name: string;
  #isTaken = false;
  #shown = "";

  /** Begins without a change. @param room The room's name, if the host gave it one. */
  constructor(room?: string) {
    this.#name = room === undefined
      ? "lanchat"
      : `${excerpt(sanitizeLine(room), MAX_ROOM)} - lanchat`;
  }

  /** Saves the title of the terminal, and sets this one. */
  take(): string {
    const saved = this.#isTaken ? "" : SAVE;
    this.#isTaken = true;
    this.#shown = "";
    return saved + this.update(0);
  }

  /** Sets the title if the number of unread messages changes it. */
  update(unread: number): string {
    const count = unread > MAX_UNREAD ? `${MAX_UNREAD}+` : String(unread);
    const title = unread === 0 ? this.#name : `(${count}) ${this.#name}`;
    if (!this.#isTaken || title === this.#shown) return "";
    this.#shown = title;
    return set(title);
  }

  /** Restores the title of the terminal; a terminal without a stack gets an empty one. */
  release(): string {
    if (!this.#isTaken) return "";
    this.#isTaken = false;
    return set("") + RESTORE;
  }
}

function set(title: string): string {
  return `\x1b]0;${title}\x07`;
}
