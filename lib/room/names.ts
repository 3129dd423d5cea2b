/**
 * The looks of names: which names are alike, and which imitate lanchat's own lines.
 *
 * @module
 */
import { toBase64Url } from "../bytes/mod.ts";
import { isKeyText } from "../crypto/mod.ts";
import { RoomError } from "../errors.ts";
import { plainName, typedName } from "../wire/mod.ts";
import type { Member } from "./peer.ts";
import confusables from "unhomoglyph/data.json" with { type: "json" };

/** The prototype of each confusable character: confusables.txt of UTS #39, Unicode 13. */
const PROTOTYPES: Readonly<Record<string, string>> = confusables;

/**
 * Maximum names whose looks are kept: more than there are known peers and members. Each message needs one,
 * and each newcomer those of all known peers.
 */
const MAX_KNOWN_NAMES = 65_536;

/** Characters that do not change how a name looks, such as the joiners and selectors of emoji. */
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu;

/** Characters shown as blanks, though only the first is white space in Unicode. */
const BLANK = /[ \u2800\u{1D159}]+/gu;

/** Beginnings of lanchat's own lines. */
const OWN_LINES = [
  "connection lost",
  "error",
  "here",
  "hint",
  "join code",
  "lanchat",
  "listening on",
  "no one else",
  "not delivered",
  "others join",
  "reconnected",
  "the host",
  "warning",
  "you are",
  "your encryption keys",
];

/** Names for the program, the host, the reader and all members. */
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

/** Makes the mark before it an emoji; `nameProblem` allows it nowhere else. */
const EMOJI_SELECTOR = "\\uFE0F";

/** A name without letter, digit or emoji: it could not be said. */
const NOTHING = new RegExp(`^[^\\p{L}\\p{N}\\p{Emoji_Presentation}${EMOJI_SELECTOR}]*$`, "u");

/**
 * Any mark with which names do not usually begin: `-`, `*`, `[` and more begin lanchat's own lines. Emoji count
 * only if they look like such a mark: `*` in a key cap, the wavy dash, geometric shapes.
 */
const MARK_AHEAD = new RegExp(
  "^[^\\p{L}\\p{N}\\p{Emoji_Presentation}_.~@&$!¡¿'’]" +
    `(?![${EMOJI_SELECTOR}\\p{Emoji_Modifier}])|^[*〰\\u25A0-\\u25FF]`,
  "u",
);

/** Text that follows or separates names in lanchat's own lines: `bob left, eve` would be two members. */
const SENTENCE = /,| (?:left|joined|is|was|has)(?: |$)/u;

/** Letters that look like such marks, outside a word: `一 bob`. */
const LETTERS_AHEAD = /^[-*>(ー]+ /;

/** `12.30`: a time begins the lines of a terminal. */
const TIME_AHEAD = /^\p{Nd}{1,2}[^\p{L}\p{N}]+\p{Nd}{2}(?!\p{Nd})/u;

/** Marks that lanchat puts after names, between them or around words: `:`, `#`, `→`, brackets, `✗`. */
const MARK = /[:ː⁝⁞⦂꛴#♯⋕⌗⧣>←-⇿➔➘-➯➱-➾⟰-⟿⤀-⥿⬀-⬍\u{1F800}-\u{1F8FF}☐☒✕-✘❌❎🗴-🗷\p{Ps}\p{Pe}]/u;

/** Letters that look like a colon, outside a word of their script. */
const STRAY_COLON =
  /(?<![\p{Script=Devanagari}\p{Script=Gujarati}\p{Script=Lisu}])[\u0903\u0A83\uA4FD]/u;

/**
 * Characters that look like a check mark after a name, or make their base look like one; and combining marks
 * without a letter. `nameProblem` refuses check marks themselves.
 */
const CHECK_LIKE =
  /[\u02C2-\u02CF\u02D2-\u02DF\u02E5-\u02FF\u036E\u1DFFᵛᵥⱽ⌄∨⋁⋎\u{A67E}\p{Me}]|(?<![\p{L}\p{M}\p{N}])\p{M}/u;

/** The key cap of an emoji of a digit. */
const KEY_CAP = new RegExp(`(?<=\\d${EMOJI_SELECTOR})\\u20E3`, "gu");

/** A letter that looks like a check mark, outside a word of its script. */
const STRAY_CHECK = /(?<![\p{Script=Katakana}\p{Script=Hiragana}\p{Script=Han}ー])[レㇾ㋹]/u;

/** The looks of a name: names with equal looks are taken for one. */
export interface NameLooks {
  /** The looks without case: `I` is `i`. */
  readonly folded: string;
  /** The looks by shape: `I` is `l`. */
  readonly shape: string;
  /** Whether it could be taken for one of lanchat's own lines. */
  readonly imitates: boolean;
}

const known = new Map<string, NameLooks>();

/**
 * Whether two names would be taken for one: they differ only in case and in characters that look alike.
 * See PROTOCOL.md §6.2, and UTS #39 §4.
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
 * Whether a name could be taken for one of lanchat's own lines or marks: it is never shown without its tag.
 * See PROTOCOL.md §6.2.
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

/** Whether a member is meant by a typed text: its name as shown, `name#tag`, or its key in base64url. */
export function isNamed(
  { key, name, tag }: Pick<Member, "key" | "name" | "tag">,
  typed: string,
): boolean {
  // A name that looks like a key must not get messages meant for that key.
  if (isKeyText(typed)) return typed === toBase64Url(key);
  return [name, `${plainName(name)}#${tag}`].some((shown) => typedName(shown) === typedName(typed));
}

/** The error for a typed text that does not mean exactly one member. @param matches Number of members that it may mean. */
export function noSuchMember(matches: number): RoomError {
  const message = matches === 0 ? "No such member here" : "Several members have that name";
  return new RoomError("no-such-member", message);
}

/** Returns a name as shown: with its tag if it imitates, or is `tagged` for another reason. */
export function shownName(name: string, tag: string, tagged: boolean): string {
  return tagged || imitates(name) ? `${name}#${tag}` : name;
}

/** Returns the looks of a name, from memory if they were computed before. See PROTOCOL.md §6.2. */
export function looksOf(name: string): NameLooks {
  let looks = known.get(name);
  if (looks === undefined) {
    if (known.size >= MAX_KNOWN_NAMES) known.clear();
    looks = look(name);
    known.set(name, looks);
  }
  return looks;
}

function look(name: string): NameLooks {
  const [folded, shape] = [fold(name), name].map((text) => skeleton(fold(skeleton(text))));
  const imitates = hasMarks(name) || [folded!, shape!].some(isOwn);
  return { folded: folded!, shape: shape!, imitates };
}

/** Whether the looks are those of a role or of the beginning of one of lanchat's own lines. */
function isOwn(look: string): boolean {
  return OWN_LINE.test(look) || OWN_ROLE.test(look.replaceAll(/[^\p{L}\p{M}\p{N}]/gu, ""));
}

/** Whether a name has marks where lanchat's own lines have them. */
function hasMarks(name: string): boolean {
  const whole = name.normalize("NFKC");
  const plain = whole.replaceAll(IGNORED, "");
  // Many letters look like marks, but not within a word.
  const withMarks = plain.replaceAll(/[^\p{L}\p{M}\p{N}]/gu, prototype);
  const seen = skeleton(name);
  return NOTHING.test(whole) || MARK_AHEAD.test(whole) || TIME_AHEAD.test(plain) ||
    MARK.test(withMarks) || CHECK_LIKE.test(name.replaceAll(KEY_CAP, "").replaceAll(IGNORED, "")) ||
    STRAY_CHECK.test(plain) ||
    STRAY_COLON.test(plain) || LETTERS_AHEAD.test(seen) ||
    seen.includes(" to ") || SENTENCE.test(fold(seen));
}

/**
 * Returns the skeleton of UTS #39 §4, without default-ignorable characters. In it, compatibility characters and
 * runs of blanks look alike too.
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

/** Removes case, also of `ß` and final `ς`. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function alternatives(texts: readonly string[]): string {
  return texts.map(skeleton).join("|");
}
