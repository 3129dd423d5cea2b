/**
 * The sentences for every event that is not a message, in one table; a second table holds those that
 * differ for a person at a terminal.
 *
 * @module
 */
import { ADDRESS_PLACEHOLDER, DEFAULT_PORT, dialable, formatHostPort } from "../address.ts";
import { day } from "../clock.ts";
import { groups } from "../crypto/mod.ts";
import { type Code, CODES, fromSource, quote } from "../errors.ts";
import {
  type BanView,
  failure,
  type FoundRoomEvent,
  type IgnoringEvent,
  type InviteEvent,
  type JoinedEvent,
  type KeyChangedEvent,
  type LeaveReason,
  type ListeningEvent,
  type LockedEvent,
  type MemberView,
  type OptionEvent,
  type OptionsFileEvent,
  type OwnView,
  type PeerEvent,
  type PresentView,
  type ProblemEvent,
  type ReadyEvent,
  type ReconnectedEvent,
  type RoomCodeEvent,
  type SafetyNumberEvent,
  type SessionEvent,
  type StatusEvent,
  type UnannouncedEvent,
  type VerifiedEvent,
} from "../session_events.ts";
import type { Absence, Place } from "./place.ts";
import { markedName } from "./theme.ts";
import { excerpt, sanitizeLine } from "./sanitize.ts";
import { timeOfDay } from "./timeline.ts";
import {
  fileFailedSentences,
  fileSentSentence,
  offerSentences,
  personOfferSentences,
  preparingSentences,
  progressSentence,
  receivedSentence,
  transfersSentences,
} from "./transfer_notices.ts";

/** Maximum names in one line; `/who` shows all. */
const MAX_NAMES = 20;

/** Maximum characters of a text that are repeated where it was not delivered. */
const MAX_REPEATED_LENGTH = 60;

const LINK_ADDRESS = /^lanchat:\/\/(.*)\/#/;

/** The command that starts this program, for lines to paste: from source as README.md has it. */
export const PROGRAM: string = Deno.build.standalone
  ? "lanchat"
  : `npx -y deno@${Deno.version.deno} run --allow-net main.ts`;

/** The sentences for the events of each name, not yet safe to show. */
type NoticeTable = {
  readonly [Name in SessionEvent["event"]]: (
    event: SessionEvent & { readonly event: Name },
  ) => string | readonly string[];
};

/** Begins the message about a command whose arguments are missing. */
const USAGE = "Usage: ";

/** Warnings about missing permissions, whose hint is in the same line. */
const ONE_LINE: ReadonlySet<Code> = new Set(["addresses-hidden", "temporary-identity"]);

const NOTHING = (): readonly string[] => [];

/** Renders events for pipes, files and logs: a few lines each, without steps that only a person can take. */
const NOTICES: NoticeTable = {
  "listening": listeningSentences,
  "invite": ({ link, secret, via }) => [
    `Invite link (${secret ? "only its holders can join" : "leads to no other host"}): ${link}`,
    ...via === undefined ? [] : [`The same through the broker: ${via}`],
  ],
  "announced": () => "This room is now announced on the network.",
  "failed-joins": ({ addresses, count }) =>
    `${count} callers left without joining (${addresses.join(", ")}). ` +
    "They may be guessing join codes; /verify compares more digits.",
  "ready": (event) => [
    `You are ${event.name}. ${presentSentence(event)}`,
    ...pipedCodeSentences(event),
  ],
  "joined": ({ joinCode, member }) =>
    `${markedName(member)} joined (tag ${member.tag}${joinCodeSuffix(joinCode)})`,
  "left": ({ member, reason }) => `${markedName(member)} ${LEAVE_SENTENCES[reason]}`,
  "unannounced": unannouncedSentences,
  "lost": ({ member }) => `${markedName(member)} is away (connection lost); messages wait for them`,
  "back": ({ member }) => `${markedName(member)} is back`,
  "renamed": ({ before, ignored, member, own }) => {
    if (ignored) return [];
    return own ? `You are now ${member.name}.` : `${before} is now ${markedName(member)}`;
  },
  "status": statusSentence,
  "gap": ({ member, missing }) => {
    const [messages, are] = missing === 1 ? ["message", "is"] : ["messages", "are"];
    return `warning: ${missing} ${messages} from ${markedName(member)} ${are} missing`;
  },
  "disconnected": ({ message }) => `${message}. Reconnecting.`,
  "reconnected": (event) => reconnectedSentences(event, "shown"),
  "message": NOTHING,
  "sent": NOTHING,
  "delivered": NOTHING,
  "failed": NOTHING,
  "preparing": preparingSentences,
  "offer": offerSentences,
  "progress": progressSentence,
  "received": receivedSentence,
  "file-sent": fileSentSentence,
  "file-failed": fileFailedSentences,
  "transfers": transfersSentences,
  "kept": ({ away }) => `${awaySentence(away)}. The host keeps your messages for them.`,
  "members": ({ members }) => hereSentence(members.map(withTag)),
  "member": ({ member }) => {
    const { fingerprint, joinCode, tag } = member;
    return `${markedName(member)} (tag ${tag}${joinCodeSuffix(joinCode)}) has the fingerprint ` +
      `${groups(fingerprint)}.`;
  },
  "rekeyed": NOTHING,
  "ignoring": ignoringSentence,
  "room": roomSentence,
  "safety-number": (event) => safetyNumberSentences(event),
  "room-code": roomCodeSentences,
  "verified": verifiedSentence,
  "key-changed": keyChangedSentences,
  "accepted": ({ member }) =>
    `${markedName(member)} can now read your messages` +
    (member.verified ? "." : ", but isn't verified."),
  "identity": ({ file, fingerprint, protected: isProtected, tag }) => [
    `fingerprint ${groups(fingerprint)}`,
    `tag ${tag}`,
    `kept in ${file}`,
    isProtected ? "protected by a passphrase" : "not protected by a passphrase",
  ],
  "peer": peerSentence,
  "options-file": optionsFileSentence,
  "option": optionSentence,
  "locked": lockSentence,
  "banned": (event) =>
    event.banned ? `${banName(event)} is banned.` : `${banName(event)} is unbanned.`,
  "bans": ({ bans }) =>
    bans.length === 0 ? "No one is banned." : `Banned: ${bans.map(banName).join(", ")}`,
  "warning": problemSentences,
  "error": problemSentences,
  "check": ({ advice, check, ok, saw }) => {
    const mark = ok === null ? "??" : ok ? "ok" : "!!";
    const line = `${mark} ${check}: ${saw}`;
    return advice === "" ? line : [line, `   ${advice}`];
  },
  // The user asked for any other end, or an earlier error explains it.
  "closed": ({ reason }) =>
    reason === "host-closed" ? "The host closed the room. lanchat ends." : [],
};

/** For a person at a terminal: the same, with these differences. */
const PERSON_NOTICES: NoticeTable = {
  ...NOTICES,
  "listening": NOTHING, // The greeting says it.
  "invite": NOTHING,
  "ready": (event) => greetingSentences(event, "explained"),
  "joined": (event) => joinedSentences(event, "shown"),
  "disconnected": () => "Connection lost. Reconnecting; keep typing.",
  "preparing": NOTHING, // As for progress.
  "offer": personOfferSentences,
  "progress": NOTHING, // The line above the prompt says it.
  "rekeyed": () => "Your encryption keys are replaced.",
  "member": ({ member }) => [
    memberSentence(member),
    `fingerprint ${groups(member.fingerprint)}`,
    ...member.joinCode === undefined ? [] : [`join code ${groups(member.joinCode)}`],
  ],
  "ignoring": (event) =>
    event.ignored
      ? `${ignoringSentence(event)} /unignore ${event.member.name} shows them.`
      : ignoringSentence(event),
  "warning": (event) => {
    switch (event.code) {
      case "host-unverified":
        return []; // The greeting says it.
      case "discovery-unavailable":
        return event.message;
      default:
        return ONE_LINE.has(event.code) ? inOneLine(event) : problemSentences(event);
    }
  },
};

/**
 * Renders an event as lines that are safe to show in a terminal.
 *
 * @returns Lines without line ends; none for `message`, `sent`, `delivered` and `failed`.
 */
export function noticeLines(event: SessionEvent): string[] {
  return linesFrom(NOTICES, event);
}

/**
 * Renders an event as {@linkcode noticeLines} does, for a person who reads everything else on the same
 * screen: the fact and the next step in a few lines, and each member on a line of its own.
 */
export function personLines(event: SessionEvent): string[] {
  return linesFrom(PERSON_NOTICES, event);
}

function linesFrom(table: NoticeTable, event: SessionEvent): string[] {
  // The entry of the event's name takes the event's type.
  const notice = table[event.event] as (event: SessionEvent) => string | readonly string[];
  return [notice(event)].flat().map(sanitizeLine);
}

/** The circumstances of a message that failed. */
export interface FailureContext {
  /** The name of its only reader. */
  readonly to?: string | undefined;
  /** The names of members that have a verified person's name and another key, of those that it was for. */
  readonly withheld: readonly string[];
}

/** Makes the error for a message that failed. @param hint What to do; by default the hint of the code. */
export function failedMessage(code: Code, text: string, hint?: string): ProblemEvent {
  return failure(code, `Not delivered: ${excerpt(text, MAX_REPEATED_LENGTH)}`, hint);
}

/** Says what a person at a terminal can do about a message that failed. */
export function failureAdvice(code: Code, { to, withheld }: FailureContext): string {
  if (code === "no-such-member" && to !== undefined) {
    return `${to} has left. /retry sends it when they are back.`;
  }
  if (code !== "key-withheld") return `${CODES[code].hint} /retry resends it.`.trim();
  if (withheld.length === 0) {
    return `${to ?? "Everyone here"} came after your /lock. After /unlock, /retry resends it.`;
  }
  return withheld.map((name) =>
    `${name} has ${withoutTag(name)}'s name but another key: check who it is before /accept.`
  ).join(" ");
}

function withoutTag(name: string): string {
  return name.split("#", 1)[0]!;
}

/** Names the members that may lack a message that all others have. */
export function lackingSentence(away: readonly string[], left: readonly string[]): string {
  return [
    ...away.length === 0 ? [] : [awaySentence(away)],
    ...left.length === 0 ? [] : [`${enumerate(left)} may have left without it`],
  ].join(", ");
}

/** Names the members that are away. @param names Names of at least one member. */
function awaySentence(names: readonly string[]): string {
  return `${enumerate(names)} ${names.length === 1 ? "is" : "are"} away`;
}

// The room and its addresses.

function listeningSentences(
  { addresses, fingerprint, inviteOnly, port }: ListeningEvent,
): string[] {
  const [first, ...others] = inviteOnly ? ["-"] : targets(addresses, port);
  const also = others.length === 0 ? "" : ` (or ${others.join(", ")})`;
  const command = first === undefined ? "" : ` Others join with: ${PROGRAM} join ${first}${also}`;
  return [
    `Listening on port ${port}.${command}`,
    `The room's fingerprint is ${groups(fingerprint)}.`,
  ];
}

/** The line that others type to join, and its introduction. */
function joinSentences({ addresses, inviteOnly, port }: ListeningEvent): [string, string] {
  if (inviteOnly) return ["Others join with:", `    ${PROGRAM} join -`];
  const [first] = targets(addresses, port);
  return [
    `Others join with${first === undefined ? " (put in this machine's address)" : ""}:`,
    `    ${PROGRAM} join ${first ?? formatHostPort(ADDRESS_PLACEHOLDER, port, DEFAULT_PORT)}`,
  ];
}

const COMPARE_CODE = "Compare it in person or by phone; if it differs, someone is in between.";

const COMPARE_HOST = "To be sure of the host, compare its fingerprint: /fingerprint";

const SECRET_LINK = "Then they paste this link; no one joins without it:";

/** The other addresses of a host, of which a link contains the first. */
function addressSentences({ links }: InviteEvent): string[] {
  const [first, ...others] = links.map((link) => LINK_ADDRESS.exec(link)![1]!);
  if (first!.startsWith(ADDRESS_PLACEHOLDER)) {
    return [`Replace ${ADDRESS_PLACEHOLDER} with an address of this machine.`];
  }
  return others.length === 0 ? [] : [`Other addresses of this machine: ${others.join(", ")}`];
}

/** The link through a broker, and its introduction. */
function viaSentences(link: string | undefined): string[] {
  return link === undefined
    ? []
    : ["Through the broker they run 'join -' and paste this link:", link];
}

/** Renders the ways into a hosted room for a person. */
export function inviteLines(listening: ListeningEvent, invite: InviteEvent): string[] {
  const { link, secret, via } = invite;
  return [
    ...joinSentences(listening),
    ...addressSentences(invite),
    secret
      ? SECRET_LINK
      : "Or they run 'join -' and paste this link, which leads to no other host:",
    link,
    ...viaSentences(via),
    "/invite qr shows the link as a QR code.",
  ].map(sanitizeLine);
}

/** How a line has a join code; `explained` says what to do with it, `unseen` what else if no one at the host sees it. */
export type CodeDisplay = "explained" | "shown" | "hidden" | "unseen";

/**
 * Renders the greeting of a person.
 *
 * @param code How a member sees its join code. @param listening Present at the host, as `invite` is.
 */
export function greetingLines(
  event: ReadyEvent,
  code: CodeDisplay,
  listening?: ListeningEvent,
  invite?: InviteEvent,
): string[] {
  return greetingSentences(event, code, listening, invite).map(sanitizeLine);
}

/** Renders the return of this member's connection. @param code How a member sees its join code. */
export function reconnectedLines(event: ReconnectedEvent, code: CodeDisplay): string[] {
  return reconnectedSentences(event, code).map(sanitizeLine);
}

/** Renders the fingerprints of this run and of its room, 30 digits each. */
export function fingerprintLines(own: string, room: string): string[] {
  return own === room
    ? [
      `Your fingerprint, and the room's: ${groups(own)}`,
      "To accept only this host, others join with --host-key and these digits.",
    ]
    : [`Your fingerprint: ${groups(own)}`, `The room's fingerprint: ${groups(room)}`];
}

/** A room in one line, as its host's greeting shows it. Its name is last, because it may look like any of the rest. */
function roomSentence(event: FoundRoomEvent): string {
  const { addresses, invite, known, name, port, tag, verified } = event;
  const facts = [
    `tag ${tag}`,
    ...verified ? ["verified"] : known ? ["known"] : [],
    ...invite ? ["by invite"] : [],
  ].join(", ");
  const room = `${targets(addresses, port).join(" or ")} (${facts})`;
  return name === undefined ? room : `${room} ${quote(name)}`;
}

/** Formats the addresses that others may type. */
function targets(addresses: readonly string[], port: number): string[] {
  return dialable(addresses).map((address) => formatHostPort(address, port, DEFAULT_PORT));
}

function greetingSentences(
  event: ReadyEvent,
  code: CodeDisplay,
  listening?: ListeningEvent,
  invite?: InviteEvent,
): string[] {
  const { joinCode, members, name } = event;
  const here = presentSentence(event, " yet");
  const help = "/help lists the commands.";
  if (listening === undefined) {
    const codes = joinCode === null ? [] : joinCodeSentences(joinCode, code);
    return members.length === 0 ? [`You are ${name}. ${here} ${help}`, ...codes] : [
      `You are ${name}. ${here}`,
      ...codes,
      `Type a message and press Enter. ${help}`,
    ];
  }
  const [others, command] = joinSentences(listening);
  const roomName = listening.name === undefined ? "" : ` of ${quote(listening.name)}`;
  return [
    `You are ${name}, the host (tag ${listening.tag})${roomName}. ${others}`,
    command,
    ...invite?.secret ? [SECRET_LINK, invite.link] : [],
    ...viaSentences(invite?.via),
    `${here} ${help}`,
  ];
}

/** In a pipe: the join code, unless the host's key is known or no one at the host can see it. */
function pipedCodeSentences({ host, joinCode, members }: ReadyEvent): readonly string[] {
  if (joinCode === null || host.known || host.verified) return [];
  return members.some(({ key }) => key === host.key)
    ? joinCodeSentences(joinCode, "explained")
    : [];
}

function joinCodeSentences(joinCode: string, code: CodeDisplay): readonly string[] {
  if (code === "hidden") return [];
  if (code === "unseen") return [COMPARE_HOST];
  return [`Join code ${groups(joinCode)}.`, ...code === "explained" ? [COMPARE_CODE] : []];
}

function reconnectedSentences(
  { address, joinCode, missed, unread = [] }: ReconnectedEvent,
  code: CodeDisplay,
): string[] {
  const came = missed === 1 ? "1 message came" : `${missed} messages came`;
  const where = address === undefined ? "" : ` at ${address}`;
  const restarted = joinCode !== undefined;
  // A host that restarted may have lost what it had taken.
  const news = missed > 0 ? ` ${came} meanwhile.` : restarted ? "" : " You missed nothing.";
  const [ownCode, ...advice] = restarted ? joinCodeSentences(joinCode, code) : [];
  return [
    `Reconnected${where}.${news}`,
    ...unread.length === 0
      ? []
      : [`${enumerate(unread)} joined meanwhile; you can't read what they said before now.`],
    ...restarted ? [`The host restarted. ${ownCode ?? ""}`.trimEnd()] : [],
    ...advice,
  ];
}

function lockSentence({ host, locked }: LockedEvent): string {
  if (host) {
    return locked
      ? "The room is locked. No one new can join until /unlock."
      : "The room is unlocked. Others can join again.";
  }
  return locked
    ? "Newcomers can't read your messages until /unlock."
    : "Everyone here can read your messages.";
}

function banName({ name, tag }: BanView): string {
  return name === undefined ? `tag ${tag}` : `${name} (tag ${tag})`;
}

// Members.

const LEAVE_SENTENCES: Readonly<Record<LeaveReason, string>> = {
  "left": "left",
  "connection-lost": "left (connection lost)",
  "kicked": "was removed by the host",
  "banned": "was banned by the host",
  "too-slow": "was removed (too slow)",
};

function hereSentence(members: readonly string[]): string {
  return members.length === 0 ? "No one else is here." : `Here: ${members.join(", ")}`;
}

/** Counts and names the members at the start. @param yet Follows where there are none. */
function presentSentence({ host, members }: ReadyEvent, yet = ""): string {
  if (members.length === 0) return `No one else is here${yet}.`;
  const names = members.map((member) => {
    const facts = [...member.key === host.key ? ["host"] : [], ...member.lost ? ["away"] : []];
    return markedName(member) + (facts.length === 0 ? "" : ` (${facts.join(", ")})`);
  });
  const count = members.length === 1 ? "1 other" : `${members.length} others`;
  return `${count} here: ${enumerate(names)}.`;
}

/** Renders a member that joined. @param code How the line has the member's join code. */
export function joinedLines(event: JoinedEvent, code: CodeDisplay): string[] {
  return joinedSentences(event, code).map(sanitizeLine);
}

function joinedSentences({ joinCode, member }: JoinedEvent, code: CodeDisplay): string[] {
  const name = markedName(member);
  if (joinCode === undefined || code === "hidden") return [`${name} joined`];
  return [
    `${name} joined (join code ${groups(joinCode)})`,
    ...code === "explained" ? [COMPARE_CODE] : [],
  ];
}

function withTag(member: PresentView): string {
  const { lost, tag } = member;
  return `${markedName(member)} (tag ${tag}${lost ? ", connection lost" : ""})`;
}

/** The lines of `/who`: the place, the person themselves, and each other member. */
export function whoLines(
  me: OwnView,
  members: readonly PresentView[],
  place: Pick<Place, "absence" | "hosts" | "isHost" | "line" | "own">,
): string[] {
  return [
    place.line(Infinity),
    ownSentence(me, place),
    ...members.map((one) => memberSentence(one, place.absence(one), place.isHost(one))),
  ].map(sanitizeLine);
}

function ownSentence({ name, tag }: OwnView, { hosts, own }: Pick<Place, "hosts" | "own">): string {
  const facts = ["you", ...hosts ? ["host"] : [], `tag ${tag}`, ...statusFacts(own.status, own)];
  return `${name}: ${facts.join(", ")}`;
}

/** A member and all facts about it. */
function memberSentence(member: PresentView, absence: Absence = {}, isHost = false): string {
  const { behind, ignored, lost, since, status, tag, unannounced, verified, withheld } = member;
  const facts = [
    ...isHost ? ["host"] : [],
    `tag ${tag}`,
    verified ? "verified" : "not verified",
    `here since ${timeOfDay(new Date(since))}`,
    ...lost ? [`connection lost${sinceTime(absence.lostAt)}`] : [],
    ...behind ? ["hasn't received your last message"] : [],
    ...ignored ? ["ignored"] : [],
    ...withheld ? ["can't read your messages"] : [],
    ...unannounced ? ["no name yet, can't read messages"] : [],
    // Last, because it may look like any of these.
    ...statusFacts(status, absence),
  ];
  return `${markedName(member)}: ${facts.join(", ")}`;
}

function statusFacts(status: string | undefined, { statusAt }: Absence): string[] {
  return status === undefined || status === "" ? [] : [`away${sinceTime(statusAt)}: ${status}`];
}

function sinceTime(at: number | undefined): string {
  return at === undefined ? "" : ` since ${timeOfDay(new Date(at))}`;
}

function unannouncedSentences({ here, left, leftCount }: UnannouncedEvent): string[] {
  const names = (members: readonly MemberView[]): string[] => members.map(({ name }) => name);
  const are = here.length === 1 ? "is" : "are";
  return [
    ...here.length === 0
      ? []
      : [`${enumerate(names(here))} ${are} here without a name and can't read messages.`],
    ...leftCount === 0 ? [] : [`${enumerate(names(left), leftCount)} left without giving a name.`],
  ];
}

function ignoringSentence({ ignored, member }: IgnoringEvent): string {
  return `Messages from ${markedName(member)} are ${ignored ? "hidden" : "shown again"}.`;
}

function statusSentence({ member, own, text }: StatusEvent): string {
  if (own) return text === "" ? "You are no longer away." : `You are away: ${text}. /away ends it.`;
  const name = markedName(member);
  return text === "" ? `${name} is back` : `${name} is away: ${text}`;
}

/** Lists names, up to {@linkcode MAX_NAMES}. @param count Their number, where not all are given. */
function enumerate(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, MAX_NAMES);
  const more = count - shown.length;
  return [...shown, ...more > 0 ? [`${more} more`] : []].join(", ");
}

function joinCodeSuffix(joinCode: string | undefined): string {
  return joinCode === undefined ? "" : `, join code ${groups(joinCode)}`;
}

// Identities and verification.

/** A known peer in the list of `lanchat peers`. */
function peerSentence({ addresses, firstSeen, lastSeen, names, tag, verified }: PeerEvent): string {
  const [name = "(no name)", ...others] = names;
  const facts = [
    `tag ${tag}`,
    verified ? "verified" : "not verified",
    `met ${day(firstSeen)}`,
    `last ${day(lastSeen)}`,
    ...addresses.length === 0 ? [] : [`hosted at ${addresses.join(" and ")}`],
    // Last, because they may look like any of these.
    ...others.length === 0 ? [] : [`was called ${others.join(" and ")}`],
  ];
  return `${markedName({ name, verified })}: ${facts.join(", ")}`;
}

/**
 * Renders a safety number for a person, and how to compare it.
 *
 * @param own The name of this run, which the member types.
 */
export function safetyNumberLines(event: SafetyNumberEvent, own: string): string[] {
  return safetyNumberSentences(event, own).map(sanitizeLine);
}

/** A safety number without the groups that the user must type: only the member's screen has these. */
function safetyNumberSentences(
  { asked, digits, fingerprint, member }: SafetyNumberEvent,
  own = "NAME",
): string[] {
  const { name } = member;
  const halves = [digits.slice(0, fingerprint.length), digits.slice(fingerprint.length)];
  const ownHalf = halves.find((half) => half !== fingerprint) ?? fingerprint;
  const others = groups(fingerprint).split(" ")
    .map((group, i) => asked?.includes(i + 1) ? "?".repeat(group.length) : group)
    .join(" ");
  const rows = halves.map((half) =>
    half === ownHalf ? `${groups(half)} (you)` : `${others} (${name})`
  );
  // The digits are last: they must be visible in a low window too.
  if (asked === undefined) {
    return [
      `Read all 12 groups to ${name} by voice, not in this chat.`,
      `Safety number of you and ${markedName(member)}:`,
      ...rows,
    ];
  }
  return [
    `Call or meet ${name}. Ask ${name} to type: /verify ${own} show`,
    `${name} reads you all 12 groups. If one differs, someone is in between.`,
    `If all agree, type /verify ${name} and the four that are ????? here, from left to right.`,
    `Safety number of you and ${markedName(member)}:`,
    ...rows,
  ];
}

/** Renders that a member is verified. @param own The name of this run, which the member types. */
export function verifiedLines(event: VerifiedEvent, own: string): string[] {
  const { name } = event.member;
  return [
    verifiedSentence(event),
    `${name} does not see that. To verify you, ${name} types: /verify ${own}`,
  ].map(sanitizeLine);
}

function verifiedSentence({ member }: VerifiedEvent): string {
  return `You have verified ${markedName(member)}, and see the ✓ from now on.`;
}

function roomCodeSentences({ digits, members }: RoomCodeEvent): string[] {
  if (members.length === 0) return ["No one else is here to verify."];
  return [
    `Room code of you, ${enumerate(members.map((member) => markedName(member)))}:`,
    groups(digits),
    "If everyone's /verify shows this code, no one is in between.",
  ];
}

function keyChangedSentences({ known, member, withheld }: KeyChangedEvent): string[] {
  const before = `before: tag ${known.tag}, last seen ${day(known.lastSeen)}`;
  const name = withoutTag(member.name);
  if (!withheld) {
    return [
      `warning: ${markedName(member)} may not be the ${name} you met: another key (${before})`,
      `hint: Check with /verify ${member.name} before you trust them.`,
    ];
  }
  return [
    `warning: ${markedName(member)} is not the ${name} you verified: another key (${before}); ` +
    "they can't read your messages",
    "hint: Have them read their fingerprint to you by voice. If " +
    `/whois ${member.name} shows the same, type /accept and its 30 digits.`,
  ];
}

// Options.

function optionsFileSentence({ file, state }: OptionsFileEvent): string {
  if (state === "ignored") return "Options file: ignored (--no-config)";
  if (file === undefined) {
    const reason = fromSource("allow --allow-env --allow-read", "its directory is unknown");
    return `Options file: not read (${reason})`;
  }
  const remarks = {
    "read": "",
    "missing": " (none yet: write one option a line there, as in --name ada)",
    "not-allowed": " (not read: no permission)",
  };
  return `Options file: ${file}${remarks[state]}`;
}

function optionSentence({ commands, line, name, source, value }: OptionEvent): string {
  const holds = value === true ? "" : value === false ? " off" : ` ${value ?? "not set"}`;
  const origin = source === "file"
    ? `line ${line}, for ${commands.join(", ")}`
    : source.replace("-", " ");
  return `${name}${holds} (${origin})`;
}

// Problems.

function problemSentences(event: ProblemEvent): string[] {
  if (ONE_LINE.has(event.code)) return [`warning: ${inOneLine(event)}`];
  const isUsage = event.message.startsWith(USAGE);
  const problem = isUsage ? event.message : `${event.event}: ${event.message}`;
  return event.hint === undefined ? [problem] : [problem, `hint: ${event.hint}`];
}

function inOneLine({ hint, message }: ProblemEvent): string {
  return hint === undefined ? `${message}.` : `${message}. ${hint}`;
}
