import { assertEquals } from "@std/assert";
import { Unread } from "../../lib/ui/unread.ts";
import { FakeClock } from "../support/clock.ts";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import { test } from "../support/test.ts";
import { message, NOW, T } from "./members.ts";

const RULE = "───────────── new ─────────────";

const LOST = { event: "disconnected", reason: "connection-lost", message: "Lost" } as const;

test("Unread counts the messages since the last key", () => {
  const unread = new Unread(new FakeClock(NOW));
  for (let i = 0; i < 3; i++) assertEquals(unread.add(), undefined);
  assertEquals(unread.count, 3);
  unread.see();
  assertEquals(unread.count, 0);
});

test("Unread.add finds the first message of each absence, and none right after it", () => {
  const clock = new FakeClock(NOW);
  const unread = new Unread(clock);
  for (const cause of ["paused", "disconnected"] as const) {
    const since = clock.now();
    unread.leave(cause);
    clock.advance(60_000);
    assertEquals([unread.add(), unread.add()], [since, undefined]);
    unread.comeBack(cause);
    unread.see();
    assertEquals(unread.add(), undefined);
    clock.advance(60_000);
  }
});

test("Unread.add finds a message that arrives within a second of the return, and no later one", () => {
  for (const [ms, found] of [[999, NOW], [1000, undefined]] as const) {
    const clock = new FakeClock(NOW);
    const unread = new Unread(clock);
    unread.leave("paused");
    unread.goOn();
    clock.advance(ms);
    assertEquals(unread.add(), found);
  }
});

test("Unread.goOn dates an absence without a pause from the last key or message", () => {
  const clock = new FakeClock(NOW);
  const unread = new Unread(clock);
  unread.see();
  clock.advance(60_000);
  unread.goOn();
  assertEquals(unread.add(), NOW);
});

test("Unread.add finds no second message until a key outside the absence", () => {
  const clock = new FakeClock(NOW);
  const unread = new Unread(clock);
  unread.leave("disconnected");
  assertEquals(unread.add(), NOW);
  unread.see(); // What is typed while the connection is lost.
  unread.leave("paused");
  unread.comeBack("disconnected");
  assertEquals(unread.add(), undefined);
  unread.goOn();
  unread.leave("disconnected");
  assertEquals(unread.add(), undefined);
  unread.comeBack("disconnected");
  unread.see();
  unread.leave("disconnected");
  assertEquals(unread.add(), NOW);
});

test("TerminalFrontEnd shows a rule above the first message of a pause, and none without one", async () => {
  await using terminal = new TerminalOnly(60);
  await terminal.type("\x1a");
  await terminal.settled();
  terminal.frontEnd.show(message("bob", "one"));
  terminal.frontEnd.show(message("bob", "two"));
  await terminal.shows(RULE, `${T} bob: one`, `${T} bob: two`, "");
  terminal.goOn();
  terminal.frontEnd.show(message("bob", "three"));
  await terminal.shows(RULE, `${T} bob: one`, `${T} bob: two`, `${T} bob: three`, ">");
  await terminal.type("x", "\x1a");
  await terminal.settled();
  terminal.goOn();
  terminal.clock.advance(1000);
  terminal.frontEnd.show(message("bob", "four"));
  await terminal.shows(
    `${T} bob: three`,
    "Press Ctrl-Z again to pause, Enter to go on.",
    `${T} bob: four`,
    "> x",
  );
});

test("TerminalFrontEnd shows a rule above the first message that a lost connection held up", async () => {
  for (
    const [columns, rule] of [[60, RULE], [40, "──────── new ────────"], [
      20,
      "─── new ───",
    ]] as const
  ) {
    await using terminal = new TerminalOnly(columns);
    terminal.frontEnd.show(READY);
    terminal.frontEnd.show(LOST);
    terminal.frontEnd.show(message("bob", "one"));
    terminal.frontEnd.show(message("bob", "two"));
    await terminal.shows(rule, `${T} bob: one`, `${T} bob: two`, ">");
    terminal.frontEnd.show({ event: "reconnected", missed: 2 });
    await terminal.type("x\x7f");
    terminal.frontEnd.show(message("bob", "three"));
    await terminal.settled();
    assertEquals(terminal.screen.lines.filter((line) => line.includes(" new ")).length, 1);
    terminal.frontEnd.show(LOST);
    terminal.frontEnd.show({ event: "reconnected", missed: 0 });
    terminal.clock.advance(1000);
    terminal.frontEnd.show(message("bob", "four"));
    await terminal.settled();
    assertEquals(terminal.screen.lines.filter((line) => line.includes(" new ")).length, 1);
  }
});

test("TerminalFrontEnd shows a rule after the program was stopped without a pause", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  terminal.clock.advance(60_000);
  terminal.goOn();
  terminal.frontEnd.show(message("bob", "one"));
  await terminal.shows(RULE, `${T} bob: one`, ">");
});
