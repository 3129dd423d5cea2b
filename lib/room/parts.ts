/**
 * The parts of a room that most of its classes share.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { FileMessage } from "../wire/mod.ts";
import type { ReceivedBulk } from "./bulk_receiver.ts";
import type { ChainAuthor } from "./chain.ts";
import type { Bans } from "./decisions.ts";
import type { Events, RoomEvent } from "./events.ts";
import type { Link } from "./link.ts";
import type { Member, Trust } from "./peer.ts";
import type { Roster } from "./roster.ts";
import type { SessionKeys } from "./session_keys.ts";

/** A member and the room that it enters. */
export interface RoomOptions extends ChainAuthor {
  /** The first name, as `nameProblem` allows it. */
  readonly name: string;
  /** The nonce from which the session follows, 16 bytes. */
  readonly nonce: Bytes;
  /** The host's identity key, 32 bytes: signs decisions. */
  readonly hostKey: Bytes;
  /** The keys for which others wrap theirs. */
  readonly keys: SessionKeys;
  /** Called with each event, in order. */
  readonly emit: (event: RoomEvent) => void;
  /** Called with each message about a transfer, in order with the events; by default it is dropped. */
  readonly onFileMessage?: (message: FileMessage, from: Member, isPrivate: boolean) => void;
  /**
   * Called with the bytes of transfers as they come, without waiting for the last call. They are handled when it
   * resolves: then the relay may send more. By default they are dropped.
   */
  readonly onBulk?: (chunk: ReceivedBulk) => Promise<void>;
  /**
   * Whether messages, statuses and offers of an identity key are dropped. Joining, leaving and names are shown
   * all the same.
   */
  readonly ignores?: (key: Bytes) => boolean;
  /** Judges a member under its name, without its tag, when it comes or changes its name; by default all are `fine`. */
  readonly trust?: (member: { readonly key: Bytes; readonly name: string }) => Trust;
  /** Resolves once all emitted events are shown: only then is more accepted from the host. */
  readonly shown?: () => Promise<void>;
  /** The bans known so far, kept over the sessions of a program; by default none. */
  readonly bans?: Bans;
  /** Maximum sessions remembered after they left; past it this member begins another session. 65,536 by default. */
  readonly maxBurned?: number;
  /** Time that a message waits for a first reader, in milliseconds; 0 by default. */
  readonly waitMs?: number;
  /** The time. */
  readonly clock?: Clock;
}

/** The shared parts of a room. */
export interface Parts {
  /** This member and the options of its room. */
  readonly self: RoomOptions;
  /** The time. */
  readonly clock: Clock;
  /** Emits events. */
  readonly events: Events;
  /** The connection to the host. */
  readonly link: Link;
  /** The peers. */
  readonly roster: Roster;
}
