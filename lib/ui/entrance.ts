/** The way into the room, as its host shows it, and what a newcomer has to compare. */
import { fromBase64Url } from "../bytes/mod.ts";
import { fingerprint } from "../crypto/mod.ts";
import type { InviteEvent, JoinedEvent, ListeningEvent, ReadyEvent } from "../session_events.ts";
import { fingerprintLines, greetingLines, inviteLines, joinedLines } from "./notices.ts";

/** Remembers the way into the room, for the greeting, `/invite` and `/fingerprint`. */
export class Entrance {
  #listening: ListeningEvent | undefined;
  #invite: InviteEvent | undefined;
  /** The own fingerprint and the host's, once they are known. */
  #fingerprints: readonly string[] = [];
  #isCodeExplained = false;

  /** The invite link, at the host. */
  get link(): string | undefined {
    return this.#invite?.link;
  }

  /** Takes note of an event. @returns The lines that show it: the greeting has all of the first two. */
  hear(event: ListeningEvent | InviteEvent | ReadyEvent | JoinedEvent): readonly string[] {
    switch (event.event) {
      case "listening":
        this.#listening = event;
        return [];
      case "invite":
        this.#invite = event;
        return [];
      case "ready":
        void this.#learnFingerprints(event);
        return greetingLines(event, this.#listening, this.#invite);
      case "joined":
        return joinedLines(event, this.#codeFor(event));
    }
  }

  /** The lines of `/invite`; `undefined` where this run does not host. */
  get inviteLines(): readonly string[] | undefined {
    if (this.#listening === undefined || this.#invite === undefined) return undefined;
    return inviteLines(this.#listening, this.#invite);
  }

  /** The lines of `/fingerprint`; none before the room is joined. */
  get fingerprintLines(): readonly string[] {
    const [own, room] = this.#fingerprints;
    return own === undefined || room === undefined ? [] : fingerprintLines(own, room);
  }

  async #learnFingerprints({ fingerprint: own, host }: ReadyEvent): Promise<void> {
    this.#fingerprints = [own, await fingerprint(fromBase64Url(host.key))];
  }

  /** A secret link and a verified key make the code unnecessary; the first one is explained. */
  #codeFor({ joinCode, member }: JoinedEvent): "explained" | "shown" | "hidden" {
    if (joinCode === undefined || member.verified || this.#invite?.secret) return "hidden";
    if (this.#isCodeExplained) return "shown";
    this.#isCodeExplained = true;
    return "explained";
  }
}
