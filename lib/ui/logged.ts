/** Logs a conversation beside the front end that shows it. */
import { BoundedMap } from "../bounded_map.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  failure,
  type MemberView,
  type SayWish,
  type SessionEvent,
  warning,
  type Wish,
} from "../session_events.ts";
import type { FrontEnd } from "../session/mod.ts";
import { markedName, messageLine } from "./theme.ts";
import { failedMessage, noticeLines } from "./notices.ts";
import { sanitize, sanitizeLine } from "./sanitize.ts";

/** Maximum members whose names are kept: more than a room has. */
const MAX_NAMES = 4096;

/** Replaces a line break in an entry, so that no line looks like another entry. */
const CONTINUATION = "\n      ";

/** Starts and ends of a name that would make its line look like another kind of entry. */
const MISLEADING = /^[*>]|\((?=private\)$)/g;

/**
 * Wraps a front end and appends its events and this member's messages to a log.
 *
 * An entry is `TIME TEXT`; the text after a line break in a message is indented. TEXT is `# …` for a
 * notice, `> …` for a message of this member, `* NAME …` for an action, `NAME: …` for a message; no name makes an
 * entry look like another kind. No entry controls a terminal. See LOG.md.
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
  /** The wishes of the front end. */
  readonly input: ReadableStream<Wish>;
  /** As of the front end. */
  readonly broken: Promise<void>;
  /** As of the front end. */
  readonly interrupted: Promise<void>;
  readonly #frontEnd: FrontEnd;
  readonly #log: WritableStreamDefaultWriter<string>;
  readonly #failureReported: Promise<void>;
  readonly #clock: Clock;
  /** This member's messages that the host does not have, by id; each is logged once it has, or when it fails. */
  readonly #unsent = new Map<string, SayWish>();
  /** Names of members as they are shown, by key. */
  readonly #names = new BoundedMap<string, string>(MAX_NAMES);
  #name = "you";

  /**
   * Wraps a front end.
   *
   * @param log Takes entries of whole lines. If it fails, the front end shows one warning.
   */
  constructor(frontEnd: FrontEnd, log: WritableStream<string>, clock: Clock = systemClock) {
    this.#frontEnd = frontEnd;
    this.#log = log.getWriter();
    this.#clock = clock;
    this.input = ReadableStream.from(this.#read());
    this.broken = frontEnd.broken;
    this.interrupted = frontEnd.interrupted;
    this.#failureReported = this.#log.closed.catch(({ message }) => {
      const hint = "The chat goes on; what comes now is not logged.";
      frontEnd.show(warning("log-unwritable", message, hint));
    });
  }

  /** Shows and logs an event. */
  show(event: SessionEvent): void {
    this.#frontEnd.show(event);
    switch (event.event) {
      case "message":
        return this.#append(
          messageLine(markedName(event.from, named), sanitize(event.text), event),
        );
      case "invite":
        return this.#append("# The invite link was shown; it is not kept here.");
      case "progress":
        return; // Its end is logged.
      case "sent":
        this.#logOwn(event.id);
        return;
      case "failed":
        return this.#appendNotice(failedMessage(event.code, this.#logOwn(event.id)));
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

  /** Resolves once more events may be shown and logged. */
  async writable(): Promise<void> {
    await this.#log.ready.catch(() => {}); // A log that has failed delays nothing.
    await this.#frontEnd.writable();
  }

  /** Closes the log, then the front end. */
  async close(hurry?: Promise<void>): Promise<void> {
    await Promise.allSettled([this.#log.close(), this.#failureReported]);
    await this.#frontEnd.close(hurry);
  }

  async *#read(): AsyncGenerator<Wish, void, void> {
    for await (const wish of this.#frontEnd.input) {
      if (wish.do === "say") this.#unsent.set(wish.id, wish);
      if (wish.do === "refused") {
        const message = `Cannot send line ${wish.line} (${wish.code})`;
        this.#appendNotice(failure(wish.code, message, ""));
      }
      yield wish;
    }
  }

  /** Logs a message of this member. @returns Its text. */
  #logOwn(id: string): string {
    const wish = this.#unsent.get(id);
    if (wish === undefined) return ""; // It was never read: the front end refused it.
    this.#unsent.delete(id);
    const { kind, text, to } = wish;
    const addressee = to === undefined ? "" : ` to ${this.#names.get(to) ?? sanitizeLine(to)}`;
    const sender = sanitizeLine(this.#name) + addressee;
    const form = { kind, private: to !== undefined };
    this.#append(`> ${messageLine(sender, sanitize(text), form)}`);
    return text;
  }

  /** Notes the names of members: a private message names its addressee by key. */
  #meet(members: readonly MemberView[]): void {
    for (const member of members) this.#names.set(member.key, markedName(member));
  }

  #appendNotice(event: SessionEvent): void {
    for (const line of noticeLines(event)) this.#append(`# ${line}`);
  }

  #append(entry: string): void {
    const time = new Date(this.#clock.now()).toISOString();
    this.#log.write(`${time} ${entry.replaceAll("\n", CONTINUATION)}\n`).catch(() => {}); // `closed` reports it, once.
  }
}

function named(name: string): string {
  return sanitizeLine(name).replaceAll(
    MISLEADING,
    (character) => `\\x${character.charCodeAt(0).toString(16)}`,
  );
}
