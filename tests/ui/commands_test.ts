import { assertEquals, assertThrows } from "@std/assert";
import { CODES, UsageError } from "../../lib/errors.ts";
import { type Command, COMMANDS, HELP, parseLine } from "../../lib/ui/commands.ts";
import { test } from "../support/test.ts";

function refusal(line: string): UsageError {
  return assertThrows(() => parseLine(line), UsageError);
}

test("parseLine reads messages, actions and commands", () => {
  const lines: [string, Command][] = [
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
  for (const [line, command] of lines) assertEquals(parseLine(line), command, line);
});

test("parseLine suggests the command that an unknown one is nearest to", () => {
  const lines = [["/hwo", "/who"], ["/WHO", "/who"], ["/exit now", "/quit"], ["/helpme", "/help"]];
  for (const [line, command] of lines) {
    const { code, message, hint } = refusal(line!);
    assertEquals(code, "unknown-command");
    assertEquals(message, `Unknown command ${line!.split(" ")[0]}`);
    assertEquals(hint, `Did you mean ${command}? ${CODES["unknown-command"].hint}`);
  }
  assertEquals(refusal(`/${"x".repeat(100)}`).message, `Unknown command /${"x".repeat(19)}…`);
});

test("parseLine refuses an action without text", () => {
  for (const line of ["/me", "/me  "]) assertEquals(refusal(line).code, "empty-message");
});

test("parseLine counts the bytes of what would be sent", () => {
  const longest = "é".repeat(8192);
  for (const line of [longest, `//${longest.slice(1)}x`, `/me ${longest}`]) {
    assertEquals(parseLine(line).do, "say");
    const { code, message } = refusal(`${line}x`);
    assertEquals(code, "message-too-long");
    assertEquals(message, "Cannot send as the message has 16385 bytes: 16384 are allowed");
  }
});

test("HELP explains every command", () => {
  for (const command of COMMANDS) {
    assertEquals(HELP.filter((line) => line.startsWith(`${command} `)).length, 1, command);
  }
});
