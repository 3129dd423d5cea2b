/**
 * Keeps Deno's debugger closed while lanchat runs.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { isGranted } from "../permission.ts";

/** Where Deno 2.9.2 and later open their debugger at SIGUSR1. */
const DEBUGGER = { hostname: "127.0.0.1", port: 9229 };

/** How long after another program had the port it is tried again, in milliseconds. */
const RETRY_MS = 1000;

/** What {@linkcode DebuggerBlock} may be given instead of the real ones. */
export interface DebuggerBlockOptions {
  /** Opens a socket. */
  readonly bind?: (options: { hostname: string; port: number }) => Deno.TcpListener;
  /** The time. */
  readonly clock?: Clock;
}

/**
 * Keeps Deno's debugger closed: at SIGUSR1 it would let every local account read the memory of this
 * process. Nothing but an occupied port stops it, so this holds the port, and takes no connections; while
 * another program has the port, it is tried again each second and at each signal.
 *
 * Needs `--allow-net` for 127.0.0.1:9229. A compiled program has no debugger: there SIGUSR1 is caught, and
 * no port is held.
 */
export class DebuggerBlock implements Disposable {
  readonly #options: DebuggerBlockOptions;
  readonly #clock: Clock;
  #listener: Deno.TcpListener | undefined;
  #cancelRetry = (): void => {};

  /** Begins. */
  constructor(options: DebuggerBlockOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    if (Deno.build.os === "windows") return; // It has no such signal.
    Deno.addSignalListener("SIGUSR1", this.#onSignal);
    this.#hold();
  }

  /** Gives the port back. */
  [Symbol.dispose](): void {
    this.#cancelRetry();
    this.#listener?.close();
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGUSR1", this.#onSignal);
  }

  readonly #onSignal = (): void => {
    if (this.#listener === undefined) this.#hold();
  };

  #hold(): void {
    this.#cancelRetry();
    const host = `${DEBUGGER.hostname}:${DEBUGGER.port}`;
    if (Deno.build.standalone || !isGranted({ name: "net", host })) return;
    const { bind = Deno.listen } = this.#options;
    try {
      this.#listener = bind(DEBUGGER);
      this.#listener.unref();
    } catch {
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#hold());
    }
  }
}
