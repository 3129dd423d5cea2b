import type { MessageEvent, PresentView } from "../../lib/ui/mod.ts";

/** A member of that name, as one who is here. */
export function member(name: string): PresentView {
  return {
    name,
    tag: "abcdefgh",
    key: "A".repeat(43),
    session: "01234567",
    since: 1,
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
    at: 1,
    ...form,
  };
}
