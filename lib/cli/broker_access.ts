/**
 * Finds what lets this machine into a broker: in the options, and in the variables that NATS's own program reads.
 *
 * @module
 */
import { formatHostPort, parseHostPort } from "../address.ts";
import type { BrokerAccess } from "../broker/mod.ts";
import {
  BROKER_PORT,
  type BrokerAddress,
  type BrokerUser,
  formatBrokerAddress,
} from "../broker_address.ts";
import { UsageError } from "../errors.ts";
import { environmentVariable } from "../permission.ts";
import { readAuthorities, readBrokerCredentials } from "../store/mod.ts";

/** Options that name a user of the broker. */
export interface BrokerOptions {
  /** The user that the address names. */
  readonly user?: BrokerUser | undefined;
  /** A credentials file of NATS. */
  readonly viaCreds?: string | undefined;
  /** The broker, if a link names it: then only NATS_URL says that it may learn of a user. */
  readonly linked?: BrokerAddress | undefined;
}

/**
 * Finds how to get into a broker. What the command line names takes the place of all variables about users.
 *
 * @throws {UsageError} If NATS_URL names no servers.
 * @throws {StoreError} If a file cannot be read.
 */
export async function findBrokerAccess(options: BrokerOptions): Promise<BrokerAccess> {
  const { linked, user, viaCreds } = options;
  const path = environmentVariable("NATS_CA") || undefined;
  const ca = path && await readAuthorities(path);
  if (linked !== undefined && !isNamed(linked)) {
    const hint =
      `If you trust this broker, set your user and NATS_URL=${formatBrokerAddress(linked)}: ` +
      "lanchat shows a user only to brokers that you name.";
    return { ca, hint };
  }
  const isGiven = user !== undefined || viaCreds !== undefined;
  const file = isGiven ? viaCreds : environmentVariable("NATS_CREDS") || undefined;
  const name = isGiven ? undefined : environmentVariable("NATS_USER") || undefined;
  return {
    user: name === undefined
      ? user
      : { user: name, password: environmentVariable("NATS_PASSWORD") ?? "" },
    creds: file ? { file, text: await readBrokerCredentials(file) } : undefined,
    ca,
  };
}

/** Whether NATS_URL, in the form of NATS's own program, names each server of a broker. @throws {UsageError} */
function isNamed({ servers, tls }: BrokerAddress): boolean {
  const named = (environmentVariable("NATS_URL") ?? "").split(",").map((text) => text.trim())
    .filter((text) => text !== "").map((text) => {
      const [, scheme = "nats", server] = /^(?:(\w+):\/\/)?(?:.*@)?(.*?)\/?$/s.exec(text)!;
      return { tls: /^(?:tls|wss)$/i.test(scheme), server: serverOf(server!) };
    });
  return servers.every(({ host, port }) =>
    named.some((other) => other.server === formatHostPort(host, port) && (tls || !other.tls))
  );
}

/** A password that ends at a comma, or whose server was forgotten, must not get to the screen. */
function serverOf(text: string): string {
  try {
    const { host, port } = parseHostPort(text, BROKER_PORT);
    return formatHostPort(host, port);
  } catch {
    throw new UsageError("bad-address", "Cannot use NATS_URL: it names no server", {
      hint: "Write it as in nats://192.168.1.5:4222. In a password, write a comma as %2C.",
    });
  }
}
