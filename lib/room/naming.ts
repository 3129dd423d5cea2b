/**
 * Naming: the name under which each member is shown, and the trust in it.
 *
 * @module
 */
import { equal } from "../bytes/mod.ts";
import { keyTag } from "../crypto/mod.ts";
import { warning } from "../session_events.ts";
import type { Events } from "./events.ts";
import { imitates, sameName, shownName } from "./names.ts";
import type { Parts } from "./parts.ts";
import {
  type Announced,
  type Member,
  type NamingState,
  type Peer,
  SILENT_AFTER_MS,
} from "./peer.ts";
import type { Presence } from "./presence.ts";
import type { Roster } from "./roster.ts";
import type { Sender } from "./sender.ts";

/** Decides under which name each member is shown, and how far it is trusted. See PROTOCOL.md §6.2 and §6.8. */
export class Naming {
  readonly #parts: Parts;
  readonly #presence: Presence;
  readonly #sender: Sender;
  readonly #roster: Roster;
  readonly #events: Events;
  #name: string;
  #tag = "";
  #tagged = false;

  /**
   * Creates one that knows only this member's name.
   *
   * @param presence Shows members that have a name.
   * @param sender Stops using keys of members that are withheld.
   */
  constructor(parts: Parts, presence: Presence, sender: Sender) {
    this.#parts = parts;
    this.#presence = presence;
    this.#sender = sender;
    this.#roster = parts.roster;
    this.#events = parts.events;
    this.#name = parts.self.name;
  }

  /** Computes this member's tag. */
  async computeTag(): Promise<void> {
    this.#tag = await keyTag(this.#parts.self.identity.publicKey);
  }

  /** This member, as others see it. */
  get me(): Member {
    const { identity, session } = this.#parts.self;
    const shown = shownName(this.#name, this.#tag, this.#tagged);
    return { name: shown, tag: this.#tag, key: identity.publicKey, session };
  }

  /** This member's name. */
  get name(): string {
    return this.#name;
  }

  /** Whether another member had this member's name first. */
  get nameTaken(): boolean {
    return this.#tagged;
  }

  /** Changes this member's name. */
  rename(name: string): void {
    this.#name = name;
    this.#tagged = this.#roster.announced().some((peer) => this.#clashes(peer));
  }

  /** Emits the warnings that this member's name needs. */
  warnOwnName(): void {
    if (imitates(this.#name)) this.#warnNameMisleading();
    if (this.#tagged) this.#warnNameTaken();
  }

  /** Accepts an ANNOUNCE and shows its effect. @param nameTaken Whether it says that another had the name first. */
  accept(peer: Peer, announced: Announced, nameTaken: boolean): void {
    const state: NamingState = peer.naming;
    const before = peer.member;
    const renamed = state.announced !== undefined && state.announced.name !== announced.name;
    state.announced = announced;
    state.tagged = nameTaken || state.tagged && !renamed;
    setShown(peer);
    if (before === undefined || renamed) {
      this.#assignTags(peer, renamed);
      this.#judge(peer, true);
    }
    this.#show(peer, before?.name);
  }

  /** Judges all members again, after the person verified or accepted one. */
  judgeAll(): void {
    for (const peer of this.#roster.announced()) {
      const { name } = peer.member!;
      this.#judge(peer, false);
      this.#show(peer, name);
    }
  }

  /** Emits the warnings that the names of earlier members need, after `ready`. */
  warnOfEarlier(peers: readonly Peer[]): void {
    if (imitates(this.#name)) this.#warnNameMisleading();
    const clashing = peers.filter((peer) => this.#clashes(peer));
    for (const peer of clashing) this.#setClashShown(peer);
    if (clashing.length > 0) this.#warnNameTaken();
    for (const peer of peers) this.#showTrust(peer);
  }

  /** Judges a member under its name. @param isNew Whether the name is new. */
  #judge(peer: Peer, isNew: boolean): void {
    const state: NamingState = peer.naming;
    const before = isNew ? "fine" : state.trust;
    const { key } = peer;
    const trust = this.#parts.self.trust?.({ key, name: state.announced!.name }) ?? "fine";
    // Like a tag, distrust stays as long as the name does.
    state.trust = trust === "fine" && before !== "fine" ? "changed" : trust;
    if (isNew || state.trust !== before) {
      state.trustShown = state.trust === "fine" || before === "withheld";
    }
    setShown(peer);
    if (state.trust === "withheld" && before !== "withheld") {
      this.#sender.markStale(peer);
    }
  }

  #showTrust(peer: Peer): void {
    const state: NamingState = peer.naming;
    if (!peer.presence.shown || state.trustShown) return;
    state.trustShown = true;
    const withheld = state.trust === "withheld";
    this.#events.emit({ event: "key-changed", member: peer.member!, withheld });
  }

  /** Tags the later of two members whose names look alike. */
  #assignTags(peer: Peer, renamed: boolean): void {
    const state: NamingState = peer.naming;
    const silent = this.#parts.clock.elapsed() - peer.since >= SILENT_AFTER_MS;
    // The order in which the host named them is the same for all. A member comes last if it was silent, has
    // changed its name, or says that another had the name first.
    if (renamed || silent || state.tagged) state.order = this.#roster.nextOrder();
    const { name } = state.announced!;
    for (const other of this.#roster.announced()) {
      if (equal(other.key, peer.key) || !sameName(other.announced!.name, name)) continue;
      if (other.naming.order < state.order) state.tagged = true;
      else this.#tagEarlier(other);
    }
    if (!this.#clashes(peer)) return;
    if (peer.earlier && !this.#events.ready && !renamed) this.#tagged = true;
    else state.tagged = true;
  }

  /** Tags a member that announced itself earlier but joined later. */
  #tagEarlier(peer: Peer): void {
    const { name } = peer.member!;
    const state: NamingState = peer.naming;
    state.tagged = true;
    setShown(peer);
    this.#show(peer, name);
  }

  #clashes(peer: Peer): boolean {
    const { publicKey } = this.#parts.self.identity;
    return sameName(this.#name, peer.announced!.name) && !equal(publicKey, peer.key);
  }

  /** Shows that a member joined, or its new name. @param before Its name before; `undefined` for a newcomer. */
  #show(peer: Peer, before: string | undefined): void {
    const member = peer.member!;
    if (before === undefined) this.#presence.showJoined(peer);
    else if (peer.presence.shown && member.name !== before) {
      this.#events.emit({ event: "renamed", member, before }); // Even of an ignored member.
    }
    this.#showTrust(peer);
    if (!peer.presence.shown || peer.naming.clashShown || !this.#clashes(peer)) return;
    this.#setClashShown(peer); // Once: a member that takes the name again and again causes no more warnings.
    this.#warnNameTaken();
  }

  #setClashShown({ naming }: Peer): void {
    const state: NamingState = naming;
    state.clashShown = true;
  }

  #warnNameTaken(): void {
    const message = this.#tagged
      ? `Your name, or one like it, is taken: you are shown as ${this.me.name}`
      : `Someone else took your name, or one like it: you stay ${this.me.name}, they are ` +
        "shown with a tag";
    this.#events.emit(warning("name-taken", message, this.#tagged ? undefined : KEPT_NAME));
  }

  #warnNameMisleading(): void {
    const message = `Your name looks like lanchat's own text: you are shown as ${this.me.name}`;
    this.#events.emit(warning("name-misleading", message));
  }
}

const KEPT_NAME = "Nothing to do. If you don't know them: /verify, or /kick at the host.";

/** Sets the shown name, after a change of the name, its tag or the trust in it. */
function setShown({ naming, tag }: Peer): void {
  const state: NamingState = naming;
  const tagged = state.tagged || state.trust !== "fine";
  state.shown = shownName(state.announced!.name, tag, tagged);
}
