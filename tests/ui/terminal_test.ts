import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CODES } from "../../lib/errors.ts";
import { SEQUENCE_MS } from "../../lib/ui/key_parser.ts";
import { RESIZE_MS } from "../../lib/ui/terminal_device.ts";
import { timeOfDay } from "../../lib/ui/timeline.ts";
import { Desk, READY } from "../support/desk.ts";
import { readQr } from "../support/qr.ts";
import { test } from "../support/test.ts";
import { member, message, NOW, T } from "./members.ts";

test("TerminalFrontEnd shows a prompt at once", async () => {
  await using desk = new Desk();
  await desk.shows(">");
  assertEquals(desk.screen.cursor, [0, 2]);
  assertEquals(desk.raw, [true]);
});

test("TerminalFrontEnd queues lines typed before ready", async () => {
  await using desk = new Desk();
  await desk.type("h", "i", "\r", "/who\r");
  await desk.shows(`${T} you: hi …`, ">");
  desk.frontEnd.show(READY);
  assertEquals(await desk.input.read(), {
    done: false,
    value: { do: "say", text: "hi", kind: "text", id: "1" },
  });
  assertEquals((await desk.input.read()).value, { do: "who" });
});

test("TerminalFrontEnd greets with the members and /help", async () => {
  await using desk = new Desk(80);
  desk.frontEnd.show(READY);
  await desk.shows(
    `${T} -- You are ada. Nobody else is here yet; /help shows the commands.`,
    ">",
  );
  desk.frontEnd.show({ ...READY, joinCode: "0123456789", members: [member("bob")] });
  await desk.shows(
    `${T} -- You are ada. Here: bob`,
    "      -- Join code 01234 56789: the host must see the same one.",
    "      -- Type a message and press Enter; /help shows the commands.",
    ">",
  );
});

test("TerminalFrontEnd shows an own line as others see it", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("hello", "\r", "/me waves", "\r");
  await desk.shows(`${T} ada: hello …`, `${T} * ada waves …`, ">");
  assertEquals((await desk.input.read()).value, {
    do: "say",
    text: "hello",
    kind: "text",
    id: "1",
  });
  assertEquals((await desk.input.read()).value, {
    do: "say",
    text: "waves",
    kind: "action",
    id: "2",
  });
});

test("TerminalFrontEnd shows messages above the typed line", async () => {
  await using desk = new Desk();
  await desk.type("t", "y", "p");
  desk.frontEnd.show(message("bob", "one"));
  desk.frontEnd.show(message("bob", "two"));
  await desk.shows(`${T} bob: one`, `${T} bob: two`, "> typ");
  await desk.type("\x1b[D", "X");
  await desk.shows("> tyXp");
  desk.frontEnd.show({ event: "left", member: member("bob"), reason: "left" });
  await desk.shows(`${T} bob: one`, `${T} bob: two`, `${T} -- bob left`, "> tyXp");
  assertEquals(desk.screen.cursor, [3, 5]);
});

test("TerminalFrontEnd keeps a line of many rows and its cursor in place", async () => {
  const line = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (const typing of [[...line], [line], [line.slice(0, 28), line.slice(28)]]) {
    await using desk = new Desk();
    await desk.type(...typing);
    desk.frontEnd.show(message("bob", "one"));
    await desk.shows(`${T} bob: one`, "> abcdefghijklmnopqrstuvwxyz01", "23456789");
    assertEquals(desk.screen.cursor, [2, 8]);
    await desk.type("\x01", "-"); // to the start of the line
    desk.frontEnd.show(message("bob", "two"));
    await desk.shows(
      `${T} bob: one`,
      `${T} bob: two`,
      "> -abcdefghijklmnopqrstuvwxyz0",
      "123456789",
    );
    assertEquals(desk.screen.cursor, [2, 3]);
    await desk.type("\r");
    await desk.shows(`${T} bob: two`, `${T} you: -abcdefghijklmnopqr`, "stuvwxyz0123456789 …", ">");
  }
});

test("TerminalFrontEnd keeps a line that ends at the edge of the screen", async () => {
  for (const typing of [[..."x".repeat(28)], ["x".repeat(28)]]) {
    await using desk = new Desk();
    await desk.type(...typing);
    desk.frontEnd.show(message("bob", "one"));
    await desk.shows(`${T} bob: one`, `> ${"x".repeat(28)}`, "");
    await desk.type("\r");
    await desk.shows(`${T} bob: one`, `${T} you: ${"x".repeat(19)}`, `${"x".repeat(9)} …`, ">");
  }
});

test("TerminalFrontEnd keeps wide characters that wrap", async () => {
  await using desk = new Desk(17);
  await desk.type(..."日本語日本語日本語");
  for (const text of ["one", "two"]) desk.frontEnd.show(message("bob", text));
  await desk.shows(`${T} bob: one`, `${T} bob: two`, "> 日本語日本語日", "本語");
  desk.frontEnd.show(message("eve", "3"));
  await desk.shows(`${T} bob: one`, `${T} bob: two`, `${T} eve: 3`, "> 日本語日本語日", "本語");
  await desk.type("\x7f");
  await desk.shows(`${T} eve: 3`, "> 日本語日本語日", "本");
});

test("TerminalFrontEnd edits within a line that wrapped", async () => {
  for (const typing of [[..."日本語日本語日本語"], ["日本語日本語日本語"]]) {
    await using desk = new Desk(17);
    desk.frontEnd.show(message("bob", "one"));
    await desk.shows(`${T} bob: one`, ">");
    await desk.type(...typing, "\x01", "x");
    await desk.shows(`${T} bob: one`, "> x日本語日本語日", "本語");
    assertEquals(desk.screen.cursor, [1, 3]);
  }
});

test("TerminalFrontEnd draws a pasted line once", async () => {
  await using desk = new Desk(60);
  const line = "x".repeat(1000);
  await desk.paste(line);
  await desk.settled();
  assertEquals(desk.stdout.text.replaceAll(/[^x]/g, ""), line);
});

test("TerminalFrontEnd redraws the line in another width", async () => {
  await using desk = new Desk(20);
  await desk.type(..."0123456789");
  desk.resize(40);
  desk.clock.advance(RESIZE_MS);
  await desk.shows("> 0123456789");
});

test("TerminalFrontEnd redraws once the window keeps its size, and leaves no wrapped rows", async () => {
  await using desk = new Desk(40);
  desk.frontEnd.show(message("bob", "one"));
  await desk.type("a line of more characters than a row has", "\x1b[D".repeat(9));
  await desk.shows(`${T} bob: one`, "> a line of more characters than a row h", "as");
  const written = desk.stdout.text.length;
  for (const columns of [35, 27, 16, 9, 13]) {
    desk.resize(columns);
    desk.clock.advance(RESIZE_MS - 1);
    desk.frontEnd.show(message("bob", `at ${columns}`));
    await desk.type("x");
    await desk.settled();
  }
  assertEquals(desk.stdout.text.length, written);
  desk.resize(20);
  desk.clock.advance(RESIZE_MS);
  const messages = [35, 27, 16, 9, 13].map((columns) => `${T} bob: at ${columns}`);
  await desk.shows(
    `${T} bob: one`,
    ...messages,
    "> a line of more cha",
    "racters than xxxxxa",
    "row has",
  );
  assertEquals(desk.screen.lines.length, 9);
  assertEquals(desk.screen.cursor, [7, 18]);
});

test("TerminalFrontEnd leaves no copy of the line in any width, for any cursor", async () => {
  const line = "0123456789".repeat(4).slice(2);
  for (const columns of [39, 20, 10, 7, 25, 60]) {
    for (const left of [0, 1, 20, 30, 37]) {
      await using desk = new Desk(40);
      await desk.type(line, "\x1b[D".repeat(left));
      await desk.settled();
      desk.resize(columns);
      desk.clock.advance(RESIZE_MS);
      await desk.settled();
      assertEquals(desk.screen.lines.join(""), `> ${line}`);
    }
  }
});

test("TerminalFrontEnd expects no reflow of the row of the cursor in a terminal that keeps it", async () => {
  await using desk = new Desk(40, 24, { keepsCursorRow: true });
  desk.frontEnd.show(message("bob", "one"));
  await desk.type("0123456789".repeat(3));
  desk.resize(10);
  desk.clock.advance(RESIZE_MS);
  await desk.shows("> 01234567", "8901234567", "8901234567", "89");
  assertEquals(desk.screen.lines.slice(0, 2).join(""), `${T} bob: one`);
});

test("TerminalFrontEnd redraws everything after a resize to the same size", async () => {
  await using desk = new Desk(40);
  await desk.type("half a line");
  await desk.settled();
  desk.screen.write("\x1b[2J\x1b[H");
  desk.resize(40);
  desk.clock.advance(RESIZE_MS);
  await desk.shows("> half a line");
});

test("TerminalFrontEnd clears row by row, so that tmux keeps no copy in its scrollback", async () => {
  await using desk = new Desk(20);
  await desk.type("a line of two rows and more", "\x01", "x", "\x0b");
  desk.frontEnd.show(message("bob", "one"));
  desk.resize(10);
  desk.clock.advance(RESIZE_MS);
  await desk.type("\x1a");
  await desk.settled();
  desk.goOn();
  await desk.frontEnd.close();
  await desk.settled();
  assert(!desk.stdout.text.includes("\x1b[J") && !desk.stdout.text.includes("\x1b[0J"));
});

test("TerminalFrontEnd clears the screen at Ctrl-L and keeps the line", async () => {
  await using desk = new Desk();
  desk.frontEnd.show(message("bob", "hi"));
  await desk.type("x".repeat(40), "\x0c", "y");
  await desk.settled();
  assertEquals(desk.screen.lines, [`> ${"x".repeat(28)}`, `${"x".repeat(12)}y`]);
});

test("TerminalFrontEnd recalls earlier lines", async () => {
  await using desk = new Desk();
  await desk.type("one", "\r", "two", "\r", "\x1b[A", "\x1b[A", "!", "\r");
  await desk.shows(`${T} you: one …`, `${T} you: two …`, `${T} you: one! …`, ">");
});

test("TerminalFrontEnd escapes text from others, and styles names", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(message("bob", "\x1b[2J\x9b2J\nada: me too\u202e"));
  await desk.shows(`${T} bob: \\x1b[2J\\x9b2J`, "      ada: me too\\u{202e}", ">");
  // deno-lint-ignore no-control-regex -- that is how a name looks
  assertMatch(desk.stdout.text, /\x1b\[1;38;5;\d+mbob\x1b\[22;39m: /);
  desk.frontEnd.show(message("bob", "psst", { private: true }));
  await desk.shows(`${T} bob (private): psst`, ">");
});

test("TerminalFrontEnd drops pasted C1 controls, and keeps the text", async () => {
  await using desk = new Desk();
  desk.frontEnd.show(READY);
  const controls = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0x80 + i));
  await desk.type(`a${controls.join("")}b`, ...controls, "\x1c", "\x1d", "c", "\r");
  await desk.shows(`${T} ada: abc …`, ">");
  // deno-lint-ignore no-control-regex -- controls are what it is about
  assert(!/[\x1c\x1d\x80-\x9f]/u.test(desk.stdout.text));
});

test("TerminalFrontEnd suggests a command for an unknown one, and sends nothing", async () => {
  await using desk = new Desk(90);
  await desk.type("/hwo", "\r", "//x", "\r");
  await desk.shows(
    `${T} -- error: Unknown command /hwo`,
    "      -- hint: Did you mean /who? Type /help for the commands, or // to send a slash.",
    `${T} you: /x …`,
    ">",
  );
  assertEquals((await desk.input.read()).value, {
    do: "say",
    text: "/x",
    kind: "text",
    id: "1",
  });
});

test("TerminalFrontEnd explains the commands without a wish", async () => {
  await using desk = new Desk(80);
  await desk.type("/help", "\r");
  await desk.shows(
    "      -- Tab completes commands and names.",
    "      -- The up and down arrow keys bring earlier lines back.",
    ">",
  );
  await desk.type("/help msg", "\r");
  await desk.shows(
    `${T} -- /msg NAME TEXT   says something to one member alone`,
    "      -- Example: /msg bob hello is read by bob and nobody else.",
    ">",
  );
});

test("TerminalFrontEnd completes commands", async () => {
  await using desk = new Desk();
  await desk.type("/", "q", "\t");
  await desk.shows("> /quit");
});

test("TerminalFrontEnd refuses a line that is too long, and keeps it in the history", async () => {
  await using desk = new Desk(200);
  const line = "x".repeat(16_385);
  await desk.type(`${line}\r`);
  await desk.shows(
    `${T} -- error: Cannot send as the message has 16385 bytes: 16384 are allowed`,
    "      -- hint: The up arrow key brings it back: make it shorter, or two.",
    ">",
  );
  await desk.type("\x1b[A", "\x7f", "\r");
  const { value } = await desk.input.read();
  assertEquals(value, { do: "say", text: line.slice(1), kind: "text", id: "1" });
});

test("TerminalFrontEnd names the members that are away and may lack a message", async () => {
  await using desk = new Desk();
  desk.frontEnd.show(READY);
  await desk.type("one", "\r");
  desk.frontEnd.show({ event: "sent", id: "1" });
  desk.frontEnd.show({ event: "delivered", id: "1", away: ["bob"] });
  await desk.shows(`${T} ada: one ✓ bob is away`, ">");
});

test("TerminalFrontEnd shows missed messages with their times, and their count in one line", async () => {
  await using desk = new Desk(60);
  desk.clock.advance(600_000);
  for (const text of ["one", "two"]) desk.frontEnd.show(message("bob", text));
  desk.frontEnd.show({ event: "reconnected", missed: 2 });
  const now = timeOfDay(new Date(NOW + 600_000));
  await desk.shows(
    `${T} bob: one`,
    `${T} bob: two`,
    `${now} -- Connected again; 2 messages came meanwhile.`,
    ">",
  );
});

test("TerminalFrontEnd sends each line of an unbracketed paste as a message", async () => {
  await using desk = new Desk();
  await desk.type("one\r\ntwo\n\nthree\rfo");
  await desk.type(new Uint8Array([0x75, 0x72, 0xe6, 0x97]));
  await desk.type(new Uint8Array([0xa5]));
  await desk.shows(`${T} you: one …`, `${T} you: two …`, `${T} you: three …`, "> four日");
  const texts = [];
  for (let i = 0; i < 3; i++) texts.push((await desk.input.read()).value);
  assertEquals(texts.map((input) => input?.do === "say" && input.text), ["one", "two", "three"]);
});

test("TerminalFrontEnd marks a failed message, shows the reason, and sends it again", async () => {
  await using desk = new Desk(100);
  desk.frontEnd.show(READY);
  await desk.type("one", "\r", "two", "\r", `${"long".repeat(20)}`, "\r");
  desk.frontEnd.show({ event: "sent", id: "1" });
  desk.frontEnd.show({ event: "delivered", id: "1" });
  desk.frontEnd.show({ event: "failed", id: "2", code: "nobody-here" });
  const long = "long".repeat(20);
  await desk.shows(
    `${T} ada: one ✓✓`,
    `${T} ada: two ✗`,
    `${T} -- error: Not delivered: two`,
    "      -- hint: Nobody else is in the room: wait for somebody, or --wait. /retry sends it again.",
    `${T} ada: ${long} …`,
    ">",
  );
  desk.frontEnd.show({ event: "failed", id: "3", code: "not-delivered" });
  await desk.shows(
    `${T} ada: ${long} ✗`,
    `${T} -- error: Not delivered: ${"long".repeat(15)}…`,
    "      -- hint: It may not have reached everybody: send it again. /retry sends it again.",
    ">",
  );
  await desk.type("/retry", "\r");
  await desk.shows(`${T} ada: two …`, `${T} ada: ${long} …`, ">");
  await desk.type("/retry", "\r");
  await desk.shows(
    `${T} -- There is nothing to send again.`,
    `${T} ada: two …`,
    `${T} ada: ${long} …`,
    ">",
  );
  const said = [];
  for (let i = 0; i < 5; i++) {
    const { value } = await desk.input.read();
    if (value?.do === "say") said.push([value.id, value.text]);
  }
  assertEquals(said, [["1", "one"], ["2", "two"], ["3", long], ["4", "two"], ["5", long]]);
});

test("TerminalFrontEnd shows the same hint once if many messages fail", async () => {
  await using desk = new Desk(100);
  desk.frontEnd.show(READY);
  await desk.type("one\rtwo\r");
  for (const id of ["1", "2"]) desk.frontEnd.show({ event: "failed", id, code: "nobody-here" });
  await desk.shows(
    `${T} -- error: Not delivered: one`,
    "      -- hint: Nobody else is in the room: wait for somebody, or --wait. /retry sends it again.",
    `${T} ada: two ✗`,
    `${T} -- error: Not delivered: two`,
    ">",
  );
});

test("TerminalFrontEnd keeps an own message above the prompt until its mark is final", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("one", "\r", "two", "\r");
  desk.frontEnd.show(message("bob", "hi"));
  await desk.shows(`${T} bob: hi`, `${T} ada: one …`, `${T} ada: two …`, ">");
  desk.frontEnd.show({ event: "sent", id: "1" });
  desk.frontEnd.show({ event: "sent", id: "2" });
  desk.frontEnd.show({ event: "delivered", id: "2" });
  await desk.shows(`${T} bob: hi`, `${T} ada: one ✓`, `${T} ada: two ✓✓`, ">");
  desk.clock.advance(999);
  desk.frontEnd.show(message("bob", "still?"));
  await desk.shows(`${T} bob: still?`, `${T} ada: one ✓`, `${T} ada: two ✓✓`, ">");
  desk.clock.advance(1);
  desk.frontEnd.show(message("bob", "yes"));
  await desk.shows(`${T} ada: one ✓`, `${T} ada: two ✓✓`, `${T} bob: yes`, "(1 on the way) >");
  desk.frontEnd.show({ event: "delivered", id: "1" });
  await desk.shows(`${T} bob: yes`, ">");
});

test("TerminalFrontEnd shortens a long message until its mark is final", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  const lines = Array.from({ length: 9 }, (_, i) => `line ${i}`);
  await desk.paste(lines.join("\n"));
  await desk.type("\r");
  await desk.shows(`${T} ada: line 0 (9 lines) …`, ">");
  desk.frontEnd.show({ event: "sent", id: "1" });
  desk.frontEnd.show({ event: "delivered", id: "1" });
  const [first, ...others] = lines;
  const rows = [`${T} ada: ${first}`, ...others.map((line) => `      ${line}`)];
  rows[8] += " ✓✓";
  await desk.shows(...rows, ">");
  await desk.type("x".repeat(500), "\r");
  await desk.settled();
  assertStringIncludes(desk.screen.lines.slice(-4).join(""), `${"x".repeat(160)}… …>`);
});

test("TerminalFrontEnd limits the rows of pending messages", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  for (const text of "abcdefg") await desk.type(text, "\r");
  desk.frontEnd.show(message("bob", "hi"));
  await desk.shows(
    `${T} ada: a …`,
    `${T} ada: b …`,
    `${T} bob: hi`,
    ..."cdefg".split("").map((text) => `${T} ada: ${text} …`),
    ">",
  );
  await desk.frontEnd.close();
  await desk.shows(`${T} bob: hi`, ..."cdefg".split("").map((text) => `${T} ada: ${text} …`), "");
});

test("TerminalFrontEnd restores the terminal on each way to quit", async () => {
  const ways: [string, (desk: Desk) => Promise<void>][] = [
    ["/quit", (desk) => desk.type("/quit", "\r")],
    ["a pasted /quit with more behind it", (desk) => desk.type("/quit\rmore\r/quit\r")],
    ["Ctrl-C", (desk) => desk.type("half", "\x03")],
    ["Ctrl-C of kitty", (desk) => desk.type("\x1b[99;5u")],
    ["Ctrl-D", (desk) => desk.type("\x04")],
    ["the end of input", (desk) => desk.hangUp()],
  ];
  for (const [way, leave] of ways) {
    await using desk = new Desk(60);
    await leave(desk);
    assertEquals((await desk.input.read()).value, { do: "quit" }, way);
    assertEquals<unknown>(await desk.input.read(), { done: true, value: undefined }, way);
    assertEquals(desk.raw, [true, false], way);
    assertEquals(desk.listens, false, way);
    desk.frontEnd.show({ event: "closed", reason: "host-closed" });
    await desk.frontEnd.close();
    await desk.settled();
    assertEquals(desk.screen.lines, [`${T} -- The host closed the room.`, ""], way);
    assertEquals(desk.raw, [true, false], way);
  }
});

test("TerminalFrontEnd reports Ctrl-C before typed lines are read", async () => {
  await using desk = new Desk();
  await desk.type("hi", "\r", "\x03");
  await desk.frontEnd.interrupted;
  assertEquals((await desk.input.read()).value?.do, "say");
  assertEquals((await desk.input.read()).value?.do, "quit");
});

test("TerminalFrontEnd does not quit at Ctrl-D within a line", async () => {
  await using desk = new Desk();
  await desk.type("x", "\x04", "y");
  await desk.shows("> xy");
});

test("TerminalFrontEnd restores the terminal at Ctrl-Z until the program continues, or Enter", async () => {
  const line = "a line of more characters than one row has";
  for (const goOn of [(desk: Desk) => desk.goOn(), (desk: Desk) => desk.type("\n")]) {
    await using desk = new Desk();
    await desk.type(line, "\x1a");
    await desk.shows("Press Ctrl-Z again to pause, E", "nter to go on.", "");
    assertEquals(desk.raw, [true, false]);
    assertEquals(desk.screen.marksPastes, false);
    desk.frontEnd.show(message("bob", "hi"));
    desk.resize(20);
    await desk.shows(`${T} bob: hi`, "");
    await goOn(desk);
    await desk.shows(`${T} bob: hi`, "> a line of more cha", "racters than one row", " has");
    assertEquals(desk.raw, [true, false, true]);
    assertEquals(desk.screen.marksPastes, true);
  }
});

test("TerminalFrontEnd keeps the typed line while it is paused, and can quit then", async () => {
  await using desk = new Desk(60);
  await desk.type("a\x1ab", "c\n", "\x1a");
  await desk.settled();
  await desk.type("d\n");
  await desk.shows("> abcd");
  await desk.type("\x1a");
  await desk.frontEnd.close();
  await desk.shows("Press Ctrl-Z again to pause, Enter to go on.", "");
  assertEquals(desk.raw, [true, false, true, false, true, false, false]);
  assertEquals(desk.screen.marksPastes, false);
});

test("TerminalFrontEnd ends its input if the terminal fails", async () => {
  await using desk = new Desk();
  const lost = new Error("lost");
  await desk.hangUp(lost);
  await assertRejects(() => desk.input.read(), Error, "lost");
  assertEquals(desk.raw, [true, false]);
});

test("TerminalFrontEnd.close erases the line", async () => {
  const desk = new Desk();
  await desk.type(..."0123456789012345678901234567890123456789");
  desk.frontEnd.show(message("bob", "bye"));
  await desk.frontEnd.close();
  await desk.settled();
  assertEquals(desk.screen.lines, [`${T} bob: bye`, ""]);
  assertEquals(desk.raw, [true, false]);
  assertEquals<unknown>(await desk.input.read(), { done: true, value: undefined });
});

test("TerminalFrontEnd stops reading keys if its input is cancelled", async () => {
  await using desk = new Desk();
  await desk.input.cancel();
  await desk.type("x\r");
  desk.frontEnd.show(message("bob", "hi"));
  await desk.shows(`${T} bob: hi`, "");
});

test("TerminalFrontEnd restores the terminal if the program ends without a close", async () => {
  for (const end of ["unload", "error", "unhandledrejection"]) {
    await using desk = new Desk();
    await desk.type("x".repeat(40));
    await desk.shows(`> ${"x".repeat(28)}`, "x".repeat(12));
    globalThis.dispatchEvent(new Event(end));
    assertEquals(desk.raw, [true, false]);
    await desk.shows("");
    assertEquals(desk.screen.marksPastes, false);
  }
});

test("TerminalFrontEnd counts messages that are on the way after a second", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("one", "\r", "two", "\r", "ty");
  desk.clock.advance(999);
  await desk.shows(`${T} ada: one …`, `${T} ada: two …`, "> ty");
  desk.clock.advance(1);
  await desk.shows(`${T} ada: two …`, "(2 unsent) > ty");
  await desk.type("p");
  desk.frontEnd.show({ event: "sent", id: "1" });
  await desk.shows(`${T} ada: two …`, "(1 unsent, 1 on the way) > typ");
  desk.frontEnd.show({ event: "delivered", id: "1" });
  desk.frontEnd.show({ event: "failed", id: "2", code: "not-delivered" });
  await desk.type("e");
  await desk.settled();
  assertEquals(desk.screen.lines.at(-1), "> type");
});

test("TerminalFrontEnd counts no messages that are delivered within a second", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("one", "\r");
  desk.frontEnd.show({ event: "sent", id: "1" });
  desk.frontEnd.show({ event: "delivered", id: "1" });
  desk.clock.advance(1000);
  await desk.shows(`${T} ada: one ✓✓`, ">");
});

test("TerminalFrontEnd shows a new day", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  const tomorrow = new Date(NOW + 86_400_000);
  const day = tomorrow.toLocaleDateString("en-GB", { dateStyle: "full" }).replace(" at", "");
  desk.frontEnd.show({ ...message("bob", "late"), at: tomorrow.getTime() });
  desk.frontEnd.show(message("bob", "early"));
  await desk.shows(`-- ${day}`, `${T} bob: late`, `${T} bob: early`, ">");
});

test("TerminalFrontEnd highlights a mention, and rings for mentions and private messages at intervals", async () => {
  await using desk = new Desk(60, 24, { environment: { TERM: "xterm" } });
  desk.frontEnd.show({ ...READY, name: "ada#abcdefgh" });
  desk.frontEnd.show(message("bob", "Adam is no adafruit"));
  await desk.settled();
  assertEquals(desk.screen.effects.bells, 0);
  desk.frontEnd.show(message("bob", "so, Ada: yes?"));
  await desk.settled();
  assertEquals(desk.screen.effects.bells, 1);
  assertStringIncludes(desk.stdout.text, "so, \x1b[7mAda\x1b[27m: yes?");
  desk.frontEnd.show(message("bob", "ada?"));
  desk.clock.advance(4999);
  desk.frontEnd.show(message("bob", "ada!"));
  await desk.settled();
  assertEquals(desk.screen.effects.bells, 1);
  desk.clock.advance(1);
  desk.frontEnd.show(message("bob", "psst", { private: true }));
  await desk.settled();
  assertEquals(desk.screen.effects, { answers: [], bells: 2, commands: [], titles: [] });
});

test("TerminalFrontEnd sends desktop notifications in terminals that support them, if they are on", async () => {
  const private_ = message("bo;b", "so\x1b]2;x\x07", { private: true });
  for (
    const [environment, commands] of [
      [{ TERM_PROGRAM: "WezTerm" }, ["777;notify;bo,b;so\\x1b]2;x\\x07"]],
      [{ TERM: "foot" }, ["777;notify;bo,b;so\\x1b]2;x\\x07"]],
      [{ TERM_PROGRAM: "iTerm.app" }, ["9;bo,b: so\\x1b]2;x\\x07"]],
      [{ TERM: "foot", TMUX: "1" }, []],
    ] as const
  ) {
    await using desk = new Desk(60, 24, { environment });
    desk.frontEnd.show(private_);
    await desk.settled();
    assertEquals(desk.screen.effects, {
      answers: [],
      bells: 1,
      commands: [...commands],
      titles: [],
    });
  }
  await using desk = new Desk(60, 24, { environment: { TERM: "foot" }, notify: false });
  desk.frontEnd.show(private_);
  await desk.settled();
  assertEquals(desk.screen.effects, { answers: [], bells: 0, commands: [], titles: [] });
});

test("TerminalFrontEnd clears the screen, and keeps the scrollback and the typed line", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  desk.frontEnd.show(message("bob", "hi"));
  await desk.type("/clear", "\r", "ty");
  await desk.settled();
  assertEquals(desk.screen.lines.filter((line) => line !== ""), ["> ty"]);
});

test("TerminalFrontEnd addresses private messages by key, and /reply to the last sender", async () => {
  await using desk = new Desk(60);
  const [bob, eve] = [{ ...member("bob"), key: "bobs" }, {
    ...member("eve"),
    key: "eves",
    session: "2",
  }];
  desk.frontEnd.show({ ...READY, members: [bob] });
  desk.frontEnd.show({ event: "joined", member: eve });
  await desk.type("/msg bob hi", "\r", "/msg eve hello", "\r", "/reply x", "\r");
  await desk.shows(
    `${T} -- error: Nobody has sent you a private message yet`,
    "      -- hint: To begin, type /msg NAME TEXT.",
    `${T} ada to bob (private): hi …`,
    `${T} ada to eve (private): hello …`,
    ">",
  );
  desk.frontEnd.show({ ...message("bob", "psst", { private: true }), from: bob });
  desk.frontEnd.show({ ...message("eve", "aloud"), from: eve });
  desk.frontEnd.show({ event: "left", member: eve, reason: "left" });
  await desk.type("/reply ok", "\r", "/msg eve still there?", "\r");
  await desk.shows(
    `${T} bob (private): psst`,
    `${T} eve: aloud`,
    `${T} -- eve left`,
    `${T} -- error: Nobody here is called eve`,
    "      -- hint: Type /msg NAME TEXT; /who shows the names.",
    `${T} ada to bob (private): hi …`,
    `${T} ada to eve (private): hello …`,
    `${T} ada to bob (private): ok …`,
    ">",
  );
  const sent = [];
  for (let i = 0; i < 3; i++) {
    const { value } = await desk.input.read();
    if (value?.do === "say") sent.push([value.text, value.to]);
  }
  assertEquals(sent, [["hi", "bobs"], ["hello", "eves"], ["ok", "bobs"]]);
});

test("TerminalFrontEnd marks a verified member, but never the own name", async () => {
  await using desk = new Desk(80);
  const bob = { ...member("bob"), key: "bobs" };
  const verified = { ...bob, verified: true };
  desk.frontEnd.show({ ...READY, members: [bob] });
  desk.frontEnd.show({ ...message("bob", "one"), from: bob });
  desk.frontEnd.show({ event: "verified", member: verified });
  desk.frontEnd.show({ ...message("bob", "two"), from: verified });
  desk.frontEnd.show({ ...message("bob", "nods", { kind: "action" }), from: verified });
  await desk.type("/msg bob hi", "\r", "✓ hello", "\r");
  await desk.shows(
    `${T} bob: one`,
    `${T} -- bob✓ is verified: the mark stands behind the name from now on.`,
    `${T} bob✓: two`,
    `${T} * bob✓ nods`,
    `${T} ada to bob✓ (private): hi …`,
    `${T} ada: ✓ hello …`,
    ">",
  );
  // deno-lint-ignore no-control-regex -- that is how a name looks, its mark included
  assertMatch(desk.stdout.text, /\x1b\[1;38;5;\d+mbob✓\x1b\[22;39m: two/);
});

test("TerminalFrontEnd shows a safety number, and all of it with its QR code on request", async () => {
  await using desk = new Desk(100, 40);
  const [own, fingerprint] = ["0123456789".repeat(3), "1234567890".repeat(3)];
  const digits = own + fingerprint;
  const number = { event: "safety-number", member: member("bob"), digits, fingerprint } as const;
  const rows = ["01234 56789 01234 56789 01234 56789", "12345 67890 12345 67890 12345 67890"];
  desk.frontEnd.show({ ...READY, members: [member("bob")] });
  desk.frontEnd.show({ ...number, asked: [1, 2, 4, 6] });
  await desk.shows(
    `${T} -- Safety number of bob and you:`,
    `      -- ${rows[0]} (you)`,
    "      -- ????? ????? 12345 ????? 12345 ????? (bob)",
    "      -- On that person's screen, /verify with your name and the word show has all of it.",
    "      -- If all else is the same, type the four groups that are missing here from that screen:",
    "      -- /verify bob 12345 67890 12345 67890",
    ">",
  );
  const above = desk.screen.lines.length - 1;
  desk.frontEnd.show(number);
  await desk.settled();
  const shown = desk.screen.lines.slice(above, -1);
  // The digits come last, so that a low window has them.
  assertEquals(shown.slice(-4, -1).map((line) => line.slice("00:00 -- ".length)), [
    "Safety number of bob and you:",
    `${rows[0]} (you)`,
    `${rows[1]} (bob)`,
  ]);
  assertEquals(readQr(shown.slice(0, -4)), digits);
  assert(desk.stdout.text.includes("\x1b[38;5;231;48;5;16m█"));

  await using narrow = new Desk(28);
  narrow.frontEnd.show(number);
  await narrow.settled();
  const text = narrow.screen.lines.join("");
  assert(text.includes("too narrow for the QR code"), text);
  assert(!/[█▀▄]/.test(text), text);
});

test("TerminalFrontEnd completes names, and lists those with the same start", async () => {
  await using desk = new Desk(60);
  const others = ["bob", "bert"].map((name) => ({ ...member(name), session: name }));
  desk.frontEnd.show({ ...READY, members: others });
  await desk.type("bo\thi");
  await desk.shows("> bob: hi");
  await desk.type("\r", "/msg b", "\t", "\t");
  await desk.settled();
  assert(desk.screen.lines.some((line) => /^bob +bert$/.test(line)), desk.screen.lines.join("\n"));
  await desk.type("e", "\t", "hello");
  desk.frontEnd.show(message("bob", "one"));
  await desk.shows(`${T} bob: one`, `${T} ada: bob: hi …`, "> /msg bert hello");
});

test("TerminalFrontEnd sends a paste of many lines as one message, after its mark was shown", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("look: ");
  await desk.paste("one\n\ttwo\nthree\n");
  await desk.type("!");
  await desk.shows("> look: [paste 1: 3 lines]!");
  await desk.type("\r");
  await desk.shows(`${T} ada: look: one`, "          two", "      three! …", ">");
  const { value } = await desk.input.read();
  assertEquals(value, { do: "say", text: "look: one\n\ttwo\nthree!", kind: "text", id: "1" });
});

test("TerminalFrontEnd edits a pasted line as a typed one, without its line end", async () => {
  await using desk = new Desk();
  await desk.paste("one\n");
  await desk.type("\x7f", "\x7f");
  await desk.shows("> o");
});

test("TerminalFrontEnd takes no key, no command and no other paste from a paste", async () => {
  await using desk = new Desk(80);
  await desk.paste("/quit\nmore");
  await desk.type("\r");
  await desk.paste("\x1b[A\x03\x04\x9b2J");
  await desk.type("\r");
  await desk.paste("[paste 1: 2 lines]");
  await desk.type("\r");
  await desk.paste("hello\u2028/quit\u2029/quit");
  await desk.type("\r", "/quit", "\r");
  const texts = [];
  for (let i = 0; i < 5; i++) {
    const { value } = await desk.input.read();
    texts.push(value?.do === "say" ? value.text : value?.do);
  }
  assertEquals(texts, [
    "/quit\nmore",
    "\x1b[A\x03\x04\x9b2J",
    "[paste 1: 2 lines]",
    "hello\u2028/quit\u2029/quit",
    "quit",
  ]);
  await desk.frontEnd.close();
  await desk.settled();
  assert(
    desk.screen.lines.includes(`${T} you: \\x1b[A\\x03\\x04\\x9b2J …`),
    desk.screen.lines.join("\n"),
  );
});

test("TerminalFrontEnd inserts a paste whose end is lost", async () => {
  await using desk = new Desk();
  await desk.type("\x1b[200~half", "\r", "done");
  desk.clock.advance(1999);
  await desk.type("!");
  desk.clock.advance(1999);
  await desk.shows(">");
  desk.clock.advance(1);
  await desk.shows("> [paste 1: 2 lines]");
  await desk.type("?\r");
  assertEquals((await desk.input.read()).value, {
    do: "say",
    text: "half\ndone!?",
    kind: "text",
    id: "1",
  });
});

test("TerminalFrontEnd drops only the unfinished paste at Ctrl-C", async () => {
  await using desk = new Desk();
  await desk.type("so \x1b[200~half", "\r", "\x03", "what", "\r", "\x03");
  assertEquals((await desk.input.read()).value, {
    do: "say",
    text: "so what",
    kind: "text",
    id: "1",
  });
  assertEquals((await desk.input.read()).value, { do: "quit" });
});

test("TerminalFrontEnd refuses a line that is not UTF-8, and keeps it in the history", async () => {
  await using desk = new Desk(60);
  await desk.type(new Uint8Array([0x63, 0x61, 0x66, 0xe9]), "\r", "/who\r");
  // Nothing of the line was sent.
  assertEquals((await desk.input.read()).value, { do: "who" });
  await desk.settled();
  assert(desk.screen.lines.some((line) => line.includes(CODES["bad-utf8"].hint)));
  await desk.type("\x1b[A", "\x1b[A");
  await desk.shows("> caf\ufffd");
  await desk.type("\x7fé \ufffd\r");
  const { value } = await desk.input.read();
  assertEquals(value?.do === "say" && value.text, "café \ufffd");
});

test("TerminalFrontEnd ignores replies and mouse reports of the terminal", async () => {
  await using desk = new Desk();
  await desk.type(
    "a\x1b[<0;10;10M\x1b[<0;10;10m",
    "\x1b[M !!b\x1b]11;rgb:0/0/0\x07\x1b[10;20R",
    "c",
  );
  await desk.shows("> abc");
  await desk.type("\x1b]11;rgb:", "x"); // of which the end is lost
  desk.clock.advance(SEQUENCE_MS);
  await desk.type("d");
  await desk.shows("> abcd");
});

test("TerminalFrontEnd edits by graphemes", async () => {
  await using desk = new Desk();
  await desk.type("a👩‍👩‍👧‍👦🇩🇪👍🏽", "\x7f", "\x1b[D", "\x7f", "\r");
  const { value } = await desk.input.read();
  assertEquals(value?.do === "say" && value.text, "a🇩🇪");
});

test("TerminalFrontEnd searches the history, and sends no query", async () => {
  await using desk = new Desk(60);
  await desk.type("the secret", "\r", "other", "\r", "new", "\x12", "secr");
  await desk.shows(`${T} you: the secret …`, `${T} you: other …`, "(history: secr) the secret");
  await desk.type("x");
  await desk.shows("(not in the history: secrx) new");
  await desk.type("\r");
  await desk.shows("> new");
  await desk.type("\x12", "oth", "\x07", "!\r");
  for (const text of ["the secret", "other", "new!"]) {
    const { value } = await desk.input.read();
    assertEquals(value?.do === "say" && value.text, text);
  }
});

test("TerminalFrontEnd completes a name in any case", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show({ ...READY, members: [member("Anna")] });
  await desk.type("/msg aN\thi");
  await desk.shows("> /msg Anna hi");
});

test("TerminalFrontEnd parses a key of two reads", async () => {
  await using desk = new Desk();
  await desk.type("ab\x1b", "[D", "x");
  await desk.shows("> axb");
});

test("TerminalFrontEnd parses a paste whose bracket comes in two reads", async () => {
  await using desk = new Desk();
  await desk.type("x\x1b", "[200~/quit\rmore\x1b[201~", "\r");
  assertEquals(await desk.input.read(), {
    done: false,
    value: { do: "say", text: "x/quit\nmore", kind: "text", id: "1" },
  });
});

test("TerminalFrontEnd repeats a paste from the history", async () => {
  await using desk = new Desk();
  await desk.paste("one\ntwo");
  await desk.type("\r", "\x1b[A", "\r");
  for (const id of ["1", "2"]) {
    const { value } = await desk.input.read();
    assertEquals(value, { do: "say", text: "one\ntwo", kind: "text", id });
  }
});

test("TerminalFrontEnd addresses one of two members with the same key by name", async () => {
  await using desk = new Desk(60);
  const twins = ["bob", "bob two"].map((name) => ({ ...member(name), session: name }));
  desk.frontEnd.show({ ...READY, members: twins });
  await desk.type('/msg "bob two" hi', "\r");
  const { value } = await desk.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: "bob two" });
});

test("TerminalFrontEnd addresses by key if the name belongs to another member now", async () => {
  await using desk = new Desk(60);
  const [ada, two, three] = ["eve", "b2", "b3"].map((name) => ({ ...member(name), session: name }));
  desk.frontEnd.show({ ...READY, members: [ada!, two!, three!] });
  desk.frontEnd.show({ ...message("eve", "psst", { private: true }), from: ada! });
  desk.frontEnd.show({ event: "left", member: ada!, reason: "left" });
  desk.frontEnd.show({
    event: "joined",
    member: { ...member("eve"), key: "another", session: "4" },
  });
  await desk.type("/reply hi", "\r");
  const { value } = await desk.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: ada!.key });
});

test("TerminalFrontEnd addresses /reply to the current name of the sender", async () => {
  await using desk = new Desk(60);
  const [bob, eve] = ["bob", "eve"].map((name) => ({ ...member(name), key: name, session: name }));
  desk.frontEnd.show({ ...READY, members: [bob!, eve!] });
  desk.frontEnd.show({ ...message("bob", "psst", { private: true }), from: bob! });
  desk.frontEnd.show({ event: "renamed", member: { ...bob!, name: "rob" }, before: "bob" });
  desk.frontEnd.show({ event: "renamed", member: { ...eve!, name: "bob" }, before: "eve" });
  await desk.type("/reply hi", "\r");
  await desk.shows(`${T} ada to rob (private): hi …`, ">");
  const { value } = await desk.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: "bob" });
});

test("TerminalFrontEnd addresses /reply to the last sender before the line was begun", async () => {
  await using desk = new Desk(60);
  const [bob, eve] = ["bob", "eve"].map((name) => ({ ...member(name), key: name, session: name }));
  desk.frontEnd.show({ ...READY, members: [bob!, eve!] });
  desk.frontEnd.show({ ...message("bob", "the key?", { private: true }), from: bob! });
  await desk.type("/reply it ");
  desk.frontEnd.show({ ...message("eve", "psst", { private: true }), from: eve! });
  await desk.type("is x", "\r", "/reply what?", "\r");
  const to = [];
  for (let i = 0; i < 2; i++) {
    const { value } = await desk.input.read();
    to.push(value?.do === "say" && value.to);
  }
  assertEquals(to, ["bob", "eve"]);
});

test("TerminalFrontEnd keeps members by their current names, and by key and session", async () => {
  await using desk = new Desk(60);
  const [bob, eve] = ["bob", "eve"].map((name) => ({ ...member(name), key: name }));
  desk.frontEnd.show({ ...READY, members: [bob!] });
  desk.frontEnd.show({ event: "joined", member: eve! });
  desk.frontEnd.show({ event: "left", member: eve!, reason: "left" });
  desk.frontEnd.show({ ...message("bob#abcdefgh", "hi"), from: { ...bob!, name: "bob#abcdefgh" } });
  await desk.type("/msg bob#abcdefgh hi", "\r");
  const { value } = await desk.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: "bob" });
});

test("TerminalFrontEnd refuses a private message if its name means another member since the line was begun", async () => {
  await using desk = new Desk(100);
  const [bob, smith] = ["bob", "bob smith"].map((name) => ({
    ...member(name),
    key: name,
    session: name,
  }));
  desk.frontEnd.show({ ...READY, members: [bob!, smith!] });
  await desk.type("/msg bob the code ");
  desk.frontEnd.show({ event: "renamed", member: { ...bob!, name: "rob" }, before: "bob" });
  desk.frontEnd.show({ event: "joined", member: { ...bob!, key: "mal", session: "mal" } });
  await desk.type("is 1", "\r");
  await desk.shows(
    `${T} -- error: It could be for bob or for bob`,
    '      -- hint: Put the name in quotes, as in /msg "bob" hello; /who shows the names.',
    ">",
  );
  // Whoever left while the line was typed is not mistaken for another one either.
  await desk.type("/msg bob smith the ");
  desk.frontEnd.show({ event: "left", member: smith!, reason: "left" });
  await desk.type("code", "\r");
  await desk.settled();
  assertStringIncludes(desk.screen.lines.join("\n"), "It could be for bob or for bob smith");
  // Who has only changed its name is the same.
  await desk.type("/msg rob so");
  desk.frontEnd.show({ event: "renamed", member: { ...bob!, name: "r" }, before: "rob" });
  await desk.type("\r", "/quit", "\r");
  assertEquals((await desk.input.read()).value, {
    do: "say",
    text: "so",
    kind: "text",
    id: "1",
    to: "bob",
  });
  assertEquals((await desk.input.read()).value, { do: "quit" });
});

test("TerminalFrontEnd addresses /reply to no ignored member", async () => {
  await using desk = new Desk(80);
  const eve = { ...member("eve"), key: "eve" };
  desk.frontEnd.show({ ...READY, members: [eve] });
  desk.frontEnd.show({ ...message("eve", "psst", { private: true }), from: eve });
  desk.frontEnd.show({ event: "ignoring", member: eve, ignored: true });
  await desk.type("/reply x", "\r");
  await desk.shows(
    `${T} -- What eve says is not shown. /unignore eve shows it again.`,
    `${T} -- error: Nobody has sent you a private message yet`,
    "      -- hint: To begin, type /msg NAME TEXT.",
    ">",
  );
});

test("TerminalFrontEnd counts no sent messages after the seat is lost", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("one", "\r");
  desk.frontEnd.show({ event: "sent", id: "1" });
  desk.clock.advance(1000);
  await desk.shows(`${T} ada: one ✓`, "(1 on the way) >");
  desk.frontEnd.show({ event: "warning", code: "seat-lost", message: "It is gone", hint: "" });
  await desk.shows(`${T} -- warning: It is gone`, ">");
});

test("TerminalFrontEnd keeps own messages on the screen if the program ends without a close", async () => {
  await using desk = new Desk(60);
  desk.frontEnd.show(READY);
  await desk.type("one", "\r");
  await desk.settled();
  globalThis.dispatchEvent(new Event("unload"));
  await desk.shows(`${T} ada: one …`, "");
});

test("TerminalFrontEnd lists the continuations of a whole word", async () => {
  await using desk = new Desk(60);
  await desk.type("/who", "\t", "\t");
  await desk.settled();
  assert(desk.screen.lines.includes("/who  /whois"), desk.screen.lines.join("\n"));
});

test("TerminalFrontEnd shows the QR code of an invite in a wide window", async () => {
  const link =
    "lanchat://192.0.2.2:12345/#ASvWmMhdfIIlKDV1S8p4Ykw10pz-q3YFWXfIEC4_KMRB7ZD_RjIU8sTGz";
  const invite = { event: "invite", link, links: [link] } as const;
  await using wide = new Desk(80, 50);
  wide.frontEnd.show({ ...invite, secret: true });
  const code = (): string[] => wide.screen.lines.filter((line) => /^[█▀▄]/.test(line));
  await wide.settled();
  assertEquals(readQr(code()), link);
  await wide.type("\f"); // an empty screen
  // Where everybody gets in, it is shown to who asks for it.
  wide.frontEnd.show({ ...invite, secret: false });
  await wide.settled();
  assertEquals(code(), []);
  wide.frontEnd.show(READY);
  wide.frontEnd.show({ ...invite, secret: false });
  await wide.settled();
  assertEquals(readQr(code()), link);

  await using narrow = new Desk(30);
  narrow.frontEnd.show({ ...invite, secret: true });
  await narrow.settled();
  const text = narrow.screen.lines.join("");
  assert(text.includes("too narrow for the QR code"), text);
  assert(!/[█▀▄]/.test(text), text);
});
