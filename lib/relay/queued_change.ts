/**
 * Changes of the roster in the queues of seats.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { RosterChange } from "../wire/mod.ts";
import type { Sharing } from "./shared_records.ts";

/** A change of the roster in the queues of its receivers, in its place between the envelopes. */
export class QueuedChange implements RosterChange {
  readonly change: number;
  readonly reason: number;
  readonly key: Bytes;
  readonly nonce: Bytes;
  /** Its shared frame. Only `SharedRecords` sets it. */
  sharing: Sharing | undefined;

  /** Holds a change. */
  constructor({ change, key, nonce, reason }: RosterChange) {
    this.change = change;
    this.reason = reason;
    this.key = key;
    this.nonce = nonce;
  }
}
