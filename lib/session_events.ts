/**
 * Every event that lanchat shows and every wish that it takes, once: from the room that emits an event to
 * the line on the screen, and as docs/JSON.md documents them.
 *
 * @module
 */
import { type Code, CODES, LanchatError } from "./errors.ts";

/** The base of all events. */
export interface Named<Name extends string> {
  /** Names the event. */
  readonly event: Name;
}

/** The base of all wishes. */
export interface Wanted<Name extends string> {
  /** Names the wish. */
  readonly do: Name;
}

/** A member by its name and keys. */
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
  /** Whether the user has verified the key, or `--host-key` names it. */
  readonly verified?: boolean;
}

/** A member that is in the room now. */
export interface PresentView extends MemberView {
  /** When this run first saw it in the room, in milliseconds since 1970 by this machine's clock. */
  readonly since: number;
  /** As in every {@linkcode MemberView}. */
  readonly verified: boolean;
  /** Present where its connection is lost; messages wait for it. */
  readonly lost?: true;
  /** Present in a {@linkcode MembersEvent} where it has not received the last message to it or to all. */
  readonly behind?: true;
  /** Its status, one line. */
  readonly status?: string;
  /** Present where its messages are not shown. */
  readonly ignored?: true;
  /** Present where it gets no sender key and so cannot read this run's messages. */
  readonly withheld?: true;
  /** Present where it has not announced itself: its name is `#` and the tag, and members give it no keys. */
  readonly unannounced?: true;
}

/** All that this run knows of a member that is in the room. */
export interface FullView extends PresentView {
  /** The fingerprint of its identity key, 30 digits. */
  readonly fingerprint: string;
  /** The join code of the connection between this run and that member, where one of them hosts. */
  readonly joinCode?: string;
}

/** An identity that an earlier run met. */
export interface KnownView {
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** When it was last met, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** Whether the user has verified it. */
  readonly verified: boolean;
}

/** The host as a member sees it. */
export interface HostView {
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** The host's identity key in base64url. */
  readonly key: string;
  /** Whether an earlier run met it with this key. */
  readonly known: boolean;
  /** Whether the user asked for this key or has verified it before. */
  readonly verified: boolean;
}

/** Why a member has left the room. */
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

/** Kind of a message: a text, or an action (`/me`). */
export type MessageKind = "text" | "action";

/** The room can be joined at these addresses. */
export interface ListeningEvent extends Named<"listening"> {
  /** IP addresses of this machine; empty where they may not be listed. */
  readonly addresses: readonly string[];
  /** The TCP port. */
  readonly port: number;
  /** The fingerprint of the host's identity key, 30 digits. */
  readonly fingerprint: string;
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** The room's name, if the host gave it one. */
  readonly name?: string;
  /** Present where the room admits only holders of its invite. */
  readonly inviteOnly?: true;
}

/** The invite to the room: follows a {@linkcode ListeningEvent}, and answers the wish `invite`. */
export interface InviteEvent extends Named<"invite"> {
  /** The link with the first address; `ADDRESS` stands for the host where its addresses may not be listed. */
  readonly link: string;
  /** One link for each address. */
  readonly links: readonly string[];
  /** The link through the broker: `serve --via`. */
  readonly via?: string;
  /** Whether the link carries the room's secret: each holder can join. */
  readonly secret: boolean;
}

/** The room is announced on the network after all: follows a warning that it is not. */
export type AnnouncedEvent = Named<"announced">;

/** Many callers got a join code and did not stay; only at the host, at most once a minute. */
export interface FailedJoinsEvent extends Named<"failed-joins"> {
  /** Their number since the last such event. */
  readonly count: number;
  /** The callers' IP addresses, the most frequent first; at most 8. */
  readonly addresses: readonly string[];
}

/** This run is a member of the room now. */
export interface ReadyEvent extends OwnView, Named<"ready"> {
  /** The fingerprint of this member's identity key, 30 digits. */
  readonly fingerprint: string;
  /** The host of the room. */
  readonly host: HostView;
  /** Ten digits that the host shows too; `null` at the host. */
  readonly joinCode: string | null;
  /** The other members. */
  readonly members: readonly PresentView[];
}

/** A member joined. */
export interface JoinedEvent<M = MemberView> extends Named<"joined"> {
  /** The member. */
  readonly member: M;
  /** Only at the host: ten digits that the member shows too. */
  readonly joinCode?: string;
}

/** The host names sessions that have not announced themselves: members give them no keys. At most every 10 s. */
export interface UnannouncedEvent<M = MemberView> extends Named<"unannounced"> {
  /** Sessions that have been here for 10 s. */
  readonly here: readonly M[];
  /** Sessions that left without an announcement; at most 16. */
  readonly left: readonly M[];
  /** Number of sessions that left. */
  readonly leftCount: number;
}

/** A member left. */
export interface LeftEvent<M = MemberView> extends Named<"left"> {
  /** The member. */
  readonly member: M;
  /** Why. */
  readonly reason: LeaveReason;
}

/** A member's connection is lost, and messages wait for it; or it is back. */
export interface PresenceEvent<M = MemberView> extends Named<"lost" | "back"> {
  /** The member. */
  readonly member: M;
}

/** A member, or this run, has another name. */
export interface RenamedEvent<M = MemberView> extends Named<"renamed"> {
  /** The member, with the new name. */
  readonly member: M;
  /** The previous name, as it was shown. */
  readonly before: string;
  /** Present where it is this run: the answer to the wish `nick`. */
  readonly own?: true;
  /** Present where the member is ignored: front ends for people do not show the event. */
  readonly ignored?: true;
}

/** A member, or this run, has another status. */
export interface StatusEvent<M = MemberView> extends Named<"status"> {
  /** The member. */
  readonly member: M;
  /** One line; empty where the member takes its status back. */
  readonly text: string;
  /** Present where it is this run: the answer to the wish `status`. */
  readonly own?: true;
}

/** Messages of a member are missing and will not come. */
export interface GapEvent<M = MemberView> extends Named<"gap"> {
  /** Their sender. */
  readonly member: M;
  /** How many are missing; each may have carried several texts that were typed at once. */
  readonly missing: number;
}

/** This run's connection is lost; it reconnects. */
export interface DisconnectedEvent extends Named<"disconnected"> {
  /** A code of `CODES`. */
  readonly reason: Code;
  /** What happened. */
  readonly message: string;
}

/** This run's connection is back, and all messages that waited for it have been shown. */
export interface ReconnectedEvent extends Named<"reconnected"> {
  /** Number of messages that waited. */
  readonly missed: number;
  /** Names of members that joined meanwhile: their messages from before this event cannot be read. */
  readonly unread?: readonly string[];
  /** The host's address, as `lanchat join` takes it; present where it has changed. */
  readonly address?: string;
  /** Ten digits that the host shows too; present where it has restarted. */
  readonly joinCode?: string;
}

/** A message of another member. */
export interface MessageEvent<M = MemberView> extends Named<"message"> {
  /** The sender. */
  readonly from: M;
  /** The text, exactly as it was sent: it may hold any character. */
  readonly text: string;
  /** Whether it is a text or an action. */
  readonly kind: MessageKind;
  /** Whether this run is its only reader. */
  readonly private: boolean;
  /** When it was sent, in milliseconds since 1970. */
  readonly at: number;
}

/** The host has a message of this member. */
export interface SentEvent extends Named<"sent"> {
  /** The id of the {@linkcode SayWish}. */
  readonly id: string;
}

/** Every connected reader has a message of this member; the others have left or are away. */
export interface DeliveredEvent extends Named<"delivered"> {
  /** The id of the {@linkcode SayWish}. */
  readonly id: string;
  /** Names of the members that are away and may lack it: the host keeps it for them. */
  readonly away?: readonly string[];
  /** Names of the members that left before the host reported it as delivered, and may lack it. */
  readonly left?: readonly string[];
}

/** The run ends, and the host keeps messages for members that are away. */
export interface KeptEvent extends Named<"kept"> {
  /** Their names. */
  readonly away: readonly string[];
}

/** A message of this member was not delivered. */
export interface FailedEvent extends Named<"failed"> {
  /** The id of the {@linkcode SayWish}. */
  readonly id: string;
  /** Why. */
  readonly code: Code;
}

/** Where a transfer is: no one has accepted the offer yet, it is under way, or one side has paused it. */
export type TransferState = "offered" | "active" | "paused";

/** Why a transfer is paused: this side has paused it, its sender has, or the sender has left and may be back. */
export type PauseCause = "you" | "sender" | "away";

/** How far one receiver of a transfer of this member is. */
export interface ReceiverView<M = MemberView> {
  /** The receiver. */
  readonly member: M;
  /** Bytes of the contents that the receiver has verified. */
  readonly bytes: number;
  /** Whether the receiver has paused the transfer. */
  readonly paused?: boolean;
}

/** A transfer that has not ended: files that one member offers to another, or to all members. */
export interface TransferView<M = MemberView> {
  /** Its number in this run; received and sent transfers share one count. */
  readonly id: number;
  /** The sender; missing where this run sends. */
  readonly from?: M;
  /** The only receiver of a transfer of this member; missing where all members may accept it. */
  readonly to?: M;
  /** The name of the file or folder, or of the first of several: it may hold any character. */
  readonly name: string;
  /** Bytes of the contents; missing in a stream, whose end is not known. */
  readonly size?: number;
  /** Number of files. */
  readonly count: number;
  /** Whether it is for one member only. */
  readonly private: boolean;
  /** Where it is. */
  readonly state: TransferState;
  /** Why it is paused; present where it is. */
  readonly pausedBy?: PauseCause;
  /** Bytes of the contents that are verified: here, or at the receiver who has the least. */
  readonly bytes: number;
  /** Present in a transfer of this member that has been accepted. */
  readonly receivers?: readonly ReceiverView<M>[];
}

/** This member's files are read and hashed, before they are offered: the first answer to a {@linkcode SendFileWish}. */
export interface PreparingEvent extends Named<"preparing"> {
  /** As in {@linkcode TransferView}. */
  readonly id: number;
  /** As in {@linkcode TransferView}. */
  readonly name: string;
  /** As in {@linkcode TransferView}. */
  readonly size?: number;
  /** Number of files. */
  readonly count: number;
}

/** Files are offered: by another member, or by this run. */
export interface OfferEvent<M = MemberView> extends Named<"offer"> {
  /** As in {@linkcode TransferView}. */
  readonly id: number;
  /** The sender; missing where this run offers. */
  readonly from?: M;
  /** The only receiver of an offer of this member. */
  readonly to?: M;
  /** As in {@linkcode TransferView}. */
  readonly name: string;
  /** As in {@linkcode TransferView}. */
  readonly size?: number;
  /** Number of files. */
  readonly count: number;
  /** Whether it is for one member only. */
  readonly private: boolean;
  /** The folder in which it is saved if it is accepted; missing if this member offers, or nothing may be saved. */
  readonly directory?: string;
  /** Present where it is accepted without a wish: by `--accept-from`, or because it continues an earlier one. */
  readonly accepted?: true;
}

/** How far a transfer is. */
export interface ProgressEvent<M = MemberView> extends Named<"progress"> {
  /** As in {@linkcode TransferView}. */
  readonly id: number;
  /** As in {@linkcode TransferView}. */
  readonly name: string;
  /** As in {@linkcode TransferView}. */
  readonly bytes: number;
  /** As in {@linkcode TransferView}. */
  readonly size?: number;
  /** The present rate. */
  readonly bytesPerSecond: number;
  /** Time to the end at this rate, in seconds; missing where it is not known. */
  readonly secondsLeft?: number;
  /** Present where it is paused. */
  readonly paused?: true;
  /** Why it is paused; present where it is. */
  readonly pausedBy?: PauseCause;
  /** As in {@linkcode TransferView}. */
  readonly receivers?: readonly ReceiverView<M>[];
}

/** All files of a transfer are here: their hashes match the offer, and they have their names. */
export interface ReceivedEvent<M = MemberView> extends Named<"received"> {
  /** As in {@linkcode TransferView}. */
  readonly id: number;
  /** The sender. */
  readonly from: M;
  /** Where the files and folders are. */
  readonly paths: readonly string[];
  /** Bytes of the contents. */
  readonly bytes: number;
}

/** A receiver has all files of a transfer of this member, and their hashes match. */
export interface FileSentEvent<M = MemberView> extends Named<"file-sent"> {
  /** As in {@linkcode TransferView}. */
  readonly id: number;
  /** The receiver. */
  readonly member: M;
  /** As in {@linkcode TransferView}. */
  readonly name: string;
}

/** A transfer has ended before all files were received, for all or for one receiver. */
export interface FileFailedEvent<M = MemberView> extends Named<"file-failed"> {
  /** As in {@linkcode TransferView}. */
  readonly id: number;
  /** As in {@linkcode TransferView}. */
  readonly name: string;
  /** Why. */
  readonly code: Code;
  /** What happened. */
  readonly message: string;
  /** The receiver for whom a transfer of this member has ended; missing where it has ended for all. */
  readonly member?: M;
}

/** The answer to the wish `transfers`. */
export interface TransfersEvent<M = MemberView> extends Named<"transfers"> {
  /** All transfers that have not ended, in the order of their numbers. */
  readonly transfers: readonly TransferView<M>[];
}

/** The answer to the wish `who`. */
export interface MembersEvent extends Named<"members"> {
  /** The other members. */
  readonly members: readonly PresentView[];
}

/** The answer to the wish `whois`. */
export interface MemberEvent extends Named<"member"> {
  /** All that is known of the member. */
  readonly member: FullView;
}

/** There are new keys: the answer to the wish `rekey`, or the host has removed a member. */
export type RekeyedEvent = Named<"rekeyed">;

/** The answer to the wishes `ignore` and `unignore`. */
export interface IgnoringEvent extends Named<"ignoring"> {
  /** The member. */
  readonly member: MemberView;
  /** Whether its messages are hidden from now on. */
  readonly ignored: boolean;
}

/** A room announced on the network. Only a hint: any machine can announce anything. */
export interface FoundRoomEvent extends Named<"room"> {
  /** The room's name, if the host gave it one. */
  readonly name?: string;
  /** IP addresses; the later ones are for where the first does not answer. */
  readonly addresses: readonly string[];
  /** The TCP port. */
  readonly port: number;
  /** The short mark of the host's identity key. */
  readonly tag: string;
  /** Whether the room admits only holders of its invite. */
  readonly invite: boolean;
  /** Whether a known peer has this tag. */
  readonly known: boolean;
  /** Whether a known peer that is verified has this tag. */
  readonly verified: boolean;
}

/** The answer to a {@linkcode VerifyWish} that names a member: the digits to compare. */
export interface SafetyNumberEvent extends Named<"safety-number"> {
  /** The member. */
  readonly member: MemberView;
  /** 60 digits, which the member's screen shows too. */
  readonly digits: string;
  /** The 30 of them that are the fingerprint of the member's key. */
  readonly fingerprint: string;
  /**
   * The four groups of `fingerprint` that make an answer of 20 digits, ascending from 1; missing where the
   * user asked for all digits, to show them to the member.
   */
  readonly asked?: readonly number[];
}

/** The answer to a {@linkcode VerifyWish} without a name: digits that all members can compare. */
export interface RoomCodeEvent extends Named<"room-code"> {
  /** 40 digits, the same on each screen with the same members. */
  readonly digits: string;
  /** The other members. */
  readonly members: readonly MemberView[];
}

/** A member is verified from now on: the answer to a {@linkcode VerifyWish} with digits. */
export interface VerifiedEvent extends Named<"verified"> {
  /** The member. */
  readonly member: MemberView;
}

/** A member has the name of a known peer, and another key. */
export interface KeyChangedEvent<M = MemberView> extends Named<"key-changed"> {
  /** The member. */
  readonly member: M;
  /** The known peer. */
  readonly known: KnownView;
  /** Whether the member therefore gets no sender key. */
  readonly withheld: boolean;
}

/** A member gets sender keys from now on: the answer to an {@linkcode AcceptWish}. */
export interface AcceptedEvent extends Named<"accepted"> {
  /** The member. */
  readonly member: MemberView;
}

/** An identity kept on this machine. */
export interface IdentityEvent extends Named<"identity"> {
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** The fingerprint of the identity key, 30 digits. */
  readonly fingerprint: string;
  /** The path of the identity file. */
  readonly file: string;
  /** Whether a passphrase protects it. */
  readonly protected: boolean;
}

/** A known peer. */
export interface PeerEvent extends Named<"peer"> {
  /** Names it had, the newest first. */
  readonly names: readonly string[];
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The identity key in base64url. */
  readonly key: string;
  /** Addresses with ports at which it hosted, the newest first. */
  readonly addresses: readonly string[];
  /** When it was first met, in milliseconds since 1970. */
  readonly firstSeen: number;
  /** When it was last met, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** Whether the user has verified it. */
  readonly verified: boolean;
}

/** The file of default options. */
export interface OptionsFileEvent extends Named<"options-file"> {
  /** Its path; missing where lanchat does not know it. */
  readonly file?: string;
  /** Whether lanchat has read it, and if not, why. */
  readonly state: "read" | "missing" | "not-allowed" | "ignored";
}

/** An option, and where its value comes from. */
export interface OptionEvent extends Named<"option"> {
  /** The option as typed, or the name of an environment variable. */
  readonly name: string;
  /** The value as typed; whether a flag is on; `null` where nothing is set. */
  readonly value: string | boolean | null;
  /** The commands that have it. */
  readonly commands: readonly string[];
  /** Where the value comes from. */
  readonly source: "default" | "file" | "command-line" | "environment";
  /** The line of the file, from 1; missing for another source. */
  readonly line?: number;
}

/** The answer to the wishes `lock` and `unlock`. */
export interface LockedEvent extends Named<"locked"> {
  /** At the host: whether newcomers are refused; elsewhere: whether newcomers cannot read this run's messages. */
  readonly locked: boolean;
  /** Whether this run hosts. */
  readonly host: boolean;
}

/** A banned identity. */
export interface BanView {
  /** The identity key in base64url. */
  readonly key: string;
  /** The short mark of the identity key. */
  readonly tag: string;
  /** The name it had. */
  readonly name?: string;
}

/** The host has banned an identity, or lifted the ban: the answer to the wishes `ban` and `unban`. */
export interface BannedEvent extends BanView, Named<"banned"> {
  /** Whether it is banned from now on. */
  readonly banned: boolean;
}

/** The answer to the wish `bans`. */
export interface BansEvent extends Named<"bans"> {
  /** All banned identities. */
  readonly bans: readonly BanView[];
}

/** A `warning`, after which the run goes on, or an `error`: something was not done. */
export interface ProblemEvent extends Named<"warning" | "error"> {
  /** A code of `CODES`. */
  readonly code: Code;
  /** What happened. */
  readonly message: string;
  /** What to do about it; missing if there is nothing to add, never empty. */
  readonly hint?: string;
  /** The number of the input line it is about, from 1. */
  readonly line?: number;
}

/** A {@linkcode ProblemEvent} after which the run goes on. */
export type WarningEvent = ProblemEvent & Named<"warning">;

/** Name of a check of `lanchat doctor`. */
export type CheckName =
  | "permissions"
  | "addresses"
  | "port"
  | "multicast"
  | "terminal"
  | "identity"
  | "name"
  | "broker"
  | "connection"
  | "lanchat"
  | "host"
  | "clock";

/** The result of one check of `lanchat doctor`. */
export interface CheckEvent extends Named<"check"> {
  /** The check. */
  readonly check: CheckName;
  /** Whether it passed; `null` if that could not be determined. */
  readonly ok: boolean | null;
  /** What it found. */
  readonly saw: string;
  /** What to do about it; empty if it passed. */
  readonly advice: string;
}

/** The last event of a run. */
export interface ClosedEvent extends Named<"closed"> {
  /** Why the run ends. */
  readonly reason: EndReason;
}

/** What a run shows to the person or script at the front end. */
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
  | PreparingEvent
  | OfferEvent
  | ProgressEvent
  | ReceivedEvent
  | FileSentEvent
  | FileFailedEvent
  | TransfersEvent
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
  | OptionsFileEvent
  | OptionEvent
  | LockedEvent
  | BannedEvent
  | BansEvent
  | ProblemEvent
  | CheckEvent
  | ClosedEvent;

/**
 * A message to send. A {@linkcode SentEvent} or a {@linkcode FailedEvent} with its id answers it, and a
 * {@linkcode DeliveredEvent} may follow.
 */
export interface SayWish extends Wanted<"say"> {
  /** Well-formed, not empty, and at most 16,384 bytes of UTF-8. */
  readonly text: string;
  /** Whether it is a text or an action. */
  readonly kind: MessageKind;
  /** The name, name#tag or key of its only reader; missing where it is for all members. */
  readonly to?: string;
  /** Unique among the messages of the run. */
  readonly id: string;
}

/** A wish to offer files. A {@linkcode PreparingEvent} and an {@linkcode OfferEvent}, or an error, answer it. */
export interface SendFileWish extends Wanted<"send-file"> {
  /** Paths of files and folders; relative ones begin at the directory in which lanchat was started. */
  readonly paths: readonly string[];
  /** The name, name#tag or key of the only receiver; missing where all members may accept. */
  readonly to?: string;
}

/** A wish to offer a text as a file, because it is too long for a message. Answered like a {@linkcode SendFileWish}. */
export interface SendTextWish extends Wanted<"send-text"> {
  /** The text. */
  readonly text: string;
  /** As in {@linkcode SendFileWish}. */
  readonly to?: string;
}

/**
 * A wish about an offer or a transfer: to accept or decline an offer, to pause a transfer or to go on with it.
 * A {@linkcode ProgressEvent}, a {@linkcode FileFailedEvent} or an error answers it.
 */
export interface TransferWish
  extends Wanted<"accept-file" | "decline-file" | "pause-file" | "resume-file"> {
  /** Its number; missing for the only one that comes into question. */
  readonly id?: number;
}

/** A wish to end a transfer, or to take back an offer. A {@linkcode FileFailedEvent} or an error answers it. */
export interface CancelFileWish extends Wanted<"cancel-file"> {
  /** Its number. */
  readonly id: number;
}

/**
 * A wish without parameters: the members ({@linkcode MembersEvent}), the transfers ({@linkcode TransfersEvent}),
 * new keys ({@linkcode RekeyedEvent}), that
 * newcomers be kept out or let in again ({@linkcode LockedEvent}), or at the host the bans
 * ({@linkcode BansEvent}) and the invite ({@linkcode InviteEvent}). That event or an error answers it.
 */
export type PlainWish = Wanted<
  "who" | "rekey" | "lock" | "unlock" | "bans" | "invite" | "transfers"
>;

/** A wish to leave. */
export type QuitWish = Wanted<"quit">;

/**
 * A wish about one member: all about it ({@linkcode MemberEvent}), to hide or show its messages
 * ({@linkcode IgnoringEvent}), at the host to remove it once ({@linkcode LeftEvent}), for good or no longer
 * ({@linkcode BannedEvent}). That event or an error answers it.
 */
export interface NameWish
  extends Wanted<"whois" | "ignore" | "unignore" | "kick" | "ban" | "unban"> {
  /** The name, name#tag or key; at the host also the tag or the fingerprint. */
  readonly name: string;
}

/** A wish for another name; a {@linkcode RenamedEvent} or an error answers it. */
export interface NickWish extends Wanted<"nick"> {
  /** The name. */
  readonly name: string;
}

/** A wish for another status; a {@linkcode StatusEvent} or an error answers it. */
export interface StatusWish extends Wanted<"status"> {
  /** At most 200 bytes of UTF-8 in one line; empty to take the status back. */
  readonly text: string;
}

/**
 * A wish to verify. A {@linkcode SafetyNumberEvent} answers it, a {@linkcode VerifiedEvent} where there are
 * digits, a {@linkcode RoomCodeEvent} where there is no name, or an error.
 */
export interface VerifyWish extends Wanted<"verify"> {
  /** The name, name#tag or key of the member to verify. */
  readonly name?: string;
  /**
   * The safety number as the member's screen shows it: all 60 digits, or the 20 that the last
   * {@linkcode SafetyNumberEvent} asked for; in groups or not.
   */
  readonly digits?: string;
  /** Present to show the whole number, for the member to read. */
  readonly show?: true;
}

/** A wish to give sender keys to a member in spite of its name; an {@linkcode AcceptedEvent} or an error
 * answers it. */
export interface AcceptWish extends Wanted<"accept"> {
  /** The fingerprint of its key, 30 digits in groups or not. */
  readonly digits: string;
}

/** An input line that holds no wish; the front end has shown why, and the run's end reports it. */
export interface RefusedWish extends Wanted<"refused"> {
  /** Why. */
  readonly code: Code;
  /** The number of the line, from 1. */
  readonly line: number;
}

/** What the person or script at the front end wants. */
export type Wish =
  | SayWish
  | PlainWish
  | NameWish
  | NickWish
  | StatusWish
  | VerifyWish
  | AcceptWish
  | SendFileWish
  | SendTextWish
  | TransferWish
  | CancelFileWish
  | QuitWish
  | RefusedWish;

/**
 * Makes a warning.
 *
 * @param hint What to do; by default the hint of the code. An empty one is left out.
 */
export function warning(
  code: Code,
  message: string,
  hint: string = CODES[code].hint,
): WarningEvent {
  return { event: "warning", code, message, ...hint && { hint } };
}

/** Makes an `error` event for a code. @param hint As in {@linkcode warning}. */
export function failure(
  code: Code,
  message: string,
  hint: string = CODES[code].hint,
): ProblemEvent {
  return { event: "error", code, message, ...hint && { hint } };
}

/** Makes the `error` event for a thrown value. */
export function problem(thrown: unknown): ProblemEvent {
  const { code, hint, message } = thrown instanceof LanchatError
    ? thrown
    : new LanchatError("internal", `Something went wrong: ${thrown}`, { cause: thrown });
  return failure(code, message, hint);
}
