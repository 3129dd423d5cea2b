import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CODES, UsageError } from "../../lib/errors.ts";
import { complete, parseLine } from "../../lib/ui/line_parser.ts";
import {
  COMMANDS_BY_WORD,
  helpLines,
  type LineContext,
  type ParsedLine,
} from "../../lib/ui/slash_commands.ts";
import { EMOJI } from "../support/emoji.ts";
import { test } from "../support/test.ts";

const WORDS = [...COMMANDS_BY_WORD.keys()];

const [BOB, BOBBY, ANNA] = ["bob", "bob by", "Anna Łódź"].map((name) => ({
  name,
  key: `${name}-key`,
}));
const MEMBERS = [BOB!, BOBBY!, ANNA!];
const ALONE = { members: [] };

function refusal(line: string, context: LineContext = ALONE): UsageError {
  return assertThrows(() => parseLine(line, context), UsageError);
}

test("parseLine reads messages, actions and commands", () => {
  const lines: [string, ParsedLine][] = [
    ["hello", { do: "say", text: "hello", kind: "text" }],
    ["  hello ", { do: "say", text: "  hello ", kind: "text" }],
    [" /who", { do: "say", text: " /who", kind: "text" }],
    ["//who", { do: "say", text: "/who", kind: "text" }],
    ["///", { do: "say", text: "//", kind: "text" }],
    ["/me waves  twice", { do: "say", text: "waves  twice", kind: "action" }],
    ["/who", { do: "who" }],
    ["/who is that", { do: "who" }],
    ["/help", { do: "help" }],
    ["/quit ", { do: "quit" }],
    ["", { do: "nothing" }],
    [" \t", { do: "nothing" }],
  ];
  for (const [line, command] of lines) assertEquals(parseLine(line, ALONE), command, line);
});

test("parseLine reads the wish of each command", () => {
  const lines: [string, ParsedLine][] = [
    ["/nick  Ada Lovelace ", { do: "nick", name: "Ada Lovelace" }],
    ["/away", { do: "status", text: "" }],
    ["/away lunch until one ", { do: "status", text: "lunch until one" }],
    ["/whois bob by", { do: "whois", name: "bob by" }],
    ['/whois "bob by"', { do: "whois", name: "bob by" }],
    ["/ignore bob#abcdefgh", { do: "ignore", name: "bob#abcdefgh" }],
    ["/unignore bob", { do: "unignore", name: "bob" }],
    ["/rekey", { do: "rekey" }],
    ["/kick bob", { do: "kick", name: "bob" }],
    ['/ban "bob by"', { do: "ban", name: "bob by" }],
    ["/unban bob#abcdefgh", { do: "unban", name: "bob#abcdefgh" }],
    ["/unban ", { do: "bans" }],
    ["/lock", { do: "lock" }],
    ["/unlock", { do: "unlock" }],
    ["/invite", { do: "show-invite", qr: false }],
    ["/invite qr ", { do: "show-invite", qr: true }],
    ["/fingerprint", { do: "fingerprint" }],
    ["/clear", { do: "clear" }],
    ["/retry", { do: "retry" }],
  ];
  for (const [line, command] of lines) assertEquals(parseLine(line, ALONE), command, line);
});

test("parseLine reads the member to verify, by key, and the digits or `show`", () => {
  const twice = [...MEMBERS, { ...BOB! }];
  const bob = { do: "verify", name: "bob-key" } as const;
  const lines: [string, ParsedLine][] = [
    ["/verify", { do: "verify" }],
    ["/verify bob", bob],
    ["/verify  bob ", bob],
    ['/verify "bob"', bob],
    ['/verify "bob by"', { do: "verify", name: "bob by-key" }],
    ["/verify Anna Łódź show", { do: "verify", name: "Anna Łódź-key", show: true }],
    ["/verify bob show ", { ...bob, show: true }],
    ["/verify bob 12345 67890 12345 67890", { ...bob, digits: "12345 67890 12345 67890" }],
    ['/verify "bob by" 1234567890', { do: "verify", name: "bob by-key", digits: "1234567890" }],
    ["/accept 29901 99456", { do: "accept", digits: "29901 99456" }],
    ["/accept 29901", { do: "accept", digits: "29901" }],
  ];
  for (const [line, command] of lines) {
    assertEquals(parseLine(line, { members: twice }), command, line);
  }
  const { code, hint, message } = refusal("/verify eve 12345 67890", { members: twice });
  assertEquals([code, message], ["no-such-member", "No one here is called eve"]);
  assertEquals(hint, "/who lists the names.");
  assertEquals(
    refusal("/verify bob by", { members: twice }).hint,
    'Put the name in quotes, as in /verify "bob"; /who lists the names.',
  );
  const others = [...MEMBERS, { name: "bob", key: "another" }];
  assertEquals(refusal("/verify bob", { members: others }).code, "no-such-member");
});

test("parseLine reads the files to send, and their only receiver", () => {
  const files = { home: "/home/ada" };
  const lines: [string, ParsedLine][] = [
    ["/send a.txt", { do: "send-file", paths: ["a.txt"] }],
    ['/send "my notes.txt" ~/photos', {
      do: "send-file",
      paths: ["my notes.txt", "/home/ada/photos"],
    }],
    ["/send a.txt to bob", { do: "send-file", paths: ["a.txt"], to: BOB! }],
    ["/send a.txt b.txt to bob by ", { do: "send-file", paths: ["a.txt", "b.txt"], to: BOBBY! }],
    ['/send a.txt to "BOB BY"', { do: "send-file", paths: ["a.txt"], to: BOBBY! }],
    ['/send "to" to Anna Łódź', { do: "send-file", paths: ["to"], to: ANNA! }],
    ['/send a.txt "to" bob', { do: "send-file", paths: ["a.txt", "to", "bob"] }],
    ["/send to", { do: "send-file", paths: ["to"] }],
  ];
  for (const [line, command] of lines) {
    assertEquals(parseLine(line, { members: MEMBERS, files }), command, line);
  }
  for (const line of ["/send", "/send  ", "/send a.txt to", "/send a.txt to "]) {
    assertEquals(refusal(line).message, "Usage: /send FILE [to NAME]", line);
  }
  const { code, message } = refusal("/send a.txt to eve", { members: MEMBERS });
  assertEquals([code, message], ["no-such-member", "No one here is called eve"]);
  assertEquals(
    refusal("/send a.txt to bob now", { members: [BOB!] }).message,
    "No one here is called bob now",
  );
});

test("parseLine reads the number of a transfer, and tells it from a fingerprint", () => {
  const lines: [string, ParsedLine][] = [
    ["/accept", { do: "accept-file" }],
    ["/accept 2", { do: "accept-file", id: 2 }],
    ["/decline", { do: "decline-file" }],
    ["/decline 12 ", { do: "decline-file", id: 12 }],
    ["/cancel 3", { do: "cancel-file", id: 3 }],
    ["/pause", { do: "pause-file" }],
    ["/resume 1", { do: "resume-file", id: 1 }],
    ["/transfers", { do: "transfers" }],
  ];
  for (const [line, command] of lines) assertEquals(parseLine(line, ALONE), command, line);
  for (const line of ["/decline x", "/decline 0", "/cancel", "/cancel all", "/pause 1 2"]) {
    assertEquals(refusal(line).code, "no-such-transfer", line);
  }
});

test("parseLine offers a text that is too long for a message as a file", () => {
  const long = "x".repeat(16_385);
  assertEquals(parseLine(long, ALONE), { do: "send-text", text: long });
  assertEquals(parseLine(`/msg bob ${long}`, { members: [BOB!] }), {
    do: "send-text",
    text: long,
    to: BOB!,
  });
});

test("parseLine refuses an invalid name and a missing name", () => {
  for (
    const line of ["/nick", "/nick a:b", "/nick a#b", `/nick ${"x".repeat(49)}`, "/nick a\u200bb"]
  ) {
    assertEquals(refusal(line).code, "bad-name", line);
  }
  for (const line of ["/whois", "/ignore  ", "/unignore", "/kick", "/ban "]) {
    assertEquals(refusal(line).code, "no-such-member", line);
  }
});

test("parseLine refuses a status of more than 200 bytes", () => {
  assertEquals(parseLine(`/away ${"é".repeat(100)}`, ALONE).do, "status");
  assertEquals(refusal(`/away ${"é".repeat(100)}x`).code, "message-too-long");
  const expand = (): string => "at\tlunch";
  assertEquals(parseLine("/away [paste 1: 1 line]", { members: [], expand }), {
    do: "status",
    text: "at\tlunch",
  });
});

test("parseLine suggests the nearest command for an unknown one", () => {
  const lines = [["/hwo", "/who"], ["/HWO", "/who"], ["/exit now", "/quit"], ["/helpme", "/help"]];
  for (const [line, command] of lines) {
    const { code, message, hint } = refusal(line!);
    assertEquals(code, "unknown-command");
    assertEquals(message, `Unknown command ${line!.split(" ")[0]}`);
    assertEquals(hint, `Did you mean ${command}? ${CODES["unknown-command"].hint}`);
  }
  for (const line of ["/foo", "/xo", "/zz"]) {
    assertEquals(refusal(line).hint, CODES["unknown-command"].hint, line);
  }
  assertEquals(refusal(`/${"x".repeat(100)}`).message, `Unknown command /${"x".repeat(19)}…`);
});

test("parseLine takes a unique prefix of a command, and the short form of a few", () => {
  const context = { members: MEMBERS, correspondents: [ANNA!] };
  const lines: [string, string][] = [
    ["/w", "/who"],
    ["/w  ", "/who"],
    ["/r at six", "/reply at six"],
    ["/ms bob hi", "/msg bob hi"],
    ["/q", "/quit"],
    ["/n bea", "/nick bea"],
    ["/not off", "/notify off"],
    ["/v bob", "/verify bob"],
    ["/help ms", "/help msg"],
    ["/MSG bob Hi", "/msg bob Hi"],
    ["/Who", "/who"],
  ];
  for (const [line, whole] of lines) {
    assertEquals(parseLine(line, context), parseLine(whole, context), line);
  }
  for (const line of ["/", "/m bob hi", "/re yes", "/wh", "/w bob hi", "/u bob", "/W bob hi"]) {
    assertEquals(refusal(line, context).code, "unknown-command", line);
  }
});

test("parseLine suggests no command that would publish a private message", () => {
  const lines = ["/mgs host secret", "/m", "/nsg x", "/dm bob x"];
  for (const line of [...lines, "/w bob x", "/tell bob x", "/Mgs bob x"]) {
    assertStringIncludes(refusal(line).hint, "Did you mean /msg? ", line);
  }
  const letters = "abcdefghijklmnopqrstuvwxyz".split("");
  for (const word of letters.flatMap((letter) => [`/${letter}e`, `/m${letter}`, `/${letter}`])) {
    if (WORDS.some((command) => command.startsWith(word))) continue;
    assert(!/\/(?:me|away|nick)\b/.test(refusal(`${word} bob x`).hint), word);
  }
  assertEquals(
    refusal("/re yes").hint.split("?")[0],
    "Did you mean /reply or /retry or /resume or /rekey",
  );
  assertEquals(refusal("/zzzzzz").hint, CODES["unknown-command"].hint);
});

test("parseLine refuses a line that is not UTF-8", () => {
  for (const line of ["caf\udce9", "/me \udce9", "/nick \udce9"]) {
    assertEquals(refusal(line).code, "bad-utf8", line);
  }
  const expand = (): string => "one\ntw\udcff";
  assertEquals(refusal("[paste 1: 2 lines]", { members: [], expand }).code, "bad-utf8");
  assertEquals(parseLine("\ufffd", ALONE).do, "say");
});

test("parseLine matches names in any case and in NFC", () => {
  const lines: [string, string][] = [
    ["/msg BOB hi", "/msg bob hi"],
    ["/msg anna łódź hi", "/msg Anna Łódź hi"],
    [`/msg ${"anna łódź".normalize("NFD")} hi`, "/msg Anna Łódź hi"],
    ['/msg "Bob By" the way', '/msg "bob by" the way'],
    ["/whois BOB", "/whois bob"],
    ["/ignore ANNA ŁÓDŹ", "/ignore Anna Łódź"],
    ["/verify Bob By show", '/verify "bob by" show'],
    [`/nick ${"Łódź".normalize("NFD")}`, "/nick Łódź"],
  ];
  for (const [line, exact] of lines) {
    const context = { members: [BOB!, ANNA!, ...line.includes("By") ? [BOBBY!] : []] };
    const found = context.members.length === 2 ? context : { members: [BOBBY!] };
    assertEquals(parseLine(line, found), parseLine(exact, found), line);
  }
  // Of two that differ in nothing else, the one that is typed.
  const twins = ["bob", "Bob"].map((name) => ({ name, key: name }));
  const to = (line: string): unknown => {
    const command = parseLine(line, { members: twins });
    return command.do === "say" ? command.to?.key : undefined;
  };
  assertEquals([to("/msg bob x"), to("/msg Bob x")], ["bob", "Bob"]);
  assertEquals(refusal("/msg BOB x", { members: twins }).code, "no-such-member");
  assertEquals(parseLine("/whois BOB", { members: twins }), { do: "whois", name: "BOB" });
  assertEquals(complete("/msg BO", twins), [["bob ", "Bob "], "BO"]);
});

test("parseLine refuses an action without text", () => {
  for (const line of ["/me", "/me  "]) assertEquals(refusal(line).code, "empty-message");
});

test("parseLine takes a message of 16384 bytes, and no longer action", () => {
  const longest = "é".repeat(8192);
  for (const line of [longest, `//${longest.slice(1)}x`, `/me ${longest}`]) {
    assertEquals(parseLine(line, ALONE).do, "say");
  }
  const { code, message } = refusal(`/me ${longest}x`);
  assertEquals(code, "message-too-long");
  assertEquals(message, "The message is too long: 16385 bytes, and the limit is 16384");
});

test("helpLines lists every command once, and explains each", () => {
  const all = helpLines(true, "all");
  for (const [word, command] of COMMANDS_BY_WORD) {
    const lines = all.filter(({ term }) => term.startsWith(`${word} `));
    assertEquals(helpLines(true, command).slice(0, 1).map(({ text }) => text), [
      lines.map(({ text }) => text).join(),
    ]);
    for (const topic of [word, word.slice(1)]) {
      assertEquals(parseLine(`/help ${topic}`, ALONE), { do: "help", topic: command });
    }
  }
  const commands = all.filter(({ term }) => term !== "");
  assertEquals(commands.length, WORDS.length + 1);
  assertEquals(new Set(commands.map(({ term }) => term.length)).size, 1);
  const headings = (hosts: boolean): string[] =>
    helpLines(hosts, "all").filter(({ term }) => term === "").map(({ text }) => text);
  assertEquals(headings(true), ["TALK", "FILES", "PEOPLE", "TRUST", "HOST", "SCREEN"]);
  assertEquals(headings(false)[4], "HOST (ONLY THE HOST CAN USE THESE)");
  assertEquals(parseLine("/help all", ALONE), { do: "help", topic: "all" });
});

test("helpLines lists only to the host what only the host can do", () => {
  const shown = (hosts: boolean, pattern: RegExp): string[] =>
    helpLines(hosts).map(({ term, text }) => term + text).filter((line) => pattern.test(line));
  assertEquals(shown(true, /invite|quit/), [
    "/invite [qr]   how others join",
    "/quit          ends the room",
  ]);
  assertEquals(shown(false, /invite|quit/), ["/quit          leaves the room"]);
});

test("parseLine refuses the own name, unless another member has it", () => {
  const context = { members: MEMBERS, own: "Ada" };
  for (
    const line of ["/msg ada hi", "/verify ada", "/whois ADA", '/ignore "ada"', "/verify ada show"]
  ) {
    assertEquals(refusal(line, context).message, "That is you", line);
  }
  assertEquals(parseLine("/whois bob", { members: MEMBERS, own: "bob" }).do, "whois");
});

test("parseLine answers a command without its text with its usage", () => {
  const context = { members: MEMBERS, correspondents: [ANNA!] };
  const usages = [
    ["/me", "/me TEXT, as in /me waves"],
    ["/msg", "/msg NAME TEXT; /who lists the names"],
    ["/msg bob", "/msg NAME TEXT, as in /msg bob hello"],
    ["/reply ", "/reply TEXT, as in /reply yes"],
    ["/whois", "/whois NAME; /who lists the names"],
    ["/kick ", "/kick NAME; /who lists the names"],
  ];
  for (const [line, usage] of usages) {
    assertEquals(refusal(line!, context).message, `Usage: ${usage}`, line);
  }
});

test("parseLine addresses a private message to the member whose name comes first", () => {
  const lines: [string, string, unknown][] = [
    ["/msg bob hi", "hi", BOB],
    ["/msg bob  hi bob", " hi bob", BOB],
    ['/msg "bob" by the way', "by the way", BOB],
    ['/msg "bob by" the way', "the way", BOBBY],
    ["/msg Anna Łódź hi", "hi", ANNA],
  ];
  for (const [line, text, to] of lines) {
    const command = parseLine(line, { members: MEMBERS });
    assertEquals(command, { do: "say", text, kind: "text", to } as ParsedLine, line);
  }
});

test("parseLine suggests the only name that is like an unknown one", () => {
  const context = { members: ["carol", "dave"].map((name) => ({ name, key: name })) };
  for (const [word, suggestion] of [["carl", "carol"], ["Carrol", "carol"], ["Dve", "dave"]]) {
    assertEquals(
      refusal(`/msg ${word} hi`, context).hint,
      `Did you mean ${suggestion}? /who lists the names.`,
    );
  }
  for (const word of ["cal", "eve", "d"]) {
    assertEquals(refusal(`/msg ${word} hi`, context).hint, "/who lists the names.", word);
  }
});

test("parseLine refuses an ambiguous name", () => {
  const { code, message } = refusal("/msg bob by the way", { members: MEMBERS });
  assertEquals([code, message], ["no-such-member", "Several names match: bob, bob by"]);
  const twins = [BOB!, { ...BOB!, key: "another" }];
  assertEquals(refusal("/msg bob hi", { members: twins }).code, "no-such-member");
  // A program that was killed and started again.
  assertEquals(
    parseLine("/msg bob hi", { members: [BOB!, BOB!] }),
    parseLine("/msg bob hi", { members: [BOB!] }),
  );
});

test("parseLine refuses to send an indented private message to all members", () => {
  for (const line of [" /msg bob hi", "\t/reply hi", " /mgs bob hi", " /m bob hi", " /w bob hi"]) {
    assertEquals(refusal(line, { members: MEMBERS }).code, "unknown-command", line);
  }
  const expand = (): string => "/msg bob the\nkey";
  assertEquals(refusal("[paste 1: 2 lines]", { members: MEMBERS, expand }).code, "unknown-command");
  assertEquals(parseLine("//msg bob hi", ALONE), { do: "say", text: "/msg bob hi", kind: "text" });
});

test("parseLine refuses an unknown name and a private message without text", () => {
  for (const line of ["/msg", "/msg bo hi", "/msg bobby hi", "/msg Anna hi"]) {
    assertEquals(refusal(line, { members: MEMBERS }).code, "no-such-member", line);
  }
  for (const line of ["/msg bob", "/msg bob ", '/msg "bob by" ', "/reply", "/reply  "]) {
    const { code } = refusal(line, { members: MEMBERS, correspondents: [ANNA!] });
    assertEquals(code, "empty-message", line);
  }
});

test("parseLine addresses /reply to the last private sender", () => {
  const context = { members: [], correspondents: [ANNA!] };
  assertEquals(parseLine("/reply at  six", context), {
    do: "say",
    text: "at  six",
    kind: "text",
    to: ANNA!,
  });
  assertEquals(refusal("/reply hi", { members: MEMBERS }).code, "no-such-member");
});

test("parseLine suggests a command for an unknown help topic", () => {
  assertEquals(refusal("/help msgs").hint.split("?")[0], "Did you mean /msg");
});

test("complete completes commands at the start, and names everywhere", () => {
  const lines: [string, string[], string][] = [
    ["/", WORDS.map((word) => `${word} `), "/"],
    ["/m", ["/msg ", "/me "], "/m"],
    ["/ms", ["/msg "], "/ms"],
    ["/msg", ["/msg "], "/msg"],
    ["b", ["bob: ", "bob by: "], "b"],
    ["/msg An", ["Anna Łódź "], "An"],
    ["hello b", ["bob ", "bob by "], "b"],
    ["hello /m", [], "/m"],
    ["x", [], "x"],
    ["", ["bob: ", "bob by: ", "Anna Łódź: "], ""],
  ];
  for (const [line, completions, word] of lines) {
    assertEquals(complete(line, MEMBERS), [completions, word], line);
  }
});

test("complete completes the topic of /help, with or without its slash", () => {
  assertEquals(complete("/help m", MEMBERS), [["msg ", "me "], "m"]);
  assertEquals(complete("/help /m", MEMBERS), [["/msg ", "/me "], "/m"]);
  assertEquals(complete("/help bob", MEMBERS), [[], "bob"]);
});

test("complete completes no name that would be a command", () => {
  const members = [{ name: "/quit now", key: "" }];
  assertEquals(complete("/q", members), [["/quiet ", "/quit "], "/q"]);
  assertEquals(complete("", members), [[], ""]);
  assertEquals(complete("/msg /q", members), [["/quit now "], "/q"]);
});

test("parseLine and complete match a name with emoji without its invisible characters", () => {
  const [family, rainbow] = [EMOJI.family, EMOJI.rainbow].map((emoji) => `${emoji} ada`);
  const ada = { name: rainbow!, key: "rainbow" };
  const members = [{ name: family!, key: "family" }, ada];
  const typed = "\u{1F3F3}\u{1F308}";
  for (const name of [rainbow, `${typed} ada`, `"${typed} ada"`]) {
    assertEquals(parseLine(`/msg ${name} hi`, { members }), {
      do: "say",
      text: "hi",
      kind: "text",
      to: ada,
    });
  }
  const england = [{ name: EMOJI.england, key: "england" }];
  assertEquals(complete("/msg ", england), [["\u{1F3F4} "], ""]);
});

test("complete completes no name with control characters", () => {
  assertEquals(complete("x", [{ name: "x\x1b[2J", key: "" }]), [[], "x"]);
});

test("parseLine takes on and off for /notify, and nothing else", () => {
  const context = { members: MEMBERS };
  assertEquals(parseLine("/notify", context), { do: "notify" });
  assertEquals(parseLine("/notify on ", context), { do: "notify", on: true });
  assertEquals(parseLine("/notify off", context), { do: "notify", on: false });
  assertEquals(refusal("/notify of").message, "Usage: /notify [on|off]");
});
