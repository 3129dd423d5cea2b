/** The front end for pipes and scripts: one line of text for one message. */
import { decodeText, MAX_TEXT_BYTES } from "../wire/mod.ts";
import {
  failure,
  type ProblemEvent,
  type RefusedWish,
  type SessionEvent,
  type Wish,
} from "../session_events.ts";
import { columnsOf, type StandardStreams, standardStreams } from "./process.ts";
import type { FrontEnd } from "../session/mod.ts";
import { type InputLine, readLines } from "./lines.ts";
import { markedName, messageLine } from "./theme.ts";
import { Output } from "./output.ts";
import { noticeLines } from "./notices.ts";
import { isPassing } from "./passing.ts";
import { ProgressSteps } from "./progress_steps.ts";
import { escapeText } from "./sanitize.ts";
import { TransferBoard } from "./transfer_board.ts";
import { wrapOutput } from "./wrap.ts";

const PREFIX = "lanchat: ";

/** Options of a {@linkcode PlainFrontEnd}. */
export interface PlainOptions {
  /** The only reader of every line; all members without. */
  readonly to?: string | undefined;
  /** Whether to show only messages and errors. */
  readonly quiet?: boolean | undefined;
  /** Whether files are all that this run is about: then messages, joins and leaves are not shown. */
  readonly onlyFiles?: boolean | undefined;
  /** Whether progress is redrawn in one row of standard error, a terminal. */
  readonly redraws?: boolean;
}

/** The mark of an action, which no name may start with. */
const ACTION = /^\*/;

/**
 * Sends each input line as a message, with the line number as its id. Received messages go to standard
 * output, one a line; everything else goes to standard error.
 */
export class PlainFrontEnd implements FrontEnd {
  /** The message of each line, or its refusal. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if standard output breaks. */
  readonly broken: Promise<void>;
  /** Never resolves: Ctrl-C is a signal here. */
  readonly interrupted: Promise<void> = new Promise(() => {});
  readonly #output: Output;
  readonly #options: PlainOptions;
  /** Width of standard error. */
  readonly #columns: () => number;
  readonly #hintsShown = new Set<string>();
  readonly #steps = new ProgressSteps();
  readonly #board = new TransferBoard();
  /** The row of progress on the screen; empty if there is none. */
  #row = "";

  /** Takes over streams; by default those of the process, and then a terminal gets wrapped lines. */
  constructor(given?: StandardStreams, options: PlainOptions = {}) {
    const streams = given ?? standardStreams();
    this.#columns = () => given === undefined ? columnsOf(Deno.stderr) : Infinity;
    this.#options = options;
    this.#output = new Output(streams);
    this.broken = this.#output.broken;
    this.input = ReadableStream.from(this.#read(streams.stdin));
  }

  /** Writes a message to standard output, and any other event to standard error. */
  show(event: SessionEvent): void {
    const { onlyFiles, redraws } = this.#options;
    if (onlyFiles && (event.event === "message" || isPassing(event))) return;
    this.#board.hear(event);
    if (!redraws) return this.#steps.hear(event) ? this.#print(event) : undefined;
    if (event.event !== "progress") {
      this.#draw("");
      this.#print(event);
    }
    this.#draw(this.#board.line(this.#columns()));
  }

  #print(event: SessionEvent): void {
    if (event.event === "message") {
      const name = markedName(event.from, escapeText).replace(ACTION, escapeByte);
      this.#output.write(`${messageLine(name, escapeText(event.text), event)}\n`);
    } else if (event.event === "failed") {
      const message = `Cannot deliver line ${event.id} (${event.code})`;
      this.#print(failure(event.code, message));
    } else if (!this.#options.quiet || event.event === "error" || event.event === "file-failed") {
      const shown = "hint" in event ? this.#withNewHint(event) : event;
      const columns = this.#columns();
      for (const line of noticeLines(shown)) {
        this.#output.write(`${wrapOutput(PREFIX + line, columns)}\n`, "stderr");
      }
    }
  }

  /** Replaces the row of progress. */
  #draw(row: string): void {
    if (row !== this.#row) this.#output.write(`\r${row}\x1b[K`, "stderr");
    this.#row = row;
  }

  /** Resolves once more events may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Resolves once all events are written. */
  close(): Promise<void> {
    this.#draw("");
    return this.#output.close();
  }

  async *#read(stdin: ReadableStream<Uint8Array>): AsyncGenerator<Wish, void, void> {
    for await (const line of readLines(stdin, MAX_TEXT_BYTES)) {
      if (line.bytes?.length !== 0) yield this.#parse(line);
    }
  }

  #parse({ number, bytes }: InputLine): Wish {
    if (bytes === undefined) {
      return this.#refuse("message-too-long", number, `over ${MAX_TEXT_BYTES} bytes`);
    }
    try {
      const { to } = this.#options;
      const wish = {
        do: "say",
        text: decodeText(bytes),
        kind: "text",
        id: String(number),
      } as const;
      return to === undefined ? wish : { ...wish, to };
    } catch {
      return this.#refuse("bad-utf8", number, "not UTF-8");
    }
  }

  #refuse(code: RefusedWish["code"], line: number, reason: string): RefusedWish {
    const message = `Cannot send line ${line}: ${reason}`;
    this.show({ ...failure(code, message), line });
    return { do: "refused", code, line };
  }

  /** Removes a hint that was shown: after each of a thousand lines it would hide what happened. */
  #withNewHint({ hint = "", ...problem }: ProblemEvent): ProblemEvent {
    if (this.#hintsShown.has(hint)) return problem;
    this.#hintsShown.add(hint);
    return { ...problem, hint };
  }
}

function escapeByte(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16)}`;
}
