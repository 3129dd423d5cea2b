import type { MessageEvent, PresentView } from "../../lib/session_events.ts";
import { timeOfDay } from "../../lib/ui/timeline.ts";

/** The time of each event, in milliseconds since 1970. */
export const NOW = 1_700_000_000_000;

/** The time of day on the screen at {@linkcode NOW}. */
export const T: string = timeOfDay(new Date(NOW));

/** Makes a member. */
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

/** Makes a message. */
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
