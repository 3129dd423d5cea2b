/**
 * The identifier of a member's session. See PROTOCOL.md §2.1.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { label, sha256 } from "./hash.ts";

/**
 * Derives the session of a key in a room from a nonce. An attacker cannot find another key for a session.
 *
 * @param roomId 32 bytes. @param key The identity key, 32 bytes. @param nonce 16 random bytes.
 * @returns 16 bytes. See PROTOCOL.md §2.1.
 */
export async function sessionId(roomId: Bytes, key: Bytes, nonce: Bytes): Promise<Bytes> {
  return (await sha256(label("lanchat/1 sess"), roomId, key, nonce)).slice(0, 16);
}
