import { assertEquals } from "@std/assert";
import type { ReadyEvent, Wish } from "../../lib/session_events.ts";
import type { Files } from "../../lib/ui/paths.ts";
import { TerminalFrontEnd } from "../../lib/ui/terminal.ts";
import { member, NOW } from "../ui/members.ts";
import { Sink } from "../ui/streams.ts";
import { FakeClock } from "./clock.ts";
import { Emulator } from "./emulator.ts";

/** This member is ready, in a room without others. */
export const READY: ReadyEvent = {
  ...member("ada"),
  event: "ready",
  fingerprint: "0".repeat(30),
  host: { tag: "abcdefgh", key: "H".repeat(43), known: true, verified: true },
  joinCode: null,
  members: [],
};

/** A front end with its screen and keyboard in memory. */
export class TerminalOnly implements AsyncDisposable {
  readonly screen: Emulator;
  readonly stdout: Sink;
  readonly frontEnd: TerminalFrontEnd;
  readonly input: ReadableStreamDefaultReader<Wish>;
  readonly clock: FakeClock = new FakeClock(NOW);
  readonly raw: boolean[] = [];
  readonly #keys = new TransformStream<Uint8Array, Uint8Array>();
  readonly #keyboard = this.#keys.writable.getWriter();
  #columns: number;
  #onResize: (() => void) | undefined;
  #onContinue: (() => void) | undefined;

  constructor(
    columns = 30,
    rows = 24,
    {
      before = "",
      colors = true,
      environment = {},
      files,
      joinsByInvite = false,
      keepsCursorRow = false,
      notify = true,
      quiet = false,
      room,
      title = false,
    }: {
      /** What was written to the terminal before. */
      before?: string;
      colors?: boolean;
      environment?: Readonly<Record<string, string>>;
      files?: Files;
      joinsByInvite?: boolean;
      keepsCursorRow?: boolean;
      notify?: boolean;
      quiet?: boolean;
      room?: string;
      title?: boolean;
    } = {},
  ) {
    this.#columns = columns;
    this.screen = new Emulator(columns, rows, "code-points", keepsCursorRow);
    this.screen.write(before);
    this.stdout = new Sink((text) => this.screen.write(text));
    this.frontEnd = new TerminalFrontEnd({
      colors,
      notify,
      quiet,
      room,
      joinsByInvite,
      files,
      title,
      clock: this.clock,
      environment: (variable) => environment[variable],
      device: {
        stdin: this.#keys.readable,
        stdout: this.stdout.stream,
        stderr: new WritableStream(),
        columns: () => this.#columns,
        rows: () => rows,
        keepsCursorRow,
        setRaw: (raw) => void this.raw.push(raw),
        writeSync: (text) => this.screen.write(text),
        onContinue: (listener) => {
          this.#onContinue = listener;
          return () => this.#onContinue = undefined;
        },
        onIntrusion: () => () => {},
        onResize: (listener) => {
          this.#onResize = listener;
          return () => this.#onResize = undefined;
        },
      },
    });
    this.input = this.frontEnd.input.getReader();
  }

  /** Presses keys; each argument arrives in one chunk. */
  async type(...keys: (string | Uint8Array)[]): Promise<void> {
    for (const key of keys) {
      await this.#keyboard.write(typeof key === "string" ? new TextEncoder().encode(key) : key);
    }
  }

  /** Pastes a text as a terminal does that marks it. */
  async paste(text: string): Promise<void> {
    await this.type(`\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~`);
  }

  /** The terminal is gone, or its reading fails. */
  async hangUp(error?: Error): Promise<void> {
    await (error === undefined ? this.#keyboard.close() : this.#keyboard.abort(error));
  }

  /** The window gets another width. */
  resize(columns: number): void {
    this.#columns = columns;
    this.screen.resize(columns);
    this.#onResize!();
  }

  /** The program was stopped and goes on. */
  goOn(): void {
    this.#onContinue!();
  }

  /** Whether it would be noticed that the window has another width, or that the program was stopped. */
  get listens(): boolean {
    return this.#onResize !== undefined || this.#onContinue !== undefined;
  }

  /** Asserts the last rows of the screen after this turn's work. */
  async shows(...rows: string[]): Promise<void> {
    await this.settled();
    assertEquals(this.screen.lines.slice(-rows.length), rows);
  }

  /** Resolves once this turn's work is done and on the screen. */
  async settled(): Promise<void> {
    await endOfTurn();
    await this.screen.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.frontEnd.close();
    await this.screen.close();
  }
}

/** No code here waits for events outside: all effects of a key happen within one turn. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
