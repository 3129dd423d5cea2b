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

/** Groups of a fingerprint that are enough to type: a key that agrees in them costs 10^20 guesses. */
const ASKED_GROUPS = 4;

const ASKED_DIGITS: number = ASKED_GROUPS * GROUP_DIGITS;

/** Of how many members it is remembered what was said or noted of them last: more than a room has. */
const MAX_REMEMBERED = 4096;

/** What {@linkcode TrustStore} may be given. */
interface TrustStoreOptions {
  /** The host's key, where this run was told its fingerprint: it counts as verified in this run. */
  readonly compared?: Bytes | undefined;
  /** Chooses the groups to ask for. */
  readonly random?: (count: number) => Bytes;
}

/** The question that the last safety number on the screen asks. */
interface Question {
  readonly key: Bytes;
  /** Ascending, from 1. */
  readonly groups: readonly number[];
}

/** Who members are, as far as that is known from earlier, and what comes of it in a room. */
export class TrustStore {
  /**
   * Called where something cannot be kept for later runs, once for all that nobody asked for; this run goes
   * by it all the same.
   */
  onUnkept: (error: LanchatError) => void = () => {};
  readonly #known: KnownPeers;
  readonly #ownKey: Bytes;
  readonly #compared: Bytes | undefined;
  readonly #random: (count: number) => Bytes;
  #question: Question | undefined;
  /** By key in hexadecimal digits. */
  readonly #tags = new BoundedMap<string, string>(4 * MAX_REMEMBERED);
  /** What the room was told last of each key, in hexadecimal digits. */
  readonly #verdicts = new BoundedMap<
    string,
    { readonly name: string; readonly trust: Trust }
  >(MAX_REMEMBERED);
  /** Whose last name was noted in this run, by key in hexadecimal digits. */
  readonly #noted = new BoundedMap<string, string>(MAX_REMEMBERED);
  readonly #keeping = new Set<Promise<void>>();
  #unkeptTold = false;

  private constructor(known: KnownPeers, ownKey: Bytes, options: TrustStoreOptions) {
    this.#known = known;
    this.#ownKey = ownKey;
    this.#compared = options.compared;
    this.#random = options.random ?? randomBytes;
  }

  /** Begins with those who are known. @param ownKey One's own identity key. */
  static async of(
    known: KnownPeers,
    ownKey: Bytes,
    options: TrustStoreOptions = {},
  ): Promise<TrustStore> {
    const trustStore = new TrustStore(known, ownKey, options);
    await trustStore.#learnTags();
    return trustStore;
  }

  /** What a member is under its name, given without the tag. */
  readonly judge = ({ key, name }: { readonly key: Bytes; readonly name: string }): Trust => {
    const trust = this.#judge(key, name);
    this.#verdicts.set(toHex(key), { name, trust });
    return trust;
  };

  /**
   * Whether the person here has compared the number of a member, or in this run the host's fingerprint;
   * never of one that has somebody else's name.
   */
  isVerified(member: Member): boolean {
    const { key } = member;
    const compared = this.#known.find(key)?.verified ||
      this.#compared !== undefined && equal(key, this.#compared);
    return compared && this.#verdict(member) === "fine";
  }

  /** Who had a member's name before, with another key; of several one that is verified, or the last. */
  namesakeOf(member: Member): KnownView | undefined {
    const namesake = this.#namesake(member.key, plainName(member.name));
    if (namesake === undefined) return undefined;
    const { key, lastSeen, verified } = namesake;
    return { key: toBase64Url(key), tag: this.#tags.get(toHex(key)) ?? "", lastSeen, verified };
  }

  /** Notes the host of the room that was entered. @param address Where, as `formatHostPort` gives it. */
  entered(host: Pick<Member, "key" | "tag">, address: string): void {
    void this.#keep(host, this.#known.seen(host.key, { address }), false);
  }

  /** Notes a member that has said something, unless it is given no key under its name. */
  spoke(member: Member): void {
    const { key } = member;
    const name = plainName(member.name);
    const id = toHex(key);
    if (this.#noted.get(id) === name || equal(key, this.#ownKey)) return;
    if (this.#verdict(member) === "withheld") return;
    this.#noted.set(id, name);
    void this.#keep(member, this.#known.seen(key, { name }), false);
  }

  /** Resolves once all that was noted is kept, or cannot be. */
  async kept(): Promise<void> {
    await Promise.all(this.#keeping);
  }

  /** The number that one compares with a member, and which of its digits are the member's own. */
  async safetyNumber(key: Bytes): Promise<Pick<SafetyNumberEvent, "digits" | "fingerprint">> {
    return {
      digits: await safetyNumber(this.#ownKey, key),
      fingerprint: await fingerprint(key),
    };
  }

  /**
   * The number that one compares with a member, and the groups of the member's own half to ask for: four of
   * six, chosen at random, so that no key can be searched for that agrees in them. The other half is the
   * same in one's number with anybody, and would prove nothing.
   *
   * Any question asked before has no answer any more. See PROTOCOL.md §2.4.
   */
  async ask(
    key: Bytes,
  ): Promise<Required<Pick<SafetyNumberEvent, "asked" | "digits" | "fingerprint">>> {
    const groups = chooseGroups(this.#random);
    this.#question = { key, groups };
    return { ...await this.safetyNumber(key), asked: groups };
  }

  /**
   * Marks a member as verified.
   *
   * @param digits All digits of the safety number, or those that {@linkcode ask} asked for last, if it was
   * about this member's key.
   * @throws {UsageError} With code `wrong-digits` if it has others; nothing is marked then.
   */
  async verify(member: Member, digits: string): Promise<void> {
    const given = digitsOf(digits, [ASKED_DIGITS, NUMBER_DIGITS]);
    const right = given.length === NUMBER_DIGITS
      ? await safetyNumber(this.#ownKey, member.key)
      : await this.#answer(member);
    if (given !== right) {
      throw new UsageError(
        "wrong-digits",
        "Cannot mark that member as verified as these are not the digits of its safety number",
      );
    }
    this.#question = undefined;
    const name = plainName(member.name);
    const isTaken = (other: string): boolean => sameName(other, name);
    await this.#keep(member, this.#known.setVerified(member.key, true, name, isTaken));
  }

  /**
   * Takes a member for somebody else of the same name than the one who was verified.
   *
   * @param members Those who are given no key. @param digits The fingerprint of one of them.
   * @returns Which.
   * @throws {UsageError} With code `wrong-digits` if none has it.
   */
  async accept<Each extends Member>(members: readonly Each[], digits: string): Promise<Each> {
    const given = digitsOf(digits, [FINGERPRINT_DIGITS]);
    for (const member of members) {
      if (await fingerprint(member.key) !== given) continue;
      await this.#keep(member, this.#known.seen(member.key, { name: plainName(member.name) }));
      return member;
    }
    throw new UsageError(
      "wrong-digits",
      "Cannot accept as nobody who is given no key has this fingerprint",
      { hint: "Type all 30 digits as that person reads them to you; /who shows whom it may be." },
    );
  }

  /** @throws {UsageError} With code `wrong-digits` if the last question is not about that member. */
  async #answer({ key, name }: Member): Promise<string> {
    const question = this.#question;
    if (question === undefined || !equal(question.key, key)) {
      throw new UsageError(
        "wrong-digits",
        "Cannot compare as the safety number shown last is not that of this member and key",
        { hint: `Type /verify ${name}, and then the groups that are missing there.` },
      );
    }
    const half = await fingerprint(key);
    return question.groups
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

  /** What the room was told last: to go through all who are known for each message would take too long. */
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

  /** Makes the tags of those who are known since the last time, perhaps by another run. */
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
function digitsOf(text: string, counts: readonly number[]): string {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (/^\d+$/.test(digits) && counts.includes(digits.length)) return digits;
  throw new UsageError(
    "wrong-digits",
    `Cannot compare as ${counts.join(" or ")} digits are needed: ${
      digits.replaceAll(/\D/g, "").length
    } are given`,
    { hint: "Give them in groups or not, as /verify NAME asks for them." },
  );
}

function hasName({ names }: KnownPeer, name: string): boolean {
  return names.some((one) => sameName(one, name));
}
