import { type Clock, systemClock } from "../clock.ts";
import type { MemberRef } from "./member_names.ts";
import type { MessageKind } from "../session_events.ts";

/** How long a message that the host has is waited with until everybody has it, in milliseconds. */
export const SETTLED_AFTER_MS = 1000;

/** Failed messages that are kept to be sent again. */
const MAX_FAILED = 100;

/** What has become of a message. */
export type Fate = "unsent" | "sent" | "delivered" | "failed";

/** A message of one's own. */
export interface OwnMessage {
  /** Its number, from 1. */
  readonly id: string;
  /** What was said. */
  readonly text: string;
  /** Whether it was said or done. */
  readonly kind: MessageKind;
  /** Who alone reads it. */
  readonly to?: MemberRef | undefined;
  /** When it was said, in milliseconds since 1970. */
  readonly at: number;
  /** What has become of it. */
  readonly fate: Fate;
  /** Where it is delivered: the names of the members that are away and may lack it. */
  readonly away: readonly string[];
}

type Tracked = { -readonly [Property in keyof OwnMessage]: OwnMessage[Property] } & {
  settled: boolean;
};

/**
 * The messages that a person said, until each has come to everybody or to nobody. The first ones are
 * taken out once nothing new is to be expected of them soon.
 */
export class OwnMessages {
  readonly #clock: Clock;
  readonly #onSettled: () => void;
  readonly #tracked = new Map<string, Tracked>();
  /** Those that were not taken out yet. */
  readonly #waiting: Tracked[] = [];
  readonly #failed: OwnMessage[] = [];
  readonly #timers = new Set<() => void>();
  #count = 0;

  /** @param onSettled Called where time, and nothing else, has made a message one to be taken out. */
  constructor(onSettled: () => void, clock: Clock = systemClock) {
    this.#onSettled = onSettled;
    this.#clock = clock;
  }

  /** The messages whose fate may still change soon, in order. */
  get waiting(): readonly OwnMessage[] {
    return this.#waiting;
  }

  /** How many of all, in words, are not over; empty where there is none. */
  get summary(): string {
    const counts = { unsent: 0, sent: 0, delivered: 0, failed: 0 };
    for (const { fate } of this.#tracked.values()) counts[fate]++;
    const parts = [
      ...counts.unsent > 0 ? [`${counts.unsent} unsent`] : [],
      ...counts.sent > 0 ? [`${counts.sent} on the way`] : [],
    ];
    return parts.join(", ");
  }

  /** Notes a message that is said now. */
  say(message: Omit<OwnMessage, "id" | "at" | "fate" | "away">): OwnMessage {
    const id = String(++this.#count);
    const tracked: Tracked = {
      ...message,
      id,
      at: this.#clock.now(),
      fate: "unsent",
      away: [],
      settled: false,
    };
    this.#tracked.set(id, tracked);
    this.#waiting.push(tracked);
    return tracked;
  }

  /** The host has it. */
  sent(id: string): void {
    const message = this.#tracked.get(id);
    if (message === undefined) return;
    message.fate = "sent";
    const cancel = this.#clock.after(SETTLED_AFTER_MS, () => {
      this.#timers.delete(cancel);
      message.settled = true;
      this.#onSettled();
    });
    this.#timers.add(cancel);
  }

  /** Of those that the host has nothing more will be heard. */
  abandonSent(): void {
    for (const { fate, id } of this.#tracked.values()) if (fate === "sent") this.#end(id, fate);
  }

  /** Every member has it. @param away The names of those that may lack it, as they are away. */
  delivered(id: string, away: readonly string[]): void {
    const message = this.#end(id, "delivered");
    if (message !== undefined) message.away = away;
  }

  /** Nobody got it. @returns The message, if it is known; it is kept to be sent again. */
  failed(id: string): OwnMessage | undefined {
    const message = this.#end(id, "failed");
    if (message === undefined) return undefined;
    this.#failed.push(message);
    if (this.#failed.length > MAX_FAILED) this.#failed.shift();
    return message;
  }

  /** Takes out the failed messages, to be said again. */
  takeFailed(): OwnMessage[] {
    return this.#failed.splice(0);
  }

  /** Takes out the first messages of which nothing new is to be expected soon. */
  takeSettled(): OwnMessage[] {
    const index = this.#waiting.findIndex(({ settled }) => !settled);
    return this.#waiting.splice(0, index < 0 ? this.#waiting.length : index);
  }

  /** Takes out the first message, whatever may become of it. */
  takeFirst(): OwnMessage[] {
    return this.#waiting.splice(0, 1);
  }

  /** Takes out all of them. */
  takeAll(): OwnMessage[] {
    return this.#waiting.splice(0);
  }

  /** Ends all waiting. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #end(id: string, fate: Exclude<Fate, "unsent">): Tracked | undefined {
    const message = this.#tracked.get(id);
    if (message === undefined) return undefined;
    this.#tracked.delete(id);
    message.fate = fate;
    message.settled = true;
    return message;
  }
}
