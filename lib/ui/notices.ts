/**
 * The sentences for every event that is not a message, in one table; a second table holds those that
 * differ for a person at a terminal.
 *
 * @module
 */
import { ADDRESS_PLACEHOLDER, DEFAULT_PORT, dialable, formatHostPort } from "../address.ts";
import { day } from "../clock.ts";
import { groups } from "../crypto/mod.ts";
import { type Code, fromSource, quote } from "../errors.ts";
import {
  type BanView,
  failure,
  type FoundRoomEvent,
  type IgnoringEvent,
  type InviteEvent,
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
} from "../session_events.ts";
import type { Absence, Place } from "./place.ts";
import { markedName } from "./theme.ts";
import { excerpt, sanitizeLine } from "./sanitize.ts";
import { timeOfDay } from "./timeline.ts";

/** Maximum names in one line; `/who` shows all. */
const MAX_NAMES = 20;

/** Maximum characters of an own text that are repeated where it was not delivered. */
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

const NOTHING = (): readonly string[] => [];

/** Renders events for pipes, files and logs: a few lines each, without steps that only a person can take. */
const NOTICES: NoticeTable = {
  "listening": listeningSentences,
  "invite": ({ links, secret }) => [
    secret ? "Whoever has this link gets in:" : "Or with a link, which leads to no other host:",
    ...links.map((link) => `    ${link}`),
  ],
  "announced": () => "This room is announced on the network now.",
  "failed-joins": ({ addresses, count }) =>
    `${count} joins failed or ended at once (${addresses.join(", ")}). ` +
    "Somebody may be guessing a join code: /verify compares more digits.",
  "ready": ({ joinCode, members, name }) => [
    `You are ${name}. ${presentSentence(members)}`,
    ...joinCode === null ? [] : [`Join code ${groups(joinCode)}: the host must see the same one.`],
  ],
  "joined": ({ joinCode, member }) =>
    `${markedName(member)} joined (tag ${member.tag}${joinCodeSuffix(joinCode)})`,
  "left": ({ member, reason }) => `${markedName(member)} ${LEAVE_SENTENCES[reason]}`,
  "unannounced": unannouncedSentences,
  "lost": ({ member }) =>
    `${markedName(member)} has lost the connection: what you say waits for its return`,
  "back": ({ member }) => `${markedName(member)} is back`,
  "renamed": ({ before, ignored, member, own }) => {
    if (ignored) return [];
    return own ? `You are ${member.name} now.` : `${before} is ${markedName(member)} now`;
  },
  "status": statusSentence,
  "gap": ({ member, missing }) => {
    const [messages, are] = missing === 1 ? ["message", "is"] : ["messages", "are"];
    return `warning: ${missing} ${messages} of ${markedName(member)} ${are} missing`;
  },
  "disconnected": ({ message }) => `${message}. Trying again; what you type is kept.`,
  "reconnected": reconnectedSentences,
  "message": NOTHING,
  "sent": NOTHING,
  "delivered": NOTHING,
  "failed": NOTHING,
  "kept": ({ away }) => `${awaySentence(away)}. The host keeps what you sent for them.`,
  "members": ({ members }) => hereSentence(members.map(withTag)),
  "member": ({ member }) => {
    const { fingerprint, joinCode, tag } = member;
    return `${markedName(member)} (tag ${tag}${joinCodeSuffix(joinCode)}) has the fingerprint ` +
      `${groups(fingerprint)}.`;
  },
  "rekeyed": () => "Your keys are new: what you say from now on is sealed with them.",
  "ignoring": ignoringSentence,
  "room": roomSentence,
  "safety-number": safetyNumberSentences,
  "room-code": roomCodeSentences,
  "verified": ({ member }) =>
    `${markedName(member)} is verified: the mark stands behind the name from now on.`,
  "key-changed": keyChangedSentences,
  "accepted": ({ member }) =>
    `${markedName(member)} can read what you say from now on` +
    (member.verified ? "." : ", and is not verified."),
  "identity": ({ file, fingerprint, protected: isProtected, tag }) => [
    `fingerprint ${groups(fingerprint)}`,
    `tag ${tag}`,
    `kept in ${file}`,
    isProtected ? "under a passphrase" : "under no passphrase",
  ],
  "peer": peerSentence,
  "options-file": optionsFileSentence,
  "option": optionSentence,
  "locked": lockSentence,
  "banned": (event) =>
    event.banned ? `${banName(event)} is banned.` : `${banName(event)} may come again.`,
  "bans": ({ bans }) =>
    bans.length === 0 ? "Nobody is banned." : `Banned: ${bans.map(banName).join(", ")}`,
  "warning": problemSentences,
  "error": problemSentences,
  "check": ({ advice, check, ok, saw }) => {
    const mark = ok === null ? "??" : ok ? "ok" : "!!";
    const line = `${mark} ${check}: ${saw}`;
    return advice === "" ? line : [line, `   ${advice}`];
  },
  // The user asked for any other end, or an earlier error explains it.
  "closed": ({ reason }) => reason === "host-closed" ? "The host closed the room." : [],
};

/** For a person at a terminal: the same, with these differences. */
const PERSON_NOTICES: NoticeTable = {
  ...NOTICES,
  "listening": invitation,
  "invite": linkSentences,
  "ready": greeting,
  "member": ({ member }) => [
    memberSentence(member),
    `fingerprint ${groups(member.fingerprint)}`,
    ...member.joinCode === undefined ? [] : [`join code ${groups(member.joinCode)}`],
  ],
  "ignoring": (event) =>
    event.ignored
      ? `${ignoringSentence(event)} /unignore ${event.member.name} shows it again.`
      : ignoringSentence(event),
  "warning": (event) => {
    switch (event.code) {
      case "host-unverified":
        return []; // The greeting says it.
      case "addresses-hidden":
      case "temporary-identity":
        return inOneLine(event);
      case "discovery-unavailable":
        return event.message;
      default:
        return problemSentences(event);
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

/** Makes the error for an own message that failed. */
export function failedMessage(code: Code, text: string): ProblemEvent {
  const message = `Not delivered: ${excerpt(text, MAX_REPEATED_LENGTH)}`;
  return failure(code, message);
}

/** Names the members that are away. @param names Names of at least one member. */
export function awaySentence(names: readonly string[]): string {
  return `${enumerate(names)} ${names.length === 1 ? "is" : "are"} away`;
}

// The room and its addresses.

function listeningSentences(
  { addresses, fingerprint, inviteOnly, port }: ListeningEvent,
): string[] {
  const commands = inviteOnly
    ? []
    : targets(addresses, port).map((target) => `    ${PROGRAM} join ${target}`);
  return [
    `Listening on port ${port}.${commands.length > 0 ? " Others join with:" : ""}`,
    ...commands,
    fingerprintSentence(fingerprint),
  ];
}

function invitation({ addresses, fingerprint, inviteOnly, port }: ListeningEvent): string[] {
  if (inviteOnly) return [`Only invited people get in. ${fingerprintSentence(fingerprint)}`];
  const own = formatHostPort("ADDRESS", port, DEFAULT_PORT);
  const [first = own, ...others] = targets(addresses, port);
  const more = addresses.length === 0
    ? ", with an address of this machine"
    : others.length === 0
    ? ""
    : ` (or ${others.join(", ")})`;
  return [
    `Others join with: ${PROGRAM} join ${first}${more}`,
    fingerprintSentence(fingerprint),
  ];
}

function fingerprintSentence(fingerprint: string): string {
  return `The room's fingerprint is ${groups(fingerprint)}.`;
}

/** The link for one address, and the other addresses for it. */
function linkSentences({ link, links, secret }: InviteEvent): string[] {
  if (!secret) return [`Or with this link, which leads to no other host: ${link}`];
  const [address, ...others] = links.map((link) => LINK_ADDRESS.exec(link)![1]!);
  return [
    "Whoever has this link gets in:",
    link,
    ...address!.startsWith(ADDRESS_PLACEHOLDER)
      ? [`Put an address of this machine in place of ${ADDRESS_PLACEHOLDER} in it.`]
      : others.length > 0
      ? [`In place of ${address} it may say ${others.join(" or ")}.`]
      : [],
  ];
}

/** A room in one line. Its name is last, because it may look like any of the rest. */
function roomSentence(event: FoundRoomEvent): string {
  const { addresses, invite, known, name, port, tag, verified } = event;
  const marks = [
    ...verified ? ["verified"] : known ? ["known"] : [],
    ...invite ? ["by invite"] : [],
  ];
  return [
    tag,
    targets(addresses, port).join(" or "),
    ...marks.length === 0 ? [] : [`(${marks.join(", ")})`],
    ...name === undefined ? [] : [quote(name)],
  ].join("  ");
}

/** Formats the addresses that others may type. */
function targets(addresses: readonly string[], port: number): string[] {
  return dialable(addresses).map((address) => formatHostPort(address, port, DEFAULT_PORT));
}

function greeting({ host, joinCode, members, name }: ReadyEvent): string[] {
  const here = members.length === 0
    ? [`You are ${name}. Nobody else is here yet; /help shows the commands.`]
    : [
      `You are ${name}. ${presentSentence(members)}`,
      "Type a message and press Enter; /help shows the commands.",
    ];
  if (joinCode === null) return here;
  const advice = host.verified
    ? "the host must see the same one."
    : `${host.known ? "the host has the same key as before; " : ""}` +
      "if the host's screen has it too, nobody is in between.";
  return here.toSpliced(1, 0, `Join code ${groups(joinCode)}: ${advice}`);
}

function reconnectedSentences(
  { address, joinCode, missed, unread = [] }: ReconnectedEvent,
): string[] {
  const came = missed === 1 ? "1 message came" : `${missed} messages came`;
  const where = address === undefined ? "" : `, at ${address}`;
  const news = missed === 0 ? "no message was missed" : `${came} meanwhile`;
  return [
    `Connected again${where}; ${news}.`,
    ...unread.length === 0
      ? []
      : [`${enumerate(unread)} joined meanwhile: what they said without you cannot be read.`],
    ...joinCode === undefined
      ? []
      : [`The host was started anew and shows the join code ${groups(joinCode)}.`],
  ];
}

function lockSentence({ host, locked }: LockedEvent): string {
  if (host) return locked ? "Nobody new gets in until /unlock." : "Others can join again.";
  return locked
    ? "Whoever comes now cannot read what you say, until /unlock."
    : "Everybody who is here reads what you say.";
}

function banName({ name, tag }: BanView): string {
  return name === undefined ? `tag ${tag}` : `${name} (tag ${tag})`;
}

// Members.

const LEAVE_SENTENCES: Readonly<Record<LeaveReason, string>> = {
  "left": "left",
  "connection-lost": "is gone, as the connection was lost",
  "kicked": "was removed by the host",
  "banned": "was banned by the host",
  "too-slow": "was removed as it did not keep up",
};

function hereSentence(members: readonly string[]): string {
  return members.length === 0 ? "Nobody else is here." : `Here: ${members.join(", ")}`;
}

function presentSentence(members: readonly PresentView[]): string {
  const names = members.map((member) =>
    `${markedName(member)}${member.lost ? " (connection lost)" : ""}`
  );
  return hereSentence(names.length === 0 ? [] : [enumerate(names)]);
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
    ...behind ? ["has not got your last message"] : [],
    ...ignored ? ["ignored"] : [],
    ...withheld ? ["cannot read what you say"] : [],
    ...unannounced ? ["has not said who they are, cannot read"] : [],
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
  const have = here.length === 1 ? "has" : "have";
  return [
    ...here.length === 0 ? [] : [
      `${enumerate(names(here))} ${are} here and ${have} not said who they are: they cannot read.`,
    ],
    ...leftCount === 0
      ? []
      : [`${enumerate(names(left), leftCount)} left without having said who they were.`],
  ];
}

function ignoringSentence({ ignored, member }: IgnoringEvent): string {
  return `What ${markedName(member)} says is ${ignored ? "not shown" : "shown again"}.`;
}

function statusSentence({ member, own, text }: StatusEvent): string {
  if (own) return text === "" ? "You are shown as back." : `You are shown as away: ${text}`;
  const name = markedName(member);
  return text === "" ? `${name} is here again` : `${name} is away: ${text}`;
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

/** A safety number without the groups that the user must type: only the member's screen has these. */
function safetyNumberSentences(
  { asked, digits, fingerprint, member }: SafetyNumberEvent,
): string[] {
  const halves = [digits.slice(0, fingerprint.length), digits.slice(fingerprint.length)];
  const own = halves.find((half) => half !== fingerprint) ?? fingerprint;
  const others = groups(fingerprint).split(" ")
    .map((group, i) => asked?.includes(i + 1) ? "?".repeat(group.length) : group)
    .join(" ");
  return [
    `Safety number of ${markedName(member)} and you:`,
    ...halves.map((half) => half === own ? `${groups(half)} (you)` : `${others} (${member.name})`),
    ...asked === undefined ? ["The other screen asks for four of your groups: read them out."] : [
      "On that person's screen, /verify with your name and the word show has all of it.",
      "If all else is the same, type the four groups that are missing here from that screen:",
      `/verify ${member.name} 12345 67890 12345 67890`,
    ],
  ];
}

function roomCodeSentences({ digits, members }: RoomCodeEvent): string[] {
  if (members.length === 0) return ["Nobody else is here to verify."];
  return [
    `Room code of you, ${enumerate(members.map((member) => markedName(member)))}:`,
    groups(digits),
    "Where all who are here see the same after /verify, nobody is in between, and nobody else " +
    "is here. /verify NAME marks one person as verified.",
  ];
}

function keyChangedSentences({ known, member, withheld }: KeyChangedEvent): string[] {
  const before = `tag ${known.tag}, last seen on ${day(known.lastSeen)}`;
  if (!withheld) {
    return [
      `warning: ${markedName(member)} has a name that you know with another key (${before})`,
      `hint: Compare with /verify ${member.name} before you take it for the same person.`,
    ];
  }
  return [
    `warning: ${markedName(member)} has a name that you verified with another key (${before}), ` +
    "and cannot read what you say",
    "hint: Have that person read the new fingerprint to you. If it is the one that " +
    `/whois ${member.name} shows, type /accept and its 30 digits.`,
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
    "missing": " (missing)",
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
  if (event.code === "temporary-identity") return [`warning: ${inOneLine(event)}`];
  const problem = `${event.event}: ${event.message}`;
  return event.hint === undefined ? [problem] : [problem, `hint: ${event.hint}`];
}

function inOneLine({ hint, message }: ProblemEvent): string {
  return hint === undefined ? `${message}.` : `${message}. ${hint}`;
}
