import type { SessionEvent, Wish } from "../session_events.ts";

/** What stands between a chat and the person or script in front of it. */
export interface FrontEnd {
  /** Shows an event, later and in order. */
  show(event: SessionEvent): void;

  /** Resolves once little enough is unwritten that more may be shown. */
  writable(): Promise<void>;

  /**
   * What is wanted, in order; it closes at the end of input and fails if that cannot be read. A pipe
   * is not read before this is.
   */
  readonly input: ReadableStream<Wish>;

  /** Resolves if standard output cannot be written any more. */
  readonly broken: Promise<void>;

  /**
   * Resolves at Ctrl-C where the terminal makes no signal of it, and at any wish to quit before
   * `ready`. The wish comes in `input` too, but behind whatever waits there.
   */
  readonly interrupted: Promise<void>;

  /**
   * Restores the terminal, and resolves once all that was shown is written. A read of standard input
   * may stay pending, as nothing can end it: only `Deno.exit` ends a program then.
   */
  close(): Promise<void>;
}
