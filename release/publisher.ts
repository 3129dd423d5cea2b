/**
 * Who publishes releases, where, and with which key. `install.sh` and `install.ps1` have the same values.
 *
 * @module
 */

/** The owner of the repository on GitHub. To be set at the first release. */
const OWNER: string = "OWNER";

/** The public half of the key that signs releases. To be set at the first release. */
export const RELEASE_KEY: string = "ssh-ed25519 KEY";

/** The repository. */
export const REPOSITORY: string = `https://github.com/${OWNER}/lanchat`;

/** Where releases are. */
export const RELEASES: string = `${REPOSITORY}/releases`;

/** The maintainer of the packages. */
export const MAINTAINER: string = `lanchat <${OWNER}@users.noreply.github.com>`;

/** The file that `ssh-keygen` verifies a signature with. */
export const ALLOWED_SIGNERS: string = `lanchat namespaces="lanchat-release" ${RELEASE_KEY}\n`;

/** Refuses to make packages before the values are set. @throws {Error} If one is not. */
export function checkPublisher(): void {
  if (OWNER !== "OWNER" && RELEASE_KEY.startsWith("ssh-ed25519 AAAA")) return;
  throw new Error("Set the owner and the key in release/publisher.ts, install.sh and install.ps1");
}
