/** The front end for programs: JSON Lines in both directions. */
import { utf8 } from "../bytes/mod.ts";
import { CODES, UsageError } from "../errors.ts";
import { MAX_TEXT_BYTES } from "../wire/mod.ts";
import {
  failure,
  type RefusedWish,
  type SayWish,
  type SessionEvent,
  type Wish,
} from "../session_events.ts";
import { type StandardStreams, standardStreams } from "./process.ts";
import type { FrontEnd } from "../session/mod.ts";
import { type InputLine, readLines } from "./lines.ts";
import { MessageIds } from "./message_ids.ts";
import { Output } from "./output.ts";
import { toJsonLine } from "./sanitize.ts";

/** Maximum input line, in bytes: the longest text with each byte written as `\uXXXX`, and the rest. */
export const MAX_JSON_LINE_BYTES: number = 6 * MAX_TEXT_BYTES + 4096;

/** Maximum characters of an id. */
const MAX_ID_LENGTH = 64;

/** A wish whose form is regular: `do`, and fields that are read one by one. */
type PlainWish = Exclude<Wish, { do: "say" | "send-text" | "verify" | "refused" }>;

/** Reads the value of a field. @throws {UsageError} If it is wrong. */
type FieldReader = (value: unknown, field: string) => unknown;

const NAME = { name: textOf };

/** A number that may be missing. */
const ID = { id: optional(numberOf) };

/** The fields of each of these wishes. */
const WISH_FIELDS: Readonly<Record<PlainWish["do"], Readonly<Record<string, FieldReader>>>> = {
  who: {},
  whois: NAME,
  nick: NAME,
  status: { text: textOf },
  rekey: {},
  ignore: NAME,
  unignore: NAME,
  accept: { digits: textOf },
  kick: NAME,
  ban: NAME,
  unban: NAME,
  bans: {},
  invite: {},
  lock: {},
  unlock: {},
  "send-file": { paths: textsOf, to: optional(textOf) },
  "accept-file": ID,
  "decline-file": ID,
  "cancel-file": { id: numberOf },
  "pause-file": ID,
  "resume-file": ID,
  transfers: {},
  quit: {},
};

/** Reads wishes from standard input and writes events to standard output, as JSON Lines. See docs/JSON.md. */
export class JsonFrontEnd implements FrontEnd {
  /** The wish of each line, or its refusal. */
  readonly input: ReadableStream<Wish>;
  /** Resolves if standard output breaks. */
  readonly broken: Promise<void>;
  /** Never resolves: Ctrl-C is a signal here. */
  readonly interrupted: Promise<void> = new Promise(() => {});
  readonly #output: Output;
  readonly #ids = new MessageIds();

  /** Takes over streams; by default those of the process. */
  constructor(streams: StandardStreams = standardStreams()) {
    this.#output = new Output(streams);
    this.broken = this.#output.broken;
    this.input = ReadableStream.from(this.#read(streams.stdin));
  }

  /** Writes an event as one line. */
  show(event: SessionEvent): void {
    this.#output.write(`${toJsonLine(event)}\n`);
  }

  /** Resolves once more events may be shown. */
  writable(): Promise<void> {
    return this.#output.writable();
  }

  /** Resolves once all events are written. */
  close(): Promise<void> {
    return this.#output.close();
  }

  async *#read(stdin: ReadableStream<Uint8Array>): AsyncGenerator<Wish, void, void> {
    for await (const line of readLines(stdin, MAX_JSON_LINE_BYTES)) {
      const wish = this.#parse(line);
      if (wish !== undefined) yield wish;
    }
  }

  #parse(line: InputLine): Wish | undefined {
    try {
      const text = decodeLine(line.bytes);
      return text.trim() === "" ? undefined : this.#parseObject(parseObject(text), line.number);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { code, message, hint } = error;
      this.show({ ...failure(code, message, hint), line: line.number });
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
    const wish: SayWish = { do: "say", text: say, kind: "text", id: claimed };
    return to === undefined ? wish : { ...wish, to };
  }

  #fail(id: string, code: RefusedWish["code"], line: number): RefusedWish {
    this.show({ event: "failed", id, code });
    return { do: "refused", code, line };
  }
}

function parseWish(object: Readonly<Record<string, unknown>>): Wish {
  const { do: wish } = object;
  if (typeof wish !== "string" || !Object.hasOwn(WISH_FIELDS, wish)) {
    throw badInput("'do' must be one of those in docs/JSON.md");
  }
  const fields = Object.entries(WISH_FIELDS[wish as PlainWish["do"]])
    .map(([field, read]) => [field, read(object[field], field)] as const)
    .filter(([, value]) => value !== undefined);
  return { do: wish, ...Object.fromEntries(fields) } as PlainWish;
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

function textsOf(value: unknown, field: string): readonly string[] {
  if (Array.isArray(value) && value.length > 0 && value.every(isText)) return value;
  throw badInput(`'${field}' must be an array of texts`);
}

function numberOf(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw badInput(`'${field}' must be a whole number from 1`);
}

/** Makes the reader of a field that may be missing. */
function optional(read: FieldReader): FieldReader {
  return (value, field) => value === undefined ? undefined : read(value, field);
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

/** Whether a value is a text that UTF-8 can encode: a lone surrogate would arrive as U+FFFD. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

function isId(value: unknown): value is string {
  return isText(value) && value !== "" && [...value].length <= MAX_ID_LENGTH;
}

function badInput(reason: string, cause?: unknown): UsageError {
  return new UsageError("bad-input", `Cannot use the line: ${reason}`, {
    cause,
    hint: CODES["bad-input"].hint,
  });
}
