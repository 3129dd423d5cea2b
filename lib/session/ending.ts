/**
 * Why a client leaves its room, and the exit status that follows.
 *
 * @module
 */
import { type Code, CODES, EXIT, LanchatError } from "../errors.ts";
import { type EndReason, problem, type ProblemEvent } from "../session_events.ts";
import { CloseReason } from "../wire/mod.ts";

/** The errors that have a reason of their own. */
const END_REASONS: Readonly<Partial<Record<Code, EndReason>>> = {
  "connection-lost": "connection-lost",
  "too-slow": "connection-lost",
  "kicked": "kicked",
  "room-full": "refused",
  "banned": "refused",
  "locked": "refused",
  "not-allowed": "refused",
};

/** How a run ended. */
export interface ClientEnd {
  /** For the `closed` event. */
  readonly reason: EndReason;
  /** The exit status. */
  readonly status: number;
}

/** How a run ends, with the error to show if there is one. */
export interface Ending extends ClientEnd {
  /** The error. */
  readonly error?: ProblemEvent;
}

/** The ending that an error makes. */
export function failed(error: unknown): Ending {
  const event = problem(error);
  const status = CODES[event.code].status || EXIT.FAILURE;
  return { reason: END_REASONS[event.code] ?? "failed", status, error: event };
}

/**
 * The ending after the host has closed the connection.
 *
 * @param reason One of `CloseReason`; any other counts as a lost connection.
 */
export function closedByHost(reason: number): Ending {
  switch (reason) {
    case CloseReason.HOST_ENDS:
      return { reason: "host-closed", status: EXIT.OK };
    case CloseReason.KICKED:
      return failed(new LanchatError("kicked", "The host removed you from the room"));
    case CloseReason.BANNED: {
      const ending = failed(new LanchatError("banned", "The host banned you from the room"));
      return { ...ending, reason: "kicked" };
    }
    case CloseReason.TOO_SLOW:
      return failed(new LanchatError("too-slow", "The host dropped this slow connection"));
    case CloseReason.PROTOCOL:
      return failed(new LanchatError("protocol-error", "The host reported a protocol error"));
    default:
      return failed(new LanchatError("connection-lost", "The host closed the connection"));
  }
}
