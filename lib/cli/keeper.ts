import { type Bytes, equal, toBase64Url, toHex } from "../bytes/mod.ts";
import { fingerprint, keyTag } from "../crypto/mod.ts";
import { RoomError } from "../errors.ts";
import type { Door, Relay } from "../relay/mod.ts";
import type { Member } from "../room/mod.ts";
import type { KeptDecision } from "../store/mod.ts";
import type { BanView, InviteEvent } from "../ui/mod.ts";
import { CloseReason, decodeKick, KickOp } from "../wire/mod.ts";

/** What a keeper works with. */
export interface KeeperOptions {
  /** The host's identity key: nobody removes that. */
  readonly hostKey: Bytes;
  /** Decides who may come. */
  readonly door: Door;
  /** Has the seats. */
  readonly relay: Relay;
  /** What was decided before. */
  readonly decisions: readonly KeptDecision[];
  /** Keeps what is decided. */
  readonly keep: (decisions: readonly KeptDecision[]) => Promise<void>;
  /** How others get in. */
  readonly invite: InviteEvent;
}

/** Does for the person at the host what nobody else may do. */
export class Keeper {
  /** How others get in. */
  readonly invite: InviteEvent;
  readonly #options: KeeperOptions;
  /** What those were called about whom something was decided, by key in hexadecimal digits. */
  readonly #names = new Map<string, string>();

  /** Takes over what was decided before. */
  constructor(options: KeeperOptions) {
    this.#options = options;
    this.invite = options.invite;
    for (const { name, object } of options.decisions) {
      if (name !== undefined) this.#names.set(toHex(decodeKick(object).target), name);
    }
  }

  /** Lets nobody in any more who was not in the room before, or everybody again. */
  lock(locked: boolean): void {
    this.#options.door.locked = locked;
  }

  /** Removes a member, which may come back at once. @throws {RoomError} If it is the host itself. */
  async kick(member: Member): Promise<void> {
    await this.#remove(KickOp.KICK, member, CloseReason.KICKED);
  }

  /**
   * Removes a member for good.
   *
   * @throws {RoomError} With code `too-many-bans`, or if it is the host itself.
   */
  async ban(member: Member): Promise<BanView> {
    this.#names.set(toHex(member.key), member.name.split("#", 1)[0]!);
    await this.#remove(KickOp.BAN, member, CloseReason.BANNED);
    return await this.#view(member.key);
  }

  /**
   * Lets somebody come again who was banned.
   *
   * @param wanted The name, tag, fingerprint or key.
   * @throws {RoomError} With code `no-such-member`.
   */
  async unban(wanted: string): Promise<BanView> {
    const { door, relay } = this.#options;
    const digits = wanted.replaceAll(/[\s-]/g, "");
    const matching: { key: Bytes; ban: BanView }[] = [];
    for (const key of door.banned) {
      const ban = await this.#view(key);
      const { name, tag } = ban;
      const matches = [name, tag, `${name}#${tag}`, ban.key].includes(wanted) ||
        /^\d{30}$/.test(digits) && await fingerprint(key) === digits;
      if (matches) matching.push({ key, ban });
    }
    const [first, ...others] = matching;
    if (first === undefined || others.length > 0) {
      throw new RoomError(
        "no-such-member",
        `Cannot lift the ban as ${first === undefined ? "nobody" : "more than one"} is meant`,
        { hint: "/unban alone shows who is banned: name one by the tag." },
      );
    }
    const object = await door.decide(KickOp.UNBAN, first.key);
    await this.#keep();
    relay.tell(object);
    return first.ban;
  }

  /** Who is banned. */
  async bans(): Promise<readonly BanView[]> {
    return await Promise.all(this.#options.door.banned.map((key) => this.#view(key)));
  }

  async #remove(op: number, { key }: Member, reason: number): Promise<void> {
    const { door, hostKey, relay } = this.#options;
    if (equal(key, hostKey)) {
      throw new RoomError("no-such-member", "Cannot remove a member that has the host's own key");
    }
    const object = await door.decide(op, key);
    if (op === KickOp.BAN) await this.#keep();
    relay.tell(object);
    relay.expel(key, reason);
  }

  async #keep(): Promise<void> {
    const { door, keep } = this.#options;
    await keep(door.decisions.map((object) => {
      const name = this.#names.get(toHex(decodeKick(object).target));
      return { object, ...name !== undefined && { name } };
    }));
  }

  async #view(key: Bytes): Promise<BanView> {
    const name = this.#names.get(toHex(key));
    return { key: toBase64Url(key), tag: await keyTag(key), ...name !== undefined && { name } };
  }
}
