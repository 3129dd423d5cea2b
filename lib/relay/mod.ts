/**
 * The host's side: admission, seats, routing. Nothing here can open an envelope.
 *
 * @example An empty room
 * ```ts
 * import { Relay } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const relay = new Relay({ maxMembers: 2 });
 * assertEquals(relay.maxMembers, 2);
 * await relay.close();
 * ```
 * @module
 */
export { AccessPolicy, type AccessPolicyOptions } from "./access_policy.ts";
export type { FailedJoins } from "./failed_joins.ts";
export { HANDSHAKE_MS, Host, type HostOptions, type IncomingConnection } from "./host.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export {
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  SHARE_BYTES,
  STALL_BYTES,
  STALL_MS,
} from "./backpressure.ts";
export {
  AWAY_LONG_MS,
  DRAIN_MS,
  type EndedSession,
  ENTRY_MS,
  Relay,
  type RelayOptions,
} from "./relay.ts";
export type { ProvenSession } from "./seat.ts";
export { MAX_AWAY_LONG } from "./seat_table.ts";
