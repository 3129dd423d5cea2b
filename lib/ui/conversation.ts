/** A conversation at a terminal: typed lines in, wishes out; events in, lines to show out. */
import { type Clock, systemClock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import {
  type FailedEvent,
  failure,
  type MemberView,
  type MessageEvent,
  type OfferEvent,
  type OwnView,
  type ProgressEvent,
  type SafetyNumberEvent,
  type SessionEvent,
  type Wish,
} from "../session_events.ts";
import { typedName } from "../wire/mod.ts";
import { AddressBook } from "./address_book.ts";
import { Entrance } from "./entrance.ts";
import { parseLine } from "./line_parser.ts";
import type { MemberRef } from "./member_names.ts";
import { markedName, messageHead, type Theme } from "./theme.ts";
import {
  failedMessage,
  failureAdvice,
  lackingSentence,
  noticeLines,
  personLines,
  safetyNumberLines,
  verifiedLines,
  whoLines,
} from "./notices.ts";
import { type MessageState, type OwnMessage, OwnMessages } from "./own_messages.ts";
import type { Files } from "./paths.ts";
import { isPassing } from "./passing.ts";
import { Place } from "./place.ts";
import { ProgressSteps } from "./progress_steps.ts";
import { fittingQrLines, TOO_NARROW } from "./qr.ts";
import { excerpt, sanitize, sanitizeLine } from "./sanitize.ts";
import { helpLines, KEYS_HELP, type ParsedLine, type SlashCommand } from "./slash_commands.ts";
import { Timeline, timeOfDay } from "./timeline.ts";
import { TransferBoard } from "./transfer_board.ts";
import { fileName, progressSentence } from "./transfer_notices.ts";
import { Unread } from "./unread.ts";
import { type ShownLine, wrapLine } from "./wrap.ts";

/** Maximum lines of a message whose mark may change; then the rest is shown. */
const MAX_PENDING_LINES = 3;

/** The mark of the place above the prompt. */
const PLACE_MARK = "──";

/** The columns that a dash takes in some terminals. */
const DASH_COLUMNS = 2;

/** The columns of that mark and a space. */
const PLACE_MARK_COLUMNS = PLACE_MARK.length * DASH_COLUMNS + 1;

/** The rows below the lines: the place and an empty prompt. */
const PROMPT_ROWS = 2;

/** The marks after a message of this member. */
const STATE_MARKS: Readonly<Record<MessageState, string>> = {
  unsent: "…",
  sent: "✓",
  delivered: "✓✓",
  failed: "✗",
};

/** Options of a {@linkcode Conversation}. */
export interface ConversationOptions {
  /** The theme for each part of a line. */
  readonly theme: Theme;
  /** Whether this member's messages are shown; otherwise the terminal has echoed them. */
  readonly echoes: boolean;
  /** Whether lanchat edits the line; only then it is known when a line is begun. */
  readonly editsLine: boolean;
  /** Width of the terminal, in characters; QR codes are shown only with it. */
  readonly columns?: () => number;
  /** Height of the terminal, in rows; the QR code of a safety number is shown only with it. */
  readonly rows?: () => number;
  /** Called for each private message, each mention and each offer. */
  readonly notify: (from: string, text: string) => void;
  /** Whether that begins switched on; `/notify` changes it. */
  readonly notifies: boolean;
  /** Whether joins and leaves begin hidden; `/quiet` changes it. */
  readonly quiet: boolean;
  /** The room's name, if the host gave it one. */
  readonly room?: string | undefined;
  /** Whether this run joins by an invite that no one enters without. */
  readonly joinsByInvite?: boolean | undefined;
  /** Replaces the marks of pastes in a text with the pasted texts. */
  readonly expand?: (text: string) => string;
  /** The files that a path means. */
  readonly files?: Files;
  /** The clock; by default that of the machine. */
  readonly clock?: Clock;
}

/** A line of a conversation: one that stays as it is, or a message of this member, which may get another mark. */
export type Line = ShownLine | OwnMessage;

/** The effect of an entered line. */
export interface LineEffect {
  /** Lines to show. */
  readonly lines: readonly ShownLine[];
  /** Wishes to pass on. */
  readonly wishes: readonly Wish[];
  /** An action of the terminal itself. */
  readonly action?: "clear" | "quit";
}

/**
 * Turns the lines that a person types into wishes, and events into lines that are safe to show, in the room's
 * order: a message of this member is a line from when the host has it.
 */
export class Conversation {
  /** Whether the room is left at Enter; the row of the place says so. */
  awaitsEnter = false;
  readonly #options: ConversationOptions;
  readonly #timeline: Timeline;
  readonly #book: AddressBook;
  readonly #own: OwnMessages;
  readonly #place: Place;
  readonly #unread: Unread;
  readonly #board = new TransferBoard();
  readonly #steps = new ProgressSteps();
  /** Whether the person knows that leaving ends transfers. */
  #isWarned = false;
  #me: OwnView | undefined;
  /** Matches this member's name in a text. */
  #mention: RegExp | undefined;
  #notifies: boolean;
  #isQuiet: boolean;
  /** Whether the last `/away` had a text. */
  #wantsAway = false;
  readonly #entrance: Entrance;
  /** Number of `/rekey` without an answer. */
  #rekeys = 0;
  /** The hint of the last failed message. */
  #failureHint = "";

  /** Starts before the room is joined. */
  constructor(options: ConversationOptions) {
    const { clock = systemClock, editsLine, joinsByInvite = false, room, theme } = options;
    this.#options = options;
    this.#notifies = options.notifies;
    this.#isQuiet = options.quiet;
    this.#entrance = new Entrance(joinsByInvite);
    this.#timeline = new Timeline(theme, clock);
    this.#book = new AddressBook(editsLine);
    this.#own = new OwnMessages(clock);
    this.#place = new Place({ members: () => this.members, room, clock });
    this.#unread = new Unread(clock);
  }

  /** Whether the room is joined. */
  get ready(): boolean {
    return this.#me !== undefined;
  }

  /** The other members. */
  get members(): readonly MemberView[] {
    return this.#book.members;
  }

  // Presence.

  /** The number of messages since the last key. */
  get unread(): number {
    return this.#unread.count;
  }

  /** Notes a key, or an entered line where lanchat does not edit it. */
  see(): void {
    this.#unread.see();
  }

  /** Notes that the program is about to be paused. */
  pause(): void {
    this.#unread.leave("paused");
  }

  /** Notes that the program goes on after it was paused or stopped. */
  goOn(): void {
    this.#unread.goOn();
  }

  // Typed lines.

  /** Notes that a line is begun: it means the members and private senders of this moment. */
  beginLine(): void {
    this.#book.beginLine();
  }

  /** Interprets an entered line. */
  enter(line: string): LineEffect {
    const { addressable: members, correspondents } = this.#book;
    const { expand, files } = this.#options;
    const own = this.#me?.name;
    const context = {
      members,
      correspondents,
      own,
      ...expand && { expand },
      ...files && { files },
    };
    try {
      return this.#obey(parseLine(line, context));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { code, message, hint } = error;
      return { lines: this.#notice(failure(code, message, hint)), wishes: [] };
    }
  }

  #obey(parsed: ParsedLine): LineEffect {
    switch (parsed.do) {
      case "say":
        return { lines: [], wishes: [this.#say(parsed)] };
      case "send-file": {
        const { paths, to } = parsed;
        return { lines: [], wishes: [{ do: "send-file", paths, ...this.#address(to) }] };
      }
      case "send-text": {
        const { text, to } = parsed;
        const { lines } = this.#answer(
          "That is too long for a message, so it is offered as a file.",
        );
        return { lines, wishes: [{ do: "send-text", text, ...this.#address(to) }] };
      }
      case "retry":
        return this.#retry();
      case "help":
        return { lines: this.#helpLines(parsed.topic), wishes: [] };
      case "quiet":
        this.#isQuiet = !this.#isQuiet;
        return this.#answer(
          `Joins and leaves are ${this.#isQuiet ? "hidden. /quiet shows them" : "shown"} again.`,
        );
      case "notify":
        this.#notifies = parsed.on ?? this.#notifies;
        return this.#answer(`Bell and notifications are ${this.#notifies ? "on" : "off"}.`);
      case "show-invite":
        return this.#invite(parsed.qr);
      case "fingerprint":
        return { lines: this.#timeline.notice(this.#entrance.fingerprintLines), wishes: [] };
      case "status": {
        const wasAway = this.#wantsAway;
        this.#wantsAway = parsed.text !== "";
        if (!wasAway && !this.#wantsAway) return this.#answer("You are not away.");
        return { lines: [], wishes: [parsed] };
      }
      case "rekey":
        this.#rekeys++;
        return { lines: [], wishes: [parsed] };
      case "nothing":
        return { lines: [], wishes: [] };
      case "clear":
      case "quit":
        return { lines: [], wishes: [], action: parsed.do };
      default:
        return { lines: [], wishes: [parsed] };
    }
  }

  #answer(sentence: string): LineEffect {
    return { lines: this.#timeline.notice([sentence]), wishes: [] };
  }

  #say({ kind, text, to }: Pick<OwnMessage, "kind" | "text" | "to">): Wish {
    const { id } = this.#own.add({ kind, text, to: to && this.#book.current(to) });
    return { do: "say", text, kind, id, ...this.#address(to) };
  }

  /** The address of an only receiver, as a field of a wish. */
  #address(to: MemberRef | undefined): { readonly to?: string } {
    return to === undefined ? {} : { to: this.#book.addressOf(to) };
  }

  #retry(): LineEffect {
    const failed = this.#own.takeFailed();
    const lines = failed.length > 0 ? [] : this.#timeline.notice(["There is nothing to resend."]);
    return { lines, wishes: failed.map((message) => this.#say(message)) };
  }

  #helpLines(topic?: SlashCommand | "all"): readonly ShownLine[] {
    const keys = topic === "all" && this.#options.editsLine ? KEYS_HELP : [];
    const lines = [...helpLines(this.#place.hosts, topic), ...keys];
    const notice = this.#timeline.notice(lines.map(({ text }) => text));
    // The line of a new day may be before them. A term belongs to the head: the text wraps below itself.
    const first = notice.length - lines.length;
    return notice.map((line, i) => ({ ...line, head: line.head + (lines[i - first]?.term ?? "") }));
  }

  /** Answers `/invite` at the host; elsewhere the session refuses it. */
  #invite(qr: boolean): LineEffect {
    const { columns } = this.#options;
    const { inviteLines, link } = this.#entrance;
    if (inviteLines === undefined) return { lines: [], wishes: [{ do: "invite" }] };
    const lines = qr && link !== undefined && columns !== undefined
      ? this.#qrLines(link, columns())
      : this.#timeline.notice(inviteLines);
    return { lines, wishes: [] };
  }

  // Events.

  /** Takes note of an event. @returns The lines that show it. */
  hear(event: SessionEvent): readonly Line[] {
    this.#book.hear(event);
    this.#place.hear(event);
    this.#board.hear(event);
    const isStep = this.#steps.hear(event);
    if (this.#isQuiet && isPassing(event)) return [];
    switch (event.event) {
      case "message":
        return this.#messageLines(event);
      case "sent":
        return this.#ownLines(this.#own.sent(event.id));
      case "delivered":
        this.#own.delivered(event);
        return [];
      case "failed":
        return this.#failedLines(event);
      case "disconnected":
        this.#unread.leave("disconnected");
        return this.#notice(event);
      case "reconnected":
        this.#unread.comeBack("disconnected");
        return this.#timeline.notice(this.#entrance.hear(event));
      case "ready":
        this.#unread.comeBack("disconnected");
        this.#rename(event);
        return this.#timeline.notice(this.#entrance.hear(event));
      case "listening":
      case "invite":
      case "joined":
        return this.#timeline.notice(this.#entrance.hear(event));
      case "renamed":
        if (event.own) this.#rename(event.member);
        return this.#notice(event);
      case "offer":
        this.#announce(event);
        return this.#notice(event);
      case "progress":
        return this.#progressLines(event, isStep);
      case "members":
        return this.#timeline.notice(whoLines(this.#me!, event.members, this.#place));
      case "rekeyed":
        return this.#answerRekey(event);
      case "safety-number":
        return this.#safetyNumberLines(event);
      case "verified":
        return this.#timeline.notice(verifiedLines(event, this.#me?.name ?? "NAME"));
      case "warning":
        if (event.code === "seat-lost") this.#own.abandonSent();
        return this.#notice(event);
      default:
        return this.#notice(event);
    }
  }

  /** Notifies the person of an offer that waits for their answer. */
  #announce({ accepted, from, name }: OfferEvent): void {
    if (!this.#notifies || from === undefined || accepted) return;
    this.#options.notify(markedName(from), `offers ${fileName(name)}`);
  }

  /** Where nothing is redrawn, progress has lines. */
  #progressLines(event: ProgressEvent, isStep: boolean): readonly ShownLine[] {
    if (this.#options.editsLine || !isStep) return [];
    return this.#timeline.notice([sanitizeLine(progressSentence(event))]);
  }

  /** New keys are news only to the person who has asked for them. */
  #answerRekey(event: SessionEvent): readonly ShownLine[] {
    if (this.#rekeys === 0) return [];
    this.#rekeys--;
    return this.#notice(event);
  }

  #rename(me: OwnView): void {
    this.#me = me;
    // Members with the same name have a tag after it, which people leave out.
    const name = RegExp.escape(typedName(me.name.split("#", 1)[0]!));
    this.#mention = new RegExp(`(?<![\\p{L}\\p{N}_])${name}(?![\\p{L}\\p{N}_])`, "giu");
  }

  #notice(event: SessionEvent): readonly ShownLine[] {
    return this.#timeline.notice(personLines(event));
  }

  #messageLines(event: MessageEvent): readonly ShownLine[] {
    const { theme, notify } = this.#options;
    const text = sanitize(event.text);
    const isMention = this.#mention !== undefined && text.search(this.#mention) >= 0;
    if (this.#notifies && (event.private || isMention)) notify(markedName(event.from), event.text);
    const marked = isMention ? text.replaceAll(this.#mention!, theme.mention) : text;
    return [
      ...this.#rule(this.#unread.add()),
      ...this.#timeline.timed(messageHead(theme.name(event.from), event), marked, event.at),
    ];
  }

  /** The rule above the first message of an absence. @param since When that began; no rule without. */
  #rule(since: number | undefined): ShownLine[] {
    const { columns, theme } = this.#options;
    if (since === undefined) return [];
    const name = " new ";
    if (columns === undefined) {
      return [{ head: "", text: `--${name}since ${timeOfDay(new Date(since))} --` }];
    }
    const dashes = "─".repeat(Math.max(1, (columns() - name.length) / 2 / DASH_COLUMNS));
    return [{ head: "", text: theme.mark(dashes + name + dashes), verbatim: true }];
  }

  /** A QR code is above the digits of a whole number if all fits in the window. */
  #safetyNumberLines(event: SafetyNumberEvent): readonly ShownLine[] {
    const { columns, rows } = this.#options;
    const lines = safetyNumberLines(event, this.#me?.name ?? "NAME");
    if (columns === undefined || rows === undefined || event.asked !== undefined) {
      return this.#timeline.notice(lines);
    }
    const code = this.#qrCode(event.digits, columns());
    const title = `${event.member.name} can also scan this: it holds the same 60 digits.`;
    const all = [
      ...this.#timeline.notice([sanitizeLine(title)]),
      ...code ?? [],
      ...this.#timeline.notice(lines),
    ];
    const needed = all.flatMap((line) => wrapLine(line, columns()).split("\n")).length;
    const fits = code !== undefined && needed + PROMPT_ROWS <= rows();
    return fits ? all : this.#timeline.notice(lines);
  }

  #qrLines(content: string, columns: number): readonly ShownLine[] {
    return this.#qrCode(content, columns) ?? this.#timeline.notice([TOO_NARROW]);
  }

  #qrCode(content: string, columns: number): readonly ShownLine[] | undefined {
    const { qr } = this.#options.theme;
    return fittingQrLines(content, columns)
      ?.map((line): ShownLine => ({ head: "", text: qr(line), verbatim: true }));
  }

  /** Describes the place in one row of a width; empty before the room is joined. */
  placeLine(columns: number): string {
    const line = this.awaitsEnter
      ? "Press Enter to leave."
      : this.#place.line(columns - PLACE_MARK_COLUMNS);
    return line === "" ? "" : `${this.#options.theme.mark(PLACE_MARK)} ${line}`;
  }

  /** Describes the transfers that are under way, in one row of a width; empty if there are none. */
  transferLine(columns: number): string {
    const line = this.#board.line(columns - PLACE_MARK_COLUMNS);
    return line === "" ? "" : `${this.#options.theme.mark(PLACE_MARK)} ${line}`;
  }

  /** Asks once before transfers end with the run. @returns The question; no lines if the person may leave. */
  leave(): readonly ShownLine[] {
    const { names } = this.#board;
    if (names.length === 0 || this.#isWarned) return [];
    this.#isWarned = true;
    const are = names.length === 1 ? "is" : "are";
    return this.#timeline.notice([
      sanitizeLine(
        `${names.join(", ")} ${are} still under way. To leave all the same, do it again.`,
      ),
    ]);
  }

  // This member's messages.

  /** Counts of this member's messages without a final state, in words. */
  get summary(): string {
    return this.#own.summary;
  }

  /** This member's messages that the host does not have; they belong below everything shown. */
  get unsent(): readonly Line[] {
    return this.#options.echoes ? this.#own.unsent : [];
  }

  /**
   * Ends the conversation.
   *
   * @param draft The typed line, which is sent no more.
   * @returns This member's messages that the host does not have, and the typed line.
   */
  end(draft: string): readonly Line[] {
    const { expand = (text) => text } = this.#options;
    const unsent = this.#own.takeUnsent().flatMap((message) => this.#ownLines(message));
    if (draft.trim() === "") return unsent;
    return [...unsent, ...this.#timeline.notice([`Not sent: ${sanitize(expand(draft))}`])];
  }

  /** Formats a line as it is now, to stay on the screen. */
  shownLine(line: Line): ShownLine {
    return isOwn(line) ? this.#timeline.line(...this.#ownParts(line), line.at) : line;
  }

  /** As {@linkcode Conversation.shownLine}, but shortens one whose mark may change. @param length Maximum characters. */
  excerptOf(line: Line, length: number): ShownLine {
    return isFixed(line)
      ? this.shownLine(line)
      : this.shownLine({ ...line, text: shorten(line.text, length) });
  }

  #failedLines({ id, code }: FailedEvent): readonly Line[] {
    const message = this.#own.failed(id);
    const { text = "", to } = message ?? {};
    const withheld = this.#book.withheld.filter(({ key }) => to === undefined || to.key === key);
    const names = withheld.map(({ name }) => name);
    const hint = failureAdvice(code, { to: to?.name, withheld: names });
    const problem = failedMessage(code, text, "");
    // The same hint after each of many messages would hide what happened to them.
    const shown = hint === this.#failureHint ? problem : { ...problem, hint };
    this.#failureHint = hint;
    return [...this.#ownLines(message), ...this.#timeline.notice(noticeLines(shown))];
  }

  #ownLines(message: OwnMessage | undefined): readonly Line[] {
    if (!this.#options.echoes || message === undefined) return [];
    return [...this.#timeline.day(message.at), message];
  }

  #ownParts({ away, kind, left, state, text, to }: OwnMessage): [head: string, text: string] {
    const { theme } = this.#options;
    const me = theme.name(this.#me ?? { name: "you", key: "" });
    const sender = to === undefined ? me : `${me} to ${theme.name(to)}`;
    const head = messageHead(sender, { kind, private: to !== undefined });
    const lacking = lackingSentence(away, left);
    // Two check marks say that all have it.
    const mark = lacking === "" ? STATE_MARKS[state] : `${STATE_MARKS.sent} ${lacking}`;
    return [head, `${sanitize(text)} ${theme.time(mark)}`];
  }
}

function isOwn(line: Line): line is OwnMessage {
  return "state" in line;
}

/** Whether a line stays as it is. */
export function isFixed(line: Line): boolean {
  return !isOwn(line) || line.isFinal;
}

/** Shortens a text to an excerpt that identifies it. @param length Maximum characters. */
function shorten(text: string, length: number): string {
  const lines = text.split("\n");
  if (lines.length <= MAX_PENDING_LINES) return excerpt(text, length);
  return `${excerpt(lines[0]!, length)} (${lines.length} lines)`;
}
