import confusables from "unhomoglyph/data.json" with { type: "json" };

/** What each confusable character looks like: confusables.txt of UTS #39, Unicode 13. */
const PROTOTYPES: Readonly<Record<string, string>> = confusables;

/**
 * Names whose looks are kept, as each message asks for one and each newcomer for those of all who are known:
 * more than these have, and a room has members.
 */
const MAX_KNOWN_NAMES = 65_536;

/** What makes no difference to how a name looks: in emoji, what joins and varies them. */
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu;

/** Shown as nothing, though Unicode takes only the first for white space. */
const BLANK = /[ \u2800\u{1D159}]+/gu;

/** How lines of lanchat's own begin. */
const OWN_LINES = [
  "connected again",
  "error",
  "here",
  "hint",
  "join code",
  "lanchat",
  "listening on",
  "lost connection",
  "nobody else",
  "not delivered",
  "others join",
  "the host",
  "warning",
  "you are",
  "your keys",
];

/** The program, whoever runs the room, whoever reads this, and all members. */
const OWN_ROLES = [
  "admin",
  "administrator",
  "all",
  "everyone",
  "here",
  "host",
  "moderator",
  "private",
  "room",
  "server",
  "system",
  "you",
];

const OWN_LINE = new RegExp(`^[^\\p{L}]*(?:${alternatives(OWN_LINES)})(?![\\p{L}\\p{N}])`, "u");
const OWN_ROLE = new RegExp(`^(?:the)?(?:${alternatives(OWN_ROLES)})$`, "u");

/** Makes an emoji of the mark before it; `nameProblem` allows it nowhere else. */
const EMOJI_SELECTOR = "\\uFE0F";

/** No letter, no digit and no emoji: nothing to call a member by. */
const NOTHING = new RegExp(`^[^\\p{L}\\p{N}\\p{Emoji_Presentation}${EMOJI_SELECTOR}]*$`, "u");

/**
 * Any mark but those that names do begin with: `-`, `*`, `[` and more begin lines of lanchat's own. Emoji are
 * none, except those that look like one all the same: `*` in a key cap, the wavy dash, geometric shapes.
 */
const MARK_AHEAD = new RegExp(
  "^[^\\p{L}\\p{N}\\p{Emoji_Presentation}_.~@&$!¡¿'’]" +
    `(?![${EMOJI_SELECTOR}\\p{Emoji_Modifier}])|^[*〰\\u25A0-\\u25FF]`,
  "u",
);

/** What stands behind names, or between them, in lanchat's own lines: `bob left, eve` would be two members. */
const SENTENCE = /,| (?:left|joined|is|was|has)(?: |$)/u;

/** Letters that look like such marks, where they are no part of a word: `一 bob`. */
const LETTERS_AHEAD = /^[-*>(ー]+ /;

/** `12.30`: a time begins the lines of a terminal. */
const TIME_AHEAD = /^\p{Nd}{1,2}[^\p{L}\p{N}]+\p{Nd}{2}(?!\p{Nd})/u;

/** What lanchat puts behind names, between them or around words: `:`, `#`, `→`, brackets, `✗`. */
const MARK = /[:ː⁝⁞⦂꛴#♯⋕⌗⧣>←-⇿➔➘-➯➱-➾⟰-⟿⤀-⥿⬀-⬍\u{1F800}-\u{1F8FF}☐☒✕-✘❌❎🗴-🗷\p{Ps}\p{Pe}]/u;

/** Letters that look like a colon, where they are not in a word of their script. */
const STRAY_COLON =
  /(?<![\p{Script=Devanagari}\p{Script=Gujarati}\p{Script=Lisu}])[\u0903\u0A83\uA4FD]/u;

/**
 * What looks like a check mark behind a name, or makes one of what it stands on; and marks that stand on
 * no letter. `nameProblem` refuses check marks themselves.
 */
const CHECK_LIKE =
  /[\u02C2-\u02CF\u02D2-\u02DF\u02E5-\u02FF\u036E\u1DFFᵛᵥⱽ⌄∨⋁⋎\u{A67E}\p{Me}]|(?<![\p{L}\p{M}\p{N}])\p{M}/u;

/** Encloses a digit in an emoji, and nothing else. */
const KEY_CAP = new RegExp(`(?<=\\d${EMOJI_SELECTOR})\\u20E3`, "gu");

/** A letter that looks like a check mark, where it is not in a word of its script. */
const STRAY_CHECK = /(?<![\p{Script=Katakana}\p{Script=Hiragana}\p{Script=Han}ー])[レㇾ㋹]/u;

/** How a name strikes a reader. */
export interface Looks {
  /** To one who takes capitals for small letters: `I` is `i`. */
  readonly folded: string;
  /** To one who goes by the shape: `I` is `l`. */
  readonly shape: string;
  /** Whether it could pass for what lanchat itself writes. */
  readonly imitates: boolean;
}

const known = new Map<string, Looks>();

/**
 * Whether two names would be taken for one: they differ in case, in characters that look alike, or in
 * both. See PROTOCOL.md §6.2, and UTS #39 §4.
 *
 * @example A look-alike
 * ```ts
 * import { sameName } from "./names.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sameName("Tom", "\u0422orn"), true); // A Cyrillic T, and rn for m.
 * assertEquals(sameName("Tom", "Tim"), false);
 * ```
 */
export function sameName(a: string, b: string): boolean {
  const [one, other] = [looksOf(a), looksOf(b)];
  return one.folded === other.folded || one.shape === other.shape;
}

/**
 * Whether a name could pass for a line or a mark of lanchat's own, and so is never shown without its
 * tag. See PROTOCOL.md §6.2.
 *
 * @example A member that is not the program
 * ```ts
 * import { imitates } from "./names.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["lanchat", "* bob", "bob (private)", "bob"].map(imitates), [true, true, true, false]);
 * ```
 */
export function imitates(name: string): boolean {
  return looksOf(name).imitates;
}

/** A name as it is shown: with the tag where it imitates, or where it is `tagged` for another reason. */
export function shownName(name: string, tag: string, tagged: boolean): string {
  return tagged || imitates(name) ? `${name}#${tag}` : name;
}

/** How a name strikes a reader, remembered for the names that are asked for most. See PROTOCOL.md §6.2. */
export function looksOf(name: string): Looks {
  let looks = known.get(name);
  if (looks === undefined) {
    if (known.size >= MAX_KNOWN_NAMES) known.clear();
    looks = look(name);
    known.set(name, looks);
  }
  return looks;
}

function look(name: string): Looks {
  const [folded, shape] = [fold(name), name].map((text) => skeleton(fold(skeleton(text))));
  const imitates = hasMarks(name) || [folded!, shape!].some(isOwn);
  return { folded: folded!, shape: shape!, imitates };
}

/** Whether lanchat's own lines have such a name, or begin like it. */
function isOwn(look: string): boolean {
  return OWN_LINE.test(look) || OWN_ROLE.test(look.replaceAll(/[^\p{L}\p{M}\p{N}]/gu, ""));
}

/** Whether a name has marks of lanchat's own lines where those have them. */
function hasMarks(name: string): boolean {
  const whole = name.normalize("NFKC");
  const plain = whole.replaceAll(IGNORED, "");
  // Many letters look like marks, and are none in a word.
  const withMarks = plain.replaceAll(/[^\p{L}\p{M}\p{N}]/gu, prototype);
  const seen = skeleton(name);
  return NOTHING.test(whole) || MARK_AHEAD.test(whole) || TIME_AHEAD.test(plain) ||
    MARK.test(withMarks) || CHECK_LIKE.test(name.replaceAll(KEY_CAP, "").replaceAll(IGNORED, "")) ||
    STRAY_CHECK.test(plain) ||
    STRAY_COLON.test(plain) || LETTERS_AHEAD.test(seen) ||
    seen.includes(" to ") || SENTENCE.test(fold(seen));
}

/**
 * The skeleton of UTS #39 §4, without default-ignorable characters, in which compatibility characters and runs
 * of blanks look alike too.
 */
function skeleton(text: string): string {
  const once = prototypes(text.normalize("NFD"));
  return prototypes(once.normalize("NFKD")).normalize("NFD").replaceAll(BLANK, " ").trim();
}

function prototypes(text: string): string {
  return Array.from(text.replaceAll(IGNORED, ""), prototype).join("");
}

function prototype(character: string): string {
  return PROTOTYPES[character] ?? character;
}

/** Without case, `ß` and final `ς` included. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function alternatives(texts: readonly string[]): string {
  return texts.map(skeleton).join("|");
}
