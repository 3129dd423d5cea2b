import { assertEquals, assertStringIncludes } from "@std/assert";
import { WindowTitle } from "../../lib/ui/title.ts";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import { test } from "../support/test.ts";
import { message } from "./members.ts";

const BEFORE = "\x1b]0;before\x07";

test("WindowTitle shows the room's name, shortened and without controls, and up to 99 unread messages", () => {
  const title = new WindowTitle("tea\x07\x1b]0;x\x9c");
  assertEquals(title.take(), "\x1b[22;0t\x1b]0;tea\\x07\\x1b]0;x\\x9c - lanchat\x07");
  assertEquals(title.update(99), "\x1b]0;(99) tea\\x07\\x1b]0;x\\x9c - lanchat\x07");
  assertEquals(title.update(100), "\x1b]0;(99+) tea\\x07\\x1b]0;x\\x9c - lanchat\x07");
  assertEquals(title.update(101), "");
  assertStringIncludes(new WindowTitle("x".repeat(99)).take(), `;${"x".repeat(40)}… - lanchat`);
});

test("WindowTitle saves and restores the title once, and changes it only between", () => {
  const title = new WindowTitle();
  assertEquals([title.update(1), title.release()], ["", ""]);
  assertEquals(title.take(), "\x1b[22;0t\x1b]0;lanchat\x07");
  assertEquals(title.take(), "\x1b]0;lanchat\x07"); // Another program may have changed it.
  assertEquals(title.release(), "\x1b]0;\x07\x1b[23;0t");
  assertEquals([title.update(1), title.release()], ["", ""]);
});

test("TerminalFrontEnd counts the messages since the last key in the title", async () => {
  await using terminal = new TerminalOnly(60, 10, { room: "tea", title: true });
  await terminal.settled();
  assertEquals(terminal.screen.title, "tea - lanchat");
  terminal.frontEnd.show(READY);
  for (const text of ["one", "two"]) terminal.frontEnd.show(message("bob", text));
  await terminal.settled();
  assertEquals(terminal.screen.title, "(2) tea - lanchat");
  await terminal.type("x");
  await terminal.settled();
  assertEquals(terminal.screen.title, "tea - lanchat");
});

test("TerminalFrontEnd restores the title on each way out, and in a pause", async () => {
  const ways: [string, (terminal: TerminalOnly) => unknown][] = [
    ["Ctrl-C", (terminal) => terminal.type("\x03")],
    ["Ctrl-Z", (terminal) => terminal.type("\x1a")],
    ["close", (terminal) => terminal.frontEnd.close()],
    ["a sudden end", () => globalThis.dispatchEvent(new Event("unload"))],
  ];
  for (const [way, leave] of ways) {
    await using terminal = new TerminalOnly(60, 10, { before: BEFORE, title: true });
    terminal.frontEnd.show(READY);
    terminal.frontEnd.show(message("bob", "one"));
    await terminal.settled();
    assertEquals(terminal.screen.title, "(1) lanchat", way);
    await leave(terminal);
    terminal.frontEnd.show(message("bob", "two"));
    await terminal.settled();
    assertEquals(terminal.screen.title, "before", way);
    if (way === "Ctrl-Z") {
      terminal.goOn();
      await terminal.settled();
      assertEquals(terminal.screen.title, "(1) lanchat", way);
    }
    await terminal.frontEnd.close();
    await terminal.settled();
    assertEquals(terminal.screen.title, "before", way);
  }
});

test("TerminalFrontEnd leaves the title alone on request", async () => {
  await using terminal = new TerminalOnly(60, 10);
  terminal.frontEnd.show(READY);
  terminal.frontEnd.show(message("bob", "one"));
  await terminal.type("\x1a");
  await terminal.frontEnd.close();
  await terminal.settled();
  assertStringIncludes(terminal.stdout.text, "bob");
  assertEquals(terminal.screen.effects.titles, []);
  assertEquals(terminal.stdout.text.match(/\]0;|[23];0t/), null);
});
