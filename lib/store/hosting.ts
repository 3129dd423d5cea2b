/**
 * Marks an identity as hosting a room, by a lock beside its file.
 *
 * @module
 */
import { LockedError, takeAlone } from "./lock.ts";
import { granted } from "./private_file.ts";

/** Maximum wait for a run that is ending, in milliseconds; then the identity counts as shared. */
const LOCK_MS = 200;

/** A mark that shows other runs that an identity hosts, until its disposal. */
export interface Hosting extends Disposable {
  /** Whether another run already hosts under the identity. */
  readonly isShared: boolean;
}

/**
 * Marks an identity as hosting, by the lock of a file beside its own. If lanchat cannot use that file, it
 * sees no other run.
 *
 * @param identityFile Path of the identity file.
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
