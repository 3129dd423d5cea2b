/**
 * Records of a member that got no shared frame.
 *
 * @module
 */
import type { Bytes } from "../../lib/bytes/mod.ts";
import { INSTANCE_BYTES, type MemberRecord, NO_TRANSCRIPT } from "../../lib/wire/mod.ts";

type Of<Type extends MemberRecord["type"]> = Extract<MemberRecord, { type: Type }>;

/** An ACK. @param seq The number of the last entry that the member has. */
export function ack(seq: number): Of<"ack"> {
  return { type: "ack", seq, transcript: NO_TRANSCRIPT };
}

/** A RESUME; by default that of a member without a seat. @param lastSeq As for {@linkcode ack}. */
export function resume(
  lastSeq = 0,
  instance: Bytes = new Uint8Array(INSTANCE_BYTES),
): Of<"resume"> {
  return { type: "resume", instance, lastSeq, transcript: NO_TRANSCRIPT };
}
