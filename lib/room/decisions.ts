import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import { label, verify } from "../crypto/mod.ts";
import { decodeKick, KICK_BYTES, KickOp, MAX_DECISIONS, ObjectType } from "../wire/mod.ts";
import { refused } from "./chain.ts";
import type { Lane } from "./lanes.ts";

/** What a member needs to know of its host to obey it. */
export interface DecisionsOptions {
  /** The host's identity key, 32 bytes. */
  readonly hostKey: Bytes;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** Has the room wait for what is being looked at. */
  readonly lane: Lane;
  /** Called with an identity that has to go. */
  readonly onRemoved: (key: Bytes, reason: "kicked" | "banned") => void;
}

/** What the host has decided about who may be in the room, and signed. See PROTOCOL.md §6.9. */
export class Decisions {
  readonly #options: DecisionsOptions;
  /** By key in hexadecimal digits. */
  readonly #banned = new Set<string>();
  #obeyed: Promise<void> = Promise.resolve();
  #last = 0;

  /** Begins without any. */
  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /** Settled once all that has come so far is obeyed. */
  get obeyed(): Promise<void> {
    return this.#obeyed;
  }

  /** Whether an identity must not be in the room. */
  bans(key: Bytes): boolean {
    return this.#banned.has(toHex(key));
  }

  /** Takes an object that is said to be the host's; one that no honest host sends is dropped. */
  take(object: Bytes): void {
    if (object.length !== KICK_BYTES || object[0] !== ObjectType.KICK) return;
    this.#obeyed = this.#obeyed.then(() => this.#obey(object)).catch(() => {});
    this.#options.lane.push(object.length, () => this.#obeyed);
  }

  async #obey(object: Bytes): Promise<void> {
    const { hostKey, onRemoved, roomId } = this.#options;
    const { number, op, roomId: room, signature, signed, target } = decodeKick(object);
    if (!equal(room, roomId) || equal(target, hostKey)) {
      throw refused("decision", "it was made for another place");
    }
    if (number <= this.#last) throw refused("decision", "a newer one is known");
    if (!await verify(hostKey, concat(label("lanchat/1 kick"), signed), signature)) {
      throw refused("decision", "the host has not signed it");
    }
    this.#last = number;
    const id = toHex(target);
    if (op === KickOp.UNBAN) return void this.#banned.delete(id);
    if (op === KickOp.BAN && this.#banned.size < MAX_DECISIONS) this.#banned.add(id);
    onRemoved(target, op === KickOp.BAN ? "banned" : "kicked");
  }
}
