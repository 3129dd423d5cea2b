/**
 * Finds what lets this machine into a broker: in the options, and in the variables that NATS's own program reads.
 *
 * @module
 */
import type { BrokerAccess } from "../broker/mod.ts";
import type { BrokerUser } from "../broker_address.ts";
import { environmentVariable } from "../permission.ts";
import { readAuthorities, readBrokerCredentials } from "../store/mod.ts";

/** Options that name a user of the broker. */
export interface BrokerOptions {
  /** The user that the address names. */
  readonly user?: BrokerUser | undefined;
  /** A credentials file of NATS. */
  readonly viaCreds?: string | undefined;
}

/**
 * Finds how to get into a broker. What the command line names takes the place of all variables about users.
 *
 * @throws {StoreError} If a file cannot be read.
 */
export async function findBrokerAccess({ user, viaCreds }: BrokerOptions): Promise<BrokerAccess> {
  const isNamed = user !== undefined || viaCreds !== undefined;
  const creds = isNamed ? viaCreds : environmentVariable("NATS_CREDS") || undefined;
  const name = isNamed ? undefined : environmentVariable("NATS_USER") || undefined;
  const ca = environmentVariable("NATS_CA") || undefined;
  return {
    user: name === undefined
      ? user
      : { user: name, password: environmentVariable("NATS_PASSWORD") ?? "" },
    creds: creds && await readBrokerCredentials(creds),
    ca: ca && await readAuthorities(ca),
  };
}
