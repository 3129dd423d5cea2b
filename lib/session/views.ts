/**
 * Members and events as the front end shows them: the room's, completed with facts that only the session knows.
 *
 * @module
 */
import { type Bytes, toBase64Url, toHex } from "../bytes/mod.ts";
import { fingerprint } from "../crypto/mod.ts";
import type { TransferEvent } from "../files/mod.ts";
import type { Member, Present, RoomEvent } from "../room/mod.ts";
import type {
  FullView,
  HostView,
  MemberView,
  OwnView,
  PresentView,
  ReceiverView,
  SessionEvent,
  TransferView,
} from "../session_events.ts";
import type { TrustStore } from "./trust_store.ts";

/** Hexadecimal digits of a session that people and scripts see. */
const SESSION_DIGITS = 8;

/** Dependencies of {@linkcode Views}. */
export interface ViewsOptions {
  /** Tells which members are verified. */
  readonly trustStore: TrustStore;
  /** The fingerprint of this member's identity key, 30 digits. */
  readonly fingerprint: string;
  /** The host. */
  readonly host: HostView;
  /** Returns the join code of the present connection; `null` at the host. */
  readonly joinCode: () => string | null;
  /** At the host: the join codes of the members' connections, by session in hexadecimal digits. */
  readonly joinCodes?: ReadonlyMap<string, string>;
}

/** Completes members and events of a room with facts that only the session knows. */
export class Views {
  readonly #options: ViewsOptions;
  /** By identity key in base64url. */
  readonly #ignored = new Set<string>();

  /** Begins without ignored members. */
  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** Hides a member's messages and statuses, or shows them again. */
  ignore({ key }: Member, ignored: boolean): void {
    if (ignored) this.#ignored.add(toBase64Url(key));
    else this.#ignored.delete(toBase64Url(key));
  }

  /** Returns whether messages of this identity are hidden. */
  readonly ignores = (key: Bytes): boolean => this.#ignored.has(toBase64Url(key));

  /** Another member, marked where it is verified. */
  member(member: Member): MemberView {
    const verified = this.#options.trustStore.isVerified(member);
    return { ...own(member), ...verified && { verified } };
  }

  /** Another member with its state in the room. */
  present(member: Present): PresentView {
    const ignored = this.ignores(member.key);
    return {
      ...own(member),
      since: member.since,
      verified: this.#options.trustStore.isVerified(member),
      ...member.lost && { lost: true },
      ...member.behind && { behind: true },
      ...!ignored && member.status !== undefined && { status: member.status },
      ...ignored && { ignored },
      ...member.withheld && { withheld: true },
      ...member.unannounced && { unannounced: true },
    };
  }

  /** Another member with all that is known of it. */
  async full(member: Present): Promise<FullView> {
    const present = this.present(member);
    const joinCode = this.#joinCodeWith(member);
    return {
      ...present,
      fingerprint: await fingerprint(member.key),
      ...joinCode !== undefined && { joinCode },
    };
  }

  /**
   * Completes an event of the room or of a transfer.
   *
   * @param address The host's new address, for `reconnected`.
   * @returns `undefined` where the event must not be shown.
   */
  complete(
    event: RoomEvent | TransferEvent<Member>,
    address?: string,
  ): SessionEvent | undefined {
    const { fingerprint, host, joinCode, joinCodes, trustStore } = this.#options;
    switch (event.event) {
      case "ready":
        return {
          event: "ready",
          ...own(event.me),
          fingerprint,
          host,
          joinCode: joinCode(),
          members: event.members.map((member) => this.present(member)),
        };
      case "joined": {
        const code = joinCodes?.get(toHex(event.member.session));
        const member = this.member(event.member);
        return { ...event, member, ...code !== undefined && { joinCode: code } };
      }
      case "renamed": {
        const ignored = !event.own && this.ignores(event.member.key);
        return { ...event, member: this.#member(event), ...ignored && { ignored } };
      }
      case "key-changed": {
        const { member, withheld } = event;
        const shown = this.member(member);
        const known = trustStore.namesakeOf(member);
        // Missing if the peer was forgotten meanwhile.
        if (known === undefined || this.ignores(member.key)) return undefined;
        return { event: "key-changed", member: shown, known, withheld };
      }
      case "reconnected": {
        const { restarted, ...others } = event;
        const code = restarted ? joinCode() : null;
        return {
          ...others,
          ...address !== undefined && { address },
          ...code !== null && { joinCode: code },
        };
      }
      case "message":
        return { ...event, from: this.member(event.from) };
      case "unannounced":
        return { ...event, here: event.here.map(own), left: event.left.map(own) };
      case "left":
      case "lost":
      case "back":
      case "status":
      case "gap":
        return { ...event, member: this.#member(event) };
      case "offer": {
        const { event: name, from, id, to, ...offer } = event;
        return { event: name, id, ...this.#sides({ from, to }), ...offer };
      }
      case "progress": {
        const { event: name, id, receivers, ...progress } = event;
        return {
          event: name,
          id,
          ...progress,
          ...receivers && { receivers: this.#receivers(receivers) },
        };
      }
      case "received": {
        const { bytes, event: name, from, id, paths } = event;
        return { event: name, id, from: this.member(from), paths, bytes };
      }
      case "file-sent": {
        const { event: name, id, member, name: file } = event;
        return { event: name, id, member: this.member(member), name: file };
      }
      case "file-failed": {
        const { event: name, id, member, ...failure } = event;
        return { event: name, id, ...failure, ...member && { member: this.member(member) } };
      }
      case "rekeyed":
      case "warning":
        return event;
    }
  }

  /** A transfer with its members. */
  transfer({ from, id, receivers, to, ...view }: TransferView<Member>): TransferView {
    return {
      id,
      ...this.#sides({ from, to }),
      ...view,
      ...receivers && { receivers: this.#receivers(receivers) },
    };
  }

  #sides({ from, to }: { readonly from: Member | undefined; readonly to: Member | undefined }): {
    readonly from?: MemberView;
    readonly to?: MemberView;
  } {
    return { ...from && { from: this.member(from) }, ...to && { to: this.member(to) } };
  }

  #receivers(receivers: readonly ReceiverView<Member>[]): readonly ReceiverView[] {
    return receivers.map(({ member, ...one }) => ({ member: this.member(member), ...one }));
  }

  #member(event: { readonly member: Member; readonly own?: true }): MemberView {
    return event.own ? own(event.member) : this.member(event.member);
  }

  /** The join code of the connection with a member, if it or this run is the host. */
  #joinCodeWith({ key, session }: Member): string | undefined {
    const { host, joinCode, joinCodes } = this.#options;
    if (joinCodes !== undefined) return joinCodes.get(toHex(session));
    return toBase64Url(key) === host.key ? joinCode() ?? undefined : undefined;
  }
}

/** A member by its name and keys. */
function own({ key, name, session, tag }: Member): OwnView {
  return {
    name,
    tag,
    key: toBase64Url(key),
    session: toHex(session).slice(0, SESSION_DIGITS),
  };
}
