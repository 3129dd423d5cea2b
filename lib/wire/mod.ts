/**
 * Bytes to values and back: frames, handshake messages, records and end-to-end objects. No keys, no
 * sockets, no clock.
 *
 * @example A record's payload
 * ```ts
 * import { decodeMemberRecord, encodeMemberRecord } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const record = encodeMemberRecord({ type: "behind" });
 * assertEquals(decodeMemberRecord(record), { type: "behind" });
 * ```
 * @module
 */
export * from "./file.ts";
export * from "./frame.ts";
export * from "./handshake.ts";
export * from "./name.ts";
export * from "./object.ts";
export * from "./record.ts";
export * from "./status.ts";
