import { EXIT } from "../errors.ts";
import { chooseFrontEnd, noticeLines, sanitizeLine } from "../ui/mod.ts";
import type { SessionEvent } from "../session_events.ts";
import { print } from "./print.ts";

/**
 * Answers a command that needs no chat: as JSON Lines that end with `closed`, or in lines that are safe
 * to show in a terminal. Warnings go where those of a chat go.
 *
 * @param lines What a person reads of the events that are no warnings.
 * @returns The exit status.
 */
export async function report(
  events: readonly SessionEvent[],
  json: boolean,
  lines: readonly string[] = events.filter(isAnswer).flatMap(noticeLines),
): Promise<number> {
  const frontEnd = await chooseFrontEnd({ json, plain: true, notify: false, typing: false });
  let broken = false;
  void frontEnd.broken.then(() => broken = true);
  for (const event of events) {
    await frontEnd.writable();
    if (json || !isAnswer(event)) frontEnd.show(event);
  }
  frontEnd.show({ event: "closed", reason: "done" });
  await frontEnd.close();
  if (!json) broken = !await print(lines.map((line) => `${sanitizeLine(line)}\n`).join(""));
  return broken ? EXIT.FAILURE : EXIT.OK;
}

function isAnswer({ event }: SessionEvent): boolean {
  return event !== "warning";
}
