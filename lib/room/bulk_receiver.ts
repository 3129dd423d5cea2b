/**
 * What a member receives of transfers. See PROTOCOL.md §5.6.
 *
 * @module
 */
import { byteLength, type Bytes } from "../bytes/mod.ts";
import type { HostRecord, MemberRecord } from "../wire/mod.ts";

/** Bytes that are not handled yet above which more are dropped; an honest relay never sends so much. */
export const MAX_UNHANDLED_BYTES: number = 1 << 23;

/** What a chunk counts for beside its bytes: many small ones take memory, too. */
const CHUNK_OVERHEAD_BYTES = 1024;

/** Bytes of a transfer that came from a session, as the relay says. */
export interface ReceivedBulk {
  /** The session. */
  readonly from: Bytes;
  /** Identifies the transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** Position of the first byte in the transfer's image. */
  readonly offset: number;
  /** What came, not checked. */
  readonly bytes: Bytes;
}

/** Handles what comes, and counts that. */
export class BulkReceiver {
  readonly #handle: (chunk: ReceivedBulk) => Promise<void>;
  readonly #wake: () => void;
  #unhandled = 0;
  /** Bytes handled or dropped that came on this connection, and how many of them the relay knows. */
  #count = { taken: 0, credited: 0 };

  /**
   * Starts with nothing.
   *
   * @param handle Called with everything that comes, in order, without waiting for the last call; never rejects.
   * @param wake Called when there is a CREDIT to send.
   */
  constructor(handle: (chunk: ReceivedBulk) => Promise<void>, wake: () => void) {
    this.#handle = handle;
    this.#wake = wake;
  }

  /** Starts a connection. */
  restart(): void {
    this.#count = { taken: 0, credited: 0 };
  }

  /** Handles a record, or drops it if too much is not handled. */
  receive({ bytes, from, offset, transfer }: Extract<HostRecord, { type: "bulk" }>): void {
    let end = offset;
    const chunks = bytes.map((part) => {
      const chunk = { from, transfer, offset: end, bytes: part };
      end += part.length;
      return chunk;
    });
    void this.#take(chunks);
  }

  /** The CREDIT to send, unless the relay knows everything. */
  credit(): MemberRecord | undefined {
    const { credited, taken } = this.#count;
    if (taken === credited) return undefined;
    this.#count.credited = taken;
    return { type: "credit", taken };
  }

  /** Handles the chunks of a record, and counts them at once. */
  async #take(chunks: readonly ReceivedBulk[]): Promise<void> {
    const count = this.#count;
    const length = byteLength(chunks.map(({ bytes }) => bytes));
    const cost = length + chunks.length * CHUNK_OVERHEAD_BYTES;
    if (this.#unhandled + cost <= MAX_UNHANDLED_BYTES) {
      this.#unhandled += cost;
      await Promise.all(chunks.map((chunk) => this.#handle(chunk)));
      this.#unhandled -= cost;
    }
    count.taken += length;
    this.#wake();
  }
}
