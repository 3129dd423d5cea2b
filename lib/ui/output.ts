/** Ordered output to standard output and standard error. */
import type { StandardStreams } from "./process.ts";

/** Maximum unwritten text before {@linkcode Output.writable} waits, in UTF-16 code units. */
export const MAX_UNWRITTEN = 65_536;

/** The name of an output stream. */
export type OutputName = "stdout" | "stderr";

/**
 * Writes texts to standard output and standard error, in order across both. Texts that are queued during
 * a write are joined into the next one.
 *
 * @example Two texts
 * ```ts
 * import { Output } from "./output.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable: stdout } = new TransformStream<Uint8Array, Uint8Array>();
 * const output = new Output({ stdout, stderr: new WritableStream() });
 * output.write("Hello, ");
 * output.write("world");
 * const { value } = await readable.getReader().read();
 * assertEquals(new TextDecoder().decode(value), "Hello, world");
 * ```
 */
export class Output {
  /** Resolves if standard output breaks; later texts are dropped. */
  readonly broken: Promise<void>;
  readonly #reportBroken: () => void;
  #isBroken = false;
  #isClosing = false;
  #isReleased = false;
  readonly #writers: Readonly<Record<OutputName, WritableStreamDefaultWriter<Uint8Array>>>;
  readonly #encoder = new TextEncoder();
  #queue: { readonly to: OutputName; text: string }[] = [];
  #unwritten = 0;
  #waiting: (() => void)[] = [];
  #writing: Promise<void> | undefined;

  /**
   * Takes both streams over until {@linkcode Output.close}.
   *
   * @param streams Errors of `stderr` are ignored: there is no place left to report them.
   */
  constructor(streams: Pick<StandardStreams, OutputName>) {
    this.#writers = { stdout: streams.stdout.getWriter(), stderr: streams.stderr.getWriter() };
    ({ promise: this.broken, resolve: this.#reportBroken } = Promise.withResolvers<void>());
    // Not every Deno fails the write that finds the stream broken.
    this.#writers.stdout.closed.catch(() => {
      if (!this.#isReleased) this.#break();
    });
  }

  /** Queues a text; does nothing if the output is closing or broken. */
  write(text: string, to: OutputName = "stdout"): void {
    if (this.#isClosing || this.#isBroken) return;
    this.#unwritten += text.length;
    const last = this.#queue.at(-1);
    if (last?.to === to) last.text += text;
    else this.#queue.push({ to, text });
    this.#writing ??= this.#writeQueue();
  }

  /** Resolves once less than {@linkcode MAX_UNWRITTEN} is unwritten. */
  writable(): Promise<void> {
    if (this.#unwritten < MAX_UNWRITTEN) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Releases the streams once all texts are written. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#writing;
    this.#isReleased = true;
    for (const writer of Object.values(this.#writers)) writer.releaseLock();
  }

  async #writeQueue(): Promise<void> {
    await null; // Texts of the same turn join the first write.
    for (let part = this.#queue.shift(); part !== undefined; part = this.#queue.shift()) {
      // `closed` reports a failure of standard output; one of standard error has no place to go.
      await this.#writers[part.to].write(this.#encoder.encode(part.text)).catch(() => {});
      this.#written(part.text.length);
    }
    this.#writing = undefined;
  }

  #break(): void {
    this.#isBroken = true;
    for (const { text } of this.#queue.splice(0)) this.#written(text.length);
    this.#reportBroken();
  }

  #written(length: number): void {
    this.#unwritten -= length;
    if (this.#unwritten >= MAX_UNWRITTEN) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
