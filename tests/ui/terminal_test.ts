import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { fromBase64Url } from "../../lib/bytes/mod.ts";
import { fingerprint, groups } from "../../lib/crypto/mod.ts";
import { type Code, CODES } from "../../lib/errors.ts";
import type { SessionEvent } from "../../lib/session_events.ts";
import { PROGRAM } from "../../lib/ui/notices.ts";
import { SEQUENCE_MS } from "../../lib/ui/key_parser.ts";
import type { PathEntry } from "../../lib/ui/paths.ts";
import { RESIZE_MS } from "../../lib/ui/terminal_device.ts";
import { timeOfDay } from "../../lib/ui/timeline.ts";
import { READY, TerminalOnly } from "../support/terminal_only.ts";
import { readQr } from "../support/qr.ts";
import { test } from "../support/test.ts";
import { member, message, NOW, T } from "./members.ts";

test("TerminalFrontEnd shows a prompt at once", async () => {
  await using terminal = new TerminalOnly();
  await terminal.shows(">");
  assertEquals(terminal.screen.cursor, [0, 2]);
  assertEquals(terminal.raw, [true]);
});

test("TerminalFrontEnd queues lines typed before ready", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("h", "i", "\r", "/who\r");
  await terminal.shows(`${T} you: hi …`, ">");
  terminal.frontEnd.show(READY);
  assertEquals(await terminal.input.read(), {
    done: false,
    value: { do: "say", text: "hi", kind: "text", id: "1" },
  });
  assertEquals((await terminal.input.read()).value, { do: "who" });
});

test("TerminalFrontEnd greets with the members and /help", async () => {
  await using terminal = new TerminalOnly(80);
  terminal.frontEnd.show(READY);
  await terminal.shows(
    `${T} -- You are ada. No one else is here yet. /help lists the commands.`,
    ">",
  );
  const host = { ...READY.host, key: member("bob").key, known: false, verified: false };
  terminal.frontEnd.show({ ...READY, host, joinCode: "0123456789", members: [member("bob")] });
  await terminal.shows(
    `${T} -- You are ada. 1 other here: bob (host).`,
    "      -- Join code 01234 56789.",
    "      -- Compare it in person or by phone; if it differs, someone is in between.",
    "      -- Type a message and press Enter. /help lists the commands.",
    ">",
  );
});

test("TerminalFrontEnd shows an own line as others see it", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("hello", "\r", "/me waves", "\r");
  await terminal.shows(`${T} ada: hello …`, `${T} * ada waves …`, ">");
  assertEquals((await terminal.input.read()).value, {
    do: "say",
    text: "hello",
    kind: "text",
    id: "1",
  });
  assertEquals((await terminal.input.read()).value, {
    do: "say",
    text: "waves",
    kind: "action",
    id: "2",
  });
});

test("TerminalFrontEnd shows messages above the typed line", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("t", "y", "p");
  terminal.frontEnd.show(message("bob", "one"));
  terminal.frontEnd.show(message("bob", "two"));
  await terminal.shows(`${T} bob: one`, `${T} bob: two`, "> typ");
  await terminal.type("\x1b[D", "X");
  await terminal.shows("> tyXp");
  terminal.frontEnd.show({ event: "left", member: member("bob"), reason: "left" });
  await terminal.shows(`${T} bob: one`, `${T} bob: two`, `${T} -- bob left`, "> tyXp");
  assertEquals(terminal.screen.cursor, [3, 5]);
});

test("TerminalFrontEnd keeps a line of many rows and its cursor in place", async () => {
  const line = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (const typing of [[...line], [line], [line.slice(0, 28), line.slice(28)]]) {
    await using terminal = new TerminalOnly();
    await terminal.type(...typing);
    terminal.frontEnd.show(message("bob", "one"));
    await terminal.shows(`${T} bob: one`, "> abcdefghijklmnopqrstuvwxyz01", "23456789");
    assertEquals(terminal.screen.cursor, [2, 8]);
    await terminal.type("\x01", "-"); // to the start of the line
    terminal.frontEnd.show(message("bob", "two"));
    await terminal.shows(
      `${T} bob: one`,
      `${T} bob: two`,
      "> -abcdefghijklmnopqrstuvwxyz0",
      "123456789",
    );
    assertEquals(terminal.screen.cursor, [2, 3]);
    await terminal.type("\r");
    await terminal.shows(
      `${T} bob: two`,
      `${T} you: -abcdefghijklmnopqr`,
      "           stuvwxyz0123456789",
      "           …",
      ">",
    );
  }
});

test("TerminalFrontEnd keeps a line that ends at the edge of the screen", async () => {
  for (const typing of [[..."x".repeat(28)], ["x".repeat(28)]]) {
    await using terminal = new TerminalOnly();
    await terminal.type(...typing);
    terminal.frontEnd.show(message("bob", "one"));
    await terminal.shows(`${T} bob: one`, `> ${"x".repeat(28)}`, "");
    await terminal.type("\r");
    await terminal.shows(
      `${T} bob: one`,
      `${T} you: ${"x".repeat(19)}`,
      `${" ".repeat(11)}xxxxxxxxx …`,
      ">",
    );
  }
});

test("TerminalFrontEnd wraps lines at words, below their text, in windows of several widths", async () => {
  const spoof = "All good.\n\n14:02 ada: I quit\n      -- error: Connection lost";
  const grids: Readonly<Record<number, string[]>> = {
    20: [
      `${T} eve: All good.`,
      "",
      "        14:02 ada: I",
      "        quit",
      "              --",
      "        error:",
      "        Connection",
      "        lost",
      `${T} * bob waves`,
      "        twice",
      `${T} -- bob left`,
      `${T} ada: see you`,
      "        at noon …",
      ">",
    ],
    40: [
      `${T} eve: All good.`,
      "",
      "           14:02 ada: I quit",
      "                 -- error: Connection",
      "           lost",
      `${T} * bob waves twice`,
      `${T} -- bob left`,
      `${T} ada: see you at noon …`,
      ">",
    ],
    80: [
      `${T} eve: All good.`,
      "",
      "           14:02 ada: I quit",
      "                 -- error: Connection lost",
      `${T} * bob waves twice`,
      `${T} -- bob left`,
      `${T} ada: see you at noon …`,
      ">",
    ],
  };
  for (const [columns, rows] of Object.entries(grids)) {
    await using terminal = new TerminalOnly(Number(columns));
    terminal.frontEnd.show(READY);
    terminal.frontEnd.show(message("eve", spoof));
    terminal.frontEnd.show(message("bob", "waves twice", { kind: "action" }));
    terminal.frontEnd.show({ event: "left", member: member("bob"), reason: "left" });
    await terminal.type("see you at noon\r");
    await terminal.shows(...rows);
  }
});

test("TerminalFrontEnd wraps a waiting message again in another width, and no shown line", async () => {
  await using terminal = new TerminalOnly(40);
  terminal.frontEnd.show(READY);
  terminal.frontEnd.show(message("bob", "this one stays as it was wrapped"));
  await terminal.type("this one is still on its way to bob\r");
  const bob = [`${T} bob: this one stays as it was`, "           wrapped"];
  await terminal.shows(
    ...bob,
    `${T} ada: this one is still on its way`,
    "           to bob …",
    ">",
  );
  terminal.resize(60);
  terminal.clock.advance(RESIZE_MS);
  await terminal.shows(...bob, `${T} ada: this one is still on its way to bob …`, ">");
});

test("TerminalFrontEnd keeps wide characters that wrap", async () => {
  await using terminal = new TerminalOnly(17);
  await terminal.type(..."日本語日本語日本語");
  for (const text of ["one", "two"]) terminal.frontEnd.show(message("bob", text));
  await terminal.shows(`${T} bob: one`, `${T} bob: two`, "> 日本語日本語日", "本語");
  terminal.frontEnd.show(message("eve", "3"));
  await terminal.shows(`${T} bob: one`, `${T} bob: two`, `${T} eve: 3`, "> 日本語日本語日", "本語");
  await terminal.type("\x7f");
  await terminal.shows(`${T} eve: 3`, "> 日本語日本語日", "本");
});

test("TerminalFrontEnd edits within a line that wrapped", async () => {
  for (const typing of [[..."日本語日本語日本語"], ["日本語日本語日本語"]]) {
    await using terminal = new TerminalOnly(17);
    terminal.frontEnd.show(message("bob", "one"));
    await terminal.shows(`${T} bob: one`, ">");
    await terminal.type(...typing, "\x01", "x");
    await terminal.shows(`${T} bob: one`, "> x日本語日本語日", "本語");
    assertEquals(terminal.screen.cursor, [1, 3]);
  }
});

test("TerminalFrontEnd draws a pasted line once", async () => {
  await using terminal = new TerminalOnly(60);
  const line = "x".repeat(1000);
  await terminal.paste(line);
  await terminal.settled();
  assertEquals(terminal.stdout.text.replaceAll(/[^x]/g, ""), line);
});

test("TerminalFrontEnd redraws the line in another width", async () => {
  await using terminal = new TerminalOnly(20);
  await terminal.type(..."0123456789");
  terminal.resize(40);
  terminal.clock.advance(RESIZE_MS);
  await terminal.shows("> 0123456789");
});

test("TerminalFrontEnd redraws once the window keeps its size, and leaves no wrapped rows", async () => {
  await using terminal = new TerminalOnly(40);
  terminal.frontEnd.show(message("bob", "one"));
  await terminal.type("a line of more characters than a row has", "\x1b[D".repeat(9));
  await terminal.shows(`${T} bob: one`, "> a line of more characters than a row h", "as");
  const written = terminal.stdout.text.length;
  for (const columns of [35, 27, 16, 9, 13]) {
    terminal.resize(columns);
    terminal.clock.advance(RESIZE_MS - 1);
    terminal.frontEnd.show(message("bob", `at ${columns}`));
    await terminal.type("x");
    await terminal.settled();
  }
  assertEquals(terminal.stdout.text.length, written);
  terminal.resize(20);
  terminal.clock.advance(RESIZE_MS);
  const messages = [35, 27, 16, 9, 13].map((columns) => `${T} bob: at ${columns}`);
  await terminal.shows(
    `${T} bob: one`,
    ...messages,
    "> a line of more cha",
    "racters than xxxxxa",
    "row has",
  );
  assertEquals(terminal.screen.lines.length, 9);
  assertEquals(terminal.screen.cursor, [7, 18]);
});

test("TerminalFrontEnd leaves no copy of the line in any width, for any cursor", async () => {
  const line = "0123456789".repeat(4).slice(2);
  for (const columns of [39, 20, 10, 7, 25, 60]) {
    for (const left of [0, 1, 20, 30, 37]) {
      await using terminal = new TerminalOnly(40);
      await terminal.type(line, "\x1b[D".repeat(left));
      await terminal.settled();
      terminal.resize(columns);
      terminal.clock.advance(RESIZE_MS);
      await terminal.settled();
      assertEquals(terminal.screen.lines.join(""), `> ${line}`);
    }
  }
});

test("TerminalFrontEnd expects no reflow of the row of the cursor in a terminal that keeps it", async () => {
  await using terminal = new TerminalOnly(40, 24, { keepsCursorRow: true });
  terminal.frontEnd.show(message("bob", "one"));
  await terminal.type("0123456789".repeat(3));
  terminal.resize(10);
  terminal.clock.advance(RESIZE_MS);
  await terminal.shows("> 01234567", "8901234567", "8901234567", "89");
  assertEquals(terminal.screen.lines.slice(0, 2).join(""), `${T} bob: one`);
});

test("TerminalFrontEnd redraws everything after a resize to the same size", async () => {
  await using terminal = new TerminalOnly(40);
  await terminal.type("half a line");
  await terminal.settled();
  terminal.screen.write("\x1b[2J\x1b[H");
  terminal.resize(40);
  terminal.clock.advance(RESIZE_MS);
  await terminal.shows("> half a line");
});

test("TerminalFrontEnd clears row by row, so that tmux keeps no copy in its scrollback", async () => {
  await using terminal = new TerminalOnly(20);
  await terminal.type("a line of two rows and more", "\x01", "x", "\x0b");
  terminal.frontEnd.show(message("bob", "one"));
  terminal.resize(10);
  terminal.clock.advance(RESIZE_MS);
  await terminal.type("\x1a");
  await terminal.settled();
  terminal.goOn();
  await terminal.frontEnd.close();
  await terminal.settled();
  assert(!terminal.stdout.text.includes("\x1b[J") && !terminal.stdout.text.includes("\x1b[0J"));
});

test("TerminalFrontEnd clears the screen at Ctrl-L and keeps the line", async () => {
  await using terminal = new TerminalOnly();
  terminal.frontEnd.show(message("bob", "hi"));
  await terminal.type("x".repeat(40), "\x0c", "y");
  await terminal.settled();
  assertEquals(terminal.screen.lines, [`> ${"x".repeat(28)}`, `${"x".repeat(12)}y`]);
});

test("TerminalFrontEnd recalls earlier lines", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("one", "\r", "two", "\r", "\x1b[A", "\x1b[A", "!", "\r");
  await terminal.shows(`${T} you: one …`, `${T} you: two …`, `${T} you: one! …`, ">");
});

test("TerminalFrontEnd escapes text from others, and styles names", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(message("bob", "\x1b[2J\x9b2J\nada: me too\u202e"));
  await terminal.shows(`${T} bob: \\x1b[2J\\x9b2J`, "           ada: me too\\u{202e}", ">");
  // deno-lint-ignore no-control-regex -- that is how a name looks
  assertMatch(terminal.stdout.text, /\x1b\[1;38;5;\d+mbob\x1b\[22;39m: /);
  terminal.frontEnd.show(message("bob", "psst", { private: true }));
  await terminal.shows(`${T} bob (private): psst`, ">");
});

test("TerminalFrontEnd drops pasted C1 controls, and keeps the text", async () => {
  await using terminal = new TerminalOnly();
  terminal.frontEnd.show(READY);
  const controls = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0x80 + i));
  await terminal.type(`a${controls.join("")}b`, ...controls, "\x1c", "\x1d", "c", "\r");
  await terminal.shows(`${T} ada: abc …`, ">");
  // deno-lint-ignore no-control-regex -- controls are what it is about
  assert(!/[\x1c\x1d\x80-\x9f]/u.test(terminal.stdout.text));
});

test("TerminalFrontEnd suggests a command for an unknown one, and sends nothing", async () => {
  await using terminal = new TerminalOnly(90);
  await terminal.type("/hwo", "\r", "//x", "\r");
  await terminal.shows(
    `${T} -- error: Unknown command /hwo`,
    "      -- hint: Did you mean /who? Type /help to see the commands, or // to send a slash.",
    `${T} you: /x …`,
    ">",
  );
  assertEquals((await terminal.input.read()).value, {
    do: "say",
    text: "/x",
    kind: "text",
    id: "1",
  });
});

test("TerminalFrontEnd shows an error after the answer to each earlier command", async () => {
  await using terminal = new TerminalOnly(60);
  const shown = async (): Promise<string[]> => {
    await terminal.settled();
    return terminal.screen.lines.join("\n").match(/\/n\w+|Bad luck|nothing/g) ?? [];
  };
  terminal.frontEnd.show({ ...READY, members: [member("bob")] });
  await terminal.type("hi", "\r", "/nope", "\r"); // A message is no command.
  assertEquals(await shown(), ["/nope"]);
  await terminal.type("/whois bob", "\r", "/nada", "\r", "/retry", "\r");
  assertEquals((await terminal.input.read()).value?.do, "say");
  assertEquals((await terminal.input.read()).value, { do: "whois", name: "bob" });
  assertEquals(await shown(), ["/nope"]);
  terminal.frontEnd.show({ event: "error", code: "internal", message: "Bad luck" });
  const next = terminal.input.read();
  assertEquals(await shown(), ["/nope", "Bad luck", "/nada", "nothing"]);
  await terminal.type("/who", "\r");
  assertEquals((await next).value, { do: "who" });
  await terminal.type("/nil", "\r", "/nix", "\r");
  await terminal.frontEnd.close(); // No answer comes.
  assertEquals((await shown()).slice(-2), ["/nil", "/nix"]);
});

test("TerminalFrontEnd explains the commands without a wish", async () => {
  await using terminal = new TerminalOnly(80);
  await terminal.type("/help", "\r");
  await terminal.shows(
    "      -- /verify [NAME] checks identity",
    "      -- /quit          leaves the room",
    "      -- /help all      lists the rest",
    ">",
  );
  await terminal.type("/help all", "\r");
  await terminal.shows(
    "      -- /notify [on|off] switches the bell",
    "      -- /clear           clears the screen; scrollback stays",
    "      -- /help [COMMAND]  explains COMMAND",
    "      -- /quit            leaves the room",
    "      -- KEYS",
    "      -- Tab              completes commands and names",
    "      -- Alt-Enter        breaks a line, as Ctrl-J does",
    "      -- Up, Down         bring back earlier lines",
    "      -- Ctrl-R           searches them; Ctrl-G cancels",
    ">",
  );
  await terminal.type("/help msg", "\r");
  await terminal.shows(
    `${T} -- /msg NAME TEXT tells only NAME`,
    "      -- /msg bob hello: only bob reads it.",
    ">",
  );
});

test("TerminalFrontEnd wraps what a command does below itself", async () => {
  await using terminal = new TerminalOnly(60);
  await terminal.type("/help lock", "\r");
  await terminal.shows(
    `${T} -- /lock lets no newcomer join or, if you don't host,`,
    "               read you",
    ">",
  );
});

test("TerminalFrontEnd completes commands, with a space before what follows", async () => {
  await using terminal = new TerminalOnly(60);
  await terminal.type("/", "cl", "\t");
  await terminal.shows("> /clear");
  const others = ["bob", "carl"].map((name) => ({ ...member(name), session: name }));
  terminal.frontEnd.show({ ...READY, members: others });
  for (const start of ["/ms", "/msg"]) {
    await terminal.type("\x15", start, "\t", "ca\t", "hi");
    await terminal.shows("> /msg carl hi");
  }
  await terminal.type("\x15", "/msg", "\t", "\t");
  await terminal.shows("  bob  carl", "> /msg");
});

test("TerminalFrontEnd completes the paths of /send, and sends the address of the receiver", async () => {
  const names = Array.from({ length: 101 }, (_, i) => `f${100 + i}`);
  const entries = (folder: string): PathEntry[] =>
    folder === "." ? names.map((name) => ({ name, isFolder: false })) : [];
  await using terminal = new TerminalOnly(80, 40, { files: { home: "/home/ada", entries } });
  terminal.frontEnd.show({ ...READY, members: [{ ...member("bob"), key: "bobs key" }] });
  await terminal.type("/send \t");
  await terminal.settled();
  const { lines } = terminal.screen;
  assertEquals(lines.at(-1), "> /send f");
  assert(lines.at(-2)!.endsWith("  f199  …"), lines.at(-2));
  await terminal.type("200\t~/x to b\t\r");
  assertEquals((await terminal.input.read()).value, {
    do: "send-file",
    paths: ["f200", "/home/ada/x"],
    to: "bobs key",
  });
});

test("TerminalFrontEnd offers a line that is too long as a file, and keeps it in the history", async () => {
  await using terminal = new TerminalOnly(200);
  const line = "x".repeat(16_385);
  await terminal.type(`${line}\r`);
  await terminal.shows(
    `${T} -- That is too long for a message, so it is offered as a file.`,
    ">",
  );
  assertEquals((await terminal.input.read()).value, { do: "send-text", text: line });
  await terminal.type("\x1b[A", "\x7f", "\r");
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: line.slice(1), kind: "text", id: "1" });
});

test("TerminalFrontEnd names the members that are away and may lack a message", async () => {
  await using terminal = new TerminalOnly(80);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.frontEnd.show({ event: "delivered", id: "1", away: ["bob"] });
  await terminal.shows(`${T} ada: one ✓ bob is away`, ">");
  await terminal.type("two", "\r");
  terminal.frontEnd.show({ event: "sent", id: "2" });
  terminal.frontEnd.show({ event: "delivered", id: "2", away: ["bob"], left: ["eve", "dan"] });
  await terminal.shows(`${T} ada: two ✓ bob is away, eve, dan may have left without it`, ">");
});

test("TerminalFrontEnd shows missed messages with their times, and their count in one line", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.clock.advance(600_000);
  for (const text of ["one", "two"]) terminal.frontEnd.show(message("bob", text));
  terminal.frontEnd.show({ event: "reconnected", missed: 2 });
  const now = timeOfDay(new Date(NOW + 600_000));
  await terminal.shows(
    `${T} bob: one`,
    `${T} bob: two`,
    `${now} -- Reconnected. 2 messages came meanwhile.`,
    ">",
  );
});

test("TerminalFrontEnd sends each line of an unbracketed paste as a message", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("one\r", "\n", "two\n\nthree\rfo");
  await terminal.type(new Uint8Array([0x75, 0x72, 0xe6, 0x97]));
  await terminal.type(new Uint8Array([0xa5]));
  await terminal.shows(`${T} you: one …`, `${T} you: two …`, `${T} you: three …`, "> four日");
  const texts = [];
  for (let i = 0; i < 3; i++) texts.push((await terminal.input.read()).value);
  assertEquals(texts.map((input) => input?.do === "say" && input.text), ["one", "two", "three"]);
});

test("TerminalFrontEnd marks a failed message, shows the reason, and sends it again", async () => {
  await using terminal = new TerminalOnly(100);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r", "two", "\r", `${"long".repeat(20)}`, "\r");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.frontEnd.show({ event: "delivered", id: "1" });
  terminal.frontEnd.show({ event: "failed", id: "2", code: "nobody-here" });
  const long = "long".repeat(20);
  await terminal.shows(
    `${T} ada: one ✓✓`,
    `${T} ada: two ✗`,
    `${T} -- error: Not delivered: two`,
    "      -- hint: Wait until someone joins; in a pipe, use join --wait SECONDS. /retry resends it.",
    `${T} ada: ${long} …`,
    ">",
  );
  terminal.frontEnd.show({ event: "failed", id: "3", code: "not-delivered" });
  await terminal.shows(
    `${T} ada: ${long} ✗`,
    `${T} -- error: Not delivered: ${"long".repeat(15)}…`,
    "      -- hint: It may not have reached everyone: send it again. /retry resends it.",
    ">",
  );
  await terminal.type("/retry", "\r");
  await terminal.shows(`${T} ada: two …`, `${T} ada: ${long} …`, ">");
  await terminal.type("/retry", "\r");
  await terminal.shows(
    `${T} -- There is nothing to resend.`,
    `${T} ada: two …`,
    `${T} ada: ${long} …`,
    ">",
  );
  const said = [];
  for (let i = 0; i < 5; i++) {
    const { value } = await terminal.input.read();
    if (value?.do === "say") said.push([value.id, value.text]);
  }
  assertEquals(said, [["1", "one"], ["2", "two"], ["3", long], ["4", "two"], ["5", long]]);
});

test("TerminalFrontEnd shows the same hint once if many messages fail", async () => {
  await using terminal = new TerminalOnly(100);
  terminal.frontEnd.show(READY);
  await terminal.type("one\rtwo\r");
  for (const id of ["1", "2"]) terminal.frontEnd.show({ event: "failed", id, code: "nobody-here" });
  await terminal.shows(
    `${T} -- error: Not delivered: one`,
    "      -- hint: Wait until someone joins; in a pipe, use join --wait SECONDS. /retry resends it.",
    `${T} ada: two ✗`,
    `${T} -- error: Not delivered: two`,
    ">",
  );
});

test("TerminalFrontEnd settles an own message when the host has it, and its mark follows there", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r", "two", "\r");
  terminal.frontEnd.show(message("bob", "before"));
  await terminal.shows(`${T} bob: before`, `${T} ada: one …`, `${T} ada: two …`, ">");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.frontEnd.show(message("bob", "1"));
  await terminal.shows(
    `${T} bob: before`,
    `${T} ada: one ✓`,
    `${T} bob: 1`,
    `${T} ada: two …`,
    ">",
  );
  terminal.frontEnd.show({ event: "sent", id: "2" });
  terminal.frontEnd.show({ event: "left", member: member("bob"), reason: "left" });
  await terminal.type("typed");
  const rest = [`${T} ada: two ✓`, `${T} -- bob left`];
  await terminal.shows(
    `${T} bob: before`,
    `${T} ada: one ✓`,
    `${T} bob: 1`,
    ...rest,
    "> typed",
  );
  terminal.frontEnd.show({ event: "delivered", id: "2" });
  rest[0] += "✓";
  await terminal.shows(`${T} ada: one ✓`, `${T} bob: 1`, ...rest, "> typed");
  terminal.frontEnd.show({ event: "delivered", id: "1", away: ["bob"] });
  await terminal.shows(`${T} ada: one ✓ bob is away`, `${T} bob: 1`, ...rest, "> typed");
});

test("TerminalFrontEnd counts messages whose mark has scrolled up", async () => {
  await using terminal = new TerminalOnly(30, 10);
  terminal.frontEnd.show(READY);
  await terminal.type("\f", "one", "\r", "two", "\r");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.clock.advance(1000);
  for (const text of ["1", "2"]) terminal.frontEnd.show(message("bob", text));
  await terminal.shows(
    `${T} ada: one ✓`,
    `${T} bob: 1`,
    `${T} bob: 2`,
    `${T} ada: two …`,
    "(1 unsent, 1 on the way) >",
  );
  terminal.frontEnd.show({ event: "sent", id: "2" });
  for (const text of ["3", "4"]) terminal.frontEnd.show(message("bob", text));
  await terminal.settled();
  terminal.frontEnd.show({ event: "delivered", id: "1" });
  const rows = [
    `${T} ada: one ✓`,
    `${T} bob: 1`,
    `${T} bob: 2`,
    `${T} ada: two ✓`,
    `${T} bob: 3`,
    `${T} bob: 4`,
    "(1 on the way) >",
  ];
  await terminal.shows(...rows);
  terminal.frontEnd.show({ event: "delivered", id: "2" });
  await terminal.shows(...rows.with(3, `${T} ada: two ✓✓`).with(6, ">"));
});

test("TerminalFrontEnd keeps lines in order and once over a resize, a pause, Ctrl-L and the end", async () => {
  await using terminal = new TerminalOnly(40);
  terminal.frontEnd.show(READY);
  await terminal.type("\f", "one", "\r");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.frontEnd.show(message("bob", "1111111111 2222222222 3333"));
  await terminal.type("half");
  const shown = async (): Promise<string> => {
    await terminal.settled();
    return terminal.screen.lines.join("").replaceAll(/\s/g, "");
  };
  const before = `${T}ada:one✓${T}bob:111111111122222222223333`;
  assertEquals(await shown(), `${before}>half`);
  terminal.resize(25);
  terminal.frontEnd.show(message("bob", "x"));
  terminal.clock.advance(RESIZE_MS);
  const lines = `${before}${T}bob:x`;
  assertEquals(await shown(), `${lines}>half`);
  await terminal.type("\x1a");
  terminal.frontEnd.show({ event: "delivered", id: "1" });
  assertEquals(await shown(), `${lines}PressCtrl-Zagaintopause,Entertogoon.`);
  terminal.goOn();
  assertEquals(await shown(), `${lines}PressCtrl-Zagaintopause,Entertogoon.>half`);
  await terminal.type("\r", "last", "\r");
  terminal.frontEnd.show({ event: "sent", id: "2" });
  terminal.frontEnd.show(message("bob", "y"));
  await terminal.settled();
  await terminal.type("\f");
  await terminal.settled();
  assertEquals(terminal.screen.lines, [`${T} ada: last …`, ">"]);
  terminal.frontEnd.show({ event: "sent", id: "3" });
  terminal.frontEnd.show(message("bob", "z"));
  await terminal.type("\x04");
  terminal.frontEnd.show({ event: "delivered", id: "3" });
  await terminal.frontEnd.close();
  await terminal.shows(`${T} ada: last ✓✓`, `${T} bob: z`, "");
});

test("TerminalFrontEnd shortens a long message until its mark is final", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  const lines = Array.from({ length: 9 }, (_, i) => `line ${i}`);
  await terminal.paste(lines.join("\n"));
  await terminal.type("\r");
  await terminal.shows(`${T} ada: line 0 (9 lines) …`, ">");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.frontEnd.show({ event: "delivered", id: "1" });
  const [first, ...others] = lines;
  const rows = [`${T} ada: ${first}`, ...others.map((line) => `           ${line}`)];
  rows[8] += " ✓✓";
  await terminal.shows(...rows, ">");
  await terminal.type("x".repeat(500), "\r");
  await terminal.settled();
  assertStringIncludes(
    terminal.screen.lines.slice(-5).map((line) => line.trim()).join(""),
    `${"x".repeat(160)}… …>`,
  );
});

test("TerminalFrontEnd leaves no copy of lines that may change in half the width", async () => {
  await using terminal = new TerminalOnly(60, 24);
  terminal.frontEnd.show(READY);
  await terminal.type("\f");
  const texts = Array.from({ length: 14 }, (_, i) => `${i % 10}`.repeat(40));
  for (const [i, text] of texts.entries()) {
    await terminal.type(text, "\r");
    terminal.frontEnd.show({ event: "sent", id: `${i + 1}` });
    await terminal.settled();
  }
  for (const columns of [30, 60]) {
    terminal.resize(columns);
    terminal.clock.advance(RESIZE_MS);
    await terminal.settled();
    const shown = terminal.screen.lines.join("").replaceAll(/\s/g, "");
    assertEquals(shown, texts.map((text) => `${T}ada:${text}✓`).join("") + ">");
  }
});

test("TerminalFrontEnd shows the last unsent messages, and all in their place or at the end", async () => {
  await using terminal = new TerminalOnly(60, 20);
  terminal.frontEnd.show(READY);
  for (const text of "abcdefghij") await terminal.type(text, "\r");
  terminal.frontEnd.show(message("bob", "hi"));
  const unsent = "fghij".split("").map((text) => `${T} ada: ${text} …`);
  await terminal.shows(`${T} bob: hi`, ...unsent, ">");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  await terminal.shows(`${T} bob: hi`, `${T} ada: a ✓`, ...unsent, ">");
  await terminal.frontEnd.close();
  await terminal.shows(
    `${T} bob: hi`,
    `${T} ada: a ✓`,
    ..."bcde".split("").map((text) => `${T} ada: ${text} …`),
    ...unsent,
    "",
  );
  await using low = new TerminalOnly(30, 8);
  const wide = "日".repeat(90);
  await low.type(wide, "\r");
  const shown = async (): Promise<string> => {
    await low.settled();
    return low.screen.lines.join("").replaceAll(/\s/g, "");
  };
  assertEquals(await shown(), `${T}you:${"日".repeat(30)}……>`);
  low.frontEnd.show({ event: "sent", id: "1" });
  low.frontEnd.show({ event: "delivered", id: "1" });
  assertEquals(await shown(), `${T}you:${wide}✓✓>`);
});

test("TerminalFrontEnd restores the terminal on each way to quit", async () => {
  const ways: [string, (terminal: TerminalOnly) => Promise<void>][] = [
    ["/quit", (terminal) => terminal.type("/quit", "\r")],
    ["a pasted /quit with more behind it", (terminal) => terminal.type("/quit\rmore\r/quit\r")],
    ["Ctrl-C", (terminal) => terminal.type("half", "\x03")],
    ["Ctrl-C of kitty", (terminal) => terminal.type("\x1b[99;5u")],
    ["Ctrl-D", (terminal) => terminal.type("\x04")],
    ["the end of input", (terminal) => terminal.hangUp()],
  ];
  for (const [way, leave] of ways) {
    await using terminal = new TerminalOnly(60);
    await leave(terminal);
    assertEquals((await terminal.input.read()).value, { do: "quit" }, way);
    assertEquals<unknown>(await terminal.input.read(), { done: true, value: undefined }, way);
    assertEquals(terminal.raw, [true, false], way);
    assertEquals(terminal.listens, false, way);
    terminal.frontEnd.show({ event: "closed", reason: "host-closed" });
    await terminal.frontEnd.close();
    await terminal.settled();
    assertEquals(terminal.screen.lines, [
      `${T} -- The host closed the room. lanchat ends.`,
      "",
    ], way);
    assertEquals(terminal.raw, [true, false], way);
  }
});

test("TerminalFrontEnd reports Ctrl-C before typed lines are read", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("hi", "\r", "\x03");
  await terminal.frontEnd.interrupted;
  assertEquals((await terminal.input.read()).value?.do, "say");
  assertEquals((await terminal.input.read()).value?.do, "quit");
});

test("TerminalFrontEnd does not quit at Ctrl-D within a line", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("x", "\x04", "y");
  await terminal.shows("> xy");
});

test("TerminalFrontEnd restores the terminal at Ctrl-Z until the program continues, or Enter", async () => {
  const line = "a line of more characters than one row has";
  for (
    const goOn of [
      (terminal: TerminalOnly) => terminal.goOn(),
      (terminal: TerminalOnly) => terminal.type("\n"),
    ]
  ) {
    await using terminal = new TerminalOnly();
    await terminal.type(line, "\x1a");
    await terminal.shows("Press Ctrl-Z again to pause,", "Enter to go on.", "");
    assertEquals(terminal.raw, [true, false]);
    assertEquals(terminal.screen.marksPastes, false);
    terminal.frontEnd.show(message("bob", "hi"));
    terminal.resize(20);
    await terminal.shows(`${T} bob: hi`, "");
    await goOn(terminal);
    await terminal.shows(`${T} bob: hi`, "> a line of more cha", "racters than one row", " has");
    assertEquals(terminal.raw, [true, false, true]);
    assertEquals(terminal.screen.marksPastes, true);
  }
});

test("TerminalFrontEnd drops a line that is typed while it is paused, and can quit then", async () => {
  await using terminal = new TerminalOnly(60);
  await terminal.type("a\x1ab", "c\n", "\x1a");
  await terminal.settled();
  await terminal.type("d\n");
  await terminal.shows("> ab");
  await terminal.type("\x1a");
  await terminal.frontEnd.close();
  await terminal.shows(
    "Press Ctrl-Z again to pause, Enter to go on.",
    `${T} -- Not sent: ab`,
    "",
  );
  assertEquals(terminal.raw, [true, false, true, false, true, false, false]);
  assertEquals(terminal.screen.marksPastes, false);
});

test("TerminalFrontEnd ends its input if the terminal fails", async () => {
  await using terminal = new TerminalOnly();
  const lost = new Error("lost");
  await terminal.hangUp(lost);
  await assertRejects(() => terminal.input.read(), Error, "lost");
  assertEquals(terminal.raw, [true, false]);
});

test("TerminalFrontEnd.close erases the line, and shows that it is not sent", async () => {
  const terminal = new TerminalOnly();
  await terminal.type(..."0123456789012345678901234567890123456789");
  terminal.frontEnd.show(message("bob", "bye"));
  await terminal.frontEnd.close();
  await terminal.settled();
  assertEquals(terminal.screen.lines, [
    `${T} bob: bye`,
    `${T} -- Not sent: 01234567890`,
    "         123456789012345678901",
    "         23456789",
    "",
  ]);
  assertEquals(terminal.raw, [true, false]);
  assertEquals<unknown>(await terminal.input.read(), { done: true, value: undefined });
});

test("TerminalFrontEnd.close waits for Enter while a person types, and sends nothing more", async () => {
  const never = new Promise<void>(() => {});
  for (
    const [end, sentence] of [["\r", "half a line"], ["\x03", "half a line"], ["\x15\x04", ""]]
  ) {
    await using terminal = new TerminalOnly(60);
    await terminal.type("half a");
    const closed = terminal.frontEnd.close(never);
    await terminal.shows("> half a");
    assertEquals(terminal.screen.place, "── Press Enter to leave.");
    await terminal.type(" line");
    await terminal.shows("> half a line");
    assertEquals(terminal.raw, [true]);
    await terminal.type(end!);
    await closed;
    await terminal.shows(...sentence === "" ? [""] : [`${T} -- Not sent: ${sentence}`, ""]);
    assertEquals(terminal.raw, [true, false]);
  }
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("hello\r");
  terminal.clock.advance(2999);
  const closed = terminal.frontEnd.close(never);
  await terminal.settled();
  assertEquals(terminal.screen.place, "── Press Enter to leave.");
  await terminal.type("\r");
  await closed;
});

test("TerminalFrontEnd.close does not wait without a typed line, at a signal, or in a hurry", async () => {
  const never = new Promise<void>(() => {});
  const ways: ((terminal: TerminalOnly) => Promise<void>)[] = [
    async (terminal) => {
      await terminal.type("hello\r");
      terminal.clock.advance(3000);
      await terminal.frontEnd.close(never);
    },
    async (terminal) => {
      await terminal.type("half");
      terminal.frontEnd.show({ event: "closed", reason: "signal" });
      await terminal.frontEnd.close(never);
    },
    async (terminal) => {
      await terminal.type("half");
      const { promise, resolve } = Promise.withResolvers<void>();
      const closed = terminal.frontEnd.close(promise);
      resolve();
      await closed;
    },
    async (terminal) => {
      await terminal.type("half");
      const closed = terminal.frontEnd.close(never);
      await terminal.hangUp();
      await closed;
    },
  ];
  for (const close of ways) {
    await using terminal = new TerminalOnly(60);
    await close(terminal);
    assertEquals(terminal.raw, [true, false]);
  }
});

test("TerminalFrontEnd stops reading keys if its input is canceled", async () => {
  await using terminal = new TerminalOnly();
  await terminal.input.cancel();
  await terminal.type("x\r");
  terminal.frontEnd.show(message("bob", "hi"));
  await terminal.shows(`${T} bob: hi`, "");
});

test("TerminalFrontEnd restores the terminal if the program ends without a close", async () => {
  for (const end of ["unload", "error", "unhandledrejection"]) {
    await using terminal = new TerminalOnly();
    await terminal.type("x".repeat(40));
    await terminal.shows(`> ${"x".repeat(28)}`, "x".repeat(12));
    globalThis.dispatchEvent(new Event(end));
    assertEquals(terminal.raw, [true, false]);
    await terminal.shows("");
    assertEquals(terminal.screen.marksPastes, false);
  }
});

test("TerminalFrontEnd counts messages that are on the way after a second", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r", "two", "\r", "ty");
  terminal.clock.advance(999);
  await terminal.shows(`${T} ada: one …`, `${T} ada: two …`, "> ty");
  terminal.clock.advance(1);
  await terminal.shows(`${T} ada: two …`, "(2 unsent) > ty");
  await terminal.type("p");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  await terminal.shows(`${T} ada: two …`, "(1 unsent, 1 on the way) > typ");
  terminal.frontEnd.show({ event: "delivered", id: "1" });
  terminal.frontEnd.show({ event: "failed", id: "2", code: "not-delivered" });
  await terminal.type("e");
  await terminal.settled();
  assertEquals(terminal.screen.lines.at(-1), "> type");
});

test("TerminalFrontEnd says why a private message was not delivered, and what to do", async () => {
  await using terminal = new TerminalOnly(200);
  const bob = { ...member("bob#abcdefgh"), key: "B".repeat(43) };
  const known = { tag: "zyxwvuts", key: "C".repeat(43), lastSeen: NOW, verified: true };
  terminal.frontEnd.show({ ...READY, members: [bob, member("carol")] });
  terminal.frontEnd.show({ event: "key-changed", member: bob, known, withheld: true });
  const fails = async (to: string, code: Code, id: string): Promise<string> => {
    await terminal.type(`/msg ${to} psst\r`);
    terminal.frontEnd.show({ event: "failed", id, code });
    await terminal.settled();
    assertEquals(terminal.screen.lines.at(-3), `${T} -- error: Not delivered: psst`);
    return terminal.screen.lines.at(-2)!.replace(/^ *-- hint: /, "");
  };
  assertEquals(
    await fails("bob#abcdefgh", "key-withheld", "1"),
    "bob#abcdefgh has bob's name but another key: check who it is before /accept.",
  );
  assertEquals(
    await fails("carol", "key-withheld", "2"),
    "carol came after your /lock. After /unlock, /retry resends it.",
  );
  assertEquals(
    await fails("carol", "no-such-member", "3"),
    "carol has left. /retry sends it when they are back.",
  );
});

test("TerminalFrontEnd counts no messages that are delivered within a second", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.frontEnd.show({ event: "delivered", id: "1" });
  terminal.clock.advance(1000);
  await terminal.shows(`${T} ada: one ✓✓`, ">");
});

test("TerminalFrontEnd shows a new day", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  const tomorrow = new Date(NOW + 86_400_000);
  const day = tomorrow.toLocaleDateString("en-GB", { dateStyle: "full" }).replace(" at", "");
  terminal.frontEnd.show({ ...message("bob", "late"), at: tomorrow.getTime() });
  terminal.frontEnd.show(message("bob", "early"));
  await terminal.shows(`-- ${day}`, `${T} bob: late`, `${T} bob: early`, ">");
});

test("TerminalFrontEnd highlights a mention, and rings for mentions and private messages at intervals", async () => {
  await using terminal = new TerminalOnly(60, 24, { environment: { TERM: "xterm" } });
  terminal.frontEnd.show({ ...READY, name: "ada#abcdefgh" });
  terminal.frontEnd.show(message("bob", "Adam is no adafruit"));
  await terminal.settled();
  assertEquals(terminal.screen.effects.bells, 0);
  terminal.frontEnd.show(message("bob", "so, Ada: yes?"));
  await terminal.settled();
  assertEquals(terminal.screen.effects.bells, 1);
  assertStringIncludes(terminal.stdout.text, "so, \x1b[7mAda\x1b[27m: yes?");
  terminal.frontEnd.show(message("bob", "ada?"));
  terminal.clock.advance(4999);
  terminal.frontEnd.show(message("bob", "ada!"));
  await terminal.settled();
  assertEquals(terminal.screen.effects.bells, 1);
  terminal.clock.advance(1);
  terminal.frontEnd.show(message("bob", "psst", { private: true }));
  await terminal.settled();
  assertEquals(terminal.screen.effects, { answers: [], bells: 2, commands: [], titles: [] });
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
    await using terminal = new TerminalOnly(60, 24, { environment });
    terminal.frontEnd.show(private_);
    await terminal.settled();
    assertEquals(terminal.screen.effects, {
      answers: [],
      bells: 1,
      commands: [...commands],
      titles: [],
    });
  }
  await using terminal = new TerminalOnly(60, 24, { environment: { TERM: "foot" }, notify: false });
  terminal.frontEnd.show(private_);
  await terminal.settled();
  assertEquals(terminal.screen.effects, { answers: [], bells: 0, commands: [], titles: [] });
});

test("TerminalFrontEnd clears the screen, and keeps the scrollback and the typed line", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  terminal.frontEnd.show(message("bob", "hi"));
  await terminal.type("/clear", "\r", "ty");
  await terminal.settled();
  assertEquals(terminal.screen.lines.filter((line) => line !== ""), ["> ty"]);
});

test("TerminalFrontEnd addresses private messages by key, and /reply to the last sender", async () => {
  await using terminal = new TerminalOnly(60);
  const [bob, eve] = [{ ...member("bob"), key: "bobs" }, {
    ...member("eve"),
    key: "eves",
    session: "2",
  }];
  terminal.frontEnd.show({ ...READY, members: [bob] });
  terminal.frontEnd.show({ event: "joined", member: eve });
  await terminal.type("/msg bob hi", "\r", "/msg eve hello", "\r", "/reply x", "\r");
  await terminal.shows(
    `${T} -- error: No one has sent you a private message yet`,
    "      -- hint: Type /msg NAME TEXT.",
    `${T} ada to bob (private): hi …`,
    `${T} ada to eve (private): hello …`,
    ">",
  );
  terminal.frontEnd.show({ ...message("bob", "psst", { private: true }), from: bob });
  terminal.frontEnd.show({ ...message("eve", "aloud"), from: eve });
  terminal.frontEnd.show({ event: "left", member: eve, reason: "left" });
  await terminal.type("/reply ok", "\r", "/msg eve still there?", "\r");
  await terminal.shows(
    `${T} bob (private): psst`,
    `${T} eve: aloud`,
    `${T} -- eve left`,
    `${T} -- error: No one here is called eve`,
    "      -- hint: /who lists the names.",
    `${T} ada to bob (private): hi …`,
    `${T} ada to eve (private): hello …`,
    `${T} ada to bob (private): ok …`,
    ">",
  );
  const sent = [];
  for (let i = 0; i < 3; i++) {
    const { value } = await terminal.input.read();
    if (value?.do === "say") sent.push([value.text, value.to]);
  }
  assertEquals(sent, [["hi", "bobs"], ["hello", "eves"], ["ok", "bobs"]]);
});

test("TerminalFrontEnd marks a verified member, but never the own name", async () => {
  await using terminal = new TerminalOnly(80);
  const bob = { ...member("bob"), key: "bobs" };
  const verified = { ...bob, verified: true };
  terminal.frontEnd.show({ ...READY, members: [bob] });
  terminal.frontEnd.show({ ...message("bob", "one"), from: bob });
  terminal.frontEnd.show({ event: "verified", member: verified });
  terminal.frontEnd.show({ ...message("bob", "two"), from: verified });
  terminal.frontEnd.show({ ...message("bob", "nods", { kind: "action" }), from: verified });
  await terminal.type("/msg bob hi", "\r", "✓ hello", "\r");
  await terminal.shows(
    `${T} bob: one`,
    `${T} -- You have verified bob✓, and see the ✓ from now on.`,
    "      -- bob does not see that. To verify you, bob types: /verify ada",
    `${T} bob✓: two`,
    `${T} * bob✓ nods`,
    `${T} ada to bob✓ (private): hi …`,
    `${T} ada: ✓ hello …`,
    ">",
  );
  // deno-lint-ignore no-control-regex -- that is how a name looks, its mark included
  assertMatch(terminal.stdout.text, /\x1b\[1;38;5;\d+mbob✓\x1b\[22;39m: two/);
});

test("TerminalFrontEnd shows a safety number, and all of it with its QR code on request", async () => {
  await using terminal = new TerminalOnly(100, 40);
  const [own, fingerprint] = ["0123456789".repeat(3), "1234567890".repeat(3)];
  const digits = own + fingerprint;
  const number = { event: "safety-number", member: member("bob"), digits, fingerprint } as const;
  const rows = ["01234 56789 01234 56789 01234 56789", "12345 67890 12345 67890 12345 67890"];
  terminal.frontEnd.show({ ...READY, members: [member("bob")] });
  terminal.frontEnd.show({ ...number, asked: [1, 2, 4, 6] });
  await terminal.shows(
    `${T} -- Call or meet bob. Ask bob to type: /verify ada show`,
    "      -- bob reads you all 12 groups. If one differs, someone is in between.",
    "      -- If all agree, type /verify bob and the four that are ????? here, from left to right.",
    "      -- Safety number of you and bob:",
    `      -- ${rows[0]} (you)`,
    "      -- ????? ????? 12345 ????? 12345 ????? (bob)",
    ">",
  );
  const above = terminal.screen.lines.length - 1;
  terminal.frontEnd.show(number);
  await terminal.settled();
  const shown = terminal.screen.lines.slice(above, -1);
  // The digits come last, so that a low window has them.
  const lines = [
    `${T} -- Read all 12 groups to bob by voice, not in this chat.`,
    "      -- Safety number of you and bob:",
    `      -- ${rows[0]} (you)`,
    `      -- ${rows[1]} (bob)`,
  ];
  assertEquals(shown.slice(-4), lines);
  assertEquals(shown[0], `${T} -- bob can also scan this: it holds the same 60 digits.`);
  assertEquals(readQr(shown.slice(1, -4)), digits);
  assert(terminal.stdout.text.includes("\x1b[38;5;231;48;5;16m█"));

  for (const [columns, height, fits] of [[100, 22, true], [100, 21, false]] as const) {
    await using low = new TerminalOnly(columns, height);
    low.frontEnd.show({ ...READY, members: [member("bob")] });
    low.frontEnd.show(number);
    await low.shows(...lines, ">");
    assertEquals(low.screen.lines.some((line) => /[█▀▄]/.test(line)), fits, `${height}`);
  }
});

test("TerminalFrontEnd shows the digits of a safety number in a window of 40 by 10", async () => {
  const [own, fingerprint] = ["0123456789".repeat(3), "1234567890".repeat(3)];
  const digits = own + fingerprint;
  const number = { event: "safety-number", member: member("bob"), digits, fingerprint } as const;
  await using terminal = new TerminalOnly(40, 10);
  terminal.frontEnd.show({ ...READY, members: [member("bob")] });
  terminal.frontEnd.show({ ...number, asked: [1, 2, 4, 6] });
  await terminal.shows(
    "      -- Safety number of you and bob:",
    "      -- 01234 56789 01234 56789 01234",
    "         56789 (you)",
    "      -- ????? ????? 12345 ????? 12345",
    "         ????? (bob)",
    ">",
  );
});

test("TerminalFrontEnd says after a verification how the member does the same", async () => {
  await using terminal = new TerminalOnly(80);
  const bob = { ...member("bob"), verified: true };
  terminal.frontEnd.show({ ...READY, members: [bob] });
  terminal.frontEnd.show({ event: "verified", member: bob });
  await terminal.shows(
    `${T} -- You have verified bob✓, and see the ✓ from now on.`,
    "      -- bob does not see that. To verify you, bob types: /verify ada",
    ">",
  );
});

test("TerminalFrontEnd refuses /away without a text where this run is not away", async () => {
  await using terminal = new TerminalOnly(80);
  terminal.frontEnd.show(READY);
  await terminal.type("/away\r", "/away lunch\r", "/away\r", "/away\r");
  await terminal.shows(`${T} -- You are not away.`, ">");
  assertEquals((await terminal.input.read()).value, { do: "status", text: "lunch" });
  assertEquals((await terminal.input.read()).value, { do: "status", text: "" });
  void terminal.input.read();
  await terminal.shows(`${T} -- You are not away.`, `${T} -- You are not away.`, ">");
});

test("TerminalFrontEnd completes names, and goes through those with the same start", async () => {
  await using terminal = new TerminalOnly(60);
  const others = ["bob", "Bert"].map((name) => ({ ...member(name), session: name }));
  terminal.frontEnd.show({ ...READY, members: others });
  await terminal.type("bo\thi");
  await terminal.shows("> bob: hi");
  await terminal.type("\x15", "/msg b", "\t");
  await terminal.shows("  bob  Bert", "> /msg b");
  for (const [key, name] of [["\t", "bob"], ["\t", "Bert"], ["\t", "bob"], ["\x1b[Z", "Bert"]]) {
    await terminal.type(key!);
    await terminal.shows(`> /msg ${name}`);
  }
  assertEquals(terminal.screen.lines.filter((line) => line === "  bob  Bert").length, 1);
  await terminal.type("hello");
  terminal.frontEnd.show(message("bob", "one"));
  await terminal.shows(`${T} bob: one`, "> /msg Bert hello");
});

test("TerminalFrontEnd completes the common start of names first, and begins again after another key", async () => {
  await using terminal = new TerminalOnly(60);
  const others = ["anna", "anne", "ann"].map((name) => ({ ...member(name), session: name }));
  terminal.frontEnd.show({ ...READY, members: others });
  await terminal.type("hi a", "\t");
  await terminal.shows("  anna  anne  ann", "> hi ann");
  await terminal.type("\x1b[Z");
  await terminal.shows("> hi ann");
  assertEquals(terminal.screen.cursor[1], "> hi ann ".length);
  await terminal.type("\x1b[Z");
  await terminal.shows("> hi anne");
  await terminal.type("\x7f", "\t");
  await terminal.shows("> hi anne");
  await terminal.type("\t", "\x1f");
  await terminal.shows("> hi anne");
  await terminal.type("\x15", "x", "\t", "\t");
  await terminal.shows("  anna  anne  ann", "> x");
});

test("TerminalFrontEnd goes through the continuations of a whole word", async () => {
  await using terminal = new TerminalOnly(60);
  for (const [key, word] of [["/who", "/who"], ["\t", "/who"], ["\t", "/who"], ["\t", "/whois"]]) {
    await terminal.type(key!);
    await terminal.shows(`> ${word}`);
  }
  assert(terminal.screen.lines.includes("  /who  /whois"), terminal.screen.lines.join("\n"));
});

test("TerminalFrontEnd sends a paste of many lines as one message, after its mark was shown", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("look: ");
  await terminal.paste("one\n\ttwo\nthree\n");
  await terminal.type("!");
  await terminal.shows("> look: [paste 1: 3 lines]!");
  await terminal.type("\r");
  await terminal.shows(`${T} ada: look: one`, "               two", "           three! …", ">");
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: "look: one\n\ttwo\nthree!", kind: "text", id: "1" });
});

test("TerminalFrontEnd shows a line break that is typed, sends it, and recalls it", async () => {
  await using terminal = new TerminalOnly(40);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\x1b\r", "two", "\n");
  await terminal.shows("> one", "  two", "");
  assertEquals(terminal.screen.cursor, [terminal.screen.lines.length - 1, 2]);
  await terminal.type("three", "\x1b[D".repeat(6), "!");
  await terminal.shows("> one", "  two!", "  three");
  assertEquals(terminal.screen.cursor, [terminal.screen.lines.length - 2, 6]);
  await terminal.type("\r", "\x1b[A");
  await terminal.shows(
    `${T} ada: one`,
    "           two!",
    "           three …",
    "> one",
    "  two!",
    "  three",
  );
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: "one\ntwo!\nthree", kind: "text", id: "1" });
});

test("TerminalFrontEnd edits a pasted line as a typed one, without its line end", async () => {
  await using terminal = new TerminalOnly();
  await terminal.paste("one\n");
  await terminal.type("\x7f", "\x7f");
  await terminal.shows("> o");
});

test("TerminalFrontEnd takes no key, no command and no other paste from a paste", async () => {
  await using terminal = new TerminalOnly(80);
  await terminal.paste("/quit\nmore");
  await terminal.type("\r");
  await terminal.paste("\x1b[A\x03\x04\x9b2J");
  await terminal.type("\r");
  await terminal.paste("[paste 1: 2 lines]");
  await terminal.type("\r");
  await terminal.paste("hello\u2028/quit\u2029/quit");
  await terminal.type("\r", "/quit", "\r");
  const texts = [];
  for (let i = 0; i < 5; i++) {
    const { value } = await terminal.input.read();
    texts.push(value?.do === "say" ? value.text : value?.do);
  }
  assertEquals(texts, [
    "/quit\nmore",
    "\x1b[A\x03\x04\x9b2J",
    "[paste 1: 2 lines]",
    "hello\u2028/quit\u2029/quit",
    "quit",
  ]);
  await terminal.frontEnd.close();
  await terminal.settled();
  assert(
    terminal.screen.lines.includes(`${T} you: \\x1b[A\\x03\\x04\\x9b2J …`),
    terminal.screen.lines.join("\n"),
  );
});

test("TerminalFrontEnd inserts a paste whose end is lost", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("\x1b[200~half", "\r", "done");
  terminal.clock.advance(1999);
  await terminal.type("!");
  terminal.clock.advance(1999);
  await terminal.shows(">");
  terminal.clock.advance(1);
  await terminal.shows("> [paste 1: 2 lines]");
  await terminal.type("?\r");
  assertEquals((await terminal.input.read()).value, {
    do: "say",
    text: "half\ndone!?",
    kind: "text",
    id: "1",
  });
});

test("TerminalFrontEnd drops only the unfinished paste at Ctrl-C", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("so \x1b[200~half", "\r", "\x03", "what", "\r", "\x03");
  assertEquals((await terminal.input.read()).value, {
    do: "say",
    text: "so what",
    kind: "text",
    id: "1",
  });
  assertEquals((await terminal.input.read()).value, { do: "quit" });
});

test("TerminalFrontEnd refuses a line that is not UTF-8, and keeps it in the history", async () => {
  await using terminal = new TerminalOnly(60);
  await terminal.type(new Uint8Array([0x63, 0x61, 0x66, 0xe9]), "\r", "/who\r");
  // Nothing of the line was sent.
  assertEquals((await terminal.input.read()).value, { do: "who" });
  await terminal.settled();
  assert(terminal.screen.lines.some((line) => line.includes(CODES["bad-utf8"].hint)));
  await terminal.type("\x1b[A", "\x1b[A");
  await terminal.shows("> caf\ufffd");
  await terminal.type("\x7fé \ufffd\r");
  const { value } = await terminal.input.read();
  assertEquals(value?.do === "say" && value.text, "café \ufffd");
});

test("TerminalFrontEnd ignores replies and mouse reports of the terminal", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type(
    "a\x1b[<0;10;10M\x1b[<0;10;10m",
    "\x1b[M !!b\x1b]11;rgb:0/0/0\x07\x1b[10;20R",
    "c",
  );
  await terminal.shows("> abc");
  await terminal.type("\x1b]11;rgb:", "x"); // of which the end is lost
  terminal.clock.advance(SEQUENCE_MS);
  await terminal.type("d");
  await terminal.shows("> abcd");
});

test("TerminalFrontEnd edits by graphemes", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("a👩‍👩‍👧‍👦🇩🇪👍🏽", "\x7f", "\x1b[D", "\x7f", "\r");
  const { value } = await terminal.input.read();
  assertEquals(value?.do === "say" && value.text, "a🇩🇪");
});

test("TerminalFrontEnd searches the history, and sends no query", async () => {
  await using terminal = new TerminalOnly(60);
  await terminal.type("the secret", "\r", "other", "\r", "new", "\x12", "secr");
  await terminal.shows(`${T} you: the secret …`, `${T} you: other …`, "(history: secr) the secret");
  await terminal.type("x");
  await terminal.shows("(not in the history: secrx) new");
  await terminal.type("\r");
  await terminal.shows("> new");
  await terminal.type("\x12", "oth", "\x07", "!\r");
  for (const text of ["the secret", "other", "new!"]) {
    const { value } = await terminal.input.read();
    assertEquals(value?.do === "say" && value.text, text);
  }
});

test("TerminalFrontEnd completes a name in any case", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show({ ...READY, members: [member("Anna")] });
  await terminal.type("/msg aN\thi");
  await terminal.shows("> /msg Anna hi");
});

test("TerminalFrontEnd parses a key of two reads", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("ab\x1b", "[D", "x");
  await terminal.shows("> axb");
});

test("TerminalFrontEnd parses a paste whose bracket comes in two reads", async () => {
  await using terminal = new TerminalOnly();
  await terminal.type("x\x1b", "[200~/quit\rmore\x1b[201~", "\r");
  assertEquals(await terminal.input.read(), {
    done: false,
    value: { do: "say", text: "x/quit\nmore", kind: "text", id: "1" },
  });
});

test("TerminalFrontEnd repeats a paste from the history", async () => {
  await using terminal = new TerminalOnly();
  await terminal.paste("one\ntwo");
  await terminal.type("\r", "\x1b[A", "\r");
  for (const id of ["1", "2"]) {
    const { value } = await terminal.input.read();
    assertEquals(value, { do: "say", text: "one\ntwo", kind: "text", id });
  }
});

test("TerminalFrontEnd addresses one of two members with the same key by name", async () => {
  await using terminal = new TerminalOnly(60);
  const twins = ["bob", "bob two"].map((name) => ({ ...member(name), session: name }));
  terminal.frontEnd.show({ ...READY, members: twins });
  await terminal.type('/msg "bob two" hi', "\r");
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: "bob two" });
});

test("TerminalFrontEnd addresses by key if the name belongs to another member now", async () => {
  await using terminal = new TerminalOnly(60);
  const [ada, two, three] = ["eve", "b2", "b3"].map((name) => ({ ...member(name), session: name }));
  terminal.frontEnd.show({ ...READY, members: [ada!, two!, three!] });
  terminal.frontEnd.show({ ...message("eve", "psst", { private: true }), from: ada! });
  terminal.frontEnd.show({ event: "left", member: ada!, reason: "left" });
  terminal.frontEnd.show({
    event: "joined",
    member: { ...member("eve"), key: "another", session: "4" },
  });
  await terminal.type("/reply hi", "\r");
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: ada!.key });
});

test("TerminalFrontEnd addresses /reply to the current name of the sender", async () => {
  await using terminal = new TerminalOnly(60);
  const [bob, eve] = ["bob", "eve"].map((name) => ({ ...member(name), key: name, session: name }));
  terminal.frontEnd.show({ ...READY, members: [bob!, eve!] });
  terminal.frontEnd.show({ ...message("bob", "psst", { private: true }), from: bob! });
  terminal.frontEnd.show({ event: "renamed", member: { ...bob!, name: "rob" }, before: "bob" });
  terminal.frontEnd.show({ event: "renamed", member: { ...eve!, name: "bob" }, before: "eve" });
  await terminal.type("/reply hi", "\r");
  await terminal.shows(`${T} ada to rob (private): hi …`, ">");
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: "bob" });
});

test("TerminalFrontEnd addresses /reply to the last sender before the line was begun", async () => {
  await using terminal = new TerminalOnly(60);
  const [bob, eve] = ["bob", "eve"].map((name) => ({ ...member(name), key: name, session: name }));
  terminal.frontEnd.show({ ...READY, members: [bob!, eve!] });
  terminal.frontEnd.show({ ...message("bob", "the key?", { private: true }), from: bob! });
  await terminal.type("/reply it ");
  terminal.frontEnd.show({ ...message("eve", "psst", { private: true }), from: eve! });
  await terminal.type("is x", "\r", "/reply what?", "\r");
  const to = [];
  for (let i = 0; i < 2; i++) {
    const { value } = await terminal.input.read();
    to.push(value?.do === "say" && value.to);
  }
  assertEquals(to, ["bob", "eve"]);
});

test("TerminalFrontEnd keeps members by their current names, and by key and session", async () => {
  await using terminal = new TerminalOnly(60);
  const [bob, eve] = ["bob", "eve"].map((name) => ({ ...member(name), key: name }));
  terminal.frontEnd.show({ ...READY, members: [bob!] });
  terminal.frontEnd.show({ event: "joined", member: eve! });
  terminal.frontEnd.show({ event: "left", member: eve!, reason: "left" });
  terminal.frontEnd.show({
    ...message("bob#abcdefgh", "hi"),
    from: { ...bob!, name: "bob#abcdefgh" },
  });
  await terminal.type("/msg bob#abcdefgh hi", "\r");
  const { value } = await terminal.input.read();
  assertEquals(value, { do: "say", text: "hi", kind: "text", id: "1", to: "bob" });
});

test("TerminalFrontEnd refuses a private message if its name means another member since the line was begun", async () => {
  await using terminal = new TerminalOnly(100);
  const [bob, smith] = ["bob", "bob smith"].map((name) => ({
    ...member(name),
    key: name,
    session: name,
  }));
  terminal.frontEnd.show({ ...READY, members: [bob!, smith!] });
  await terminal.type("/msg bob the code ");
  terminal.frontEnd.show({ event: "renamed", member: { ...bob!, name: "rob" }, before: "bob" });
  terminal.frontEnd.show({ event: "joined", member: { ...bob!, key: "mal", session: "mal" } });
  await terminal.type("is 1", "\r");
  await terminal.shows(
    `${T} -- error: Several names match: bob, bob`,
    '      -- hint: Put the name in quotes, as in /msg "bob" hello; /who lists the names.',
    ">",
  );
  // Whoever left while the line was typed is not mistaken for another one either.
  await terminal.type("/msg bob smith the ");
  terminal.frontEnd.show({ event: "left", member: smith!, reason: "left" });
  await terminal.type("code", "\r");
  await terminal.settled();
  assertStringIncludes(terminal.screen.lines.join("\n"), "Several names match: bob, bob smith");
  // Who has only changed its name is the same.
  await terminal.type("/msg rob so");
  terminal.frontEnd.show({ event: "renamed", member: { ...bob!, name: "r" }, before: "rob" });
  await terminal.type("\r", "/quit", "\r");
  assertEquals((await terminal.input.read()).value, {
    do: "say",
    text: "so",
    kind: "text",
    id: "1",
    to: "bob",
  });
  assertEquals((await terminal.input.read()).value, { do: "quit" });
});

test("TerminalFrontEnd addresses /reply to no ignored member", async () => {
  await using terminal = new TerminalOnly(80);
  const eve = { ...member("eve"), key: "eve" };
  terminal.frontEnd.show({ ...READY, members: [eve] });
  terminal.frontEnd.show({ ...message("eve", "psst", { private: true }), from: eve });
  terminal.frontEnd.show({ event: "ignoring", member: eve, ignored: true });
  await terminal.type("/reply x", "\r");
  await terminal.shows(
    `${T} -- Messages from eve are hidden. /unignore eve shows them.`,
    `${T} -- error: No one has sent you a private message yet`,
    "      -- hint: Type /msg NAME TEXT.",
    ">",
  );
});

test("TerminalFrontEnd counts no sent messages after the seat is lost", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r");
  terminal.frontEnd.show({ event: "sent", id: "1" });
  terminal.clock.advance(1000);
  await terminal.shows(`${T} ada: one ✓`, "(1 on the way) >");
  terminal.frontEnd.show({ event: "warning", code: "seat-lost", message: "It is gone" });
  await terminal.shows(`${T} -- warning: It is gone`, ">");
});

test("TerminalFrontEnd keeps own messages on the screen if the program ends without a close", async () => {
  await using terminal = new TerminalOnly(60);
  terminal.frontEnd.show(READY);
  await terminal.type("one", "\r");
  await terminal.settled();
  globalThis.dispatchEvent(new Event("unload"));
  await terminal.shows(`${T} ada: one …`, "");
});

/** A link as long as one with an IPv4 address. */
const INVITE = {
  event: "invite",
  link: `lanchat://192.168.100.100:12345/#${
    "ASvWmMhdfIIlKDV1S8p4Ykw10pz-q3YFWXfI".repeat(2).slice(2)
  }`,
  links: [],
  secret: true,
} as const;

const LISTENING = {
  event: "listening",
  addresses: ["192.0.2.2"],
  port: 12345,
  fingerprint: READY.fingerprint,
  tag: "abcdefgh",
  inviteOnly: true,
} as const;

test("TerminalFrontEnd shows a secret link at once, and its QR code on request in a window of 24 rows", async () => {
  await using terminal = new TerminalOnly(80, 24);
  const { link } = INVITE;
  const invite = { ...INVITE, links: [link] };
  for (const event of [LISTENING, invite, READY]) terminal.frontEnd.show(event);
  await terminal.shows(
    `${T} -- You are ada, the host (tag abcdefgh). Others join with:`,
    `      --     ${PROGRAM} join -`,
    "      -- Then they paste this link; no one joins without it:",
    `      -- ${link.slice(0, 71)}`,
    link.slice(71),
    "      -- No one else is here yet. /help lists the commands.",
    ">",
  );
  await terminal.type("/invite qr", "\r");
  await terminal.settled();
  const code = terminal.screen.lines.filter((line) => /^[█▀▄]/.test(line));
  assertEquals(readQr(code), link);
  assert(code.length < 24, `${code.length} rows`);

  await using narrow = new TerminalOnly(30);
  for (const event of [LISTENING, invite, READY]) narrow.frontEnd.show(event);
  await narrow.type("/invite qr", "\r");
  await narrow.shows(
    `${T} -- The window is too`,
    "         narrow for the QR",
    "         code.",
    ">",
  );
});

test("TerminalFrontEnd asks the session for the invite of another machine's room", async () => {
  await using terminal = new TerminalOnly(80);
  terminal.frontEnd.show(READY);
  await terminal.type("/invite qr", "\r");
  assertEquals((await terminal.input.read()).value, { do: "invite" });
});

test("TerminalFrontEnd explains the first join code, and shows none with a secret link", async () => {
  const join = (name: string, verified = false): SessionEvent => ({
    event: "joined",
    member: { ...member(name), session: name, ...verified && { verified } },
    joinCode: "0123456789",
  });
  await using open = new TerminalOnly(80);
  const { inviteOnly: _, ...listening } = LISTENING;
  open.frontEnd.show(listening);
  open.frontEnd.show({ ...INVITE, links: [INVITE.link], secret: false });
  for (const event of [READY, join("dan", true), join("bob"), join("eve")]) {
    open.frontEnd.show(event);
  }
  await open.shows(
    `${T} -- dan✓ joined (join code 01234 56789)`,
    `${T} -- bob joined (join code 01234 56789)`,
    "      -- Compare it in person or by phone; if it differs, someone is in between.",
    `${T} -- eve joined (join code 01234 56789)`,
    ">",
  );
  await using closed = new TerminalOnly(80);
  const invite = { ...INVITE, links: [INVITE.link] };
  for (const event of [LISTENING, invite, READY, join("bob")]) closed.frontEnd.show(event);
  await closed.shows(`${T} -- bob joined`, ">");
});

test("TerminalFrontEnd shows a member its join code, explained unless it knows the host", async () => {
  const members = [member("bob")];
  const restarted = { event: "reconnected", missed: 0, joinCode: "9876543210" } as const;
  for (const known of [false, true]) {
    const host = { ...READY.host, key: members[0]!.key, known, verified: false };
    const advice = known
      ? []
      : ["      -- Compare it in person or by phone; if it differs, someone is in between."];
    await using open = new TerminalOnly(80);
    open.frontEnd.show({ ...READY, host, members, joinCode: "0123456789" });
    open.frontEnd.show(restarted);
    await open.shows(
      `${T} -- You are ada. 1 other here: bob (host).`,
      "      -- Join code 01234 56789.",
      ...advice,
      "      -- Type a message and press Enter. /help lists the commands.",
      `${T} -- Reconnected.`,
      "      -- The host restarted. Join code 98765 43210.",
      ...advice,
      ">",
    );
    await using closed = new TerminalOnly(80, 24, { joinsByInvite: true });
    closed.frontEnd.show({ ...READY, host, members, joinCode: "0123456789" });
    closed.frontEnd.show(restarted);
    await closed.shows(
      `${T} -- You are ada. 1 other here: bob (host).`,
      "      -- Type a message and press Enter. /help lists the commands.",
      `${T} -- Reconnected.`,
      "      -- The host restarted.",
      ">",
    );
  }
});

test("TerminalFrontEnd shows new keys only to the person who asked for them", async () => {
  await using terminal = new TerminalOnly(80);
  terminal.frontEnd.show({ ...READY, members: [member("bob")] });
  terminal.frontEnd.show({ event: "left", member: member("bob"), reason: "kicked" });
  terminal.frontEnd.show({ event: "rekeyed" });
  await terminal.shows(`${T} -- bob was removed by the host`, ">");
  await terminal.type("/rekey", "\r");
  assertEquals((await terminal.input.read()).value, { do: "rekey" });
  terminal.frontEnd.show({ event: "rekeyed" });
  await terminal.shows(`${T} -- Your encryption keys are replaced.`, ">");
});

test("TerminalFrontEnd shows the fingerprints of this run and of the host", async () => {
  await using terminal = new TerminalOnly(80);
  terminal.frontEnd.show(READY);
  const room = groups(await fingerprint(fromBase64Url(READY.host.key)));
  while (!terminal.screen.lines.join().includes("fingerprint")) {
    await terminal.type("/fingerprint", "\r");
    await terminal.settled();
  }
  await terminal.shows(
    `${T} -- Your fingerprint: ${groups(READY.fingerprint)}`,
    `      -- The room's fingerprint: ${room}`,
    ">",
  );
});
