/** Decodes control characters and control sequences into keys. */

/** One unit of terminal input. */
export type Keystroke =
  /** Printable characters. */
  | { readonly text: string }
  /** A named key, such as `left`, `ctrl-left`, `alt-b` or `enter`. */
  | { readonly key: string }
  /** Pasted text, which may contain control characters. Lines end with LF. */
  | { readonly paste: string };

/** Modifier bits, as xterm and kitty encode them (the parameter is their sum plus 1). */
const HELD = { shift: 1, alt: 2, ctrl: 4, super: 8, hyper: 16, meta: 32, capsLock: 64 } as const;

/** The event type of a key release. */
const RELEASED = "3";

/** `CSI … letter`, and `SS3 letter`. */
const LETTERS: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  Z: "shift-tab",
};

/** `CSI number ~`. */
const NUMBERS: Readonly<Record<string, string>> = {
  1: "home",
  3: "delete",
  4: "end",
  7: "home",
  8: "end",
};

/** Arrow keys of rxvt: `SS3 letter` with Ctrl, `CSI letter` with Shift. */
const RXVT_ARROWS: Readonly<Record<string, string>> = {
  a: "up",
  b: "down",
  c: "right",
  d: "left",
};

/** `SS3 letter` of the keypad in application mode. */
const KEYPAD: Readonly<Record<string, Keystroke>> = {
  M: { key: "enter" },
  X: { text: "=" },
  ...Object.fromEntries([..."jklmnopqrstuvwxy"].map((letter, i) => [letter, {
    text: "*+,-./0123456789"[i]!,
  }])),
};

/** Named keys by control code, or by kitty's code in the private use area. */
const NAMED: Readonly<Record<number, string>> = {
  8: "backspace",
  9: "tab",
  10: "enter",
  13: "enter",
  27: "escape",
  127: "backspace",
  57414: "enter",
  57417: "left",
  57418: "right",
  57419: "up",
  57420: "down",
  57423: "home",
  57424: "end",
  57426: "delete",
};

/** Kitty's private code points, and the characters of its keypad keys from 57399 on. */
const KITTY = {
  first: 57_344,
  last: 63_743,
  keypad: 57_399,
  typed: "0123456789./*-+\0=,",
} as const;

const CONTROL = /\p{Cc}/u;

/** `code:shifted:base ; modifiers:event ; text`, as the kitty keyboard protocol defines them. */
const PARAMETERS = /^(\d*)(?::(\d*)(?::(\d*))?)?(?:;(\d*)(?::(\d*))?(?:;(\d*(?::\d+)*))?)?$/;

/**
 * Decodes a control sequence of xterm, rxvt, modifyOtherKeys or the kitty keyboard protocol.
 *
 * @param parameters The text between `CSI` and the final character.
 * @param final The final character.
 * @param alt Whether another ESC came first.
 * @returns The key; `undefined` if lanchat does not use it.
 */
export function controlSequenceKey(
  parameters: string,
  final: string,
  alt: boolean,
): Keystroke | undefined {
  const match = PARAMETERS.exec(parameters);
  if (match === null) return undefined;
  const [, code = "", shifted = "", base = "", modifiers = "", event, text = ""] = match;
  if (event === RELEASED) return undefined;
  // Old terminals send the modifiers as the only parameter.
  const held = Math.max(0, Number(modifiers || (final in LETTERS && code) || 1) - 1) |
    (alt ? HELD.alt : 0);
  switch (final) {
    case "u":
      return characterKey({ code: Number(code), shifted, base, text }, held);
    case "~":
      if (code === "27") return characterKey({ code: Number(text) }, held);
      return named(NUMBERS[code], held);
    case "^":
      return named(NUMBERS[code], held | HELD.ctrl);
    case "$":
      return named(NUMBERS[code], held);
    default:
      return named(LETTERS[final] ?? RXVT_ARROWS[final], held);
  }
}

/** Decodes `SS3 parameters final`. @param alt Whether another ESC came first. */
export function singleShiftKey(
  parameters: string,
  final: string,
  alt: boolean,
): Keystroke | undefined {
  if (final in KEYPAD) return KEYPAD[final];
  const rxvt = RXVT_ARROWS[final];
  if (rxvt === undefined) return controlSequenceKey(parameters, final, alt);
  return named(rxvt, HELD.ctrl | (alt ? HELD.alt : 0));
}

/** Decodes a control character; LF is Enter. @param alt Whether ESC came first. */
export function controlKey(code: number, alt: boolean): Keystroke {
  const name = NAMED[code];
  if (name !== undefined) return named(name, alt ? HELD.alt : 0)!;
  return { key: `ctrl-${String.fromCharCode(code + 0x40).toLowerCase()}` };
}

interface CharacterCode {
  readonly code: number;
  /** The code with Shift. */
  readonly shifted?: string;
  /** The code of the same key in the US layout. */
  readonly base?: string;
  /** The code points of the typed text. */
  readonly text?: string;
}

function characterKey(
  { base, code, shifted, text }: CharacterCode,
  held: number,
): Keystroke | undefined {
  const isNamed = named(NAMED[code], held);
  if (isNamed !== undefined) return isNamed;
  const typed = code >= KITTY.first && code <= KITTY.last
    ? KITTY.typed.charAt(code - KITTY.keypad).replace("\0", "")
    : characterOf(code);
  if (typed === "" || held & (HELD.super | HELD.hyper)) return undefined;
  if (held & (HELD.ctrl | HELD.alt | HELD.meta)) {
    return named((characterOf(Number(base)) || typed).toLowerCase(), held);
  }
  const upper = Boolean(held & HELD.shift) !== Boolean(held & HELD.capsLock);
  const given = text?.split(":").map((code) => characterOf(Number(code))).join("");
  return { text: given || upper && (characterOf(Number(shifted)) || typed.toUpperCase()) || typed };
}

/** The character of a code point; empty if it is not printable. */
function characterOf(code: number): string {
  if (!(code > 0 && code <= 0x10ffff)) return "";
  const character = String.fromCodePoint(code);
  return CONTROL.test(character) || !character.isWellFormed() ? "" : character;
}

function named(name: string | undefined, held: number): Keystroke | undefined {
  if (name === undefined || held & (HELD.super | HELD.hyper)) return undefined;
  if (name === "tab") return { key: held & HELD.shift ? "shift-tab" : name };
  const ctrl = held & HELD.ctrl && name !== "enter" ? "ctrl-" : "";
  const alt = held & (HELD.alt | HELD.meta) ? "alt-" : "";
  return { key: ctrl + alt + name };
}
