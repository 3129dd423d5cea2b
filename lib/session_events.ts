import type { Code } from "./errors.ts";

/** Who a member says it is. */
export interface OwnView {
  /** The name as it is shown: `bob`, or `bob#tag` where another member has the name too. */
  readonly name: string;
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** The first 8 hexadecimal digits of the session id. */
  readonly session: string;
}

/** A member as people and scripts see it. */
export interface MemberView extends OwnView {
  /** Whether the person here has verified it, or it is the host that `--host-key` names. */
  readonly verified?: boolean;
}

/** One of those who are in the room. */
export interface PresentView extends MemberView {
  /** When it was first seen in the room, in milliseconds since 1970 by this machine's clock. */
  readonly since: number;
  /** As in every {@linkcode MemberView}. */
  readonly verified: boolean;
  /** Present where the member's connection is lost; what is said meanwhile waits for it. */
  readonly lost?: true;
  /** Present in a {@linkcode MembersEvent} where it has not got what this end said to it, or to all, last. */
  readonly behind?: true;
  /** How it says it is, in one line. */
  readonly status?: string;
  /** Present where what it says is not shown. */
  readonly ignored?: true;
  /** Present where it is given no key: it cannot read what this end says. */
  readonly withheld?: true;
  /** Present where it has not said who it is: its name is `#` and the tag, and nobody gives it keys. */
  readonly unannounced?: true;
}

/** All that is known of one of those who are in the room. */
export interface FullView extends PresentView {
  /** The fingerprint of its identity key, 30 digits. */
  readonly fingerprint: string;
  /** The join code of the connection between this end and that member, where one of them hosts. */
  readonly joinCode?: string;
}

/** Somebody who is known from before. */
export interface KnownView {
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** When it was met last, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** Whether the person here has verified it. */
  readonly verified: boolean;
}

/** The host as a member sees it. */
export interface HostView {
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** The host's identity key in base64url. */
  readonly key: string;
  /** Whether it was met before with this key. */
  readonly known: boolean;
  /** Whether the key is the one that the person asked for, or has verified before. */
  readonly verified: boolean;
}

/** Why a member is not in the room any more. */
export type LeaveReason = "left" | "connection-lost" | "kicked" | "banned" | "too-slow";

/** Why a run ends. */
export type EndReason =
  | "left"
  | "end-of-input"
  | "done"
  | "signal"
  | "host-closed"
  | "connection-lost"
  | "kicked"
  | "refused"
  | "failed";

/** What a message is: something said, or something done (`/me`). */
export type MessageKind = "text" | "action";

/** The room can be joined at these addresses. */
export interface ListeningEvent {
  /** Names the event. */
  readonly event: "listening";
  /** IP addresses of this machine; empty where they may not be listed. */
  readonly addresses: readonly string[];
  /** The TCP port. */
  readonly port: number;
  /** The fingerprint of the host's identity key, 30 digits. */
  readonly fingerprint: string;
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** Present where only who has the room's invite gets in. */
  readonly inviteOnly?: true;
}

/** How others get in: behind a {@linkcode ListeningEvent}, and the answer to a wish for it. */
export interface InviteEvent {
  /** Names the event. */
  readonly event: "invite";
  /** The link for the first address; `ADDRESS` stands for the host where its addresses may not be listed. */
  readonly link: string;
  /** The same for each address. */
  readonly links: readonly string[];
  /** Whether it carries the secret of the room: whoever has it gets in. */
  readonly secret: boolean;
}

/** The room is announced on the network after all: behind a warning that it is not. */
export interface AnnouncedEvent {
  /** Names the event. */
  readonly event: "announced";
}

/** Many callers got a join code and did not stay in the room; only at the host, at most once a minute. */
export interface FailedJoinsEvent {
  /** Names the event. */
  readonly event: "failed-joins";
  /** Their number since the last such event. */
  readonly count: number;
  /** The callers' IP addresses, the one with the most first; at most 8. */
  readonly addresses: readonly string[];
}

/** One is a member of the room now. */
export interface ReadyEvent extends OwnView {
  /** Names the event. */
  readonly event: "ready";
  /** The fingerprint of the own identity key, 30 digits. */
  readonly fingerprint: string;
  /** Who hosts the room. */
  readonly host: HostView;
  /** Ten digits that the host shows too; `null` at the host. */
  readonly joinCode: string | null;
  /** The other members. */
  readonly members: readonly PresentView[];
}

/** A member came. */
export interface JoinedEvent {
  /** Names the event. */
  readonly event: "joined";
  /** Who. */
  readonly member: MemberView;
  /** At the host alone: ten digits that the member shows too. */
  readonly joinCode?: string;
}

/** The host names sessions that do not say who they are: nobody gives them keys. At most one each 10 s. */
export interface UnannouncedEvent {
  /** Names the event. */
  readonly event: "unannounced";
  /** Those that have been here for 10 s. */
  readonly here: readonly MemberView[];
  /** Those that are gone and never said it, of many the first. */
  readonly left: readonly MemberView[];
  /** How many are gone. */
  readonly leftCount: number;
}

/** A member went. */
export interface LeftEvent {
  /** Names the event. */
  readonly event: "left";
  /** Who. */
  readonly member: MemberView;
  /** Why. */
  readonly reason: LeaveReason;
}

/** A member's connection is lost, and what is said waits for it; or it is back. */
export interface PresenceEvent {
  /** Names the event. */
  readonly event: "lost" | "back";
  /** Who. */
  readonly member: MemberView;
}

/** A member, or oneself, has another name. */
export interface RenamedEvent {
  /** Names the event. */
  readonly event: "renamed";
  /** Who, with the new name. */
  readonly member: MemberView;
  /** The name before, as it was shown. */
  readonly before: string;
  /** Present where it is oneself: the answer to a {@linkcode NickWish}. */
  readonly own?: true;
  /** Present where it is ignored: people are not told. */
  readonly ignored?: true;
}

/** A member says how it is, or oneself does. */
export interface StatusEvent {
  /** Names the event. */
  readonly event: "status";
  /** Who. */
  readonly member: MemberView;
  /** One line; empty where it is back. */
  readonly text: string;
  /** Present where it is oneself: the answer to a {@linkcode StatusWish}. */
  readonly own?: true;
}

/** Messages of a member never came, and will not. */
export interface GapEvent {
  /** Names the event. */
  readonly event: "gap";
  /** Whose. */
  readonly member: MemberView;
  /** How many: each may have carried several that were said at once. */
  readonly missing: number;
}

/** The own connection is lost, and is tried to be made again. */
export interface DisconnectedEvent {
  /** Names the event. */
  readonly event: "disconnected";
  /** The code of the table. */
  readonly reason: Code;
  /** What happened. */
  readonly message: string;
}

/** The own connection is back, and so is everything that waited for it. */
export interface ReconnectedEvent {
  /** Names the event. */
  readonly event: "reconnected";
  /** How many messages came meanwhile. */
  readonly missed: number;
  /** Names of members that joined meanwhile: what they said before this cannot be read. */
  readonly unread?: readonly string[];
  /** Where the host is, if it is at another address than before: what may be typed to join it. */
  readonly address?: string;
  /** Where the host was started anew: ten digits that it shows too. */
  readonly joinCode?: string;
}

/** Another member wrote. */
export interface MessageEvent {
  /** Names the event. */
  readonly event: "message";
  /** Who. */
  readonly from: MemberView;
  /** What, exactly as it was sent: it may hold any character. */
  readonly text: string;
  /** Whether it was said or done. */
  readonly kind: MessageKind;
  /** Whether nobody else can read it. */
  readonly private: boolean;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

/** The host has taken an own message over. */
export interface SentEvent {
  /** Names the event. */
  readonly event: "sent";
  /** The id of the {@linkcode SayWish}. */
  readonly id: string;
}

/** An own message has come to every member it is for that is connected; others are gone or away. */
export interface DeliveredEvent {
  /** Names the event. */
  readonly event: "delivered";
  /** The id of the {@linkcode SayWish}. */
  readonly id: string;
  /** The names of the members that are away and may lack it: the host keeps it for them. */
  readonly away?: readonly string[];
}

/** The run ends, and members that are away have yet to get what it sent. */
export interface KeptEvent {
  /** Names the event. */
  readonly event: "kept";
  /** Their names. */
  readonly away: readonly string[];
}

/** An own message was not delivered. */
export interface FailedEvent {
  /** Names the event. */
  readonly event: "failed";
  /** The id of the {@linkcode SayWish}. */
  readonly id: string;
  /** Why. */
  readonly code: Code;
}

/** The answer to a {@linkcode WhoWish}. */
export interface MembersEvent {
  /** Names the event. */
  readonly event: "members";
  /** The other members. */
  readonly members: readonly PresentView[];
}

/** The answer to a {@linkcode WhoisWish}. */
export interface MemberEvent {
  /** Names the event. */
  readonly event: "member";
  /** What is known of it. */
  readonly member: FullView;
}

/** There are new keys: the answer to a {@linkcode RekeyWish}, or the host has removed somebody. */
export interface RekeyedEvent {
  /** Names the event. */
  readonly event: "rekeyed";
}

/** The answer to an {@linkcode IgnoreWish}. */
export interface IgnoringEvent {
  /** Names the event. */
  readonly event: "ignoring";
  /** Who. */
  readonly member: MemberView;
  /** Whether what it says is not shown from now on. */
  readonly ignored: boolean;
}

/** Somebody on the network has announced a room: a hint, as anybody can announce anything. */
export interface FoundRoomEvent {
  /** Names the event. */
  readonly event: "room";
  /** The room's name, where the host gave it one. */
  readonly name?: string;
  /** IP addresses; the later ones where the first does not answer. */
  readonly addresses: readonly string[];
  /** The TCP port. */
  readonly port: number;
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** Whether only who has an invite may join. */
  readonly invite: boolean;
  /** Whether a known peer has this tag. */
  readonly known: boolean;
  /** Whether a known peer that is verified has this tag. */
  readonly verified: boolean;
}

/** The answer to a {@linkcode VerifyWish} that names a member: what to compare with it. */
export interface SafetyNumberEvent {
  /** Names the event. */
  readonly event: "safety-number";
  /** With whom. */
  readonly member: MemberView;
  /** 60 digits, which it shows too. */
  readonly digits: string;
  /** Those 30 of them that are the fingerprint of its key. */
  readonly fingerprint: string;
  /**
   * Which four groups of `fingerprint` an answer of 20 digits has, ascending from 1; missing where the
   * person asked for all digits, to show them to the member.
   */
  readonly asked?: readonly number[];
}

/** The answer to a {@linkcode VerifyWish} that names nobody: what all who are here can compare. */
export interface RoomCodeEvent {
  /** Names the event. */
  readonly event: "room-code";
  /** 40 digits, which everybody who sees the same members shows too. */
  readonly digits: string;
  /** The other members. */
  readonly members: readonly MemberView[];
}

/** A member is verified from now on: the answer to a {@linkcode VerifyWish} with digits. */
export interface VerifiedEvent {
  /** Names the event. */
  readonly event: "verified";
  /** Who. */
  readonly member: MemberView;
}

/** A member has the name of somebody who is known, and another key. */
export interface KeyChangedEvent {
  /** Names the event. */
  readonly event: "key-changed";
  /** Who. */
  readonly member: MemberView;
  /** Whose name it has. */
  readonly known: KnownView;
  /** Whether it is given no key for that. */
  readonly withheld: boolean;
}

/** A member is given keys from now on: the answer to an {@linkcode AcceptWish}. */
export interface AcceptedEvent {
  /** Names the event. */
  readonly event: "accepted";
  /** Who. */
  readonly member: MemberView;
}

/** An identity that is kept here. */
export interface IdentityEvent {
  /** Names the event. */
  readonly event: "identity";
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** The fingerprint of the identity key, 30 digits. */
  readonly fingerprint: string;
  /** The path of the identity file. */
  readonly file: string;
  /** Whether it is under a passphrase. */
  readonly protected: boolean;
}

/** Somebody whose key was met before. */
export interface PeerEvent {
  /** Names the event. */
  readonly event: "peer";
  /** The names that it had, the newest first. */
  readonly names: readonly string[];
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** Where it hosted, the newest first: each an address with a port. */
  readonly addresses: readonly string[];
  /** When it was met first, in milliseconds since 1970. */
  readonly firstSeen: number;
  /** When it was met last, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** Whether the person here has verified it. */
  readonly verified: boolean;
}

/** The answer to a wish to lock or unlock. */
export interface LockedEvent {
  /** Names the event. */
  readonly event: "locked";
  /** Whether nobody new gets in at the host; elsewhere, whether nobody new reads what this end says. */
  readonly locked: boolean;
  /** Whether this end hosts. */
  readonly host: boolean;
}

/** Somebody who was banned. */
export interface BanView {
  /** The identity key in base64url. */
  readonly key: string;
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The name that it had. */
  readonly name?: string;
}

/** The host has banned somebody, or lifts that: the answer to the wish. */
export interface BannedEvent extends BanView {
  /** Names the event. */
  readonly event: "banned";
  /** Whether it is banned from now on. */
  readonly banned: boolean;
}

/** The answer to a wish to know who is banned. */
export interface BansEvent {
  /** Names the event. */
  readonly event: "bans";
  /** All of them. */
  readonly bans: readonly BanView[];
}

/** Something is not as it should be. */
export interface ProblemEvent {
  /** Names the event: the run goes on after a warning, something was not done after an error. */
  readonly event: "warning" | "error";
  /** The code of the table. */
  readonly code: Code;
  /** What happened. */
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  /** The number of the input line that it is about, from 1. */
  readonly line?: number;
}

/** What `lanchat doctor` looks at. */
export type CheckName =
  | "permissions"
  | "addresses"
  | "port"
  | "multicast"
  | "terminal"
  | "identity"
  | "name"
  | "connection"
  | "lanchat"
  | "host"
  | "clock";

/** Something that `lanchat doctor` has looked at. */
export interface CheckEvent {
  /** Names the event. */
  readonly event: "check";
  /** What. */
  readonly check: CheckName;
  /** Whether it is as it should be; `null` where that could not be told. */
  readonly ok: boolean | null;
  /** What there was to see. */
  readonly saw: string;
  /** What to do about it; empty where it is as it should be. */
  readonly advice: string;
}

/** The last event of a run. */
export interface ClosedEvent {
  /** Names the event. */
  readonly event: "closed";
  /** Why. */
  readonly reason: EndReason;
}

/** What a chat tells the person or script in front of it. */
export type SessionEvent =
  | ListeningEvent
  | InviteEvent
  | AnnouncedEvent
  | FailedJoinsEvent
  | ReadyEvent
  | JoinedEvent
  | LeftEvent
  | UnannouncedEvent
  | PresenceEvent
  | RenamedEvent
  | StatusEvent
  | GapEvent
  | DisconnectedEvent
  | ReconnectedEvent
  | MessageEvent
  | SentEvent
  | DeliveredEvent
  | KeptEvent
  | FailedEvent
  | MembersEvent
  | MemberEvent
  | RekeyedEvent
  | IgnoringEvent
  | FoundRoomEvent
  | SafetyNumberEvent
  | RoomCodeEvent
  | VerifiedEvent
  | KeyChangedEvent
  | AcceptedEvent
  | IdentityEvent
  | PeerEvent
  | LockedEvent
  | BannedEvent
  | BansEvent
  | ProblemEvent
  | CheckEvent
  | ClosedEvent;

/** A message to send; a {@linkcode SentEvent} or a {@linkcode FailedEvent} with its id answers it, and
 * a {@linkcode DeliveredEvent} may follow. */
export interface SayWish {
  /** Names the wish. */
  readonly do: "say";
  /** Well-formed, not empty, and at most 16,384 bytes of UTF-8. */
  readonly text: string;
  /** Whether it is said or done. */
  readonly kind: MessageKind;
  /** The name, name#tag or key of the only member to read it; everybody reads it without. */
  readonly to?: string;
  /** Unlike that of every other message of the run. */
  readonly id: string;
}

/** A wish to know who is here; a {@linkcode MembersEvent} answers it. */
export interface WhoWish {
  /** Names the wish. */
  readonly do: "who";
}

/** A wish to know more of one member; a {@linkcode MemberEvent} or an error answers it. */
export interface WhoisWish {
  /** Names the wish. */
  readonly do: "whois";
  /** Its name, name#tag or key. */
  readonly name: string;
}

/** A wish for another name; a {@linkcode RenamedEvent} or an error answers it. */
export interface NickWish {
  /** Names the wish. */
  readonly do: "nick";
  /** The name. */
  readonly name: string;
}

/** A wish to tell how one is; a {@linkcode StatusEvent} or an error answers it. */
export interface StatusWish {
  /** Names the wish. */
  readonly do: "status";
  /** At most 200 bytes of UTF-8 in one line; empty where one is back. */
  readonly text: string;
}

/** A wish to give up the keys in use; a {@linkcode RekeyedEvent} or an error answers it. */
export interface RekeyWish {
  /** Names the wish. */
  readonly do: "rekey";
}

/** A wish not to see what one person says, or to see it again; an {@linkcode IgnoringEvent} or an error
 * answers it. */
export interface IgnoreWish {
  /** Names the wish. */
  readonly do: "ignore" | "unignore";
  /** Its name, name#tag or key. */
  readonly name: string;
}

/**
 * A wish to verify: a {@linkcode SafetyNumberEvent}, a {@linkcode VerifiedEvent} where there are digits, a
 * {@linkcode RoomCodeEvent} where nobody is named, or an error answers it.
 */
export interface VerifyWish {
  /** Names the wish. */
  readonly do: "verify";
  /** The name, name#tag or key of whom to verify. */
  readonly name?: string;
  /** The safety number as that member's screen shows it: all 60 digits, or the 20 that the last
   * {@linkcode SafetyNumberEvent} asked for; in groups or not. */
  readonly digits?: string;
  /** Present where all of the number is to be shown, to be read by the other. */
  readonly show?: true;
}

/** A wish that a member be given keys in spite of its name; an {@linkcode AcceptedEvent} or an error
 * answers it. */
export interface AcceptWish {
  /** Names the wish. */
  readonly do: "accept";
  /** The fingerprint of its key, 30 digits in groups or not. */
  readonly digits: string;
}

/** At the host: a wish to remove a member, for now or for good; what the host's room tells answers the first, a
 * {@linkcode BannedEvent} the second, or an error either. */
export interface KickWish {
  /** Names the wish. */
  readonly do: "kick" | "ban";
  /** Its name, name#tag or key. */
  readonly name: string;
}

/** At the host: a wish to let somebody come again; a {@linkcode BannedEvent} or an error answers it. */
export interface UnbanWish {
  /** Names the wish. */
  readonly do: "unban";
  /** The name, tag, fingerprint or key. */
  readonly name: string;
}

/** At the host: a wish to know who is banned, or how others get in; a {@linkcode BansEvent}, an
 * {@linkcode InviteEvent} or an error answers it. */
export interface HostWish {
  /** Names the wish. */
  readonly do: "bans" | "invite";
}

/** A wish that nobody new gets in or, at a member, reads what it says; or that everybody does again. A
 * {@linkcode LockedEvent} answers it. */
export interface LockWish {
  /** Names the wish. */
  readonly do: "lock" | "unlock";
}

/** A wish to leave. */
export interface QuitWish {
  /** Names the wish. */
  readonly do: "quit";
}

/** A line that is no wish at all; the front end has shown why, it is here to be counted. */
export interface RefusedWish {
  /** Names it. */
  readonly do: "refused";
  /** Why. */
  readonly code: Code;
  /** The number of the line, from 1. */
  readonly line: number;
}

/** What the person or script in front of a chat wants. */
export type Wish =
  | SayWish
  | WhoWish
  | WhoisWish
  | NickWish
  | StatusWish
  | RekeyWish
  | IgnoreWish
  | VerifyWish
  | AcceptWish
  | KickWish
  | UnbanWish
  | HostWish
  | LockWish
  | QuitWish
  | RefusedWish;
