/** What a terminal sends for a key, beside what it sends for a character. */
export type Keystroke =
  /** Characters; none of them is a control. */
  | { readonly text: string }
  /** A key by its name, such as `left`, `ctrl-left`, `alt-b` or `enter`. */
  | { readonly key: string }
  /** A text that was pasted; no character of it is a key. LF ends a line. */
  | { readonly paste: string };

/** Bits of the number that tells which keys were held, as xterm and kitty send it. */
const HELD = { shift: 1, alt: 2, ctrl: 4, super: 8, hyper: 16, meta: 32, capsLock: 64 } as const;

/** What is sent where a key is let go. */
const RELEASED = "3";

/** `CSI … letter`, and `SS3 letter`. */
const LETTERS: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
};

/** `CSI number ~`. */
const NUMBERS: Readonly<Record<string, string>> = {
  1: "home",
  3: "delete",
  4: "end",
  7: "home",
  8: "end",
};

/** The arrows of rxvt: `SS3 letter` where Ctrl is held, `CSI letter` where Shift is. */
const RXVT_ARROWS: Readonly<Record<string, string>> = {
  a: "up",
  b: "down",
  c: "right",
  d: "left",
};

/** `SS3 letter` of a keypad in application mode. */
const KEYPAD: Readonly<Record<string, Keystroke>> = {
  M: { key: "enter" },
  X: { text: "=" },
  ...Object.fromEntries([..."jklmnopqrstuvwxy"].map((letter, i) => [letter, {
    text: "*+,-./0123456789"[i]!,
  }])),
};

/** Keys that have a code point of a control, or one of kitty's. */
const NAMED: Readonly<Record<number, string>> = {
  8: "backspace",
  9: "tab",
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

/** The first and the last code point of kitty's keys, and what those of the keypad from 57399 on type. */
const KITTY = {
  first: 57_344,
  last: 63_743,
  keypad: 57_399,
  typed: "0123456789./*-+\0=,",
} as const;

const CONTROL = /\p{Cc}/u;

/** A code, with those of the shifted key and of an English keyboard; what was held, and whether it was let go; a text, or a code. */
const PARAMETERS = /^(\d*)(?::(\d*)(?::(\d*))?)?(?:;(\d*)(?::(\d*))?(?:;(\d*(?::\d+)*))?)?$/;

/**
 * The key that a control sequence stands for: those of xterm, of rxvt, of modifyOtherKeys and of kitty.
 *
 * @param parameters What stands between `CSI` and the last character.
 * @param final The last character.
 * @param alt Whether ESC came before it.
 * @returns `undefined` for all that is no key known here.
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
  // Some have left away what says that it is the first key.
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

/** The key that `SS3` and a letter stand for. @param alt Whether ESC came before it. */
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

/** The key that is sent as a control character. @param alt Whether ESC came before it. */
export function controlKey(code: number, alt: boolean): Keystroke {
  if (code === 0x0a) return { key: "enter" };
  const name = NAMED[code];
  if (name !== undefined) return named(name, alt ? HELD.alt : 0)!;
  return { key: `ctrl-${String.fromCharCode(code + 0x40).toLowerCase()}` };
}

interface CharacterCode {
  readonly code: number;
  /** The code where Shift is held. */
  readonly shifted?: string;
  /** The code on an English keyboard. */
  readonly base?: string;
  /** The code points that are typed. */
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

/** Empty where there is none that can be typed. */
function characterOf(code: number): string {
  if (!(code > 0 && code <= 0x10ffff)) return "";
  const character = String.fromCodePoint(code);
  return CONTROL.test(character) || !character.isWellFormed() ? "" : character;
}

function named(name: string | undefined, held: number): Keystroke | undefined {
  if (name === undefined || held & (HELD.super | HELD.hyper)) return undefined;
  if (name === "enter") return { key: name };
  const ctrl = held & HELD.ctrl ? "ctrl-" : "";
  const alt = held & (HELD.alt | HELD.meta) ? "alt-" : "";
  return { key: ctrl + alt + name };
}
