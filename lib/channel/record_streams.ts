/**
 * Streams that seal records into frames and open frames into records.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { ChannelError } from "../errors.ts";
import { type PlainRecord, RecordType } from "../wire/mod.ts";
import { RecordCipher } from "./record_cipher.ts";

/** Limits of one key: a sender rekeys at the first that it reaches. */
export interface RekeyLimits {
  /** Records under one key. */
  readonly records: number;
  /** Bytes of plaintext under one key. */
  readonly bytes: number;
  /** Age of a key, in milliseconds. */
  readonly ms: number;
}

/** Far below the limits of AES-GCM (NIST SP 800-38D §8.3), and short enough to heal. */
export const REKEY_LIMITS: RekeyLimits = { records: 2 ** 20, bytes: 2 ** 30, ms: 900_000 };

/** Seals records into frames, and rekeys in time. See PROTOCOL.md §5.1. */
export class SealStream extends TransformStream<PlainRecord, Bytes> {
  /**
   * Seals the records of one direction.
   *
   * @param secret The direction's secret, 32 bytes; wiped at the first rekey.
   * @param options `limits` and `clock` for the rekeying.
   */
  constructor(secret: Bytes, options: { limits?: RekeyLimits; clock?: Clock } = {}) {
    const { limits = REKEY_LIMITS, clock = systemClock } = options;
    let cipher: RecordCipher;
    let bytes = 0;
    let since = clock.elapsed();
    super({
      async start(): Promise<void> {
        cipher = await RecordCipher.from(secret);
      },
      async transform(record, controller): Promise<void> {
        const size = 1 + record.payload.length;
        const due = cipher.counter + 1 >= limits.records || bytes + size > limits.bytes ||
          clock.elapsed() - since >= limits.ms;
        if (due) {
          const rekey = { type: RecordType.REKEY, payload: new Uint8Array() };
          controller.enqueue(await cipher.seal(rekey));
          await cipher.rekey();
          bytes = 0;
          since = clock.elapsed();
        }
        bytes += size;
        controller.enqueue(await cipher.seal(record));
      },
    });
  }
}

/**
 * Opens the bodies of frames, in the order in which they were sealed. See PROTOCOL.md §5.1.
 *
 * The stream fails with a {@linkcode ChannelError}: `protocol-error` if a record was altered, repeated,
 * swapped or left out, `connection-lost` if it ends without a CLOSE. It ignores all bytes after a CLOSE.
 */
export class OpenStream extends TransformStream<Bytes, PlainRecord> {
  /** Opens the records of one direction. @param secret The direction's secret, 32 bytes. */
  constructor(secret: Bytes) {
    let cipher: RecordCipher;
    let closed = false;
    super({
      async start(): Promise<void> {
        cipher = await RecordCipher.from(secret);
      },
      async transform(body, controller): Promise<void> {
        if (closed) return;
        const record = await cipher.open(body);
        if (record.type !== RecordType.REKEY) {
          closed = record.type === RecordType.CLOSE;
          controller.enqueue(record);
        } else if (record.payload.length === 0) {
          await cipher.rekey();
        } else {
          throw new ChannelError("protocol-error", "Cannot rekey: the record has a payload");
        }
      },
      flush(): void {
        if (!closed) {
          throw new ChannelError(
            "connection-lost",
            "Connection lost",
          );
        }
      },
    });
  }
}
