/** The messages of the person at the terminal, and how far each has come. */
import { type Clock, systemClock } from "../clock.ts";
import type { DeliveredEvent, MessageKind } from "../session_events.ts";
import type { MemberRef } from "./member_names.ts";

/** Maximum failed messages that are kept for `/retry`. */
const MAX_FAILED = 100;

/** How far a message has come. */
export type MessageState = "unsent" | "sent" | "delivered" | "failed";

/** A message of this member. */
export interface OwnMessage {
  /** Its number, from 1. */
  readonly id: string;
  readonly text: string;
  readonly kind: MessageKind;
  /** The only member that receives it. */
  readonly to?: MemberRef | undefined;
  /** When the host took it, and until then when it was entered, in milliseconds since 1970. */
  readonly at: number;
  /** How far it has come. */
  readonly state: MessageState;
  /** Names of the members that are away and may lack it; empty until it is delivered. */
  readonly away: readonly string[];
  /** Names of the members that left and may lack it; empty until it is delivered. */
  readonly left: readonly string[];
  /** Whether its state does not change any further. */
  readonly isFinal: boolean;
}

type TrackedMessage = { -readonly [Property in keyof OwnMessage]: OwnMessage[Property] };

/** Tracks this member's messages until each is delivered or has failed. */
export class OwnMessages {
  readonly #clock: Clock;
  /** Messages without a final state, by id. */
  readonly #pending = new Map<string, TrackedMessage>();
  readonly #failed: OwnMessage[] = [];
  #count = 0;

  /** Starts without messages. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** The messages that the host does not have, in order. */
  get unsent(): readonly OwnMessage[] {
    return [...this.#pending.values()].filter(({ state }) => state === "unsent");
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
      left: [],
      isFinal: false,
    };
    this.#pending.set(id, tracked);
    return tracked;
  }

  /** Notes that the host has a message. @returns The message, if known. */
  sent(id: string): OwnMessage | undefined {
    const message = this.#pending.get(id);
    if (message === undefined) return undefined;
    message.state = "sent";
    message.at = this.#clock.now();
    return message;
  }

  /** Leaves all sent messages in that state: no event about them will follow. */
  abandonSent(): void {
    for (const { id, state } of this.#pending.values()) if (state === "sent") this.#end(id, state);
  }

  /** Notes that every member has a message, except those that the event names. */
  delivered({ away = [], id, left = [] }: DeliveredEvent): void {
    const message = this.#end(id, "delivered");
    if (message !== undefined) Object.assign(message, { away, left });
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

  /** Takes all messages that the host does not have: no event about them will follow. */
  takeUnsent(): readonly OwnMessage[] {
    const messages = this.unsent;
    for (const { id, state } of messages) this.#end(id, state);
    return messages;
  }

  #end(id: string, state: MessageState): TrackedMessage | undefined {
    const message = this.#pending.get(id);
    if (message === undefined) return undefined;
    this.#pending.delete(id);
    message.state = state;
    message.isFinal = true;
    return message;
  }
}
