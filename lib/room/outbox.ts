/**
 * The outbox: this member's messages until everyone has them.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { Code } from "../errors.ts";
import { RoomError } from "../errors.ts";
import {
  BATCH_ITEM_OVERHEAD_BYTES,
  BodyKind,
  isFileKind,
  MAX_BATCH_ITEMS,
  MAX_TEXT_BYTES,
} from "../wire/mod.ts";
import type { Member, Peer } from "./peer.ts";

/** Messages waiting to be sealed past which {@linkcode Outbox.writable} waits. */
const MAX_WAITING = 1000;

/** Bytes of messages waiting to be sealed past which it waits. */
const MAX_WAITING_BYTES: number = 1 << 20;

/** A message of this member. */
export interface Outgoing {
  /** One of `BodyKind`. */
  readonly kind: number;
  /** The content. */
  readonly body: Bytes;
  /** The only reader; `undefined` for the room. */
  readonly to: Peer | undefined;
  /** Called once the relay has accepted it, before anything that came after it is handled. */
  readonly onAccepted?: (() => void) | undefined;
  /** Resolves once the relay has accepted it; rejects if it cannot be sent. */
  readonly done: PromiseWithResolvers<void>;
  /** Resolves once all readers have it, or are away or gone; to `undefined` if that stays unknown. */
  readonly delivered: PromiseWithResolvers<Lacking | undefined>;
}

/** The readers that may lack a message that all others have. */
export interface Lacking {
  /** Those that are away: the host keeps it for them. */
  readonly away: readonly Member[];
  /** Those that left before the host reported it as delivered. */
  readonly left: readonly Member[];
}

/** A message of this member as it is put into the outbox. */
export type NewOutgoing = Pick<Outgoing, "kind" | "body" | "to" | "onAccepted">;

/** A MSG that not all readers have. */
interface Envelope {
  readonly cmid: number;
  readonly to: Peer | undefined;
  /** The readers that have left since it was sealed. */
  readonly left: Member[];
}

/** A MSG that the relay has not accepted. */
interface Sealed extends Envelope {
  readonly messages: readonly Outgoing[];
}

/** A MSG that the relay has accepted. */
interface Accepted extends Envelope {
  readonly delivered: ((lacking: Lacking | undefined) => void)[];
}

/** Keeps this member's messages: waiting to be sealed, sealed, and accepted but not delivered. */
export class Outbox {
  readonly #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  /** Messages being sealed. */
  #shifted: readonly Outgoing[] = [];
  readonly #sealed: Sealed[] = [];
  readonly #accepted: Accepted[] = [];
  #writable: PromiseWithResolvers<void> | undefined;

  /** The next message to seal. */
  get head(): Outgoing | undefined {
    return this.#waiting[0];
  }

  /** Adds a message. */
  push(message: NewOutgoing): Outgoing {
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => {}); // A caller that awaits it sees the failure.
    const outgoing = {
      ...message,
      done,
      delivered: Promise.withResolvers<Lacking | undefined>(),
    };
    this.#waiting.push(outgoing);
    this.#waitingBytes += message.body.length;
    return outgoing;
  }

  /** Whether a text to a peer is not sealed yet. */
  waitsFor(peer: Peer): boolean {
    return [...this.#shifted, ...this.#waiting].some((message) =>
      isText(message) && (message.to === undefined || message.to === peer)
    );
  }

  /** Resolves while there is room for more messages. */
  writable(): Promise<void> {
    if (!this.#full()) return Promise.resolve();
    this.#writable ??= Promise.withResolvers<void>();
    return this.#writable.promise;
  }

  /** The head and the texts after it that fit into its MSG: to the same readers, up to the size of a batch. */
  get batch(): readonly Outgoing[] {
    const [head] = this.#waiting;
    if (head === undefined || !isText(head)) return this.#waiting.slice(0, 1);
    let bytes = 0;
    const end = this.#waiting.findIndex((message, i) => {
      bytes += BATCH_ITEM_OVERHEAD_BYTES + message.body.length;
      return i > 0 &&
        (i === MAX_BATCH_ITEMS || bytes > MAX_TEXT_BYTES || message.to !== head.to ||
          !isText(message));
    });
    return this.#waiting.slice(0, end < 0 ? undefined : end);
  }

  /** Removes {@linkcode Outbox.batch}, to be sealed. */
  shiftBatch(): readonly Outgoing[] {
    this.#shifted = this.batch;
    for (const _ of this.#shifted) this.#shift();
    return this.#shifted;
  }

  /** Notes the envelope of the batch that was shifted last. */
  sealed(cmid: number): void {
    const { to } = this.#shifted[0]!;
    this.#sealed.push({ cmid, to, left: [], messages: this.#shifted });
    this.#shifted = [];
  }

  /** Notes that the relay has accepted all envelopes up to this one. */
  accepted(cmid: number): void {
    const next = countUntil(this.#sealed, cmid);
    for (const { cmid, left, messages, to } of this.#sealed.splice(0, next)) {
      this.#accepted.push({
        cmid,
        to,
        left,
        delivered: messages.map(({ delivered }) => delivered.resolve),
      });
      for (const { done, onAccepted } of messages) {
        onAccepted?.();
        done.resolve();
      }
    }
  }

  /** Notes that a reader has left. @param after The last envelope that it surely has. */
  left(peer: Peer, after: number): void {
    for (const envelope of [...this.#accepted, ...this.#sealed]) {
      if (envelope.cmid > after && isFor(envelope, peer)) envelope.left.push(peer.member!);
    }
  }

  /**
   * Notes that all readers have every envelope up to this one, or are gone or away.
   *
   * @param out The peers that are away or absent, and may lack messages to them.
   */
  delivered(cmid: number, out: readonly Peer[]): void {
    for (const one of this.#accepted.splice(0, countUntil(this.#accepted, cmid))) {
      const away = out.filter((peer) => isFor(one, peer)).map((peer) => peer.member!);
      for (const resolve of one.delivered) resolve({ away, left: one.left });
    }
  }

  /** Refuses the head. */
  refuseHead(code: Code, reason: string): void {
    refuse(this.#shift(), code, reason);
  }

  /** Refuses all messages. @param code For those that were never sealed. */
  refuseAll(code: Code, reason: string): void {
    for (const { messages } of this.#sealed.splice(0)) {
      for (const { delivered, done } of messages) {
        const message = `No confirmation for the message: ${reason}`;
        done.reject(new RoomError("not-delivered", message));
        delivered.resolve(undefined);
      }
    }
    for (const { delivered } of this.#accepted.splice(0)) {
      for (const resolve of delivered) resolve(undefined);
    }
    for (const message of this.#shifted) refuse(message, code, reason);
    this.#shifted = [];
    while (this.head !== undefined) this.refuseHead(code, reason);
  }

  #shift(): Outgoing {
    const message = this.#waiting.shift()!;
    this.#waitingBytes -= message.body.length;
    if (!this.#full()) {
      this.#writable?.resolve();
      this.#writable = undefined;
    }
    return message;
  }

  #full(): boolean {
    return this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES;
  }
}

/** Whether a peer is a reader of an envelope. */
function isFor({ cmid, to }: Envelope, peer: Peer): boolean {
  const { saidFrom, saidIn } = peer.delivery;
  return saidFrom <= cmid && cmid <= saidIn && (to === undefined || to === peer);
}

/** Counts the envelopes up to and including one. */
function countUntil(envelopes: readonly { readonly cmid: number }[], cmid: number): number {
  const next = envelopes.findIndex((one) => one.cmid > cmid);
  return next < 0 ? envelopes.length : next;
}

function refuse({ delivered, done, kind }: Outgoing, code: Code, reason: string): void {
  const what = isFileKind(kind) ? "files" : "message";
  done.reject(new RoomError(code, `Cannot send ${what}: ${reason}`));
  delivered.resolve(undefined);
}

/** Whether a person wrote it. */
export function isText({ kind }: Outgoing): boolean {
  return kind === BodyKind.TEXT || kind === BodyKind.ACTION;
}

/** Whether it costs tokens of the rate at which a member sends: a text, or a message about a transfer. */
export function isPaced(message: Outgoing): boolean {
  return isText(message) || isFileKind(message.kind);
}
