/** Resolves the names that a person types to members, with or without quotes and in any case. */
import { editDistance } from "../edit_distance.ts";
import { UsageError } from "../errors.ts";
import type { MemberView } from "../session_events.ts";
import { typedName } from "../wire/mod.ts";
import { excerpt } from "./sanitize.ts";

/** Maximum characters of a typed word that an error repeats. */
export const MAX_SHOWN_LENGTH = 20;

/** Maximum length of a name in NFD, in UTF-16 code units. */
const MAX_TYPED_NAME = 200;

/** A name in quotes, which separate it from the text that follows. */
const QUOTED = /^"([^"]+)" /;

/** The parts of a member that address and show it. */
export type MemberRef = Pick<MemberView, "key" | "name" | "verified">;

/** How a command takes a name, for the hint of an error. */
export interface NameUsage {
  /** `/msg NAME TEXT`. */
  readonly usage: string;
  /** The same with a name in quotes. */
  readonly quoted: string;
  /** This member's name, which means no other member. */
  readonly own: string | undefined;
}

/** What follows a name in a text. */
interface NameMatch {
  readonly rest: string;
  /** Whether the case matches too. */
  readonly exact: boolean;
}

/**
 * Splits a text into the member that it starts with and the rest.
 *
 * @throws {UsageError} With code `no-such-member` if no member matches, or several with other keys.
 */
export function splitMember(
  text: string,
  members: readonly MemberRef[],
  { own, quoted, usage }: NameUsage,
): [member: MemberRef, rest: string] {
  const matches = members.flatMap((member) => {
    const match = matchName(text, member.name);
    return match === undefined ? [] : [{ member, ...match }];
  });
  // Of names that differ only in case, the exact one wins.
  const found = matches.filter(({ exact, member }) =>
    exact ||
    !matches.some((other) => other.exact && foldName(other.member.name) === foldName(member.name))
  );
  const [first] = found;
  // A program that was killed and started again is there twice for a while.
  const isOne = found.every(({ member, rest }) =>
    member.key === first?.member.key && rest === first.rest
  );
  if (first !== undefined && isOne) return [found.at(-1)!.member, first.rest];
  const word = /^\S*/.exec(text)![0];
  if (word === "") throw missingName(usage);
  if (own !== undefined && first === undefined && matchName(text, own) !== undefined) {
    throw itself();
  }
  const problem = first === undefined
    ? `No one here is called ${excerpt(word, MAX_SHOWN_LENGTH)}`
    : `Several names match: ${found.map(({ member }) => member.name).join(", ")}`;
  throw new UsageError("no-such-member", problem, {
    hint: first === undefined
      ? `${suggestionFor(word, members)}/who lists the names.`
      : `Put the name in quotes, as in ${quoted}; /who lists the names.`,
  });
}

/**
 * Finds the member whose name is a whole text, with or without quotes.
 *
 * @throws {UsageError} As for {@linkcode splitMember}.
 */
export function memberNamed(
  text: string,
  members: readonly MemberRef[],
  usage: NameUsage,
): MemberRef {
  const whole = `${text.trim()} `;
  const named = members.filter(({ name }) => matchName(whole, name)?.rest === "");
  if (named.length > 0) return splitMember(whole, named, usage)[0];
  const isBegun = members.some(({ name }) => matchName(whole, name) !== undefined);
  if (!isBegun) return splitMember(whole, members, usage)[0]; // It says why not.
  throw new UsageError(
    "no-such-member",
    `No one here is called ${excerpt(text.trim(), MAX_SHOWN_LENGTH)}`,
    { hint: "/who lists the names." },
  );
}

/**
 * Reads a text that is only a name, with or without quotes.
 *
 * @returns The name as the only member that matches spells it; otherwise as typed.
 * @throws {UsageError} With code `no-such-member` if the text is empty, or this member's name.
 */
export function readName(
  text: string,
  members: readonly MemberRef[],
  { own, usage }: Pick<NameUsage, "own" | "usage">,
): string {
  const name = text.trim().replace(/^"(.+)"$/, "$1").normalize("NFC");
  if (name === "") throw missingName(usage);
  const names = new Set(members.map((member) => member.name));
  const alike = [...names].filter((other) => foldName(other) === foldName(name));
  if (alike.length === 0 && own !== undefined && foldName(own) === foldName(name)) {
    throw itself();
  }
  return names.has(name) || alike.length !== 1 ? name : alike[0]!;
}

/** Asks whether a name was meant of which at most a third of the letters differ. */
function suggestionFor(word: string, members: readonly MemberRef[]): string {
  const typed = foldName(excerpt(word, MAX_SHOWN_LENGTH));
  const near = members.map(({ name }) => name).filter((name) =>
    editDistance(typed, foldName(name)) <= name.length / 3
  );
  return near.length === 1 ? `Did you mean ${near[0]}? ` : "";
}

function itself(): UsageError {
  return new UsageError("no-such-member", "That is you", { hint: "" });
}

function missingName(usage: string): UsageError {
  return new UsageError("no-such-member", `Usage: ${usage}; /who lists the names`, { hint: "" });
}

/** Normalizes a name for comparison without case. */
export function foldName(name: string): string {
  return composeName(name).toLowerCase();
}

/** Removes invisible characters from a name and composes it (NFC). */
function composeName(name: string): string {
  return typedName(name).normalize("NFC");
}

/** Matches the start of a text against a name; `undefined` without a match. */
function matchName(text: string, name: string): NameMatch | undefined {
  const isExact = (typed: string): boolean => composeName(typed) === composeName(name);
  const [quoted, inner] = QUOTED.exec(text) ?? [];
  if (quoted !== undefined && foldName(inner!) === foldName(name)) {
    return { rest: text.slice(quoted.length), exact: isExact(inner!) };
  }
  for (let end = 0; end >= 0 && end < MAX_TYPED_NAME && end < text.length;) {
    const space = text.indexOf(" ", end);
    const typed = space < 0 ? text : text.slice(0, space);
    if (foldName(typed) === foldName(name)) {
      return { rest: text.slice(typed.length + 1), exact: isExact(typed) };
    }
    end = space < 0 ? text.length : space + 1;
  }
  return undefined;
}
