/**
 * The person who runs lanchat, as a session knows them.
 *
 * @module
 */
import type { Identity } from "../crypto/mod.ts";
import type { ProblemEvent } from "../session_events.ts";
import type { KnownPeers } from "../store/mod.ts";

/** The person who runs lanchat. */
export interface Person {
  /** Their key pair. */
  readonly identity: Identity;
  /** Their name in a room. */
  readonly name: string;
  /** The identity file; missing where the identity ends with this run. */
  readonly file?: string;
  /** The peers they have met. */
  readonly known: KnownPeers;
  /** Warnings to show once the room is ready: that the identity ends with this run. */
  readonly warnings: readonly ProblemEvent[];
}
