/** The messages of the person at the terminal, and how far each has come. */
import { type Clock, systemClock } from "../clock.ts";
import type { MessageKind } from "../session_events.ts";
import type { MemberRef } from "./member_names.ts";

/** Time after which a sent message is settled without being delivered, in milliseconds. */
const SETTLED_AFTER_MS = 1000;

/** Maximum failed messages that are kept for `/retry`. */
const MAX_FAILED = 100;

/** How far a message has come. */
export type MessageState = "unsent" | "sent" | "delivered" | "failed";

/** An own message. */
export interface OwnMessage {
  /** Its number, from 1. */
  readonly id: string;
  readonly text: string;
  readonly kind: MessageKind;
  /** The only member that receives it. */
  readonly to?: MemberRef | undefined;
  /** When it was entered, in milliseconds since 1970. */
  readonly at: number;
  /** How far it has come. */
  readonly state: MessageState;
  /** Names of the members that are away and may lack it; empty until it is delivered. */
  readonly away: readonly string[];
}

type TrackedMessage = { -readonly [Property in keyof OwnMessage]: OwnMessage[Property] } & {
  settled: boolean;
};

/**
 * Tracks own messages until each is delivered or has failed. A message is settled once its state is
 * final or {@linkcode SETTLED_AFTER_MS} after it was sent; it waits to be taken until then.
 */
export class OwnMessages {
  readonly #clock: Clock;
  readonly #onSettled: () => void;
  /** Messages without a final state, by id. */
  readonly #pending = new Map<string, TrackedMessage>();
  /** Messages that were not taken. */
  readonly #waiting: TrackedMessage[] = [];
  readonly #failed: OwnMessage[] = [];
  readonly #timers = new Set<() => void>();
  #count = 0;

  /** Starts without messages. @param onSettled Called when a message is settled only by time. */
  constructor(onSettled: () => void, clock: Clock = systemClock) {
    this.#onSettled = onSettled;
    this.#clock = clock;
  }

  /** The messages that were not taken, in order. */
  get waiting(): readonly OwnMessage[] {
    return this.#waiting;
  }

  /** Counts of the messages without a final state, in words; empty without any. */
  get summary(): string {
    const states = [...this.#pending.values()].map(({ state }) => state);
    const sent = states.filter((state) => state === "sent").length;
    const unsent = states.length - sent;
    return [
      ...unsent > 0 ? [`${unsent} unsent`] : [],
      ...sent > 0 ? [`${sent} on the way`] : [],
    ].join(", ");
  }

  /** Adds a message that is entered now. */
  add(message: Pick<OwnMessage, "text" | "kind" | "to">): OwnMessage {
    const id = String(++this.#count);
    const at = this.#clock.now();
    const tracked: TrackedMessage = {
      ...message,
      id,
      at,
      state: "unsent",
      away: [],
      settled: false,
    };
    this.#pending.set(id, tracked);
    this.#waiting.push(tracked);
    return tracked;
  }

  /** Notes that the host has a message. */
  sent(id: string): void {
    const message = this.#pending.get(id);
    if (message === undefined) return;
    message.state = "sent";
    const cancel = this.#clock.after(SETTLED_AFTER_MS, () => {
      this.#timers.delete(cancel);
      message.settled = true;
      this.#onSettled();
    });
    this.#timers.add(cancel);
  }

  /** Leaves all sent messages in that state: no event about them will follow. */
  abandonSent(): void {
    for (const { id, state } of this.#pending.values()) if (state === "sent") this.#end(id, state);
  }

  /** Notes that every member has a message. @param away Names of the members that may lack it. */
  delivered(id: string, away: readonly string[]): void {
    const message = this.#end(id, "delivered");
    if (message !== undefined) message.away = away;
  }

  /** Notes that a message was not delivered, and keeps it for `/retry`. @returns The message, if known. */
  failed(id: string): OwnMessage | undefined {
    const message = this.#end(id, "failed");
    if (message === undefined) return undefined;
    this.#failed.push(message);
    if (this.#failed.length > MAX_FAILED) this.#failed.shift();
    return message;
  }

  /** Takes the failed messages. */
  takeFailed(): OwnMessage[] {
    return this.#failed.splice(0);
  }

  /** Takes the waiting messages before the first one that is not settled. */
  takeSettled(): OwnMessage[] {
    const index = this.#waiting.findIndex(({ settled }) => !settled);
    return this.#waiting.splice(0, index < 0 ? this.#waiting.length : index);
  }

  /** Takes the first waiting message, settled or not. */
  takeFirst(): OwnMessage[] {
    return this.#waiting.splice(0, 1);
  }

  /** Takes all waiting messages, settled or not. */
  takeAll(): OwnMessage[] {
    return this.#waiting.splice(0);
  }

  /** Stops all timers. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #end(id: string, state: MessageState): TrackedMessage | undefined {
    const message = this.#pending.get(id);
    if (message === undefined) return undefined;
    this.#pending.delete(id);
    message.state = state;
    message.settled = true;
    return message;
  }
}
