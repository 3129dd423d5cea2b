import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import { label, verify } from "../crypto/mod.ts";
import { decodeKick, KICK_BYTES, KickOp, MAX_DECISIONS, ObjectType } from "../wire/mod.ts";
import { refused } from "./chain.ts";
import type { SerialQueue } from "./serial_queue.ts";

/**
 * What the host of a room has decided, as far as this member has heard of it. It outlives a session: the
 * next one must not let those in again who were banned in this.
 */
export class Bans {
  /** The banned identities, by key in hexadecimal digits. */
  readonly keys: Set<string> = new Set();
  /** The number of the last decision. */
  last = 0;
}

/** What a member needs to know of its host to obey it. */
export interface DecisionsOptions {
  /** The host's identity key, 32 bytes. */
  readonly hostKey: Bytes;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** What is known of decisions before, and takes those that come. */
  readonly bans: Bans;
  /** Has the room wait for what is being looked at. */
  readonly queue: SerialQueue;
  /** Called with an identity that has to go. */
  readonly onRemoved: (key: Bytes, reason: "kicked" | "banned") => void;
}

/** What the host has decided about who may be in the room, and signed. See PROTOCOL.md §6.9. */
export class Decisions {
  readonly #options: DecisionsOptions;
  #obeyed: Promise<void> = Promise.resolve();

  /** Begins with those known before. */
  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /** Settled once all that has come so far is obeyed. */
  get obeyed(): Promise<void> {
    return this.#obeyed;
  }

  /** Whether an identity must not be in the room. */
  bans(key: Bytes): boolean {
    return this.#options.bans.keys.has(toHex(key));
  }

  /** Takes an object that is said to be the host's; one that no honest host sends is dropped. */
  take(object: Bytes): void {
    if (object.length !== KICK_BYTES || object[0] !== ObjectType.KICK) return;
    this.#obeyed = this.#obeyed.then(() => this.#obey(object)).catch(() => {});
    this.#options.queue.push(object.length, () => this.#obeyed);
  }

  async #obey(object: Bytes): Promise<void> {
    const { bans, hostKey, onRemoved, roomId } = this.#options;
    const { number, op, roomId: room, signature, signed, target } = decodeKick(object);
    if (!equal(room, roomId) || equal(target, hostKey)) {
      throw refused("decision", "it was made for another place");
    }
    if (number <= bans.last) throw refused("decision", "a newer one is known");
    if (!await verify(hostKey, concat(label("lanchat/1 kick"), signed), signature)) {
      throw refused("decision", "the host has not signed it");
    }
    bans.last = number;
    const id = toHex(target);
    if (op === KickOp.UNBAN) return void bans.keys.delete(id);
    if (op === KickOp.BAN && bans.keys.size < MAX_DECISIONS) bans.keys.add(id);
    onRemoved(target, op === KickOp.BAN ? "banned" : "kicked");
  }
}
