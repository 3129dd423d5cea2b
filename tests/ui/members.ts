import type { MemberView, MessageEvent } from "../../lib/ui/mod.ts";

/** A member of that name. */
export function member(name: string): MemberView {
  return { name, tag: "abcdefgh", key: "A".repeat(43), session: "01234567" };
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
