/**
 * The limits of a host.
 *
 * @module
 */

/** What a host bounds, so that neither strangers nor members can fill it up. See PROTOCOL.md §4.6. */
export interface Limits {
  /** Members of the room, kept seats and the host's own member included. */
  readonly maxMembers: number;
  /** Handshakes under way at once, and callers let through in a second: each may try a join code. */
  readonly maxHandshakes: number;
  /**
   * Of these, from one address. `undefined` stands for a quarter of them, and then loopback addresses are not
   * counted: on this machine many people may have one.
   */
  readonly maxPerAddress: number | undefined;
  /** Callers that wait for their handshake: a queue has an end so that memory has one. */
  readonly maxWaiting: number;
  /** Bytes queued for a member whose connection is lost: over that its seat is given up. */
  readonly maxQueueBytes: number;
  /** Bytes queued for all members together. */
  readonly maxMemoryBytes: number;
  /** Bytes a second that one member may send. */
  readonly maxRate: number;
  /** How long the seat of a member is kept whose connection is lost, in milliseconds. */
  readonly keepSeatMs: number;
}

/** What holds unless the person who hosts says otherwise. */
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
