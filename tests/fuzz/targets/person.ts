import { formatHostPort, parseHostPort } from "../../../lib/address.ts";
import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, equal, utf8 } from "../../../lib/bytes/mod.ts";
import { parseCommandLine, wantsJson } from "../../../lib/cli/args.ts";
import { StoreError, UsageError } from "../../../lib/errors.ts";
import { encodeCredential, formatInvite, type Invite, parseInvite } from "../../../lib/net/mod.ts";
import { KnownPeers, openIdentity } from "../../../lib/store/mod.ts";
import { parseLine } from "../../../lib/ui/line_parser.ts";
import { JsonFrontEnd, PlainFrontEnd } from "../../../lib/ui/mod.ts";
import type { FrontEnd } from "../../../lib/session/front_end.ts";
import type { Wish } from "../../../lib/session_events.ts";
import { type InputLine, readLines } from "../../../lib/ui/lines.ts";
import { TerminalFrontEnd } from "../../../lib/ui/terminal.ts";
import { escapeText, sanitize, sanitizeLine, toJsonLine } from "../../../lib/ui/sanitize.ts";
import { MAX_TEXT_BYTES } from "../../../lib/wire/mod.ts";
import { message } from "../../ui/members.ts";
import { memoryStreams } from "../../ui/streams.ts";
import { chunkings, refusal, type Target } from "../target.ts";

/** Characters that act on a terminal, or are not seen in it; but for LF. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;

/** The byte order mark, of which one is left away at the start of a text. */
const MARK = utf8("\ufeff");

/** The escape sequences that lanchat draws with. */
// deno-lint-ignore no-control-regex -- it matches escape sequences
const DRAWING = /\x1b\[(?:\d*[ABK]|H\x1b\[2J|(?:[127]|2[27]|1;38;5;\d+|22;39)m)|\x1b[78]|[\r\n]/gu;

/** Any text, lone surrogates too: bytes of UTF-8, or of UTF-16 after a byte 0xff. */
function textOf(input: Bytes): string {
  if (input[0] !== 0xff) return new TextDecoder().decode(input);
  let text = "";
  for (let i = 1; i + 1 < input.length; i += 2) {
    text += String.fromCharCode((input[i]! << 8) | input[i + 1]!);
  }
  return text;
}

/** A reader of text that a person typed. */
function parser<Value>(
  name: string,
  parse: (text: string) => Value,
  check: (value: Value) => string,
): Target {
  return {
    name,
    runs: 2000,
    run(input): string {
      let value: Value;
      try {
        value = parse(textOf(input));
      } catch (error) {
        // The rest of the message repeats the input.
        return refusal(error, UsageError).split(":")[0]!;
      }
      return `ok: ${check(value)}`;
    },
  };
}

/** Arguments, with a zero byte between two. */
const commandLine = parser("command-line", (text) => {
  const args = text === "" ? [] : text.split("\0");
  wantsJson(args);
  return parseCommandLine(args);
}, (command) => {
  if ("port" in command) assert(command.port >= 0 && command.port <= 65_535);
  return Object.entries(command).filter(([, value]) => value !== undefined)
    .map(([key, value]) => typeof value === "boolean" ? `${key} ${value}` : key).join();
});

const address = parser("address", (text) => parseHostPort(text, 12_345), (address) => {
  const { host, port } = address;
  assert(port >= 1 && port <= 65_535);
  assertEquals(parseHostPort(formatHostPort(host, port), 1), address);
  return host.includes(":") ? "IPv6" : "other";
});

/** A pasted invite link: a parsed link formats to the same text. */
const invite: Target = {
  name: "invite",
  runs: 500,
  async run(input): Promise<string> {
    let invite: Invite;
    try {
      invite = await parseInvite(textOf(input));
    } catch (error) {
      return refusal(error, UsageError).split(":")[0]!;
    }
    const { host, port, root } = invite;
    const link = formatInvite(host, port, await encodeCredential(invite));
    assertEquals(await parseInvite(link), invite);
    return `ok: ${host.includes(":") ? "IPv6" : "other"} ${root === undefined ? "open" : "secret"}`;
  },
};

const typedLine = parser(
  "typed-line",
  (line) => parseLine(line, { members: [{ name: "bob", key: "key" }] }),
  (command) => command.do,
);

const sanitizers: Target = {
  name: "sanitize",
  runs: 2000,
  run(input): string {
    const text = textOf(input);
    const shown = sanitize(text);
    const [line, escaped, json] = [sanitizeLine(text), escapeText(text), toJsonLine({ text })];
    for (const safe of [shown, line, escaped, json]) assert(!UNSAFE.test(safe), "it is not safe");
    for (const single of [line, escaped, json]) assert(!single.includes("\n"), "it has two lines");
    assertEquals(JSON.parse(json), { text });
    // The output is at most a fixed number of times as long as the input.
    for (const safe of [shown, line, escaped, json]) {
      assert(safe.length <= 12 * text.length + 12, "it has grown");
    }
    return `ok: ${line === text}, ${escaped === text}, ${shown === line}`;
  },
};

/** Lines in chunks of any size; the first byte gives the maximum length. */
const lines: Target = {
  name: "lines",
  runs: 300,
  async run(input): Promise<string> {
    const max = input[0] ?? 0;
    const bytes = input.slice(1);
    const cut = (chunks: Bytes[]): Promise<InputLine[]> =>
      Array.fromAsync(readLines(ReadableStream.from(chunks), max));
    const [whole, ...others] = await Promise.all(chunkings(bytes).map(cut));
    for (const other of others) assertEquals(other, whole);
    const kept = whole!.flatMap((line) => line.bytes ?? []);
    assertEquals(whole!.map(({ number }) => number), whole!.map((_, i) => i + 1));
    for (const line of kept) assert(line.length <= max);
    if (kept.length === whole!.length) {
      const withoutEnds = (all: Bytes): Bytes => all.filter((byte) => byte !== 10 && byte !== 13);
      const text = equal(bytes.subarray(0, MARK.length), MARK) ? bytes.slice(MARK.length) : bytes;
      assert(equal(withoutEnds(concat(...kept)), withoutEnds(text)), "bytes are missing");
    }
    return `ok: ${Math.min(kept.length, 3)} of ${Math.min(whole!.length, 3)}`;
  },
};

/** A front end whose standard input is the input. */
function frontEnd(
  name: string,
  make: (streams: ReturnType<typeof memoryStreams>["streams"]) => FrontEnd,
  check: (output: string) => void,
): Target {
  return {
    name,
    runs: 300,
    async run(input): Promise<string> {
      const { stderr, stdout, streams } = memoryStreams(ReadableStream.from(chunkings(input)[2]!));
      const front = make(streams);
      const wishes: Wish[] = [];
      for await (const wish of front.input) wishes.push(wish);
      await front.close();
      for (const wish of wishes) {
        if (wish.do !== "say") continue;
        assert(wish.text.isWellFormed() && wish.text !== "");
        assert(new TextEncoder().encode(wish.text).length <= MAX_TEXT_BYTES);
      }
      for (const output of [stdout.text, stderr.text]) {
        assert(!UNSAFE.test(output), "what it shows is not safe");
      }
      check(stdout.text);
      const kinds = wishes.map((wish) => wish.do === "refused" ? wish.code : wish.do);
      return `ok: ${[...new Set(kinds)].sort()}`;
    },
  };
}

const json = frontEnd("json-input", (streams) => new JsonFrontEnd(streams), (output) => {
  for (const line of output.split("\n").slice(0, -1)) assert(JSON.parse(line).event !== undefined);
});

const plain = frontEnd("plain-input", (streams) => new PlainFrontEnd(streams), () => {});

/** A message and its sender's name, shown to a script. */
const messages: Target = {
  name: "shown-message",
  runs: 500,
  async run(input): Promise<string> {
    const [name = "", ...rest] = textOf(input).split("\0");
    const text = rest.join("\0");
    for (const make of [PlainFrontEnd, JsonFrontEnd]) {
      const { stdout, streams } = memoryStreams();
      const front = new make(streams);
      const from = { name, tag: "lf576am5", key: "key" };
      const at = "2026-01-01T00:00:00.000Z";
      front.show({ event: "message", from, text, kind: "text", private: false, at } as never);
      await front.close();
      assert(!UNSAFE.test(stdout.text), "what it shows is not safe");
      assertEquals(stdout.text.split("\n").length, 2, "a message is one line");
    }
    return "ok";
  },
};

/** Keys that are pressed or pasted at a terminal; what came before the first zero byte was said there. */
const terminal: Target = {
  name: "terminal",
  runs: 100,
  async run(input): Promise<string> {
    const split = input.indexOf(0) + 1;
    const text = textOf(input.slice(0, Math.max(0, split - 1)));
    const chunks = chunkings(input.slice(split))[2]!;
    const { stdout, streams } = memoryStreams(ReadableStream.from(chunks));
    const raw: boolean[] = [];
    const front = new TerminalFrontEnd({
      colors: true,
      notify: false,
      quiet: false,
      title: false,
      device: {
        ...streams,
        columns: () => 40,
        rows: () => 10,
        setRaw: (on) => void raw.push(on),
        onResize: () => () => {},
        writeSync: () => {},
        onContinue: () => () => {},
        onIntrusion: () => () => {},
      },
    });
    front.show(message("ada", text));
    const wishes: string[] = [];
    for await (const wish of front.input) wishes.push(wish.do);
    await front.close();
    assertEquals(wishes.at(-1), "quit");
    assertEquals(raw.at(-1), false, "the terminal is not restored");
    assert(!/\p{Cc}/u.test(stdout.text.replaceAll(DRAWING, "")), "something acts on the terminal");
    return `ok: ${[...new Set(wishes)]}`;
  },
};

/** An identity file with any content. */
const identityFile: Target = {
  name: "identity-file",
  runs: 300,
  async run(input): Promise<string> {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeFile(file, input);
      const { identity } = await openIdentity({ file });
      assertEquals(identity.publicKey.length, 32);
      return "ok";
    } catch (error) {
      return refusal(error, StoreError);
    } finally {
      await Deno.remove(file);
    }
  },
};

/** A file of known peers with any content: what can be read of it is written, the rest stays. */
const peersFile: Target = {
  name: "peers-file",
  runs: 150,
  async run(input): Promise<string> {
    const directory = await Deno.makeTempDir();
    const file = `${directory}/me.peers.jsonl`;
    try {
      await Deno.writeFile(file, input);
      const known = await KnownPeers.open(file);
      const { damaged } = known;
      await known.forget(new Uint8Array(32));
      const again = await KnownPeers.open(file);
      assertEquals(again.all(), known.all());
      assertEquals(again.damaged, damaged);
      return `ok: ${again.all().length > 0}, ${damaged > 0}`;
    } catch (error) {
      return refusal(error, StoreError);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
};

/** Input from people, scripts and files. */
export const personTargets: readonly Target[] = [
  commandLine,
  address,
  invite,
  typedLine,
  sanitizers,
  lines,
  json,
  plain,
  messages,
  terminal,
  identityFile,
  peersFile,
];
