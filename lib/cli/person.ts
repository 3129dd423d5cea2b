/**
 * The identity that a command line chooses, and the person who has it.
 *
 * @module
 */
import { quote, StoreError } from "../errors.ts";
import type { FrontEnd, Person } from "../session/mod.ts";
import { type ProblemEvent, warning } from "../session_events.ts";
import { type IdentityOptions, KnownPeers, type OpenedIdentity, peersPlace } from "../store/mod.ts";
import { animalName } from "./animal_name.ts";
import { loginName } from "./environment.ts";
import type { OptionValues } from "./options.ts";
import { identityPassphrase } from "./passphrase.ts";

/** Maximum numbers of damaged lines in a warning. */
const MAX_LINE_NUMBERS = 8;

/** The options that choose an identity. */
export type IdentityChoice = Partial<Pick<OptionValues<"id">, "identity" | "profile">>;

/** Returns the options with which the store finds and opens an identity. */
export function identityOptions({ identity, profile }: IdentityChoice): IdentityOptions {
  return { file: identity, profile, findPassphrase: identityPassphrase };
}

/**
 * Finds the name and the known peers of a person.
 *
 * @param opened Their identity.
 * @param options Has their name if the command line gives one.
 * @throws {StoreError} If the file of known peers cannot be used.
 */
export async function findPerson(
  { file, identity, unkept }: OpenedIdentity,
  options: { readonly name?: string | undefined },
  frontEnd: FrontEnd,
): Promise<Person> {
  const known = await openKnownPeers(file, frontEnd);
  const name = options.name ?? loginName() ?? await animalName(identity.publicKey);
  const warnings = unkept === undefined ? [] : [temporaryWarning(unkept)];
  return { identity, name, known, warnings, ...file !== undefined && { file } };
}

function temporaryWarning({ code, hint, message }: StoreError): ProblemEvent {
  // The hint of temporary-identity names all permissions that are needed, not only the first missing one.
  return code === "permission-denied" && !Deno.build.standalone
    ? warning("temporary-identity", "You are someone new each time: your identity is not kept")
    : warning("temporary-identity", message, hint);
}

/** Opens the known peers beside an identity file, and shows their faults. */
async function openKnownPeers(file: string | undefined, frontEnd: FrontEnd): Promise<KnownPeers> {
  if (file === undefined) return await KnownPeers.open(undefined);
  try {
    const known = await KnownPeers.open(peersPlace(file));
    for (const problem of peersWarnings(known)) frontEnd.show(problem);
    return known;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "permission-denied") throw error;
    frontEnd.show(warning("peers-unwritable", error.message));
    return await KnownPeers.open(undefined);
  }
}

/** The warnings about a file of known peers: that others could read it, and its damaged lines. */
export function peersWarnings(known: KnownPeers): ProblemEvent[] {
  const { file, isExposed } = known;
  const message = `Others may have read your known peers in ${quote(file ?? "")}`;
  return [...isExposed ? [warning("peers-exposed", message)] : [], ...damagedWarnings(known)];
}

/** The warning about damaged lines in a file of known peers, if there are any. */
export function damagedWarnings(
  { damagedLines, file }: Pick<KnownPeers, "damagedLines" | "file">,
  hint?: string,
): ProblemEvent[] {
  if (damagedLines.length === 0) return [];
  const message = `Cannot read ${lineNumbers(damagedLines)} of known peers in ${quote(file!)}`;
  return [warning("peers-damaged", message, hint)];
}

/** The numbers as `line 3` or `lines 3 and 5`; with too many of them, their count and the first. */
function lineNumbers(numbers: readonly number[]): string {
  if (numbers.length === 1) return `line ${numbers[0]}`;
  if (numbers.length <= MAX_LINE_NUMBERS) {
    return `lines ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
  }
  return `${numbers.length} lines (first: line ${numbers[0]})`;
}
