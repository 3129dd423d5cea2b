import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PlainFrontEnd } from "../../lib/ui/mod.ts";
import type { SayWish, SessionEvent, Wish } from "../../lib/session_events.ts";
import { test } from "../support/test.ts";
import { member, message } from "./members.ts";
import { memoryStreams, source } from "./streams.ts";

async function shown(...events: SessionEvent[]): Promise<{ stdout: string; stderr: string }> {
  const { streams, stdout, stderr } = memoryStreams();
  const frontEnd = new PlainFrontEnd(streams);
  for (const event of events) frontEnd.show(event);
  await frontEnd.close();
  return { stdout: stdout.text, stderr: stderr.text };
}

async function read(
  ...chunks: (string | Uint8Array)[]
): Promise<{ inputs: Wish[]; stderr: string }> {
  const { streams, stdout, stderr } = memoryStreams(source(...chunks));
  const frontEnd = new PlainFrontEnd(streams);
  const inputs = await Array.fromAsync(frontEnd.input);
  await frontEnd.close();
  assertEquals(stdout.text, "");
  return { inputs, stderr: stderr.text };
}

function say(text: string, line: number): SayWish {
  return { do: "say", text, kind: "text", id: String(line) };
}

test("PlainFrontEnd writes only messages to standard output", async () => {
  const { stdout, stderr } = await shown(
    message("bob", "hi"),
    message("bob", "waves", { kind: "action" }),
    message("bob", "psst", { private: true }),
    message("bob", "nods", { kind: "action", private: true }),
    message("bob#x", "a\\b\nc\x1bd\u202e"),
  );
  assertEquals(
    stdout,
    "bob: hi\n* bob waves\nbob (private): psst\n* bob (private) nods\n" +
      "bob#x: a\\\\b\\nc\\x1bd\\u{202e}\n",
  );
  assertEquals(stderr, "");
});

test("PlainFrontEnd shows only messages and errors if it is to be quiet", async () => {
  const { streams, stdout, stderr } = memoryStreams();
  const frontEnd = new PlainFrontEnd(streams, { quiet: true });
  const link = "lanchat://192.0.2.2:12345/#AbZ4x";
  const events: SessionEvent[] = [
    { event: "invite", link, links: [link], secret: true },
    { event: "joined", member: member("bob") },
    { event: "warning", code: "name-taken", message: "Name taken", hint: "Use --name." },
    message("bob", "hi"),
    { event: "left", member: member("bob"), reason: "left" },
    { event: "failed", id: "3", code: "undelivered" },
    { event: "error", code: "busy", message: "Cannot join", hint: "Later." },
    { event: "closed", reason: "host-closed" },
  ];
  for (const event of events) frontEnd.show(event);
  await frontEnd.close();
  assertEquals(stdout.text, "bob: hi\n");
  assertEquals(
    stderr.text,
    "lanchat: error: Cannot deliver line 3 (undelivered)\n" +
      "lanchat: error: Cannot join\nlanchat: hint: Later.\n",
  );
});

test("PlainFrontEnd sends each line to the member that it is told", async () => {
  const { streams } = memoryStreams(source("one\ntwo\n"));
  const frontEnd = new PlainFrontEnd(streams, { to: "bob" });
  assertEquals(await Array.fromAsync(frontEnd.input), [
    { do: "say", text: "one", kind: "text", id: "1", to: "bob" },
    { do: "say", text: "two", kind: "text", id: "2", to: "bob" },
  ]);
  await frontEnd.close();
});

test("PlainFrontEnd marks verified members", async () => {
  const from = { ...member("bob"), verified: true };
  const { stdout, stderr } = await shown(
    { ...message("", "hi"), from },
    { ...message("", "waves", { kind: "action", private: true }), from },
    message("bob", "✓ hi"),
    { event: "joined", member: from },
  );
  assertEquals(stdout, "bob✓: hi\n* bob✓ (private) waves\nbob: ✓ hi\n");
  assertEquals(stderr, "lanchat: bob✓ joined (tag abcdefgh)\n");
});

test("PlainFrontEnd escapes a name that looks like an action", async () => {
  const { stdout } = await shown(message("* bob#tag", "hi"), message("bob *", "hi"));
  assertEquals(stdout, "\\x2a bob#tag: hi\nbob *: hi\n");
});

test("PlainFrontEnd writes one line for any message", async () => {
  const events = fc.array(fc.record({
    name: fc.string({ unit: "binary", maxLength: 5 }),
    text: fc.string({ unit: "binary", maxLength: 20 }),
  }));
  await fc.assert(fc.asyncProperty(events, async (list) => {
    const { stdout } = await shown(...list.map(({ name, text }) => message(name, `\n\r${text}`)));
    assertEquals(stdout.split(/[\n\r\x85\u2028\u2029]/).length, list.length + 1);
  }));
});

test("PlainFrontEnd writes everything else to standard error, with a prefix", async () => {
  const { stdout, stderr } = await shown(
    { event: "joined", member: member("bob") },
    { event: "warning", code: "name-taken", message: "Name taken", hint: "Use --name." },
    { event: "error", code: "busy", message: "Cannot join" },
    { event: "sent", id: "1" },
    { event: "closed", reason: "host-closed" },
  );
  assertEquals(stdout, "");
  assertEquals(
    stderr,
    "lanchat: bob joined (tag abcdefgh)\n" +
      "lanchat: warning: Name taken\nlanchat: hint: Use --name.\n" +
      "lanchat: error: Cannot join\n" +
      "lanchat: The host closed the room. lanchat ends.\n",
  );
});

test("PlainFrontEnd names failed lines, and shows each hint once", async () => {
  const { stderr } = await shown(
    { event: "failed", id: "1", code: "nobody-here" },
    { event: "failed", id: "2", code: "nobody-here" },
    { event: "failed", id: "3", code: "not-delivered" },
  );
  assertEquals(
    stderr,
    "lanchat: error: Cannot deliver line 1 (nobody-here)\n" +
      "lanchat: hint: Wait until someone joins; in a pipe, use join --wait SECONDS.\n" +
      "lanchat: error: Cannot deliver line 2 (nobody-here)\n" +
      "lanchat: error: Cannot deliver line 3 (not-delivered)\n" +
      "lanchat: hint: It may not have reached everyone: send it again.\n",
  );
});

test("PlainFrontEnd sends each line as text", async () => {
  const { inputs, stderr } = await read("/who\r\n\n//x\n\r\n \n\0\x1b\t\n\ufeffx\n", "last");
  assertEquals(inputs, [
    say("/who", 1),
    say("//x", 3),
    say(" ", 5),
    say("\0\x1b\t", 6),
    say("\ufeffx", 7),
    say("last", 8),
  ]);
  assertEquals(stderr, "");
});

test("PlainFrontEnd refuses a line that cannot be sent, and continues", async () => {
  const longest = "x".repeat(16_384);
  const { inputs, stderr } = await read(
    `${longest}\r\n${longest}x\n`,
    new Uint8Array([0x61, 0xff, 0x0a]),
    "next\n",
  );
  assertEquals(inputs, [
    say(longest, 1),
    { do: "refused", code: "message-too-long", line: 2 },
    { do: "refused", code: "bad-utf8", line: 3 },
    say("next", 4),
  ]);
  assertEquals(
    stderr,
    "lanchat: error: Cannot send line 2: over 16384 bytes\n" +
      "lanchat: hint: At most 16384 bytes fit in one message: split it.\n" +
      "lanchat: error: Cannot send line 3: not UTF-8\n" +
      "lanchat: hint: Send UTF-8 text.\n",
  );
});

test("PlainFrontEnd reads no input before it is requested", async () => {
  let pulls = 0;
  const stdin = new ReadableStream<Uint8Array>({
    pull(controller): void {
      pulls++;
      controller.close();
    },
  }, { highWaterMark: 0 });
  const frontEnd = new PlainFrontEnd(memoryStreams(stdin).streams);
  frontEnd.show(message("bob", "hi"));
  await frontEnd.close();
  assertEquals(pulls, 0);
  assertEquals(await Array.fromAsync(frontEnd.input), []);
  assertEquals(pulls, 1);
});

test("PlainFrontEnd.close does not wait for a pending read", async () => {
  const frontEnd = new PlainFrontEnd(memoryStreams(new ReadableStream()).streams);
  const reading = frontEnd.input.getReader().read();
  await frontEnd.close();
  reading.then(() => {
    throw new Error("nothing was written to the input");
  });
});
