/**
 * The identifier of a member's session. See PROTOCOL.md §2.1.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { label, sha256 } from "./hash.ts";

/**
 * The session that a nonce gives a key in a room. Nobody can name a session and another key for it.
 *
 * @param roomId 32 bytes. @param key The identity key, 32 bytes. @param nonce 16 random bytes.
 * @returns 16 bytes. See PROTOCOL.md §2.1.
 */
export async function sessionId(roomId: Bytes, key: Bytes, nonce: Bytes): Promise<Bytes> {
  return (await sha256(label("lanchat/1 sess"), roomId, key, nonce)).slice(0, 16);
}
