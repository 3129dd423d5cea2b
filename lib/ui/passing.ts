/** The events that a person may not want to see. */
import type { SessionEvent } from "../session_events.ts";

/** Whether a member comes or goes without the host's doing. */
export function isPassing(event: SessionEvent): boolean {
  switch (event.event) {
    case "joined":
    case "lost":
    case "back":
      return true;
    case "left":
      return event.reason !== "kicked" && event.reason !== "banned";
    default:
      return false;
  }
}
