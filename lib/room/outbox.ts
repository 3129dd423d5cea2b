import type { Bytes } from "../bytes/mod.ts";
import type { Code } from "../errors.ts";
import { RoomError } from "../errors.ts";
import {
  BATCH_ITEM_OVERHEAD_BYTES,
  BodyKind,
  MAX_BATCH_ITEMS,
  MAX_TEXT_BYTES,
} from "../wire/mod.ts";
import type { Member, Peer } from "./peer.ts";

/** Messages that may wait to be sealed before whoever writes them should pause. */
const MAX_WAITING = 1000;

/** Bytes of them. */
const MAX_WAITING_BYTES: number = 1 << 20;

/** A message on its way out. */
export interface Outgoing {
  /** One of `BodyKind`. */
  readonly kind: number;
  /** What it says. */
  readonly body: Bytes;
  /** The one who may read it; `undefined` for the room. */
  readonly to: Peer | undefined;
  /** Settled once the relay has it, or it is known that it cannot go. */
  readonly done: PromiseWithResolvers<void>;
  /** Resolves to who is away and may lack it once nobody else does; `undefined` if that is never known. */
  readonly delivered: PromiseWithResolvers<readonly Member[] | undefined>;
}

/** What of it is brought in from outside. */
export type NewOutgoing = Pick<Outgoing, "kind" | "body" | "to">;

interface Sealed {
  readonly cmid: number;
  readonly messages: readonly Outgoing[];
}

/** What the relay has taken. */
interface Sent {
  readonly cmid: number;
  readonly to: Peer | undefined;
  readonly delivered: ((away: readonly Member[] | undefined) => void)[];
}

/** The messages that are not sealed yet, and those that not everybody has. */
export class Outbox {
  readonly #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #taken: readonly Outgoing[] = [];
  readonly #sealed: Sealed[] = [];
  readonly #sent: Sent[] = [];
  #room: PromiseWithResolvers<void> | undefined;

  /** The message whose turn it is. */
  get head(): Outgoing | undefined {
    return this.#waiting[0];
  }

  /** Adds a message. */
  push(message: NewOutgoing): Outgoing {
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => {}); // Whoever asked for it sees the failure.
    const outgoing = {
      ...message,
      done,
      delivered: Promise.withResolvers<readonly Member[] | undefined>(),
    };
    this.#waiting.push(outgoing);
    this.#waitingBytes += message.body.length;
    return outgoing;
  }

  /** Whether a text for a member is not sealed yet. */
  waitsFor(peer: Peer): boolean {
    return [...this.#taken, ...this.#waiting].some((message) =>
      isText(message) && (message.to === undefined || message.to === peer)
    );
  }

  /** Resolves while there is room for more. */
  writable(): Promise<void> {
    if (!this.#full()) return Promise.resolve();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** The head and all that may share its MSG: texts for the same audience, up to the size of a batch. */
  get next(): readonly Outgoing[] {
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

  /** Takes what {@linkcode Outbox.next} gives. */
  take(): readonly Outgoing[] {
    this.#taken = this.next;
    for (const _ of this.#taken) this.#shift();
    return this.#taken;
  }

  /** Remembers with which envelope the messages went that were taken last. */
  sent(cmid: number): void {
    this.#sealed.push({ cmid, messages: this.#taken });
    this.#taken = [];
  }

  /** The relay has every envelope up to this one. */
  acknowledged(cmid: number): void {
    const next = after(this.#sealed, cmid);
    for (const sealed of this.#sealed.splice(0, next)) {
      const { cmid, messages } = sealed;
      this.#sent.push({
        cmid,
        to: messages[0]!.to,
        delivered: messages.map(({ delivered }) => delivered.resolve),
      });
      for (const { done } of messages) done.resolve();
    }
  }

  /**
   * Every session has every envelope up to this one, or is gone or away.
   *
   * @param away Who is away and was told something by an envelope, for one session or for all.
   */
  delivered(cmid: number, away: (cmid: number, to: Peer | undefined) => readonly Member[]): void {
    for (const { cmid: own, delivered, to } of this.#sent.splice(0, after(this.#sent, cmid))) {
      const members = away(own, to);
      for (const resolve of delivered) resolve(members);
    }
  }

  /** The head cannot go. */
  refuseHead(code: Code, reason: string): void {
    refuse(this.#shift(), code, reason);
  }

  /** Nothing can go any more. @param code Of the messages that nobody has got. */
  refuseAll(code: Code, reason: string): void {
    for (const { messages } of this.#sealed.splice(0)) {
      for (const { delivered, done } of messages) {
        const message = `Cannot tell whether the message arrived as ${reason}`;
        done.reject(new RoomError("not-delivered", message));
        delivered.resolve(undefined);
      }
    }
    for (const { delivered } of this.#sent.splice(0)) {
      for (const resolve of delivered) resolve(undefined);
    }
    for (const message of this.#taken) refuse(message, code, reason);
    this.#taken = [];
    while (this.head !== undefined) this.refuseHead(code, reason);
  }

  #shift(): Outgoing {
    const message = this.#waiting.shift()!;
    this.#waitingBytes -= message.body.length;
    if (!this.#full()) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    return message;
  }

  #full(): boolean {
    return this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES;
  }
}

/** How many of them are not after an envelope. */
function after(sealed: readonly { readonly cmid: number }[], cmid: number): number {
  const next = sealed.findIndex((one) => one.cmid > cmid);
  return next < 0 ? sealed.length : next;
}

function refuse({ delivered, done }: Outgoing, code: Code, reason: string): void {
  done.reject(new RoomError(code, `Cannot send message as ${reason}`));
  delivered.resolve(undefined);
}

/** Whether it is something that a person said. */
export function isText({ kind }: Outgoing): boolean {
  return kind === BodyKind.TEXT || kind === BodyKind.ACTION;
}
