import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { StoreError } from "../../lib/errors.ts";
import { LoggedFrontEnd } from "../../lib/ui/mod.ts";
import type { FrontEnd } from "../../lib/session/front_end.ts";
import type { ReadyEvent, SessionEvent, Wish } from "../../lib/session_events.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";
import { member, message } from "./members.ts";

const TIME = "1970-01-01T00:00:00.000Z";

const BOB = { ...member("bob"), key: "B".repeat(43) };

const READY: ReadyEvent = {
  event: "ready",
  ...member("ada"),
  fingerprint: "0".repeat(30),
  host: { tag: "abcdefgh", key: "A".repeat(43), known: true, verified: true },
  joinCode: null,
  members: [BOB],
};

/** A front end that records its calls. */
class Screen implements FrontEnd {
  readonly events: SessionEvent[] = [];
  readonly input: ReadableStream<Wish>;
  readonly broken: Promise<void> = new Promise(() => {});
  readonly interrupted: Promise<void> = new Promise(() => {});
  isWritable: Promise<void> = Promise.resolve();
  closed = false;

  constructor(...inputs: Wish[]) {
    this.input = ReadableStream.from(inputs);
  }

  show(event: SessionEvent): void {
    assert(!this.closed);
    this.events.push(event);
  }

  writable(): Promise<void> {
    return this.isWritable;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

function say(text: string, more: { id?: string; kind?: "action"; to?: string } = {}): Wish {
  return { do: "say", text, kind: "text", id: "1", ...more };
}

/** Logs a run that reads its wishes and then shows events. */
async function logged(inputs: Wish[], events: SessionEvent[]): Promise<string> {
  let text = "";
  const log = new WritableStream<string>({ write: (entry) => void (text += entry) });
  const screen = new Screen(...inputs);
  const frontEnd = new LoggedFrontEnd(screen, log, new FakeClock(0));
  frontEnd.show(READY);
  assertEquals(await Array.fromAsync(frontEnd.input), inputs);
  for (const event of events) frontEnd.show(event);
  await frontEnd.close();
  assertEquals([screen.events, screen.closed], [[READY, ...events], true]);
  const welcome = `${TIME} # You are ada. 1 other here: bob.\n`;
  assertStringIncludes(text, welcome);
  return text.slice(welcome.length);
}

test("LoggedFrontEnd logs messages and notices with their times", async () => {
  const text = await logged([], [
    message("bob", "hi"),
    message("bob", "waves", { kind: "action" }),
    message("bob", "psst", { private: true }),
    { event: "left", member: BOB, reason: "left" },
    { event: "sent", id: "1" },
    { event: "delivered", id: "1" },
    { event: "error", code: "room-full", message: "Cannot join", hint: "Wait." },
    { event: "closed", reason: "signal" },
  ]);
  assertEquals(
    text,
    ["bob: hi", "* bob waves", "bob (private): psst", "# bob left", "# error: Cannot join"]
      .concat("# hint: Wait.").map((line) => `${TIME} ${line}\n`).join(""),
  );
});

test("LoggedFrontEnd marks verified members and addressees", async () => {
  const verified = { ...BOB, verified: true };
  async function* inputs(): AsyncGenerator<Wish> {
    yield say("one", { to: BOB.key });
    frontEnd.show({ event: "sent", id: "1" });
    frontEnd.show({ event: "verified", member: verified });
    frontEnd.show({ ...message("bob", "hi"), from: verified });
    yield say("two", { to: BOB.key, id: "2" });
    frontEnd.show({ event: "sent", id: "2" });
  }
  const entries: string[] = [];
  const log = new WritableStream<string>({ write: (entry) => void entries.push(entry) });
  const screen = Object.assign(new Screen(), { input: ReadableStream.from(inputs()) });
  const frontEnd = new LoggedFrontEnd(screen, log, new FakeClock(0));
  frontEnd.show(READY);
  await Array.fromAsync(frontEnd.input);
  await frontEnd.close();
  assertEquals(
    entries.slice(1),
    [
      "> ada to bob (private): one",
      "# You have verified bob✓, and see the ✓ from now on.",
      "bob✓: hi",
      "> ada to bob✓ (private): two",
    ].map((line) => `${TIME} ${line}\n`),
  );
});

test("LoggedFrontEnd writes the time of each entry", async () => {
  const clock = new FakeClock(0);
  const entries: string[] = [];
  const log = new WritableStream<string>({ write: (entry) => void entries.push(entry) });
  const frontEnd = new LoggedFrontEnd(new Screen(), log, clock);
  frontEnd.show(message("bob", "hi"));
  clock.advance(61_001);
  frontEnd.show(message("bob", "hi"));
  await frontEnd.close();
  assertEquals(entries, [`${TIME} bob: hi\n`, "1970-01-01T00:01:01.001Z bob: hi\n"]);
});

test("LoggedFrontEnd logs own messages and their addressees once the host has them", async () => {
  const text = await logged([
    say("hi\nall", { id: "1" }),
    say("waves", { kind: "action", id: "2" }),
    say("psst", { to: BOB.key, id: "3" }),
    say("psst", { to: "bob#x", id: "4" }),
    { do: "who" },
    { do: "refused", code: "bad-utf8", line: 7 },
    say("\x1b[2J\u202e", { id: "5" }),
    say("not taken yet", { id: "6" }),
    { do: "quit" },
  ], [
    { event: "sent", id: "1" },
    message("bob", "yes?"),
    ...["2", "3", "4", "5"].map((id) => ({ event: "sent", id } as const)),
  ]);
  assertEquals(
    text,
    [
      "# error: Cannot send line 7 (bad-utf8)",
      "> ada: hi\n      all",
      "bob: yes?",
      "> * ada waves",
      "> ada to bob (private): psst",
      "> ada to bob#x (private): psst",
      "> ada: \\x1b[2J\\u{202e}",
    ].map((line) => `${TIME} ${line}\n`).join(""),
  );
});

test("LoggedFrontEnd names a member by its key, with its current name", async () => {
  const eve = { ...member("eve"), key: "E".repeat(43) };
  async function* inputs(): AsyncGenerator<Wish> {
    frontEnd.show({ event: "joined", member: eve });
    yield say("one", { to: eve.key });
    frontEnd.show({ event: "sent", id: "1" });
    frontEnd.show({ event: "members", members: [{ ...eve, name: "eve#x" }] });
    yield say("two", { to: eve.key, id: "2" });
    frontEnd.show({ event: "sent", id: "2" });
  }
  let text = "";
  const log = new WritableStream<string>({ write: (entry) => void (text += entry) });
  const screen = Object.assign(new Screen(), { input: ReadableStream.from(inputs()) });
  const frontEnd = new LoggedFrontEnd(screen, log, new FakeClock(0));
  frontEnd.show(READY);
  await Array.fromAsync(frontEnd.input);
  await frontEnd.close();
  assertMatch(text, /> ada to eve \(private\): one\n[^]*> ada to eve#x \(private\): two\n$/);
});

test("LoggedFrontEnd logs a failed message and the reason", async () => {
  const long = `${"x".repeat(70)}`;
  const text = await logged([say(long, { id: "a" }), say("b", { id: "b" })], [
    { event: "sent", id: "b" },
    { event: "failed", id: "a", code: "nobody-here" },
  ]);
  const [sent, failed, error, hint, ...rest] = text.split("\n");
  assertEquals([sent, failed], [`${TIME} > ada: b`, `${TIME} > ada: ${long}`]);
  assertEquals(error, `${TIME} # error: Not delivered: ${"x".repeat(60)}…`);
  assertMatch(hint!, /# hint: Wait until someone joins/);
  assertEquals(rest, [""]);
});

test("LoggedFrontEnd logs no forged entry for any name or text", async () => {
  const binary = fc.string({ unit: "binary", maxLength: 20 });
  const name = fc.oneof(binary, fc.constantFrom("* bob", "> ada", "bob (private)"))
    .filter((name) => !/[#:\\\s]/.test(name[0] ?? " ") && !/[:\\]/.test(name));
  const form = fc.record({
    kind: fc.constantFrom("text" as const, "action" as const),
    private: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(
    name,
    fc.array(fc.oneof(binary, fc.constantFrom("\n", "\r", "\u2028", `${TIME} # bob left`))),
    form,
    async (name, parts, { kind, private: isPrivate }) => {
      const event = message(name, parts.join(""), { kind, private: isPrivate });
      const text = await logged([], [event]);
      // deno-lint-ignore no-control-regex -- controls are what it is about
      assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\u{e0001}]/u.test(text), text);
      const entries = text.split("\n").filter((line) => !line.startsWith("    "));
      assertEquals(entries.length, 2, text);
      const rest = entries[0]!.slice(TIME.length + 1);
      if (kind === "action") return assert(rest.startsWith("* "), rest);
      assert(!/^[#>*]/.test(rest), rest);
      assertEquals(/^[^:]* \(private\): /.test(rest), isPrivate, rest);
    },
  ));
});

test("LoggedFrontEnd reads no input before it is requested", async () => {
  let read = 0;
  const input = new ReadableStream<Wish>({
    pull(controller): void {
      read++;
      controller.enqueue(say("hi"));
    },
  }, { highWaterMark: 0 });
  const screen = Object.assign(new Screen(), { input });
  const frontEnd = new LoggedFrontEnd(screen, new WritableStream());
  await frontEnd.writable();
  assertEquals(read, 0);
  for await (const _ of frontEnd.input) break;
  assertEquals(read, 1);
  await frontEnd.close();
});

test("LoggedFrontEnd warns once if the log fails, and continues", async () => {
  const full = new StoreError("log-unwritable", "Cannot write log: No space left");
  for (
    const failing of [{ write: () => Promise.reject(full) }, { close: () => Promise.reject(full) }]
  ) {
    const screen = new Screen(say("a"), say("b"));
    const frontEnd = new LoggedFrontEnd(screen, new WritableStream(failing));
    frontEnd.show(READY);
    assertEquals((await Array.fromAsync(frontEnd.input)).length, 2);
    await frontEnd.writable();
    frontEnd.show(message("bob", "hi"));
    await frontEnd.close();
    const warnings = screen.events.filter(({ event }) => event === "warning");
    assertEquals(warnings, [{
      event: "warning",
      code: "log-unwritable",
      message: full.message,
      hint: "The chat goes on; what comes now is not logged.",
    }]);
    assertEquals(screen.events.length, 3);
  }
});

test("LoggedFrontEnd is writable only if the log and the screen are", async () => {
  const written = Promise.withResolvers<void>();
  const log = new WritableStream<string>({ write: () => written.promise });
  const frontEnd = new LoggedFrontEnd(new Screen(), log);
  frontEnd.show(message("bob", "hi"));
  let waited = false;
  const writable = frontEnd.writable().then(() => waited = true);
  await new Promise<void>((resolve) => setTimeout(resolve));
  assertEquals(waited, false);
  written.resolve();
  await writable;
  await frontEnd.close();
});

test("LoggedFrontEnd logs the current name of an addressee", async () => {
  const entries: string[] = [];
  const log = new WritableStream<string>({ write: (entry) => void entries.push(entry) });
  const inputs = [say("psst", { to: BOB.key })];
  const frontEnd = new LoggedFrontEnd(new Screen(...inputs), log, new FakeClock(0));
  frontEnd.show(READY);
  frontEnd.show({ event: "renamed", member: { ...BOB, name: "rob" }, before: "bob" });
  frontEnd.show({ event: "renamed", member: member("eve"), before: "ada", own: true });
  await Array.fromAsync(frontEnd.input);
  frontEnd.show({ event: "sent", id: "1" });
  await frontEnd.close();
  assertEquals(entries.at(-1), `${TIME} > eve to rob (private): psst\n`);
});

test("LoggedFrontEnd logs no invite link", async () => {
  const screen = new Screen();
  let log = "";
  const frontEnd = new LoggedFrontEnd(
    screen,
    new WritableStream({ write: (entry) => void (log += entry) }),
    new FakeClock(0),
  );
  const link = "lanchat://192.0.2.2:12345/#secret";
  frontEnd.show({ event: "invite", link, links: [link], secret: true });
  await frontEnd.close();
  assertEquals(screen.events.length, 1);
  assertEquals(log, `${TIME} # The invite link was shown; it is not kept here.\n`);
});
