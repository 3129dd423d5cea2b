/**
 * The host's side: greeting callers, keeping seats, passing envelopes on. Nothing here can open one.
 *
 * @example A room nobody is in yet
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
export { type Caller, HANDSHAKE_MS, Host, type HostOptions } from "./host.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export {
  AWAY_LONG_MS,
  DRAIN_MS,
  type Former,
  MAX_AWAY_LONG,
  Relay,
  type RelayOptions,
} from "./relay.ts";
export type { Guest } from "./seat.ts";
export { HIGH_WATER_BYTES, LOW_WATER_BYTES, SHARE_BYTES, STALL_BYTES, STALL_MS } from "./seat.ts";
