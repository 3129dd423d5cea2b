/**
 * A member's flows: what it sends of its transfers, over connections that come and go. See PROTOCOL.md §5.6.
 *
 * @module
 */
import { type Bytes, equal } from "../bytes/mod.ts";
import { WireError } from "../errors.ts";
import {
  type FlowCredit,
  MAX_BULK_RECEIVERS,
  MAX_FLOWS,
  MAX_MEMBER_BULK_BYTES,
  type MemberRecord,
} from "../wire/mod.ts";

/** Bytes of a flow that wait to be sent above which its writer waits, too, if its records have to be short. */
const MIN_WAITING_BYTES: number = 1 << 17;

/** Bytes that each flow may have under way, whatever the others have: those that the relay does not pass on stop none. */
const RESERVED_BYTES: number = 1 << 15;

/** Bytes that all flows may have under way beyond that. */
const SHARED_BYTES: number = MAX_MEMBER_BULK_BYTES - MAX_FLOWS * RESERVED_BYTES;

/** Bytes of a transfer, for some sessions. */
export interface BulkChunk {
  /** Identifies the transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** Position of the first byte in the transfer's image. */
  readonly offset: number;
  /** The sessions that get it, 1 to 60. */
  readonly to: readonly Bytes[];
  /** At least one byte; not copied, so it must not change. */
  readonly bytes: Bytes;
}

/** A BULK of a member. */
type BulkRecord = Extract<MemberRecord, { type: "bulk" }>;

/** The flows of a member, which take turns. */
export class Flows {
  readonly #wake: () => void;
  /** The next turn is that of the first. */
  readonly #flows = new Set<Flow>();
  #lastNumber = 0;
  #failure: { readonly reason: unknown } | undefined;

  /** Makes a set without flows. @param wake Called when there is something to send. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /**
   * Opens a flow. A write resolves when not much waits to be sent; without a connection, only as much as waits then.
   * What is under way when a connection ends is lost. Closing waits until all is sent; `abort` drops what waits.
   */
  open(): WritableStream<BulkChunk> {
    const flow = new Flow();
    return new WritableStream<BulkChunk>({
      start: (controller): void => {
        if (this.#failure !== undefined) return controller.error(this.#failure.reason);
        this.#flows.add(flow);
        // The sink's `abort()` would wait for the write under way.
        controller.signal.addEventListener("abort", () => {
          flow.drop();
          this.#end(flow);
        });
        flow.onFailure = (reason) => controller.error(reason);
      },
      write: async (chunk): Promise<void> => {
        flow.push(chunk);
        this.#wake();
        await flow.awaitRoom();
      },
      close: async (): Promise<void> => {
        await flow.awaitSent();
        this.#end(flow);
      },
    });
  }

  /**
   * The next record of the flow whose turn it is.
   *
   * @param maxBytes Maximum bytes of it.
   * @returns `undefined` if nothing waits that the relay may be sent now.
   */
  next(maxBytes: number): BulkRecord | undefined {
    const flows = [...this.#flows];
    const shared = SHARED_BYTES - flows.reduce((sum, flow) => sum + flow.shared, 0);
    // A flow leaves as much to the others as it has.
    const roomOf = (flow: Flow): number =>
      Math.max(0, RESERVED_BYTES - flow.unpassed) +
      Math.max(0, Math.floor((shared - flow.shared) / 2));
    const isFull = flows.filter((flow) => flow.unpassed > 0).length >= MAX_FLOWS;
    const flow = flows.find((flow) =>
      flow.waiting > 0 && roomOf(flow) >= Math.min(maxBytes, RESERVED_BYTES) &&
      (flow.unpassed > 0 || !isFull)
    );
    if (flow === undefined) return undefined;
    const room = roomOf(flow);
    this.#flows.delete(flow);
    this.#flows.add(flow);
    // The relay may forget the counts of a flow that it has passed on.
    if (flow.unpassed === 0) flow.begin(++this.#lastNumber);
    return flow.take(Math.min(maxBytes, room));
  }

  /**
   * Notes what the relay has passed on.
   *
   * @throws {WireError} If that is less than before, or more than was sent.
   */
  credit(credits: readonly FlowCredit[]): void {
    const flows = new Map(this.#flows.values().map((flow) => [flow.number, flow]));
    for (const { flow: number, passed } of credits) {
      const flow = flows.get(number);
      if (flow === undefined) continue;
      flow.pass(passed);
      this.#drop(flow);
    }
  }

  /** Starts a connection: what was under way on the last one is lost. */
  restart(): void {
    for (const flow of this.#flows) {
      flow.forget();
      this.#drop(flow);
    }
  }

  /** Fails all flows, and those that are opened later. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    for (const flow of this.#flows) {
      flow.drop();
      flow.onFailure(reason);
    }
    this.#flows.clear();
  }

  #end(flow: Flow): void {
    flow.ended = true;
    this.#drop(flow);
  }

  /** Forgets a flow if it has ended, and the relay has passed on all of it. */
  #drop(flow: Flow): void {
    if (flow.ended && flow.unpassed === 0) this.#flows.delete(flow);
  }
}

/** One flow: chunks that wait, and how much of it is under way. */
class Flow {
  /** Its number while the relay has not passed on all of it; 0 before. */
  number = 0;
  /** Whether nothing more is written to it. */
  ended = false;
  /** Fails its stream. */
  onFailure: (reason: unknown) => void = () => {};
  #chunks: BulkChunk[] = [];
  /** Bytes of the chunks that wait. */
  waiting = 0;
  /** Maximum bytes of its last record. */
  #lastMax = 0;
  /** Bytes sent under its number. */
  #sent = 0;
  /** Bytes of them that the relay has passed on. */
  #passed = 0;
  #changed = Promise.withResolvers<void>();

  /** Bytes sent that the relay has not passed on. */
  get unpassed(): number {
    return this.#sent - this.#passed;
  }

  /** What it has of the bytes that all flows share. */
  get shared(): number {
    return Math.max(0, this.unpassed - RESERVED_BYTES);
  }

  /** Adds a chunk. @throws {RangeError} If it is empty, or for no session or too many. */
  push(chunk: BulkChunk): void {
    const { bytes, to } = chunk;
    if (bytes.length === 0) throw new RangeError("Cannot send bulk: it is empty");
    if (to.length === 0 || to.length > MAX_BULK_RECEIVERS) {
      throw new RangeError(`Cannot send bulk: it is for ${to.length} sessions`);
    }
    this.#chunks.push(chunk);
    this.waiting += bytes.length;
  }

  /** Takes as much of the first chunk, and of those that continue it, as one record may have. */
  take(maxBytes: number): BulkRecord {
    const { offset, to, transfer } = this.#chunks[0]!;
    const bytes: Bytes[] = [];
    let length = 0;
    while (length < maxBytes) {
      const [chunk] = this.#chunks;
      if (chunk === undefined || chunk.offset !== offset + length) break;
      if (!equal(chunk.transfer, transfer) || !sameSessions(chunk.to, to)) break;
      const part = chunk.bytes.subarray(0, maxBytes - length);
      bytes.push(part);
      length += part.length;
      this.#chunks.shift();
      if (part.length === chunk.bytes.length) continue;
      const rest = chunk.bytes.subarray(part.length);
      this.#chunks.unshift({ ...chunk, offset: offset + length, bytes: rest });
    }
    this.waiting -= length;
    this.#lastMax = maxBytes;
    this.#sent += length;
    this.#change();
    return { type: "bulk", flow: this.number, transfer, offset, to, bytes };
  }

  /** Notes that the relay has passed on so many bytes. @throws {WireError} As {@linkcode Flows.credit}. */
  pass(passed: number): void {
    if (passed < this.#passed || passed > this.#sent) {
      throw new WireError("Cannot accept CREDIT: it counts bytes that the flow never had");
    }
    this.#passed = passed;
  }

  /** Starts to count under another number. */
  begin(number: number): void {
    this.number = number;
    this.forget();
  }

  /** Forgets what was under way. */
  forget(): void {
    this.#sent = this.#passed = 0;
  }

  /** Drops what waits. */
  drop(): void {
    this.#chunks = [];
    this.waiting = 0;
    this.#change();
  }

  /** Resolves when no more waits than for two records: a slow flow would be long in closing. */
  async awaitRoom(): Promise<void> {
    while (this.waiting > Math.max(MIN_WAITING_BYTES, 2 * this.#lastMax)) {
      await this.#changed.promise;
    }
  }

  /** Resolves when nothing waits. */
  async awaitSent(): Promise<void> {
    while (this.waiting > 0) await this.#changed.promise;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function sameSessions(some: readonly Bytes[], others: readonly Bytes[]): boolean {
  return some === others ||
    some.length === others.length && some.every((one, i) => equal(one, others[i]!));
}
