import { type Bytes, equal } from "../bytes/mod.ts";
import type { Clock } from "../clock.ts";
import { keyTag } from "../crypto/mod.ts";
import { warning } from "../session_events.ts";
import type { Author } from "./chain.ts";
import type { Events } from "./events.ts";
import { imitates, sameName, shownName } from "./names.ts";
import { type Announced, type Member, type Peer, SILENT_AFTER_MS, type Trust } from "./peer.ts";
import type { Roster } from "./roster.ts";

/** Who goes by which name, and what is made of that. */
export interface NamingOptions {
  /** This member. */
  readonly self: Author;
  /** Its first name. */
  readonly name: string;
  /** The others. */
  readonly roster: Roster;
  /** Is told of names, and of who has come. */
  readonly events: Events;
  /** The time. */
  readonly clock: Clock;
  /** What a member is under its name, without the tag; by default they are all fine. */
  readonly trust: ((member: { readonly key: Bytes; readonly name: string }) => Trust) | undefined;
  /** Called with a member that must not read on, for the name that it has. */
  readonly onWithheld: (peer: Peer) => void;
}

/** By what name everybody is shown, and who is trusted under it. See PROTOCOL.md §6.2 and §6.8. */
export class Naming {
  readonly #options: NamingOptions;
  readonly #roster: Roster;
  readonly #events: Events;
  #name: string;
  #tag = "";
  #tagged = false;

  /** Begins with the own name alone. */
  constructor(options: NamingOptions) {
    this.#options = options;
    this.#roster = options.roster;
    this.#events = options.events;
    this.#name = options.name;
  }

  /** Finds out the own tag. */
  async prepare(): Promise<void> {
    this.#tag = await keyTag(this.#options.self.identity.publicKey);
  }

  /** Oneself, as others see it. */
  get me(): Member {
    const { identity, session } = this.#options.self;
    const shown = shownName(this.#name, this.#tag, this.#tagged);
    return { name: shown, tag: this.#tag, key: identity.publicKey, session };
  }

  /** The own name. */
  get name(): string {
    return this.#name;
  }

  /** Whether somebody else had the own name first. */
  get nameTaken(): boolean {
    return this.#tagged;
  }

  /** Takes another name. */
  rename(name: string): void {
    this.#name = name;
    this.#tagged = this.#roster.announced().some((peer) => this.#clashes(peer));
  }

  /** Says what is to be said of the own name. */
  warn(): void {
    if (imitates(this.#name)) this.#warnNameMisleading();
    if (this.#tagged) this.#warnNameTaken();
  }

  /** Takes what a member tells of itself, and shows it. @param nameTaken Whether it is somebody else's, it says. */
  learn(peer: Peer, announced: Announced, nameTaken: boolean): void {
    const before = peer.member;
    const renamed = peer.announced !== undefined && peer.announced.name !== announced.name;
    peer.announced = announced;
    peer.tagged = nameTaken || peer.tagged && !renamed;
    if (before === undefined || renamed) {
      this.#settleNames(peer, renamed);
      this.#judge(peer, true);
    }
    this.#showName(peer, before?.name);
  }

  /** Asks anew what everybody is, as what is known of others has changed. */
  judgeAnew(): void {
    for (const peer of this.#roster.announced()) {
      const { name } = peer.member!;
      this.#judge(peer, false);
      this.#showName(peer, name);
    }
  }

  /** Says what is to be said of the names of those who were here before this member. */
  showEarlier(peers: readonly Peer[]): void {
    if (imitates(this.#name)) this.#warnNameMisleading();
    const clashing = peers.filter((peer) => this.#clashes(peer));
    for (const peer of clashing) peer.clashShown = true;
    if (clashing.length > 0) this.#warnNameTaken();
    for (const peer of peers) this.#showTrust(peer);
  }

  /** Finds out what a member is under its name. @param isNew Whether it has it only now. */
  #judge(peer: Peer, isNew: boolean): void {
    const before = isNew ? "fine" : peer.trust;
    const { key } = peer;
    const trust = this.#options.trust?.({ key, name: peer.announced!.name }) ?? "fine";
    // As a tag stays with a name, so does this, but for the key.
    peer.trust = trust === "fine" && before !== "fine" ? "changed" : trust;
    if (isNew || peer.trust !== before) {
      peer.trustShown = peer.trust === "fine" || before === "withheld";
    }
    if (peer.trust === "withheld" && before !== "withheld") this.#options.onWithheld(peer);
  }

  #showTrust(peer: Peer): void {
    if (!peer.shown || peer.trustShown) return;
    peer.trustShown = true;
    const withheld = peer.trust === "withheld";
    this.#events.emit({ event: "key-changed", member: peer.member!, withheld });
  }

  /** Gives the tag to whoever came later to a name that somebody else has, or one like it. */
  #settleNames(peer: Peer, renamed: boolean): void {
    const silent = this.#options.clock.elapsed() - peer.since >= SILENT_AFTER_MS;
    // In the order in which the host named them, which is the same for all; but who was silent comes last,
    // as does who has taken another name since, or says itself that the name was somebody else's.
    if (renamed || silent || peer.tagged) peer.order = this.#roster.nextOrder();
    const taken = peer.announced!.name;
    for (const other of this.#roster.announced()) {
      if (equal(other.key, peer.key) || !sameName(other.announced!.name, taken)) continue;
      if (other.order < peer.order) peer.tagged = true;
      else this.#tagLater(other);
    }
    if (!this.#clashes(peer)) return;
    if (peer.earlier && !this.#events.ready && !renamed) this.#tagged = true;
    else peer.tagged = true;
  }

  /** Whoever was heard of first may have come later. */
  #tagLater(peer: Peer): void {
    const { name } = peer.member!;
    peer.tagged = true;
    this.#showName(peer, name);
  }

  #clashes(peer: Peer): boolean {
    const { publicKey } = this.#options.self.identity;
    return sameName(this.#name, peer.announced!.name) && !equal(publicKey, peer.key);
  }

  /** Shows who has come, or by what name a member goes now. @param before By which it went. */
  #showName(peer: Peer, before: string | undefined): void {
    const member = peer.member!;
    if (before === undefined) this.#appear(peer);
    else if (peer.shown && member.name !== before) {
      this.#events.emit({ event: "renamed", member, before }); // Who is who, ignored or not.
    }
    this.#showTrust(peer);
    if (!peer.shown || peer.clashShown || !this.#clashes(peer)) return;
    peer.clashShown = true; // Whoever takes it again and again is told of by its names alone.
    this.#warnNameTaken();
  }

  #warnNameTaken(): void {
    const message = this.#tagged
      ? `Somebody else here has your name already, or one like it: you are shown as ${this.me.name}`
      : `Somebody else has your name now, or one like it: you are ${this.me.name}, the other is ` +
        "shown with a tag";
    this.#events.emit(warning("name-taken", message));
  }

  #warnNameMisleading(): void {
    const message =
      `Your name could be taken for lanchat's own lines: you are shown as ${this.me.name}`;
    this.#events.emit(warning("name-misleading", message));
  }

  /** Shows a member that can be given keys from now on. Before `ready`, that shows who was earlier. */
  #appear(peer: Peer): void {
    if (peer.shown || peer.gone || peer.announced === undefined) return;
    if (!this.#events.ready && peer.earlier) return;
    peer.shown = true;
    this.#events.emit({ event: "joined", member: peer.member! });
    if (!peer.lockedOut) return;
    const message = `${peer.member!.name} came after you had locked the room, and cannot read you`;
    this.#events.emit(warning("key-withheld", message));
  }
}
