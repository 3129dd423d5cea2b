/**
 * Keeps Deno's debugger closed while lanchat runs.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { isGranted } from "../permission.ts";

/** Address at which Deno 2.9.2 and later versions open their debugger on SIGUSR1. */
const DEBUGGER = { hostname: "127.0.0.1", port: 9229 };

/** Wait before the next attempt to take a port that another program holds, in milliseconds. */
const RETRY_MS = 1000;

/** Dependencies of {@linkcode DebuggerBlock}; the real ones by default. */
export interface DebuggerBlockOptions {
  /** Opens a socket. */
  readonly bind?: (options: { hostname: string; port: number }) => Deno.TcpListener;
  /** Times the attempts. */
  readonly clock?: Clock;
}

/**
 * Keeps Deno's debugger closed: on SIGUSR1, it would let every local account read the memory of this
 * process. Only an occupied port stops the debugger, so the block holds the port, and accepts no
 * connections. While another program holds the port, the block tries again each second and at each signal.
 *
 * Needs `--allow-net` for 127.0.0.1:9229. A compiled program has no debugger: there the block
 * only catches SIGUSR1.
 */
export class DebuggerBlock implements Disposable {
  readonly #options: DebuggerBlockOptions;
  readonly #clock: Clock;
  #listener: Deno.TcpListener | undefined;
  #cancelRetry = (): void => {};

  /** Takes the port, or begins to try. */
  constructor(options: DebuggerBlockOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    if (Deno.build.os === "windows") return; // Windows has no such signal.
    Deno.addSignalListener("SIGUSR1", this.#onSignal);
    this.#hold();
  }

  /** Releases the port. */
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
