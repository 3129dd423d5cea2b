/**
 * Checks whether multicast works on this machine.
 *
 * @module
 */
import { NetError } from "../errors.ts";
import type { MachineOptions } from "./interfaces.ts";
import { SERVICE } from "./dns_sd.ts";
import { type DnsPacket, Multicast, type MulticastRoute } from "./multicast.ts";

/** Asks for a room that nobody has. */
const QUESTION: DnsPacket = {
  type: "query",
  questions: [{ name: `nobody.${SERVICE}`, type: "SRV" }],
};

/** How multicast does on this machine. */
export interface MulticastCheck {
  /** One for each link and family. */
  readonly routes: readonly MulticastRoute[];
  /** The names of the interfaces that are not used, as there are too many. */
  readonly leftOut: readonly string[];
}

/**
 * Asks over multicast DNS for what nobody has, as rooms are looked for, and listens whether the question
 * itself comes back.
 *
 * That it does shows that this machine may send and hear multicast; not that the network carries it.
 *
 * @param signal Ends the wait.
 * @throws {NetError} With code `discovery-unavailable` where there is nothing to try it with.
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
