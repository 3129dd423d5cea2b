import { assert, assertEquals } from "@std/assert";
import { JsonFrontEnd } from "../../lib/ui/mod.ts";
import type { ProblemEvent, SessionEvent, Wish } from "../../lib/session_events.ts";
import { MAX_JSON_LINE_BYTES } from "../../lib/ui/json.ts";
import { test } from "../support/test.ts";
import { member, message } from "./members.ts";
import { memoryStreams, source } from "./streams.ts";

/** Reads lines. @returns The wishes, and the events that the front end shows. */
async function read(
  ...chunks: (string | Uint8Array)[]
): Promise<{ inputs: Wish[]; events: SessionEvent[] }> {
  const { streams, stdout, stderr } = memoryStreams(source(...chunks));
  const frontEnd = new JsonFrontEnd(streams);
  const inputs = await Array.fromAsync(frontEnd.input);
  await frontEnd.close();
  assertEquals(stderr.text, "");
  const events = stdout.text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  return { inputs, events };
}

function lines(...objects: unknown[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join("");
}

function say(text: string, id: string, to?: string): Wish {
  const input: Wish = { do: "say", text, kind: "text", id };
  return to === undefined ? input : { ...input, to };
}

test("JsonFrontEnd writes each event as one exact line", async () => {
  const { streams, stdout, stderr } = memoryStreams();
  const frontEnd = new JsonFrontEnd(streams);
  const events: SessionEvent[] = [
    message("bob", "a\n\x1b\x9b\u202e\u2028\ud800|\u{e0041}é"),
    { event: "joined", member: member("eve"), joinCode: "0123456789" },
    { event: "sent", id: "\x7f" },
    { event: "error", code: "bad-input", message: "Cannot use", line: 3 },
    { event: "closed", reason: "left" },
  ];
  for (const event of events) frontEnd.show(event);
  await frontEnd.close();
  const written = stdout.text.split("\n");
  assertEquals(written.pop(), "");
  assertEquals(written.map((line) => JSON.parse(line)), events);
  assert(
    written[0]!.includes('"a\\u000a\\u001b\\u009b\\u202e\\u2028\\ud800|\\udb40\\udc41é"'),
    written[0],
  );
  assertEquals(stderr.text, "");
});

test("JsonFrontEnd reads each wish", async () => {
  const { inputs, events } = await read(
    lines(
      { say: "hello" },
      { say: "a\nb\r\0", id: "x", to: "bob#x", extra: [1] },
      { do: "who", more: 1 },
      { do: "whois", name: "bob#x" },
      { do: "nick", name: "" },
      { do: "status", text: "" },
      { do: "rekey", name: 1 },
      { do: "ignore", name: "" },
      { do: "unignore", name: "bob", say: undefined },
      { verify: true },
      { verify: "bob" },
      { verify: "bob", digits: "12345 67890 12345 67890" },
      { do: "accept", digits: "1" },
      { do: "kick", name: "bob" },
      { do: "ban", name: "bob" },
      { do: "unban", name: "abcdefgh" },
      { do: "bans" },
      { do: "lock" },
      { do: "unlock" },
      { do: "invite" },
      { do: "send-file", paths: ["a.txt", "~"], to: "bob" },
      { do: "send-file", paths: ["b"], id: 1 },
      { do: "accept-file" },
      { do: "accept-file", id: 2 },
      { do: "decline-file" },
      { do: "cancel-file", id: 3 },
      { do: "pause-file", id: 1 },
      { do: "resume-file" },
      { do: "transfers" },
    ),
    ' \n\r\n\t\n{ "say" : "spaced" } \r\n',
    '{"do":"quit"}',
  );
  assertEquals(inputs, [
    say("hello", "1"),
    say("a\nb\r\0", "x", "bob#x"),
    { do: "who" },
    { do: "whois", name: "bob#x" },
    { do: "nick", name: "" },
    { do: "status", text: "" },
    { do: "rekey" },
    { do: "ignore", name: "" },
    { do: "unignore", name: "bob" },
    { do: "verify" },
    { do: "verify", name: "bob" },
    { do: "verify", name: "bob", digits: "12345 67890 12345 67890" },
    { do: "accept", digits: "1" },
    { do: "kick", name: "bob" },
    { do: "ban", name: "bob" },
    { do: "unban", name: "abcdefgh" },
    { do: "bans" },
    { do: "lock" },
    { do: "unlock" },
    { do: "invite" },
    { do: "send-file", paths: ["a.txt", "~"], to: "bob" },
    { do: "send-file", paths: ["b"] },
    { do: "accept-file" },
    { do: "accept-file", id: 2 },
    { do: "decline-file" },
    { do: "cancel-file", id: 3 },
    { do: "pause-file", id: 1 },
    { do: "resume-file" },
    { do: "transfers" },
    say("spaced", "2"),
    { do: "quit" },
  ]);
  assertEquals(events, []);
});

test("JsonFrontEnd refuses an invalid line, by its number", async () => {
  const bad = [
    "{",
    "hello",
    "[]",
    "null",
    '"say"',
    "{}",
    '{"do":"dance"}',
    '{"do":1}',
    '{"do":"whois"}',
    '{"do":"status"}',
    '{"do":"status","text":null}',
    '{"do":"nick"}',
    '{"do":"ignore","name":1}',
    '{"do":"unignore","name":"\\ud800"}',
    '{"do":"verify"}',
    '{"verify":null}',
    '{"verify":false}',
    '{"verify":true,"digits":"1234567890"}',
    '{"verify":"bob","digits":1}',
    '{"verify":"bob","do":"who"}',
    '{"verify":"bob","say":"x"}',
    '{"do":"accept"}',
    '{"do":"accept","digits":1}',
    '{"do":"kick"}',
    '{"do":"unban","name":1}',
    '{"do":"send-file"}',
    '{"do":"send-file","paths":[]}',
    '{"do":"send-file","paths":"a"}',
    '{"do":"send-file","paths":["a",1]}',
    '{"do":"send-file","paths":["a"],"to":1}',
    '{"do":"accept-file","id":0}',
    '{"do":"accept-file","id":"1"}',
    '{"do":"cancel-file"}',
    '{"do":"cancel-file","id":1.5}',
    '{"do":"send-text","text":"x"}',
    '{"do":null}',
    '{"say":"x","do":"quit"}',
    '{"say":""}',
    '{"say":1}',
    '{"say":null}',
    '{"say":"\\ud800"}',
    '{"say":"x","to":1}',
    '{"say":"x","to":null}',
    '{"say":"x","id":""}',
    '{"say":"x","id":7}',
    '{"say":"x","id":"\\udc00"}',
    `{"say":"x","id":"${"i".repeat(65)}"}`,
    "[".repeat(50_000),
    " ".repeat(MAX_JSON_LINE_BYTES + 1),
  ];
  const { inputs, events } = await read(`\n${bad.join("\n")}\n`, lines({ say: "x" }));
  assertEquals(inputs, [
    ...bad.map((_, index): Wish => ({ do: "refused", code: "bad-input", line: index + 2 })),
    say("x", "1"),
  ]);
  for (const [index, event] of events.entries()) {
    const { code, line, hint, message } = event as ProblemEvent;
    assertEquals([event.event, code, line], ["error", "bad-input", index + 2]);
    assertEquals(hint, 'Write one JSON object per line, as in {"say": "hello"}.');
    assert(message.startsWith("Cannot use the line: "), message);
  }
  assertEquals(events.length, bad.length);
});

test("JsonFrontEnd refuses a line that is not UTF-8", async () => {
  const line = new TextEncoder().encode('{"say":"x"}\n');
  const { inputs, events } = await read(line.map((byte) => byte === 0x78 ? 0xff : byte), line);
  assertEquals(inputs, [{ do: "refused", code: "bad-input", line: 1 }, say("x", "1")]);
  assertEquals(events.length, 1);
});

test("JsonFrontEnd refuses a duplicate id", async () => {
  const { inputs, events } = await read(
    lines({ say: "a", id: "1" }, { say: "b" }, { say: "c", id: "2" }, { say: "d", id: "1" }),
  );
  assertEquals(inputs, [
    say("a", "1"),
    say("b", "2"),
    { do: "refused", code: "duplicate-id", line: 3 },
    { do: "refused", code: "duplicate-id", line: 4 },
  ]);
  assertEquals(events.map((event) => event.event === "error" && [event.code, event.line]), [
    ["duplicate-id", 3],
    ["duplicate-id", 4],
  ]);
});

test("JsonFrontEnd accepts ids of 64 characters", async () => {
  const id = "👍".repeat(64);
  assertEquals((await read(lines({ say: "a", id }))).inputs, [say("a", id)]);
});

test("JsonFrontEnd accepts the longest text in any encoding", async () => {
  const escaped = `{"say":"${"\\u0001".repeat(16_384)}","to":"bob","id":"${"i".repeat(64)}"}\n`;
  const { inputs } = await read(escaped);
  assertEquals(inputs, [say("\x01".repeat(16_384), "i".repeat(64), "bob")]);
});

test("JsonFrontEnd fails a text that is too long, and claims its id", async () => {
  const long = "é".repeat(8193);
  const { inputs, events } = await read(
    lines({ say: long, id: "x" }, { say: long }, { say: "ok", id: "x" }, { say: "ok" }),
  );
  assertEquals(inputs, [
    { do: "refused", code: "message-too-long", line: 1 },
    { do: "refused", code: "message-too-long", line: 2 },
    { do: "refused", code: "duplicate-id", line: 3 },
    say("ok", "2"),
  ]);
  assertEquals(events.slice(0, 2), [
    { event: "failed", id: "x", code: "message-too-long" },
    { event: "failed", id: "1", code: "message-too-long" },
  ]);
});

test("JsonFrontEnd reports a closed standard output", async () => {
  const { streams } = memoryStreams();
  const stdout = new WritableStream({
    write(): never {
      throw new Deno.errors.BrokenPipe("closed");
    },
  });
  const frontEnd = new JsonFrontEnd({ ...streams, stdout });
  frontEnd.show({ event: "sent", id: "1" });
  await frontEnd.broken;
  await frontEnd.writable();
  await frontEnd.close();
});
