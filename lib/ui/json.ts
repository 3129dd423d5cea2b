/** The front end for programs: JSON Lines in both directions. */
import { utf8 } from "../bytes/mod.ts";
import { CODES, UsageError } from "../errors.ts";
import { MAX_TEXT_BYTES } from "../wire/mod.ts";
import type { RefusedWish, SayWish, SessionEvent, Wish } from "../session_events.ts";
import { type StandardStreams, standardStreams } from "./process.ts";
import type { FrontEnd } from "../session/mod.ts";
import { type InputLine, readLines } from "./lines.ts";
import { MessageIds } from "./message_ids.ts";
import { Output } from "./output.ts";
import { toJsonLine } from "./sanitize.ts";

/** Longest input line, in bytes: the longest text with every byte written as `\uXXXX`, and the rest. */
export const MAX_JSON_LINE_BYTES: number = 6 * MAX_TEXT_BYTES + 4096;

const MAX_ID_LENGTH = 64;

/**
 * The front end of programs: JSON Lines both ways on standard output and standard input, nothing on
 * standard error.
 */
export class JsonFrontEnd implements FrontEnd {
  /** What the lines say, and those that say nothing that can be done. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if standard output cannot be written any more. */
  readonly broken: Promise<void>;
  /** Stays pending: Ctrl-C is a signal here. */
  readonly interrupted: Promise<void> = new Promise(() => {});
  readonly #output: Output;
  readonly #ids = new MessageIds();

  /** Reads and writes the process's own streams, or others. */
  constructor(streams: StandardStreams = standardStreams()) {
    this.#output = new Output(streams);
    this.broken = this.#output.broken;
    this.input = ReadableStream.from(this.#read(streams.stdin));
  }

  /** Writes an event as one line. */
  show(event: SessionEvent): void {
    this.#output.write(`${toJsonLine(event)}\n`);
  }

  /** Resolves once little enough is unwritten that more may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Resolves once everything is written. */
  close(): Promise<void> {
    return this.#output.close();
  }

  async *#read(stdin: ReadableStream<Uint8Array>): AsyncGenerator<Wish, void, void> {
    for await (const line of readLines(stdin, MAX_JSON_LINE_BYTES)) {
      const input = this.#parse(line);
      if (input !== undefined) yield input;
    }
  }

  #parse(line: InputLine): Wish | undefined {
    try {
      const text = decodeLine(line.bytes);
      return text.trim() === "" ? undefined : this.#parseObject(parseObject(text), line.number);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { code, message, hint } = error;
      this.show({ event: "error", code, message, hint, line: line.number });
      return { do: "refused", code, line: line.number };
    }
  }

  #parseObject(object: Readonly<Record<string, unknown>>, line: number): Wish {
    const { do: wish, say, verify } = object;
    if ([say, wish, verify].filter((value) => value !== undefined).length !== 1) {
      throw badInput("the object must have one of 'say', 'do' and 'verify'");
    }
    if (say !== undefined) return this.#parseSay(object, line);
    return verify === undefined ? parseWish(object) : parseVerify(object);
  }

  #parseSay({ say, to, id }: Readonly<Record<string, unknown>>, line: number): Wish {
    if (!isText(say) || say === "") throw badInput("'say' must be a text that is not empty");
    if (to !== undefined && !isText(to)) throw badInput("'to' must be a text");
    if (id !== undefined && !isId(id)) {
      throw badInput(`'id' must be a text of 1 to ${MAX_ID_LENGTH} characters`);
    }
    const claimed = this.#ids.claim(id);
    if (utf8(say).length > MAX_TEXT_BYTES) return this.#fail(claimed, "message-too-long", line);
    const input: SayWish = { do: "say", text: say, kind: "text", id: claimed };
    return to === undefined ? input : { ...input, to };
  }

  #fail(id: string, code: RefusedWish["code"], line: number): RefusedWish {
    this.show({ event: "failed", id, code });
    return { do: "refused", code, line };
  }
}

function parseWish(object: Readonly<Record<string, unknown>>): Wish {
  const { digits, do: wish, name, text } = object;
  switch (wish) {
    case "who":
    case "rekey":
    case "lock":
    case "unlock":
    case "bans":
    case "invite":
    case "quit":
      return { do: wish };
    case "whois":
    case "nick":
    case "ignore":
    case "unignore":
    case "kick":
    case "ban":
    case "unban":
      return { do: wish, name: textOf(name, "name") };
    case "accept":
      return { do: wish, digits: textOf(digits, "digits") };
    case "status":
      return { do: wish, text: textOf(text, "text") };
    default:
      throw badInput("'do' must be one of those in docs/JSON.md");
  }
}

function parseVerify({ digits, verify }: Readonly<Record<string, unknown>>): Wish {
  if (verify !== true && !isText(verify)) throw badInput("'verify' must be a name or true");
  const given = digits === undefined ? undefined : textOf(digits, "digits");
  if (verify !== true) {
    return { do: "verify", name: verify, ...given !== undefined && { digits: given } };
  }
  if (given !== undefined) throw badInput("'digits' need the name of a member in 'verify'");
  return { do: "verify" };
}

function textOf(value: unknown, field: string): string {
  if (!isText(value)) throw badInput(`'${field}' must be a text`);
  return value;
}

function decodeLine(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw badInput(`it has over ${MAX_JSON_LINE_BYTES} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badInput("it is not UTF-8", cause);
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badInput("it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badInput("it is not a JSON object");
  }
  return value as Record<string, unknown>;
}

/** A lone surrogate has no UTF-8: it would arrive as another character. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

function isId(value: unknown): value is string {
  return isText(value) && value !== "" && [...value].length <= MAX_ID_LENGTH;
}

function badInput(reason: string, cause?: unknown): UsageError {
  return new UsageError("bad-input", `Cannot use the line as ${reason}`, {
    cause,
    hint: CODES["bad-input"].hint,
  });
}
