/** Parses the bytes of a terminal into text, keys and pastes. */
import { controlKey, controlSequenceKey, type Keystroke, singleShiftKey } from "./key_codes.ts";
import { Utf8Decoder } from "./utf8_decoder.ts";

/** Longest pause within an escape sequence, in milliseconds. After it, ESC is a key. */
export const SEQUENCE_MS = 500;

/** Longest pause within a paste, in milliseconds. After it, the paste counts as complete. */
export const PASTE_MS = 2000;

/** Maximum bytes kept of a paste: above the limit of a message, so that it is still refused as too long. */
const MAX_PASTE_BYTES = 1 << 18;

/** Maximum length of the parameters of a key's control sequence, in characters. */
const MAX_PARAMETERS = 256;

/** Length of an X10 mouse report after `CSI M`, in bytes. */
const MOUSE_BYTES = 3;

const [INTERRUPT, BELL, LF, ESC] = [3, 7, 0x0a, 0x1b];

const [SPACE, DELETE, FIRST_BEYOND_ASCII] = [0x20, 0x7f, 0x80];

/** Starts a bracketed paste, after `CSI`. */
const PASTE_START = "200~";

/** Ends a bracketed paste. */
const PASTE_END = [..."\x1b[201~"].map((character) => character.charCodeAt(0));

/** A line break in a paste: most terminals send CR. */
const LINE_BREAK = /\r\n?/g;

/** C1 controls and Unicode line separators. No key sends them. */
const UNTYPED = /[\p{Cc}\u2028\u2029]/gu;

/** Position within a sequence. */
type State =
  | "ground"
  /** After ESC. */
  | "escape"
  /** `CSI parameters final`. */
  | "control-sequence"
  /** `SS3 parameters final`. */
  | "single-shift"
  /** The payload of OSC, DCS, APC, PM or SOS. */
  | "string"
  /** An X10 mouse report. */
  | "mouse"
  /** The letter of a function key of the Linux console. */
  | "function-key"
  | "paste";

const AFTER_ESC: Readonly<Record<string, State>> = {
  "[": "control-sequence",
  "O": "single-shift",
  "]": "string",
  "P": "string",
  "X": "string",
  "^": "string",
  "_": "string",
};

/**
 * Parses terminal input into text, keys and pastes. It swallows every complete sequence that is not a known
 * key, such as replies of the terminal and mouse reports. Text never contains a control character.
 *
 * @example A word, a key and a reply of the terminal
 * ```ts
 * import { KeyParser } from "./key_parser.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("hi\x1b[1;5D\x1b]11;rgb:0/0/0\x07!");
 * assertEquals(new KeyParser().push(bytes), [{ text: "hi" }, { key: "ctrl-left" }, { text: "!" }]);
 * ```
 */
export class KeyParser {
  readonly #decoder = new Utf8Decoder();
  #state: State = "ground";
  #alt = false;
  #parameters = "";
  #mouseBytes = 0;
  #pasted: number[] = [];
  /** Number of bytes of {@linkcode PASTE_END} matched so far. */
  #endBytes = 0;
  #keys: Keystroke[] = [];

  /** How long to wait for the rest of a sequence, in milliseconds; `undefined` between sequences. */
  get patienceMs(): number | undefined {
    if (this.#state === "ground") return undefined;
    return this.#state === "paste" ? PASTE_MS : SEQUENCE_MS;
  }

  /**
   * Parses one chunk. A chunk that is only Ctrl-C discards an unfinished paste. A chunk that is only LF is
   * Ctrl-J; in a longer one, which no key sends, LF ends a line of a paste without brackets, as Enter does.
   */
  push(bytes: Uint8Array): Keystroke[] {
    const [only] = bytes.length === 1 ? bytes : [];
    if (this.#state === "paste" && only === INTERRUPT) this.#begin();
    else if (this.#state === "ground" && only === LF) this.#takeLineFeed();
    else this.#pushAll(bytes);
    return this.#keys.splice(0);
  }

  /** Ends an unfinished sequence: a paste is emitted as it is, ESC as a key; anything else is dropped. */
  giveUp(): Keystroke[] {
    if (this.#state === "paste") this.#endPaste();
    if (this.#state === "escape" && !this.#alt) this.#keys.push({ key: "escape" });
    this.#begin();
    return this.#keys.splice(0);
  }

  #begin(): void {
    this.#state = "ground";
    this.#alt = false;
    this.#parameters = "";
    this.#pasted = [];
    this.#endBytes = 0;
  }

  #pushAll(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const end = this.#state === "ground" ? endOfText(bytes, at) : at;
      if (end > at) this.#type(this.#decoder.push(bytes.subarray(at, end)));
      else this.#take(bytes[at]!);
      at = Math.max(end, at + 1);
    }
  }

  #type(text: string): void {
    const typed = text.replaceAll(UNTYPED, "");
    if (typed !== "") this.#keys.push({ text: typed });
  }

  #take(byte: number): void {
    switch (this.#state) {
      case "ground":
        return this.#takeControl(byte);
      case "escape":
        return this.#takeEscaped(byte);
      case "paste":
        return this.#takePasted(byte);
      case "string":
        if (byte === BELL) return this.#begin();
        // ESC may start its end; other controls never occur within it.
        return byte < SPACE ? this.#takeAnew(byte) : undefined;
      case "mouse":
        if (byte < SPACE) return this.#takeAnew(byte);
        if (--this.#mouseBytes === 0) this.#begin();
        return;
      case "function-key":
        return byte < SPACE ? this.#takeAnew(byte) : this.#begin();
      case "control-sequence":
      case "single-shift":
        if (byte < SPACE || byte >= DELETE) return this.#takeAnew(byte);
        return this.#takeParameter(String.fromCharCode(byte));
    }
  }

  /** Drops the unfinished sequence and parses a byte as the start of the next one. */
  #takeAnew(byte: number): void {
    this.#begin();
    this.#pushAll(Uint8Array.of(byte));
  }

  #takeControl(byte: number): void {
    this.#type(this.#decoder.end());
    if (byte === ESC) this.#state = "escape";
    else this.#keys.push(controlKey(byte, false));
  }

  #takeLineFeed(): void {
    this.#type(this.#decoder.end());
    this.#keys.push({ key: "ctrl-j" });
  }

  #takeEscaped(byte: number): void {
    const character = String.fromCharCode(byte);
    const next = AFTER_ESC[character];
    if (byte === ESC) this.#alt = true;
    else if (next !== undefined) this.#state = next;
    else if (byte >= FIRST_BEYOND_ASCII) this.#takeAnew(byte);
    else {
      this.#begin();
      if (byte < SPACE || byte === DELETE) this.#keys.push(controlKey(byte, true));
      // `ESC \` ends a string.
      else if (character !== "\\") this.#keys.push({ key: `alt-${character.toLowerCase()}` });
    }
  }

  #takeParameter(character: string): void {
    // rxvt ends keys with Shift by `$`, which is an intermediate byte in every other sequence.
    const ends = character >= "@" || character === "$" && /^\d+$/.test(this.#parameters);
    if (!ends) {
      if (this.#parameters.length < MAX_PARAMETERS) this.#parameters += character;
      return;
    }
    const [alt, parameters, state] = [this.#alt, this.#parameters, this.#state];
    this.#begin();
    if (state === "single-shift") return this.#press(singleShiftKey(parameters, character, alt));
    if (parameters + character === PASTE_START) this.#state = "paste";
    else if (parameters + character === "[") this.#state = "function-key";
    else if (parameters + character === "M") {
      this.#state = "mouse";
      this.#mouseBytes = MOUSE_BYTES;
    } else this.#press(controlSequenceKey(parameters, character, alt));
  }

  #press(key: Keystroke | undefined): void {
    if (key !== undefined) this.#keys.push(key);
  }

  #takePasted(byte: number): void {
    if (byte === PASTE_END[this.#endBytes]) {
      if (++this.#endBytes === PASTE_END.length) this.#endPaste();
      return;
    }
    this.#keep(...PASTE_END.slice(0, this.#endBytes));
    // The mark contains only one ESC, its first byte.
    this.#endBytes = byte === ESC ? 1 : 0;
    if (byte !== ESC) this.#keep(byte);
  }

  #keep(...bytes: number[]): void {
    if (this.#pasted.length < MAX_PASTE_BYTES) this.#pasted.push(...bytes);
  }

  #endPaste(): void {
    const decoder = new Utf8Decoder();
    const text = decoder.push(Uint8Array.from(this.#pasted)) + decoder.end();
    this.#keys.push({ paste: text.replaceAll(LINE_BREAK, "\n") });
    this.#begin();
  }
}

/** Index of the next control character, or the length. */
function endOfText(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end]! >= SPACE && bytes[end] !== DELETE) end++;
  return end;
}
