/** The keyboard of a terminal: a key parser with a timeout for unfinished sequences. */
import type { Clock } from "../clock.ts";
import type { Keystroke } from "./key_codes.ts";
import { KeyParser } from "./key_parser.ts";
import { RestartableTimer } from "./restartable_timer.ts";

/** Parses the input of a terminal, and ends unfinished sequences after a timeout. */
export class Keyboard {
  readonly #parser = new KeyParser();
  readonly #press: (keys: readonly Keystroke[]) => void;
  readonly #rest: RestartableTimer;

  /** Creates a keyboard. @param press Called with the keys of each chunk. */
  constructor(clock: Clock, press: (keys: readonly Keystroke[]) => void) {
    this.#press = press;
    this.#rest = new RestartableTimer(clock, () => press(this.#parser.giveUp()));
  }

  /** Parses one chunk. */
  push(bytes: Uint8Array): void {
    const keys = this.#parser.push(bytes);
    const { patienceMs } = this.#parser;
    if (patienceMs === undefined) this.#rest.stop();
    else this.#rest.start(patienceMs);
    this.#press(keys);
  }

  /** Stops the timeout. */
  stop(): void {
    this.#rest.stop();
  }
}
