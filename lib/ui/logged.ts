/** Logs a conversation beside the front end that shows it. */
import { BoundedMap } from "../bounded_map.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { FailedEvent, MemberView, SayWish, SessionEvent, Wish } from "../session_events.ts";
import type { FrontEnd } from "../session/mod.ts";
import { markedName, messageLine } from "./theme.ts";
import { failedMessage, noticeLines } from "./notices.ts";
import { sanitize, sanitizeLine } from "./sanitize.ts";

/** Members whose names are remembered: more than a room has. */
const MAX_NAMES = 4096;

/** What a name may not begin or end with, as its line would look like one of another kind. */
const MISLEADING = /^[*>]|\((?=private\)$)/g;

/**
 * Appends to a log what a front end shows, and what is said in front of it.
 *
 * An entry is `TIME TEXT`, and what follows a line break in a message is indented. TEXT is `# …` for
 * a notice, `> …` for an own message, `* NAME …` for what somebody does, `NAME: …` for a message; no
 * name can pass for one of the others. Nothing in it acts on a terminal. See LOG.md.
 *
 * @example A message
 * ```ts
 * import { LoggedFrontEnd, PlainFrontEnd } from "./mod.ts";
 * import { assertMatch } from "@std/assert";
 *
 * let text = "";
 * const frontEnd = new LoggedFrontEnd(
 *   new PlainFrontEnd({
 *     stdin: new ReadableStream(),
 *     stdout: new WritableStream(),
 *     stderr: new WritableStream(),
 *   }),
 *   new WritableStream({ write: (entry) => void (text += entry) }),
 * );
 * const from = { name: "bob", tag: "", key: "", session: "" };
 * frontEnd.show({ event: "message", from, text: "hi\nada", kind: "text", private: false, at: 0 });
 * await frontEnd.close();
 * assertMatch(text, /^[\d-]+T[\d:.]+Z bob: hi\n {6}ada\n$/);
 * ```
 */
export class LoggedFrontEnd implements FrontEnd {
  /** As it comes from the front end; each `say` is logged when it is read. */
  readonly input: ReadableStream<Wish>;
  /** As the front end says. */
  readonly broken: Promise<void>;
  /** As the front end says. */
  readonly interrupted: Promise<void>;
  readonly #frontEnd: FrontEnd;
  readonly #log: WritableStreamDefaultWriter<string>;
  readonly #failureTold: Promise<void>;
  readonly #clock: Clock;
  readonly #unanswered = new Map<string, string>();
  /** How members are shown, by key. */
  readonly #names = new BoundedMap<string, string>(MAX_NAMES);
  #name = "you";

  /**
   * Stands before a front end.
   *
   * @param log Takes entries, each of whole lines. Should it fail, one warning says so.
   */
  constructor(frontEnd: FrontEnd, log: WritableStream<string>, clock: Clock = systemClock) {
    this.#frontEnd = frontEnd;
    this.#log = log.getWriter();
    this.#clock = clock;
    this.input = ReadableStream.from(this.#read());
    this.broken = frontEnd.broken;
    this.interrupted = frontEnd.interrupted;
    this.#failureTold = this.#log.closed.catch(({ message }) => {
      const hint = "The chat goes on; what comes now is not logged.";
      frontEnd.show({ event: "warning", code: "log-unwritable", message, hint });
    });
  }

  /** Shows an event, and logs it. */
  show(event: SessionEvent): void {
    this.#frontEnd.show(event);
    switch (event.event) {
      case "message":
        return this.#append(
          messageLine(markedName(event.from, named), sanitize(event.text), event),
        );
      case "invite":
        return this.#append("# The invite link was shown; it is not kept here.");
      case "sent":
        this.#unanswered.delete(event.id);
        return;
      case "failed":
        return this.#appendNotice(this.#failure(event));
      case "ready":
        this.#name = event.name;
        this.#meet(event.members);
        return this.#appendNotice(event);
      case "members":
        this.#meet(event.members);
        return this.#appendNotice(event);
      case "joined":
      case "verified":
        this.#meet([event.member]);
        return this.#appendNotice(event);
      case "renamed":
        if (event.own) this.#name = event.member.name;
        else this.#meet([event.member]);
        return this.#appendNotice(event);
      default:
        return this.#appendNotice(event);
    }
  }

  /** Resolves once little enough is unwritten, on the screen and in the log, that more may be shown. */
  async writable(): Promise<void> {
    await this.#log.ready.catch(() => {}); // One that has failed holds nothing back.
    await this.#frontEnd.writable();
  }

  /** Closes the log, then the front end. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#log.close(), this.#failureTold]);
    await this.#frontEnd.close();
  }

  async *#read(): AsyncGenerator<Wish, void, void> {
    for await (const input of this.#frontEnd.input) {
      if (input.do === "say") this.#say(input);
      if (input.do === "refused") {
        const message = `Cannot send line ${input.line} (${input.code})`;
        this.#appendNotice({ event: "error", code: input.code, message, hint: "" });
      }
      yield input;
    }
  }

  #say({ id, kind, text, to }: SayWish): void {
    this.#unanswered.set(id, text);
    const addressee = to === undefined ? "" : ` to ${this.#names.get(to) ?? sanitizeLine(to)}`;
    const sender = sanitizeLine(this.#name) + addressee;
    const form = { kind, private: to !== undefined };
    this.#append(`> ${messageLine(sender, sanitize(text), form)}`);
  }

  #failure({ code, id }: FailedEvent): SessionEvent {
    const text = this.#unanswered.get(id) ?? "";
    this.#unanswered.delete(id);
    return failedMessage(code, text);
  }

  /** A private message may name its addressee by the key. */
  #meet(members: readonly MemberView[]): void {
    for (const member of members) this.#names.set(member.key, markedName(member));
  }

  #appendNotice(event: SessionEvent): void {
    for (const line of noticeLines(event)) this.#append(`# ${line}`);
  }

  #append(entry: string): void {
    const time = new Date(this.#clock.now()).toISOString();
    this.#log.write(`${time} ${entry}\n`).catch(() => {}); // `closed` tells of it, once.
  }
}

function named(name: string): string {
  return sanitizeLine(name).replaceAll(
    MISLEADING,
    (character) => `\\x${character.charCodeAt(0).toString(16)}`,
  );
}
