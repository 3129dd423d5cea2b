import { day } from "../clock.ts";
import { groups } from "../crypto/mod.ts";
import { type Code, CODES, quote } from "../errors.ts";
import { ADDRESS_PLACEHOLDER, DEFAULT_PORT, dialable, formatHostPort } from "../net/mod.ts";
import type {
  BanView,
  FoundRoomEvent,
  IdentityEvent,
  InviteEvent,
  KeyChangedEvent,
  LeaveReason,
  ListeningEvent,
  LockedEvent,
  MemberEvent,
  MessageEvent,
  PeerEvent,
  PresentView,
  ProblemEvent,
  ReadyEvent,
  ReconnectedEvent,
  RoomCodeEvent,
  SafetyNumberEvent,
  SessionEvent,
  StatusEvent,
  UnannouncedEvent,
} from "../session_events.ts";
import { markedName } from "./look.ts";
import { sanitizeLine } from "./sanitize.ts";
import { timeOfDay } from "./transcript.ts";

/** Most names in one line; `/who` shows all. */
const MAX_NAMES = 20;

/** Longest own text, in characters, that is repeated where it was not delivered. */
const MAX_REPEATED_LENGTH = 60;

const LINK_ADDRESS = /^lanchat:\/\/(.*)\/#/;

const LEAVE_SENTENCES: Readonly<Record<LeaveReason, string>> = {
  "left": "left",
  "connection-lost": "is gone, as the connection was lost",
  "kicked": "was removed by the host",
  "banned": "was banned by the host",
  "too-slow": "was removed as it did not keep up",
};

/** The line of a message, from a name and a text that are safe where the line goes. */
export function messageLine(
  name: string,
  text: string,
  { kind, private: isPrivate }: Pick<MessageEvent, "kind" | "private">,
): string {
  const sender = isPrivate ? `${name} (private)` : name;
  return kind === "action" ? `* ${sender} ${text}` : `${sender}: ${text}`;
}

/** What people are told of an own message that failed. */
export function failure(code: Code, text: string): ProblemEvent {
  const message = `Not delivered: ${excerpt(text, MAX_REPEATED_LENGTH)}`;
  return { event: "error", code, message, hint: CODES[code].hint };
}

/** The beginning of a text, in characters, marked where it was cut. */
export function excerpt(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length).join("")}…` : text;
}

/**
 * What people are told of an event that is neither a message nor the fate of one, as lines that are
 * safe to show in a terminal.
 *
 * An end is told only where the host closed the room: every other one was asked for, or an error
 * before it says why.
 *
 * @returns Lines without line ends; none for `message`, `sent`, `delivered` and `failed`.
 */
export function noticeLines(event: SessionEvent): string[] {
  return sentences(event).map(sanitizeLine);
}

/**
 * As {@linkcode noticeLines}, for a person who reads everything else on the same screen: what happened
 * and what to do next in few lines, and each member in a line of its own.
 */
export function personLines(event: SessionEvent): string[] {
  return personSentences(event).map(sanitizeLine);
}

function personSentences(event: SessionEvent): string[] {
  switch (event.event) {
    case "listening":
      return invitation(event);
    case "invite":
      return linkSentences(event);
    case "ready":
      return greeting(event);
    case "members":
      return event.members.length === 0 ? sentences(event) : event.members.map(memberSentence);
    case "member":
      return memberSentences(event);
    case "ignoring":
      return event.ignored
        ? [`${sentences(event)} /unignore ${event.member.name} shows it again.`]
        : sentences(event);
    case "warning":
      // The greeting says it.
      if (event.code === "host-unverified" || event.code === "addresses-hidden") return [];
      if (event.code === "temporary-identity") return [temporarySentence(event)];
      return event.code === "discovery-unavailable" ? [event.message] : sentences(event);
    default:
      return sentences(event);
  }
}

/** The command that starts this program, for lines to paste: from source as README.md has it. */
export const PROGRAM: string = Deno.build.standalone
  ? "lanchat"
  : `npx -y deno@${Deno.version.deno} run --allow-net main.ts`;

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

function temporarySentence({ hint, message }: ProblemEvent): string {
  return `${message}. ${hint}`.trim();
}

function fingerprintSentence(fingerprint: string): string {
  return `The room's fingerprint is ${groups(fingerprint)}.`;
}

/** The link for one address, and what may stand in place of that where people need nothing else. */
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

function greeting({ host, joinCode, members, name }: ReadyEvent): string[] {
  const here = members.length === 0
    ? [`You are ${name}. Nobody else is here yet; /help shows the commands.`]
    : [
      `You are ${name}. ${welcome(members)}`,
      "Type a message and press Enter; /help shows the commands.",
    ];
  if (joinCode === null) return here;
  const advice = host.verified
    ? "the host must see the same one."
    : `${host.known ? "the host has the same key as before; " : ""}` +
      "if the host's screen has it too, nobody is in between.";
  return here.toSpliced(1, 0, `Join code ${groups(joinCode)}: ${advice}`);
}

/** What `/who` shows of one. */
function memberSentence(member: PresentView): string {
  const { behind, ignored, lost, since, status, tag, unannounced, verified, withheld } = member;
  const facts = [
    `tag ${tag}`,
    verified ? "verified" : "not verified",
    `here since ${timeOfDay(new Date(since))}`,
    ...lost ? ["connection lost"] : [],
    ...behind ? ["has not got your last message"] : [],
    ...ignored ? ["ignored"] : [],
    ...withheld ? ["cannot read what you say"] : [],
    ...unannounced ? ["has not said who they are, cannot read"] : [],
    // Last, as it may look like any of these.
    ...status === undefined ? [] : [`away: ${status}`],
  ];
  return `${markedName(member)}: ${facts.join(", ")}`;
}

function memberSentences({ member }: MemberEvent): string[] {
  const { fingerprint, joinCode } = member;
  return [
    memberSentence(member),
    `fingerprint ${groups(fingerprint)}`,
    ...joinCode === undefined ? [] : [`join code ${groups(joinCode)}`],
  ];
}

function sentences(event: SessionEvent): string[] {
  switch (event.event) {
    case "listening":
      return listeningSentences(event);
    case "invite":
      return [
        event.secret
          ? "Whoever has this link gets in:"
          : "Or with a link, which leads to no other host:",
        ...event.links.map((link) => `    ${link}`),
      ];
    case "ready": {
      const sentences = [`You are ${event.name}. ${welcome(event.members)}`];
      if (event.joinCode !== null) {
        sentences.push(`Join code ${groups(event.joinCode)}: the host must see the same one.`);
      }
      return sentences;
    }
    case "joined": {
      const code = event.joinCode === undefined ? "" : `, join code ${groups(event.joinCode)}`;
      return [`${markedName(event.member)} joined (tag ${event.member.tag}${code})`];
    }
    case "left":
      return [`${markedName(event.member)} ${LEAVE_SENTENCES[event.reason]}`];
    case "unannounced":
      return unannouncedSentences(event);
    case "lost":
      return [
        `${markedName(event.member)} has lost the connection: what you say waits for its return`,
      ];
    case "back":
      return [`${markedName(event.member)} is back`];
    case "renamed":
      if (event.ignored) return [];
      return [
        event.own
          ? `You are ${event.member.name} now.`
          : `${event.before} is ${markedName(event.member)} now`,
      ];
    case "status":
      return [statusSentence(event)];
    case "gap": {
      const [messages, are] = event.missing === 1 ? ["message", "is"] : ["messages", "are"];
      return [
        `warning: ${event.missing} ${messages} of ${markedName(event.member)} ${are} missing`,
      ];
    }
    case "disconnected":
      return [`${event.message}. Trying again; what you type is kept.`];
    case "reconnected":
      return reconnectedSentences(event);
    case "members":
      return [hereSentence(event.members.map(withTag))];
    case "member": {
      const { fingerprint, joinCode, tag } = event.member;
      const code = joinCode === undefined ? "" : `, join code ${groups(joinCode)}`;
      const name = markedName(event.member);
      return [`${name} (tag ${tag}${code}) has the fingerprint ${groups(fingerprint)}.`];
    }
    case "announced":
      return ["This room is announced on the network now."];
    case "failed-joins":
      return [
        `${event.count} joins failed or ended at once (${event.addresses.join(", ")}). ` +
        "Somebody may be guessing a join code: /verify compares more digits.",
      ];
    case "rekeyed":
      return ["Your keys are new: what you say from now on is sealed with them."];
    case "locked":
      return [lockSentence(event)];
    case "banned":
      return [event.banned ? `${ban(event)} is banned.` : `${ban(event)} may come again.`];
    case "bans":
      return [
        event.bans.length === 0 ? "Nobody is banned." : `Banned: ${event.bans.map(ban).join(", ")}`,
      ];
    case "ignoring":
      return [
        `What ${markedName(event.member)} says is ${event.ignored ? "not shown" : "shown again"}.`,
      ];
    case "safety-number":
      return safetyNumberSentences(event);
    case "room-code":
      return roomCodeSentences(event);
    case "verified":
      return [
        `${markedName(event.member)} is verified: the mark stands behind the name from now on.`,
      ];
    case "key-changed":
      return keyChangedSentences(event);
    case "accepted":
      return [
        `${markedName(event.member)} can read what you say from now on` +
        (event.member.verified ? "." : ", and is not verified."),
      ];
    case "room":
      return [roomSentence(event)];
    case "identity":
      return identitySentences(event);
    case "peer":
      return [peerSentence(event)];
    case "warning":
    case "error": {
      if (event.code === "temporary-identity") return [`warning: ${temporarySentence(event)}`];
      const problem = `${event.event}: ${event.message}`;
      return event.hint === "" ? [problem] : [problem, `hint: ${event.hint}`];
    }
    case "check": {
      const mark = event.ok === null ? "??" : event.ok ? "ok" : "!!";
      const line = `${mark} ${event.check}: ${event.saw}`;
      return event.advice === "" ? [line] : [line, `   ${event.advice}`];
    }
    case "kept":
      return [`${awaySentence(event.away)}. The host keeps what you sent for them.`];
    case "closed":
      return event.reason === "host-closed" ? ["The host closed the room."] : [];
    case "message":
    case "sent":
    case "delivered":
    case "failed":
      return [];
  }
}

function identitySentences(
  { file, fingerprint, protected: isProtected, tag }: IdentityEvent,
): string[] {
  return [
    `fingerprint ${groups(fingerprint)}`,
    `tag ${tag}`,
    `kept in ${file}`,
    isProtected ? "under a passphrase" : "under no passphrase",
  ];
}

/** What `lanchat peers` shows of one. */
function peerSentence({ addresses, firstSeen, lastSeen, names, tag, verified }: PeerEvent): string {
  const [name = "(no name)", ...others] = names;
  const facts = [
    `tag ${tag}`,
    verified ? "verified" : "not verified",
    `met ${day(firstSeen)}`,
    `last ${day(lastSeen)}`,
    ...addresses.length === 0 ? [] : [`hosted at ${addresses.join(" and ")}`],
    // Last, as they may look like any of these.
    ...others.length === 0 ? [] : [`was called ${others.join(" and ")}`],
  ];
  const marked = markedName({ name, ...verified && { verified } });
  return `${marked}: ${facts.join(", ")}`;
}

function statusSentence({ member, own, text }: StatusEvent): string {
  if (own) return text === "" ? "You are shown as back." : `You are shown as away: ${text}`;
  const name = markedName(member);
  return text === "" ? `${name} is here again` : `${name} is away: ${text}`;
}

/** What to compare, without the groups that are asked for: only the member's screen has these. */
function safetyNumberSentences(
  { asked, digits, fingerprint, member }: SafetyNumberEvent,
): string[] {
  const halves = [digits.slice(0, fingerprint.length), digits.slice(fingerprint.length)];
  const own = halves.find((half) => half !== fingerprint) ?? fingerprint;
  const others = groups(fingerprint).split(" ")
    .map((group, i) => asked?.includes(i + 1) ? "?".repeat(group.length) : group)
    .join(" ");
  const lines = halves.map((half) =>
    half === own ? `${groups(half)} (you)` : `${others} (${member.name})`
  );
  const name = markedName(member);
  return [
    `Safety number of ${name} and you:`,
    ...lines,
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
    `Room code of you, ${enumeration(members.map((member) => markedName(member)))}:`,
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

/** Says who is away. @param names Of at least one member. */
export function awaySentence(names: readonly string[]): string {
  return `${enumeration(names)} ${names.length === 1 ? "is" : "are"} away`;
}

function reconnectedSentences(
  { address, joinCode, missed, unread = [] }: ReconnectedEvent,
): string[] {
  const came = missed === 1 ? "1 message came" : `${missed} messages came`;
  const where = address === undefined ? "" : `, at ${address}`;
  const sentence = `Connected again${where}; ${
    missed === 0 ? "no message was missed" : `${came} meanwhile`
  }.`;
  return [
    sentence,
    ...unread.length === 0
      ? []
      : [`${enumeration(unread)} joined meanwhile: what they said without you cannot be read.`],
    ...joinCode === undefined
      ? []
      : [`The host was started anew and shows the join code ${groups(joinCode)}.`],
  ];
}

/** What others may type to reach one of these addresses. */
function targets(addresses: readonly string[], port: number): string[] {
  return dialable(addresses).map((address) => formatHostPort(address, port, DEFAULT_PORT));
}

/** A room in one line; last its name, as that may look like anything. */
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

function welcome(members: readonly PresentView[]): string {
  return members.length === 0
    ? hereSentence([])
    : hereSentence([enumeration(members.map(withPresence))]);
}

function unannouncedSentences({ here, left, leftCount }: UnannouncedEvent): string[] {
  const present = enumeration(here.map(({ name }) => name));
  const gone = enumeration(left.map(({ name }) => name), leftCount);
  return [
    ...here.length === 0 ? [] : [
      here.length === 1
        ? `${present} is here and has not said who they are: they cannot read.`
        : `${present} are here and have not said who they are: they cannot read.`,
    ],
    ...leftCount === 0 ? [] : [`${gone} left without having said who they were.`],
  ];
}

/** Names, but not more than one reads. @param count How many there are, where not all are given. */
function enumeration(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, MAX_NAMES);
  const more = count - shown.length;
  return [...shown, ...more > 0 ? [`${more} more`] : []].join(", ");
}

function withPresence(member: PresentView): string {
  return member.lost ? `${markedName(member)} (connection lost)` : markedName(member);
}

function withTag(member: PresentView): string {
  const { lost, tag } = member;
  return `${markedName(member)} (tag ${tag}${lost ? ", connection lost" : ""})`;
}

function hereSentence(members: readonly string[]): string {
  return members.length === 0 ? "Nobody else is here." : `Here: ${members.join(", ")}`;
}

function lockSentence({ host, locked }: LockedEvent): string {
  if (host) return locked ? "Nobody new gets in until /unlock." : "Others can join again.";
  return locked
    ? "Whoever comes now cannot read what you say, until /unlock."
    : "Everybody who is here reads what you say.";
}

function ban({ name, tag }: BanView): string {
  return name === undefined ? `tag ${tag}` : `${name} (tag ${tag})`;
}
