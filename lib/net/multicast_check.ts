import type { Socket } from "node:dgram";
import { type Bytes, concat, equal, toHex, u16, u8, utf8 } from "../bytes/mod.ts";
import { randomBytes } from "../crypto/mod.ts";
import { requirePermission } from "./address.ts";

/** Where multicast DNS is spoken (RFC 6762 §3). */
const GROUP = "224.0.0.251";
const PORT = 5353;

/** All that it is spoken with stays on the local network, and says so (RFC 6762 §11). */
const TTL = 255;

const TYPE_A = 1;
const CLASS_IN = 1;

/** How one address of this machine does with multicast. */
export interface MulticastResult {
  /** An IPv4 address of this machine; missing where the system chose the interface. */
  readonly address?: string | undefined;
  /** Whether what was sent came back in time; `null` where this runtime or system cannot listen for it. */
  readonly heard: boolean | null;
  /** What the system said where it could not be sent, or listened for. */
  readonly problem?: string;
}

/**
 * Asks over multicast DNS for a name that nobody has, and listens whether the question itself comes back.
 *
 * That it does shows that this machine may send and hear multicast; not that the network carries it.
 *
 * @param addresses IPv4 addresses of this machine, each of which is tried; `undefined` lets the system
 * choose one.
 * @param signal Ends the wait.
 * @throws {NetError} With code `permission-denied`.
 */
export async function checkMulticast(
  addresses: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<MulticastResult[]> {
  requirePermission(GROUP, PORT);
  requirePermission("0.0.0.0", PORT);
  const { createSocket } = await import("node:dgram");
  return await Promise.all((addresses ?? [undefined]).map(async (address) => {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    try {
      return { address, ...await ask(socket, address, signal) };
    } finally {
      socket.close();
    }
  }));
}

async function ask(
  socket: Socket,
  address: string | undefined,
  signal: AbortSignal,
): Promise<Pick<MulticastResult, "heard" | "problem">> {
  const { promise, reject, resolve } = Promise.withResolvers<boolean>();
  let listens = false;
  const question = questionFor(`lanchat-${toHex(randomBytes(8))}`);
  socket.on("error", reject);
  socket.on("message", (message) => {
    if (equal(Uint8Array.from(message), question)) resolve(true);
  });
  const stop = (): void => resolve(false);
  signal.addEventListener("abort", stop);
  socket.bind({ address: "0.0.0.0", port: PORT }, () => {
    try {
      socket.addMembership(GROUP, address ?? "0.0.0.0");
      if (address !== undefined) socket.setMulticastInterface(address);
      socket.setMulticastTTL(TTL);
      listens = true;
      socket.send(question, PORT, GROUP, (error) => {
        if (error) reject(error);
      });
    } catch (error) {
      reject(error);
    }
  });
  try {
    return { heard: await promise };
  } catch (error) {
    return { heard: listens ? false : null, problem: (error as Error).message };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A DNS query for the address of `label.local`, in one packet (RFC 1035 §4.1). */
function questionFor(label: string): Bytes {
  const header = concat(u16(0), u16(0), u16(1), u16(0), u16(0), u16(0));
  const name = [label, "local"].map((part) => concat(u8(part.length), utf8(part)));
  return concat(header, ...name, u8(0), u16(TYPE_A), u16(CLASS_IN));
}
