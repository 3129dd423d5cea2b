/** The terminal of a process as a device: its streams, its size, its modes and its signals. */
import { utf8 } from "../bytes/mod.ts";
import { environmentVariable, isGranted } from "../permission.ts";
import { onSignal } from "../signals.ts";
import { setRaw, typedInput } from "./console.ts";
import { type StandardStreams, standardStreams } from "./process.ts";

/** The size of a terminal that does not report one. */
const [DEFAULT_COLUMNS, DEFAULT_ROWS] = [80, 24];

/** Delay between the last change of the window's size and drawing, in milliseconds. */
export const RESIZE_MS = 50;

/**
 * The same in tmux, which sends SIGWINCH 250 ms after it has reflowed the screen, later if busy: drawing before
 * that leaves copies of the line. A narrower window pushes the rows of a line that begins in its first rows
 * into the scrollback, where nothing can clear them.
 */
const TMUX_RESIZE_MS = 500;

/** A terminal. */
export interface TerminalDevice extends StandardStreams {
  /** Width, in characters. */
  columns(): number;
  /** Height, in rows. */
  rows(): number;
  /** Sets or leaves raw mode: no echo, no line editing, no signals from keys. */
  setRaw(raw: boolean): void;
  /** Delay before drawing in a new size, in milliseconds; {@linkcode RESIZE_MS} by default. */
  readonly resizeMs?: number;
  /** Whether it does not reflow the row of the cursor. */
  readonly keepsCursorRow?: boolean;
  /** Writes synchronously, because the program may end next. */
  writeSync(text: string): void;
  /**
   * Calls a function when the window may have another size, or has lost its content.
   *
   * @returns Stops listening.
   */
  onResize(listener: () => void): () => void;
  /**
   * Calls a function when the program continues after it was stopped.
   *
   * @returns Stops listening.
   */
  onContinue(listener: () => void): () => void;
  /**
   * Calls a function before Deno itself writes on the terminal: at SIGUSR1 it tries to open its debugger.
   *
   * @returns Stops listening.
   */
  onIntrusion(listener: () => void): () => void;
}

/** The terminal of this process. */
export function processTerminal(): TerminalDevice {
  return {
    ...standardStreams(),
    stdin: typedInput(),
    columns: () => unlessGone(() => Deno.consoleSize().columns) || DEFAULT_COLUMNS,
    rows: () => unlessGone(() => Deno.consoleSize().rows) || DEFAULT_ROWS,
    resizeMs: mayBeInTmux() ? TMUX_RESIZE_MS : RESIZE_MS,
    keepsCursorRow: environmentVariable("TERM_PROGRAM") === "vscode",
    setRaw: (raw) => unlessGone(() => setRaw(raw)),
    writeSync: (text) => unlessGone(() => void Deno.stdout.writeSync(utf8(text))),
    onResize: (listener) => onSignal("SIGWINCH", listener),
    onContinue: (listener) => onSignal("SIGCONT", listener),
    onIntrusion: (listener) => onSignal("SIGUSR1", listener),
  };
}

/** Whether this may be tmux: it is, or the environment cannot be read. */
function mayBeInTmux(): boolean {
  return !isGranted({ name: "env", variable: "TMUX" }) || environmentVariable("TMUX") !== undefined;
}

/** Ignores errors of a terminal whose window was closed: the next read or write reports them. */
function unlessGone<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
