import type { MessageEvent, PresentView } from "../../lib/session_events.ts";
import { timeOfDay } from "../../lib/ui/timeline.ts";

/** When everything happens, in milliseconds since 1970. */
export const NOW = 1_700_000_000_000;

/** What stands before what is shown then. */
export const T: string = timeOfDay(new Date(NOW));

/** A member of that name. */
export function member(name: string): PresentView {
  return {
    name,
    tag: "abcdefgh",
    key: "A".repeat(43),
    session: "01234567",
    since: NOW,
    verified: false,
  };
}

/** A message of that member. */
export function message(
  name: string,
  text: string,
  form: Partial<Pick<MessageEvent, "kind" | "private">> = {},
): MessageEvent {
  return {
    event: "message",
    from: member(name),
    text,
    kind: "text",
    private: false,
    at: NOW,
    ...form,
  };
}
