/**
 * Secure channels: records sealed and opened by streams over any `{ readable, writable }`.
 *
 * @example Seal, then open
 * ```ts
 * import { OpenStream, SealStream } from "./mod.ts";
 * import { FrameDecoderStream, RecordType } from "../wire/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const secret = new Uint8Array(32);
 * const close = { type: RecordType.CLOSE, payload: new Uint8Array([0]) };
 * const wire = new TransformStream<Uint8Array, Uint8Array>();
 * void ReadableStream.from([close]).pipeTo(new SealStream(secret.slice(), wire.writable));
 * const records = wire.readable
 *   .pipeThrough(new FrameDecoderStream())
 *   .pipeThrough(new OpenStream(secret));
 * assertEquals(await Array.fromAsync(records), [close]);
 * ```
 * @module
 */
export { BulkWindow } from "./bulk_window.ts";
export { type Channel, initiate, respond, type SecureChannel, type Transport } from "./channel.ts";
export {
  DEAD_AFTER_MS,
  Endpoint,
  type EndpointOptions,
  FAREWELL_MS,
  PING_AFTER_MS,
} from "./endpoint.ts";
export { localChannel } from "./local.ts";
export { FrameTokens } from "./frame_tokens.ts";
export { KeyUse, REKEY_LIMITS, type RekeyLimits } from "./key_use.ts";
export { MAX_RECORDS_PER_KEY, RecordCipher } from "./record_cipher.ts";
export { MAX_SHARED_BYTES, OpenStream, SealStream } from "./record_streams.ts";
export { extendTranscript, SharedFrame, SharedSealer } from "./shared_frame.ts";
