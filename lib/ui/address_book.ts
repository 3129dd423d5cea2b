/** The members as a person at a terminal can address them: by name, and by `/reply`. */
import type { MemberView, SessionEvent } from "../session_events.ts";
import type { MemberRef } from "./member_names.ts";

/** Maximum private senders that are remembered while a line is typed; the oldest is forgotten. */
const MAX_CORRESPONDENTS = 100;

/**
 * Follows the members of a room, so that a line means what its author saw when they began to type it.
 *
 * A name means a member that has it now or had it when the line was begun: if these differ it is
 * ambiguous, and no member receives a text meant for another. `/reply` means the last private sender
 * before the line was begun.
 */
export class AddressBook {
  readonly #knowsBeginning: boolean;
  /** By key and session: the session id is only its first digits. */
  readonly #members = new Map<string, MemberView>();
  /** The keys that get no sender key because of their name. */
  readonly #withheld = new Set<string>();
  /** The members when the line was begun. */
  #membersBefore: readonly MemberView[] = [];
  /** The last private sender before the line was begun. */
  #senderBefore: MemberView | undefined;
  /** The private senders since, each once, the latest last. */
  #sendersSince: MemberView[] = [];

  /**
   * Creates an empty address book.
   *
   * @param knowsBeginning Whether {@linkcode AddressBook.beginLine} is called at the first key. If it is
   * called only after the line before, `/reply` may mean a later sender too.
   */
  constructor(knowsBeginning: boolean) {
    this.#knowsBeginning = knowsBeginning;
  }

  /** The members now, by their current names. */
  get members(): readonly MemberView[] {
    return [...this.#members.values()];
  }

  /** The members that get no sender key because of their name. */
  get withheld(): readonly MemberView[] {
    return this.members.filter(({ key }) => this.#withheld.has(key));
  }

  /** The members that a name may mean. */
  get addressable(): readonly MemberView[] {
    const all = [...this.members, ...this.#membersBefore];
    return [...new Map(all.map((member) => [`${idOf(member)} ${member.name}`, member])).values()];
  }

  /** The senders that `/reply` may mean, by their current names. */
  get correspondents(): readonly MemberView[] {
    const senders = [
      ...this.#senderBefore === undefined ? [] : [this.#senderBefore],
      ...this.#knowsBeginning ? [] : this.#sendersSince,
    ].map((member) => this.#members.get(idOf(member)) ?? member);
    return [...new Map(senders.map((member) => [member.key, member])).values()];
  }

  /** Updates a member to its current name, if only one member has its key. */
  current(member: MemberRef): MemberRef {
    const [first, ...others] = this.#holdersOf(member.key);
    return first !== undefined && others.length === 0 ? first : member;
  }

  /**
   * Addresses a member by its key, because the name may be another member's by the time the message is
   * sent; by its name if several members share the key.
   */
  addressOf({ key, name }: MemberRef): string {
    const holders = this.#holdersOf(key);
    return holders.length > 1 && holders.some((member) => member.name === name) ? name : key;
  }

  /** Notes that a line is begun. */
  beginLine(): void {
    this.#membersBefore = this.members;
    this.#senderBefore = this.#sendersSince.at(-1) ?? this.#senderBefore;
    this.#sendersSince = [];
  }

  /** Updates the members from an event. */
  hear(event: SessionEvent): void {
    switch (event.event) {
      case "ready":
      case "members":
        this.#members.clear();
        for (const member of event.members) if (!member.unannounced) this.#meet(member);
        return;
      case "joined":
        return this.#meet(event.member);
      case "verified":
        this.#withheld.delete(event.member.key);
        return this.#meet(event.member);
      case "renamed":
        return event.own ? undefined : this.#meet(event.member);
      case "left":
        this.#members.delete(idOf(event.member));
        return;
      case "message":
        this.#meet(event.from);
        return event.private ? this.#addSender(event.from) : undefined;
      case "ignoring":
        return event.ignored ? this.#forgetSender(event.member.key) : undefined;
      case "key-changed":
        if (event.withheld) this.#withheld.add(event.member.key);
        return;
      case "accepted":
        return void this.#withheld.delete(event.member.key);
    }
  }

  #holdersOf(key: string): readonly MemberView[] {
    return this.members.filter((member) => member.key === key);
  }

  #meet(member: MemberView): void {
    this.#members.set(idOf(member), member);
  }

  #addSender(member: MemberView): void {
    const others = this.#sendersSince.filter((other) => idOf(other) !== idOf(member));
    this.#sendersSince = [...others, member].slice(-MAX_CORRESPONDENTS);
  }

  #forgetSender(key: string): void {
    if (this.#senderBefore?.key === key) this.#senderBefore = undefined;
    this.#sendersSince = this.#sendersSince.filter((other) => other.key !== key);
  }
}

function idOf({ key, session }: MemberView): string {
  return `${key} ${session}`;
}
