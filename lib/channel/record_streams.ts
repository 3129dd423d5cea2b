/**
 * Streams that seal records into frames and open frames into records.
 *
 * @module
 */
import { type Bytes, concat, equal } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { ChannelError } from "../errors.ts";
import {
  decodeSharedPosition,
  type Frame,
  FrameKind,
  NO_TRANSCRIPT,
  type PlainRecord,
  RecordType,
  TOKEN_BYTES,
} from "../wire/mod.ts";
import { FrameTokens } from "./frame_tokens.ts";
import { KeyUse, REKEY_LIMITS, type RekeyLimits } from "./key_use.ts";
import { RecordCipher } from "./record_cipher.ts";
import { extendTranscript, SharedFrame } from "./shared_frame.ts";

/** Seals records into frames, and rekeys in time; passes shared frames on. See PROTOCOL.md §5.1. */
export class SealStream extends WritableStream<PlainRecord | SharedFrame> {
  /**
   * Seals the records of one direction.
   *
   * @param secret The direction's secret, 32 bytes; wiped at the first rekey.
   * @param destination Gets each record, or shared record with its REKEY, as one chunk. Only a bulk frame can be several
   * chunks, all but the last of at least {@linkcode MIN_CHUNK_BYTES}. It ends or fails when this stream does, and vice
   * versa.
   * @param options `limits` and `clock` for the rekeying.
   */
  constructor(
    secret: Bytes,
    destination: WritableStream<Bytes>,
    options: { limits?: RekeyLimits; clock?: Clock } = {},
  ) {
    const use = new KeyUse(options.limits ?? REKEY_LIMITS, options.clock ?? systemClock);
    const frames = destination.getWriter();
    let cipher: RecordCipher;
    let tokens: FrameTokens;
    let transcript = NO_TRANSCRIPT;

    async function seal(record: PlainRecord): Promise<void> {
      const bytes = 1 + record.payload.length;
      if (use.isUp(bytes)) {
        const rekey = { type: RecordType.REKEY, payload: new Uint8Array() };
        tokens.skip();
        await frames.write(await cipher.seal(rekey, transcript));
        await cipher.rekey();
        use.restart();
      }
      use.count(bytes);
      tokens.skip();
      const frame = await cipher.seal(record, transcript);
      if (record.type === RecordType.KEY) {
        transcript = decodeSharedPosition(record.payload).transcript;
      }
      for (const chunk of joined([frame, ...record.bulk ?? []])) await frames.write(chunk);
    }

    super({
      async start(controller): Promise<void> {
        frames.closed.catch((error) => controller.error(error));
        tokens = await FrameTokens.from(secret);
        cipher = await RecordCipher.from(secret);
      },
      async write(record): Promise<void> {
        if (!(record instanceof SharedFrame)) return await seal(record);
        if (!tokens.has(record.frames.length)) await tokens.derive(record.frames.length);
        transcript = record.end;
        await frames.write(record.bytesWith(tokens));
      },
      close: () => frames.close(),
      abort: (reason) => frames.abort(reason),
    });
  }
}

/** Minimum bytes of each chunk of a frame but the last: writing fewer costs more than copying them. */
const MIN_CHUNK_BYTES = 32_768;

/** Joins small parts with those after them. */
function* joined(parts: readonly Bytes[]): Generator<Bytes, void, void> {
  let small: Bytes[] = [];
  let bytes = 0;
  for (const part of parts) {
    small.push(part);
    bytes += part.length;
    if (bytes < MIN_CHUNK_BYTES) continue;
    yield small.length === 1 ? part : concat(...small);
    small = [];
    bytes = 0;
  }
  if (bytes > 0) yield concat(...small);
}

/** Bytes of shared frames in a row after which an end gives up: an honest host sends a record of its own before. */
export const MAX_SHARED_BYTES: number = 1 << 18;

/**
 * Opens frames, in the order in which they were sealed. See PROTOCOL.md §5.1.
 *
 * The stream fails with a {@linkcode ChannelError}: `protocol-error` if a record was altered, repeated,
 * swapped or left out, `connection-lost` if it ends without a CLOSE. It ignores all bytes after a CLOSE.
 */
export class OpenStream extends TransformStream<Frame, PlainRecord> {
  /**
   * Opens the records of one direction.
   *
   * @param secret The direction's secret, 32 bytes.
   * @param options `takesShared`: whether shared frames, and the KEY for them, may come.
   */
  constructor(secret: Bytes, { takesShared = false }: { takesShared?: boolean } = {}) {
    let own: RecordCipher;
    let shared: RecordCipher | undefined;
    let sharedBytes = 0;
    let tokens: FrameTokens;
    let transcript = NO_TRANSCRIPT;
    let closed = false;

    /** Opens the next record. @returns `undefined` if it is for this layer only. */
    async function open({ body, bulk, kind }: Frame): Promise<PlainRecord | undefined> {
      if (kind === FrameKind.SHARED) {
        if (shared === undefined) {
          throw new ChannelError("protocol-error", "Cannot open shared record: there is no key");
        }
        sharedBytes += body.length;
        if (sharedBytes > MAX_SHARED_BYTES) {
          throw new ChannelError("protocol-error", "Cannot open shared record: too many in a row");
        }
        if (!tokens.has(1)) await tokens.derive(1);
        if (!equal(body.subarray(0, TOKEN_BYTES), tokens.next())) {
          throw new ChannelError(
            "protocol-error",
            "Cannot open shared record: one before it is missing",
          );
        }
        const sealed = body.subarray(TOKEN_BYTES);
        const [record, next] = await Promise.all([
          shared.open(sealed, transcript, kind),
          extendTranscript(transcript, sealed),
        ]);
        transcript = next;
        if (record.type === RecordType.REKEY) return await rekey(shared, record);
        return { ...record, transcript };
      }
      tokens.skip();
      const record = await own.open(body, transcript, kind, bulk);
      sharedBytes = 0;
      if (bulk !== undefined && record.type !== RecordType.BULK) {
        throw new ChannelError("protocol-error", "Cannot open bulk frame: its record is not BULK");
      }
      if (record.type === RecordType.REKEY) return await rekey(own, record);
      if (record.type !== RecordType.KEY || !takesShared) return record;
      const position = decodeSharedPosition(record.payload);
      shared?.forget();
      shared = await RecordCipher.from(position.secret, position.counter);
      transcript = position.transcript;
    }

    super({
      async start(): Promise<void> {
        tokens = await FrameTokens.from(secret);
        own = await RecordCipher.from(secret);
      },
      async transform(frame, controller): Promise<void> {
        if (closed) return;
        const record = await open(frame);
        if (record === undefined) return;
        closed = record.type === RecordType.CLOSE;
        controller.enqueue(record);
      },
      flush(): void {
        if (!closed) throw new ChannelError("connection-lost", "Connection lost");
      },
    });
  }
}

async function rekey(cipher: RecordCipher, { payload }: PlainRecord): Promise<undefined> {
  if (payload.length > 0) {
    throw new ChannelError("protocol-error", "Cannot rekey: the record has a payload");
  }
  await cipher.rekey();
}
