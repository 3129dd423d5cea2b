/** The way into the room, as its host shows it, and what a newcomer has to compare. */
import { fromBase64Url } from "../bytes/mod.ts";
import { fingerprint } from "../crypto/mod.ts";
import type {
  InviteEvent,
  JoinedEvent,
  ListeningEvent,
  ReadyEvent,
  ReconnectedEvent,
} from "../session_events.ts";
import {
  type CodeDisplay,
  fingerprintLines,
  greetingLines,
  inviteLines,
  joinedLines,
  reconnectedLines,
} from "./notices.ts";

/** Remembers the way into the room, for the greeting, `/invite` and `/fingerprint`. */
export class Entrance {
  #listening: ListeningEvent | undefined;
  #invite: InviteEvent | undefined;
  /** This member's fingerprint and the host's, once they are known. */
  #fingerprints: readonly string[] = [];
  readonly #joinsByInvite: boolean;
  /** How a member's own join code is shown. */
  #ownCode: CodeDisplay = "hidden";
  #isCodeExplained = false;

  /** Starts before the room is joined. @param joinsByInvite Whether this run joins by an invite that no one enters without. */
  constructor(joinsByInvite: boolean) {
    this.#joinsByInvite = joinsByInvite;
  }

  /** The invite link, at the host. */
  get link(): string | undefined {
    return this.#invite?.link;
  }

  /** Takes note of an event. @returns The lines that show it: the greeting has all of the first two. */
  hear(
    event: ListeningEvent | InviteEvent | ReadyEvent | JoinedEvent | ReconnectedEvent,
  ): readonly string[] {
    switch (event.event) {
      case "listening":
        this.#listening = event;
        return [];
      case "invite":
        this.#invite = event;
        return [];
      case "ready":
        void this.#learnFingerprints(event);
        this.#ownCode = this.#joinsByInvite ? "hidden" : ownCodeFor(event);
        return greetingLines(event, this.#ownCode, this.#listening, this.#invite);
      case "reconnected":
        return reconnectedLines(event, this.#ownCode);
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

  /** A secret link makes the code unnecessary, a verified key its explanation; the first other one is explained. */
  #codeFor({ joinCode, member }: JoinedEvent): CodeDisplay {
    if (joinCode === undefined || this.#listening?.inviteOnly) return "hidden";
    if (this.#isCodeExplained || member.verified) return "shown";
    this.#isCodeExplained = true;
    return "explained";
  }
}

/** How members of an open room see their own join code. */
function ownCodeFor({ host, members }: ReadyEvent): CodeDisplay {
  const isSeen = members.some(({ key }) => key === host.key);
  if (host.known || host.verified) return isSeen ? "shown" : "hidden";
  return isSeen ? "explained" : "unseen";
}
