/** The streams that every program is given. */
export interface StandardStreams {
  /** What is typed, or piped in. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** The answer. */
  readonly stdout: WritableStream<Uint8Array>;
  /** What is said about the answer. */
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
