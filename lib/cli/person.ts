import type { Identity } from "../crypto/mod.ts";
import { CODES } from "../errors.ts";
import { KnownPeers, openIdentity, peersPlace } from "../store/mod.ts";
import type { FrontEnd } from "../ui/mod.ts";
import { animalName } from "./animal_name.ts";
import { loginName } from "./environment.ts";

/** Who runs lanchat. */
export interface Person {
  /** The key pair. */
  readonly identity: Identity;
  /** The name to use in a room. */
  readonly name: string;
  /** Where the key pair is kept; missing if it ends with this run. */
  readonly file?: string;
  /** Whom they have met. */
  readonly known: KnownPeers;
}

/**
 * Finds out who runs lanchat, and says so once where that is for this run only.
 *
 * @param options `name` and `identity` (a file) as given on the command line.
 * @throws {StoreError} If an identity file is there and cannot be used.
 */
export async function findPerson(
  options: { name?: string | undefined; identity?: string | undefined },
  frontEnd: FrontEnd,
): Promise<Person> {
  const { file, identity, temporaryBecause } = await openIdentity(
    options.identity === undefined ? {} : { file: options.identity },
  );
  if (temporaryBecause !== undefined) {
    frontEnd.show({
      event: "warning",
      code: "temporary-identity",
      message: `Your identity ends with this run: ${temporaryBecause}`,
      hint: CODES["temporary-identity"].hint,
    });
  }
  const name = options.name ?? loginName() ?? await animalName(identity.publicKey);
  const known = await KnownPeers.open(file === undefined ? undefined : peersPlace(file));
  return { identity, name, known, ...file !== undefined && { file } };
}
