/**
 * The access policy: which identities may be in the room. See PROTOCOL.md §6.9.
 *
 * @module
 */
import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { fingerprint, type Identity, label } from "../crypto/mod.ts";
import { RoomError } from "../errors.ts";
import { AcceptStatus, decodeKick, encodeKickHead, KickOp, MAX_DECISIONS } from "../wire/mod.ts";

/** Dependencies of {@linkcode AccessPolicy}. */
export interface AccessPolicyOptions {
  /** The host's identity, which signs every decision. */
  readonly identity: Identity;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** Earlier decisions, from {@linkcode AccessPolicy.decisions}. */
  readonly decisions?: readonly Bytes[];
  /** The number of the last decision, from {@linkcode AccessPolicy.lastNumber}. */
  readonly lastNumber?: number | undefined;
  /** The fingerprints of the only identities that may enter, 30 digits each; missing if all may. */
  readonly allowed?: ReadonlySet<string> | undefined;
  /** The time. */
  readonly clock?: Clock;
}

/** Decides which identities may be in the room, and signs it for the members. See PROTOCOL.md §6.9. */
export class AccessPolicy {
  readonly #identity: Identity;
  readonly #roomId: Bytes;
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly #clock: Clock;
  /** The last decision about each identity that was banned, oldest first, by key in hexadecimal digits. */
  readonly #decisions = new Map<string, { readonly op: number; readonly object: Bytes }>();
  /** The only identities that may enter, by key in hexadecimal digits; `undefined` if all may. */
  #insiders: ReadonlySet<string> | undefined;
  #last: number;

  /** Takes over earlier decisions. */
  constructor(options: AccessPolicyOptions) {
    const { allowed, clock = systemClock, decisions = [], identity, lastNumber = 0, roomId } =
      options;
    this.#identity = identity;
    this.#roomId = roomId;
    this.#allowed = allowed;
    this.#clock = clock;
    this.#last = lastNumber;
    for (const object of decisions) {
      const { number, op, target } = decodeKick(object);
      this.#decisions.set(toHex(target), { op, object });
      this.#last = Math.max(this.#last, number);
    }
  }

  /** The KICK objects that a newcomer gets before all else, oldest first. */
  get decisions(): readonly Bytes[] {
    return [...this.#decisions.values()].map(({ object }) => object);
  }

  /** The number of the last decision, kicks included: the next one must have a higher one. */
  get lastNumber(): number {
    return this.#last;
  }

  /** The keys of the banned identities. */
  get banned(): readonly Bytes[] {
    return [...this.#decisions.values()]
      .filter(({ op }) => op === KickOp.BAN)
      .map(({ object }) => decodeKick(object).target);
  }

  /** Whether an identity may enter by the list; `true` if there is no list. */
  async expects(key: Bytes): Promise<boolean> {
    return this.#allowed === undefined || equal(key, this.#identity.publicKey) ||
      this.#allowed.has(await fingerprint(key));
  }

  /** The answer to an identity that the list admits: one of `AcceptStatus`. */
  statusFor(key: Bytes): number {
    if (this.#decisions.get(toHex(key))?.op === KickOp.BAN) return AcceptStatus.BANNED;
    const isOutside = this.#insiders !== undefined && !this.#insiders.has(toHex(key));
    return isOutside ? AcceptStatus.LOCKED : AcceptStatus.OK;
  }

  /** Admits only the host itself and some identities from now on. @param insiders Their keys. */
  lock(insiders: readonly Bytes[]): void {
    this.#insiders = new Set([this.#identity.publicKey, ...insiders].map(toHex));
  }

  /** Admits everyone again. */
  unlock(): void {
    this.#insiders = undefined;
  }

  /**
   * Decides about an identity other than the host's.
   *
   * @param op One of `KickOp`.
   * @returns The KICK object for the members, 138 bytes.
   * @throws {RoomError} With code `too-many-bans`.
   */
  async decide(op: number, key: Bytes): Promise<Bytes> {
    const id = toHex(key);
    if (op === KickOp.BAN) this.#makeRoom(id);
    this.#last = Math.max(this.#clock.now(), this.#last + 1);
    const head = encodeKickHead({ roomId: this.#roomId, target: key, op, number: this.#last });
    const signature = await this.#identity.sign(concat(label("lanchat/1 kick"), head));
    const object = concat(head, signature);
    if (op === KickOp.KICK) return object;
    this.#decisions.delete(id);
    this.#decisions.set(id, { op, object });
    return object;
  }

  /** Forgets the oldest lifted ban if one more decision would exceed the maximum. */
  #makeRoom(id: string): void {
    if (this.#decisions.has(id) || this.#decisions.size < MAX_DECISIONS) return;
    const [lifted] = [...this.#decisions].find(([, { op }]) => op === KickOp.UNBAN) ?? [];
    if (lifted === undefined) {
      throw new RoomError("too-many-bans", `Cannot ban more than ${MAX_DECISIONS} people`);
    }
    this.#decisions.delete(lifted);
  }
}
