/**
 * The events that a room emits, in order and from `ready` on.
 *
 * @module
 */
import type {
  GapEvent,
  JoinedEvent,
  KeyChangedEvent,
  LeftEvent,
  MessageEvent,
  Named,
  PresenceEvent,
  ReconnectedEvent,
  RekeyedEvent,
  RenamedEvent,
  StatusEvent,
  UnannouncedEvent,
  WarningEvent,
} from "../session_events.ts";
import type { FileMessage } from "../wire/mod.ts";
import type { RoomOptions } from "./parts.ts";
import type { Member, Peer, Present } from "./peer.ts";

/** Maximum events held before `ready`: memory would be unbounded, and messages must not be dropped. */
const MAX_HELD = 256;

/** A session event as a room emits it: with members by their whole keys, and without facts that only a session knows. */
export type RoomEvent =
  | Named<"ready"> & {
    /** This member, as others see it. */
    readonly me: Member;
    readonly members: readonly Present[];
  }
  | JoinedEvent<Member>
  | LeftEvent<Member>
  | UnannouncedEvent<Present>
  | RekeyedEvent
  | PresenceEvent<Present>
  | RenamedEvent<Member>
  | StatusEvent<Member>
  | Omit<KeyChangedEvent<Member>, "known">
  | GapEvent<Member>
  | Pick<ReconnectedEvent, "event" | "missed" | "unread"> & {
    /** Whether another host process has taken over the room. */
    readonly restarted: boolean;
  }
  | MessageEvent<Member>
  | WarningEvent;

/** Where events and messages about transfers go, and whose do not. */
type Outlets = Pick<RoomOptions, "emit" | "ignores" | "onFileMessage">;

/** Emits a room's events, `ready` first. */
export class Events {
  readonly #self: Outlets;
  readonly #onFull: () => void;
  /** Events held until `ready`. */
  readonly #early: (() => void)[] = [];
  #ready = false;
  #messages = 0;

  /**
   * Holds events until {@linkcode Events.open}.
   *
   * @param onFull Called when no more events can be held; must call {@linkcode Events.open}.
   */
  constructor(self: Outlets, onFull: () => void) {
    this.#self = self;
    this.#onFull = onFull;
  }

  /** Whether `ready` was emitted, and each event is emitted at once. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Number of messages emitted or held. */
  get messages(): number {
    return this.#messages;
  }

  /** Emits an event; holds it before `ready`. */
  emit(event: RoomEvent): void {
    if (event.event === "message") this.#messages++;
    this.#pass(() => this.#self.emit(event));
  }

  /** Emits an event of a member, unless it is ignored. */
  emitOf({ key }: Peer, event: RoomEvent): void {
    if (!this.#self.ignores?.(key)) this.emit(event);
  }

  /** Passes on a message about a transfer, in order with the events; not the offers of a member that is ignored. */
  passFileMessage(peer: Peer, message: FileMessage, isPrivate: boolean): void {
    if (message.kind === "offer" && this.#self.ignores?.(peer.key)) return;
    const from = peer.member!;
    this.#pass(() => this.#self.onFileMessage?.(message, from, isPrivate));
  }

  /** Emits all held events, and holds none from now on. @param first Emits the events that come before them. */
  open(first: () => void): void {
    if (this.#ready) return;
    this.#ready = true;
    first();
    for (const pass of this.#early.splice(0)) pass();
  }

  /** Calls a callback now, or once the events are open. */
  #pass(callback: () => void): void {
    if (this.#ready) callback();
    else if (this.#early.push(callback) === MAX_HELD) this.#onFull();
  }
}
