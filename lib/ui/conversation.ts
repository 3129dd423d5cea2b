import { escape } from "@std/regexp/escape";
import { type Clock, systemClock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import { parseLine } from "./line_parser.ts";
import { helpLines, type ParsedLine, type SlashCommand } from "./slash_commands.ts";
import type { MemberRef } from "./member_names.ts";
import type {
  FailedEvent,
  InviteEvent,
  MemberView,
  MessageEvent,
  PresentView,
  SafetyNumberEvent,
  SessionEvent,
  Wish,
} from "../session_events.ts";
import { type Look, markedName, messageLine } from "./look.ts";
import { type Fate, type OwnMessage, OwnMessages } from "./own_messages.ts";
import { fittingQrLines, noQrSentence } from "./qr.ts";
import { awaySentence, failedMessage, noticeLines, personLines } from "./notices.ts";
import { typedName } from "../wire/mod.ts";
import { excerpt, sanitize } from "./sanitize.ts";
import { Transcript } from "./transcript.ts";

/** What `/help` adds where lanchat edits the line. */
const KEYS_HELP: readonly string[] = [
  "Ctrl-R searches the lines that you typed; Ctrl-G cancels.",
  "Tab completes commands and names.",
  "The up and down arrow keys bring earlier lines back.",
];

/** Lines, and characters, of an own message that are shown as long as its mark may change. */
const MAX_WAITING = { lines: 3, length: 160 };

/** Whoever wrote alone before that many others did is not remembered. */
const MAX_CORRESPONDENTS = 100;

/** Behind an own message: what has become of it. */
const FATE_MARKS: Readonly<Record<Fate, string>> = {
  unsent: "…",
  sent: "✓",
  delivered: "✓✓",
  failed: "✗",
};

/** How people at a terminal are shown what happens. */
export interface ConversationOptions {
  /** How the parts of a line look. */
  readonly look: Look;
  /** Whether own messages are shown; elsewhere the terminal has shown them as they were typed. */
  readonly echoes: boolean;
  /** Whether the line is edited here; only then it is known when it was begun. */
  readonly editsLine: boolean;
  /** How many characters fit in a row; no QR code is shown without. */
  readonly columns?: () => number;
  /** Takes a message that is for this person, as a mention or alone. */
  readonly notify: (from: string, text: string) => void;
  /** Takes lines that time alone has made ready to be shown. */
  readonly print: (lines: readonly string[]) => void;
  /** Puts what was pasted where its mark is in a line. */
  readonly expand?: (text: string) => string;
  /** The time. */
  readonly clock?: Clock;
}

/** What a line that was entered leads to. */
export interface Entered {
  /** What to show; line breaks are LF. */
  readonly lines: readonly string[];
  /** What to do. */
  readonly inputs: readonly Wish[];
  /** What the terminal itself is to do. */
  readonly action?: "clear" | "quit";
}

/**
 * What a person at a terminal is shown of a chat, as lines that are safe to show there, and what the
 * person's own lines mean: who is here, who wrote alone, what has become of one's own messages.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #clock: Clock;
  readonly #transcript: Transcript;
  readonly #own: OwnMessages;
  /** By key and session: a session alone is shown by its beginning. */
  readonly #members = new Map<string, MemberView>();
  /** The members when the line was begun. */
  #known: readonly MemberView[] = [];
  /** Who wrote alone since the line was begun, each once, and who did last before that. */
  readonly #correspondents: { answered?: MemberView; since: MemberView[] } = { since: [] };
  #me: MemberView | undefined;
  #mention: RegExp | undefined;
  #hint = "";

  /** Begins before anybody is known. */
  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#transcript = new Transcript(options.look, this.#clock);
    this.#own = new OwnMessages(() => options.print(this.#settledLines()), this.#clock);
  }

  /** Whether one is in the room. */
  get ready(): boolean {
    return this.#me !== undefined;
  }

  /** The other members. */
  get members(): readonly MemberView[] {
    return [...this.#members.values()];
  }

  /**
   * Own messages whose mark may still change, each one shortened where it is long; they follow what was
   * shown before.
   */
  get waiting(): readonly string[] {
    if (!this.#options.echoes) return [];
    return this.#own.waiting.map((message) =>
      this.#transcript.line(this.#ownLine({ ...message, text: brief(message.text) }), message.at)
    );
  }

  /** How many own messages are not over, in words. */
  get summary(): string {
    return this.#own.summary;
  }

  /** Gives up the first of {@linkcode Conversation.waiting}. @returns What to show of it for good. */
  settleFirst(): readonly string[] {
    return this.#timed(this.#own.takeFirst());
  }

  /** Gives up all of them, and waits for nothing more. */
  settleAll(): readonly string[] {
    this.#own.close();
    return this.#timed(this.#own.takeAll());
  }

  /** A line is begun: `/reply` answers who wrote before that, and names are those of then as well. */
  begin(): void {
    this.#known = this.members;
    const { since } = this.#correspondents;
    const last = since.at(-1);
    if (last !== undefined) this.#correspondents.answered = last;
    since.length = 0;
  }

  /** Notes an event. @returns What to show of it; line breaks are LF. */
  hear(event: SessionEvent): readonly string[] {
    switch (event.event) {
      case "message":
        this.#meet(event.from);
        if (event.private) this.#hearFrom(event.from);
        return this.#messageLines(event);
      case "sent":
        this.#own.sent(event.id);
        return this.#settledLines();
      case "delivered":
        this.#own.delivered(event.id, event.away ?? []);
        return this.#settledLines();
      case "failed":
        return this.#failedLines(event);
      case "ready":
        this.#isCalled(event);
        this.#meetAll(event.members);
        return this.#notice(event);
      case "invite":
        return [...this.#notice(event), ...this.#qrLines(event)];
      case "members":
        this.#meetAll(event.members);
        return this.#notice(event);
      case "joined":
      case "verified":
        this.#meet(event.member);
        return this.#notice(event);
      case "safety-number":
        return this.#safetyNumberLines(event);
      case "renamed":
        if (event.own) this.#isCalled(event.member);
        else this.#meet(event.member);
        return this.#notice(event);
      case "ignoring":
        if (event.ignored) this.#forgetCorrespondent(event.member);
        return this.#notice(event);
      case "warning":
        if (event.code === "seat-lost") this.#own.abandonSent();
        return [...this.#settledLines(), ...this.#notice(event)];
      case "left":
        this.#members.delete(memberId(event.member));
        return this.#notice(event);
      default:
        return this.#notice(event);
    }
  }

  /** Takes a line that was entered. */
  enter(line: string): Entered {
    const { expand } = this.#options;
    try {
      return this.#obey(parseLine(line, {
        members: this.#addressable(),
        correspondents: this.#answerable(),
        ...expand !== undefined && { expand },
      }));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { code, message, hint } = error;
      return { lines: this.#notice({ event: "error", code, message, hint }), inputs: [] };
    }
  }

  #obey(command: ParsedLine): Entered {
    switch (command.do) {
      case "say":
        return { lines: [], inputs: [this.#say(command)] };
      case "retry":
        return this.#retry();
      case "help":
        return { lines: this.#help(command.topic), inputs: [] };
      case "nothing":
        return { lines: [], inputs: [] };
      case "clear":
      case "quit":
        return { lines: [], inputs: [], action: command.do };
      default:
        return { lines: [], inputs: [command] };
    }
  }

  #help(topic?: SlashCommand): readonly string[] {
    const keys = topic === undefined && this.#options.editsLine ? KEYS_HELP : [];
    return this.#transcript.notice([...helpLines(topic), ...keys]);
  }

  /**
   * Whoever a name may mean: those who are here, and those who were called so when the line was begun.
   * Where these differ, it is said that several can be meant, and nobody gets what another was to read.
   */
  #addressable(): readonly MemberRef[] {
    const all = [...this.members, ...this.#known];
    return [
      ...new Map(all.map((member) => [`${memberId(member)} ${member.name}`, member])).values(),
    ];
  }

  #hearFrom(member: MemberView): void {
    const { since } = this.#correspondents;
    const earlier = since.findIndex((other) => memberId(other) === memberId(member));
    if (earlier >= 0) since.splice(earlier, 1);
    since.push(member);
    if (since.length > MAX_CORRESPONDENTS) since.shift();
  }

  #forgetCorrespondent({ key }: MemberView): void {
    const { answered, since } = this.#correspondents;
    if (answered?.key === key) delete this.#correspondents.answered;
    this.#correspondents.since = since.filter((other) => other.key !== key);
  }

  /** Whoever `/reply` may mean. */
  #answerable(): readonly MemberRef[] {
    const { answered, since } = this.#correspondents;
    const all = [
      ...answered === undefined ? [] : [answered],
      ...this.#options.editsLine ? [] : since,
    ];
    // By the names that they have now.
    const named = all.map((member) => this.#members.get(memberId(member)) ?? member);
    return [...new Map(named.map((member) => [member.key, member])).values()];
  }

  #say({ kind, text, to: addressee }: Pick<OwnMessage, "kind" | "text" | "to">): Wish {
    const to = addressee && this.#named(addressee);
    const { id } = this.#own.say({ kind, text, to });
    return { do: "say", text, kind, id, ...to !== undefined && this.#addressed(to) };
  }

  #retry(): Entered {
    const messages = this.#own.takeFailed();
    const lines = messages.length > 0
      ? []
      : this.#transcript.notice(["There is nothing to send again."]);
    return { lines, inputs: messages.map((message) => this.#say(message)) };
  }

  /** By the name that the only one with the key has now. */
  #named(addressee: MemberRef): MemberRef {
    const [first, ...others] = this.members.filter(({ key }) => key === addressee.key);
    return first !== undefined && others.length === 0 ? first : addressee;
  }

  /** By the key, as a name may be another's by the time that the message goes; unless two share the key. */
  #addressed({ key, name }: MemberRef): { to: string } {
    const holders = this.members.filter((member) => member.key === key);
    const byName = holders.length > 1 && holders.some((member) => member.name === name);
    return { to: byName ? name : key };
  }

  // Who is here.

  /** These are all. */
  #meetAll(members: readonly PresentView[]): void {
    this.#members.clear();
    for (const member of members) if (!member.unannounced) this.#meet(member);
  }

  /** Knows a member, by the name that it has now. */
  #meet(member: MemberView): void {
    this.#members.set(memberId(member), member);
  }

  #isCalled(me: MemberView): void {
    this.#me = me;
    // Where several have the name, people still call each by it alone.
    const name = escape(typedName(me.name.split("#", 1)[0]!));
    this.#mention = new RegExp(`(?<![\\p{L}\\p{N}_])${name}(?![\\p{L}\\p{N}_])`, "giu");
  }

  // What is shown.

  #notice(event: SessionEvent): readonly string[] {
    return this.#transcript.notice(personLines(event));
  }

  /** The code, where there is one, stands above the digits: these must be seen in a low window too. */
  #safetyNumberLines(event: SafetyNumberEvent): readonly string[] {
    const { columns, look } = this.#options;
    const notice = this.#notice(event);
    if (columns === undefined || event.asked !== undefined) return notice;
    const lines = fittingQrLines(event.digits, columns());
    if (lines !== undefined) return [...lines.map(look.qr), ...notice];
    return [
      ...notice,
      ...this.#transcript.notice([`${noQrSentence("the number")} The digits do as well.`]),
    ];
  }

  /** The QR code of an invite: at the start where the link alone lets others in, later where it is asked for. */
  #qrLines({ link, secret }: InviteEvent): readonly string[] {
    const { columns, look } = this.#options;
    if (columns === undefined || !(secret || this.ready)) return [];
    const lines = fittingQrLines(link, columns());
    return lines?.map(look.qr) ??
      this.#transcript.notice([`${noQrSentence("the link")} /invite shows it in a wider one.`]);
  }

  #messageLines(event: MessageEvent): readonly string[] {
    const { look, notify } = this.#options;
    const { from, text } = event;
    const safe = sanitize(text);
    const marked = this.#mention === undefined
      ? safe
      : safe.replaceAll(this.#mention, look.mention);
    if (event.private || this.#mentions(safe)) notify(markedName(from), text);
    const line = messageLine(look.name(from), marked, event);
    return this.#transcript.timed(line, event.at);
  }

  #mentions(text: string): boolean {
    return this.#mention !== undefined && text.search(this.#mention) >= 0;
  }

  #ownLine({ away, fate, kind, text, to }: OwnMessage): string {
    const { look } = this.#options;
    const me = look.name(this.#me ?? { name: "you", key: "" });
    const sender = to === undefined ? me : `${me} to ${look.name(to)}`;
    const line = messageLine(sender, sanitize(text), { kind, private: to !== undefined });
    const mark = away.length === 0 ? FATE_MARKS[fate] : `${FATE_MARKS.sent} ${awaySentence(away)}`;
    return `${line} ${look.time(mark)}`;
  }

  #timed(messages: readonly OwnMessage[]): readonly string[] {
    if (!this.#options.echoes) return [];
    return messages.flatMap((message) =>
      this.#transcript.timed(this.#ownLine(message), message.at)
    );
  }

  #settledLines(): readonly string[] {
    return this.#timed(this.#own.takeSettled());
  }

  #failedLines({ id, code }: FailedEvent): readonly string[] {
    const problem = failedMessage(code, this.#own.failed(id)?.text ?? "");
    const hint = `${problem.hint} /retry sends it again.`;
    // The same hint after each of many messages would hide what happened to them.
    const shown = hint === this.#hint ? "" : hint;
    this.#hint = hint;
    return [
      ...this.#settledLines(),
      ...this.#transcript.notice(noticeLines({ ...problem, hint: shown })),
    ];
  }
}

/** As much of a text as tells which one it is. */
function brief(text: string): string {
  const lines = text.split("\n");
  if (lines.length <= MAX_WAITING.lines) return excerpt(text, MAX_WAITING.length);
  return `${excerpt(lines[0]!, MAX_WAITING.length)} (${lines.length} lines)`;
}

function memberId({ key, session }: MemberView): string {
  return `${key} ${session}`;
}
