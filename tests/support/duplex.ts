import { type Bytes, concat } from "../../lib/bytes/mod.ts";

/** One end of a connection in memory; it behaves as a socket's streams in lib/net do. */
export interface End {
  /** Bytes that the other end wrote. */
  readonly readable: ReadableStream<Bytes>;
  /** Bytes for the other end to read. */
  readonly writable: WritableStream<Uint8Array>;
  /** Every byte that this end has written so far. */
  readonly written: Bytes;
  /** How many bytes this end's reader has taken so far. */
  readonly taken: number;
  /** Closes both directions: the other end reads the bytes under way, then the end. */
  close(): void;
  /** Breaks both directions: the other end reads an error. */
  reset(): void;
}

/** Options of a connection in memory. */
export interface DuplexOptions {
  /** Bytes under way in one direction at which a writer has to wait. */
  readonly capacity?: number;
  /** Transforms the chunks that the first end writes. */
  readonly forth?: (chunk: Bytes) => Iterable<Bytes>;
  /** Transforms the chunks that the second end writes. */
  readonly back?: (chunk: Bytes) => Iterable<Bytes>;
}

/** Cuts a chunk into chunks of one byte. */
export function bytewise(chunk: Bytes): Bytes[] {
  return Array.from(chunk, (byte) => new Uint8Array([byte]));
}

/** Two ends of a connection. */
export function duplex(options: DuplexOptions = {}): [End, End] {
  const { capacity = 65_536, forth, back } = options;
  const there = new Pipe(capacity, forth);
  const here = new Pipe(capacity, back);
  return [end(here, there), end(there, here)];
}

function end(incoming: Pipe, outgoing: Pipe): End {
  let open = true;
  function close(): void {
    open = false;
    incoming.fail(new Error("closed"));
    outgoing.end();
  }
  return {
    readable: new ReadableStream<Bytes>({
      async pull(controller): Promise<void> {
        try {
          const chunk = await incoming.read();
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        } catch (error) {
          if (open) throw error;
          controller.close();
        }
      },
      cancel: close,
    }, { highWaterMark: 0 }),
    writable: new WritableStream<Uint8Array>({
      start(controller): void {
        controller.signal.addEventListener("abort", close);
      },
      write: (chunk) => outgoing.write(chunk.slice()),
      close: () => outgoing.end(),
    }),
    get written(): Bytes {
      return concat(...outgoing.written);
    },
    get taken(): number {
      return incoming.taken;
    },
    close,
    reset(): void {
      incoming.fail(new Error("reset"));
      outgoing.fail(new Error("reset"));
    },
  };
}

class Pipe {
  readonly #capacity: number;
  readonly #carry: (chunk: Bytes) => Iterable<Bytes>;
  readonly written: Bytes[] = [];
  taken = 0;
  #chunks: Bytes[] = [];
  #bytes = 0;
  #ended = false;
  #failure: Error | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(capacity: number, carry: (chunk: Bytes) => Iterable<Bytes> = (chunk) => [chunk]) {
    this.#capacity = capacity;
    this.#carry = carry;
  }

  async write(chunk: Bytes): Promise<void> {
    while (this.#bytes >= this.#capacity && this.#failure === undefined && !this.#ended) {
      await this.#changed.promise;
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended) throw new Error("written after the end");
    this.written.push(chunk);
    for (const carried of this.#carry(chunk)) {
      this.#chunks.push(carried);
      this.#bytes += carried.length;
    }
    this.#change();
  }

  async read(): Promise<Bytes | undefined> {
    while (this.#chunks.length === 0 && this.#failure === undefined && !this.#ended) {
      await this.#changed.promise;
    }
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = this.#chunks.shift();
    this.#bytes -= chunk?.length ?? 0;
    this.taken += chunk?.length ?? 0;
    this.#change();
    return chunk;
  }

  end(): void {
    this.#ended = true;
    this.#change();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
