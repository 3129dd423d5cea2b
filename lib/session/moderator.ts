import { BoundedMap } from "../bounded_map.ts";
import { type Bytes, equal, fromBase64Url, toBase64Url, toHex } from "../bytes/mod.ts";
import { fingerprint, isKeyText, isPublicKey, keyTag, readFingerprint } from "../crypto/mod.ts";
import { RoomError } from "../errors.ts";
import type { AccessPolicy, Relay } from "../relay/mod.ts";
import type { Member } from "../room/mod.ts";
import type { KeptDecision } from "../store/mod.ts";
import type { BanView, InviteEvent } from "../session_events.ts";
import { CloseReason, decodeKick, KickOp, plainName } from "../wire/mod.ts";

/** Those who were shown that are remembered; beyond them the first is forgotten. */
const MAX_MET = 4096;

const REMOVE = "remove a member";

const WHO_HINT = "Use a name from /who, or the tag that stood behind it when it joined.";

/** What a moderator works with. */
export interface ModeratorOptions {
  /** The host's identity key: nobody removes that. */
  readonly hostKey: Bytes;
  /** Decides who may come. */
  readonly policy: AccessPolicy;
  /** Has the seats. */
  readonly relay: Relay;
  /** What was decided before. */
  readonly decisions: readonly KeptDecision[];
  /** Keeps what is decided, and the number of the last decision. */
  readonly keep: (decisions: readonly KeptDecision[], lastNumber: number) => Promise<void>;
  /** How others get in. */
  readonly invite: InviteEvent;
}

/** Somebody whom a word may mean. */
export interface NamedIdentity {
  /** The identity key, 32 bytes. */
  readonly key: Bytes;
  /** Short for the key. */
  readonly tag: string;
  /** The name, as it is or was shown; missing where nobody knows it. */
  readonly name?: string | undefined;
}

/** Does for the person at the host what nobody else may do. */
export class Moderator {
  /** How others get in. */
  readonly invite: InviteEvent;
  readonly #options: ModeratorOptions;
  /** What those were called about whom something was decided, by key in hexadecimal digits. */
  readonly #names = new Map<string, string>();
  /** Who was shown in this run, by key in hexadecimal digits; the last one last. */
  readonly #met = new BoundedMap<string, Member>(MAX_MET);

  /** Takes over what was decided before. */
  constructor(options: ModeratorOptions) {
    this.#options = options;
    this.invite = options.invite;
    for (const { name, object } of options.decisions) {
      if (name !== undefined) this.#names.set(toHex(decodeKick(object).target), name);
    }
  }

  /** Notes who is shown, and by which name: it may come back to a locked room, or be banned once it has left. */
  met(member: Member): void {
    this.#met.set(toHex(member.key), member);
  }

  /** Lets nobody in any more, and nobody stay, who was not shown so far. @param here Who is shown now. */
  lock(here: readonly Member[]): void {
    const { policy, relay } = this.#options;
    policy.lock([...this.#met.values(), ...here].map(({ key }) => key));
    relay.clear();
  }

  /** Lets everybody in again. */
  unlock(): void {
    this.#options.policy.unlock();
  }

  /**
   * Removes a member, which may come back at once.
   *
   * @param wanted Its name as shown, `name#tag`, tag, fingerprint or key; the last also of one never shown.
   * @param here Those who are shown now, strangers included.
   * @throws {RoomError} With code `no-such-member`, also if it is the host itself.
   */
  async kick(wanted: string, here: readonly NamedIdentity[]): Promise<void> {
    const { key } = await this.#find(wanted, here);
    if (!this.#options.relay.seats(key)) throw noSuchMember(REMOVE, WHO_HINT, "nobody here");
    await this.#remove(KickOp.KICK, key, CloseReason.KICKED);
  }

  /**
   * Removes somebody for good, who may have left.
   *
   * @param wanted As for {@linkcode Moderator.kick}.
   * @param here Who is shown now: they are meant before those who have left.
   * @throws {RoomError} With code `too-many-bans`, or `no-such-member`, also if it is the host itself.
   */
  async ban(wanted: string, here: readonly NamedIdentity[]): Promise<BanView> {
    const { key, name } = await this.#find(wanted, here);
    if (name !== undefined) this.#names.set(toHex(key), plainName(name));
    await this.#remove(KickOp.BAN, key, CloseReason.BANNED);
    return await this.#view(key);
  }

  /**
   * Lets somebody come again who was banned.
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
    const [first, ...others] = await meant(wanted, banned);
    if (first === undefined || others.length > 0) {
      const hint = "/unban alone shows who is banned: name one by the tag.";
      throw noSuchMember("lift the ban", hint, first === undefined ? "nobody" : "more than one");
    }
    const object = await policy.decide(KickOp.UNBAN, first.key);
    await this.#keep();
    relay.tell(object);
    return await this.#view(first.key);
  }

  /** Who is banned. */
  async bans(): Promise<readonly BanView[]> {
    return await Promise.all(this.#options.policy.banned.map((key) => this.#view(key)));
  }

  /** Whom a word means: one of those who are here or, where it is none of them, who was here. */
  async #find(wanted: string, here: readonly NamedIdentity[]): Promise<NamedIdentity> {
    for (const candidates of [here, [...this.#met.values()].reverse()]) {
      const [first, ...others] = await meant(wanted, candidates);
      if (others.length > 0) throw noSuchMember(REMOVE, WHO_HINT, "more than one");
      if (first !== undefined) return first;
    }
    const key = isKeyText(wanted) ? fromBase64Url(wanted) : undefined;
    if (key === undefined || !isPublicKey(key)) throw noSuchMember(REMOVE, WHO_HINT, "nobody");
    return { key, tag: await keyTag(key) };
  }

  async #remove(op: number, key: Bytes, reason: number): Promise<void> {
    const { policy, hostKey, relay } = this.#options;
    if (equal(key, hostKey)) {
      throw new RoomError("no-such-member", "Cannot remove a member that has the host's own key");
    }
    const object = await policy.decide(op, key);
    await this.#keep();
    relay.tell(object);
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

/** Those whom a word means, each once: by the name as shown, `name#tag`, tag, `#tag`, fingerprint or key. */
async function meant(word: string, candidates: readonly NamedIdentity[]): Promise<NamedIdentity[]> {
  const each = [...new Map(candidates.map((one) => [toHex(one.key), one])).values()];
  if (isKeyText(word)) return each.filter(({ key }) => toBase64Url(key) === word);
  // A name may be what another has for a tag or a fingerprint: then both are meant.
  const holder = await holderOf(word, each);
  return each.filter((one) => {
    const { name, tag } = one;
    const isNamed = name !== undefined && [name, `${plainName(name)}#${tag}`].includes(word);
    return isNamed || tag === word || `#${tag}` === word || one === holder;
  });
}

/** The candidate whose fingerprint a word is. */
async function holderOf(
  word: string,
  candidates: readonly NamedIdentity[],
): Promise<NamedIdentity | undefined> {
  const digits = readFingerprint(word);
  if (digits === undefined) return undefined;
  for (const candidate of candidates) {
    if (await fingerprint(candidate.key) === digits) return candidate;
  }
  return undefined;
}

function noSuchMember(action: string, hint: string, meant: string): RoomError {
  return new RoomError("no-such-member", `Cannot ${action} as ${meant} is meant`, { hint });
}
