/**
 * The signals that end lanchat.
 *
 * @module
 */
import { onSignal } from "../signals.ts";

/**
 * Signals that ask a program to end, or that would kill it and leave the terminal in raw mode. Windows has SIGINT,
 * SIGBREAK, and SIGHUP when its console is closed, after which a program has 5 seconds.
 */
const SIGNALS: readonly Deno.Signal[] = [
  "SIGINT",
  "SIGBREAK",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGALRM",
  "SIGUSR2",
  "SIGVTALRM",
  "SIGPROF",
  "SIGXCPU",
];

/** Turns signals into a promise, and a repeated SIGINT into a call. */
export class Interrupts {
  /** Resolves at the first signal, or at {@linkcode Interrupts.ask}. */
  readonly first: Promise<void>;
  readonly #resolve: () => void;
  readonly #removals: (() => void)[] = [];
  #asked = false;

  /** Starts to listen. @param onHurry Called at a SIGINT after another signal. */
  constructor(onHurry: () => void) {
    ({ promise: this.first, resolve: this.#resolve } = Promise.withResolvers<void>());
    for (const signal of SIGNALS) {
      const listener = (): void => {
        if (this.#asked && signal === "SIGINT") onHurry();
        this.ask();
      };
      this.#removals.push(onSignal(signal, listener));
    }
  }

  /** Asks the program to end, as a signal does. */
  ask(): void {
    this.#asked = true;
    this.#resolve();
  }

  /** Stops listening. */
  close(): void {
    for (const remove of this.#removals.splice(0)) remove();
  }
}
