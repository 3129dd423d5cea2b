/** The front end for pipes and scripts: one line of text for one message. */
import { CODES } from "../errors.ts";
import { decodeText, MAX_TEXT_BYTES } from "../wire/mod.ts";
import type {
  InviteEvent,
  ProblemEvent,
  RefusedWish,
  SessionEvent,
  Wish,
} from "../session_events.ts";
import { type StandardStreams, standardStreams } from "./process.ts";
import type { FrontEnd } from "../session/mod.ts";
import { type InputLine, readLines } from "./lines.ts";
import { COLOUR_THEME, markedName, messageLine } from "./theme.ts";
import { Output } from "./output.ts";
import { fittingQrLines, noQrSentence } from "./qr.ts";
import { noticeLines } from "./notices.ts";
import { escapeText } from "./sanitize.ts";

const PREFIX = "lanchat: ";

/** Begins the line of an action, so that no name may. */
const ACTION = /^\*/;

/**
 * The front end of pipes and scripts. Every input line is a message and its number is the message's
 * id. Messages of others go to standard output, one a line, everything else to standard error.
 */
export class PlainFrontEnd implements FrontEnd {
  /** Messages, and lines that cannot be one. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if standard output cannot be written any more. */
  readonly broken: Promise<void>;
  /** Stays pending: Ctrl-C is a signal here. */
  readonly interrupted: Promise<void> = new Promise(() => {});
  readonly #output: Output;
  readonly #columns: (() => number) | undefined;
  readonly #hintsShown = new Set<string>();

  /**
   * Reads and writes the process's own streams, or others.
   *
   * @param columns Characters of a row where standard error is a terminal that can show a QR code.
   */
  constructor(streams: StandardStreams = standardStreams(), columns?: () => number) {
    this.#columns = columns;
    this.#output = new Output(streams);
    this.broken = this.#output.broken;
    this.input = ReadableStream.from(this.#read(streams.stdin));
  }

  /** Writes a line to standard output for a message, to standard error for anything else. */
  show(event: SessionEvent): void {
    if (event.event === "message") {
      const name = markedName(event.from, escapeText).replace(ACTION, escapeByte);
      this.#output.write(`${messageLine(name, escapeText(event.text), event)}\n`);
    } else if (event.event === "failed") {
      const message = `Cannot deliver line ${event.id} (${event.code})`;
      this.show({ event: "error", code: event.code, message, hint: CODES[event.code].hint });
    } else {
      const shown = "hint" in event ? this.#withNewHint(event) : event;
      for (const line of noticeLines(shown)) this.#output.write(`${PREFIX}${line}\n`, "stderr");
    }
    if (event.event === "invite") this.#showQr(event);
  }

  /** Resolves once little enough is unwritten that more may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Resolves once everything is written. */
  close(): Promise<void> {
    return this.#output.close();
  }

  /** Where it is the only way in, a host shows it at a terminal as well. */
  #showQr({ link, secret }: InviteEvent): void {
    if (this.#columns === undefined || !secret) return;
    const lines = fittingQrLines(link, this.#columns())?.map(COLOUR_THEME.qr) ??
      [`${PREFIX}${noQrSentence("the link")}`];
    for (const line of lines) this.#output.write(`${line}\n`, "stderr");
  }

  async *#read(stdin: ReadableStream<Uint8Array>): AsyncGenerator<Wish, void, void> {
    for await (const line of readLines(stdin, MAX_TEXT_BYTES)) {
      if (line.bytes?.length !== 0) yield this.#parse(line);
    }
  }

  #parse({ number, bytes }: InputLine): Wish {
    if (bytes === undefined) {
      return this.#refuse("message-too-long", number, `it has over ${MAX_TEXT_BYTES} bytes`);
    }
    try {
      return { do: "say", text: decodeText(bytes), kind: "text", id: String(number) };
    } catch {
      return this.#refuse("bad-utf8", number, "it is not UTF-8");
    }
  }

  #refuse(code: RefusedWish["code"], line: number, reason: string): RefusedWish {
    const message = `Cannot send line ${line} as ${reason}`;
    this.show({ event: "error", code, message, hint: CODES[code].hint, line });
    return { do: "refused", code, line };
  }

  /** The same hint after each of a thousand lines would hide what happened to them. */
  #withNewHint(event: ProblemEvent): ProblemEvent {
    if (this.#hintsShown.has(event.hint)) return { ...event, hint: "" };
    this.#hintsShown.add(event.hint);
    return event;
  }
}

function escapeByte(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16)}`;
}
