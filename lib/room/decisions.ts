/**
 * The host's decisions: kicks and bans.
 *
 * @module
 */
import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import { label, verify } from "../crypto/mod.ts";
import { decodeKick, KICK_BYTES, KickOp, MAX_DECISIONS, ObjectType } from "../wire/mod.ts";
import { refused } from "./chain.ts";
import type { RoomOptions } from "./parts.ts";
import type { SerialQueue } from "./serial_queue.ts";

/** The bans that a member has received. They outlive its session: the next one must not admit a banned identity. */
export class Bans {
  /** The banned identities, by key in hexadecimal digits. */
  readonly keys: Set<string> = new Set();
  /** The number of the last decision. */
  last = 0;
}

/** Checks and applies the decisions that the host signed. See PROTOCOL.md §6.9. */
export class Decisions {
  readonly #self: RoomOptions;
  readonly #bans: Bans;
  readonly #queue: SerialQueue;
  readonly #onRemoved: (key: Bytes, reason: "kicked" | "banned") => void;
  #applied: Promise<void> = Promise.resolve();

  /**
   * Creates one that knows the earlier bans.
   *
   * @param queue Runs the handling of decisions, so that the room waits for it.
   * @param onRemoved Called with an identity that was removed.
   */
  constructor(
    self: RoomOptions,
    queue: SerialQueue,
    onRemoved: (key: Bytes, reason: "kicked" | "banned") => void,
  ) {
    this.#self = self;
    this.#bans = self.bans ?? new Bans();
    this.#queue = queue;
    this.#onRemoved = onRemoved;
  }

  /** Resolves once all decisions that have come are applied. */
  get applied(): Promise<void> {
    return this.#applied;
  }

  /** Whether an identity is banned. */
  bans(key: Bytes): boolean {
    return this.#bans.keys.has(toHex(key));
  }

  /** Handles an object from the host; drops one that no honest host sends. */
  receive(object: Bytes): void {
    if (object.length !== KICK_BYTES || object[0] !== ObjectType.KICK) return;
    this.#applied = this.#applied.then(() => this.#apply(object)).catch(() => {});
    this.#queue.push(object.length, () => this.#applied);
  }

  async #apply(object: Bytes): Promise<void> {
    const [bans, { hostKey, roomId }] = [this.#bans, this.#self];
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
    this.#onRemoved(target, op === KickOp.BAN ? "banned" : "kicked");
  }
}
