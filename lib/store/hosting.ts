/**
 * Notes beside an identity file that the identity hosts a room.
 *
 * @module
 */
import { LockedError, takeAlone } from "./lock.ts";
import { granted } from "./private_file.ts";

/** How long another run that ends now may take to let go, in milliseconds. */
const LOCK_MS = 200;

/** What shows other runs that an identity hosts, until it is disposed of. */
export interface Hosting extends Disposable {
  /** Whether another run hosts under the identity already. */
  readonly isShared: boolean;
}

/**
 * Notes that an identity hosts: by the lock of a file beside its own. Where that file cannot be used, no
 * other run is seen.
 *
 * @param identityFile Where the identity is kept.
 */
export async function noteHosting(identityFile: string): Promise<Hosting> {
  const file = `${identityFile.replace(/\.json$/, "")}.host.lock`;
  const alone = { isShared: false, [Symbol.dispose]: () => {} };
  if (!granted("read", file) || !granted("write", file)) return alone;
  try {
    const held = await takeAlone(file, LOCK_MS);
    return { isShared: false, [Symbol.dispose]: () => held[Symbol.dispose]() };
  } catch (error) {
    return { ...alone, isShared: error instanceof LockedError };
  }
}
