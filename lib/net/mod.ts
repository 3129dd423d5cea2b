/**
 * Interfaces, invites, listening, dialing and discovery: the only folder that opens sockets.
 *
 * @example Dial a listener
 * ```ts
 * import { dial, listen } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = listen({ host: "127.0.0.1", port: 0 });
 * const dialed = await dial("127.0.0.1", listener.port);
 * for await (const accepted of listener.connections) {
 *   assertEquals(accepted.remoteAddress, "127.0.0.1");
 *   accepted.close();
 *   dialed.close();
 *   listener.close();
 * }
 * ```
 * @module
 */
export {
  addressesOf,
  machineInterfaces,
  type MachineOptions,
  outerAddresses,
  requireNetPermission,
} from "./interfaces.ts";
export { ownInterfaces } from "./default_interface.ts";
export { type Connection, openConnection } from "./connection.ts";
export { DebuggerBlock } from "./debugger.ts";
export {
  dial,
  DIAL_TIMEOUT_MS,
  type DialOptions,
  dialSocket,
  type DialSocketOptions,
  type EncryptOptions,
  encryptSocket,
  MAX_UNANSWERED,
} from "./dial.ts";
export {
  type AnnounceOptions,
  RoomAnnouncer,
  RoomSearch,
  type SearchOptions,
} from "./discovery.ts";
export type { FoundRoom, RoomAnnouncement } from "./dns_sd.ts";
export {
  type Credential,
  encodeCredential,
  formatInvite,
  type Invite,
  isCutInvite,
  isInvite,
  parseInvite,
  roomAtBroker,
} from "./invite.ts";
export { listen, type Listener, type ListenOptions } from "./listen.ts";
export { type Family, MAX_LINKS, type MulticastRoute, type NetworkOptions } from "./multicast.ts";
export { lookUp } from "./look_up.ts";
export { checkMulticast, type MulticastCheck } from "./multicast_check.ts";
export { networkChange, type NetworkChangeOptions } from "./network_change.ts";
