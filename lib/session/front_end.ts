/**
 * The interface between a session and the person or script at the front end.
 *
 * @module
 */
import type { SessionEvent, Wish } from "../session_events.ts";

/** Shows events to a person or script, and reads their wishes. */
export interface FrontEnd {
  /** Shows an event; the front end keeps the order. */
  show(event: SessionEvent): void;

  /** Resolves when the front end can take more events: until then its output waits. */
  writable(): Promise<void>;

  /** The wishes, in order. Closes at the end of input, fails if it cannot be read; a pipe is read on demand. */
  readonly input: ReadableStream<Wish>;

  /** Resolves if standard output can no longer be written. */
  readonly broken: Promise<void>;

  /**
   * Resolves at a Ctrl-C that the terminal does not turn into a signal, and at a wish to quit before `ready`.
   * The wish comes in `input` too, after those that wait there.
   */
  readonly interrupted: Promise<void>;

  /**
   * Restores the terminal, and resolves when all events are written. A read of standard input may stay
   * pending because nothing can cancel it: then only `Deno.exit` ends the program.
   *
   * @param hurry Resolves when a person in the middle of a line must no longer be waited for; without it, they
   * are not waited for.
   */
  close(hurry?: Promise<void>): Promise<void>;
}
