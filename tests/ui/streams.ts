import type { StandardStreams } from "../../lib/ui/mod.ts";

/** Makes a stream of chunks; texts become UTF-8. */
export function source(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk),
  );
}

/** Collects the output of a stream. */
export class Sink {
  /** The writes, decoded. */
  readonly writes: string[] = [];
  readonly stream: WritableStream<Uint8Array>;
  #waiting: (() => void)[] = [];

  constructor(onWrite: (text: string) => void = () => {}) {
    const decoder = new TextDecoder();
    this.stream = new WritableStream({
      write: (chunk) => {
        const text = decoder.decode(chunk, { stream: true });
        this.writes.push(text);
        onWrite(text);
        for (const resolve of this.#waiting.splice(0)) resolve();
      },
    });
  }

  get text(): string {
    return this.writes.join("");
  }

  /** Resolves once a condition holds; it is tested after each write. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** Makes standard streams in memory. */
export function memoryStreams(stdin: ReadableStream<Uint8Array> = source()): {
  streams: StandardStreams;
  stdout: Sink;
  stderr: Sink;
} {
  const stdout = new Sink();
  const stderr = new Sink();
  return { streams: { stdin, stdout: stdout.stream, stderr: stderr.stream }, stdout, stderr };
}
