import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes/mod.ts";
import { DumbTerminalFrontEnd } from "../../lib/ui/dumb_terminal.ts";
import { timeOfDay } from "../../lib/ui/timeline.ts";
import type { MessageEvent, Wish } from "../../lib/session_events.ts";
import { FakeClock } from "../support/clock.ts";
import { READY } from "../support/terminal_only.ts";
import { EMOJI } from "../support/emoji.ts";
import { test } from "../support/test.ts";
import { member, message, NOW, T } from "./members.ts";
import { Sink } from "./streams.ts";

const BOB = { ...member("bob"), key: "bobs", session: "bob" };
const EVE = { ...member("eve"), key: "eves", session: "eve" };

function whisper(from: typeof BOB, text: string): MessageEvent {
  return { ...message(from.name, text, { private: true }), from };
}

/** A front end in memory on a terminal that edits the line. */
class Teletype implements AsyncDisposable {
  readonly frontEnd: DumbTerminalFrontEnd;
  readonly clock = new FakeClock(NOW);
  /** The program was stopped and goes on. */
  goOn: () => void = () => {};
  readonly #stdout = new Sink();
  readonly #stdin = new TransformStream<Uint8Array, Uint8Array>();
  readonly #keyboard = this.#stdin.writable.getWriter();
  readonly #input: ReadableStreamDefaultReader<Wish>;

  constructor(notify = true) {
    this.frontEnd = new DumbTerminalFrontEnd({
      notify,
      quiet: false,
      streams: {
        stdin: this.#stdin.readable,
        stdout: this.#stdout.stream,
        stderr: new WritableStream(),
      },
      clock: this.clock,
      onContinue: (listener) => {
        this.goOn = listener;
        return () => this.goOn = () => {};
      },
    });
    this.#input = this.frontEnd.input.getReader();
  }

  /** Enters lines. @returns The next wish. */
  async enter(text: string | Uint8Array): Promise<Wish | undefined> {
    const written = this.#keyboard.write(typeof text === "string" ? utf8(text) : text);
    const { value } = await this.#input.read();
    await written;
    return value;
  }

  /** Presses Ctrl-D. @returns The next wish. */
  async end(): Promise<Wish | undefined> {
    const closed = this.#keyboard.close();
    const { value } = await this.#input.read();
    await closed;
    return value;
  }

  /** The output. */
  async written(): Promise<string[]> {
    await this.frontEnd.close();
    return this.#stdout.text.split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.frontEnd.close();
  }
}

test("DumbTerminalFrontEnd writes lines only, and echoes no typed line", async () => {
  await using teletype = new Teletype();
  teletype.frontEnd.show({ ...READY, members: [BOB] });
  assertEquals(await teletype.enter("hello\n"), {
    do: "say",
    text: "hello",
    kind: "text",
    id: "1",
  });
  teletype.frontEnd.show(message("bob", "\x1b[2Jhi\nada: me too"));
  teletype.frontEnd.show({ event: "sent", id: "1" });
  teletype.frontEnd.show({ event: "delivered", id: "1" });
  assertEquals(await teletype.enter("/who\n"), { do: "who" });
  assertEquals(await teletype.end(), { do: "quit" });
  assertEquals(await teletype.written(), [
    `${T} -- You are ada. 1 other here: bob.`,
    "      -- Type a message and press Enter. /help lists the commands.",
    `\x07${T} bob: \\x1b[2Jhi`,
    "           ada: me too",
    "",
  ]);
});

test("DumbTerminalFrontEnd shows a failed message, and sends it again", async () => {
  await using teletype = new Teletype();
  await teletype.enter("hello\n");
  teletype.frontEnd.show({ event: "failed", id: "1", code: "nobody-here" });
  assertEquals(await teletype.enter("/retry\n"), {
    do: "say",
    text: "hello",
    kind: "text",
    id: "2",
  });
  assertEquals(await teletype.enter("/quit\nnever read\n"), { do: "quit" });
  assertEquals((await teletype.written())[0], `${T} -- error: Not delivered: hello`);
});

test("DumbTerminalFrontEnd refuses an ambiguous /reply", async () => {
  await using teletype = new Teletype(false);
  teletype.frontEnd.show({ ...READY, members: [BOB, EVE] });
  teletype.frontEnd.show(whisper(BOB, "the key?"));
  const answers = [await teletype.enter("/reply x\n")];
  teletype.frontEnd.show(whisper(EVE, "psst"));
  // The second one is entered when it is known who wrote last.
  answers.push(await teletype.enter("/reply y\n/reply z\n"));
  assertEquals(
    answers.map((input) => input?.do === "say" && [input.text, input.to]),
    [["x", "bobs"], ["z", "eves"]],
  );
  assertEquals((await teletype.written()).slice(-3), [
    `${T} -- error: Several members sent you a private message: bob, eve`,
    "      -- hint: Type /msg NAME TEXT.",
    "",
  ]);
});

test("DumbTerminalFrontEnd refuses a line that is not UTF-8 or too long", async () => {
  await using teletype = new Teletype();
  const lines = `${"x".repeat(20_000)}\n/me ${"x".repeat(16_385)}\n/who\n`;
  const bytes = new Uint8Array([0xff, 0x0a, ...utf8(lines)]);
  assertEquals(await teletype.enter(bytes), { do: "who" });
  assertEquals((await teletype.written()).filter((line) => line.includes("error")), [
    `${T} -- error: Cannot use the line`,
    `${T} -- error: Cannot use the line`,
    `${T} -- error: The message is too long: 16385 bytes, and the limit is 16384`,
  ]);
});

test("DumbTerminalFrontEnd rings for a mention only with notifications on", async () => {
  for (const notify of [true, false]) {
    await using teletype = new Teletype(notify);
    teletype.frontEnd.show(READY);
    teletype.frontEnd.show(message("bob", "ada?"));
    assertEquals((await teletype.written()).join("").includes("\x07"), notify);
  }
});

test("DumbTerminalFrontEnd finds a mention of a name with emoji, as set or as shown", async () => {
  for (const text of [`${EMOJI.rainbow} ada?`, "\u{1F3F3}\u{1F308} ada?"]) {
    await using teletype = new Teletype(true);
    teletype.frontEnd.show({ ...READY, name: `${EMOJI.rainbow} ada` });
    teletype.frontEnd.show(message("bob", text));
    const written = (await teletype.written()).join("");
    assert(written.includes("\x07"), text);
    assert(written.includes("bob: \u{1F3F3}\u{1F308} ada?"), written);
  }
});

test("DumbTerminalFrontEnd shows all digits of a safety number, and no QR code", async () => {
  await using teletype = new Teletype();
  const fingerprint = "1234567890".repeat(3);
  teletype.frontEnd.show({
    event: "safety-number",
    member: BOB,
    digits: fingerprint + fingerprint,
    fingerprint,
  });
  const written = (await teletype.written()).join("\n");
  assertEquals(written.match(/(?: \d{5}){6}/g)?.length, 2);
  assert(!/[█▀▄]|QR/.test(written), written);
});

test("DumbTerminalFrontEnd explains no keys of the line editor", async () => {
  await using teletype = new Teletype();
  await teletype.enter("/help all\n/who\n");
  const written = (await teletype.written()).join("\n");
  assertEquals([written.includes("/retry "), written.includes("Ctrl-R")], [true, false]);
});

test("DumbTerminalFrontEnd shows since when messages are new, after a stop and a lost connection", async () => {
  await using teletype = new Teletype();
  teletype.frontEnd.show({ ...READY, members: [BOB] });
  await teletype.enter("/who\n");
  teletype.clock.advance(60_000);
  teletype.goOn();
  for (const text of ["one", "two"]) teletype.frontEnd.show(message("bob", text));
  teletype.clock.advance(60_000);
  await teletype.enter("/who\n");
  teletype.frontEnd.show(message("bob", "three"));
  teletype.frontEnd.show({ event: "disconnected", reason: "connection-lost", message: "Lost" });
  teletype.clock.advance(60_000);
  for (const text of ["four", "five"]) teletype.frontEnd.show(message("bob", text));
  const lost = timeOfDay(new Date(NOW + 120_000));
  assertEquals((await teletype.written()).filter((line) => /bob: | new /.test(line)), [
    `-- new since ${T} --`,
    `${T} bob: one`,
    `${T} bob: two`,
    `${T} bob: three`,
    `-- new since ${lost} --`,
    `${T} bob: four`,
    `${T} bob: five`,
  ]);
});

test("DumbTerminalFrontEnd shows the place and the members at /who", async () => {
  await using teletype = new Teletype();
  const [bob, eve] = [BOB, { ...EVE, status: "lunch" }];
  teletype.frontEnd.show({ ...READY, members: [bob, eve] });
  teletype.frontEnd.show({ event: "lost", member: bob });
  teletype.frontEnd.show({ event: "members", members: [{ ...bob, lost: true }, eve] });
  assertEquals((await teletype.written()).slice(-5), [
    `${T} -- your room: 3 here, bob, eve away`,
    "      -- ada: you, host, tag abcdefgh",
    `      -- bob: tag abcdefgh, not verified, here since ${T}, connection lost since ${T}`,
    `      -- eve: tag abcdefgh, not verified, here since ${T}, away: lunch`,
    "",
  ]);
});
