import { assertEquals } from "@std/assert";
import type { SessionEvent } from "../../lib/session_events.ts";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import { test } from "../support/test.ts";
import { member, message, T } from "./members.ts";

const BOB = { ...member("bob"), key: "bobs key", session: "bob" };

const PASSING: readonly SessionEvent[] = [
  { event: "joined", member: BOB },
  { event: "lost", member: BOB },
  { event: "back", member: BOB },
  { event: "left", member: BOB, reason: "left" },
  { event: "left", member: BOB, reason: "connection-lost" },
  { event: "left", member: BOB, reason: "too-slow" },
];

/** Shows events. @returns The rows that they added above the prompt. */
async function shown(terminal: TerminalOnly, ...events: SessionEvent[]): Promise<string[]> {
  await terminal.settled();
  const { length } = terminal.screen.lines;
  for (const event of events) terminal.frontEnd.show(event);
  await terminal.settled();
  return terminal.screen.lines.slice(length - 1, -1);
}

test("/quiet hides joins, leaves and lost connections, but no removal by the host, until /quiet", async () => {
  await using terminal = new TerminalOnly(80, 40);
  terminal.frontEnd.show(READY);
  assertEquals((await shown(terminal, ...PASSING)).length, PASSING.length);
  await terminal.type("/quiet\r");
  await terminal.shows(`${T} -- Joins and leaves are hidden. /quiet shows them again.`, ">");
  assertEquals(await shown(terminal, ...PASSING), []);
  assertEquals(
    (await shown(
      terminal,
      { event: "joined", member: BOB },
      { event: "left", member: BOB, reason: "kicked" },
      { event: "left", member: BOB, reason: "banned" },
      { event: "status", member: BOB, text: "lunch" },
    )).length,
    3,
  );
  terminal.frontEnd.show({ event: "joined", member: BOB });
  await terminal.settled();
  assertEquals(terminal.screen.place, "── your room: 2 here");
  await terminal.type("/quiet\r");
  await terminal.shows(`${T} -- Joins and leaves are shown again.`, ">");
  assertEquals((await shown(terminal, ...PASSING)).length, PASSING.length);
});

test("--quiet hides joins and leaves from the start", async () => {
  await using terminal = new TerminalOnly(80, 40, { quiet: true });
  terminal.frontEnd.show(READY);
  assertEquals(await shown(terminal, ...PASSING), []);
  await terminal.type("/quiet\r");
  await terminal.shows(`${T} -- Joins and leaves are shown again.`, ">");
});

test("/notify switches the bell off and on, and says how it is", async () => {
  for (const notify of [true, false]) {
    await using terminal = new TerminalOnly(80, 24, { notify });
    const ring = async (): Promise<number> => {
      const { bells } = terminal.screen.effects;
      terminal.clock.advance(60_000);
      terminal.frontEnd.show(message("bob", "psst", { private: true }));
      await terminal.settled();
      return terminal.screen.effects.bells - bells;
    };
    const says = async (state: string): Promise<void> => {
      await terminal.settled();
      assertEquals(
        terminal.screen.lines.at(-2)!.slice(6),
        `-- Bell and notifications are ${state}.`,
      );
    };
    await terminal.type("/notify\r");
    await says(notify ? "on" : "off");
    assertEquals(await ring(), notify ? 1 : 0);
    await terminal.type("/notify off\r");
    await says("off");
    assertEquals(await ring(), 0);
    await terminal.type("/notify on\r");
    await says("on");
    assertEquals(await ring(), 1);
  }
});
