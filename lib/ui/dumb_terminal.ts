/** The front end for terminals without cursor movement and for screen readers. */
import { type Clock, systemClock } from "../clock.ts";
import { decodeText, MAX_TEXT_BYTES } from "../wire/mod.ts";
import { typedInput } from "./console.ts";
import { Conversation, type Line } from "./conversation.ts";
import type { Code } from "../errors.ts";
import { failure, type SessionEvent, type Wish } from "../session_events.ts";
import { onSignal } from "../signals.ts";
import { type StandardStreams, standardStreams } from "./process.ts";
import type { FrontEnd } from "../session/mod.ts";
import { type InputLine, readLines } from "./lines.ts";
import { type Files, NO_FILES } from "./paths.ts";
import type { TerminalDevice } from "./terminal_device.ts";
import { PLAIN_THEME } from "./theme.ts";
import { Notifier } from "./notifier.ts";
import { Output } from "./output.ts";
import { wrapLine } from "./wrap.ts";

/** Maximum line, in bytes: the longest text and a command before it. */
const MAX_LINE_BYTES = MAX_TEXT_BYTES + 1024;

/** Options of a {@linkcode DumbTerminalFrontEnd}. */
export interface DumbTerminalOptions {
  /** Whether mentions and private messages ring the bell at first. */
  readonly notify: boolean;
  /** Whether joins and leaves are hidden at first. */
  readonly quiet: boolean;
  /** The room's name, if the host gave it one. */
  readonly room?: string | undefined;
  /** Whether this run joins by an invite that no one enters without. */
  readonly joinsByInvite?: boolean | undefined;
  /** The files that a typed path means. */
  readonly files?: Files | undefined;
  /** The streams; by default those of the process. */
  readonly streams?: StandardStreams;
  /** The clock; by default that of the machine. */
  readonly clock?: Clock;
  /** Listens for when the program continues after it was stopped; by default for SIGCONT. */
  readonly onContinue?: TerminalDevice["onContinue"];
}

/** Shows one line after the other without colors, and leaves editing to the terminal. */
export class DumbTerminalFrontEnd implements FrontEnd {
  /** The wishes of the typed lines. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if the terminal breaks. */
  readonly broken: Promise<void>;
  /** Never resolves: Ctrl-C is a signal here. */
  readonly interrupted: Promise<void> = new Promise(() => {});
  readonly #output: Output;
  readonly #conversation: Conversation;
  readonly #stopListening: () => void;

  /** Takes over a terminal; by default that of the process. */
  constructor(options: DumbTerminalOptions) {
    const { clock = systemClock, notify, quiet, room, streams = terminalStreams() } = options;
    const {
      files = NO_FILES,
      joinsByInvite,
      onContinue = (listener) => onSignal("SIGCONT", listener),
    } = options;
    this.#output = new Output(streams);
    this.broken = this.#output.broken;
    const notifier = new Notifier(() => undefined, clock);
    this.#conversation = new Conversation({
      theme: PLAIN_THEME,
      echoes: false,
      editsLine: false,
      notify: (from, text) => {
        this.#output.write(notifier.notify(from, text));
      },
      notifies: notify,
      quiet,
      room,
      joinsByInvite,
      files,
      clock,
    });
    this.#stopListening = onContinue(() => this.#conversation.goOn());
    this.input = ReadableStream.from(this.#read(streams.stdin));
  }

  /** Prints an event. */
  show(event: SessionEvent): void {
    this.#print(this.#conversation.hear(event));
  }

  /** Resolves once more events may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Resolves once all lines are written. */
  async close(): Promise<void> {
    this.#stopListening();
    await this.#output.close();
  }

  #print(lines: readonly Line[]): void {
    for (const line of lines) {
      const shown = this.#conversation.shownLine(line);
      this.#output.write(`${wrapLine(shown, Infinity)}\n`);
    }
  }

  async *#read(stdin: ReadableStream<Uint8Array>): AsyncGenerator<Wish, void, void> {
    for await (const line of readLines(stdin, MAX_LINE_BYTES)) {
      this.#conversation.see();
      const { action, lines, wishes } = this.#conversation.enter(this.#textOf(line));
      this.#print(lines);
      this.#conversation.beginLine();
      yield* wishes;
      if (action !== "quit") continue;
      const question = this.#conversation.leave();
      if (question.length === 0) break;
      this.#print(question);
    }
    yield { do: "quit" };
  }

  /** Decodes a line. @returns Its text; empty if it was refused. */
  #textOf({ bytes }: InputLine): string {
    if (bytes === undefined) return this.#refuse("message-too-long");
    try {
      return decodeText(bytes);
    } catch {
      return this.#refuse("bad-utf8");
    }
  }

  #refuse(code: Code): string {
    this.show(failure(code, "Cannot use the line"));
    return "";
  }
}

function terminalStreams(): StandardStreams {
  return { ...standardStreams(), stdin: typedInput() };
}
