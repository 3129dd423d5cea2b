/**
 * A connection through a broker: two streams of bytes made of messages that may get lost.
 *
 * @module
 */
import { type Bytes, concat } from "../bytes/mod.ts";
import { BROKER_CALLER } from "../broker_address.ts";
import { type Clock, systemClock } from "../clock.ts";
import { NetError, WireError } from "../errors.ts";
import {
  BrokerMessageKind,
  decodeMessage,
  encodeMessage,
  MESSAGE_HEADER_BYTES,
} from "./message.ts";

/** Bytes that an end takes before its reader has read them: more would make a slow reader costly. */
export const BROKER_WINDOW_BYTES = 262_144;

/** The same at first, so that callers who prove nothing cost less; it grows with what was read. */
export const FIRST_WINDOW_BYTES = 65_536;

/**
 * Interval of heartbeats, in milliseconds. One is left out if something was sent since the last, so a lost
 * message shows after two intervals at the latest.
 */
export const HEARTBEAT_MS = 2000;

/** Intervals without any message after which the other end counts as lost. */
const SILENT_INTERVALS = 5;

/** Chunks become one up to this size, in bytes: each takes memory of its own, and a caller may send bytes singly. */
const PIECE_BYTES = 1024;

const NOTHING = new Uint8Array();

/** Dependencies of {@linkcode BrokerConnection}. */
export interface BrokerConnectionOptions {
  /** Gives a message to the broker; throws if the broker is lost. */
  readonly send: (message: Bytes) => void;
  /** Resolves when more may be sent; `undefined` if it may be now. */
  readonly drained: () => Promise<void> | undefined;
  /** Maximum message, in bytes. */
  readonly maxMessage: number;
  /** The content of the first message, which a caller sends; a host sends none. */
  readonly open?: Bytes;
  /** Bytes that the other end takes in all, as far as known. */
  readonly credit?: number;
  /** Called when its reader has the first byte of the other end. */
  readonly onFirstRead?: () => void;
  /** Called once the connection has ended. */
  readonly onEnded: () => void;
  /** Times the heartbeats. */
  readonly clock?: Clock;
}

/**
 * One end of a connection through a broker. It behaves as a TCP connection does; whatever a TCP connection
 * repairs ends it: a lost message, a repeated one, silence. See PROTOCOL.md §11.
 */
export class BrokerConnection {
  /** Bytes from the other end; read on demand, so that a slow reader slows the other end. */
  readonly readable: ReadableStream<Bytes>;
  /** Bytes to the other end; closing it signals that nothing follows. */
  readonly writable: WritableStream<Uint8Array>;
  /** Stands for the address of the other end, which a broker does not tell. */
  readonly remoteAddress: string = BROKER_CALLER;
  readonly #options: BrokerConnectionOptions;
  readonly #clock: Clock;
  #isOpen = true;
  #failure: NetError | undefined;
  /** Number of the next message to send, and of the next to receive. */
  #nextSent = 0;
  #nextReceived: number;
  /** Bytes sent, and those that the other end takes in all. */
  #sentBytes = 0;
  #credit: number;
  /** Bytes received, those of them that the reader has, and those that the other end may send in all. */
  #receivedBytes = 0;
  #readBytes = 0;
  #granted = 0;
  readonly #chunks: Bytes[] = [];
  #hasEnded = false;
  #otherHasEnded = false;
  /** Resolves when a chunk or the end comes, and when credit comes or the connection ends. */
  #arrival = Promise.withResolvers<void>();
  #mayWrite = Promise.withResolvers<void>();
  #isIdle = false;
  #silentIntervals = 0;
  #cancelBeat: () => void;

  /** Opens one end; sends its first message. */
  constructor(options: BrokerConnectionOptions) {
    const { clock = systemClock, credit = 0, open } = options;
    this.#options = options;
    this.#clock = clock;
    this.#credit = credit;
    this.#nextReceived = open === undefined ? 1 : 0;
    this.readable = new ReadableStream<Bytes>({
      pull: (controller) => this.#read(controller),
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        controller.signal.addEventListener("abort", () => this.close());
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#end(),
    });
    this.#cancelBeat = clock.after(HEARTBEAT_MS, this.#beat);
    if (open === undefined) this.#send(BrokerMessageKind.STATE);
    else this.#send(BrokerMessageKind.OPEN, open);
  }

  /** Takes a message that came for this end; one that is not the next ends the connection. */
  receive(message: Bytes): void {
    if (!this.#isOpen) return;
    try {
      this.#take(message);
    } catch (cause) {
      this.fail(new NetError("connection-lost", "Connection lost", { cause }));
    }
  }

  /** Closes both directions at once; a pending read ends, a pending write fails. May be repeated. */
  close(): void {
    this.#finish();
  }

  /** Ends the connection: both streams fail. */
  fail(reason: NetError): void {
    if (!this.#isOpen) return;
    this.#failure = reason;
    this.#finish();
  }

  #take(bytes: Bytes): void {
    const { content, credit, kind, number } = decodeMessage(bytes);
    if (number !== this.#nextReceived) {
      throw new WireError(`Message ${number} came instead of ${this.#nextReceived}`);
    }
    if (credit < this.#credit) throw new WireError("The credit became less");
    if (kind === BrokerMessageKind.OPEN) throw new WireError("A connection was opened twice");
    this.#nextReceived++;
    this.#silentIntervals = 0;
    this.#credit = credit;
    this.#mayWrite.resolve();
    if (kind === BrokerMessageKind.STATE) return;
    if (this.#otherHasEnded) throw new WireError("Something followed the end");
    if (kind === BrokerMessageKind.END) this.#otherHasEnded = true;
    this.#receivedBytes += content.length;
    if (this.#receivedBytes > this.#granted) throw new WireError("More came than was granted");
    if (kind === BrokerMessageKind.DATA) this.#keep(content);
    this.#arrival.resolve();
    if (this.#hasEnded && this.#otherHasEnded && this.#chunks.length === 0) this.#finish();
  }

  /** Keeps a chunk for the reader. */
  #keep(chunk: Bytes): void {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length + chunk.length > PIECE_BYTES) this.#chunks.push(chunk);
    else this.#chunks.splice(-1, 1, concat(last, chunk));
  }

  /** Bytes that the other end may send in all. */
  get #grant(): number {
    return this.#readBytes + Math.min(FIRST_WINDOW_BYTES + this.#readBytes, BROKER_WINDOW_BYTES);
  }

  async #read(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
    while (this.#isOpen && this.#chunks.length === 0 && !this.#otherHasEnded) {
      await this.#arrival.promise;
      this.#arrival = Promise.withResolvers();
    }
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      controller.enqueue(chunk);
      if (this.#readBytes === 0) this.#options.onFirstRead?.();
      this.#readBytes += chunk.length;
      const isDue = this.#grant - this.#granted >= FIRST_WINDOW_BYTES / 2;
      if (isDue && !this.#otherHasEnded) this.#send(BrokerMessageKind.STATE);
      return;
    }
    controller.close();
    if (this.#hasEnded) this.#finish();
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const maxContent = this.#options.maxMessage - MESSAGE_HEADER_BYTES;
    for (let offset = 0; offset < chunk.length;) {
      await this.#options.drained();
      while (this.#isOpen && this.#credit === this.#sentBytes) {
        this.#mayWrite = Promise.withResolvers();
        await this.#mayWrite.promise;
      }
      if (!this.#isOpen) throw this.#failure ?? closed();
      const length = Math.min(chunk.length - offset, maxContent, this.#credit - this.#sentBytes);
      this.#sentBytes += length;
      this.#send(BrokerMessageKind.DATA, chunk.subarray(offset, offset + length));
      offset += length;
    }
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#hasEnded = true;
    this.#send(BrokerMessageKind.END);
    if (this.#otherHasEnded && this.#chunks.length === 0) this.#finish();
  }

  #send(kind: number, content: Uint8Array = NOTHING): void {
    if (!this.#isOpen) return;
    try {
      this.#deliver(kind, content);
    } catch (cause) {
      this.fail(new NetError("connection-lost", "Connection lost", { cause }));
    }
  }

  /** @throws If the broker is lost. */
  #deliver(kind: number, content: Uint8Array): void {
    this.#isIdle = false;
    this.#granted = this.#grant;
    const number = this.#nextSent++;
    this.#options.send(encodeMessage({ number, credit: this.#granted, kind, content }));
  }

  readonly #beat = (): void => {
    this.#cancelBeat = this.#clock.after(HEARTBEAT_MS, this.#beat);
    // Counted, not timed: after a sleep, what came meanwhile is read before the next interval ends.
    this.#silentIntervals++;
    if (this.#silentIntervals >= SILENT_INTERVALS) {
      return this.fail(new NetError("connection-lost", "Connection lost: no sign of life"));
    }
    if (this.#isIdle) this.#send(BrokerMessageKind.STATE);
    this.#isIdle = true;
  };

  /** Ends both directions; the other end reads the end, unless the broker is lost. */
  #finish(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      if (!this.#hasEnded) this.#deliver(BrokerMessageKind.END, NOTHING);
    } catch {
      // The broker is lost.
    }
    this.#chunks.length = 0;
    this.#cancelBeat();
    this.#arrival.resolve();
    this.#mayWrite.resolve();
    this.#options.onEnded();
  }
}

function closed(): NetError {
  return new NetError("connection-lost", "Connection closed");
}
