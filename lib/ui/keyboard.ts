import type { Clock } from "../clock.ts";
import type { Keystroke } from "./key_codes.ts";
import { KeyParser } from "./key_parser.ts";
import { RestartableTimer } from "./restartable_timer.ts";

/** Tells which keys are pressed at a terminal; what is begun and does not go on is given up in time. */
export class Keyboard {
  readonly #parser = new KeyParser();
  readonly #press: (keys: readonly Keystroke[]) => void;
  readonly #rest: RestartableTimer;

  /** Begins between two keys. @param press Is told of keys, all of one read at once. */
  constructor(clock: Clock, press: (keys: readonly Keystroke[]) => void) {
    this.#press = press;
    this.#rest = new RestartableTimer(clock, () => press(this.#parser.giveUp()));
  }

  /** Takes what was read at once. */
  push(bytes: Uint8Array): void {
    const keys = this.#parser.push(bytes);
    const { patienceMs } = this.#parser;
    if (patienceMs === undefined) this.#rest.stop();
    else this.#rest.start(patienceMs);
    this.#press(keys);
  }

  /** Waits for nothing more. */
  stop(): void {
    this.#rest.stop();
  }
}
