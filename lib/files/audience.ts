/**
 * Who has an offer of this member, and who still wants it: an identity answers once, over all of its sessions.
 *
 * @module
 */
import { equal, toHex } from "../bytes/mod.ts";
import type { FileMember } from "./port.ts";

/** The identities and sessions that have an offer. Sessions are named in hexadecimal digits. */
export class OfferAudience<M extends FileMember> {
  /** Identity keys that may accept the offer, in hexadecimal digits. */
  readonly #keys = new Set<string>();
  /** Those of them that have accepted it. */
  readonly #accepted = new Set<string>();
  /** Those of them that have everything, or do not want it. */
  readonly #settled = new Set<string>();
  /** Sessions that have the present offer. */
  readonly #offered = new Map<string, M>();
  /** Those of them whose connection is lost: their program may have started again, with another session. */
  readonly #away = new Set<string>();

  /** The sessions that have the present offer. */
  get sessions(): string[] {
    return [...this.#offered.keys()];
  }

  /** Whether no one is left who may still want something, and one had an answer. */
  get isSettled(): boolean {
    const here = [...this.#offered.values()].map(({ key }) => toHex(key));
    return this.#settled.size > 0 &&
      [...here, ...this.#accepted].every((key) => this.#settled.has(key));
  }

  /** The member with a session that has the present offer. */
  member(session: string): M | undefined {
    return this.#offered.get(session);
  }

  /** Whether a member's identity had the offer. */
  includes({ key }: M): boolean {
    return this.#keys.has(toHex(key));
  }

  /** Whether a session of a member's identity has the present offer. @param isHere Whether only one that is not away counts. */
  reaches({ key }: M, isHere: boolean): boolean {
    return [...this.#offered].some(([session, other]) =>
      equal(other.key, key) && !(isHere && this.#away.has(session))
    );
  }

  /** Whether a member's identity has everything, or does not want it. */
  hasSettled({ key }: M): boolean {
    return this.#settled.has(toHex(key));
  }

  /** Whether a member's identity has accepted the offer, and has not ended that. */
  isPending(member: M): boolean {
    return this.#accepted.has(toHex(member.key)) && !this.hasSettled(member);
  }

  /** Whether a session's connection is lost. */
  isAway(session: string): boolean {
    return this.#away.has(session);
  }

  /** Notes that a member is given the offer. */
  add(member: M): void {
    this.#keys.add(toHex(member.key));
    this.#offered.set(toHex(member.session), member);
  }

  /** Notes that a session does not have the offer: it left, or it could not be given to it. */
  remove(session: string): void {
    this.#offered.delete(session);
    this.#away.delete(session);
  }

  /** Notes that a member wants the files. */
  accept(member: M): void {
    this.add(member);
    this.#accepted.add(toHex(member.key));
    this.#settled.delete(toHex(member.key));
    this.#away.delete(toHex(member.session));
  }

  /** Notes that a member's identity has everything, or does not want it. */
  settle({ key }: M): void {
    this.#settled.add(toHex(key));
  }

  /** Notes that a session's connection is lost. */
  lose(session: string): void {
    this.#away.add(session);
  }

  /** Forgets the sessions: another offer follows. */
  renew(): void {
    this.#offered.clear();
    this.#away.clear();
  }
}
