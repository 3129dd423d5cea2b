/**
 * One end of a channel: sends and receives records, and notices that the other end is gone.
 *
 * @module
 */
import { byteLength, type Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { randomBytes } from "../crypto/mod.ts";
import { ChannelError } from "../errors.ts";
import {
  type CommonRecord,
  FIRST_OPTIONAL_TYPE,
  type PlainRecord,
  type RecordCodec,
  RecordType,
} from "../wire/mod.ts";
import { BulkWindow } from "./bulk_window.ts";
import type { Channel } from "./channel.ts";
import { SharedFrame } from "./shared_frame.ts";

/** Silence, except for shared records, after which an end asks whether the other is there, in milliseconds. */
export const PING_AFTER_MS = 15_000;

/** Interval of the check for silence, in milliseconds. */
const LOOK_MS = 5000;

/** Silence after which this end gives up the other, in milliseconds: with the next check, 45 s at most. */
export const DEAD_AFTER_MS = 40_000;

/** Maximum time of a farewell before this end cuts the channel, in milliseconds. */
export const FAREWELL_MS = 2000;

/** Dependencies of {@linkcode Endpoint}. */
export interface EndpointOptions<Incoming, Outgoing> {
  /** The records' layout. */
  readonly codec: RecordCodec<Incoming, Outgoing>;
  /** The next record or shared frame to send when there is nothing urgent; `undefined` until the next `wake`. */
  readonly next: () => Outgoing | SharedFrame | undefined;
  /**
   * The next BULK to send when there is nothing else, and the window has room; `undefined` until the next `wake`.
   *
   * @param maxBytes Maximum bytes of it.
   */
  readonly nextBulk?: (maxBytes: number) => Outgoing | undefined;
  /** Times the pings and the bulk window. */
  readonly clock?: Clock;
}

/**
 * One end of a channel: sends urgent records first, then the others as fast as the channel takes them, and bulk
 * when there is nothing else and its window has room. It answers and sends PING, and notices that the other end is
 * gone.
 */
export class Endpoint<
  Incoming extends { type: string; taken?: number },
  Outgoing extends { type: string },
> {
  readonly #codec: RecordCodec<Incoming, Outgoing | CommonRecord>;
  readonly #next: () => Outgoing | SharedFrame | undefined;
  readonly #nextBulk: (maxBytes: number) => Outgoing | undefined;
  readonly #window: BulkWindow;
  readonly #clock: Clock;
  readonly #reader: ReadableStreamDefaultReader<PlainRecord>;
  readonly #writer: WritableStreamDefaultWriter<PlainRecord | SharedFrame>;
  readonly #urgent: (Outgoing | CommonRecord)[] = [];
  #writing = false;
  #closing = false;
  #lastHeard: number;
  #heardAt: number;
  /** Time of this end's last record, plus the time since then in which this end did not read. */
  #lastOwn: number;
  /** When the last read ended. */
  #readEnd: number;
  #reading = false;
  #receiving = false;
  #stopTimer: () => void = () => {};
  #sent: Promise<void> = Promise.resolve();
  #failure: unknown;
  readonly #ended = Promise.withResolvers<void>();

  /** Takes a channel over; nothing else may read or write it. */
  constructor(channel: Channel, options: EndpointOptions<Incoming, Outgoing>) {
    this.#codec = options.codec as RecordCodec<Incoming, Outgoing | CommonRecord>;
    this.#next = options.next;
    this.#nextBulk = options.nextBulk ?? (() => undefined);
    this.#clock = options.clock ?? systemClock;
    this.#window = new BulkWindow(this.#clock);
    this.#reader = channel.readable.getReader();
    this.#writer = channel.writable.getWriter();
    this.#writer.closed.catch(() => {}); // The reader sees the same failure.
    this.#lastHeard = this.#lastOwn = this.#readEnd = this.#clock.elapsed();
    this.#heardAt = this.#clock.now();
    this.#watch();
  }

  /** Time since the last record came, in milliseconds; a sleep of the machine counts. */
  get silence(): number {
    return Math.max(this.#clock.elapsed() - this.#lastHeard, this.#clock.now() - this.#heardAt);
  }

  /** Whether this end has said farewell, or has cut the channel. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Sends a record before all that `next` gives; drops it once the channel is closing. */
  send(record: Outgoing | CommonRecord): void {
    if (this.#closing) return;
    this.#urgent.push(record);
    this.wake();
  }

  /** Asks `next` and `nextBulk` for a record again. */
  wake(): void {
    if (this.#writing || this.#closing) return;
    this.#writing = true;
    this.#sent = this.#write();
  }

  /**
   * The records that arrive, without PING, PONG and unknown optional ones, up to and with a CLOSE.
   *
   * @throws {ChannelError} If the channel breaks, or the other end is silent for {@linkcode DEAD_AFTER_MS}.
   * @throws {WireError} If a record cannot be decoded, or a CREDIT counts too much.
   */
  async *receive(): AsyncGenerator<Incoming, void, void> {
    this.#receiving = true;
    try {
      while (true) {
        const record = await this.#read();
        if (record.type >= FIRST_OPTIONAL_TYPE) continue;
        const decoded = this.#codec.decode(record);
        if (record.type === RecordType.PONG) continue;
        if (record.type === RecordType.PING) {
          this.#answer(record.payload);
          continue;
        }
        if (decoded.taken !== undefined) {
          this.#window.take(decoded.taken);
          this.wake();
        }
        yield decoded;
        if (record.type === RecordType.CLOSE) return;
      }
    } finally {
      this.#receiving = false;
      if (!this.#closing) this.#stopTimer();
      else this.#ended.promise.then(() => this.#stopTimer());
    }
  }

  /**
   * Says farewell and ends the channel once the urgent records have left; cuts it if the other end
   * does not close its side within {@linkcode FAREWELL_MS}.
   *
   * @param reason One of `CloseReason`; of several calls the first counts.
   */
  async close(reason: number): Promise<void> {
    if (!this.#closing) {
      this.send({ type: "close", reason });
      this.#closing = true;
      this.#stopTimer();
      this.#stopTimer = this.#clock.after(FAREWELL_MS, () => {
        this.abort(new ChannelError("connection-lost", "The other side stopped reading"));
      });
      void this.#finish();
    }
    await this.#ended.promise;
  }

  /** Ends the channel at once, in both directions. @param error Why, for `receive`. */
  abort(error: unknown): void {
    this.#closing = true;
    this.#failure = error;
    this.#stopTimer();
    this.#reader.cancel(error).catch(() => {});
    this.#writer.abort(error).catch(() => {});
    this.#ended.resolve();
  }

  async #finish(): Promise<void> {
    await this.#sent;
    await this.#writer.close().catch(() => {}); // The other end may be gone already.
    this.#ended.resolve();
    if (!this.#receiving) this.#stopTimer();
  }

  /** Answers a PING; keeps one answer, or a peer that sends many and reads none would fill the memory. */
  #answer(token: Bytes): void {
    if (!this.#urgent.some(({ type }) => type === "pong")) this.send({ type: "pong", token });
  }

  /** Sends a PING, unless one waits to be sent. */
  #ping(): void {
    if (this.#urgent.some(({ type }) => type === "ping")) return;
    this.send({ type: "ping", token: randomBytes(8) });
  }

  async #read(): Promise<PlainRecord> {
    this.#reading = true;
    const now = this.#clock.elapsed();
    this.#lastOwn = Math.min(now, this.#lastOwn + now - this.#readEnd);
    try {
      const { done, value } = await this.#reader.read();
      if (done) throw this.#failure ?? new ChannelError("connection-lost", "Connection lost");
      this.#lastHeard = this.#clock.elapsed();
      this.#heardAt = this.#clock.now();
      // Another member could have sealed a shared record.
      if (value.transcript === undefined) this.#lastOwn = this.#lastHeard;
      return value;
    } finally {
      this.#reading = false;
      this.#readEnd = this.#clock.elapsed();
    }
  }

  async #write(): Promise<void> {
    try {
      while (true) {
        await this.#writer.ready;
        const record = this.#take();
        if (record === undefined) break;
        // The next `ready` shows a failure; waiting for this write would halve the speed.
        this.#writer.write(record).catch(() => {});
      }
    } catch {
      // The channel is broken: the reader tells why.
    } finally {
      this.#writing = false;
    }
  }

  /** The next record to write; a fault in making it ends the channel, or it would be missing. */
  #take(): PlainRecord | SharedFrame | undefined {
    try {
      const record = this.#urgent.shift() ?? (this.#closing ? undefined : this.#next());
      if (record instanceof SharedFrame) return record;
      return record === undefined ? this.#takeBulk() : this.#codec.encode(record);
    } catch (error) {
      this.abort(error);
    }
  }

  #takeBulk(): PlainRecord | undefined {
    const { frameBytes } = this.#window;
    const next = this.#closing || frameBytes === 0 ? undefined : this.#nextBulk(frameBytes);
    if (next === undefined) return undefined;
    const record = this.#codec.encode(next);
    this.#window.send(byteLength(record.bulk ?? []));
    return record;
  }

  #watch(): void {
    const due = this.#clock.elapsed() + LOOK_MS;
    this.#stopTimer = this.#clock.after(LOOK_MS, () => {
      // A process that was stopped could not hear the other end meanwhile: it pings first.
      const now = this.#clock.elapsed();
      if (now - due > LOOK_MS) this.#lastOwn = Math.max(this.#lastOwn, now - PING_AFTER_MS);
      const silence = this.#reading ? now - this.#lastOwn : 0;
      if (silence >= DEAD_AFTER_MS) {
        const message = `Connection lost: silent for ${DEAD_AFTER_MS / 1000} s`;
        this.abort(new ChannelError("connection-lost", message));
        return;
      }
      // An end that does not read does not answer either: its own PING shows that it is there.
      if (!this.#reading || silence >= PING_AFTER_MS) this.#ping();
      this.#watch();
    });
  }
}
