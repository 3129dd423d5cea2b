/**
 * Looks up the addresses of host names.
 *
 * @module
 */
import { NetError, quote } from "../errors.ts";

/**
 * Looks up the addresses of a host name as the system does: in its files, by DNS or by multicast DNS.
 *
 * @throws {NetError} With code `name-not-found`.
 */
export async function lookUp(name: string): Promise<string[]> {
  // Not `lookup` of `node:dns/promises`, which makes early Denos print a warning about their own code.
  const { lookup } = await import("node:dns");
  const { promise, reject, resolve } = Promise.withResolvers<string[]>();
  lookup(name, { all: true }, (cause, found) => {
    if (cause === null) return resolve([...new Set(found.map(({ address }) => address))]);
    reject(new NetError("name-not-found", `No address found for ${quote(name)}`, { cause }));
  });
  return await promise;
}
