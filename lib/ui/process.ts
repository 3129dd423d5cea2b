/** The standard streams and signals of this process. */

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

/** Listens to a signal of Unix; does nothing on Windows. @returns Stops listening. */
export function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}
