/**
 * The limits of a host.
 *
 * @module
 */

/** Limits of a host: past them, strangers or members could exhaust it. See PROTOCOL.md §4.6. */
export interface Limits {
  /** Members of the room, kept seats and the host's own member included. */
  readonly maxMembers: number;
  /** Handshakes under way at once, and callers let through in a second: each may try a join code. */
  readonly maxHandshakes: number;
  /**
   * Of these, from one address. `undefined` stands for a quarter of them, and then loopback addresses do not
   * count: many people on this machine may share one.
   */
  readonly maxPerAddress: number | undefined;
  /** Callers that wait for their handshake: more would take memory without bound. */
  readonly maxWaiting: number;
  /** Bytes queued for a member whose connection is lost; beyond them the relay ends its seat. */
  readonly maxQueueBytes: number;
  /** Bytes queued for all members together. */
  readonly maxMemoryBytes: number;
  /** Bytes of envelopes that one member may send in a second. */
  readonly maxRate: number;
  /** Time that a seat outlives its member's lost connection, in milliseconds. */
  readonly keepSeatMs: number;
}

/** The default limits. */
export const DEFAULT_LIMITS: Limits = {
  maxMembers: 1024,
  maxHandshakes: 32,
  maxPerAddress: undefined,
  maxWaiting: 64,
  maxQueueBytes: 4 << 20,
  maxMemoryBytes: 64 << 20,
  maxRate: 64 << 20,
  keepSeatMs: 600_000,
};
