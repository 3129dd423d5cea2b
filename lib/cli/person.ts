import { CODES, quote, StoreError } from "../errors.ts";
import { type IdentityOptions, KnownPeers, type OpenedIdentity, peersPlace } from "../store/mod.ts";
import type { FrontEnd, Person } from "../session/mod.ts";
import type { ProblemEvent } from "../session_events.ts";
import { animalName } from "./animal_name.ts";
import { loginName } from "./environment.ts";
import { identityPassphrase } from "./passphrase.ts";

/** How many numbers of lines are told. */
const MAX_SHOWN_LINES = 8;

/** An identity as a command line names it. */
export interface IdentityChoice {
  /** The identity file; the platform's own if missing. */
  readonly identity?: string | undefined;
  /** One of several identities in the platform's own place; the one without a name if missing. */
  readonly profile?: string | undefined;
}

/** What the store needs to find an identity, and to open it. */
export function identityOptions({ identity, profile }: IdentityChoice): IdentityOptions {
  return { file: identity, profile, findPassphrase: identityPassphrase };
}

/**
 * Finds out who runs lanchat.
 *
 * @param opened The identity.
 * @param options `name` as given on the command line.
 * @throws {StoreError} If the known peers are there and cannot be used.
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
  return {
    event: "warning",
    code: "temporary-identity",
    message: `Your identity ends with this run: ${message}`,
    hint: code === "permission-denied" ? CODES["temporary-identity"].hint : hint,
  };
}

/** Opens the known peers beside an identity file, and says what of them cannot be used. */
async function openKnownPeers(file: string | undefined, frontEnd: FrontEnd): Promise<KnownPeers> {
  if (file === undefined) return await KnownPeers.open(undefined); // That ends with this run: it was said.
  try {
    const known = await KnownPeers.open(peersPlace(file));
    for (const warning of peersWarnings(known)) frontEnd.show(warning);
    return known;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "permission-denied") throw error;
    frontEnd.show({
      event: "warning",
      code: "peers-unwritable",
      message: error.message,
      hint: CODES["peers-unwritable"].hint,
    });
    return await KnownPeers.open(undefined);
  }
}

/** What there is to say of a file of known peers: that others could read it, lines that cannot be read. */
export function peersWarnings(known: KnownPeers): ProblemEvent[] {
  const { file, isExposed } = known;
  const exposed: ProblemEvent = {
    event: "warning",
    code: "peers-exposed",
    message: `Others may have read whom you know in ${quote(file ?? "")}`,
    hint: CODES["peers-exposed"].hint,
  };
  return [...isExposed ? [exposed] : [], ...damagedWarnings(known)];
}

/** The warning about lines of known peers that cannot be read, where there are any. */
export function damagedWarnings(
  { damagedLines, file }: Pick<KnownPeers, "damagedLines" | "file">,
  hint: string = CODES["peers-damaged"].hint,
): ProblemEvent[] {
  if (damagedLines.length === 0) return [];
  return [{
    event: "warning",
    code: "peers-damaged",
    message: `Cannot read ${lineNumbers(damagedLines)} of known peers in ${quote(file!)}`,
    hint,
  }];
}

/** `line 3`, `lines 3 and 5`, or how many they are and which the first ones. */
function lineNumbers(numbers: readonly number[]): string {
  if (numbers.length === 1) return `line ${numbers[0]}`;
  if (numbers.length <= MAX_SHOWN_LINES) {
    return `lines ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
  }
  return `${numbers.length} lines, the first of them ${numbers[0]},`;
}
