/**
 * Kicks, bans and locks at the host.
 *
 * @module
 */
import { BoundedMap } from "../bounded_map.ts";
import { type Bytes, equal, fromBase64Url, toBase64Url, toHex } from "../bytes/mod.ts";
import { fingerprint, isKeyText, isPublicKey, keyTag, readFingerprint } from "../crypto/mod.ts";
import { RoomError } from "../errors.ts";
import type { AccessPolicy, Relay } from "../relay/mod.ts";
import type { Member } from "../room/mod.ts";
import type { KeptDecision } from "../store/mod.ts";
import type { BanView, InviteEvent } from "../session_events.ts";
import { CloseReason, decodeKick, KickOp, plainName } from "../wire/mod.ts";

/** Maximum members remembered after they left; with more, the oldest is forgotten. */
const MAX_MET = 4096;

const WHO_HINT = "Use a name from /who, or the tag shown when they joined.";

/** Dependencies of {@linkcode Moderator}. */
export interface ModeratorOptions {
  /** The host's identity key, which nothing removes. */
  readonly hostKey: Bytes;
  /** Signs decisions, and refuses identities that must not join. */
  readonly policy: AccessPolicy;
  /** Ends seats, and sends decisions to members. */
  readonly relay: Relay;
  /** Decisions of earlier runs. */
  readonly decisions: readonly KeptDecision[];
  /** Writes the decisions, and the number of the last, to disk. */
  readonly keep: (decisions: readonly KeptDecision[], lastNumber: number) => Promise<void>;
  /** The invite to the room. */
  readonly invite: InviteEvent;
}

/** An identity that a name, a tag, a fingerprint or a key may mean. */
export interface NamedIdentity {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** The short mark of the key. */
  readonly tag: string;
  /** The name as it is or was shown; missing if there is none. */
  readonly name?: string | undefined;
}

/** Kicks, bans and locks, which only the host may do. */
export class Moderator {
  /** The invite to the room. */
  readonly invite: InviteEvent;
  readonly #options: ModeratorOptions;
  /** Names of the identities that decisions are about, by key in hexadecimal digits. */
  readonly #names = new Map<string, string>();
  /** Members shown in this run, by key in hexadecimal digits; the newest last. */
  readonly #met = new BoundedMap<string, Member>(MAX_MET);

  /** Starts with the decisions of earlier runs. */
  constructor(options: ModeratorOptions) {
    this.#options = options;
    this.invite = options.invite;
    for (const { name, object } of options.decisions) {
      if (name !== undefined) this.#names.set(toHex(decodeKick(object).target), name);
    }
  }

  /** Notes a member that is shown: it may come back to a locked room, and can be banned after it left. */
  met(member: Member): void {
    this.#met.set(toHex(member.key), member);
  }

  /** Refuses and removes identities that were not shown so far. @param here The members shown now. */
  lock(here: readonly Member[]): void {
    const { policy, relay } = this.#options;
    policy.lock([...this.#met.values(), ...here].map(({ key }) => key));
    relay.enforcePolicy();
  }

  /** Ends the lock. */
  unlock(): void {
    this.#options.policy.unlock();
  }

  /**
   * Removes a member, which may join again at once.
   *
   * @param wanted Its name as shown, `name#tag`, tag, fingerprint or key; the key also if it was never shown.
   * @param here The sessions in the room, unannounced ones included.
   * @throws {RoomError} With code `no-such-member`, also if it is the host itself.
   */
  async kick(wanted: string, here: readonly NamedIdentity[]): Promise<void> {
    const { key } = await this.#find(wanted, here);
    if (!this.#options.relay.hasSeat(key)) throw noSuchMember("They are not in the room");
    await this.#remove(KickOp.KICK, key, CloseReason.KICKED);
  }

  /**
   * Removes an identity for good; it may have left already.
   *
   * @param wanted As for {@linkcode Moderator.kick}.
   * @param here The sessions in the room: they precede members that have left.
   * @throws {RoomError} With code `too-many-bans`, or `no-such-member`, also if it is the host itself.
   */
  async ban(wanted: string, here: readonly NamedIdentity[]): Promise<BanView> {
    const { key, name } = await this.#find(wanted, here);
    if (name !== undefined) this.#names.set(toHex(key), plainName(name));
    await this.#remove(KickOp.BAN, key, CloseReason.BANNED);
    return await this.#view(key);
  }

  /**
   * Lifts a ban.
   *
   * @param wanted The name, tag, fingerprint or key.
   * @throws {RoomError} With code `no-such-member`.
   */
  async unban(wanted: string): Promise<BanView> {
    const { policy, relay } = this.#options;
    const banned = await Promise.all(policy.banned.map(async (key): Promise<NamedIdentity> => ({
      key,
      tag: await keyTag(key),
      name: this.#names.get(toHex(key)),
    })));
    const [first, ...others] = await matching(wanted, banned);
    if (first === undefined || others.length > 0) {
      const message = first === undefined ? "No such ban" : "Several bans match";
      throw noSuchMember(message, "/unban lists the bans: use a tag from there.");
    }
    const object = await policy.decide(KickOp.UNBAN, first.key);
    await this.#keep();
    relay.broadcast(object);
    return await this.#view(first.key);
  }

  /** All banned identities. */
  async bans(): Promise<readonly BanView[]> {
    return await Promise.all(this.#options.policy.banned.map((key) => this.#view(key)));
  }

  /** Finds the identity that a word means: among those here or, if none matches, those that were here. */
  async #find(wanted: string, here: readonly NamedIdentity[]): Promise<NamedIdentity> {
    for (const identities of [here, [...this.#met.values()].reverse()]) {
      const [first, ...others] = await matching(wanted, identities);
      if (others.length > 0) throw noSuchMember("Several members match");
      if (first !== undefined) return first;
    }
    const key = isKeyText(wanted) ? fromBase64Url(wanted) : undefined;
    if (key === undefined || !isPublicKey(key)) throw noSuchMember("No such member");
    return { key, tag: await keyTag(key) };
  }

  async #remove(op: number, key: Bytes, reason: number): Promise<void> {
    const { policy, hostKey, relay } = this.#options;
    if (equal(key, hostKey)) {
      throw new RoomError("no-such-member", "Cannot remove the host");
    }
    const object = await policy.decide(op, key);
    await this.#keep();
    relay.broadcast(object);
    relay.expel(key, reason);
  }

  async #keep(): Promise<void> {
    const { policy, keep } = this.#options;
    const decisions = policy.decisions.map((object) => {
      const name = this.#names.get(toHex(decodeKick(object).target));
      return { object, ...name !== undefined && { name } };
    });
    await keep(decisions, policy.lastNumber);
  }

  async #view(key: Bytes): Promise<BanView> {
    const name = this.#names.get(toHex(key));
    return { key: toBase64Url(key), tag: await keyTag(key), ...name !== undefined && { name } };
  }
}

/** The identities that match a name as shown, `name#tag`, tag, `#tag`, fingerprint or key, each once. */
async function matching(
  word: string,
  identities: readonly NamedIdentity[],
): Promise<NamedIdentity[]> {
  const each = [...new Map(identities.map((one) => [toHex(one.key), one])).values()];
  if (isKeyText(word)) return each.filter(({ key }) => toBase64Url(key) === word);
  // A name may equal another member's tag or fingerprint: then both match.
  const holder = await holderOf(word, each);
  return each.filter((one) => {
    const { name, tag } = one;
    const isNamed = name !== undefined && [name, `${plainName(name)}#${tag}`].includes(word);
    return isNamed || tag === word || `#${tag}` === word || one === holder;
  });
}

/** The identity whose fingerprint a word is. */
async function holderOf(
  word: string,
  identities: readonly NamedIdentity[],
): Promise<NamedIdentity | undefined> {
  const digits = readFingerprint(word);
  if (digits === undefined) return undefined;
  for (const identity of identities) {
    if (await fingerprint(identity.key) === digits) return identity;
  }
  return undefined;
}

function noSuchMember(message: string, hint = WHO_HINT): RoomError {
  return new RoomError("no-such-member", message, { hint });
}
