import { LanchatError } from "../errors.ts";
import type { ProblemEvent } from "../session_events.ts";

/** The `error` event for whatever was thrown. */
export function problem(error: unknown): ProblemEvent {
  const known = error instanceof LanchatError
    ? error
    : new LanchatError("internal", `Something went wrong: ${error}`, { cause: error });
  return { event: "error", code: known.code, message: known.message, hint: known.hint };
}
