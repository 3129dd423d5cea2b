import { type Bytes, compare, concat, toHex } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { label, sha256, type Verifier } from "../crypto/mod.ts";
import type { ReceivingChain } from "./chain.ts";
import type { SerialQueue } from "./serial_queue.ts";
import type { NamedSession } from "./link.ts";
import { shownName } from "./names.ts";
import type { HoldBuffer } from "./hold_buffer.ts";
import type { PeerSessionKey } from "./session_key.ts";
import type { WorkBudget } from "./work_budget.ts";

/** One session in the room, as others may know it. */
export interface Member {
  /** The name as it is shown: `bob`, or `bob#tag` where that alone would mislead. */
  readonly name: string;
  /** Tells two keys apart at a glance. */
  readonly tag: string;
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** The session, 16 bytes. */
  readonly session: Bytes;
}

/** A member as it is now. */
export interface Present extends Member {
  /** When it was first seen in the room, in milliseconds since 1970. */
  readonly since: number;
  /** Whether its connection is lost; what is said meanwhile waits for it. */
  readonly lost: boolean;
  /** Present where it is given no key: it cannot read what is said here. */
  readonly withheld?: true;
  /** Present where it has not announced itself, and so is given no key; its name is `#` and the tag. */
  readonly unannounced?: true;
  /** How it says it is, in one line; missing where it says nothing. */
  readonly status?: string;
  /** Present where it has not got what was said to it last, as far as this was asked and is known. */
  readonly behind?: true;
}

/**
 * What a member is to somebody who knew others before: as good as any, or one that has the name of
 * somebody known and another key, who is shown as that or gets nothing to read either.
 */
export type Trust = "fine" | "changed" | "withheld";

/** What a member told of itself in its last ANNOUNCE. */
export interface Announced {
  /** The generation. */
  readonly generation: number;
  /** The name. */
  readonly name: string;
  /** Checks what the identity signed. */
  readonly verifier: Verifier;
  /** The session key. */
  readonly sessionKey: PeerSessionKey;
}

/** How long the first ANNOUNCE of a member is waited for, in milliseconds. */
export const SILENT_AFTER_MS = 10_000;

/**
 * Time after which an absent session is shown as lost, in milliseconds. Most come to another host process
 * sooner: to tell of each first that it is lost and then that it is back is no news.
 */
export const LOST_AFTER_MS = 10_000;

/** Another session in the room. */
export class Peer {
  /** The session in hexadecimal digits. */
  readonly id: string;
  /** The session, 16 bytes. */
  readonly session: Bytes;
  /** The identity key that the host named; an ANNOUNCE must bear it out. */
  readonly key: Bytes;
  /** Short for the key. */
  readonly tag: string;
  /** What the session follows from beside room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** Its place in the order in which the members came. */
  order: number;
  /** When the host named it, as `Clock.elapsed` counts. */
  readonly since: number;
  /** The same moment in milliseconds since 1970. */
  readonly seenAt: number;
  /** Handles what it sends, one thing after the other. */
  readonly queue: SerialQueue;
  /** What it may cause others to compute and to show. */
  readonly budget: WorkBudget;
  /** Whether it was here before this member came, or came back to a host that began anew. */
  readonly earlier: boolean;
  /** What it told of itself; `undefined` before it did. */
  announced: Announced | undefined;
  /** How many announcements of it wait in its queue. */
  announcements = 0;
  /** Whether it was reported as a session that has not announced itself. */
  reported = false;
  /** Whether the host says that its connection is lost and its seat kept. */
  away: boolean;
  /** When the host turned out to be another process that does not name it, in ms of `Clock.elapsed`. */
  absentSince: number | undefined;
  /** Whether it was shown as being here. */
  shown = false;
  /** Whether it was shown that its connection is lost. */
  lostShown = false;
  /** Whether it has left: it gets no key any more, though its last messages may still be shown. */
  gone = false;
  /** Whether a member with its session has left: nothing is taken from it, as its past could be played again. */
  burned = false;
  /** The session as the host has named it again since it is gone. */
  named: NamedSession | undefined;
  /** Whether it has said that it leaves, and the host has not confirmed that. */
  lingers = false;
  /** Whether it was shown only after this member had locked the room. */
  lockedOut = false;
  /** Whether its name carries its tag as somebody else has it; once it does, it stays so as long as it has that name. */
  tagged = false;
  /** Whether it was said that it has this member's name. */
  clashShown = false;
  /** What it is under the name that it has. */
  trust: Trust = "fine";
  /** Whether that was said. */
  trustShown = true;
  /** The last generation of its own that this member announced to it. */
  told = 0;
  /** Resolves once this member's first ANNOUNCE is on its way to it: before, it could take no key. */
  readonly introduced: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Its sender keys for the room and for this member alone, by `Audience`. */
  readonly chains: (ReceivingChain | undefined)[] = [undefined, undefined];
  /** The last epoch of each of them. */
  readonly epochs: [number, number] = [0, 0];
  /** How many of its messages for each audience were sealed up to the last that came. */
  readonly totals: (number | undefined)[] = [undefined, undefined];
  /** The envelope in which this member last said something to it. */
  saidIn = 0;
  /** The envelope in which it first did. */
  saidFrom: number = Infinity;
  /** How it says it is. */
  status = "";
  /** What it was asked and has not answered. */
  question: HoldBuffer | undefined;
  /** The envelope of the last question. */
  askedIn = 0;
  /** Tells the answer to the last question from those to earlier ones; 0 where it was never asked. */
  round = 0;
  /**
   * The last envelope of what was sent again to it: before it has that, it may lack what everybody else
   * has. `Infinity` while it has not asked; `undefined` where it lacks nothing.
   */
  owedUntil: number | undefined;
  /** The first roster that it reported since it last agreed, if this member had none such then. */
  difference: { readonly hash: Bytes; readonly since: number } | undefined;
  /** Whether that was said. */
  differenceShown = false;
  /** When this member's ANNOUNCE last went to it, as `Clock.elapsed` counts. */
  introducedAt: number | undefined;
  /** Time of the first message that could not be read because its key had not come, in milliseconds. */
  unreadSince: number | undefined;
  /** Whether it was said that its sender key is missing. */
  keyMissed = false;
  /** How many of its sender keys were wrong since the last that was right. */
  badKeys = 0;

  /** Makes a peer of which only the host has told. */
  constructor(
    entry: NamedSession,
    order: number,
    earlier: boolean,
    queue: SerialQueue,
    budget: WorkBudget,
    clock: Clock,
  ) {
    this.id = toHex(entry.session);
    this.session = entry.session;
    this.key = entry.key;
    this.tag = entry.tag;
    this.nonce = entry.nonce;
    this.away = entry.away;
    this.order = order;
    this.earlier = earlier;
    this.queue = queue;
    this.budget = budget;
    this.since = clock.elapsed();
    this.seenAt = clock.now();
  }

  /** The member as shown; `undefined` before it announced itself. */
  get member(): Present | undefined {
    if (this.announced === undefined) return undefined;
    const tagged = this.tagged || this.trust !== "fine";
    return {
      name: shownName(this.announced.name, this.tag, tagged),
      tag: this.tag,
      key: this.key,
      session: this.session,
      since: this.seenAt,
      lost: this.away || this.absent,
      ...this.withheld && { withheld: true },
      ...this.status !== "" && { status: this.status },
    };
  }

  /** The session as shown while it is not announced; `undefined` before it was reported. */
  get stranger(): Present | undefined {
    if (this.announced !== undefined || !this.reported) return undefined;
    return {
      name: `#${this.tag}`,
      tag: this.tag,
      key: this.key,
      session: this.session,
      since: this.seenAt,
      lost: this.away || this.absent,
      unannounced: true,
    };
  }

  /** Whether it was at the host process before and has not come to this one yet. */
  get absent(): boolean {
    return this.absentSince !== undefined;
  }

  /** Whether it is given no key: what is said here is not for it. */
  get withheld(): boolean {
    return this.lockedOut || this.trust === "withheld";
  }

  /** Notes that it has left. */
  leave(): void {
    this.gone = true;
    this.introduced.resolve();
    this.budget.leave();
  }

  /** Ends work for this peer: the room accepts nothing more from any member. */
  end(): void {
    this.leave();
    this.budget.end();
  }
}

/**
 * The hash by which members notice that the host shows them different rooms.
 *
 * @param members Everybody whom the host names, oneself included.
 * @returns 16 bytes. See PROTOCOL.md §6.6.
 */
export async function rosterHash(
  roomId: Bytes,
  members: readonly { readonly key: Bytes; readonly session: Bytes }[],
): Promise<Bytes> {
  const entries = members.map(({ key, session }) => concat(key, session)).sort(compare);
  const audience = new Uint8Array(1);
  const hash = await sha256(label("lanchat/1 roster"), roomId, audience, ...entries);
  return hash.slice(0, 16);
}
