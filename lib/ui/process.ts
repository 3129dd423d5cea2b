/** The standard streams and the end of this process. */

/** The three standard streams of a program. */
export interface StandardStreams {
  /** Input. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Messages and answers. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Notices about them. */
  readonly stderr: WritableStream<Uint8Array>;
}

/** The streams of this process. */
export function standardStreams(): StandardStreams {
  return {
    stdin: Deno.stdin.readable,
    stdout: Deno.stdout.writable,
    stderr: Deno.stderr.writable,
  };
}

/** Measures the width of an output of this process, in characters. @returns `Infinity` if it is no terminal. */
export function columnsOf(output: { isTerminal(): boolean }): number {
  if (!output.isTerminal()) return Infinity;
  try {
    return Deno.consoleSize().columns || Infinity;
  } catch {
    return Infinity; // The terminal is gone.
  }
}

/**
 * Calls a function when the program ends without a close: by an uncaught error, or by `Deno.exit`.
 *
 * @returns Stops listening.
 */
export function onSuddenEnd(listener: () => void): () => void {
  const ends = ["error", "unhandledrejection", "unload"];
  for (const end of ends) globalThis.addEventListener(end, listener);
  return () => ends.forEach((end) => globalThis.removeEventListener(end, listener));
}
