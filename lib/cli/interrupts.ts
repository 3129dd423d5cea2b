/** The signals that ask a program to end. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Notices that the program is asked to end, and once more where it is in a hurry. */
export class Interrupts {
  /** Resolves at the first signal. */
  readonly first: Promise<void>;
  readonly #listener: (() => void)[] = [];

  /** Begins to listen. @param onHurry Called when SIGINT comes after another signal. */
  constructor(onHurry: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.first = promise;
    let asked = false;
    for (const signal of SIGNALS) {
      const listener = (): void => {
        if (asked && signal === "SIGINT") onHurry();
        asked = true;
        resolve();
      };
      Deno.addSignalListener(signal, listener);
      this.#listener.push(() => Deno.removeSignalListener(signal, listener));
    }
  }

  /** Stops listening. */
  close(): void {
    for (const remove of this.#listener.splice(0)) remove();
  }
}
