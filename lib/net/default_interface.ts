/**
 * Finds the interfaces that lead to other machines, by a multicast packet if Deno may not list them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { deadline, systemClock } from "../clock.ts";
import { randomBytes } from "../crypto/mod.ts";
import { isGranted } from "../permission.ts";
import { machineInterfaces, type MachineOptions } from "./interfaces.ts";

/** The port and the IPv4 group of Multicast DNS, which firewalls let through (RFC 6762 §3). */
const PORT = 5353;
const GROUP = "224.0.0.251";

/** Maximum time for the packet to come back, in milliseconds; then the interface stays unknown. */
const ECHO_MS = 500;

/** A query without questions, in bytes: its header (RFC 1035 §4.1.1), and a token that identifies it. */
const [HEADER_BYTES, TOKEN_BYTES] = [12, 16];

/**
 * The network interfaces of this machine, as `machineInterfaces` lists them with `--allow-sys`. Without it,
 * the one over which the system sends multicast, with its IPv4 address and without a name.
 *
 * @returns `undefined` if they are unknown.
 */
export async function ownInterfaces(
  options: MachineOptions = {},
): Promise<readonly Deno.NetworkInterfaceInfo[] | undefined> {
  const listed = machineInterfaces(options);
  if (listed !== undefined) return listed;
  if (!isGranted({ name: "net" })) return undefined;
  const address = await defaultAddress();
  return address === undefined ? undefined : [interfaceWith(address)];
}

/**
 * Finds the address from which this machine sends multicast: a packet that it sends to itself comes back
 * from there. Neighbors see the packet and can send it back too, so an address counts only if this machine
 * can listen on it.
 */
async function defaultAddress(): Promise<string | undefined> {
  const bytes = new Uint8Array(HEADER_BYTES + TOKEN_BYTES);
  bytes.set(randomBytes(TOKEN_BYTES), HEADER_BYTES);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let socket: Socket | undefined;
  const unlessItFails = (act: () => void): void => {
    try {
      act();
    } catch {
      resolve(undefined); // There is no network, or this Deno has no multicast.
    }
  };
  unlessItFails(() => {
    socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.on("error", () => resolve(undefined));
    socket.on("message", (received: Uint8Array, { address }: RemoteInfo) => {
      if (Buffer.from(bytes).equals(received) && isOwn(address)) resolve(address);
    });
    socket.bind(PORT, Deno.build.os === "windows" ? "0.0.0.0" : GROUP, () =>
      unlessItFails(() => {
        socket!.addMembership(GROUP);
        socket!.setMulticastLoopback(true);
        socket!.send(bytes, PORT, GROUP, (error) => {
          if (error) resolve(undefined);
        });
      }));
  });
  try {
    return await deadline(systemClock, ECHO_MS, promise);
  } finally {
    unlessItFails(() => socket?.close());
  }
}

function isOwn(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes an interface whose network is unknown and so takes every address: packets for the group of Multicast
 * DNS come only from the link (RFC 6762 §11).
 */
function interfaceWith(address: string): Deno.NetworkInterfaceInfo {
  return {
    name: "",
    family: "IPv4",
    address,
    netmask: "0.0.0.0",
    scopeid: null,
    cidr: `${address}/0`,
    mac: "",
  };
}
