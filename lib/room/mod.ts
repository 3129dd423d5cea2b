/**
 * A member's end-to-end side: announcements, sender keys, messages. No sockets.
 *
 * @example A room that is not entered yet
 * ```ts
 * import { Room, SessionKeys } from "./mod.ts";
 * import { generateIdentity } from "../crypto/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { identity } = await generateIdentity();
 * const room = new Room({
 *   identity,
 *   name: "ada",
 *   session: new Uint8Array(16),
 *   nonce: new Uint8Array(16),
 *   roomId: new Uint8Array(32),
 *   hostKey: identity.publicKey,
 *   memberKey: new Uint8Array(32),
 *   keys: new SessionKeys(),
 *   emit: () => {},
 * });
 * assertEquals(room.members, []);
 * room.end("not-delivered");
 * ```
 * @module
 */
export {
  type ChainAuthor,
  type KeyRecipient,
  MAX_SKIPPED,
  ReceivingChain,
  SendingChain,
} from "./chain.ts";
export { Bans } from "./decisions.ts";
export { Link, type LinkListener, type NamedChange, type NamedSession, REFUSALS } from "./link.ts";
export { sameName } from "./names.ts";
export type { Member, Present, Trust } from "./peer.ts";
export type { RoomEvent } from "./events.ts";
export { SILENT_AFTER_MS } from "./peer.ts";
export { rosterHash, type RosterSession } from "./roster_check.ts";
export { MAX_CLOCK_SKEW_MS } from "./receiver.ts";
export type { RoomOptions } from "./parts.ts";
export { Room } from "./room.ts";
export {
  generateSessionKeyPair,
  PeerSessionKey,
  publicHalves,
  type PublicSessionKey,
  type SessionKeyPair,
  unwrapChainKey,
  type WrapContext,
  type WrappedKey,
} from "./session_key.ts";
export { PREVIOUS_KEY_MS, SESSION_KEY_MS, SessionKeys } from "./session_keys.ts";
