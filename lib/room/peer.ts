/**
 * A peer: one other session in the room. Its identity never changes; everything else that is known of it is
 * kept in state objects, each written by one class and read-only for all others.
 *
 * @module
 */
import { type Bytes, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import type { Verifier } from "../crypto/mod.ts";
import type { ReceivingChain } from "./chain.ts";
import type { HoldBuffer } from "./hold_buffer.ts";
import type { NamedSession } from "./link.ts";
import type { ReaderLock } from "./reader_lock.ts";
import type { SerialQueue } from "./serial_queue.ts";
import type { PeerSessionKey } from "./session_key.ts";
import type { WorkBudget } from "./work_budget.ts";

/** A session in the room, as it is shown. */
export interface Member {
  /** The name as shown: `bob`, or `bob#tag` where the name without its tag would mislead. */
  readonly name: string;
  /** Short form of the key: tells two keys apart at a glance. */
  readonly tag: string;
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** The session, 16 bytes. */
  readonly session: Bytes;
}

/** A member and its present state. */
export interface Present extends Member {
  /** When the host first named it, in milliseconds since 1970. */
  readonly since: number;
  /** Whether its connection is lost; messages wait for it meanwhile. */
  readonly lost: boolean;
  /** Present if it is given no key: it cannot read messages of this member. */
  readonly withheld?: true;
  /** Present if it has not announced itself, and so is given no key; its name is `#` and the tag. */
  readonly unannounced?: true;
  /** Its status, in one line; missing if it has none. */
  readonly status?: string;
  /** Present if it has not received the last message to it, as far as that is known. */
  readonly behind?: true;
}

/**
 * The trust in a member under its name: `fine`; `changed` if the name is that of a known member with another
 * key; `withheld` if the member is given no key for that reason.
 */
export type Trust = "fine" | "changed" | "withheld";

/** The content of a member's last ANNOUNCE. */
export interface Announced {
  /** The generation. */
  readonly generation: number;
  /** The name. */
  readonly name: string;
  /** Verifies signatures of the identity key. */
  readonly verifier: Verifier;
  /** The session key. */
  readonly sessionKey: PeerSessionKey;
}

/** Time within which a member announces itself, in milliseconds. */
export const SILENT_AFTER_MS = 10_000;

/**
 * Time after which an absent session is shown as lost, in milliseconds. Most sessions reach the next host
 * process sooner: to show each as lost and then as back would be noise.
 */
export const LOST_AFTER_MS = 10_000;

/** The peer's seat at the relay. Written by `Roster`. */
export class SeatState {
  /** Whether the connection is lost and the seat kept, by the relay's word. */
  away: boolean;
  /** When another host process was found not to name the session, in ms of `Clock.elapsed`. */
  absentSince: number | undefined;
  /** Whether the session has left: it gets no key, but its last messages may still be shown. */
  gone = false;
  /** Whether the session left before and was named again: its objects may be replays, and are dropped. */
  readonly burned: boolean;
  /** Whether the session announced that it leaves, and the relay still names it. */
  readonly lingers: boolean;
  /** The relay's entry if it named the session again after the session was gone. */
  namedAgain: NamedSession | undefined;

  /** Creates the state of a session that was just named. */
  constructor(away: boolean, burned: boolean, lingers: boolean) {
    this.away = away;
    this.burned = burned;
    this.lingers = lingers;
  }
}

/** The peer's name and the trust in it. Written by `Naming`. */
export class NamingState {
  /** The last ANNOUNCE accepted; `undefined` before the first. */
  announced: Announced | undefined;
  /** Rank by which the older of two equal names is found. */
  order: number;
  /** Whether the name is shown with its tag because another member had it first. */
  tagged = false;
  /** The name as shown; empty before the first ANNOUNCE. */
  shown = "";
  /** Whether the warning that it has this member's name was given. */
  clashShown = false;
  /** The trust in the peer under its present name. */
  trust: Trust = "fine";
  /** Whether that trust was shown. */
  trustShown = true;

  /** Creates the state of a peer without a name. */
  constructor(order: number) {
    this.order = order;
  }
}

/** How the peer is shown on the screen. Written by `Presence`. */
export class PresenceState {
  /** Whether it is shown as a member. */
  shown = false;
  /** Whether it is shown as lost. */
  lostShown = false;
}

/** Announcements to and from the peer. Written by `Announcer`. */
export class AnnouncingState {
  /** This member's last generation that was announced to the peer. */
  told = 0;
  /** When this member's last ANNOUNCE to the peer was sent, in ms of `Clock.elapsed`. */
  introducedAt: number | undefined;
  /** Number of the peer's announcements that wait in its queue. */
  queued = 0;
}

/** The peer's sender keys and messages. Written by `Receiver`. */
export class ReceivingState {
  /** The sender keys, by `Audience`: for the room, and for this member. */
  readonly chains: (ReceivingChain | undefined)[] = [undefined, undefined];
  /** The epochs of the last sender keys, by `Audience`. */
  readonly epochs: [number, number] = [0, 0];
  /** Number of messages sealed up to the last one opened, by `Audience`. */
  readonly totals: (number | undefined)[] = [undefined, undefined];
  /** The status. */
  status = "";
  /** When the first message without a known key came, in ms of `Clock.elapsed`. */
  unreadSince: number | undefined;
  /** Whether the warning that its sender key is missing was given. */
  keyMissed = false;
  /** Number of wrong sender keys since the last right one. */
  badKeys = 0;
}

/** How far this member's messages to the peer have come. Written by `Delivery`. */
export class DeliveryState {
  /** The envelope of the last message to the peer. */
  saidIn = 0;
  /** The envelope of the first message to the peer. */
  saidFrom: number = Infinity;
  /**
   * The last envelope sent again to the peer: until that is delivered, the peer may lack messages that all
   * others have. `Infinity` before it has asked; `undefined` if it lacks none.
   */
  unsettledUntil: number | undefined;
}

/** The recovery of the peer's lost objects after a restart of the host. Written by `Recovery`. */
export class RecoveryState {
  /** Newer objects, held back until the peer has sent the older ones again. */
  held: HoldBuffer | undefined;
  /** The envelope of the last NEED to the peer. */
  askedIn = 0;
  /** The round of the last NEED to the peer; 0 before the first. */
  round = 0;
}

/** The rosters that the peer reports. Written by `RosterCheck`. */
export class RosterCheckState {
  /** The first differing roster reported since the last agreement, if this member had none such then. */
  difference: { readonly hash: Bytes; readonly since: number } | undefined;
  /** Whether the warning about that difference was given. */
  differenceShown = false;
}

/** The parts of a peer that are set when the host names the session. */
export interface PeerOptions {
  /** The relay's entry. */
  readonly entry: NamedSession;
  /** Rank in the order in which the host named the sessions. */
  readonly order: number;
  /** Whether the session was here before this member came, or came back to a restarted host. */
  readonly earlier: boolean;
  /** Whether a member with this session has left. */
  readonly burned: boolean;
  /** Whether the session announced that it leaves, and the relay still names it. */
  readonly lingers: boolean;
  /** Decides which identities may read. */
  readonly lock: ReaderLock;
  /** Runs the handling of the peer's objects. */
  readonly queue: SerialQueue;
  /** Bounds the work that the peer causes. */
  readonly budget: WorkBudget;
  /** The time. */
  readonly clock: Clock;
}

/** Another session in the room. */
export class Peer {
  /** The session in hexadecimal digits. */
  readonly id: string;
  /** The session, 16 bytes. */
  readonly session: Bytes;
  /** The identity key that the host named, 32 bytes; an ANNOUNCE must prove it. */
  readonly key: Bytes;
  /** The identity key in hexadecimal digits. */
  readonly keyHex: string;
  /** Short form of the key. */
  readonly tag: string;
  /** The nonce from which the session follows, 16 bytes. */
  readonly nonce: Bytes;
  /** When the host named it, in ms of `Clock.elapsed`. */
  readonly since: number;
  /** When the host named it, in milliseconds since 1970. */
  readonly seenAt: number;
  /** Whether it was here before this member came, or came back to a restarted host. */
  readonly earlier: boolean;
  /** Runs the handling of its objects, one at a time. */
  readonly queue: SerialQueue;
  /** Bounds the work that it causes. */
  readonly budget: WorkBudget;
  /** Resolves once this member's first ANNOUNCE to it was sent, or it is gone: earlier it accepts no key. */
  readonly introduced: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Its seat at the relay. */
  readonly seat: Readonly<SeatState>;
  /** Its name. */
  readonly naming: Readonly<NamingState>;
  /** How it is shown. */
  readonly presence: Readonly<PresenceState> = new PresenceState();
  /** Announcements to and from it. */
  readonly announcing: Readonly<AnnouncingState> = new AnnouncingState();
  /** Its sender keys and messages. */
  readonly receiving: Readonly<ReceivingState> = new ReceivingState();
  /** How far messages to it have come. */
  readonly delivery: Readonly<DeliveryState> = new DeliveryState();
  /** Recovery after a restart of the host. */
  readonly recovery: Readonly<RecoveryState> = new RecoveryState();
  /** The rosters that it reports. */
  readonly rosterCheck: Readonly<RosterCheckState> = new RosterCheckState();
  readonly #lock: ReaderLock;

  /** Creates a peer that the host has named. */
  constructor(options: PeerOptions) {
    const { entry, clock } = options;
    this.id = toHex(entry.session);
    this.session = entry.session;
    this.key = entry.key;
    this.keyHex = toHex(entry.key);
    this.tag = entry.tag;
    this.nonce = entry.nonce;
    this.since = clock.elapsed();
    this.seenAt = clock.now();
    this.earlier = options.earlier;
    this.queue = options.queue;
    this.budget = options.budget;
    this.seat = new SeatState(entry.away, options.burned, options.lingers);
    this.naming = new NamingState(options.order);
    this.#lock = options.lock;
  }

  /** The last ANNOUNCE accepted from it; `undefined` before the first. */
  get announced(): Announced | undefined {
    return this.naming.announced;
  }

  /** The member as shown; `undefined` before it announced itself. */
  get member(): Present | undefined {
    if (this.announced === undefined) return undefined;
    const { status } = this.receiving;
    return {
      name: this.naming.shown,
      tag: this.tag,
      key: this.key,
      session: this.session,
      since: this.seenAt,
      lost: this.out,
      ...this.withheld && { withheld: true },
      ...status !== "" && { status },
    };
  }

  /** The session as shown if it has not announced itself. */
  get stranger(): Present {
    return {
      name: `#${this.tag}`,
      tag: this.tag,
      key: this.key,
      session: this.session,
      since: this.seenAt,
      lost: this.out,
      unannounced: true,
    };
  }

  /** Whether it was at the previous host process and has not reached the present one. */
  get absent(): boolean {
    return this.seat.absentSince !== undefined;
  }

  /** Whether it is away or absent: messages wait for it to come back. */
  get out(): boolean {
    return this.seat.away || this.absent;
  }

  /** Whether this member locked it out of reading. */
  get lockedOut(): boolean {
    return this.#lock.excludes(this.keyHex);
  }

  /** Whether it is given no key: this member's messages are not for it. */
  get withheld(): boolean {
    return this.lockedOut || this.naming.trust === "withheld";
  }
}
