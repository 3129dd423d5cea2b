import { controlKey, controlSequenceKey, type Keystroke, singleShiftKey } from "./key_codes.ts";
import { Utf8Decoder } from "./utf8_decoder.ts";

/** How long the rest of an escape sequence may take, in milliseconds; ESC is a key after that. */
export const SEQUENCE_MS = 500;

/** How long a paste may be silent before what came of it is taken for all, in milliseconds. */
export const PASTE_MS = 2000;

/** Longest paste that is kept, in bytes: more than any message may have. */
const MAX_PASTE_BYTES = 1 << 18;

/** Longest parameters of a control sequence that is a key, in characters. */
const MAX_PARAMETERS = 256;

/** Bytes that tell of the mouse behind `CSI M`. */
const MOUSE_BYTES = 3;

const [INTERRUPT, BELL, ESC, SPACE, DELETE, FIRST_BEYOND_ASCII] = [3, 7, 0x1b, 0x20, 0x7f, 0x80];

/** Begins and ends a paste, behind `CSI`. */
const PASTE_START = "200~";

/** What a terminal sends behind a paste. */
const PASTE_END = [..."\x1b[201~"].map((character) => character.charCodeAt(0));

/** What ends a line of a paste: most terminals send CR. */
const LINE_BREAK = /\r\n?/g;

/** Controls of eight bits, and separators that a terminal may take for a line end: no key sends them. */
const UNTYPED = /[\p{Cc}\u2028\u2029]/gu;

/** What comes next of a sequence. */
type State =
  | "ground"
  /** What ESC begins. */
  | "escape"
  /** `CSI parameters final`. */
  | "control-sequence"
  /** `SS3 parameters final`. */
  | "single-shift"
  /** A string that a terminal answers (OSC, DCS, APC, PM, SOS), to its end. */
  | "string"
  /** So many bytes that tell of the mouse. */
  | "mouse"
  /** The letter of a function key in a Linux console. */
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
 * Tells keys and pastes in what a terminal sends. Every complete sequence that is no known key, such as an
 * answer of the terminal or a report of its mouse, is swallowed. A text never holds a control character.
 *
 * @example A word, a key, and an answer of the terminal
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
  /** How many bytes of the mark that ends a paste have come. */
  #endBytes = 0;
  #keys: Keystroke[] = [];

  /** How long what is missing may take, in milliseconds; `undefined` if nothing is. */
  get patienceMs(): number | undefined {
    if (this.#state === "ground") return undefined;
    return this.#state === "paste" ? PASTE_MS : SEQUENCE_MS;
  }

  /** Goes on with what was read at once. Ctrl-C that comes by itself gives a paste up. */
  push(bytes: Uint8Array): Keystroke[] {
    if (this.#state === "paste" && bytes.length === 1 && bytes[0] === INTERRUPT) this.#begin();
    else this.#pushAll(bytes);
    return this.#keys.splice(0);
  }

  /** Goes on without what is missing: a paste is what came of it, ESC a key, and all else nothing. */
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
        // Only what ends it, and what no terminal sends within it.
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

  /** A byte that is no part of what was begun. */
  #takeAnew(byte: number): void {
    this.#begin();
    this.#pushAll(Uint8Array.of(byte));
  }

  #takeControl(byte: number): void {
    this.#type(this.#decoder.end());
    if (byte === ESC) this.#state = "escape";
    else this.#keys.push(controlKey(byte, false));
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
      // `ESC \` ends a string, of which nothing is left.
      else if (character !== "\\") this.#keys.push({ key: `alt-${character.toLowerCase()}` });
    }
  }

  #takeParameter(character: string): void {
    // rxvt ends the keys by `$` where Shift is held; elsewhere it does not end a sequence.
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
    // The mark has ESC at its start alone.
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

/** Where the next control is, or the end. */
function endOfText(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end]! >= SPACE && bytes[end] !== DELETE) end++;
  return end;
}
