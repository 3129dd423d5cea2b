/**
 * The members that earlier runs met, by key and name.
 *
 * @module
 */
import { BoundedMap } from "../bounded_map.ts";
import { type Bytes, equal, toBase64Url, toHex } from "../bytes/mod.ts";
import { fingerprint, keyTag, randomBytes, safetyNumber } from "../crypto/mod.ts";
import { type LanchatError, StoreError, UsageError } from "../errors.ts";
import { type Member, sameName, type Trust } from "../room/mod.ts";
import type { KnownPeer, KnownPeers } from "../store/mod.ts";
import type { KnownView, SafetyNumberEvent } from "../session_events.ts";
import { plainName } from "../wire/mod.ts";

/** Digits of a safety number. */
const NUMBER_DIGITS = 60;

const FINGERPRINT_DIGITS = 30;

const GROUP_DIGITS = 5;

/** Groups of a fingerprint. */
const GROUPS: number = FINGERPRINT_DIGITS / GROUP_DIGITS;

/** Groups of a fingerprint that the user types: a key that agrees in them costs 10^20 guesses. */
const ASKED_GROUPS = 4;

const ASKED_DIGITS: number = ASKED_GROUPS * GROUP_DIGITS;

/** Maximum members whose last verdict and name are remembered: more than a room has. */
const MAX_REMEMBERED = 4096;

/** Options of {@linkcode TrustStore}. */
interface TrustStoreOptions {
  /** The host's key if `--host-key` has its fingerprint: it counts as verified in this run. */
  readonly compared?: Bytes | undefined;
  /** Returns random bytes, by which it chooses the groups to ask for. */
  readonly random?: (count: number) => Bytes;
}

/** Tells members that earlier runs met from others, and verifies them. */
export class TrustStore {
  /**
   * Called where a change cannot be written for later runs; this run keeps it. Changes that the user did not
   * ask for call it only once.
   */
  onUnkept: (error: LanchatError) => void = () => {};
  readonly #known: KnownPeers;
  readonly #ownKey: Bytes;
  readonly #compared: Bytes | undefined;
  readonly #random: (count: number) => Bytes;
  /** The groups to ask for, ascending from 1, by key in hexadecimal digits. */
  readonly #questions = new BoundedMap<string, readonly number[]>(MAX_REMEMBERED);
  /** The key that the last question was about. */
  #asked: Bytes | undefined;
  /** By key in hexadecimal digits. */
  readonly #tags = new BoundedMap<string, string>(4 * MAX_REMEMBERED);
  /** The last verdict on each key, in hexadecimal digits. */
  readonly #verdicts = new BoundedMap<
    string,
    { readonly name: string; readonly trust: Trust }
  >(MAX_REMEMBERED);
  /** Names noted in this run, by key in hexadecimal digits. */
  readonly #noted = new BoundedMap<string, string>(MAX_REMEMBERED);
  readonly #keeping = new Set<Promise<void>>();
  #unkeptTold = false;

  private constructor(known: KnownPeers, ownKey: Bytes, options: TrustStoreOptions) {
    this.#known = known;
    this.#ownKey = ownKey;
    this.#compared = options.compared;
    this.#random = options.random ?? randomBytes;
  }

  /** Starts with the known peers. @param ownKey This member's identity key. */
  static async of(
    known: KnownPeers,
    ownKey: Bytes,
    options: TrustStoreOptions = {},
  ): Promise<TrustStore> {
    const trustStore = new TrustStore(known, ownKey, options);
    await trustStore.#learnTags();
    return trustStore;
  }

  /** Judges a member by its key and its name without the tag. */
  readonly judge = ({ key, name }: { readonly key: Bytes; readonly name: string }): Trust => {
    const trust = this.#judge(key, name);
    this.#verdicts.set(toHex(key), { name, trust });
    return trust;
  };

  /**
   * Whether the user has compared a member's safety number, or in this run the host's fingerprint. Never true
   * of a member with the name of another known peer.
   */
  isVerified(member: Member): boolean {
    const { key } = member;
    const compared = this.#known.find(key)?.verified ||
      this.#compared !== undefined && equal(key, this.#compared);
    return compared && this.#verdict(member) === "fine";
  }

  /** The known peer with a member's name and another key; of several a verified one, or the last met. */
  namesakeOf(member: Member): KnownView | undefined {
    const namesake = this.#namesake(member.key, plainName(member.name));
    if (namesake === undefined) return undefined;
    const { key, lastSeen, verified } = namesake;
    return { key: toBase64Url(key), tag: this.#tags.get(toHex(key)) ?? "", lastSeen, verified };
  }

  /** Notes the host of the room. @param address Its address, as `formatHostPort` gives it. */
  entered(host: Pick<Member, "key" | "tag">, address: string): void {
    void this.#keep(host, this.#known.seen(host.key, { address }), false);
  }

  /** Notes a member that has sent a message, unless it gets no key under its name. */
  spoke(member: Member): void {
    const { key } = member;
    const name = plainName(member.name);
    const id = toHex(key);
    if (this.#noted.get(id) === name || equal(key, this.#ownKey)) return;
    if (this.#verdict(member) === "withheld") return;
    this.#noted.set(id, name);
    void this.#keep(member, this.#known.seen(key, { name }), false);
  }

  /** Resolves when all changes are written, or have failed. */
  async kept(): Promise<void> {
    await Promise.all(this.#keeping);
  }

  /** The safety number with a member, and the digits of it that are the member's own. */
  async safetyNumber(key: Bytes): Promise<Pick<SafetyNumberEvent, "digits" | "fingerprint">> {
    return {
      digits: await safetyNumber(this.#ownKey, key),
      fingerprint: await fingerprint(key),
    };
  }

  /**
   * The safety number with a member, and the groups of the member's own half to ask for: four of six, chosen
   * at random, so that an attacker cannot search for a key that agrees in them. The other half is the same in
   * all numbers of this user, and would prove nothing. Until the member is verified each question asks for the
   * same groups: several different ones would show all.
   *
   * Replaces the question asked before. See PROTOCOL.md §2.4.
   */
  async ask(
    key: Bytes,
  ): Promise<Required<Pick<SafetyNumberEvent, "asked" | "digits" | "fingerprint">>> {
    const groups = this.#questions.get(toHex(key)) ?? chooseGroups(this.#random);
    this.#questions.set(toHex(key), groups);
    this.#asked = key;
    return { ...await this.safetyNumber(key), asked: groups };
  }

  /**
   * Marks a member as verified.
   *
   * @param digits All digits of the safety number, or those that {@linkcode ask} asked for last, if that was
   * about this member's key.
   * @throws {UsageError} With code `wrong-digits` if they differ; then it marks nothing.
   */
  async verify(member: Member, digits: string): Promise<void> {
    const hint = `Type the four hidden groups (${ASKED_DIGITS} digits).`;
    const given = digitsOf(digits, [ASKED_DIGITS, NUMBER_DIGITS], hint);
    const right = given.length === NUMBER_DIGITS
      ? await safetyNumber(this.#ownKey, member.key)
      : await this.#answer(member);
    if (given !== right) {
      throw new UsageError(
        "wrong-digits",
        "The digits don't match",
      );
    }
    this.#questions.delete(toHex(member.key));
    this.#asked = undefined;
    const name = plainName(member.name);
    const isTaken = (other: string): boolean => sameName(other, name);
    await this.#keep(member, this.#known.setVerified(member.key, true, name, isTaken));
  }

  /**
   * Accepts a member as another person with the name of a verified peer.
   *
   * @param members The members that get no key. @param digits The fingerprint of one of them.
   * @returns That member.
   * @throws {UsageError} With code `wrong-digits` if none has it.
   */
  async accept<Each extends Member>(members: readonly Each[], digits: string): Promise<Each> {
    const hint = "Type all digits; spaces don't matter.";
    const given = digitsOf(digits, [FINGERPRINT_DIGITS], hint);
    for (const member of members) {
      if (await fingerprint(member.key) !== given) continue;
      await this.#keep(member, this.#known.seen(member.key, { name: plainName(member.name) }));
      return member;
    }
    throw new UsageError(
      "wrong-digits",
      "No member without your key has this fingerprint",
      { hint: "Type all 30 digits as they read them to you; /who shows who cannot read you." },
    );
  }

  /** @throws {UsageError} With code `wrong-digits` if the last question is not about that member. */
  async #answer({ key, name }: Member): Promise<string> {
    const groups = this.#questions.get(toHex(key));
    if (groups === undefined || this.#asked === undefined || !equal(this.#asked, key)) {
      throw new UsageError(
        "wrong-digits",
        "The last safety number shown was not this member's",
        { hint: `Type /verify ${name} first, then the missing groups.` },
      );
    }
    const half = await fingerprint(key);
    return groups
      .map((group) => half.slice((group - 1) * GROUP_DIGITS, group * GROUP_DIGITS))
      .join("");
  }

  #judge(key: Bytes, name: string): Trust {
    if (equal(key, this.#ownKey)) return "fine";
    const known = this.#known.find(key);
    const isKnownByIt = known !== undefined && hasName(known, name);
    if (isKnownByIt && known.verified) return "fine";
    const namesake = this.#namesake(key, name);
    if (namesake === undefined) return "fine";
    return namesake.verified && !isKnownByIt ? "withheld" : "changed";
  }

  /** The last verdict: to search all known peers for each message would take too long. */
  #verdict(member: Member): Trust {
    const name = plainName(member.name);
    const last = this.#verdicts.get(toHex(member.key));
    return last?.name === name ? last.trust : this.judge({ key: member.key, name });
  }

  #namesake(key: Bytes, name: string): KnownPeer | undefined {
    const namesakes = this.#known.all().filter((known) =>
      !equal(known.key, key) && hasName(known, name)
    );
    return namesakes.sort((a, b) =>
      Number(b.verified) - Number(a.verified) || b.lastSeen - a.lastSeen
    )[0];
  }

  /** Computes the tags of peers that are new since the last call, perhaps from another run. */
  async #learnTags(): Promise<void> {
    await Promise.all(
      this.#known.all().map(async ({ key }) => {
        const id = toHex(key);
        if (!this.#tags.has(id)) this.#tags.set(id, await keyTag(key));
      }),
    );
  }

  async #keep(
    { key, tag }: Pick<Member, "key" | "tag">,
    change: Promise<void>,
    asked = true,
  ): Promise<void> {
    this.#tags.set(toHex(key), tag);
    const keeping = this.#finish(change, asked).finally(() => this.#keeping.delete(keeping));
    this.#keeping.add(keeping);
    await keeping;
  }

  async #finish(change: Promise<void>, asked: boolean): Promise<void> {
    try {
      await change;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (asked || !this.#unkeptTold) this.onUnkept(error);
      this.#unkeptTold = true;
    }
    await this.#learnTags();
  }
}

/**
 * Chooses four of the six groups of a fingerprint, each choice as likely as any other.
 *
 * @param random Gives so many random bytes.
 * @returns Their places, ascending from 1.
 */
export function chooseGroups(random: (count: number) => Bytes): number[] {
  const ranks = new Uint32Array(random(4 * GROUPS).buffer);
  return Array.from(ranks, (_, i) => i + 1)
    .sort((a, b) => ranks[a - 1]! - ranks[b - 1]!)
    .slice(0, ASKED_GROUPS)
    .sort((a, b) => a - b);
}

/** @throws {UsageError} With code `wrong-digits` if a text is not so many digits, in groups or not. */
function digitsOf(text: string, counts: readonly number[], hint: string): string {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (/^\d+$/.test(digits) && counts.includes(digits.length)) return digits;
  throw new UsageError(
    "wrong-digits",
    `Wrong number of digits: ${digits.replaceAll(/\D/g, "").length}, not ${counts.join(" or ")}`,
    { hint },
  );
}

function hasName({ names }: KnownPeer, name: string): boolean {
  return names.some((one) => sameName(one, name));
}
