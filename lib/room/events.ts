import type { Bytes } from "../bytes/mod.ts";
import type { Code } from "../errors.ts";
import type { Member, Peer, Present } from "./peer.ts";

/** Maximum events held before `ready`: memory would be unbounded, and messages must not be dropped. */
const MAX_HELD = 256;

/** Why a member is gone. */
export type LeaveReason = "left" | "connection-lost" | "kicked" | "banned" | "too-slow";

/** What happens in a room. */
export type RoomEvent =
  | { readonly type: "ready"; readonly me: Member; readonly members: readonly Present[] }
  | { readonly type: "joined"; readonly member: Member }
  | { readonly type: "left"; readonly member: Member; readonly reason: LeaveReason }
  | {
    /** The host names sessions that have not said who they are: they get no key. */
    readonly type: "unannounced";
    /** Those that have been here for 10 s. */
    readonly here: readonly Present[];
    /** Those that are gone, of many the first. */
    readonly left: readonly Member[];
    /** How many are gone. */
    readonly leftCount: number;
  }
  /** The host has removed somebody: what is said from now on is sealed with new keys. */
  | { readonly type: "rekeyed" }
  | { readonly type: "lost"; readonly member: Present }
  | { readonly type: "back"; readonly member: Present }
  | {
    readonly type: "renamed";
    readonly member: Member;
    /** Its name before, as it was shown. */
    readonly before: string;
    /** Whether it is oneself. */
    readonly own: boolean;
  }
  | {
    readonly type: "status";
    readonly member: Member;
    /** How it says it is, in one line; empty where it takes that back. */
    readonly text: string;
    /** Whether it is oneself. */
    readonly own: boolean;
  }
  | {
    /** A member has the name of somebody who is known, and another key. */
    readonly type: "key-changed";
    readonly member: Member;
    /** Whether it therefore gets no key. */
    readonly withheld: boolean;
  }
  | { readonly type: "gap"; readonly member: Member; readonly missing: number }
  | {
    readonly type: "reconnected";
    readonly missed: number;
    readonly restarted: boolean;
    /** Members that joined meanwhile, and whose messages from before this cannot be read. */
    readonly unread?: readonly Member[];
  }
  | {
    readonly type: "message";
    readonly from: Member;
    readonly text: string;
    readonly kind: "text" | "action";
    readonly private: boolean;
    readonly at: number;
  }
  | { readonly type: "warning"; readonly code: Code; readonly message: string };

/** Where events go. */
export interface EventsOptions {
  /** Takes what happens, in order. */
  readonly emit: (event: RoomEvent) => void;
  /** Whose messages and statuses are not told of, by identity key. */
  readonly ignores?: (key: Bytes) => boolean;
  /** Called when no more can be held: to be answered by {@linkcode Events.open}. */
  readonly onFull: () => void;
}

/** Tells what happens in a room, in order and from `ready` on. */
export class Events {
  readonly #options: EventsOptions;
  /** What happened before `ready`. */
  readonly #early: RoomEvent[] = [];
  #ready = false;
  #messages = 0;

  /** Holds what happens, until `open`. */
  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Whether `ready` was told, and everything is told as it happens. */
  get ready(): boolean {
    return this.#ready;
  }

  /** How many messages were told. */
  get messages(): number {
    return this.#messages;
  }

  /** Tells what happens; before `ready` it is held, so that `ready` comes first. */
  emit(event: RoomEvent): void {
    if (event.type === "message") this.#messages++;
    if (this.#ready) this.#options.emit(event);
    else if (this.#early.push(event) === MAX_HELD) this.#options.onFull();
  }

  /** Tells what a member does, unless it is ignored. */
  emitOf({ key }: Peer, event: RoomEvent): void {
    if (!this.#options.ignores?.(key)) this.emit(event);
  }

  /** Holds nothing any more. @param first Tells what comes before all that was held. */
  open(first: () => void): void {
    if (this.#ready) return;
    this.#ready = true;
    first();
    for (const event of this.#early.splice(0)) this.#options.emit(event);
  }
}
