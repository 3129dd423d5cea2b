/**
 * Checks whether multicast works on this machine.
 *
 * @module
 */
import { NetError } from "../errors.ts";
import type { DnsPacket } from "./dns_packet.ts";
import { SERVICE } from "./dns_sd.ts";
import type { MachineOptions } from "./interfaces.ts";
import { Multicast, type MulticastRoute } from "./multicast.ts";

/** A query for a room that does not exist. */
const QUESTION: DnsPacket = {
  type: "query",
  questions: [{ name: `nobody.${SERVICE}`, type: "SRV" }],
};

/** Result of {@linkcode checkMulticast}. */
export interface MulticastCheck {
  /** One route for each link and family. */
  readonly routes: readonly MulticastRoute[];
  /** Names of the interfaces that lanchat leaves out, because there are too many. */
  readonly leftOut: readonly string[];
}

/**
 * Asks for a room that does not exist, over multicast DNS as a search does, and listens for the query itself
 * to come back.
 *
 * If it does, this machine may send and hear multicast; the network may still not carry it.
 *
 * @param signal Ends the wait.
 * @throws {NetError} With code `discovery-unavailable` if there is no link to try.
 */
export async function checkMulticast(
  signal: AbortSignal,
  options: MachineOptions = {},
): Promise<MulticastCheck> {
  const { promise: decided, resolve } = Promise.withResolvers<void>();
  let obstacle = "";
  let leftOut: readonly string[] = [];
  const look = (): void => {
    const { routes } = multicast;
    if (routes.every(({ heard, problem }) => heard || problem !== undefined)) resolve();
  };
  const multicast = new Multicast({
    ...options,
    onPacket: look,
    onUnavailable: (reason) => obstacle = reason,
    onLeftOut: (names) => leftOut = names,
  });
  signal.addEventListener("abort", () => resolve());
  try {
    await multicast.refresh();
    if (multicast.links.length === 0) {
      multicast.check();
      throw new NetError("discovery-unavailable", `Cannot try multicast: ${obstacle}`);
    }
    await Promise.all(multicast.links.map((link) => multicast.send(link, QUESTION)));
    look();
    await decided;
    return { routes: multicast.routes, leftOut };
  } finally {
    multicast.close();
  }
}
