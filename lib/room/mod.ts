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
export type { ReceivedBulk } from "./bulk_receiver.ts";
export type { ChainAuthor } from "./chain.ts";
export { Bans } from "./decisions.ts";
export type { RoomEvent } from "./events.ts";
export type { BulkChunk } from "./flows.ts";
export { ackDelay, REFUSALS } from "./link.ts";
export { isNamed, noSuchMember, sameName } from "./names.ts";
export type { Lacking } from "./outbox.ts";
export type { RoomOptions } from "./parts.ts";
export type { Member, Present, Trust } from "./peer.ts";
export { MAX_CLOCK_SKEW_MS } from "./receiver.ts";
export { Room } from "./room.ts";
export { SessionKeys } from "./session_keys.ts";
export type { PublicSessionKey, SessionKeyPair, WrapContext, WrappedKey } from "./session_key.ts";
