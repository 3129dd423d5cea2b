import { type Code, CODES, quote } from "../errors.ts";
import { DEFAULT_PORT, formatHostPort } from "../net/mod.ts";
import type {
  FoundRoomEvent,
  LeaveReason,
  ListeningEvent,
  MemberEvent,
  MessageEvent,
  PresentView,
  ProblemEvent,
  ReadyEvent,
  ReconnectedEvent,
  StatusEvent,
  UiEvent,
} from "./events.ts";
import { sanitizeLine } from "./sanitize.ts";
import { timeOfDay } from "./transcript.ts";

/** Most names in the line that welcomes a member; `/who` shows all. */
const MAX_WELCOME_NAMES = 20;

/** Longest own text, in characters, that is repeated where it was not delivered. */
const MAX_REPEATED_LENGTH = 60;

const LINK_LOCAL = /^fe[89ab]/i;

const LEAVE_SENTENCES: Readonly<Record<LeaveReason, string>> = {
  "left": "left",
  "connection-lost": "is gone, as the connection was lost",
  "kicked": "was removed by the host",
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
export function noticeLines(event: UiEvent): string[] {
  return sentences(event).map(sanitizeLine);
}

/**
 * As {@linkcode noticeLines}, for a person who reads everything else on the same screen: what happened
 * and what to do next in few lines, and each member in a line of its own.
 */
export function personLines(event: UiEvent): string[] {
  return personSentences(event).map(sanitizeLine);
}

function personSentences(event: UiEvent): string[] {
  switch (event.event) {
    case "listening":
      return invitation(event);
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
      return event.code === "temporary-identity" || event.code === "discovery-unavailable"
        ? [event.message]
        : sentences(event);
    default:
      return sentences(event);
  }
}

function invitation({ addresses, port, fingerprint }: ListeningEvent): string[] {
  const own = formatHostPort("ADDRESS", port, DEFAULT_PORT);
  const [first = own, ...others] = dialable(addresses, port);
  const more = addresses.length === 0
    ? ", with an address of this machine (with --allow-sys it is shown here)"
    : others.length === 0
    ? ""
    : ` (or ${others.join(", ")})`;
  return [
    `Others join with: lanchat join ${first}${more}`,
    `The room's fingerprint is ${groups(fingerprint)}.`,
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
    : "if the host's screen has it too, nobody is in between.";
  return here.toSpliced(1, 0, `Join code ${groups(joinCode)}: ${advice}`);
}

/** What `/who` shows of one. */
function memberSentence(member: PresentView): string {
  const { behind, ignored, lost, name, since, status, tag, verified } = member;
  const facts = [
    `tag ${tag}`,
    verified ? "verified" : "not verified",
    `here since ${timeOfDay(new Date(since))}`,
    ...lost ? ["connection lost"] : [],
    ...behind ? ["has not got your last message"] : [],
    ...ignored ? ["ignored"] : [],
    // Last, as it may look like any of these.
    ...status === undefined ? [] : [`away: ${status}`],
  ];
  return `${name}: ${facts.join(", ")}`;
}

function memberSentences({ member }: MemberEvent): string[] {
  const { fingerprint, joinCode } = member;
  return [
    memberSentence(member),
    `fingerprint ${groups(fingerprint)}`,
    ...joinCode === undefined ? [] : [`join code ${groups(joinCode)}`],
  ];
}

function sentences(event: UiEvent): string[] {
  switch (event.event) {
    case "listening":
      return listeningSentences(event);
    case "ready": {
      const sentences = [`You are ${event.name}. ${welcome(event.members)}`];
      if (event.joinCode !== null) {
        sentences.push(`Join code ${groups(event.joinCode)}: the host must see the same one.`);
      }
      return sentences;
    }
    case "joined": {
      const code = event.joinCode === undefined ? "" : `, join code ${groups(event.joinCode)}`;
      return [`${event.member.name} joined (tag ${event.member.tag}${code})`];
    }
    case "left":
      return [`${event.member.name} ${LEAVE_SENTENCES[event.reason]}`];
    case "lost":
      return [`${event.member.name} has lost the connection: what you say waits for its return`];
    case "back":
      return [`${event.member.name} is back`];
    case "renamed":
      return [
        event.own
          ? `You are ${event.member.name} now.`
          : `${event.before} is ${event.member.name} now`,
      ];
    case "status":
      return [statusSentence(event)];
    case "gap": {
      const [messages, are] = event.missing === 1 ? ["message", "is"] : ["messages", "are"];
      return [`warning: ${event.missing} ${messages} of ${event.member.name} ${are} missing`];
    }
    case "disconnected":
      return [`${event.message}. Trying again; what you type is kept.`];
    case "reconnected":
      return reconnectedSentences(event);
    case "members":
      return [hereSentence(event.members.map(withTag))];
    case "member": {
      const { fingerprint, joinCode, name, tag } = event.member;
      const code = joinCode === undefined ? "" : `, join code ${groups(joinCode)}`;
      return [`${name} (tag ${tag}${code}) has the fingerprint ${groups(fingerprint)}.`];
    }
    case "rekeyed":
      return ["Your keys are new: what you say from now on is sealed with them."];
    case "ignoring":
      return [`What ${event.member.name} says is ${event.ignored ? "not shown" : "shown again"}.`];
    case "room":
      return [roomSentence(event)];
    case "warning":
    case "error": {
      const problem = `${event.event}: ${event.message}`;
      return event.hint === "" ? [problem] : [problem, `hint: ${event.hint}`];
    }
    case "closed":
      return event.reason === "host-closed" ? ["The host closed the room."] : [];
    case "message":
    case "sent":
    case "delivered":
    case "failed":
      return [];
  }
}

function statusSentence({ member, own, text }: StatusEvent): string {
  if (own) return text === "" ? "You are shown as back." : `You are shown as away: ${text}`;
  return text === "" ? `${member.name} is here again` : `${member.name} is away: ${text}`;
}

function reconnectedSentences({ joinCode, missed }: ReconnectedEvent): string[] {
  const came = missed === 1 ? "1 message came" : `${missed} messages came`;
  const sentence = `Connected again; ${
    missed === 0 ? "no message was missed" : `${came} meanwhile`
  }.`;
  if (joinCode === undefined) return [sentence];
  return [sentence, `The host was started anew and shows the join code ${groups(joinCode)}.`];
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
    dialable(addresses, port).join(" or "),
    ...marks.length === 0 ? [] : [`(${marks.join(", ")})`],
    ...name === undefined ? [] : [quote(name)],
  ].join("  ");
}

/** What others may type to reach one of these addresses; link-local ones only where there are no others. */
function dialable(addresses: readonly string[], port: number): string[] {
  const wider = addresses.filter((address) => !LINK_LOCAL.test(address));
  return (wider.length > 0 ? wider : addresses)
    .map((address) => formatHostPort(address, port, DEFAULT_PORT));
}

function listeningSentences({ addresses, port, fingerprint }: ListeningEvent): string[] {
  const commands = dialable(addresses, port).map((target) => `    lanchat join ${target}`);
  return [
    `Listening on port ${port}.${commands.length > 0 ? " Others join with:" : ""}`,
    ...commands,
    `The room's fingerprint is ${groups(fingerprint)}.`,
  ];
}

function welcome(members: readonly PresentView[]): string {
  const names = members.slice(0, MAX_WELCOME_NAMES).map(withPresence);
  const more = members.length - names.length;
  return hereSentence(more > 0 ? [...names, `${more} more`] : names);
}

function withPresence({ lost, name }: PresentView): string {
  return lost ? `${name} (connection lost)` : name;
}

function withTag({ lost, name, tag }: PresentView): string {
  return `${name} (tag ${tag}${lost ? ", connection lost" : ""})`;
}

function hereSentence(members: readonly string[]): string {
  return members.length === 0 ? "Nobody else is here." : `Here: ${members.join(", ")}`;
}

function groups(digits: string): string {
  return digits.replaceAll(/\d{5}(?=\d)/g, "$& ");
}
