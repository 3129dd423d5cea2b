/**
 * What lanchat keeps: the identity file, beside it the room that a host has, and logs. The only folder
 * that touches files.
 *
 * @example The second start finds what the first one made
 * ```ts
 * import { openIdentity } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const file = `${directory}/identity.json`;
 * const first = await openIdentity({ file });
 * const second = await openIdentity({ file });
 * assertEquals(second.identity.publicKey, first.identity.publicKey);
 * await Deno.remove(directory, { recursive: true });
 * ```
 * @module
 */
export { type IdentityOptions, type OpenedIdentity, openIdentity } from "./identity.ts";
export { type KnownPeer, KnownPeers, peersPlace } from "./known_peers.ts";
export { openLog } from "./log.ts";
export { identityPlace, type Platform, type WhichIdentity } from "./place.ts";
export { openSealedLog, type Unlock } from "./sealed_log.ts";
export { readLog, type StoredLog } from "./stored_log.ts";
export { type KeptRoom, readRoom, roomPlace, writeRoom } from "./room.ts";
